"""Figures that answer, in the places of the pictures that cells drew.

A cell that ends in `vae_tf.lab.page.export` has left arrays in its notebook.
They become a script beside the page, since a page on file:// may load scripts
but no data; the picture stays for those whose browser runs no script.
"""

import base64
import html
import json
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book._ext.images import size_and_kind

LOG = logging.getLogger(__name__)
# The scripts of each figure, and what it is called where nothing is seen.
FIGURES = {
    "asked-digit": (["film.js"], "Ten handwritings of the digit asked for"),
    "cat-film": (["film.js"], "The cat, while the network learns"),
    "draw-a-digit": (["network.js", "draw-a-digit.js"],
                     "A sheet to draw a digit on, its code and its picture"),
    "epochs": (["epochs.js"], "Reconstructions from step one to epoch nine"),
    "latent-explorer": (["plane.js", "latent-explorer.js"],
                        "A plane of codes, and the picture of each"),
    "loss-scale": (["loss-scale.js"],
                   "What the weight of the KL does to pictures and samples"),
    "moving-scale": (["moving-scale.js"],
                     "Ten samples, while the weight of the KL moves"),
    "noisy-channel": (["channel.js", "noisy-channel.js"],
                      "Names sent through noise"),
}
SHOWN = {"network.js": "The same network in JavaScript, as this page runs it",
         "plane.js": "The same decoder in JavaScript, as this page runs it",
         "channel.js": "The same numbers in JavaScript, as this page runs it"}
STATIC = Path(__file__).resolve().parent.parent / "_static/widgets"


def place_figures(app, doctree):
    """Put a figure after the picture of each cell that exported for one."""
    docname, path = app.env.docname, app.env.doc2path(app.env.docname)
    if not path.endswith(".ipynb"):
        return
    cells = {cell.get("execution_count"): cell
             for cell in nbformat.read(path, as_version=4).cells}
    loaded = set()
    for node in list(doctree.findall(nodes.container)):
        if node.get("nb_element") != "cell_code":
            continue
        cell = cells[node["exec_count"]]
        for fault in find_faults(cell):
            LOG.warning(fault, location=node)
        if record := find_export(cell):
            write_data(app.outdir, docname, **record)
            node[-1][-1:] = figure(docname, record["name"], loaded)


class BorrowedFigure(SphinxDirective):
    """`{borrowed-figure} name chapter export key …`: on the first page.

    It runs on some of what a chapter has exported for a figure of its own.
    """

    required_arguments = 4
    optional_arguments = 9

    def run(self):
        name, chapter, export, *keys = self.arguments
        path = Path(self.env.srcdir, chapter)
        self.env.note_dependency(str(path))
        for cell in nbformat.read(path, as_version=4).cells:
            record = find_export(cell)
            if record and record["name"] == export:
                break
        else:   # its chapter may have stopped
            LOG.warning(f"{chapter} has exported no {export!r}",
                        location=self.get_location())
            return []
        outdir, docname = self.env.app.outdir, self.env.docname
        write_data(outdir, docname, name,
                   {key: record["contents"][key] for key in keys})
        picture = write_picture(outdir, docname, name, cell)
        return [nodes.container("", picture, *figure(docname, name, set()))]


def find_export(cell):
    """Return what a cell has exported for a figure, or None."""
    for output in cell.get("outputs", [])[-1:]:
        record = output.get("metadata", {}).get("vae_tf_page")
        if record and record["name"] in FIGURES:
            return record


def find_faults(cell):
    """Yield why an exporting cell cannot have its figure."""
    outputs = cell.get("outputs", [])
    has_picture = any("image/png" in one.get("data", {}) for one in outputs)
    for i, output in enumerate(outputs, 1):
        if record := output.get("metadata", {}).get("vae_tf_page"):
            if record["name"] not in FIGURES:
                yield f"no figure is called {record['name']!r}"
            elif i < len(outputs) or not has_picture:
                yield (f"{record['name']}: export must be the cell's last "
                       "output, after a picture")


def write_data(outdir, docname, name, contents):
    """Write what was exported as a script that assigns it."""
    path = Path(outdir, data_path(docname, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(contents, separators=(",", ":"))
    path.write_text(f'exported["{name}"]={text};\n', encoding="utf-8")


def data_path(docname, name):
    return f"_figures/{Path(docname).name}-{name}.js"


def write_picture(outdir, docname, name, cell):
    """Write the picture that a cell drew; return the node that shows it."""
    [png] = [output["data"]["image/png"] for output in cell["outputs"]
             if "image/png" in output.get("data", {})]
    path = Path(outdir, "_images", f"{Path(docname).name}-{name}.png")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(png))
    alt = html.escape(cell["metadata"]["mystnb"]["image"]["alt"])
    source = "../" * docname.count("/") + f"_images/{path.name}"
    return nodes.raw("", f'<img src="{source}" alt="{alt}" loading="lazy" '
                     f"{size_and_kind(path)[0]}>", format="html")


def figure(docname, name, loaded):
    """Return the nodes of a figure; `loaded` grows by the scripts it needs."""
    root = "../" * docname.count("/")
    scripts, title = FIGURES[name]
    new = [one for one in ["figures.js", *scripts] if one not in loaded]
    loaded.update(new)
    tags = "".join(f'<script defer src="{root}_static/widgets/{script}">'
                   "</script>" for script in new)
    place = (f'<div class="figure-place" data-name="{name}" '
             f'data-title="{html.escape(title)}" '
             f'data-src="{root}{data_path(docname, name)}">'
             "<p>Where JavaScript runs, this figure answers to mouse, touch "
             f"and keys.</p>{tags}</div>")
    return [nodes.raw("", place, format="html"),
            *(part for one in new if one in SHOWN for part in listing(one))]


def listing(script):
    """Return the nodes of a folded listing of one of the scripts."""
    text = (STATIC / script).read_text(encoding="utf-8")
    return [nodes.raw("", '<details class="figure-code"><summary>'
                      f"{SHOWN[script]}</summary>", format="html"),
            nodes.literal_block(text, text, language="javascript"),
            nodes.raw("", "</details>", format="html")]


def setup(app):
    app.add_css_file("widgets/figures.css")
    app.add_directive("borrowed-figure", BorrowedFigure)
    app.connect("doctree-read", place_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Figures that answer, in the places of the pictures that cells drew.

A cell that ends in `vae_tf.lab.page.export` has left arrays in its notebook.
They become a script beside the page, since a page on file:// may load scripts
but no data; the picture stays for those whose browser runs no script.
"""

import base64
import html
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.util import logging

# The scripts of each figure, and what it is called where nothing is seen.
FIGURES = {
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
    docname, source = app.env.docname, Path(app.env.doc2path(app.env.docname))
    if source.suffix != ".ipynb":
        return
    notebook = json.loads(source.read_text(encoding="utf-8"))
    cells = {cell.get("execution_count"): cell for cell in notebook["cells"]}
    loaded = []
    for node in list(doctree.findall(nodes.container)):
        if node.get("nb_element") == "cell_code":
            cell = cells[node["exec_count"]]
            for fault in faults(cell):
                logging.getLogger(__name__).warning(fault, location=node)
            for record in records(cell):
                write_data(Path(app.outdir), docname, record)
                node[-1][-1:] = figure(docname, record["name"], loaded)


class BorrowedFigure(Directive):
    """`{borrowed-figure} name, chapter, export: key, …`: on the first page.

    It runs on some of what a chapter has exported for a figure of its own.
    """

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        env = self.state.document.settings.env
        where, keys = self.arguments[0].split(": ")
        name, chapter, export = where.split(", ")
        path = env.srcdir / chapter
        env.note_dependency(str(path))
        notebook = json.loads(path.read_text(encoding="utf-8"))
        found = [(cell, record) for cell in notebook["cells"]
                 for record in records(cell) if record["name"] == export]
        if not found:   # its chapter may have stopped
            logging.getLogger(__name__).warning(
                f"{chapter} has exported no {export!r}",
                location=(env.docname, self.lineno))
            return []
        [(cell, record)] = found
        outdir = Path(env.app.outdir)
        write_data(outdir, env.docname, {"name": name, "contents": {
            key: record["contents"][key] for key in keys.split(", ")}})
        picture = write_picture(outdir, env.docname, name, cell)
        return [nodes.container("", picture, *figure(env.docname, name, []))]


def records(cell):
    """Return what a cell has exported, at most one record."""
    outputs = cell.get("outputs", [])
    return [output["metadata"]["vae_tf_page"] for output in outputs[-1:]
            if output.get("metadata", {}).get("vae_tf_page", {}).get("name")
            in FIGURES]


def faults(cell):
    """Yield why an exporting cell cannot have its figure."""
    outputs = cell.get("outputs", [])
    for output in outputs:
        if record := output.get("metadata", {}).get("vae_tf_page"):
            if record["name"] not in FIGURES:
                yield f"no figure is called {record['name']!r}"
            elif output is not outputs[-1] or not any(
                    "image/png" in one.get("data", {}) for one in outputs):
                yield (f"{record['name']}: export must be the cell's last "
                       "output, after a picture")


def write_data(outdir, docname, record):
    """Write what was exported as a script that assigns it."""
    path = outdir / data_path(docname, record["name"])
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = json.dumps(record["contents"], separators=(",", ":"))
    path.write_text(f'exported["{record["name"]}"]={contents};\n',
                    encoding="utf-8")


def write_picture(outdir, docname, name, cell):
    """Write the picture that a cell drew; return the node that shows it."""
    [png] = [output["data"]["image/png"] for output in cell["outputs"]
             if "image/png" in output.get("data", {})]
    path = outdir / f"_images/{Path(docname).name}-{name}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(png))
    alt = html.escape(cell["metadata"]["mystnb"]["image"]["alt"])
    root = "../" * docname.count("/")
    return nodes.raw("", f'<img src="{root}_images/{path.name}" alt="{alt}">',
                     format="html")


def data_path(docname, name):
    return f"_figures/{Path(docname).name}-{name}.js"


def figure(docname, name, loaded):
    """Return the nodes of a figure; `loaded` grows by the scripts it needs."""
    root = "../" * docname.count("/")
    scripts, title = FIGURES[name]
    new = [s for s in ["figures.js", *scripts] if s not in loaded]
    loaded += new
    tags = "".join(f'<script defer src="{root}_static/widgets/{script}">'
                   "</script>" for script in new)
    place = (f'<div class="figure-place" data-name="{name}" '
             f'data-title="{html.escape(title)}" '
             f'data-src="{root}{data_path(docname, name)}">'
             "<p>Where JavaScript runs, this figure answers to mouse, touch "
             f"and keys.</p>{tags}</div>")
    return [nodes.raw("", place, format="html"),
            *(part for s in new if s in SHOWN for part in listing(s))]


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

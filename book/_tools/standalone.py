"""Write each chapter as a notebook that needs no repository.

They go to _build/standalone. The first cell of each holds the package as
plain text, since who uploads a notebook may want to read what it runs, and
writes it to a temporary folder, so that tracebacks show its lines. There are
no outputs: these notebooks are for running, the pages for reading.
"""

import copy
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from book._tools.address import current, pages
from book._tools.toc import ROOT, chapters

BUILT = ROOT / "_build/standalone"
LINK = re.compile(
    r"(!?)\[([^]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
BADGE = re.compile(r"(?m)^\[Open in Colab\]\(\S+\)\n\n")
CELL = """\
# @title The package `vae_tf`, for this runtime alone
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp(), "vae_tf")
folder.mkdir()
sys.path.insert(0, str(folder.parent))
modules = {{}}
{modules}
for name, text in modules.items():
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text.lstrip("\\n"), encoding="utf-8")"""
MODULE = """
modules["{name}"] = r'''
{text}'''
"""


def main():
    url, _ = current(ROOT)
    published = None if "-OWNER-" in url else pages(url)
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in chapters(ROOT):
        notebook = standalone(nbformat.read(ROOT / name, as_version=4),
                              ROOT / "vae_tf", published)
        nbformat.write(notebook, BUILT / Path(name).name)
    print(f"A notebook for each chapter, to upload: {BUILT}")


def standalone(notebook, package, published=None):
    """Return a chapter with the package inside, and without outputs.

    Its links to other pages lead to the published ones, and its diagrams come
    from there; both are only their words when `published`, the address of the
    pages, is None.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("jupytext", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = relinked(BADGE.sub("", cell.source), published)
    first = [cell.cell_type for cell in notebook.cells].index("code")
    notebook.cells.insert(first, package_cell(package))
    nbformat.validate(notebook)
    return notebook


def package_cell(package):
    """Return the cell that writes a package's modules, folded where it can be.

    Raises ValueError for a module that cannot stand between r''' and '''.
    """
    texts = {path.relative_to(package).as_posix(): path.read_text("utf-8")
             for path in sorted(package.rglob("*.py"))}
    for name, text in texts.items():
        if "'''" in text or not text.endswith("\n") or text[0] == "\n":
            raise ValueError(f"{name} must hold no ''' and begin and end with "
                             "a whole line, to be a text in a notebook.")
    source = CELL.format(modules="".join(
        MODULE.format(name=name, text=text) for name, text in texts.items()))
    return new_code_cell(source, id="vae-tf", metadata={
        "cellView": "form", "jupyter": {"source_hidden": True},
        "tags": ["hide-input"]})


def relinked(text, published):
    """Return prose whose links and pictures come from the published pages."""
    def relink(match):
        picture, words, path, anchor = match.groups()
        if published is None:
            return words
        page = re.sub(r"\.(ipynb|md)$", ".html", path)
        folder = "" if picture else "book/"
        return (f"{picture}[{words}]({published}{folder}{page}"
                f"{anchor or ''})")

    return LINK.sub(relink, text)


if __name__ == "__main__":
    main()

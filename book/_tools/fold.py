"""Fold in JupyterLab and Colab the code that the pages fold.

    python -m book._tools.fold      every notebook, after an edit of its text
"""

import nbformat

from book._tools import toc
from book._tools.files import write

HIDDEN = {"hide-input", "hide-cell"}
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def fold(nb):
    """Fold the code cells of a notebook whose tags hide them, no others."""
    for cell in nb.cells:
        for name in FOLDED:
            cell.metadata.pop(name, None)
        if HIDDEN & set(cell.metadata.get("tags", [])):
            cell.metadata.update(FOLDED)
    return nb


def main():
    for path in (toc.ROOT / name for name in toc.notebooks(toc.ROOT)):
        write(path, nbformat.writes(fold(nbformat.read(path, 4))) + "\n")


if __name__ == "__main__":
    main()

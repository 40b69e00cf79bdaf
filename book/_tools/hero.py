"""Write the first page's picture: that of chapter 5's cell tagged `hero`."""

import base64

import nbformat

from book._tools.files import write
from book._tools.toc import ROOT

CHAPTER = "book/05_unit_gaussian.ipynb"


def write_hero(root):
    """Write book/_static/hero.png of a folder from the chapter beside it.

    Raises ValueError where the chapter has no such picture.
    """
    nb = nbformat.read(root / CHAPTER, as_version=4)
    [picture] = [output.data["image/png"] for cell in nb.cells
                 if "hero" in cell.metadata.get("tags", [])
                 for output in cell.outputs
                 if "image/png" in output.get("data", {})]
    write(root / "book/_static/hero.png", base64.b64decode(picture))


if __name__ == "__main__":
    write_hero(ROOT)

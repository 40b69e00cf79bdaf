"""Write the picture of a notebook's cell that is tagged `hero` to a folder.

Beside hero.png go what is made of it: the icon of a browser's tab, and the
preview that is shown where somebody links to the book.
"""

import base64
import io

import nbformat
from PIL import Image, ImageDraw, ImageFont
from matplotlib import font_manager

from book._tools.toc import ROOT

TITLE = "Variational Autoencoders,\nExplained by Running Them"
CHAPTER = "book/05_unit_gaussian.ipynb"
LAST_DIGIT = (919, 112, 993, 188)


def hero(notebook):
    """Return the PNG bytes of the one cell tagged `hero`."""
    [cell] = [cell for cell in notebook.cells
              if "hero" in cell.metadata.get("tags", [])]
    [picture] = [output.data["image/png"] for output in cell.outputs
                 if "image/png" in output.get("data", {})]
    return base64.b64decode(picture)


def icon(picture):
    """Return the last digit of the last row, 64 by 64 pixels."""
    return picture.convert("L").crop(LAST_DIGIT).resize((64, 64))


def preview(picture):
    """Return the title above the picture, 1200 by 630 pixels."""
    card = Image.new("RGB", (1200, 630), "white")
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 64)
    ImageDraw.Draw(card).text((100, 90), TITLE, "black", font, spacing=20)
    card.paste(picture, (100, 350), picture.convert("RGBA"))
    return card


def write(path, folder):
    """Write hero.png, icon.png and preview.png, from a notebook's file."""
    found = hero(nbformat.read(path, as_version=4))
    (folder / "hero.png").write_bytes(found)
    picture = Image.open(io.BytesIO(found))
    icon(picture).save(folder / "icon.png", optimize=True)
    preview(picture).save(folder / "preview.png", optimize=True)


if __name__ == "__main__":
    write(ROOT / CHAPTER, ROOT / "book/_static")

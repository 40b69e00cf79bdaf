"""Sizes of images, so that no text moves as they come, and their kinds.

A plot is mostly white and is inverted on a dark page; a digit is not. A
diagram, an SVG, has colours for both.
"""

import functools
import re
from pathlib import Path

from PIL import Image
from docutils import nodes


def visit_image(translator, node):
    """Write an image; all but the first load when they are nearly seen."""
    size, kind = size_and_kind(Path(translator.builder.srcdir, node["uri"]))
    if "photo" not in node["classes"]:  # said in the cell: digits in a plot
        node["classes"].append(kind)
    is_first = node is next(translator.document.findall(nodes.image))
    type(translator).visit_image(translator, node)
    translator.body[-1] = translator.body[-1].replace(
        "<img ", f"<img {size} " + 'loading="lazy" ' * (not is_first), 1)


@functools.cache
def size_and_kind(path):
    """Return an image's size as attributes, and what it is of."""
    if path.suffix == ".svg":
        svg = path.read_text(encoding="utf-8")
        return re.search(r'width="\d+" height="\d+"', svg)[0], "diagram"
    with Image.open(path) as image:
        width, height = image.size
        white = sum(image.convert("L").histogram()[250:])
    kind = "plot" if white > width * height / 2 else "photo"
    return f'width="{width}" height="{height}"', kind


def use_own_diagrams(app, docname, source):
    """Show the diagrams beside the chapters, not those of the web's pages.

    Colab opens a notebook without the files beside it, so once the book has
    an address its diagrams are linked by that.
    """
    source[0] = source[0].replace(
        f"{app.config.html_baseurl}_static/diagrams/", "_static/diagrams/")


def setup(app):
    app.connect("source-read", use_own_diagrams)
    app.add_node(nodes.image, override=True, html=(visit_image, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sizes of images, so that no text moves as they come, and which are plots.

A plot is mostly white and is inverted on a dark page; a digit is not.
"""

import functools
from pathlib import Path

from PIL import Image
from docutils import nodes


def visit_image(translator, node):
    """Write an image; all but the first load when they are nearly seen."""
    size, is_plot = size_and_kind(Path(translator.builder.srcdir, node["uri"]))
    if is_plot:
        node["classes"].append("plot")
    is_first = node is next(translator.document.findall(nodes.image))
    type(translator).visit_image(translator, node)
    translator.body[-1] = translator.body[-1].replace(
        "<img ", f"<img {size} " + 'loading="lazy" ' * (not is_first), 1)


@functools.cache
def size_and_kind(path):
    """Return an image's size as attributes, and whether it is a plot."""
    with Image.open(path) as image:
        width, height = image.size
        white = sum(image.convert("L").histogram()[250:])
    return f'width="{width}" height="{height}"', white > width * height / 2


def setup(app):
    app.add_node(nodes.image, override=True, html=(visit_image, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Pictures as light as they can be without the loss of a pixel.

Matplotlib writes four channels: a picture without colours needs but one, and
one without holes three. What is committed stays as it was drawn. The pages say
how large each is, so that nothing moves when it comes, and which are plots.
"""

import functools
import io
import re
from pathlib import Path

from PIL import Image


def lighten(path):
    """Write a PNG anew, in the least of its modes, if that saves bytes."""
    with Image.open(path) as picture:
        light = lightest(picture.convert("RGBA"))
    file = io.BytesIO()
    light.save(file, "PNG", optimize=True)
    if len(file.getvalue()) < path.stat().st_size:
        path.write_bytes(file.getvalue())


def lightest(picture):
    """Return an RGBA picture as RGB or grey, if that keeps every pixel."""
    for mode in ("L", "RGB"):
        light = picture.convert(mode)
        if light.convert("RGBA").tobytes() == picture.tobytes():
            return light
    return picture


IMAGE = re.compile(
    r'<img (?=[^>]*src="(?:\.\./)*_images/([^"]+\.(?:png|svg))")')


def described(html, folder):
    """Return a page whose pictures out of a folder have size and kind.

    All wait until they are nearly seen, but for a first one that stands at
    the top: at most three paragraphs are above it.
    """
    texts = IMAGE.split(html)
    above = texts[0].rpartition("<article")[2].count("</p>")
    lazy = 'loading="lazy" '
    later = ("" if above <= 3 else lazy, *len(texts) * [lazy])
    return texts[0] + "".join(
        f"<img {wait}{attributes(folder / name)} {text}" for name, text, wait
        in zip(texts[1::2], texts[2::2], later))


@functools.cache
def attributes(path):
    """Return the size of a picture, and the class `plot` or `diagram`.

    A plot is black on white, and may be turned in the dark; a digit may not,
    and a diagram, an SVG, turns by itself.
    """
    if path.suffix == ".svg":
        svg = path.read_text(encoding="utf-8")
        return 'class="diagram" ' + re.search(
            r'width="\d+" height="\d+"', svg)[0]
    with Image.open(path) as picture:
        width, height = picture.size
        grey = picture.convert("L").histogram()
    kind = 'class="plot" ' if sum(grey[250:]) > width * height / 2 else ""
    return f'{kind}width="{width}" height="{height}"'


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_images")
    for path in folder.glob("*.png"):
        lighten(path)
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        page.write_text(described(html, folder), encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

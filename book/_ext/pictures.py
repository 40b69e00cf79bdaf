"""Pictures as light as they can be without the loss of a pixel.

Matplotlib writes four channels: a picture without colours needs but one, and
one without holes three. What is committed stays as it was drawn.
"""

from pathlib import Path

from PIL import Image


def lighten(path):
    """Write a PNG anew, in the least of its modes, if that saves bytes."""
    with Image.open(path) as picture:
        light = lightest(picture.convert("RGBA"))
    part = path.with_suffix(".part")
    light.save(part, "PNG", optimize=True)
    if part.stat().st_size < path.stat().st_size:
        part.replace(path)
    else:
        part.unlink()


def lightest(picture):
    """Return an RGBA picture as RGB or grey, if that keeps every pixel."""
    for mode in ("L", "RGB"):
        light = picture.convert(mode)
        if light.convert("RGBA").tobytes() == picture.tobytes():
            return light
    return picture


def lighten_all(app, exception):
    if not exception and app.builder.format == "html":
        for path in Path(app.outdir, "_images").glob("*.png"):
            lighten(path)


def setup(app):
    app.connect("build-finished", lighten_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The pictures of the pages are lighter, and the same to the pixel."""

import base64
import importlib.util
import io
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from book._tools.toc import chapters

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "pictures", ROOT / "book/_ext/pictures.py")
pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pictures)


def drawn(kind):
    """Return a picture as Matplotlib writes one: uint8 [60, 80, 4]."""
    noise = np.random.default_rng(0).integers(0, 256, [60, 80, 4], np.uint8)
    noise[..., 3] = 255
    if kind == "grey":
        noise[..., 1:3] = noise[..., :1]
    elif kind == "holes":
        noise[:10, :10, 3] = 0
    return noise


@pytest.mark.parametrize("kind, mode", [
    ("grey", "L"), ("colours", "RGB"), ("holes", "RGBA")])
def test_no_pixel_is_lost(tmp_path, kind, mode):
    path = tmp_path / "a.png"
    Image.fromarray(drawn(kind)).save(path, compress_level=0)
    before = path.stat().st_size
    pictures.lighten(path)
    with Image.open(path) as picture:
        assert picture.mode == mode
        assert np.array_equal(np.asarray(picture.convert("RGBA")), drawn(kind))
    assert path.stat().st_size < before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_light_already_stays_as_it_is(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(drawn("grey")[..., 0]).save(path, optimize=True)
    before = path.read_bytes()
    pictures.lighten(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_says_how_large_its_pictures_are_and_which_are_plots(tmp_path):
    plot = np.full([20, 30], 255, np.uint8)
    plot[10] = 0
    Image.fromarray(plot).save(tmp_path / "a.png")
    Image.fromarray(255 - plot).save(tmp_path / "b.png")
    page = ('<p>_images/a.png</p><img alt="A" src="../_images/a.png" /><i>'
            '<img src="_images/b.png"><img src="_static/a.png">')
    assert pictures.described(page, tmp_path) == (
        '<p>_images/a.png</p><img class="plot" width="30" height="20" alt="A"'
        ' src="../_images/a.png" /><i><img loading="lazy" width="30" '
        'height="20" src="_images/b.png"><img src="_static/a.png">')


def test_a_diagram_has_its_size_and_is_called_one(tmp_path):
    (tmp_path / "a.svg").write_text('<svg width="540" height="276">')
    assert pictures.described('<img src="_images/a.svg">', tmp_path) == (
        '<img class="diagram" width="540" height="276" src="_images/a.svg">')


@pytest.mark.parametrize("above, waits", [(0, False), (3, False), (4, True)])
def test_only_a_picture_at_the_top_does_not_wait(above, waits, tmp_path):
    Image.new("L", [3, 3]).save(tmp_path / "a.png")
    head = 9 * "<p>menu</p>" + "<article>" + above * "<p>text</p>"
    page = pictures.described(f'{head}<img src="_images/a.png">', tmp_path)
    assert ("lazy" in page) == waits


def test_the_kind_of_every_committed_figure_is_clear():
    whites = []
    for chapter in chapters(ROOT):
        for cell in nbformat.read(ROOT / chapter, as_version=4).cells:
            for output in cell.get("outputs", []):
                if png := output.get("data", {}).get("image/png"):
                    grey = np.asarray(Image.open(io.BytesIO(
                        base64.b64decode(png))).convert("L"))
                    whites.append(np.mean(grey >= 250))
    whites = np.array(whites)
    assert not np.any((0.45 < whites) & (whites < 0.6))
    assert 10 < sum(whites > 0.5) < len(whites) - 10

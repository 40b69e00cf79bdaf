"""The pictures of the pages are lighter, and the same to the pixel."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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

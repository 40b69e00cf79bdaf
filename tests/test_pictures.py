"""Pictures of every kind become arrays; what is none is named."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from vae_tf.lab.pictures import load_pictures

PHOTO = Image.fromarray(data.chelsea()[:300, 75:375])
EXPECTED = np.float32(PHOTO.resize((32, 32), Image.Resampling.BICUBIC)) / 255


@pytest.mark.parametrize("name, mode, most", [
    ("a.png", "RGB", .001), ("b.JPG", "RGB", .02), ("c.jpeg", "CMYK", .03),
    ("d.png", "P", .1), ("e.gif", "P", .1), ("f.png", "RGBA", .001),
    ("g.webp", "RGB", .03), ("h.tif", "LAB", .02), ("i.png", "L", None),
    ("j.png", "1", None), ("k.tiff", "F", None), ("l.tif", "I", None)])
def test_any_mode_and_format_is_read_and_nothing_is_written(
        tmp_path, name, mode, most):
    grey = PHOTO.convert("L").convert(mode) if mode in "FILA1" else None
    (grey or PHOTO.convert(mode)).save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    images = load_pictures(tmp_path)
    assert images.shape == (1, 32, 32, 3) and images.dtype == np.float32
    assert 0 <= images.min() < 0.3 and 0.6 < images.max() <= 1
    if most:
        assert np.abs(images - EXPECTED).mean() < most
    assert load_pictures(str(tmp_path), 28, 1).shape == (1, 28, 28, 1)
    assert [*tmp_path.iterdir()] == [tmp_path / name]
    assert (tmp_path / name).read_bytes() == before


def test_16_bits_are_scaled_and_what_is_transparent_is_white(tmp_path):
    deep = np.uint16(257 * np.asarray(PHOTO.convert("L"), np.uint16))
    Image.fromarray(deep).save(tmp_path / "a.png")
    PHOTO.convert("L").save(tmp_path / "b.png")
    Image.new("LA", (40, 30)).save(tmp_path / "c.png")
    first, second, third = load_pictures(tmp_path, channels=1)
    np.testing.assert_allclose(first, second, atol=1 / 255)
    assert np.all(third == 1)


def test_pictures_are_turned_cut_square_and_read_by_name(tmp_path):
    half = Image.new("L", (40, 40))
    half.paste(255, (0, 0, 40, 20))         # white above, seen from the side
    exif = Image.Exif()
    exif[0x0112] = 6                        # to be turned to the right
    half.save(tmp_path / "c.jpg", exif=exif)
    Image.new("L", (30, 90), 9).save(tmp_path / "b.png")
    Image.new("L", (90, 30), 255).save(     # the second frame is black
        tmp_path / "a.gif", append_images=[Image.new("L", (90, 30))],
        save_all=True)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "more.png").mkdir()
    first, second, third = load_pictures(tmp_path, 8, 1)
    assert np.all(first == 1) and np.all(second == np.float32(9) / 255)
    assert third[:, 5:].min() > 0.9 and third[:, :3].max() < 0.1


@pytest.mark.parametrize("name, value, came", [
    ("folder", "nowhere", "'nowhere'"), ("folder", 7, "7"),
    ("size", 33, "33"), ("size", 6, "6"), ("size", 32., "32.0"),
    ("channels", 4, "4"), ("channels", "RGB", "'RGB'")])
def test_bad_input_is_named(tmp_path, name, value, came):
    PHOTO.save(tmp_path / "a.png")
    with pytest.raises((TypeError, ValueError)) as error:
        load_pictures(**{"folder": tmp_path, name: value})
    assert f"The {name!r} parameter of load_pictures must " in str(error.value)
    assert came in str(error.value)


def test_an_empty_folder_and_a_broken_file_are_named(tmp_path):
    with pytest.raises(ValueError, match="'folder' parameter.* pictures"):
        load_pictures(tmp_path)
    PHOTO.save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes(
        (tmp_path / "whole.png").read_bytes()[:9000])
    with pytest.raises(ValueError, match="cut.png' cannot be read"):
        load_pictures(tmp_path)

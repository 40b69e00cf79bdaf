"""The loader where all is well, the digits and the pictures.

None of these needs MNIST: the fixture declares small arrays to be genuine.
"""

import contextlib
import hashlib
import io
import os
import pwd

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_digits

from vae_tf import data
from vae_tf.support import download

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "x_train": RANDOM.integers(0, 256, (5_003, 28, 28), np.uint8),
    "y_train": RANDOM.integers(0, 10, 5_003, np.uint8),
    "x_test": RANDOM.integers(0, 256, (3, 28, 28), np.uint8),
    "y_test": RANDOM.integers(0, 10, 3, np.uint8)}
SMALL = {name: array[:6] for name, array in ARRAYS.items()}


def packed(arrays, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def hashes(arrays):
    return {n: hashlib.sha256(a).hexdigest() for n, a in arrays.items()}


GENUINE, HASHES = packed(SMALL), hashes(SMALL)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home without a network, where SMALL is the genuine data."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("VAE_TF_DATA", raising=False)
    monkeypatch.setattr(download, "ADDRESSES", ())
    monkeypatch.setattr(download, "SHA256", HASHES)
    (tmp_path / "datasets").mkdir()
    return tmp_path


def is_genuine(arrays):
    return all(np.array_equal(arrays[n], a) for n, a in SMALL.items())


def test_the_home_may_be_the_readers_keras_s_or_none(home, monkeypatch):
    for keras, folder in (("~/k", home / "k"), ("", home / ".keras"),
                          ("here", "here")):
        monkeypatch.setenv("KERAS_HOME", keras)
        assert download.keras_cache() == os.path.join(folder, "datasets")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
    assert download.keras_cache() == "here/datasets"
    monkeypatch.setenv("KERAS_HOME", "")
    assert download.keras_cache() == "/tmp/.keras/datasets"


@pytest.mark.filterwarnings("ignore:.* is not used as MNIST")
def test_files_damaged_anywhere_are_never_used_and_never_crash(home):
    file = home / "datasets/mnist.npz"
    headers = np.flatnonzero(np.frombuffer(GENUINE, np.uint8) == ord("P"))
    places = [p + o for p in headers for o in range(0, 128, 7)]
    for place in RANDOM.choice(places, 100):
        damaged = bytearray(GENUINE)
        damaged[place % len(GENUINE)] ^= 1 << RANDOM.integers(8)
        file.write_bytes(damaged)
        with contextlib.suppress(data.MNISTNotFound):
            assert is_genuine(download.load())
        assert file.read_bytes() == damaged


def test_the_first_5000_training_images_are_held_out_as_in_2016(
        home, monkeypatch):
    monkeypatch.setattr(download, "SHA256", hashes(ARRAYS))
    (home / "datasets/mnist.npz").write_bytes(packed(ARRAYS))
    for split, where, rows in zip(
            data.mnist(), ("train", "train", "test"),
            (slice(5_000, None), slice(5_000), slice(None))):
        x, y = ARRAYS["x_" + where][rows], ARRAYS["y_" + where][rows]
        np.testing.assert_allclose(split.images[..., 0] * 255, x, rtol=1e-6)
        assert np.array_equal(split.labels, y)
        assert (split.images.dtype, split.labels.dtype) == ("float32", "int64")


def test_the_genuine_data_are_mnists():
    try:
        train, validation, test = data.mnist()
    except data.MNISTNotFound as error:
        pytest.skip(f"the genuine MNIST was not read: {error}")
    assert [len(s.images) for s in (train, validation, test)] \
        == [55_000, 5_000, 10_000]
    assert validation.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert train.images.mean() == pytest.approx(.1307, abs=5e-4)
    assert (train.images.min(), train.images.max()) == (0, 1)


def test_digits_are_split_first_and_then_turned(monkeypatch):
    def noted(image, *rest, **settings):
        originals.add(image.tobytes())
        transform(image, *rest, **settings)

    originals, transform = set(), ndimage.affine_transform
    monkeypatch.setattr(ndimage, "affine_transform", noted)
    splits = data.digits()
    for split, n in zip(splits, (55_000, 200, 300), strict=True):
        assert split.images.shape == (n, 28, 28, 1)
        assert (split.images.dtype, split.labels.dtype) == ("float32", "int64")
        assert 0 <= split.images.min() < .1 < .9 < split.images.max() <= 1
        share = np.bincount(split.labels, minlength=10) / n
        assert share.min() > .05 and share.max() < .15
    sets = [originals, *({image.tobytes() for image in split.images}
                         for split in splits[1:])]
    assert [len(one) for one in sets] == [1_297, 200, 300]
    assert len(set.union(*sets)) == len(load_digits().images)


def test_the_reader_is_told_which_data_a_page_ran_on(home, monkeypatch):
    stand_in = data.Split(np.zeros([56, 28, 28, 1]), np.zeros(56))
    monkeypatch.setattr(data, "digits", lambda: (stand_in,) * 3)
    *splits, sentence = data.mnist_or_digits()
    assert splits == [stand_in] * 3
    assert "not on MNIST" in sentence and "56" in sentence
    monkeypatch.setattr(data, "mnist", lambda: (stand_in,) * 3)
    assert "**MNIST**" in data.mnist_or_digits()[-1]


def test_pictures_are_four_different_ones_in_colour_the_cat_first():
    images, names = data.pictures()
    assert names == ["cat", "coffee", "astronaut", "rocket"]
    assert images.shape == (4, 64, 64, 3) and images.dtype == "float32"
    assert images.min() >= 0 and images.max() <= 1
    red, _, blue = images[0].mean((0, 1))
    assert red > 1.2 * blue             # a ginger cat

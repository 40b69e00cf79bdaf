"""The loader against genuine, foreign and damaged files and servers.

None of these needs MNIST: the fixture declares small arrays to be genuine.
"""

import contextlib
import gzip
import hashlib
import http.server
import io
import os
import threading

import numpy as np
import pytest
from sklearn.datasets import load_digits

from vae_tf import data

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "x_train": RANDOM.integers(0, 256, (5_003, 28, 28), np.uint8),
    "y_train": RANDOM.integers(0, 10, 5_003, np.uint8),
    "x_test": RANDOM.integers(0, 256, (3, 28, 28), np.uint8),
    "y_test": RANDOM.integers(0, 10, 3, np.uint8),
}
SMALL = {**ARRAYS, "x_train": ARRAYS["x_train"][:6],
         "y_train": ARRAYS["y_train"][:6]}


def packed(arrays, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def idx(array):
    lengths = np.array(array.shape, ">i4").tobytes()
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + lengths
                         + array.tobytes())


GENUINE = packed(SMALL)
HTML = b"<!DOCTYPE html><title>Log in to this network</title>"
FLIPPED = bytearray(GENUINE)
FLIPPED[500] ^= 1
BAD = {
    "empty": b"",
    "truncated": GENUINE[:-100],
    "one bit flipped": bytes(FLIPPED),
    "login page": HTML,
    "another data set": packed({n: a ^ 1 for n, a in SMALL.items()}),
    "labels missing": packed({"x_train": SMALL["x_train"]}),
    "pickled objects": packed({n: a.astype(object) for n, a in SMALL.items()}),
    "one array alone": GENUINE[GENUINE.index(b"\x93NUMPY"):],
    "unknown compression": GENUINE.replace(
        b"PK\1\2\x2d\3\x2d\0\0\0\0", b"PK\1\2\x2d\3\x2d\0\0\0\x63"),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home without a network, where SMALL is the genuine data."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("VAE_TF_DATA", raising=False)
    monkeypatch.setattr(data, "ADDRESSES", ())
    declare_genuine(monkeypatch, SMALL)
    (tmp_path / "datasets").mkdir()
    return tmp_path


def declare_genuine(monkeypatch, arrays):
    monkeypatch.setattr(data, "SHA256", {
        n: hashlib.sha256(a).hexdigest() for n, a in arrays.items()})


def is_genuine(arrays):
    return all(np.array_equal(arrays[n], a) for n, a in SMALL.items())


@contextlib.contextmanager
def serving(answers):
    """Serve {path: bytes} on this machine; anything else is a 404."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            with contextlib.suppress(OSError):
                for i in range(0, len(content or b""), 2**14):
                    self.wfile.write(content[i:i + 2**14])

        def log_message(self, *_):
            pass

    asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[.01]).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("place", ["any name.npz", "folder/mnist.npz"])
def test_vae_tf_data_names_a_file_or_its_folder(home, monkeypatch, save,
                                                place):
    file = home / place
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(packed(SMALL, save))
    named = file.parent if file.name == "mnist.npz" else file
    monkeypatch.setenv("VAE_TF_DATA", str(named))
    assert is_genuine(data.load())


def test_vae_tf_data_may_begin_with_the_readers_home(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("VAE_TF_DATA", "~/mine.npz")
    (home / "mine.npz").write_bytes(GENUINE)
    assert is_genuine(data.load())


@pytest.mark.parametrize("changed", [
    {n: np.asfortranarray(a) for n, a in SMALL.items()},
    {n: a.reshape(len(a), -1) for n, a in SMALL.items()},
    {**SMALL, "something else": np.arange(3)}],
    ids=["column by column", "flat images", "with more arrays"])
def test_the_same_data_in_another_container_are_as_good(home, changed):
    (home / "datasets" / "mnist.npz").write_bytes(packed(changed))
    assert is_genuine(data.load())


def test_files_are_looked_for_in_the_order_promised(home, monkeypatch):
    monkeypatch.setenv("VAE_TF_DATA", str(home / "named.npz"))
    places = [home / "named.npz", home / "datasets" / "mnist.npz",
              home / "datasets" / "vae_tf-mnist.npz"]
    for place in places:
        place.write_bytes(GENUINE)
    opened, opening = [], open
    monkeypatch.setattr(
        data, "open", lambda path, mode: opened.append(path) or opening(
            path, mode), raising=False)
    for place in places:
        assert is_genuine(data.load())
        place.unlink()
    assert opened == [places[0], *places[:2], *places]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_is_named_unused_and_left_alone(home, monkeypatch, bad):
    file = home / "bad.npz"
    file.write_bytes(BAD[bad])
    (home / "datasets" / "mnist.npz").write_bytes(GENUINE)
    monkeypatch.setenv("VAE_TF_DATA", str(file))
    with pytest.warns(UserWarning, match="bad.npz is not used as MNIST: .+"):
        assert is_genuine(data.load())
    assert file.read_bytes() == BAD[bad]


@pytest.mark.filterwarnings("ignore:.* is not used as MNIST")
def test_files_damaged_anywhere_are_never_used_and_never_crash(home):
    file = home / "datasets" / "mnist.npz"
    headers = np.flatnonzero(np.frombuffer(GENUINE, np.uint8) == ord("P"))
    places = [p + o for p in headers for o in range(0, 128, 7)]
    for place in RANDOM.choice(places, 300):
        damaged = bytearray(GENUINE)
        damaged[place % len(GENUINE)] ^= 1 << RANDOM.integers(8)
        file.write_bytes(damaged)
        with contextlib.suppress(data.MNISTNotFound):
            assert is_genuine(data.load())
        assert file.read_bytes() == damaged


@pytest.mark.parametrize("settings", [{}, {"VAE_TF_DATA": "named.npz"}])
def test_without_data_the_error_names_all_tried_and_three_ways_out(
        home, monkeypatch, settings):
    for name, value in settings.items():
        monkeypatch.setenv(name, str(home / value))
    (home / "datasets" / "mnist.npz").write_bytes(HTML)
    with serving({}) as (address, _):
        monkeypatch.setattr(data, "ADDRESSES", [
            address + "/mnist.npz", address + "/folder/",
            "http://127.0.0.1:1/"])
        with (pytest.raises(data.MNISTNotFound) as error,
              pytest.warns(UserWarning)):
            data.mnist()
    message = str(error.value)
    for tried in [*map(str, data.files()), *data.ADDRESSES]:
        assert f"\n  {tried}: " in message
    assert message.count("404") == 2
    for way in ("VAE_TF_DATA", str(home / "datasets"), "network"):
        assert way in message.split("Three ways out:")[1]


def test_a_download_is_kept_and_read_back_the_next_time(home, monkeypatch):
    with serving({"/mnist.npz": GENUINE}) as (address, asked):
        monkeypatch.setattr(data, "ADDRESSES", [address + "/mnist.npz"])
        assert is_genuine(data.load())
        assert is_genuine(data.load())
    assert asked == ["/mnist.npz"]
    assert os.listdir(home / "datasets") == ["vae_tf-mnist.npz"]


def test_a_folder_of_idx_files_is_downloaded(monkeypatch):
    answers = {"/idx/" + data.IDX[n]: idx(a) for n, a in SMALL.items()}
    with serving(answers) as (address, asked):
        monkeypatch.setattr(data, "ADDRESSES", [address + "/idx/"])
        assert is_genuine(data.load())
    assert sorted(asked) == sorted(answers)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_makes_the_next_address_be_asked(home, monkeypatch, bad):
    answers = {"/bad.npz": BAD[bad], "/good.npz": GENUINE}
    for file in data.IDX.values():
        answers["/bad/" + file] = BAD[bad]
        answers["/packed/" + file] = gzip.compress(BAD[bad])
    with serving(answers) as (address, asked):
        monkeypatch.setattr(data, "ADDRESSES", [
            address + path for path in (
                "/bad.npz", "/bad/", "/packed/", "/none.npz", "/good.npz")])
        assert is_genuine(data.load())
    assert asked[-1] == "/good.npz"


@pytest.mark.parametrize("fails", ["tempfile.NamedTemporaryFile",
                                   "np.savez_compressed", "os.fsync",
                                   "os.replace"])
def test_data_are_returned_even_if_they_cannot_be_kept(
        home, monkeypatch, fails):
    def full(*_, **__):
        raise OSError("no space, or nothing may be written here")

    monkeypatch.setattr(f"vae_tf.data.{fails}", full)
    with serving({"/mnist.npz": GENUINE}) as (address, _):
        monkeypatch.setattr(data, "ADDRESSES", [address + "/mnist.npz"])
        assert is_genuine(data.load())
    assert os.listdir(home / "datasets") == []


def test_the_first_5000_training_images_are_held_out_as_in_2016(
        home, monkeypatch):
    declare_genuine(monkeypatch, ARRAYS)
    (home / "datasets" / "mnist.npz").write_bytes(packed(ARRAYS))
    train, validation, test = data.mnist()
    for split, where, rows in ((train, "train", slice(5_000, None)),
                               (validation, "train", slice(5_000)),
                               (test, "test", slice(None))):
        x, y = ARRAYS["x_" + where][rows], ARRAYS["y_" + where][rows]
        np.testing.assert_allclose(split.images[..., 0] * 255, x, rtol=1e-6)
        assert np.array_equal(split.labels, y)
        assert split.images.dtype == "float32"
        assert split.labels.dtype == "int64"


def test_the_genuine_data_are_mnists(monkeypatch):
    monkeypatch.undo()
    try:
        train, validation, test = data.mnist()
    except data.MNISTNotFound as error:
        pytest.skip(f"the genuine MNIST was not read: {error}")
    assert [len(s.images) for s in (train, validation, test)] \
        == [55_000, 5_000, 10_000]
    assert validation.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert train.images.mean() == pytest.approx(.1307, abs=5e-4)
    assert (train.images.min(), train.images.max()) == (0, 1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def untransformed(monkeypatch):
    """Return digits() without the turns and shifts, and what these were."""
    def identity(image, turn, order, output, offset):
        asked.append([*turn.ravel(), *offset])
        output[...] = image

    asked = []
    monkeypatch.setattr("scipy.ndimage.affine_transform", identity)
    return data.digits(), np.array(asked)


def test_digits_have_the_sizes_the_range_and_the_classes_of_mnist(digits):
    for split, n in zip(digits, (55_000, 200, 300)):
        assert split.images.shape == (n, 28, 28, 1)
        assert split.images.dtype == "float32"
        assert split.labels.dtype == "int64"
        assert 0 == split.images.min() < .9 < split.images.max() <= 1
        share = np.bincount(split.labels, minlength=10) / n
        assert share.min() > .05 and share.max() < .15


def test_digits_are_the_same_each_time_and_split_before_they_multiply(
        monkeypatch):
    (train, validation, test), asked = untransformed(monkeypatch)
    np.random.seed(1)
    again, asked_again = untransformed(monkeypatch)
    originals = [{image.tobytes() for image in split.images}
                 for split in (train, validation, test)]
    assert [len(o) for o in originals] == [1_297, 200, 300]
    assert len(set.union(*originals)) == len(load_digits().images)
    assert np.array_equal(train.images, again[0].images)
    assert np.array_equal(asked, asked_again)


def test_training_digits_are_turned_and_shifted_a_little(monkeypatch):
    _, asked = untransformed(monkeypatch)
    turn, offset = asked[:, :4].reshape(-1, 2, 2), asked[:, 4:]
    degrees = np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert 9.9 < np.abs(degrees).max() <= 10
    moved = np.linalg.norm(turn @ [13.5, 13.5] + offset - 13.5, axis=1)
    assert 2.5 < moved.max() <= np.hypot(2, 2)


def test_the_reader_is_told_which_data_a_page_ran_on(monkeypatch):
    mnist, stand_in = [data.Split(np.zeros([n, 28, 28, 1]), np.zeros(n))
                       for n in (1_234, 56)]
    monkeypatch.setattr(data, "mnist", lambda: (mnist,) * 3)
    monkeypatch.setattr(data, "digits", lambda: (stand_in,) * 3)
    *splits, sentence = data.mnist_or_digits()
    assert splits == [mnist] * 3
    assert "**MNIST**" in sentence and "1,234" in sentence

    def missing():
        raise data.MNISTNotFound

    monkeypatch.setattr(data, "mnist", missing)
    *splits, sentence = data.mnist_or_digits()
    assert splits == [stand_in] * 3
    assert "not on MNIST" in sentence and "56" in sentence


def test_pictures_are_four_different_ones_in_colour_the_cat_first():
    images, names = data.pictures()
    assert names == ["cat", "coffee", "astronaut", "rocket"]
    assert images.shape == (4, 64, 64, 3) and images.dtype == "float32"
    assert np.all(images.min((1, 2, 3)) >= 0)
    assert np.all(images.max((1, 2, 3)) <= 1)
    assert np.all(images.std((1, 2, 3)) > .1)
    red, _, blue = images[0].mean((0, 1))
    assert red > 1.2 * blue             # a ginger cat

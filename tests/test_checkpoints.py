"""An interrupted training goes on to the same bits; nothing else is lost."""

import contextlib
import resource
import subprocess
from pathlib import PureWindowsPath

import numpy as np
import pytest

from tests.slow.kills import settled
from vae_tf import (VAE, Autoencoder, Memorizer, cross_entropy, train)
from vae_tf.support import checkpoints
import tensorflow as tf

IMAGES = np.random.default_rng(0).uniform(size=(50, 28, 28, 1)).astype("f")


def run(model, folder, epochs, images=IMAGES, **settings):
    """Return what training yields, without the seconds."""
    settings = {"batchsize": 10, "seed": 3, **settings}
    history = list(train(model, images, epochs=epochs, folder=folder,
                         **settings))
    for record in history:
        del record["seconds"]
    return history


def bits(model):
    return [v.numpy().tobytes() for v in model.variables]


def tensors(folder):
    """Return all that the newest checkpoint holds, by name."""
    reader = tf.train.load_checkpoint(str(folder / "vae_tf-training"))
    return {name: reader.get_tensor(name)
            for name in reader.get_variable_to_shape_map()}


class Heavy(tf.Module):
    """A model whose checkpoints take 240 kB: a third is its weights."""

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(tf.ones([20_000]))

    def loss(self, images):
        return {"loss": tf.reduce_mean(images)
                * tf.reduce_sum(self.weight ** 2)}


@pytest.mark.parametrize("kind", [VAE, Autoencoder])
def test_a_resumed_training_ends_with_the_bits_of_an_unbroken_one(
        kind, tmp_path, capfd):
    whole = kind()
    history = run(whole, tmp_path / "whole", 7)     # more than TF's five
    for epochs in (1, 4, 7):                        # new models: new runs
        model = kind()
        rest = run(model, tmp_path / "parts", epochs)
        assert rest == history[epochs - len(rest):epochs]
        assert len(rest) == {1: 1, 4: 3, 7: 3}[epochs]
    assert bits(model) == bits(whole)
    parts, unbroken = tensors(tmp_path / "parts"), tensors(tmp_path / "whole")
    assert sum("optimizer" in name for name in parts) > 2 * len(bits(model))
    for name in parts.keys() | unbroken.keys():
        if "save_counter" not in name and "OBJECT_GRAPH" not in name:
            np.testing.assert_array_equal(parts[name], unbroken[name])
    assert capfd.readouterr() == ("", "")


def test_an_optimizers_schedule_goes_on_where_it_was(tmp_path):
    def adam():  # Keras gives each a name of its own
        return tf.keras.optimizers.Adam(
            tf.keras.optimizers.schedules.PolynomialDecay(.002, 15, 0.),
            global_clipnorm=50.)

    whole, parts = VAE(), VAE()
    history = run(whole, tmp_path / "whole", 3, optimizer=adam())
    run(VAE(), tmp_path / "parts", 1, optimizer=adam())
    rest = run(parts, tmp_path / "parts", 3, optimizer=adam())
    assert rest == history[1:] and bits(parts) == bits(whole)


def test_a_finished_training_gives_its_weights_back_and_no_record(tmp_path):
    model, again = VAE(), VAE()
    run(model, tmp_path, 2)
    assert run(again, tmp_path, 2) == []
    assert bits(again) == bits(model)


def test_a_folder_changes_no_bit(tmp_path):
    kept, plain = VAE(), VAE()
    assert run(kept, tmp_path, 3) == run(plain, None, 3)
    assert bits(kept) == bits(plain)


def test_a_record_comes_after_its_checkpoint_and_the_older_is_gone(tmp_path):
    for record in train(VAE(), IMAGES, epochs=3, batchsize=10,
                        folder=tmp_path):
        assert settled(tmp_path) == record["epoch"]


def test_a_folder_that_moved_is_resumed(tmp_path):
    run(Autoencoder(), tmp_path / "here", 1)
    (tmp_path / "here").rename(tmp_path / "there")
    assert len(run(Autoencoder(), tmp_path / "there", 2)) == 1


@pytest.mark.parametrize("name, came, changed", [
    ("seed", "4", {"seed": 4}),
    ("batchsize", "5", {"batchsize": 5}),
    ("learning_rate", "0.01", {"learning_rate": .01}),
    ("epochs", "1", {"epochs": 1}),
    ("arrays", "[40, 28", {"images": IMAGES[:40]}),
    ("arrays", "[50, 28", {"images": IMAGES[::-1]}),
    ("model", "[7]", {"model": VAE(7)}),
    ("model", "terms", {"model": Autoencoder()}),
])
def test_another_training_is_refused_by_name(name, came, changed, tmp_path):
    run(VAE(), tmp_path, 2)
    before = tensors(tmp_path)
    call = {"model": VAE(), "folder": tmp_path, "epochs": 3, **changed}
    with pytest.raises(ValueError) as error:
        run(**call)
    message = str(error.value)
    assert message.startswith(f"The {name!r} parameter of train must be ")
    assert str(tmp_path) in message and "\n" not in message
    assert came in message.split("Got ")[1]
    assert settled(tmp_path) == 2
    np.testing.assert_equal(tensors(tmp_path), before)


class Weighted(VAE):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def loss(self, images):
        terms = super().loss(images)
        return {**terms, "loss": terms["generation_loss"]
                + self.weight * terms["latent_loss"]}


@pytest.mark.parametrize("first, other", [
    (VAE(), VAE(generation_loss=cross_entropy)),
    (VAE(generation_loss=lambda a, b: tf.reduce_sum((a - b) ** 2, [1, 2, 3])),
     VAE(generation_loss=lambda a, b: tf.reduce_sum((a - b) ** 4, [1, 2, 3]))),
    (Weighted(1.), Weighted(2.)), (VAE(), Weighted(2.))])
def test_a_model_of_another_loss_is_refused_and_keeps_its_weights(
        first, other, tmp_path):
    run(first, tmp_path, 1)
    other.loss(IMAGES)
    before = bits(other)
    with pytest.raises(ValueError, match="The 'model' parameter of train"):
        run(other, tmp_path, 2)
    assert bits(other) == before
    assert settled(tmp_path) == 1


def test_what_is_in_the_folder_is_left_as_it_is(tmp_path):
    files = ["thesis.txt", "checkpoint", "checkpoint.tmp0", "ckpt-1.index",
             "vae_tf-2016_thesis.pdf", "vae_tf-1_backup/mine", "epoch-1.index",
             "vae_tf-1.index", "vae_tf-9.data-00000-of-00001", ".hidden",
             "epoch-1_temp/mine", "settings.json"]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    for epochs in (1, 3):
        run(VAE(), tmp_path, epochs)
    for name in files:
        assert (tmp_path / name).read_bytes() == b"mine"
    inside = tmp_path / "vae_tf-training" / "epoch-notes.txt"
    inside.write_text("mine")
    run(VAE(), tmp_path, 4)
    assert inside.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "notes.txt", "checkpoint",
                                  "epoch-1.index", "settings.json"])
def test_a_readers_own_folder_of_that_name_is_refused(name, tmp_path):
    own = tmp_path / "vae_tf-training" / name
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"mine")
    with pytest.raises(ValueError, match="The 'folder' parameter of train"):
        run(VAE(), tmp_path, 1)
    assert own.read_bytes() == b"mine"


def test_an_empty_path_is_refused():
    with pytest.raises(ValueError, match="The 'folder' parameter of train"):
        train(VAE(), IMAGES, batchsize=10, folder="")


def test_a_windows_path_is_no_pattern(monkeypatch):
    class Windows(PureWindowsPath):
        expanduser = mkdir = lambda self, **_: self

    monkeypatch.setattr(checkpoints, "Path", Windows)
    monkeypatch.setattr(checkpoints.tempfile, "TemporaryFile",
                        lambda dir: contextlib.nullcontext())
    assert checkpoints.check_folder("runs\\vae").as_posix() == "runs/vae"


@pytest.mark.parametrize("damage", [
    lambda raw: raw[:-100], lambda raw: b"",
    lambda raw: raw[:5000] + bytes([raw[5000] ^ 1]) + raw[5001:]],
    ids=["cut", "empty", "one bit"])
def test_a_damaged_checkpoint_is_not_resumed(damage, tmp_path):
    run(VAE(), tmp_path, 1)
    (data,) = tmp_path.glob("*/*.data*")
    data.write_bytes(damage(data.read_bytes()))
    with pytest.raises(ValueError, match="whole checkpoints"):
        run(VAE(), tmp_path, 2)


@pytest.fixture
def small_disk(tmp_path):
    """Yield a folder too small for two checkpoints, and how to mend that.

    A file system of its own, or where that may not be mounted a limit to the
    size of a file, which the kernel enforces too.
    """
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    try:
        mounted = not subprocess.run(mount, capture_output=True).returncode
    except FileNotFoundError:
        mounted = False
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full():
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))

    def room():
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=4m", folder],
                           check=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield folder, full, room
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    if mounted:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_reported_with_the_older_checkpoint_intact(small_disk):
    folder, full, room = small_disk
    training = train(Heavy(), IMAGES, epochs=3, batchsize=10, seed=3,
                     folder=folder)
    assert next(training)["epoch"] == 1
    before = tensors(folder)
    full()
    with pytest.raises(OSError) as error:
        next(training)
    room()
    message = str(error.value)
    assert f"epoch 2 could not be written to '{folder}/" in message
    assert "MB are free" in message and "make room" in message
    assert "checkpoint of epoch 1 is whole" in message
    assert "\n" not in message
    assert settled(folder) == 1
    np.testing.assert_equal(tensors(folder), before)

    resumed, unbroken = Heavy(), Heavy()
    assert run(resumed, folder, 3) == run(unbroken, None, 3)[1:]
    assert bits(resumed) == bits(unbroken)


def test_codes_are_part_of_what_must_be_the_same(tmp_path):
    codes = np.eye(50, dtype=np.float32)
    settings = {"epochs": 1, "batchsize": 50, "folder": tmp_path}
    list(train(Memorizer(), codes, IMAGES, **settings))
    with pytest.raises(ValueError, match="The 'arrays' parameter"):
        train(Memorizer(), codes[::-1], IMAGES, **settings)

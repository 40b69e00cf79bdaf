"""An interrupted training goes on to the same bits; nothing else is lost."""

import resource

import numpy as np
import pytest

from tests.slow.kills import settled
from tests.test_train import Noisy
from vae_tf import VAE, train
import tensorflow as tf

IMAGES = np.random.default_rng(0).uniform(size=(50, 28, 28, 1)).astype("f")


def run(model, folder, epochs, arrays=(IMAGES,), **settings):
    """Return what training yields, without the seconds."""
    settings = {"batchsize": 10, "seed": 3, **settings}
    history = list(train(model, *arrays, epochs=epochs, folder=folder,
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


@pytest.mark.parametrize("kind, stops", [
    (VAE, (1, 3)), (Noisy, (1, 7, 7))])     # more than TensorFlow's five
def test_a_resumed_training_ends_with_the_bits_of_an_unbroken_one(
        kind, stops, tmp_path, capfd):
    def adam():     # Keras gives each a name of its own
        return tf.keras.optimizers.Adam(
            tf.keras.optimizers.schedules.PolynomialDecay(.002, 15, 0.),
            global_clipnorm=50.)

    whole, done = kind(), 0
    history = run(whole, tmp_path / "whole", stops[-1], optimizer=adam())
    for epochs in stops:                            # new models: new runs
        rest = run(model := kind(), tmp_path / "parts", epochs,
                   optimizer=adam())
        assert rest == history[done:epochs]
        assert settled(tmp_path / "parts") == epochs
        (tmp_path / "parts").rename(tmp_path / "moved")
        (tmp_path / "moved").rename(tmp_path / "parts")
        done = epochs
    assert bits(model) == bits(whole)
    parts, unbroken = tensors(tmp_path / "parts"), tensors(tmp_path / "whole")
    assert sum("optimizer" in name for name in parts) > 2 * len(bits(model))
    for name in parts.keys() | unbroken.keys():
        if "save_counter" not in name and "OBJECT_GRAPH" not in name:
            np.testing.assert_array_equal(parts[name], unbroken[name])
    assert capfd.readouterr() == ("", "")


class Scaled(Noisy):
    """A model whose loss is that of another, times a number."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def loss(self, *arrays):
        return {"loss": self.scale * super().loss(*arrays)["loss"]}


class Twice(Noisy):
    def loss(self, *arrays):
        loss = super().loss(*arrays)["loss"]
        return {"loss": loss, "again": loss}


def test_another_training_is_refused_by_name_and_changes_nothing(tmp_path):
    codes = np.eye(50)
    run(Noisy(), tmp_path, 2, [codes, IMAGES])
    before = tensors(tmp_path)
    for name, came, changed in [
            ("seed", "4", {"seed": 4}),
            ("batchsize", "5", {"batchsize": 5}),
            ("learning_rate", "0.01", {"learning_rate": .01}),
            ("epochs", "1", {"epochs": 1}),
            ("optimizer", "Adam", {"optimizer": tf.keras.optimizers.Adam()}),
            ("arrays", "[40, 28", {"arrays": [codes[:40], IMAGES[:40]]}),
            ("arrays", "[50, 28", {"arrays": [codes, IMAGES[::-1]]}),
            ("arrays", "[50, 50", {"arrays": [codes[::-1], IMAGES]}),
            ("model", "[1]", {"model": Noisy(1)}),
            ("model", "again", {"model": Twice()}),
            ("model", "[", {"model": Scaled(2.)})]:
        call = {"model": Noisy(), "folder": tmp_path, "epochs": 3,
                "arrays": [codes, IMAGES], **changed}
        call["model"].loss(IMAGES)
        weights = bits(call["model"])
        with pytest.raises(ValueError) as error:
            run(**call)
        message = str(error.value)
        assert message.startswith(f"The {name!r} parameter of train must be ")
        assert str(tmp_path) in message and "\n" not in message
        assert came in message.split("Got ")[1]
        assert bits(call["model"]) == weights
        assert settled(tmp_path) == 2
        np.testing.assert_equal(tensors(tmp_path), before)


def test_what_is_in_the_folder_is_left_as_it_is(tmp_path):
    files = ["thesis.txt", "checkpoint", "checkpoint.tmp0", "ckpt-1.index",
             "vae_tf-1_backup/mine", "epoch-1.index", "epoch-1_temp/mine",
             "vae_tf-9.data-00000-of-00001", ".hidden", "settings.json"]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"mine")
    run(Noisy(), tmp_path, 1)
    files.append("vae_tf-training/epoch-notes.txt")
    (tmp_path / files[-1]).write_bytes(b"mine")
    run(Noisy(), tmp_path, 2)
    for name in files:
        assert (tmp_path / name).read_bytes() == b"mine"


def test_a_readers_own_folder_of_that_name_is_refused(tmp_path):
    for i, name in enumerate(["", "notes.txt", "checkpoint", "settings.json"]):
        own = tmp_path / str(i) / "vae_tf-training" / name
        own.parent.mkdir(parents=True)
        own.write_bytes(b"mine")
        with pytest.raises(ValueError, match="The 'folder' parameter of tra"):
            run(Noisy(), tmp_path / str(i), 1)
        assert own.read_bytes() == b"mine"


def test_a_damaged_checkpoint_is_not_resumed(tmp_path):
    run(Noisy(), tmp_path, 1)
    (data,) = tmp_path.glob("*/*.data*")
    raw = data.read_bytes()
    middle = len(raw) // 2
    for damaged in (raw[:-100], b"", raw[:middle] + bytes(
            [raw[middle] ^ 1]) + raw[middle + 1:]):
        data.write_bytes(damaged)
        with pytest.raises(ValueError, match="whole checkpoints"):
            run(Noisy(), tmp_path, 2)


def test_a_full_disk_is_reported_with_the_older_checkpoint_intact(tmp_path):
    training = train(Noisy(), IMAGES, epochs=3, batchsize=10, folder=tmp_path)
    assert next(training)["epoch"] == 1
    before = tensors(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    with pytest.raises(OSError) as error:
        next(training)
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    message = str(error.value)
    assert f"epoch 2 could not be written to '{tmp_path}/" in message
    assert "MB are free" in message and "make room" in message
    assert "checkpoint of epoch 1 is whole" in message
    assert "\n" not in message
    assert settled(tmp_path) == 1
    np.testing.assert_equal(tensors(tmp_path), before)
    assert [r["epoch"] for r in run(Noisy(), tmp_path, 3, seed=0)] == [2, 3]

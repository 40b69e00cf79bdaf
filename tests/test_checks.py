"""Bad input gets one line, at the call, with the argument and what came."""

import numpy as np
import pytest

from vae_tf import VAE, Autoencoder, Memorizer, checks, plots, train
from vae_tf.lab.channel import (confusion, gaussian_capacity, information,
                                uniform_information)
import tensorflow as tf

IMAGES = np.full([6, 28, 28, 1], .5, np.float32)
CODES, ONES = np.eye(6, dtype=np.float32), np.ones(3)
LABELS = np.array([0, 9, 4, 4, 1, 0])
NAN, INF = float("nan"), float("inf")


def with_pixel(value):
    images = IMAGES.copy()
    images[3, 14, 14, 0] = value
    return images


BAD_IMAGES = [
    (IMAGES[..., 0], "[6, 28, 28]"), (IMAGES.reshape(6, 784), "[6, 784]"),
    (IMAGES[0], "[28, 28, 1]"), (IMAGES[:, :14], "[6, 14, 28, 1]"),
    (IMAGES.repeat(3, -1), "[6, 28, 28, 3]"), (IMAGES[:0], "[0, 28, 28, 1]"),
    (np.uint8(255 * IMAGES), "uint8"), (IMAGES > 0, "bool"),
    (IMAGES.astype(int), "int64"), (IMAGES.astype(complex), "complex128"),
    (IMAGES.astype(object), "object"), (IMAGES.astype(str), "<U"),
    (255 * IMAGES, "127.5"), (with_pixel(-.001), "-0.001"),
    (with_pixel(1.001), "1.001"), (with_pixel(1 + 2e-7), "1.0000002"),
    (with_pixel(-1e-9), "-1e-09"), (with_pixel(NAN), "NaN"),
    (with_pixel(INF), "infinity"), (with_pixel(-INF), "infinity"),
    (IMAGES.tolist(), "list"), (None, "NoneType"), ("mnist.npz", "str"),
    (tf.constant(IMAGES > 0), "bool"),
    (tf.keras.Input((28, 28, 1)), "KerasTensor")]
BAD_CODES = [
    (CODES[:4], "4"), (CODES[0], "[6]"), (CODES[:, :0], "[6, 0]"),
    (CODES.astype(int), "int64"), (NAN * CODES, "NaN"),
    (np.full([6, 6], 1e300), "infinity"),    # in float32
    (CODES.tolist(), "list"), (None, "NoneType")]
BAD_LABELS = [
    (LABELS[:, None], "[6, 1]"), (LABELS[0], "[]"), (LABELS[:0], "[0]"),
    (np.eye(10, dtype=int), "[10, 10]"), (np.float32(LABELS), "float32"),
    (LABELS > 0, "bool"), (LABELS.astype(str), "<U"),
    (LABELS.astype(object), "object"), (LABELS - 1, "[-1, 8]"),
    (LABELS + 1, "[1, 10]"), (LABELS.tolist(), "list"),
    (LABELS.astype(np.uint64) + np.uint64(2**63), str(2**63)),
    ([[1], [2, 3]], "list"), (None, "NoneType"), (3, "int"),
    ("0123456789", "str"), (tf.constant(LABELS > 0), "bool")]
NO_COUNTS = [(0, "0"), (-1, "-1"), (1.5, "1.5"), (2., "2.0"), (True, "True"),
             (np.True_, "True"), ("3", "'3'"), (None, "None"), (NAN, "nan"),
             ([3], "[3]")]
NO_RATES = [(0, "0"), (-.001, "-0.001"), (NAN, "nan"), (INF, "inf"),
            ("0.001", "'0.001'"), (None, "None"), (True, "True"), (1j, "1j"),
            ([.001], "[0.001]")]
NO_SHAPES = [((28, 28), "(28, 28)"), ((28, 28, 0), "0"), ((7, 7, 1), "(7,"),
             ((28, 27, 1), "27"), ((6, 6, 1), "(6,"), ((28., 28, 1), "28.0"),
             ("28x28", "'2'"), ((28, 28, True), "True"), (64, "64"),
             (None, "None")]
NO_FOLDERS = [(3, "3"), (True, "True"), (b"here", "b'here'"),
              (["here"], "['here']"), ("a*b", "a*b"), ("run[1]", "run[1]"),
              (__file__, "test_checks.py"), (__file__ + "/x", "Not a dir"),
              ("/proc/vae_tf", "No such file"), ("/dev/null", "File exists")]
NO_NOISES = [(0, "0"), (np.array([1, -2.5]), "-2.5"), (NAN, "nan"),
             (np.array([[1, INF]]), "inf"), ("1", "str"), (None, "NoneType"),
             (True, "bool"), (1j, "complex")]
ADAM = tf.keras.optimizers.Adam


def training(name):
    return lambda v: train(VAE(), IMAGES, **{"batchsize": 2, name: v})


@pytest.mark.parametrize("owner, name, call, cases", [
    ("train", "images", lambda v: train(VAE(), v, batchsize=2), BAD_IMAGES),
    ("train", "codes", lambda v: train(Memorizer(), v, IMAGES), BAD_CODES),
    ("train", "arrays", lambda v: train(VAE(), *v), [((), "nothing")]),
    ("train", "epochs", training("epochs"), NO_COUNTS),
    ("train", "batchsize", training("batchsize"), [*NO_COUNTS, (7, "7")]),
    ("train", "seed", training("seed"), NO_COUNTS[1:]),
    ("train", "learning_rate", training("learning_rate"), NO_RATES),
    ("train", "optimizer", training("optimizer"),
     [("adam", "'adam'"), (ADAM, "class")]),
    ("train", "learning_rate", lambda v: train(
        VAE(), IMAGES, batchsize=2, learning_rate=v, optimizer=ADAM()),
     [(.01, "0.01 as well")]),
    ("train", "folder", training("folder"), NO_FOLDERS),
    ("Classifier", "labels",
     lambda v: checks.labels("labels", v, "Classifier", 10), BAD_LABELS),
    ("VAE", "n_z", VAE, NO_COUNTS),
    ("VAE", "stddev_start", lambda v: VAE(stddev_start=v), NO_RATES[1:]),
    ("VAE.generate", "n", VAE().generate, NO_COUNTS),
    ("Autoencoder", "n_z", Autoencoder, NO_COUNTS),
    ("Memorizer", "image_shape", Memorizer, NO_SHAPES),
    ("merge", "images", lambda v: plots.merge(IMAGES, v), [
        (size, "[6, 28") for size in [(2, 2), (1, 7), (-2, -3), (0, 6)]]),
    ("show", "images", plots.show, [
        (IMAGES[0], "[28, 28, 1]"), (IMAGES[:0], "[0, 28"),
        (IMAGES[..., 0], "[6, 28, 28]")]),
    ("show_losses", "history", plots.show_losses, [
        ([], "[]"), (None, "None"), ((i for i in ()), "generator")]),
    ("confusion", "distance", lambda v: confusion(v, 1), NO_RATES),
    ("confusion", "stddev", lambda v: confusion(1, v), NO_RATES),
    ("uniform_information", "width", lambda v: uniform_information(v, 1),
     NO_RATES),
    ("uniform_information", "stddev", lambda v: uniform_information(1, v),
     NO_RATES),
    ("gaussian_capacity", "noise_variance", lambda v: gaussian_capacity(1, v),
     NO_NOISES),
    ("gaussian_capacity", "signal_variance",
     lambda v: gaussian_capacity(v, 1), NO_NOISES[1:]),
    ("information", "means", lambda v: information(v, ONES),
     [(ONES[:0], "[0]"), (ONES[None], "[1, 3]"), (NAN * ONES, "NaN"),
      ([1, 2, 3], "list"), (np.arange(3), "int64"), (None, "NoneType")]),
    ("information", "stddevs", lambda v: information(ONES, v),
     [(ONES[:2], "2"), (0 * ONES, "0"), (INF * ONES, "infinity"),
      (1, "int"), (None, "NoneType")])])
def test_bad_input_gets_one_line_at_the_call(owner, name, call, cases):
    for value, came in cases:
        with pytest.raises((TypeError, ValueError)) as error:
            call(value)
        begin, got, end = str(error.value).partition("Got ")
        assert f"The {name!r} parameter of {owner} must " in begin
        assert got and came in end and "\n" not in begin + end


class Brightness(tf.Module):
    """A model whose loss is the mean of the pixels it sees, at first."""

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(1.)

    def loss(self, images):
        return {"loss": self.weight * tf.reduce_mean(images)}


def test_odd_but_valid_images_and_settings_work():
    limits = np.tile(np.float32([0, 1]), 3 * 784).reshape(6, 28, 28, 1)
    for images, settings in [
            (np.float64(IMAGES), {}), (np.float16(IMAGES), {}),
            (tf.constant(IMAGES), {}), (np.asfortranarray(IMAGES), {}),
            (IMAGES[::-1, ::-1], {}), (limits, {}),
            (np.broadcast_to(np.float32(.5), IMAGES.shape), {}),
            (IMAGES[:1], {"batchsize": 1}),
            (IMAGES, {"batchsize": np.int64(6), "epochs": np.uint8(1),
                      "seed": np.int32(0)}),
            (IMAGES, {"learning_rate": np.float32(.001)}),
            (IMAGES, {"learning_rate": 1}), (IMAGES, {"seed": 2**40})]:
        before = np.array(images)
        (record,) = train(Brightness(), images, **{
            "batchsize": len(images), "epochs": 1, **settings})
        assert record["loss"] == pytest.approx(.5)
        assert np.array_equal(images, before)
    assert Memorizer(np.array([8, 8, 1])).image_shape == (8, 8, 1)
    assert VAE(np.int64(1), stddev_start=0).n_z == 1


def test_labels_of_any_kind_of_int_come_back_as_int64():
    for kind in (np.int64, np.int8, np.uint8, np.uint64, tf.constant, np.flip):
        labels = checks.labels("labels", kind(LABELS), "Classifier", 10)
        assert labels.dtype == np.int64 and labels.shape == (6,)
        assert labels.tolist() == np.array(kind(LABELS)).tolist()
    assert checks.labels("labels", LABELS[:1], "", 1).tolist() == [0]

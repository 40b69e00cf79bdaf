"""Bad input gets one line, at the call, with the argument and what came."""

import numpy as np
import pytest

from vae_tf import VAE, Autoencoder, Memorizer, plots, train
import tensorflow as tf

IMAGES = np.full([6, 28, 28, 1], .5, np.float32)
CODES = np.eye(6, dtype=np.float32)
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
        ([], "[]"), (None, "None"), ((i for i in ()), "generator")])])
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

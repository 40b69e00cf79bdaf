"""Bad input gets one line, at the call, with the argument and what came."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from vae_tf import VAE, Autoencoder, Memorizer, plots, train
import tensorflow as tf

IMAGES = np.full([6, 28, 28, 1], .5, np.float32)
CODES = np.eye(6, dtype=np.float32)
NAN, INF = float("nan"), float("inf")


class Brightness(tf.Module):
    """A model whose loss is the mean of the pixels it sees, at first."""

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(1.)

    def loss(self, images):
        return {"loss": self.weight * tf.reduce_mean(images)}


def with_pixel(value):
    images = IMAGES.copy()
    images[3, 14, 14, 0] = value
    return images


BAD_IMAGES = [
    (IMAGES[..., 0], "[6, 28, 28]"), (IMAGES[0], "[28, 28, 1]"),
    (IMAGES[:, :14], "[6, 14, 28, 1]"), (IMAGES[:0], "[0, 28, 28, 1]"),
    (np.uint8(255 * IMAGES), "uint8"), (IMAGES > 0, "bool"),
    (IMAGES.astype(object), "object"), (255 * IMAGES, "127.5"),
    (with_pixel(1 + 2e-7), "1.0000002"), (with_pixel(-1e-9), "-1e-09"),
    (with_pixel(NAN), "NaN"), (with_pixel(INF), "infinity"),
    (IMAGES.tolist(), "list"), (None, "NoneType"),
    (tf.constant(IMAGES > 0), "bool"),
    (tf.keras.Input((28, 28, 1)), "KerasTensor")]
BAD_CODES = [
    (CODES[:4], "4"), (CODES[0], "[6]"), (CODES[:, :0], "[6, 0]"),
    (CODES.astype(int), "int64"), (NAN * CODES, "NaN"),
    (np.full([6, 6], 1e300), "infinity"),    # in float32
    (CODES.tolist(), "list"), (None, "NoneType")]
NO_COUNTS = [(0, "0"), (-1, "-1"), (1.5, "1.5"), (2., "2.0"), (True, "True"),
             ("3", "'3'"), (None, "None"), ([3], "[3]")]
NO_RATES = [(0, "0"), (-.001, "-0.001"), (NAN, "nan"), (INF, "inf"),
            ("0.001", "'0.001'"), (None, "None"), (True, "True")]
NO_SHAPES = [((28, 28), "(28, 28)"), ((28, 28, 0), "0"), ((7, 7, 1), "(7,"),
             ((28, 27, 1), "27"), ((28., 28, 1), "28.0"), ("28x28", "'2'"),
             ((28, 28, True), "True"), (64, "64")]
NO_FOLDERS = [(3, "3"), (b"here", "b'here'"), ("", "''"), ("a*b", "a*b"),
              (__file__, "test_checks.py"), (__file__ + "/x", "Not a dir"),
              ("/proc/vae_tf", "No such file"), ("/dev/null", "File exists")]
NOT_DRAWN = [
    (IMAGES[0], "[28, 28, 1]"), (IMAGES[:0], "[0, 28"), (None, "object"),
    (np.uint8(255 * IMAGES), "uint8"), (255 * IMAGES, "127.5"),
    (with_pixel(NAN), "NaN"), (IMAGES[..., [0, 0]], "2"),
    ([IMAGES[0], IMAGES[0, :14]], "list")]
ONE = {"epoch": 1, "loss": 9.}
KERAS, ADAM = tf.keras.layers, tf.keras.optimizers.Adam
SCALED = tf.keras.optimizers.LossScaleOptimizer(ADAM())
NO_OPTIMIZERS = [("adam", "'adam'"), (ADAM, "class"), (SCALED, "LossScale"),
                 (ADAM(loss_scale_factor=8.), "Adam")]


def holding(layer):
    model = Brightness()
    model.held = layer
    return model


def training(name):
    return lambda v: train(VAE(), IMAGES, **{"batchsize": 2, name: v})


@pytest.mark.parametrize("owner, name, call, cases", [
    ("train", "model", lambda v: train(v, IMAGES), [
        (None, "NoneType"), (VAE, "type"), (tf.Module(), "Module"),
        (holding({"in": [KERAS.Dense(3)]}), "Dense"),
        (holding(tf.keras.Sequential()), "Sequential"),
        (holding(tf.keras.Variable(1.)), "Variable")]),
    ("train", "images", lambda v: train(VAE(), v, batchsize=2), BAD_IMAGES),
    ("train", "codes", lambda v: train(Memorizer(), v, IMAGES), BAD_CODES),
    ("train", "arrays", lambda v: train(VAE(), *v), [((), "nothing")]),
    ("train", "epochs", training("epochs"), NO_COUNTS),
    ("train", "batchsize", training("batchsize"), [*NO_COUNTS, (7, "7")]),
    ("train", "seed", training("seed"), NO_COUNTS[1:]),
    ("train", "learning_rate", training("learning_rate"), NO_RATES),
    ("train", "optimizer", training("optimizer"), NO_OPTIMIZERS),
    ("train", "learning_rate", lambda v: train(
        VAE(), IMAGES, batchsize=2, learning_rate=v, optimizer=ADAM()),
     [(.01, "0.01 as well")]),
    ("train", "folder", training("folder"), NO_FOLDERS),
    ("VAE", "n_z", VAE, NO_COUNTS),
    ("VAE", "stddev_start", lambda v: VAE(stddev_start=v), NO_RATES[1:]),
    ("VAE.generate", "n", VAE().generate, NO_COUNTS),
    ("Autoencoder", "n_z", Autoencoder, NO_COUNTS),
    ("Memorizer", "image_shape", Memorizer, NO_SHAPES),
    ("VAE", "image_shape", lambda v: VAE(image_shape=v), NO_SHAPES),
    ("merge", "size", lambda v: plots.merge(IMAGES, v), [
        (6, "6"), (None, "None"), ((6,), "(6,)"), ((2., 3), "(2.0")]),
    ("merge", "images", lambda v: plots.merge(IMAGES, v), [
        (size, "[6, 28") for size in [(2, 2), (-2, -3), (0, 6)]]),
    ("show", "images", plots.show, NOT_DRAWN),
    ("show_rows", "rows", lambda v: plots.show_rows({"a": IMAGES, "b": v}), [
        *NOT_DRAWN, (IMAGES[:5], "[5, 28"), (IMAGES[:, :8], "[6, 8, 28"),
        (IMAGES[:, :, :8], "[6, 28, 8")]),
    ("show_rows", "rows", plots.show_rows, [
        ({}, "{}"), (None, "NoneType"), (IMAGES, "ndarray")]),
    ("show_losses", "history", plots.show_losses, [
        ([], "[]"), (ONE, "'loss'"), (None, "None"), ((ONE,), "({"),
        ([3], "3"), ([ONE, {}], "{}"), ([{"loss": 1.}], "{'loss'"),
        ([ONE, {**ONE, "more": 1.}], "'more'"),
        ([{"epoch": 1, "seconds": 2.}], "2.0"),
        ([{"epoch": 1, "loss": "1"}], "'1'")])])
def test_bad_input_gets_one_line_at_the_call(owner, name, call, cases):
    for value, came in cases:
        with pytest.raises((TypeError, ValueError)) as error:
            call(value)
        begin, got, end = str(error.value).partition("Got ")
        assert f"The {name!r} parameter of {owner} must " in begin
        assert got and came in end and "\n" not in begin + end
        assert not plt.get_fignums()


def test_odd_but_valid_images_and_settings_work():
    limits = np.tile(np.float32([0, 1]), 3 * 784).reshape(6, 28, 28, 1)
    odd = {"batchsize": np.int64(6), "epochs": np.uint8(1), "seed": 2**40}
    for images, settings in [
            (np.float64(IMAGES), odd), (np.float16(IMAGES)[::-1, ::-1], {}),
            (tf.constant(IMAGES), {"learning_rate": np.float32(.001)}),
            (np.asfortranarray(limits), {"learning_rate": 1}),
            (np.broadcast_to(np.float32(.5), IMAGES.shape), {}),
            (IMAGES[:1], {"seed": np.int32(0)})]:
        before = np.array(images)
        (record,) = train(Brightness(), images, **{
            "batchsize": len(images), "epochs": 1, **settings})
        assert record["loss"] == pytest.approx(.5)
        assert np.array_equal(images, before)
    assert Memorizer(np.array([8, 8, 1])).image_shape == (8, 8, 1)
    assert VAE(np.int64(1), stddev_start=0).n_z == 1

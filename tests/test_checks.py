"""Bad input gets one line, at the call, with the argument and what came."""

import numpy as np
import pytest

from vae_tf import VAE, Autoencoder, Memorizer, checks, plots, train
from vae_tf.channel import (confusion, gaussian_capacity, information,
                            uniform_information)
import tensorflow as tf

IMAGES = np.full([6, 28, 28, 1], .5, np.float32)
CODES = np.eye(6, dtype=np.float32)
LABELS = np.array([0, 9, 4, 4, 1, 0])
ONES = np.ones(3)
NAN, INF = float("nan"), float("inf")


def with_pixel(value):
    images = IMAGES.copy()
    images[3, 14, 14, 0] = value
    return images


BAD_IMAGES = [
    (IMAGES[..., 0], "[6, 28, 28]"),
    (IMAGES.reshape(6, 784), "[6, 784]"),
    (IMAGES[0], "[28, 28, 1]"),
    (IMAGES[:, :14], "[6, 14, 28, 1]"),
    (IMAGES.repeat(3, -1), "[6, 28, 28, 3]"),
    (IMAGES[:0], "[0, 28, 28, 1]"),
    (np.uint8(255 * IMAGES), "uint8"),
    (IMAGES > 0, "bool"),
    (IMAGES.astype(int), "int64"),
    (IMAGES.astype(complex), "complex128"),
    (IMAGES.astype(object), "object"),
    (IMAGES.astype(str), "<U"),
    (255 * IMAGES, "127.5"),
    (with_pixel(-.001), "-0.001"),
    (with_pixel(1.001), "1.001"),
    (with_pixel(NAN), "NaN"),
    (with_pixel(INF), "infinity"),
    (with_pixel(-INF), "infinity"),
    (IMAGES.tolist(), "list"),
    (None, "NoneType"),
    ("mnist.npz", "str"),
    (tf.constant(IMAGES > 0), "bool"),
]
BAD_CODES = [
    (CODES[:4], "4"),
    (CODES[0], "[6]"),
    (CODES[:, :0], "[6, 0]"),
    (CODES.astype(int), "int64"),
    (NAN * CODES, "NaN"),
    (np.full([6, 2], 1e300), "infinity"),    # in float32
    (CODES.tolist(), "list"),
    (None, "NoneType"),
]
BAD_LABELS = [
    (LABELS[:, None], "[6, 1]"),
    (LABELS[0], "[]"),
    (LABELS[:0], "[0]"),
    (np.eye(10, dtype=int), "[10, 10]"),
    (np.float32(LABELS), "float32"),
    (LABELS > 0, "bool"),
    (LABELS.astype(str), "<U"),
    (LABELS.astype(object), "object"),
    (LABELS - 1, "[-1, 8]"),
    (LABELS + 1, "[1, 10]"),
    (LABELS.astype(np.uint64) + np.uint64(2**63), str(2**63)),
    (LABELS.tolist(), "list"),
    ([[1], [2, 3]], "list"),
    (None, "NoneType"),
    (3, "int"),
    ("0123456789", "str"),
    (tf.constant(LABELS > 0), "bool"),
]
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
              ("/proc/vae_tf", "No such file"), ("", "with "),
              ("/dev/null", "File exists")]
NO_WIDTHS = [(0, "0"), (-1., "-1.0"), (NAN, "nan"), (INF, "inf"),
             ("1", "'1'"), (None, "None"), (True, "True"), ([1.], "[1.0]")]
NO_NOISES = [(0, "0"), (np.array([1, -2.5]), "-2.5"), (NAN, "nan"),
             (np.array([[1, INF]]), "inf"), ("1", "str"), (None, "NoneType"),
             (True, "bool"), (1j, "complex")]

CASES = [
    *(("images", "train", lambda v: train(VAE(), v, batchsize=2), *case)
      for case in BAD_IMAGES),
    *(("codes", "train",
       lambda v: train(Memorizer(), v, IMAGES, batchsize=2), *case)
      for case in BAD_CODES),
    ("arrays", "train", lambda v: train(VAE()), None, "nothing"),
    *(("epochs", "train",
       lambda v: train(VAE(), IMAGES, epochs=v, batchsize=2), *case)
      for case in NO_COUNTS),
    *(("batchsize", "train",
       lambda v: train(VAE(), IMAGES, batchsize=v), *case)
      for case in [*NO_COUNTS, (7, "7")]),
    *(("seed", "train",
       lambda v: train(VAE(), IMAGES, batchsize=2, seed=v), *case)
      for case in NO_COUNTS[1:]),
    *(("learning_rate", "train",
       lambda v: train(VAE(), IMAGES, batchsize=2, learning_rate=v), *case)
      for case in NO_RATES),
    *(("optimizer", "train",
       lambda v: train(VAE(), IMAGES, batchsize=2, optimizer=v), *case)
      for case in [("adam", "'adam'"), (tf.keras.optimizers.Adam, "class")]),
    ("learning_rate", "train", lambda v: train(
        VAE(), IMAGES, batchsize=2, learning_rate=v,
        optimizer=tf.keras.optimizers.Adam()), .01, "0.01 as well"),
    *(("folder", "train",
       lambda v: train(VAE(), IMAGES, batchsize=2, folder=v), *case)
      for case in NO_FOLDERS),
    *(("labels", "Classifier",
       lambda v: checks.labels("labels", v, "Classifier", 10), *case)
      for case in BAD_LABELS),
    *(("n_z", "VAE", VAE, *case) for case in NO_COUNTS),
    *(("n_z", "Autoencoder", Autoencoder, *case) for case in NO_COUNTS),
    *(("generation_loss", "VAE", lambda v: VAE(generation_loss=v), *case)
      for case in [("mse", "'mse'"), (None, "None"), (1, "1")]),
    *(("n", "VAE.generate", VAE().generate, *case) for case in NO_COUNTS),
    *(("image_shape", "Memorizer", Memorizer, *case) for case in NO_SHAPES),
    *(("images", "merge", lambda v: plots.merge(IMAGES, v), size, "[6, 28")
      for size in [(2, 2), (1, 7), (-2, -3), (0, 6)]),
    ("images", "merge", lambda v: plots.merge(v, (2, 3)), IMAGES[0],
     "[28, 28, 1]"),
    *(("images", "merge", plots.show, *case)  # which `show` calls
      for case in [(IMAGES[0], "[28, 28, 1]"), (IMAGES[:0], "[0, 28"),
                   (IMAGES[..., 0], "[6, 28, 28]")]),
    *(("history", "show_losses", plots.show_losses, *case)
      for case in [([], "[]"), (None, "None"),
                   (train(VAE(), IMAGES, batchsize=2), "generator")]),
    *(("distance", "confusion", lambda v: confusion(v, 1), *case)
      for case in NO_WIDTHS),
    *(("stddev", "confusion", lambda v: confusion(1, v), *case)
      for case in NO_WIDTHS),
    *(("width", "uniform_information", lambda v: uniform_information(v, 1),
       *case) for case in NO_WIDTHS),
    *(("stddev", "uniform_information", lambda v: uniform_information(1, v),
       *case) for case in NO_WIDTHS),
    *(("noise_variance", "gaussian_capacity",
       lambda v: gaussian_capacity(1, v), *case) for case in NO_NOISES),
    *(("signal_variance", "gaussian_capacity",
       lambda v: gaussian_capacity(v, 1), *case) for case in NO_NOISES[1:]),
    *(("means", "information", lambda v: information(v, ONES), *case)
      for case in [(ONES[:0], "[0]"), (ONES[None], "[1, 3]"),
                   (NAN * ONES, "NaN"), ([1, 2, 3], "list"),
                   (np.arange(3), "int64"), (None, "NoneType")]),
    *(("stddevs", "information", lambda v: information(ONES, v), *case)
      for case in [(ONES[:2], "2"), (0 * ONES, "0"), (INF * ONES, "infinity"),
                   (1, "int"), (None, "NoneType")]),
]


@pytest.mark.promise("Bad input: one line with argument, allowed, given")
@pytest.mark.parametrize("name, owner, call, value, came", CASES, ids=[
    f"{owner}-{name}-{came}" for name, owner, _, _, came in CASES])
def test_bad_input_gets_one_line_at_the_call(name, owner, call, value, came):
    with pytest.raises((TypeError, ValueError)) as error:
        call(value)
    message = str(error.value)
    assert f"The {name!r} parameter of {owner} must be " in message \
        or f"The {name!r} parameter of {owner} must have " in message
    assert "Got " in message and came in message.split("Got ")[1]
    assert "\n" not in message


class Brightness(tf.Module):
    """A model whose loss is the mean of the pixels it sees, at first."""

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(1.)

    def loss(self, images):
        return {"loss": self.weight * tf.reduce_mean(images)}


VALID = pytest.mark.promise("Odd but valid input: it works")


@VALID
@pytest.mark.parametrize("images, settings", [
    (np.float64(IMAGES), {}),
    (np.float16(IMAGES), {}),
    (tf.constant(IMAGES), {}),
    (np.asfortranarray(IMAGES), {}),
    (IMAGES[::-1, ::-1], {}),
    (np.broadcast_to(np.float32(.5), IMAGES.shape), {}),
    (IMAGES[:1], {"batchsize": 1}),
    (IMAGES, {"batchsize": 6}),
    (IMAGES, {"batchsize": np.int64(6), "epochs": np.uint8(1),
              "seed": np.int32(0)}),
    (IMAGES, {"learning_rate": np.float32(.001)}),
    (IMAGES, {"learning_rate": 1}),
    (IMAGES, {"seed": 2**40}),
], ids=str.split("float64 float16 tensor fortran reversed read-only one "
                 "batchsize==n integers float32-rate int-rate long-seed"))
def test_odd_but_valid_input_works(images, settings):
    settings = {"batchsize": len(images), "epochs": 1, **settings}
    (record,) = train(Brightness(), images, **settings)
    assert record["loss"] == pytest.approx(.5)


@VALID
@pytest.mark.parametrize("kind", [
    np.int64, np.int8, np.uint8, np.uint64, tf.constant, np.flip,
    np.asfortranarray], ids=lambda kind: kind.__name__)
def test_labels_of_any_kind_of_int_come_back_as_int64(kind):
    labels = checks.labels("labels", kind(LABELS), "Classifier", 10)
    assert labels.dtype == np.int64 and labels.shape == (6,)
    assert labels.tolist() == np.array(kind(LABELS)).tolist()


def test_labels_out_of_range_come_with_the_range():
    with pytest.raises(ValueError, match=r"range \[0, 9\]. Got \[1, 10\]"):
        checks.labels("labels", LABELS + 1, "Classifier", 10)


@VALID
def test_the_limits_are_still_valid():
    images = np.tile(np.float32([0, 1]), 3 * 784).reshape(6, 28, 28, 1)
    (record,) = train(Brightness(), images, epochs=1, batchsize=6)
    assert record["loss"] == pytest.approx(.5)
    assert Memorizer(np.array([8, 8, 1])).image_shape == (8, 8, 1)
    assert VAE(np.int64(1)).n_z == 1
    assert checks.labels("labels", LABELS[:2], "", 10).tolist() == [0, 9]
    assert checks.labels("labels", LABELS[:1], "", 1).tolist() == [0]


def test_the_readers_arrays_are_never_changed():
    images = np.random.default_rng(0).uniform(size=IMAGES.shape)
    images, before = np.float32(images), images.astype("f").tobytes()
    list(train(Brightness(), images, epochs=2, batchsize=3))
    assert images.tobytes() == before

"""What bad input gets: one line with the argument, what is allowed, what came.

The wording is scikit-learn's, whose own check_scalar lets NaN, infinity and
bool through. TypeError is for the wrong kind of thing, ValueError for the
wrong value.
"""

import contextlib
import inspect
import math
import numbers

import numpy as np
import tensorflow as tf


def message(name, owner, expected, came):
    """Return the one line that says what is wrong with an argument."""
    return (f"The {name!r} parameter of {owner} must {expected}. "
            f"Got {' '.join(str(came).split())} instead.")


def integer(name, value, owner, low=1, high=None):
    """Return `value` as an int if it is one in [low, high]."""
    end = "inf)" if high is None else f"{high}]"
    line = message(name, owner, f"be an int in the range [{low}, {end}",
                   repr(value))
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(line)
    if value < low or (high is not None and value > high):
        raise ValueError(line)
    return int(value)


def positive_number(name, value, owner, zero=False):
    """Return `value` as a float if it is positive and finite.

    With `zero` it may be 0.
    """
    start = "[" if zero else "("
    line = message(name, owner, f"be a float in the range {start}0, inf)",
                   repr(value))
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(line)
    if not (value > 0 or zero and value == 0) or not math.isfinite(value):
        raise ValueError(line)
    return float(value)


def array(name, value, owner, shape):
    """Return `value` as float32 if it is finite and [n, *shape] with n >= 1.

    A None in `shape` stands for any length of at least 1.
    """
    try:
        known = np.asarray(value.__array__())
    except Exception:  # a list has none, nor a tensor without values yet
        raise TypeError(message(
            name, owner, f"be an array of floats of shape {in_words(shape)}",
            type(value).__name__)) from None
    form(name, known.dtype, known.shape, owner, shape)
    with np.errstate(over="ignore"):
        known = known.astype(np.float32, copy=False)
    if not np.isfinite(known.min()) or not np.isfinite(known.max()):
        raise ValueError(message(name, owner, "be finite", "NaN or infinity"))
    return known


def form(name, dtype, lengths, owner, shape):
    """Raise unless the type is a float's and lengths are those of `array`.

    A None in `lengths` is one that is not known yet.
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(message(name, owner, "be an array of floats",
                                f"dtype {dtype}"))
    if len(lengths) != len(shape) + 1 or 0 in lengths or any(
            None not in (s, length) and s != length
            for s, length in zip(shape, lengths[1:])):
        raise ValueError(message(
            name, owner, f"be of shape {in_words(shape)} with n >= 1",
            list(lengths)))


def in_words(shape):
    """Return the shape [n, *shape] as text."""
    lengths = ["any" if s is None else str(s) for s in shape]
    return f"[{', '.join(['n', *lengths])}]"


def images(name, value, owner, shape):
    """Return `value` as float32 images [n, *shape] with pixels in [0, 1]."""
    value = array(name, value, owner, shape)
    low, high = value.min(), value.max()
    if low < 0 or high > 1:
        raise ValueError(message(name, owner, "have pixels in the range "
                                 "[0, 1]", f"[{low!s}, {high!s}]"))
    return value


def drawable(name, value, owner):
    """Return images as an array that is drawn as it is, or say what is wrong.

    Pixels must be floats in [0, 1]: Matplotlib draws others black or white.
    """
    with contextlib.suppress(ValueError):   # of images of several sizes
        value = np.asarray(value)
    channels = images(name, value, owner, (None, None, None)).shape[3]
    if channels not in (1, 3, 4):
        raise ValueError(message(name, owner, "have 1, 3 or 4 channels",
                                 channels))
    return value


def model_images(value, model, owner):
    """Return what a model takes as images, as float32."""
    return model_input(images, "images", value, owner, model.image_shape)


def model_codes(value, n_z, owner):
    """Return what a model takes as codes [n, n_z], of any n_z if None."""
    return model_input(array, "z", value, owner, (n_z,))


def codes_and_images(z, images, model, owner):
    """Return what a model takes as codes and images, as many of each."""
    z, images = model_codes(z, None, owner), model_images(images, model, owner)
    one_code_each("z", z, images, owner)
    return z, images


def model_input(check, name, value, owner, shape):
    """Return `value` as `check` does, except that a tensor stays a tensor.

    So gradients pass. Inside a tf.function, where values are not known yet,
    type and shape are checked.
    """
    if not tf.is_tensor(value):
        return check(name, value, owner, shape)
    if tf.executing_eagerly():
        check(name, value, owner, shape)
    else:
        known = value.shape if value.shape.rank is not None else (None, *shape)
        form(name, value.dtype.as_numpy_dtype, list(known), owner, shape)
        if not value.shape[1:].is_fully_defined():
            value = tf.ensure_shape(value, [None, *shape])
    return tf.cast(value, tf.float32)


def one_code_each(name, codes, images, owner):
    """Raise ValueError unless there are as many codes as images."""
    n, n_codes = images.shape[0], codes.shape[0]
    if None not in (n, n_codes) and n != n_codes:
        raise ValueError(message(name, owner, "have one code for each of the "
                                 f"{n} images", n_codes))


def image_shape(shape, count_doublings, owner):
    """Return a shape of images that `generation` can make, as a tuple."""
    line = message("image_shape", owner, "be (height, width, channels) "
                   "with even height and width of at least 8", repr(shape))
    if not hasattr(shape, "__iter__"):
        raise TypeError(line)
    for length in shape:
        integer("image_shape", length, owner)
    if len(shape) != 3 or not count_doublings(shape):
        raise ValueError(line)
    return tuple(map(int, shape))


def loss_per_image(function, image_shape):
    """Raise unless `function` returns one number for each of two images.

    It is run in a graph, as training runs it, so that it draws nothing from
    the stream of random numbers.
    """
    def line(came):
        return message("generation_loss", "VAE", "be a function of generated "
                       "and real images that returns one finite number for "
                       "each", came)

    if not callable(function) or isinstance(function, tf.keras.losses.Loss):
        raise TypeError(line(repr(function)))
    with tf.init_scope():
        generated, real = [tf.reshape([0.2, 0.4], [2, 1, 1, 1])
                           * tf.ones(image_shape) * x for x in (1, 2)]
        try:
            values = tf.function(lambda *images: tf.convert_to_tensor(
                function(*images))).get_concrete_function(generated, real)(
                    generated, real)
        except Exception as error:
            raise TypeError(line(f"{function!r}, which raises "
                                 f"{type(error).__name__},")) from error
    if values.dtype != tf.float32 or values.shape != [2]:
        raise ValueError(line(
            f"{function!r}, which returns {values.dtype.name} of shape "
            f"{values.shape} for two,"))
    if tf.executing_eagerly() and not np.isfinite(values).all():
        raise ValueError(line(f"{function!r}, which returns {values},"))


def trainable(model):
    """Raise unless `train` can train all of a model."""
    if not (isinstance(model, tf.Module) and hasattr(model, "image_shape")
            and callable(getattr(model, "loss", None))):
        raise TypeError(message(
            "model", "train", "be a tf.Module with an image_shape and a loss, "
            "such as a VAE", type(model).__name__))
    of_keras = tf.keras.layers.Layer, tf.keras.Variable
    for found in model._flatten(predicate=lambda x: isinstance(x, of_keras)):
        raise ValueError(message(
            "model", "train", "have no layer of Keras, whose weights "
            "tf.Module does not know and would not be trained",
            f"{type(found).__name__} {found.name!r} in it"))


def training_arrays(model, arrays):
    """Return codes and images as float32, or say what is wrong with them."""
    if not arrays:
        raise TypeError(message("arrays", "train", "be the images, after "
                                "their codes if the model takes codes",
                                "nothing"))
    *codes, pixels = arrays
    pixels = images("images", pixels, "train", model.image_shape)
    codes = [array("codes", z, "train", (None,)) for z in codes]
    for z in codes:
        one_code_each("codes", z, pixels, "train")
    loss = inspect.signature(model.loss)
    try:
        loss.bind(*codes, pixels)
    except TypeError:
        raise TypeError(message(
            "arrays", "train", f"be what the model's loss takes, {loss}",
            len(arrays))) from None
    return [*codes, pixels]


def optimizer(given, learning_rate):
    """Raise unless `train` can take an optimizer, or None for 2016's."""
    if given is None:
        return
    if not isinstance(given, tf.keras.optimizers.Optimizer):
        raise TypeError(message("optimizer", "train", "be None or an "
                                "optimizer of tf.keras.optimizers",
                                repr(given)))
    if learning_rate != 0.001:
        raise ValueError(message("learning_rate", "train", "be left out where "
                                 "an optimizer brings its own",
                                 f"{learning_rate:g} as well"))
    if (getattr(given, "loss_scale_factor", None) is not None
            or isinstance(given, tf.keras.optimizers.LossScaleOptimizer)):
        raise ValueError(message("optimizer", "train", "not scale the loss",
                                 type(given).__name__))


def training(model, arrays, epochs, batchsize, learning_rate, seed,
             given_optimizer):
    """Return the arrays and settings of `train`, or say what is wrong."""
    trainable(model)
    arrays = training_arrays(model, arrays)
    settings = {
        "epochs": integer("epochs", epochs, "train"),
        "batchsize": integer("batchsize", batchsize, "train",
                             high=len(arrays[-1])),
        "learning_rate": positive_number("learning_rate", learning_rate,
                                         "train"),
        "seed": integer("seed", seed, "train", low=0)}
    optimizer(given_optimizer, settings["learning_rate"])
    return arrays, settings


def not_finite(where, terms):
    """Return the error that says where training broke, and likely why."""
    broken = [name for name, value in terms.items()
              if name != "loss" and not np.isfinite(value)]
    cause = {
        ("latent_loss",): "a z_stddev reached 0, where its logarithm is "
        "infinite; start it away from 0 (the stddev_start of VAE), or take",
        ("generation_loss",): "the logarithm of 0, of a generated pixel that "
        "is 0 or 1, or weights that grew too large; take",
    }.get(tuple(broken), "the weights grew too large; take")
    values = ", ".join(f"{name} {value:g}" for name, value in terms.items())
    return FloatingPointError(
        f"Training stopped at {where}, where the loss or the weights became "
        f"NaN or infinite: {values}. Likely cause: {cause} a smaller "
        "learning_rate.")

"""The layers of 2016: 5x5 convolutions, their transposes, dense."""

import contextvars
import threading

import tensorflow as tf

ENTERED = contextvars.ContextVar("entered", default=())  # one per thread
MAKING = threading.RLock()


class Scope(tf.Module):
    """Variables by name: made on first use, reused ever after.

    Stands in for TensorFlow 1's `variable_scope`: inside `with scope:` the
    layers below find their variables in `scope`. What one thread enters is
    not seen by another. Using a layer outside any scope raises a RuntimeError
    that names the variable. (Appendix A)
    """

    def __init__(self):
        super().__init__()
        self._by_name = {}

    def __enter__(self):
        ENTERED.set((*ENTERED.get(), self))

    def __exit__(self, *exception):
        ENTERED.set(ENTERED.get()[:-1])


def get_variable(name, shape, initializer):
    """Return the current scope's variable, `initializer(shape)` if new.

    Raises ValueError if it was made with another shape.
    """
    if not ENTERED.get():
        raise RuntimeError(f"Variable {name!r} is used outside `with scope:`.")
    by_name = ENTERED.get()[-1]._by_name
    with MAKING:    # two threads that come first make one variable
        if name not in by_name:
            by_name[name] = tf.Variable(initializer(shape), name=name)
    variable = by_name[name]
    if not variable.shape.is_compatible_with(shape):
        raise ValueError(
            f"Variable {name!r} must keep the shape {variable.shape} that it "
            f"was made with. Got {tf.TensorShape(shape)} instead.")
    return variable


def conv2d(x, input_features, output_features, name):
    """Convolve, halving height and width: 5x5, stride 2, and a bias.

    [n, h, w, input_features] -> [n, h/2, w/2, output_features] (Chapter 4)
    """
    w = get_variable(
        name + "/w", [5, 5, input_features, output_features],
        lambda shape: tf.random.truncated_normal(shape, stddev=0.02))
    b = get_variable(name + "/b", [output_features], tf.zeros)
    return tf.nn.conv2d(x, w, strides=2, padding="SAME") + b


def conv_transpose(x, output_shape, name):
    """Deconvolve, doubling height and width: 5x5, stride 2, and a bias.

    [n, h, w, c] -> output_shape = [n, 2h, 2w, features] (Chapter 1)
    """
    w = get_variable(
        name + "/w", [5, 5, output_shape[-1], x.shape[-1]],
        lambda shape: tf.random.truncated_normal(shape, stddev=0.02))
    b = get_variable(name + "/b", [output_shape[-1]], tf.zeros)
    # 2016: b is created and never added.
    return tf.nn.conv2d_transpose(x, w, output_shape, strides=2) + b


def dense(x, input_features, output_features, scope, bias_start=0.0):
    """Multiply by a matrix and add a bias, which starts at `bias_start`.

    [n, input_features] -> [n, output_features] (Chapter 1)
    """
    matrix = get_variable(
        scope + "/Matrix", [input_features, output_features],
        lambda shape: tf.random.normal(shape, stddev=0.02))
    bias = get_variable(
        scope + "/bias", [output_features],
        lambda shape: tf.constant(bias_start, tf.float32, shape))
    return tf.matmul(x, matrix) + bias


def lrelu(x, leak=0.2):
    """Return x where it is positive, leak * x elsewhere. (Chapter 4)"""
    return 0.5 * (1 + leak) * x + 0.5 * (1 - leak) * tf.abs(x)

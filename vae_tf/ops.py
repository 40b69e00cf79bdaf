"""The layers of 2016: 5x5 convolutions, their transposes, dense."""

import tensorflow as tf


class Scope(tf.Module):
    """Variables by name: made on first use, reused ever after.

    Stands in for TensorFlow 1's `variable_scope`: inside `with scope:` the
    layers below find their variables in `scope`. Using a layer outside any
    scope raises a RuntimeError that names the variable. (Appendix A)
    """

    _entered = []

    def __init__(self):
        super().__init__()
        self._by_name = {}

    def __enter__(self):
        Scope._entered.append(self)

    def __exit__(self, *exception):
        Scope._entered.pop()


def get_variable(name, initial_value):
    """Return the current scope's variable, made by `initial_value` if new."""
    if not Scope._entered:
        raise RuntimeError(f"Variable {name!r} is used outside `with scope:`.")
    by_name = Scope._entered[-1]._by_name
    if name not in by_name:
        by_name[name] = tf.Variable(initial_value(), name=name)
    return by_name[name]


def conv2d(x, input_features, output_features, name):
    """Convolve, halving height and width: 5x5, stride 2, and a bias.

    [n, h, w, input_features] -> [n, h/2, w/2, output_features] (Chapter 4)
    """
    w = get_variable(name + "/w", lambda: tf.random.truncated_normal(
        [5, 5, input_features, output_features], stddev=0.02))
    b = get_variable(name + "/b", lambda: tf.zeros([output_features]))
    return tf.nn.conv2d(x, w, strides=2, padding="SAME") + b


def conv_transpose(x, output_shape, name):
    """Deconvolve, doubling height and width: 5x5, stride 2, and a bias.

    [n, h, w, c] -> output_shape = [n, 2h, 2w, features] (Chapter 1)
    """
    w = get_variable(name + "/w", lambda: tf.random.truncated_normal(
        [5, 5, output_shape[-1], x.shape[-1]], stddev=0.02))
    b = get_variable(name + "/b", lambda: tf.zeros([output_shape[-1]]))
    # 2016: b is created and never added.
    return tf.nn.conv2d_transpose(x, w, output_shape, strides=2) + b


def dense(x, input_features, output_features, scope):
    """Multiply by a matrix and add a bias.

    [n, input_features] -> [n, output_features] (Chapter 1)
    """
    matrix = get_variable(scope + "/Matrix", lambda: tf.random.normal(
        [input_features, output_features], stddev=0.02))
    bias = get_variable(scope + "/bias", lambda: tf.zeros([output_features]))
    return tf.matmul(x, matrix) + bias


def lrelu(x, leak=0.2):
    """Return x where it is positive, leak * x elsewhere. (Chapter 4)"""
    return 0.5 * (1 + leak) * x + 0.5 * (1 - leak) * tf.abs(x)

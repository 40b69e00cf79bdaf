"""A training's own random numbers, which nothing outside can reach."""

import contextlib
import itertools

import tensorflow as tf
# The one place where TensorFlow lets an operation be replaced as it is traced.
from tensorflow.python.framework import op_callbacks

# What tf.random's functions become, and the Generator's method for the same.
METHODS = {"RandomStandardNormal": "normal", "RandomUniform": "uniform",
           "RandomUniformInt": "uniform",
           "TruncatedNormal": "truncated_normal"}


@contextlib.contextmanager
def own_random_numbers(generators):
    """Let what is traced inside draw from `generators`, added where missing.

    `tf.random.normal` draws from a stream that belongs to the whole process:
    `tf.random.set_seed`, called anywhere, starts it again. A `tf.random
    .Generator` with the same two seeds gives the same numbers and keeps its
    place in a variable. Raises NotImplementedError, naming the operation, for
    one that no Generator has.
    """
    number = itertools.count()

    def replace(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        if "seed2" not in (attrs or ()):
            return None
        if isinstance(attrs, tuple):  # name, value, name, value, ...
            attrs = dict(zip(attrs[::2], attrs[1::2]))
        if op_type not in METHODS:
            raise NotImplementedError(
                f"The model's loss draws with TensorFlow's {op_type}. In "
                "`train` it may use tf.random.normal, truncated_normal and "
                "uniform, or tf.random's stateless functions.")
        i = next(number)
        if i == len(generators):
            seeds = [0, *(getattr(attrs[name], "i", attrs[name])
                          for name in ("seed2", "seed"))]
            with tf.init_scope():
                generators.append(tf.random.Generator.from_state(
                    tf.constant(seeds, tf.int64), "philox"))
        draw = getattr(generators[i], METHODS[op_type])
        return [draw(*inputs, dtype=outputs[0].dtype)]

    op_callbacks.add_op_callback(replace)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(replace)

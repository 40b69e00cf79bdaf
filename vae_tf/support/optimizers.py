"""Keras's optimizers on TensorFlow's variables."""

import json
import types

import tensorflow as tf


def new(optimizer, learning_rate):
    """Return 2016's Adam, or a copy of an optimizer of Keras."""
    if optimizer is None:    # TensorFlow 1's epsilon
        return tf.keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    copy = optimizer.from_config(optimizer.get_config())
    for name, value in vars(optimizer).items():
        if name.startswith("_exclude_from_weight_decay"):  # not in the config
            setattr(copy, name, value)
    return copy


def built(optimizer, variables):
    """Make an optimizer's variables; return what applies its steps.

    Some of Keras's optimizers want variables of its own, with a name and a
    path without a slash. These share their values with TensorFlow's.
    """
    of_keras = {v.ref(): tf.keras.Variable(
        v, name=v.name.partition(":")[0].replace("/", "_"))
        for v in variables}
    optimizer.build(list(of_keras.values()))
    return types.SimpleNamespace(
        apply_gradients=lambda pairs: optimizer.apply_gradients(
            [(gradient, of_keras[v.ref()]) for gradient, v in pairs]))


def described(optimizer):
    """Return an optimizer's settings as text, or None if there is none.

    Without its name: Keras counts, and the next one like it is "adam_1".
    """
    if optimizer is None:
        return None
    settings = tf.keras.optimizers.serialize(optimizer)
    del settings["config"]["name"]
    return json.dumps(settings)

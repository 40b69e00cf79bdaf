"""How layers start, and the Scope. (What they compute: test_networks.)"""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from vae_tf.ops import Scope, conv2d, conv_transpose, dense
import tensorflow as tf

def conv_transpose_to(x, features_in, features_out, name):
    n, h, w, _ = x.shape
    return conv_transpose(x, [n, 2 * h, 2 * w, features_out], name)


LAYERS = {"dense": (dense, [5]), "conv2d": (conv2d, [2, 8, 8]),
          "conv_transpose": (conv_transpose_to, [2, 4, 4])}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_starts_with_small_random_weights_and_zero_biases(name):
    layer, shape = LAYERS[name]
    scope = Scope()
    with scope:
        layer(tf.zeros([*shape, 100]), 100, 100, "name")
    bias, weights = sorted(scope.variables, key=lambda v: len(v.shape))
    assert np.all(bias == 0)
    truncated = name != "dense"     # at two standard deviations
    assert np.std(weights) == pytest.approx(
        .02 * (.8796 if truncated else 1), rel=.05)
    assert (np.abs(weights).max() <= .04) == truncated
    with Scope():       # a dense layer's bias may start elsewhere
        y = dense(tf.zeros([1, 3]), 3, 2, "name", np.float64(-1))
        assert np.all(y == -1)


def test_a_variable_is_made_once_and_carries_its_name_of_2016():
    scope, x = Scope(), tf.ones([1, 3])
    with scope:
        first = dense(x, 3, 2, "w_mean")
        conv2d(tf.ones([1, 8, 8, 1]), 1, 2, "d_h1")
    before = {v.name: v.ref() for v in scope.trainable_variables}
    assert sorted(before) == [
        "d_h1/b:0", "d_h1/w:0", "w_mean/Matrix:0", "w_mean/bias:0"]
    with scope:
        again = dense(x, 3, 2, "w_mean")
    assert {v.name: v.ref() for v in scope.trainable_variables} == before
    assert np.all(first == again)
    with Scope():       # two scopes share nothing
        assert np.all(dense(x, 3, 2, "w_mean") != first)


def test_a_layer_outside_any_scope_names_its_variable():
    with contextlib.suppress(ArithmeticError), Scope():
        raise ArithmeticError       # leaves the scope all the same
    for layer, shape in LAYERS.values():
        with pytest.raises(RuntimeError, match="'alone/(w|Matrix)'.*scope"):
            layer(tf.ones([*shape, 7]), 7, 3, "alone")


def test_a_name_used_again_for_another_shape_is_refused():
    x, image = tf.ones([1, 4]), tf.ones([1, 8, 8, 2])
    with Scope():
        for layer in (lambda n: dense(x, 4, n, "w"),
                      lambda n: conv2d(image, 2, n, "c"),
                      lambda n: conv_transpose(image, [1, 16, 16, n], "t")):
            layer(3)
            with pytest.raises(ValueError, match="'./.*3.* Got .*5"):
                layer(5)
            assert layer(3).shape[-1] == 3


def test_threads_do_not_see_each_others_scopes():
    everybody, ours, other = Barrier(4), Scope(), Scope()

    def answers(scope):
        everybody.wait()
        found = []
        for _ in range(50):
            with scope:
                found.append(dense(tf.ones([1, 3]), 3, 2, "same").numpy())
        return found

    with Scope(), ThreadPoolExecutor(4) as threads:
        a, b, *rest = threads.map(answers, [ours, other, ours, other])
    assert np.all(a == a[0]) and np.all(b == b[0]) and np.all(a[0] != b[0])
    assert np.array_equal([a, b], rest)     # made once, by who came first

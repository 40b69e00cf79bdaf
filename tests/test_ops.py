"""The layers against Keras's with the same weights, and the Scope."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from vae_tf.ops import Scope, conv2d, conv_transpose, dense, lrelu
import tensorflow as tf

keras = tf.keras.layers


def conv_transpose_to(x, features_in, features_out, name):
    n, h, w, _ = x.shape
    return conv_transpose(x, [n, 2 * h, 2 * w, features_out], name)


LAYERS = {
    "dense": (dense, lambda n: keras.Dense(n), [5, 7]),
    "conv2d": (conv2d, lambda n: keras.Conv2D(n, 5, 2, "same"), [2, 8, 6, 7]),
    "conv2d odd": (
        conv2d, lambda n: keras.Conv2D(n, 5, 2, "same"), [2, 7, 9, 7]),
    "conv_transpose": (
        conv_transpose_to, lambda n: keras.Conv2DTranspose(n, 5, 2, "same"),
        [2, 4, 3, 7]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_kerass_with_the_same_weights_and_biases(name):
    ours, theirs, shape = LAYERS[name]
    x, theirs, scope = tf.random.normal(shape), theirs(3), Scope()
    with scope:
        ours(x, 7, 3, "name")
        for variable in scope.variables:
            variable.assign(tf.random.normal(variable.shape))
        with tf.GradientTape() as tape:
            y = ours(x, 7, 3, "name")
            square = tf.square(y)
    weights = sorted(scope.variables, key=lambda v: -len(v.shape))
    gradients = tape.gradient(square, weights)

    theirs.build(shape)
    theirs.set_weights(weights)
    with tf.GradientTape() as tape:
        expected = theirs(x)
        square = tf.square(expected)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    variables = [v.value for v in theirs.trainable_variables]
    for a, b in zip(gradients, tape.gradient(square, variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("leak", [0.2, 0., 0.5])
def test_lrelu_is_tensorflows_leaky_relu_with_its_gradient(leak):
    x = tf.constant([-3., -.5, -1e-6, 1e-6, .5, 3.])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, theirs = lrelu(x, leak), tf.nn.leaky_relu(x, leak)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(ours, x), tape.gradient(theirs, x), rtol=1e-6)


def test_lrelu_leaks_a_fifth_as_in_2016():
    assert lrelu(tf.constant(-10.)).numpy() == pytest.approx(-2)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_starts_with_small_random_weights_and_zero_biases(name):
    layer, _, shape = LAYERS[name]
    scope = Scope()
    with scope:
        layer(tf.zeros([*shape[:-1], 100]), 100, 100, "name")
    bias, weights = sorted(scope.variables, key=lambda v: len(v.shape))
    assert np.all(bias == 0)
    truncated = name != "dense"     # at two standard deviations
    assert np.std(weights) == pytest.approx(
        .02 * (.8796 if truncated else 1), rel=.05)
    assert (np.abs(weights).max() <= .04) == truncated


def test_a_bias_may_start_elsewhere():
    with Scope():
        for start in (0, .02, np.float64(-1), 3):
            y = dense(tf.zeros([1, 3]), 3, 2, f"from {start}", start)
            assert np.all(y == np.float32(start))


def test_a_variable_is_made_once_and_reused():
    scope, x = Scope(), tf.ones([1, 3])
    with scope:
        first = dense(x, 3, 2, "one")
        dense(x, 3, 2, "other")
    before = {v.name: v.ref() for v in scope.trainable_variables}
    with scope:
        again = dense(x, 3, 2, "one")
    assert len(before) == 4
    assert {v.name: v.ref() for v in scope.trainable_variables} == before
    assert np.all(first == again)


def test_variables_carry_the_names_of_2016():
    scope = Scope()
    with scope:
        dense(tf.ones([1, 3]), 3, 2, "w_mean")
        conv2d(tf.ones([1, 8, 8, 1]), 1, 2, "d_h1")
    assert sorted(v.name for v in scope.variables) == [
        "d_h1/b:0", "d_h1/w:0", "w_mean/Matrix:0", "w_mean/bias:0"]


def test_two_scopes_share_nothing():
    x, outputs = tf.ones([1, 3]), []
    for _ in range(2):
        with Scope():
            outputs.append(dense(x, 3, 2, "same"))
    assert np.all(outputs[0] != outputs[1])


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_outside_any_scope_names_its_variable(name):
    layer, _, shape = LAYERS[name]
    with Scope():
        pass
    with pytest.raises(RuntimeError, match="'alone/(w|Matrix)'.*scope"):
        layer(tf.ones(shape), 7, 3, "alone")


@pytest.mark.parametrize("leave", ["normally", "by an exception"])
def test_the_inner_of_nested_scopes_is_used_until_it_is_left(leave):
    outer, inner, x = Scope(), Scope(), tf.ones([1, 1])
    with outer:
        try:
            with inner:
                dense(x, 1, 1, "inner")
                assert leave == "normally"
        except AssertionError:
            pass
        dense(x, 1, 1, "outer")
    assert {v.name.split("/")[0] for v in inner.variables} == {"inner"}
    assert {v.name.split("/")[0] for v in outer.variables} == {"outer"}
    with pytest.raises(RuntimeError):
        dense(x, 1, 1, "alone")


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
    x, everybody = tf.ones([1, 3]), Barrier(4)

    def answers(scope):
        everybody.wait()
        found = []
        for _ in range(50):
            with scope:
                found.append(dense(x, 3, 2, "same").numpy())
        return found

    ours, other = Scope(), Scope()
    with Scope(), ThreadPoolExecutor(4) as threads:
        a, b, *rest = threads.map(answers, [ours, other, ours, other])
    assert np.all(a == a[0]) and np.all(b == b[0]) and np.all(a[0] != b[0])
    assert np.array_equal([a, b], rest)     # made once, by who came first
    assert len(ours.variables) == len(other.variables) == 2

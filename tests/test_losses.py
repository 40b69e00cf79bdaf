"""The losses against TensorFlow Probability and Keras."""

import numpy as np
import pytest
import tensorflow_probability as tfp

from vae_tf import cross_entropy, generation_loss, latent_loss
import tensorflow as tf

Normal = tfp.distributions.Normal
RANDOM = np.random.default_rng(0)
REAL, GENERATED = np.float32(RANDOM.uniform(.01, .99, (2, 6, 8, 8, 1)))


def with_gradients(function, *arguments):
    arguments = [tf.constant(a, tf.float32) for a in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
    return [value, *tape.gradient(value, arguments)]


def assert_equal(ours, theirs, rtol=1e-5, atol=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol, atol)


@pytest.mark.parametrize("sign", [1, -1, RANDOM.choice([-1, 1], (50, 20))],
                         ids=["positive", "negative", "mixed"])
def test_latent_loss_is_tfps_kl_divergence_with_its_gradients(sign):
    z_mean = RANDOM.normal(0, 3, (50, 20))
    z_stddev = sign * RANDOM.uniform(.01, 4, (50, 20))
    assert_equal(
        with_gradients(latent_loss, z_mean, z_stddev),
        with_gradients(lambda mean, stddev: tf.reduce_sum(
            tfp.distributions.kl_divergence(
                Normal(mean, tf.abs(stddev)), Normal(0., 1.)), 1),
            z_mean, z_stddev))


@pytest.mark.parametrize("stddev", [1., -1.])
def test_latent_loss_is_zero_at_the_unit_gaussian_and_only_there(stddev):
    zero, one = tf.zeros([3, 5]), tf.fill([3, 5], stddev)
    assert np.all(latent_loss(zero, one) == 0)
    assert np.all(latent_loss(zero + .01, one) > 0)
    assert np.all(latent_loss(zero, one * 1.01) > 0)
    assert np.all(latent_loss(zero, one / 1.01) > 0)


def test_latent_loss_is_infinite_without_noise():
    assert np.isposinf(latent_loss(tf.zeros([1, 2]), tf.zeros([1, 2])))


@pytest.mark.parametrize("loss, inputs", [
    (latent_loss, RANDOM.normal(size=(2, 6, 4))),
    (generation_loss, (GENERATED, REAL)),
    (cross_entropy, (GENERATED, REAL))],
    ids=["latent_loss", "generation_loss", "cross_entropy"])
def test_a_loss_is_one_number_per_image_whatever_the_others_are(loss, inputs):
    a, b = np.float32(inputs)
    alone = [loss(a[i:i + 1], b[i:i + 1]).numpy().item() for i in range(6)]
    np.testing.assert_allclose(loss(a, b), alone, rtol=1e-6)
    assert len(set(alone)) == 6


def test_generation_loss_is_kerass_squared_error_times_the_pixels():
    keras = tf.keras.losses.MeanSquaredError(reduction="sum")
    assert_equal(
        with_gradients(lambda a, b: tf.reduce_sum(generation_loss(a, b)),
                       GENERATED, REAL),
        with_gradients(lambda a, b: keras(b, a), GENERATED, REAL))


def test_generation_loss_is_a_gaussians_of_variance_one_half():
    log_likelihood = tf.reduce_sum(
        Normal(GENERATED, .5 ** .5).log_prob(REAL), [1, 2, 3])
    constant = generation_loss(GENERATED, REAL) + log_likelihood
    np.testing.assert_allclose(constant, -32 * np.log(np.pi), rtol=1e-5)


def test_cross_entropy_is_kerass_with_its_gradients():
    keras = tf.keras.losses.BinaryCrossentropy(reduction="sum")
    assert_equal(
        with_gradients(lambda a: tf.reduce_sum(cross_entropy(a, REAL)),
                       GENERATED),
        with_gradients(lambda a: keras(tf.reshape(REAL, [-1, 1]),
                                       tf.reshape(a, [-1, 1])), GENERATED),
        rtol=1e-4)


@pytest.mark.parametrize("generated", [0., 1.])
def test_cross_entropy_stays_finite_where_a_pixel_is_surely_wrong(generated):
    wrong = tf.fill([1, 1, 1, 1], generated)
    loss, gradient = with_gradients(lambda g: cross_entropy(g, 1 - g), wrong)
    np.testing.assert_allclose(loss, -np.log(1e-8), rtol=1e-5)
    assert np.isfinite(gradient)


def test_no_image_costs_less_cross_entropy_than_the_right_one():
    best = cross_entropy(REAL, REAL)
    for wrong in (GENERATED, REAL + .005, REAL - .005, np.round(REAL)):
        assert np.all(cross_entropy(np.float32(wrong), REAL) > best)

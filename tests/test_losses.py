"""The losses against TensorFlow Probability and Keras."""

import numpy as np
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


def assert_equal(ours, theirs, arguments, rtol=1e-5):
    """Compare the values of two functions, and their gradients."""
    for a, b in zip(with_gradients(ours, *arguments),
                    with_gradients(theirs, *arguments), strict=True):
        np.testing.assert_allclose(a, b, rtol, atol=1e-5)


def test_latent_loss_is_tfps_kl_divergence():
    z_mean, z_stddev = RANDOM.normal(0, 3, (2, 50, 20))     # of both signs
    assert_equal(latent_loss, lambda mean, stddev: tf.reduce_sum(
        tfp.distributions.kl_divergence(
            Normal(mean, tf.abs(stddev)), Normal(0., 1.)), 1),
        [z_mean, z_stddev + .01 * np.sign(z_stddev)], rtol=1e-4)


def test_latent_loss_is_infinite_without_noise():
    assert np.all(np.isposinf(latent_loss(*tf.zeros([2, 3, 5]))))


def test_a_loss_is_one_number_per_image_whatever_the_others_are():
    z = np.float32(RANDOM.normal(size=(2, 6, 4)))
    images = GENERATED, REAL
    for loss, (a, b) in ((latent_loss, z), (generation_loss, images),
                         (cross_entropy, images)):
        alone = [loss(a[i:i + 1], b[i:i + 1]).numpy().item() for i in range(6)]
        np.testing.assert_allclose(loss(a, b), alone, rtol=1e-6)
        assert len(set(alone)) == 6


def test_generation_loss_is_kerass_squared_error_and_a_gaussians():
    keras = tf.keras.losses.MeanSquaredError(reduction="sum")
    assert_equal(lambda a, b: tf.reduce_sum(generation_loss(a, b)),
                 lambda a, b: keras(b, a), [GENERATED, REAL])
    log_likelihood = tf.reduce_sum(     # of variance 1/2
        Normal(GENERATED, .5 ** .5).log_prob(REAL), [1, 2, 3])
    constant = generation_loss(GENERATED, REAL) + log_likelihood
    np.testing.assert_allclose(constant, -32 * np.log(np.pi), rtol=1e-5)


def test_cross_entropy_is_kerass():
    keras = tf.keras.losses.BinaryCrossentropy(reduction="sum")
    assert_equal(lambda a: tf.reduce_sum(cross_entropy(a, REAL)),
                 lambda a: keras(tf.reshape(REAL, [-1, 1]),
                                 tf.reshape(a, [-1, 1])),
                 [GENERATED], rtol=1e-4)


def test_cross_entropy_is_finite_for_the_wrong_image():
    wrong = np.float32([0, 1]).reshape(2, 1, 1, 1)
    for function in (cross_entropy, tf.function(cross_entropy)):  # folded?
        loss, gradient = with_gradients(lambda g: function(g, 1 - g), wrong)
        np.testing.assert_allclose(loss, -np.log([1e-8, 1e-8]), rtol=1e-5)
        assert np.all(np.isfinite(gradient))
        assert np.all(np.abs(function(wrong, wrong)) < 1e-6)

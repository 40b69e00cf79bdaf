"""The networks: 2016's shapes, Keras's values, the sampling's moments."""

import numpy as np

from vae_tf import VAE, Memorizer, generation, recognition, sample_z
from vae_tf.networks import count_doublings
from vae_tf.ops import Scope
import tensorflow as tf

keras = tf.keras.layers
SHAPES_OF_2016 = {
    "d_h1/w": (5, 5, 1, 16), "d_h1/b": (16,),
    "d_h2/w": (5, 5, 16, 32), "d_h2/b": (32,),
    "w_mean/Matrix": (1568, 20), "w_mean/bias": (20,),
    "w_stddev/Matrix": (1568, 20), "w_stddev/bias": (20,),
    "z_matrix/Matrix": (20, 1568), "z_matrix/bias": (1568,),
    "g_h1/w": (5, 5, 16, 32), "g_h1/b": (16,),
    "g_h2/w": (5, 5, 1, 16), "g_h2/b": (1,),
}


def shapes(module):
    return {v.name.split(":")[0]: tuple(v.shape) for v in module.variables}


def weights(scope, *names):
    """Return a scope's weights and biases in the order of layers' names."""
    return [next(v for v in scope.variables if v.name == f"{name}/{kind}:0")
            for name in names for kind in (
                ("w", "b") if "_h" in name else ("Matrix", "bias"))]


def test_the_variables_are_2016s_and_the_deconvolutions_biases():
    vae = VAE()
    vae.loss(tf.zeros([1, 28, 28, 1]))
    assert shapes(vae) == SHAPES_OF_2016
    sizes = {v.name: tf.size(v).numpy() for v in vae.trainable_variables}
    assert sum(sizes.values()) == 122_153
    assert sum(sizes.values()) - sizes["g_h1/b:0"] - sizes["g_h2/b:0"] \
        == 122_136


def ours(network, x, *settings):
    """Return what a network of other weights makes of x, and its weights."""
    scope = Scope()
    with scope:
        network(x, *settings)
        for v in scope.variables:
            v.assign(tf.random.normal(v.shape, stddev=.1))
        return network(x, *settings), scope


def test_recognition_is_the_same_network_in_keras():
    x = tf.random.uniform([3, 28, 28, 1])
    values, scope = ours(recognition, x, 4)
    for head, value in zip(("w_mean", "w_stddev"), values):
        theirs = tf.keras.Sequential([
            keras.Input([28, 28, 1]),
            keras.Conv2D(16, 5, 2, "same"), keras.LeakyReLU(0.2),
            keras.Conv2D(32, 5, 2, "same"), keras.LeakyReLU(0.2),
            keras.Flatten(), keras.Dense(4)])
        theirs.set_weights(weights(scope, "d_h1", "d_h2", head))
        np.testing.assert_allclose(value, theirs(x), rtol=1e-4, atol=1e-4)


def test_generation_is_the_same_network_in_keras():
    z = tf.random.normal([3, 4])
    value, scope = ours(generation, z)
    theirs = tf.keras.Sequential([
        keras.Input([4]), keras.Dense(1568, "relu"),
        keras.Reshape([7, 7, 32]),
        keras.Conv2DTranspose(16, 5, 2, "same", activation="relu"),
        keras.Conv2DTranspose(1, 5, 2, "same", activation="sigmoid")])
    theirs.set_weights(weights(scope, "z_matrix", "g_h1", "g_h2"))
    np.testing.assert_allclose(value, theirs(z), rtol=1e-4, atol=1e-5)


def test_a_picture_is_halved_while_even_and_at_least_8():
    for size, doublings in (
            ((28, 28), 2), ((8, 8), 1), ((16, 24), 2), ((64, 8), 1),
            ((12, 12), 1), ((7, 7), 0), ((28, 27), 0)):
        assert count_doublings((*size, 1)) == doublings
    memorizer = Memorizer((64, 64, 3))
    images = memorizer.generation(tf.random.normal([5, 8], stddev=10))
    assert images.shape == (5, 64, 64, 3)
    assert 0 < np.min(images) < .5 < np.max(images) < 1
    assert [v.shape for v in memorizer.variables if len(v.shape) > 1] == [
        (5, 5, 64, 128), (5, 5, 32, 64), (5, 5, 16, 32), (5, 5, 3, 16),
        (8, 4 * 4 * 128)]


def test_a_sample_is_the_mean_and_its_own_noise_with_their_gradients():
    z_mean, z_stddev = tf.random.normal([2, 6, 3])
    tf.random.set_seed(1)
    noise = tf.random.normal([6, 3])
    with tf.GradientTape() as tape:
        tape.watch([z_mean, z_stddev])
        tf.random.set_seed(1)
        sampled = sample_z(z_mean, z_stddev)
    to_mean, to_stddev = tape.gradient(sampled, [z_mean, z_stddev])
    np.testing.assert_allclose(sampled, z_mean + z_stddev * noise, atol=1e-6)
    assert np.all(to_mean == 1)
    assert np.all(to_stddev == noise)
    assert np.all(sample_z(z_mean, z_stddev) != sampled)    # drawn anew

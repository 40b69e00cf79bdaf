"""The KL's weight against gradients, survivors against trained linear VAEs."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA

from vae_tf import latent_loss, sample_z
from vae_tf.lab.balance import LOSSES, REDUCTIONS, effective_beta, spectrum
from vae_tf.train import train_step

RANDOM = np.random.default_rng(0)
SIZE, N_Z, BATCHSIZE = (4, 3, 2), 5, 7
IMAGES, DRAWN = np.float32(RANDOM.uniform(.2, .8, (2, BATCHSIZE, *SIZE)))
Z_MEAN, Z_STDDEV = np.float32(RANDOM.uniform(.3, 2, (2, BATCHSIZE, N_Z)))
NAMES = ("over_pixels", "over_latents", "generation_batch", "latent_batch",
         "generation_weight", "latent_weight", "variance")


def test_beta_is_how_much_more_a_kl_weighs_than_an_error():
    kls = tf.stack([latent_loss(Z_MEAN[:, i:i + 1], Z_STDDEV[:, i:i + 1])
                    for i in range(N_Z)], 1)
    reduce = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
    for how, *words in itertools.product(LOSSES, *4 * [REDUCTIONS]):
        one, two, variance = weights = RANDOM.uniform(.1, 10, 3)
        pixels, latents, images, clouds = [reduce[word] for word in words]
        errors = tf.constant(np.square(DRAWN - IMAGES)) / (2 * variance) \
            if how == "squared error" else tf.keras.losses.binary_crossentropy(
                IMAGES[..., None], DRAWN[..., None])
        with tf.GradientTape() as tape:
            tape.watch([errors, kls])
            loss = one * images(pixels(errors, [1, 2, 3])) \
                + two * clouds(latents(kls, 1))
        error, kl = tape.gradient(loss, [errors, kls])
        assert np.ptp(error) < 1e-6 * np.max(error)
        assert np.ptp(kl) < 1e-6 * np.max(kl)
        beta, _ = effective_beta(IMAGES, N_Z, how, batchsize=BATCHSIZE,
                                 **dict(zip(NAMES, [*words, *weights])))
        assert beta == pytest.approx(np.mean(kl) / np.mean(error), rel=1e-5)


def test_the_spectrum_of_squared_errors_is_pcas():
    images = np.float32(RANDOM.uniform(size=(50, *SIZE)))
    pca = PCA().fit(np.float64(images).reshape(50, -1))
    np.testing.assert_allclose(spectrum(images),
                               pca.explained_variance_ * 49 / 50, rtol=1e-6)


def directions(n, deviations):
    """Return pictures of exact deviations along as many mixed directions."""
    d = len(deviations)
    scores = np.linalg.qr(RANDOM.normal(size=(n, d)))[0]
    scores -= scores.mean(axis=0)
    scores = np.linalg.qr(scores)[0] * np.sqrt(n)
    mixed = np.linalg.qr(RANDOM.normal(size=(d, d)))[0]
    images = .5 + scores * deviations @ mixed
    return np.float32(images.clip(0, 1)).reshape(n, 1, d, 1)


def linear_vae(images, n_z, how, latent_weight):
    """Train encoder and decoder as a matrix each; return Var z_mean."""
    x = tf.constant(images.reshape(len(images), -1))
    tf.random.set_seed(0)
    centre = tf.reduce_mean(x, 0)
    squared = how == "squared error"
    start = centre if squared else tf.math.log(centre / (1 - centre))
    model = tf.Module()
    model.w, model.v = [tf.Variable(.05 * tf.random.normal(shape)) for shape
                        in ([x.shape[1], n_z], [n_z, x.shape[1]])]
    model.bias, model.spread = tf.Variable(start), tf.Variable(tf.zeros(n_z))

    def loss(x):
        z_mean = (x - centre) @ model.w
        z_stddev = tf.broadcast_to(tf.exp(model.spread), z_mean.shape)
        y = model.bias + sample_z(z_mean, z_stddev) @ model.v
        errors = tf.square(y - x) if squared else (
            tf.nn.sigmoid_cross_entropy_with_logits(x, y))
        return {"loss": tf.reduce_sum(errors, 1)
                + latent_weight * latent_loss(z_mean, z_stddev)}

    model.loss = loss
    adam = tf.keras.optimizers.Adam(.01)
    adam.build(model.trainable_variables)
    step = tf.function(lambda: train_step(model, adam, [x]))
    for _ in range(4000):
        step()
    return np.var((x - centre) @ model.w, axis=0)


# Variances along five directions: .01, and half of it each time.
FIVE = directions(400, .1 * np.sqrt([1, 1/2, 1/4, 1/8, 1/16]))


def test_a_linear_vae_keeps_as_many_latents_as_predicted():
    for latent_weight, active in [(.05, 0), (.0141, 1), (.0071, 2),
                                  (.0036, 3)]:
        balance = effective_beta(FIVE, 5, latent_weight=latent_weight)
        variances = linear_vae(FIVE, 5, "squared error", latent_weight)
        assert balance.active == np.sum(variances > .01) == active
        # What is left of a latent's unit variance, by the same theory.
        left = 1 - latent_weight * .5 / spectrum(FIVE)
        np.testing.assert_allclose(np.sort(variances)[::-1], left.clip(0),
                                   atol=.05)


def test_the_variance_a_decoder_claims_is_part_of_the_price():
    assert effective_beta(FIVE, 3, latent_weight=1e-6).active == 3
    assert effective_beta(FIVE, 5, variance=.006) == (1, 1)
    assert effective_beta(FIVE, 5, variance=.0012) == (1, 4)


def test_under_cross_entropy_the_first_latent_dies_where_predicted():
    images = np.float32(np.sign(directions(600, .2 * np.array(
        [2, 1, .5, .3, .2])) - .5).clip(0, 1))
    for above in (.8, 1.25):
        latent_weight = above * spectrum(images, "cross-entropy")[0]
        balance = effective_beta(images, 3, "cross-entropy",
                                 latent_weight=latent_weight)
        variances = linear_vae(images, 3, "cross-entropy", latent_weight)
        assert (balance.active > 0) == (variances.max() > .02) == (above < 1)


def test_bad_input_is_named():
    counts, rates = [0, 1.5, True, "3", None], [0, np.inf, "1", None, True]
    bad = {"images": [IMAGES[:1], IMAGES[0], np.uint8(IMAGES), 3 + IMAGES],
           "n_z": counts, "batchsize": counts,
           **dict.fromkeys(["generation_loss", *NAMES[:4]], ["mse", None]),
           **dict.fromkeys(NAMES[4:], rates)}
    for name, value in [(n, v) for n, values in bad.items() for v in values]:
        given = {"images": IMAGES, "n_z": 5, "generation_batch": "sum",
                 "batchsize": 7, name: value}
        with pytest.raises((TypeError, ValueError), match=(
                f"^The '{name}' parameter of effective_beta must .* Got ")):
            effective_beta(**given)

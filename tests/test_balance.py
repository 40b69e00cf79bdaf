"""The KL's weight against gradients, survivors against trained linear VAEs."""

import itertools

import numpy as np
import pytest

from tests.test_checks import IMAGES, NO_COUNTS, NO_RATES
from vae_tf import latent_loss
from vae_tf.balance import LOSSES, REDUCTIONS, effective_beta, spectrum
import tensorflow as tf

RANDOM = np.random.default_rng(0)
PIXELS, N_Z, BATCHSIZE = (4, 3, 2), 5, 7
PICTURES = np.float32(RANDOM.uniform(.2, .8, (BATCHSIZE, *PIXELS)))
DRAWN = np.float32(RANDOM.uniform(.2, .8, (BATCHSIZE, *PIXELS)))
Z_MEAN, Z_STDDEV = np.float32(RANDOM.uniform(.3, 2, (2, BATCHSIZE, N_Z)))
REDUCE = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}


def written_out(how, over_pixels, over_latents, generation_batch,
                latent_batch, generation_weight, latent_weight, variance):
    """Return how the loss weighs one pixel's error and one latent's KL."""
    if how == "squared error":
        errors = tf.constant(np.float32(
            np.square(DRAWN - PICTURES) / (2 * variance)))
    else:
        errors = tf.keras.losses.binary_crossentropy(
            PICTURES[..., None], DRAWN[..., None])
    kls = tf.constant(np.stack([latent_loss(Z_MEAN[:, i:i + 1],
                                            Z_STDDEV[:, i:i + 1])
                                for i in range(N_Z)], 1))
    with tf.GradientTape() as tape:
        tape.watch([errors, kls])
        flat = tf.reshape(errors, [BATCHSIZE, -1])
        loss = generation_weight * REDUCE[generation_batch](
            REDUCE[over_pixels](flat, 1)) + latent_weight * REDUCE[
                latent_batch](REDUCE[over_latents](kls, 1))
    gradients = tape.gradient(loss, [errors, kls])
    for gradient in gradients:
        assert np.ptp(gradient) < 1e-6 * np.max(gradient)
    return [float(np.mean(gradient)) for gradient in gradients]


@pytest.mark.parametrize("how", LOSSES)
@pytest.mark.parametrize("reductions", [
    *itertools.product(REDUCTIONS, repeat=4)])
def test_beta_is_how_much_more_a_kl_weighs_than_an_error(how, reductions):
    weights = RANDOM.uniform(.1, 10, 3)
    error, kl = written_out(how, *reductions, *weights)  # of error / 2 s^2
    names = ("over_pixels", "over_latents", "generation_batch",
             "latent_batch", "generation_weight", "latent_weight", "variance")
    beta, _ = effective_beta(PICTURES, N_Z, how, batchsize=BATCHSIZE,
                             **dict(zip(names, [*reductions, *weights])))
    assert beta == pytest.approx(kl / error, rel=1e-5)


def test_the_article_s_line_and_the_program_s():
    images = np.float32(RANDOM.uniform(size=(3, 28, 28, 1)))
    assert effective_beta(images, 20, over_pixels="mean").beta == (
        pytest.approx(784))
    assert effective_beta(images, 20, "cross-entropy").beta == 1


def test_the_spectrum_of_squared_errors_is_pcas():
    from sklearn.decomposition import PCA

    images = np.float32(RANDOM.uniform(size=(50, *PIXELS)))
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


def linear_vae(images, n_z, how, latent_weight, variance=.5, steps=4000):
    """Train encoder and decoder as a matrix each; return Var z_mean."""
    x = tf.constant(images.reshape(len(images), -1))
    d = x.shape[1]
    tf.random.set_seed(0)
    centre = tf.reduce_mean(x, 0)
    start = centre if how == "squared error" else tf.math.log(
        centre / (1 - centre))
    w = tf.Variable(.05 * tf.random.normal([d, n_z]))
    v = tf.Variable(.05 * tf.random.normal([n_z, d]))
    bias, spread = tf.Variable(start), tf.Variable(tf.zeros([n_z]))
    adam = tf.keras.optimizers.Adam(.01)
    adam.build([w, v, bias, spread])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            z_mean, z_stddev = (x - centre) @ w, tf.exp(spread)
            z = z_mean + z_stddev * tf.random.normal([len(images), n_z])
            y = bias + z @ v
            errors = tf.square(y - x) / (2 * variance) if (
                how == "squared error") else (
                tf.nn.sigmoid_cross_entropy_with_logits(x, y))
            kl = latent_loss(z_mean, tf.broadcast_to(z_stddev, z_mean.shape))
            loss = tf.reduce_mean(tf.reduce_sum(errors, 1)
                                  + latent_weight * kl)
        variables = [w, v, bias, spread]
        adam.apply_gradients(zip(tape.gradient(loss, variables), variables))

    for _ in range(steps):
        step()
    return np.var((x - centre) @ w, axis=0)


# Variances along five directions: .01, and half of it each time.
FIVE = directions(400, .1 * np.sqrt([1, 1/2, 1/4, 1/8, 1/16]))


@pytest.mark.parametrize("latent_weight, active", [
    (.05, 0), (.0141, 1), (.0071, 2), (.0036, 3)])
def test_a_linear_vae_keeps_as_many_latents_as_predicted(latent_weight,
                                                         active):
    balance = effective_beta(FIVE, 5, latent_weight=latent_weight)
    assert balance.active == active
    variances = linear_vae(FIVE, 5, "squared error", latent_weight)
    assert np.sum(variances > .01) == active
    # What is left of a latent's unit variance, by the same theory.
    left = 1 - latent_weight * .5 / spectrum(FIVE)
    np.testing.assert_allclose(np.sort(variances)[::-1], left.clip(0),
                               atol=.05)


def test_no_more_latents_survive_than_there_are():
    assert effective_beta(FIVE, 3, latent_weight=1e-6).active == 3


def test_the_variance_a_decoder_claims_is_part_of_the_price():
    quiet = effective_beta(FIVE, 5, variance=.006)
    loud = effective_beta(FIVE, 5, variance=.0012)
    assert quiet.beta == loud.beta == 1
    assert (quiet.active, loud.active) == (1, 4)


@pytest.mark.parametrize("above", [.8, 1.25])
def test_under_cross_entropy_the_first_latent_dies_where_predicted(above):
    images = np.float32(np.sign(directions(600, .2 * np.array(
        [2, 1, .5, .3, .2])) - .5).clip(0, 1))
    latent_weight = above * spectrum(images, "cross-entropy")[0]
    balance = effective_beta(images, 3, "cross-entropy",
                             latent_weight=latent_weight)
    variances = linear_vae(images, 3, "cross-entropy", latent_weight)
    assert (balance.active > 0) == (variances.max() > .02) == (above < 1)


CASES = [
    ("images", lambda v: effective_beta(v, 5), IMAGES[:1], "at least 2"),
    ("images", lambda v: effective_beta(v, 5), IMAGES[..., 0], "[6, 28, 28]"),
    ("images", lambda v: effective_beta(v, 5), np.uint8(IMAGES), "uint8"),
    ("images", lambda v: effective_beta(v, 5), 3 + IMAGES, "[0, 1]"),
    ("generation_loss", lambda v: effective_beta(IMAGES, 5, v), "mse",
     "'squared error' or 'cross-entropy'. Got 'mse'"),
    *((name, lambda v, name=name: effective_beta(IMAGES, 5, **{name: v}),
       value, f"'sum' or 'mean'. Got {value!r}")
      for name in ("over_pixels", "over_latents", "generation_batch",
                   "latent_batch") for value in ("average", None, 1)),
    *(("n_z", lambda v: effective_beta(IMAGES, v), *case)
      for case in NO_COUNTS),
    *(("batchsize", lambda v: effective_beta(
        IMAGES, 5, generation_batch="sum", batchsize=v), *case)
      for case in NO_COUNTS),
    *((name, lambda v, name=name: effective_beta(IMAGES, 5, **{name: v}),
       *case) for name in ("generation_weight", "latent_weight", "variance")
      for case in NO_RATES)]


@pytest.mark.parametrize("name, call, value, part", CASES)
def test_bad_input_is_named(name, call, value, part):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(value)
    assert f"The {name!r} parameter of effective_beta must" in str(
        caught.value)
    assert part in str(caught.value)

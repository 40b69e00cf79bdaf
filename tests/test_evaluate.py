"""Each number of evaluate against somebody else's computation of it."""

import inspect
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import linalg, signal
from sklearn.datasets import load_digits
from sklearn.metrics import mean_squared_error

from vae_tf import VAE, Memorizer, cross_entropy, generation_loss
from vae_tf.lab.evaluate import (active_units, frechet_distance, kl_per_latent,
                                 mse, negative_elbo, sharpness, sign_ambiguous)

Bernoulli, Normal = tfp.distributions.Bernoulli, tfp.distributions.Normal
RANDOM, approx = np.random.default_rng(0), pytest.approx
SMALL = np.float32(load_digits().images / 16).repeat(3, 1).repeat(3, 2)
IMAGES = np.pad(SMALL, [(0, 0), (2, 2), (2, 2)])[..., None]
BINARY = np.float32(IMAGES > .5)
COLOURS = np.float32(RANDOM.uniform(size=(5, 9, 7, 3)))
for readers in (IMAGES, BINARY, COLOURS):
    readers.setflags(write=False)
TERMS = pytest.mark.parametrize("terms", [generation_loss, cross_entropy])


def normal(n, d, scale=1, seed=0):
    """Return features of d dimensions, no two of them alike or unrelated."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, d)) @ random.normal(size=(d, d))
    return np.float32(scale * mixed + random.normal(size=d))


def telling(n_z=4, terms=generation_loss, **values):
    """Return a VAE whose codes tell much, but for weights of given values."""
    vae = VAE(n_z, terms)
    tf.random.set_seed(0)
    vae.loss(IMAGES[:1])
    values = {"w_stddev_b": np.resize([1., -1, .5, -2], n_z), **values}
    for weights in vae.variables:
        [value] = [value for name, value in values.items() if weights.name
                   .replace("/", "_").startswith(name)] or [6 * weights]
        weights.assign(np.broadcast_to(value, weights.shape))
    return vae


def with_variances(images, *variances):
    """Return a VAE whose z_mean has these variances over the images."""
    vae = telling(len(variances), w_mean_b=np.arange(1., 1 + len(variances)))
    [matrix] = [v for v in vae.variables if v.name.startswith("w_mean/M")]
    codes = np.float64(vae.recognition(images)[0])
    matrix.assign(matrix * np.sqrt(variances) / codes.std(axis=0))
    return vae


def test_mse_is_scikit_learns_per_pixel_whatever_the_size():
    assert mse(COLOURS, COLOURS[::-1]) == approx(mean_squared_error(
        COLOURS.ravel(), COLOURS[::-1].ravel()), rel=1e-5)
    for shape in ((1, 2, 2, 1), (3, 28, 28, 1), (2, 64, 64, 3)):
        assert mse(np.zeros(shape), np.full(shape, .5)) == .25


def test_sharpness_is_the_variance_of_a_convolution_with_the_kernel():
    kernel = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    expected = [signal.convolve2d(image[..., c], kernel, "same", "symm").var()
                for image in COLOURS for c in range(3)]
    assert sharpness(COLOURS) == approx(np.mean(expected), rel=1e-5)


def tfps_kl(z_mean, z_stddev):
    return tfp.distributions.kl_divergence(
        Normal(z_mean, tf.abs(z_stddev)), Normal(0., 1.))


def test_kl_per_latent_is_tfps_averaged_over_the_images():
    vae = telling()
    for n in (1, 999, 1_000, 1_797):
        clouds = vae.recognition(IMAGES[:n])
        kl = kl_per_latent(vae, IMAGES[:n])
        assert np.any(clouds[1] < 0) and np.any(clouds[1] > 0)
        assert kl.shape == (4,) and len(set(kl)) == 4
        np.testing.assert_allclose(kl, np.mean(tfps_kl(*clouds), 0), rtol=1e-4)


def test_active_units_are_those_that_vary_from_image_to_image():
    vae = with_variances(IMAGES[:1_100], .0111, 4, 0, .009, .0091, .3)
    thresholds = 1e-9, .0089, .00905, .01, .05, 3.9, 4.1
    assert [active_units(vae, IMAGES[:1_100], threshold)
            for threshold in thresholds] == [5, 5, 4, 3, 2, 1, 0]
    assert active_units(vae, IMAGES[:1_100]) == 3


def test_signs_are_ambiguous_where_both_occur():
    z_stddev = np.ones([3000, 4])
    z_stddev[:, 1] = -1
    z_stddev[:3, 2] = -1    # one in a thousand is no cloud of its own
    z_stddev[:4, 3] = -1
    assert sign_ambiguous(z_stddev) == sign_ambiguous(-z_stddev) == 1
    assert sign_ambiguous(np.zeros([2, 3])) == 0


@TERMS
def test_negative_elbo_is_tfps_for_the_same_draws(terms):
    vae, images = telling(terms=terms), BINARY[:1_100]
    tf.random.set_seed(5)
    noise = tf.concat([tf.random.normal([n, 4]) for n in (1_000, 100)], 0)
    z_mean, z_stddev = vae.recognition(images)
    pixels = vae.generation(z_mean + z_stddev * noise)
    assert np.std(pixels, axis=0).mean() > .02
    if terms is cross_entropy:
        likelihood = Bernoulli(probs=pixels).log_prob(images)
    else:                              # less the constant of the Gaussian
        likelihood = Normal(pixels, .5 ** .5).log_prob(images)
        likelihood += .5 * np.log(np.pi)
    expected = np.sum(tfps_kl(z_mean, z_stddev), 1) - np.sum(
        likelihood, (1, 2, 3))
    tf.random.set_seed(5)
    ours = negative_elbo(vae, np.float64(images))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    assert np.mean(negative_elbo(vae, images) != ours) > .9     # other draws


@TERMS
@pytest.mark.filterwarnings("error")
def test_nothing_is_nan_whatever_the_clouds_and_the_pixels(terms):
    for z_mean, z_stddev, infinite in [
            (0, 0, True), (1, 0, True), (1, 1e-45, True), (0, 1e-25, True),
            (1, -2e-19, False), (1, -1e20, True), (-1e20, 1, True)]:
        vae = telling(2, terms, w_mean_M=0, w_mean_b=[z_mean, 1],
                      w_stddev_M=0, w_stddev_b=[z_stddev, -1])
        kl = kl_per_latent(vae, BINARY[:2])
        assert np.isinf(kl).tolist() == [infinite, False] and kl.min() > 0
        is_right = np.isposinf if infinite else np.isfinite
        assert np.all(is_right(negative_elbo(vae, BINARY[:2])))


@pytest.mark.parametrize("n, m, d", [(200, 50, 5), (66, 300, 64), (9, 9, 1)])
def test_frechet_distance_is_the_form_with_the_root_of_a_matrix(n, m, d):
    x, y = np.float64(normal(n, d)), np.float64(normal(m, d, 2, seed=1))
    a, b = [z - z.mean(axis=0) for z in (x, y)]
    a, b = a.T @ a / (n - 1), b.T @ b / (m - 1)
    expected = np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)) ** 2 \
        + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(x, y) == approx(expected, rel=1e-4)
    dull = np.maximum(normal(400, d, 9), 0)
    dull[:, d // 2 + 1:] = 0                    # features that never fire
    assert 0 <= frechet_distance(dull, RANDOM.permutation(dull)) < 1e-2
    assert frechet_distance(0 * dull, 0 * dull) == 0
    many = normal(1_000, 3) + np.float32(5_000)
    assert frechet_distance(many, np.tile(many, (30, 1))) < 1e-4


def test_bad_input_gets_one_line():
    grey, x = np.full([6, 28, 28, 1], .5), normal(7, 6)
    images = [grey[..., 0], np.uint8(grey), 3 * grey, np.nan * grey, grey[:0]]
    sized = [*images, COLOURS]
    sets = [x[0], np.uint8(x), np.nan * x, None, x[:0]]
    models = [Memorizer(), VAE, None, telling(w_mean_b=np.nan)]
    for function, name, good, bad in [
            (mse, "originals", [grey], [*sized]),
            (mse, "images", [grey], images), (sharpness, "images", [], images),
            (sign_ambiguous, "z_stddev", [], sets),
            (kl_per_latent, "model", [grey], models),
            (kl_per_latent, "images", [telling()], sized),
            (active_units, "images", [telling()], [*sized, grey[:1]]),
            (active_units, "threshold", [telling(), grey], [0, np.inf, "1"]),
            (negative_elbo, "model", [grey], [
                *models, telling(g_h2_b=np.nan)]),
            (frechet_distance, "features", [x], [*sets, x[:6]]),
            (frechet_distance, "others", [x], [*sets, normal(7, 5)])]:
        names = [one for one in inspect.signature(function).parameters
                 if one != name]
        for value in bad:
            with pytest.raises((TypeError, ValueError)) as error:
                function(**dict(zip(names, good)), **{name: value})
            assert re.fullmatch(
                f"The '{name}' parameter of {function.__name__} must .* "
                "Got .*", str(error.value))
    with pytest.raises(ValueError, match=r"inconsistent numbers .*\[4, 6\]"):
        mse(grey[:4], grey)

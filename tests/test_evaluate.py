"""Each number of evaluate against somebody else's computation of it."""

import math

import numpy as np
import pytest
import tensorflow_probability as tfp
from scipy import linalg, ndimage, signal, special, stats
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.metrics import mean_squared_error

from tests.test_checks import BAD_CODES, BAD_IMAGES, BAD_LABELS, CODES
from tests.test_checks import IMAGES as SIX, NO_COUNTS, NO_RATES
from vae_tf import (VAE, Autoencoder, Memorizer, cross_entropy,
                    generation_loss, latent_loss)
from vae_tf.evaluate import (Classifier, active_units, caught,
                             frechet_distance, kl_per_latent, mse,
                             negative_elbo, negative_log_likelihood,
                             precision_recall, sharpness)
import tensorflow as tf

Bernoulli, Normal = tfp.distributions.Bernoulli, tfp.distributions.Normal
RANDOM = np.random.default_rng(0)
LABELS = load_digits().target
SMALL = np.float32(load_digits().images / 16).repeat(3, 1).repeat(3, 2)
IMAGES = np.pad(SMALL, [(0, 0), (2, 2), (2, 2)])[..., None]
COLOURS = np.float32(RANDOM.uniform(size=(5, 9, 7, 3)))


def normal(n, d, scale=1, seed=0):
    """Return features of d dimensions, no two of them alike or unrelated."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, d)) @ random.normal(size=(d, d))
    return np.float32(scale * mixed + random.normal(size=d))


def variable(model, name):
    (found,) = [v for v in model.variables if v.name.startswith(name)]
    return found


def telling(n_z=4, terms=generation_loss):
    """Return a VAE whose codes tell much, and whose images follow them."""
    vae = VAE(n_z, terms)
    tf.random.set_seed(0)
    vae.loss(IMAGES[:1])
    for weights in vae.variables:
        weights.assign(6 * weights)
    variable(vae, "w_stddev/bias").assign(np.resize([1., -1, .5, -2], n_z))
    return vae


def with_variances(images, *variances):
    """Return a VAE whose z_mean has these variances over the images."""
    vae = telling(len(variances))
    matrix, codes = variable(vae, "w_mean/M"), vae.recognition(images)[0]
    matrix.assign(matrix * np.sqrt(variances) / np.float64(codes).std(axis=0))
    variable(vae, "w_mean/bias").assign(np.arange(1., 1 + len(variances)))
    return vae


@pytest.fixture(scope="module")
def judge():
    return Classifier(IMAGES[:1_300], LABELS[:1_300], epochs=6)


def test_mse_is_scikit_learns():
    ours = mse(COLOURS, COLOURS[::-1])
    assert isinstance(ours, float)
    assert ours == pytest.approx(mean_squared_error(
        COLOURS.ravel(), COLOURS[::-1].ravel()), rel=1e-5)


def test_mse_is_per_pixel_whatever_the_size():
    for shape in ((1, 2, 2, 1), (3, 28, 28, 1), (2, 64, 64, 3)):
        assert mse(np.zeros(shape), np.full(shape, .5)) == .25
        assert mse(np.ones(shape), np.ones(shape)) == 0


def test_sharpness_is_the_variance_of_a_convolution_with_the_kernel():
    kernel = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    expected = [signal.convolve2d(image[..., c], kernel, "same", "symm").var()
                for image in COLOURS for c in range(3)]
    assert sharpness(COLOURS) == pytest.approx(np.mean(expected), rel=1e-5)


def test_sharpness_of_noise_is_20_times_its_variance():
    noise = np.random.default_rng(1).uniform(size=(1, 400, 400, 1))
    assert sharpness(noise) == pytest.approx(20 / 12, rel=.02)


def test_sharpness_is_zero_without_edges_even_from_image_to_image():
    levels = np.linspace(0, 1, 6).reshape(2, 1, 1, 3)
    assert sharpness(np.tile(levels, (1, 9, 9, 1))) < 1e-12


def test_sharpness_falls_with_every_blur():
    blurred = [ndimage.gaussian_filter(IMAGES[:20], [0, s, s, 0]).clip(0, 1)
               for s in (0, .5, 1, 2)]
    assert np.all(np.diff([sharpness(images) for images in blurred]) < 0)


@pytest.mark.parametrize("n", [1, 999, 1_000, 1_797])
def test_kl_per_latent_is_tfps_averaged_over_the_images(n):
    vae = telling()
    z_mean, z_stddev = vae.recognition(IMAGES[:n])
    expected = tfp.distributions.kl_divergence(
        Normal(z_mean, tf.abs(z_stddev)), Normal(0., 1.))
    kl = kl_per_latent(vae, IMAGES[:n])
    assert np.any(z_stddev < 0) and np.any(z_stddev > 0)
    assert kl.shape == (4,) and len(set(kl)) == 4
    np.testing.assert_allclose(kl, np.mean(expected, axis=0), rtol=1e-4)


def test_kl_per_latent_adds_up_to_the_latent_loss():
    vae = telling()
    latent = np.mean(latent_loss(*vae.recognition(IMAGES)))
    assert kl_per_latent(vae, IMAGES).sum() == pytest.approx(latent, rel=1e-4)


def test_a_latent_variable_that_is_the_unit_gaussian_tells_nothing():
    vae = with_variances(IMAGES[:50], 0, 4)
    variable(vae, "w_mean/bias").assign([0., 0.])
    stddev = variable(vae, "w_stddev/M")
    stddev.assign(tf.zeros_like(stddev))
    variable(vae, "w_stddev/bias").assign([-1., 1.])
    silent, loud = kl_per_latent(vae, IMAGES[:50])
    assert abs(silent) < 1e-6 < 1 < loud


@pytest.mark.parametrize("n, threshold, active", [
    (5, 1e-9, 5), (5, .0089, 5), (5, .00905, 4), (5, None, 3), (5, .05, 2),
    (5, 3.9, 1), (5, 4.1, 0), (1_100, None, 3), (1_797, .00905, 4)])
def test_active_units_are_those_that_vary_above_the_threshold(
        n, threshold, active):
    vae = with_variances(IMAGES[:n], .0111, 4, 0, .009, .0091, .3)
    settings = {"threshold": threshold} if threshold else {}
    assert active_units(vae, IMAGES[:n], **settings) == active


def test_caught_are_those_that_are_negative_here_and_positive_there():
    z_stddev = np.ones([3000, 4])
    z_stddev[:, 1] = -1
    z_stddev[:3, 2] = -1    # one in a thousand is no cloud of its own
    z_stddev[:4, 3] = -1
    assert caught(z_stddev) == caught(-z_stddev) == 1
    assert caught(np.zeros([2, 3])) == 0


def test_active_units_vary_from_image_to_image_not_from_unit_to_unit():
    vae = with_variances(IMAGES[:9], 0, 0, 0)
    assert np.var(vae.recognition(IMAGES[:9])[0], axis=1).min() > .5
    assert active_units(vae, IMAGES[:9]) == 0


@pytest.mark.parametrize("terms", [generation_loss, cross_entropy])
@pytest.mark.parametrize("n", [1, 1_100])
def test_negative_elbo_is_tfps_for_the_same_draws(terms, n):
    vae, images = telling(terms=terms), np.float32(IMAGES[:n] > .5)
    tf.random.set_seed(5)
    noise = [tf.random.normal([len(part), 4])
             for part in np.split(images, range(1_000, n, 1_000))]
    z_mean, z_stddev = vae.recognition(images)
    pixels = vae.generation(z_mean + z_stddev * tf.concat(noise, 0))
    assert np.std(pixels, axis=0).mean() > .02 or n == 1
    if terms is cross_entropy:
        likelihood = Bernoulli(probs=pixels).log_prob(images)
    else:                              # less the constant of the Gaussian
        likelihood = Normal(pixels, .5 ** .5).log_prob(images)
        likelihood += .5 * np.log(np.pi)
    kl = tfp.distributions.kl_divergence(
        Normal(z_mean, tf.abs(z_stddev)), Normal(0., 1.))
    tf.random.set_seed(5)
    ours = negative_elbo(vae, images)
    assert ours.shape == (n,)
    np.testing.assert_allclose(ours, np.sum(kl, 1) - np.sum(
        likelihood, (1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("terms", [generation_loss, cross_entropy])
def test_negative_elbo_is_on_average_the_loss_of_the_model(terms):
    vae = telling(terms=terms)
    tf.random.set_seed(5)
    loss = vae.loss(IMAGES[:500])["loss"].numpy()
    tf.random.set_seed(5)
    ours = negative_elbo(vae, IMAGES[:500])
    assert ours.mean() == pytest.approx(loss, rel=1e-6)
    again = negative_elbo(vae, IMAGES[:500])
    assert np.mean(again != ours) > .9      # other draws


def test_the_likelihood_is_the_integral_over_the_codes():
    vae, images = telling(1, cross_entropy), np.float32(IMAGES[:3] > .5)
    for name, value in {"w_mean/M": 0., "w_stddev/M": 0., "w_mean/b": .5,
                        "w_stddev/b": -1.5}.items():  # a wide cloud
        weights = variable(vae, name)
        weights.assign(tf.fill(weights.shape, value))
    z = np.linspace(-9, 9, 20_001, dtype=np.float32)[:, None]
    pixels = np.concatenate([vae.generation(part)
                             for part in np.split(z[1:], 20)])
    density = stats.norm.logpdf(z[1:, 0])
    whole = [-special.logsumexp(np.sum(Bernoulli(probs=pixels).log_prob(
        image), (1, 2, 3)) + density + np.log(z[1, 0] - z[0, 0]))
        for image in images]
    tf.random.set_seed(5)
    ours = negative_log_likelihood(vae, images, draws=12_000)
    assert ours.shape == (3,) and np.std(whole) > .1
    np.testing.assert_allclose(ours, whole, atol=.05)


def test_one_draw_is_a_negative_elbo_and_more_come_closer():
    vae, images = telling(terms=cross_entropy), np.float32(IMAGES[:500] > .5)
    tf.random.set_seed(5)
    one, ten = [negative_log_likelihood(vae, images, draws)
                for draws in (1, 10)]
    elbo = negative_elbo(vae, images)
    assert stats.ttest_rel(one, elbo).pvalue > .001
    assert stats.ttest_rel(one, ten, alternative="greater").pvalue < 1e-9


def test_grey_pixels_have_no_likelihood():
    message = "pixels that are 0 or 1. Got 2 others instead"
    grey = np.zeros([1, 28, 28, 1], np.float32)
    grey[0, :2, 0] = .5
    with pytest.raises(ValueError, match=message):
        negative_log_likelihood(VAE_4, grey)


@pytest.mark.parametrize("kind", [np.float64, np.float16, tf.constant,
                                  lambda x: tf.constant(x, tf.float64)],
                         ids=["float64", "float16", "tensor", "tensor64"])
def test_odd_but_valid_images_give_the_same_numbers(kind):
    vae, whole = telling(), np.round(IMAGES[:3])
    variable(vae, "w_stddev/M").assign(np.zeros([1_568, 4]))
    variable(vae, "w_stddev/bias").assign(np.full(4, 1e-6))
    for measure in (kl_per_latent, negative_elbo, active_units):
        np.testing.assert_allclose(measure(vae, kind(whole)),
                                   measure(vae, whole), rtol=1e-4)
    assert sharpness(kind(whole)) == pytest.approx(sharpness(whole))
    assert mse(kind(whole), whole) == 0


def test_the_classifier_reads_digits_it_has_not_seen(judge):
    read = judge.predict(IMAGES[1_300:])
    assert read.shape == (497,) and set(read) == set(range(10))
    assert np.mean(read == LABELS[1_300:]) > .85


def test_features_are_64_numbers_alike_for_one_digit(judge):
    seen, new = judge.features(IMAGES[:1_300]), judge.features(IMAGES[1_300:])
    assert seen.shape == (1_300, 64) and new.shape == (497, 64)
    means = [seen[LABELS[:1_300] == digit].mean(axis=0) for digit in range(10)]
    nearest = cdist(new, means).argmin(axis=1)
    assert np.mean(nearest == LABELS[1_300:]) > .8
    assert np.mean(nearest == judge.predict(IMAGES[1_300:])) > .8


def test_an_images_features_do_not_depend_on_the_others(judge):
    together, alone = judge.features(IMAGES), judge.features(IMAGES[1_700:])
    np.testing.assert_allclose(together[1_700:], alone, rtol=1e-3, atol=1e-4)


def test_one_seed_gives_the_same_bits_whatever_came_before():
    data = IMAGES[:100], LABELS[:100]
    first, other, again = [Classifier(*data, 1, seed).features(IMAGES[:9])
                           for seed in (2**32 - 1, 3, 2**32 - 1)]
    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other)


def test_the_judge_tells_digits_from_noise(judge):
    noise = RANDOM.permuted(IMAGES[:400].reshape(400, 784), axis=1)
    noise = noise.reshape(400, 28, 28, 1)
    real, digits, noise = map(
        judge.features, (IMAGES[:400], IMAGES[400:800], noise))
    assert frechet_distance(real, noise) > 5 * frechet_distance(real, digits)
    for good, bad in zip(precision_recall(real, digits),
                         precision_recall(real, noise)):
        assert good > .6 > .3 > bad


@pytest.mark.parametrize("n, m, d", [(200, 50, 5), (66, 300, 64), (9, 9, 1)])
def test_frechet_distance_is_the_form_with_the_root_of_a_matrix(n, m, d):
    x, y = np.float64(normal(n, d)), np.float64(normal(m, d, 2, seed=1))
    a, b = [z - z.mean(axis=0) for z in (x, y)]
    a, b = a.T @ a / (n - 1), b.T @ b / (m - 1)
    expected = np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)) ** 2 \
        + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-4)


def test_frechet_distance_has_a_closed_form_for_independent_features():
    one = np.random.default_rng(0).normal(size=(500, 4))
    one = (one - one.mean(axis=0)) @ np.linalg.inv(
        np.linalg.cholesky(np.cov(one.T))).T        # exactly unit Gaussian
    s, t = np.array([[1, 2, .5, 3], [2, 2, .1, 1]])
    u, v = np.array([[0, 1, -2, 4], [1, 1, -4, 0]])
    expected = np.sum((u - v) ** 2) + np.sum((s - t) ** 2)
    distance = frechet_distance(u + s * one, v + t * one[:, ::-1])
    assert distance == pytest.approx(expected, rel=1e-4)


def test_frechet_distance_of_one_feature_is_that_of_two_numbers():
    x, y = np.float32([[0], [2], [4]]), np.float32([[9], [10], [11], [10]])
    s, t = 4 ** .5, (2 / 3) ** .5
    assert frechet_distance(x, y) == pytest.approx(64 + (s - t) ** 2)


@pytest.mark.parametrize("d", [1, 2, 64])
def test_frechet_distance_of_a_set_from_itself_is_zero_and_never_less(d):
    dull = np.maximum(normal(400, d, 9), 0)
    dull[:, d // 2 + 1:] = 0                    # features that never fire
    twice = normal(400, d, 9).repeat(2, axis=1)
    for features in (normal(400, d, 9), dull, twice):
        shuffled = RANDOM.permutation(features)
        assert 0 <= frechet_distance(features, features) < 1e-2
        assert 0 <= frechet_distance(features, shuffled) < 1e-2
    assert frechet_distance(0 * dull, 0 * dull) == 0


def test_frechet_distance_is_symmetric_and_only_relative():
    x, y = normal(100, 6), normal(80, 6, 2, seed=1)
    distance = frechet_distance(x, y)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    assert frechet_distance(y, x) == pytest.approx(distance, rel=1e-5)
    assert frechet_distance(x @ turn + 3, y @ turn + 3) \
        == pytest.approx(distance, rel=1e-4)
    assert frechet_distance(3 * x, 3 * y) \
        == pytest.approx(9 * distance, rel=1e-5)
    assert abs(frechet_distance(x @ turn, y) / distance - 1) > .01


def test_frechet_distance_is_exact_for_many_features_far_from_zero():
    features = normal(1_000, 3) + np.float32(5_000)
    assert frechet_distance(features, np.tile(features, (30, 1))) < 1e-4


def share_by_hand(points, reference, k):
    """Return the share of points in a k-nearest ball, pair by pair."""
    radii = [sorted(math.dist(r, other) for j, other in enumerate(reference)
                    if j != i)[k - 1] for i, r in enumerate(reference)]
    return np.mean([any(math.dist(p, r) <= radius for r, radius
                        in zip(reference, radii)) for p in points])


@pytest.mark.parametrize("k", [None, 1, 2, 3, 5, 29])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_precision_and_recall_are_what_all_pairs_say(k, d):
    real, generated = normal(40, d), normal(30, d, .7)
    expected = (share_by_hand(generated, real, k or 3),
                share_by_hand(real, generated, k or 3))
    settings = {"k": k} if k else {}
    assert precision_recall(real, generated, **settings) == expected


@pytest.mark.parametrize("k", [1, 2, 4])
def test_ties_and_duplicates_count_as_near(k):
    real, generated = np.float32(RANDOM.integers(0, 6, (2, 40, 2)))
    assert len(np.unique(real, axis=0)) < 40
    assert precision_recall(real, generated, k) == (
        share_by_hand(generated, real, k), share_by_hand(real, generated, k))


@pytest.mark.parametrize("features", [
    normal(1_200, 3), normal(50, 64), np.tile(normal(50, 64), (5, 1)),
    np.tile(normal(1, 64), (9, 1)), np.zeros([9, 2], np.float32)],
    ids="many few duplicates one-point zeros".split())
def test_a_set_is_near_itself_wholly(features):
    shuffled = RANDOM.permutation(features)
    assert precision_recall(features, shuffled) == (1, 1)


def test_a_set_far_away_is_near_nothing():
    real = normal(60, 5)
    assert precision_recall(real, real + 100) == (0, 0)


def test_a_collapsed_set_has_precision_without_recall():
    real = normal(60, 5)
    collapsed = real[7] + 1e-3 * normal(60, 5, seed=1)
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1 and recall <= 1 / 60
    assert precision_recall(collapsed, real) == (recall, precision)


def test_precision_counts_every_one_of_many():
    real = normal(300, 3)
    generated = np.concatenate(5 * [real] + 3 * [real + 100])
    assert precision_recall(real, RANDOM.permutation(generated), 1)[0] == 5 / 8


DIGITS, VAE_4, DIVERGED = np.arange(6), telling(), telling()
variable(DIVERGED, "w_mean/bias").assign(np.full(4, np.nan))
BAD_FEATURES = [*BAD_CODES[1:5], (np.float64(CODES) * 1e300, "infinity"),
                *BAD_CODES[6:], (CODES[..., None], "[6, 6, 1]"),
                (CODES[:0], "[0, 6]"), (CODES > 0, "bool"),
                ("features", "str")]
NARROW, WIDE = normal(6, 5), normal(7, 6)
NO_MODELS = [(Autoencoder(), "Autoencoder"), (Memorizer(), "Memorizer"),
             (None, "NoneType"), (VAE, "type"), (SIX, "ndarray"),
             (DIVERGED, "NaN")]
OF_MODEL = [kl_per_latent, active_units, negative_elbo,
            negative_log_likelihood]
OF_FEATURES = {frechet_distance: ["features", "others"],
               precision_recall: ["real", "generated"]}


class NoTraining(Classifier):
    """The classifier's methods, which check before they compute."""

    def __init__(self):
        pass


def with_argument(function, name, **others):
    return lambda value: function(**{**others, name: value})


def cases():
    """Return (name, owner, call, value, what of it the message shows)."""
    digits = {"images": SIX, "labels": DIGITS}
    plain = [case for case in BAD_IMAGES if "28, 3]" not in case[1]
             and "14" not in case[1]]
    table = [
        ("images", mse, {"originals": SIX}, plain),
        ("originals", mse, {"images": SIX}, [*BAD_IMAGES, (SIX[:4], "4")]),
        ("images", sharpness, {}, plain),
        ("images", Classifier, digits, BAD_IMAGES),
        ("labels", Classifier, digits, [*BAD_LABELS, (DIGITS[:5], "5")]),
        ("epochs", Classifier, digits, NO_COUNTS),
        ("seed", Classifier, digits, [*NO_COUNTS[1:], (2**32, "4294967296")]),
        ("images", active_units, {"model": VAE_4}, [(SIX[:1], "1")]),
        ("threshold", active_units, {"model": VAE_4, "images": SIX}, NO_RATES),
        ("z_stddev", caught, {}, BAD_FEATURES),
        ("draws", negative_log_likelihood, {"model": VAE_4, "images": SIX},
         NO_COUNTS),
        ("k", precision_recall, {"real": WIDE, "generated": WIDE}, NO_COUNTS),
        ("real", precision_recall, {"generated": WIDE, "k": 6}, [(CODES, "6")])
    ]
    for function in OF_MODEL:
        table += [("images", function, {"model": VAE_4}, BAD_IMAGES),
                  ("model", function, {"images": SIX}, NO_MODELS)]
    for function, (one, two) in OF_FEATURES.items():
        few = (CODES, "6") if function is frechet_distance \
            else (CODES[:3], "3")
        table += [(one, function, {two: WIDE}, [*BAD_FEATURES, few]),
                  (two, function, {one: WIDE}, [*BAD_FEATURES, few,
                                                (NARROW, "[6, 5]")])]
    found = [(name, function.__name__, with_argument(function, name, **others),
              *case) for name, function, others, bad in table for case in bad]
    for method in ("features", "predict"):
        found += [("images", method, getattr(NoTraining(), method), *case)
                  for case in BAD_IMAGES]
    return found


CASES = cases()


@pytest.mark.parametrize("name, owner, call, value, came", CASES, ids=[
    f"{owner}-{name}-{came}" for name, owner, _, _, came in CASES])
def test_bad_input_gets_one_line_before_any_training(
        monkeypatch, name, owner, call, value, came):
    monkeypatch.setattr(tf.keras.Model, "fit", None)
    with pytest.raises((TypeError, ValueError)) as error:
        call(value)
    message = str(error.value)
    assert message.startswith((f"The {name!r} parameter of {owner} must be ",
                               f"The {name!r} parameter of {owner} must have "
                               ))
    assert came in message.split("Got ")[1]
    assert "\n" not in message


def test_what_is_too_few_comes_with_how_many_are_needed():
    for call, needed in [
            (lambda: frechet_distance(CODES, WIDE), "more than 6 rows"),
            (lambda: precision_recall(CODES, WIDE, 6), "more than 6 rows"),
            (lambda: precision_recall(WIDE, CODES[:3]), "more than 3 rows"),
            (lambda: active_units(VAE_4, SIX[:1]), "at least 2 images"),
            (lambda: mse(SIX, SIX[:4]), "as many as the 6 images"),
            (lambda: Classifier(SIX, DIGITS[:5]), "as many as the 6 images")]:
        with pytest.raises(ValueError, match=needed):
            call()


def test_just_enough_is_enough():
    assert frechet_distance(WIDE, WIDE) < 1e-4
    assert precision_recall(CODES, CODES, k=5) == (1, 1)
    assert active_units(VAE_4, SIX[:2]) == 0
    assert kl_per_latent(VAE_4, SIX[:1]).shape == (4,)


def test_every_function_leaves_the_readers_arrays_alone(judge):
    images, features = np.round(IMAGES[:9]), normal(9, 4)
    copies = images.copy(), features.copy()
    mse(images, images[::-1]), sharpness(images)
    for function in OF_MODEL:
        function(VAE_4, images)
    judge.features(images), judge.predict(images)
    frechet_distance(features, features[::-1])
    precision_recall(features, features[::-1])
    assert np.all(images == copies[0]) and np.all(features == copies[1])

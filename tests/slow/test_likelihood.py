"""The networks and the estimates of the page about likelihood."""

import json
from unittest import mock

import numpy as np
import pytest
import tensorflow_probability as tfp
from scipy import special, stats

from benchmarks import dense, likelihood
from benchmarks.likelihood import (BURDA, CUT, DRAWN, GREY, ROWS,
                                   negative_log_likelihood)
from book._tools import execute
from tests.test_evaluate import BINARY, telling
from tests.test_train import blobs
from vae_tf import cross_entropy, data
import tensorflow as tf

IMAGES = blobs(100)
FOUND = json.loads((likelihood.DATA / "likelihood.json").read_text())


def test_dense_networks_are_those_of_their_papers():
    for model, sizes in (
            (dense.August(), [784, 500, 500, 40, 20, 500, 500, 784]),
            (dense.Burda(), [784, 200, 200, 100, 50, 200, 200, 784])):
        burda = isinstance(model, dense.Burda)
        z_mean, z_stddev = model.recognition(IMAGES)
        assert z_mean.shape == z_stddev.shape == (100, sizes[4])
        assert (np.min(z_stddev) > 0) == burda
        assert model.generation(z_mean).shape == IMAGES.shape
        layers = zip(sizes[:3] + sizes[4:7], sizes[1:4] + sizes[5:])
        assert sum(tf.size(v) for v in model.trainable_variables) == sum(
            (n + 1) * m for n, m in layers)
        for variable in model.trainable_variables:
            if "/Matrix" in variable.name:
                inputs, outputs = variable.shape
                limit = (6 / (inputs + outputs) if burda else 3 / inputs) ** .5
                assert .99 * limit < np.max(np.abs(variable)) <= limit
            else:
                assert np.all(variable == 0) == burda


def test_pixels_are_drawn_with_their_grey_as_the_probability():
    greys = np.broadcast_to(np.float32([0, .2, .5, .9, 1]),
                            (20_000, 1, 5))[..., None]
    drawn = likelihood.binary(DRAWN, greys)
    assert set(np.unique(drawn)) == {0, 1}
    assert np.abs(drawn.mean(0) - greys[0]).max() < .02
    assert np.array_equal(drawn, likelihood.binary(DRAWN, greys))
    assert np.array_equal(likelihood.binary(CUT, greys), greys > .5)
    assert likelihood.binary(GREY, greys) is greys
    seen = [likelihood.drawn_anew(mock.Mock(loss=tf.identity)).loss(greys)
            for _ in range(2)]      # in training they are drawn anew
    assert set(np.unique(seen)) == {0, 1} and np.any(seen[0] != seen[1])
    assert np.abs(np.mean(seen[0], axis=0) - greys[0]).max() < .02


def test_the_rate_falls_to_a_tenth_in_stages_three_times_as_long(monkeypatch):
    used = {}
    monkeypatch.setattr(likelihood, "train", lambda model, images, **settings:
                        used.update(settings))
    likelihood.begin(BURDA, DRAWN, IMAGES, None, epochs=656)
    rates = []      # 3,280 steps in stages of 1, 3, 9 and so on to 2,187
    for step in (1, 2, 1093, 1094, 3279):
        used["optimizer"].iterations.assign(step)
        rates.append(float(used["optimizer"].learning_rate))
    assert rates == pytest.approx(
        [10 ** (-3 - stage / 7) for stage in (0, 1, 6, 7, 7)])


def test_a_training_goes_on_and_its_weights_come_back_from_their_file(
        tmp_path, monkeypatch):
    few = data.Split(IMAGES, np.zeros(100, np.int64))
    monkeypatch.setattr(data, "mnist", lambda: (few, few, few))
    monkeypatch.setattr(likelihood, "MORE_DRAWS", {BURDA: (1, 50)})
    task = *ROWS[-1], tmp_path / "checkpoints", 2
    first = likelihood.Training(*task)
    assert first.epoch()["epoch"] == 1
    first.records.close()  # as if interrupted
    second = likelihood.Training(*task)
    assert second.epoch()["epoch"] == 2 and second.epoch() is None
    found = second.evaluate(100)
    mean, error, n = found["negative_elbo"]
    assert n == 100 and 0 < error < mean and found["floor"] == 0
    assert found["nll"]["50"][0] < found["nll"]["1"][0]
    second.test = IMAGES
    assert second.floor() == pytest.approx(
        np.mean(cross_entropy(IMAGES, IMAGES)), rel=1e-5)
    np.savez(tmp_path / "weights.npz", **second.rounded_weights())
    stored = likelihood.stored(tmp_path / "weights.npz")
    np.testing.assert_allclose(stored.generation(tf.ones([1, 50])),
                               second.model.generation(tf.ones([1, 50])))


def test_the_likelihood_is_the_integral_over_the_codes():
    vae = telling(1, cross_entropy, w_mean_M=0, w_stddev_M=0, w_mean_b=.5,
                  w_stddev_b=-1.5)
    z = np.linspace(-9, 9, 20_001, dtype=np.float32)[1:, None]
    pixels = np.concatenate([vae.generation(part)
                             for part in np.split(z, 20)])
    density = stats.norm.logpdf(z[:, 0]) + np.log(z[1, 0] - z[0, 0])
    bernoulli = tfp.distributions.Bernoulli(probs=pixels)
    whole = [-special.logsumexp(density + np.sum(
        bernoulli.log_prob(image), (1, 2, 3))) for image in BINARY[:3]]
    tf.random.set_seed(5)
    ours = negative_log_likelihood(vae, BINARY[:3], draws=12_000)
    assert ours.shape == (3,) and np.std(whole) > .1
    np.testing.assert_allclose(ours, whole, atol=.05)


def test_no_likelihood_is_nan_and_bad_input_is_named():
    bright = telling(2, cross_entropy, g_h2_b=99)   # whose pixels are all 1
    assert np.all(np.isfinite(negative_log_likelihood(bright, BINARY[:2])))
    flat = telling(2, cross_entropy, w_stddev_M=0, w_stddev_b=[0, -1])
    assert np.all(np.isposinf(negative_log_likelihood(flat, BINARY[:2])))
    for name, arguments in [("images", (bright, IMAGES)),
                            ("draws", (bright, BINARY, 0)),
                            ("model", (None, BINARY))]:
        with pytest.raises((TypeError, ValueError), match=(
                f"^The '{name}' parameter of negative_log_likelihood must ")):
            negative_log_likelihood(*arguments)


def test_the_committed_result_is_whole_and_says_what_the_page_says():
    rows = {(row["network"], row["pixels"]): row for row in FOUND["rows"]}
    assert list(rows) == ROWS and FOUND["images"] == 10_000
    for (name, pixels), row in rows.items():
        assert row["epochs"] == likelihood.EPOCHS.get(name, 9)
        assert ("nll" in row) == (pixels != GREY) == (row["floor"] == 0)
        if pixels != GREY:
            means = [mean for mean, _, _ in row["nll"].values()]
            assert np.all(np.diff(means) < 0)
            assert means[-1] < row["negative_elbo"][0]
            # "most of it within the first fifty draws"
            assert means[0] - means[2] > (means[0] - means[-1]) / 2
    for name, _ in ROWS[:2]:
        assert rows[name, GREY]["floor"] > 45
        assert (rows[name, CUT]["negative_elbo"][0]
                < rows[name, DRAWN]["negative_elbo"][0])


def test_the_stored_network_is_as_likely_as_the_page_says():
    """On the first hundred images."""
    if not execute.mnist_is_here():
        pytest.skip("MNIST could not be had.")
    test = likelihood.binary(DRAWN, data.mnist()[2].images)[:100]
    tf.random.set_seed(0)
    nll = negative_log_likelihood(likelihood.stored(), test, 50)
    assert nll.mean() == pytest.approx(FOUND["rows"][-1]["of_hundred"], abs=.2)

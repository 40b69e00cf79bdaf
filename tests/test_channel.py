"""Information through noise against samples, limits and known capacities."""

import numpy as np
import pytest
from scipy.stats import norm

from vae_tf.lab.channel import (confusion, gaussian_capacity, information,
                                uniform_information)

RANDOM, approx = np.random.default_rng(0), pytest.approx


def test_confusion_is_how_often_the_nearer_number_is_the_wrong_one():
    for distance, stddev, expected in [(.01, 1, .498), (2, 1, .158655),
                                       (10, 1, 2.8665e-7), (1, 1e9, .5)]:
        assert confusion(distance, stddev) == approx(expected, rel=1e-4)
    received = 5.43 + .8 * RANDOM.standard_normal(1_000_000)
    wrong = abs(received - 6.2) < abs(received - 5.43)
    assert confusion(6.2 - 5.43, .8) == approx(wrong.mean(), abs=.002)


def test_a_gaussian_signal_tells_half_the_logarithm_of_the_ratio():
    bits = gaussian_capacity(np.float32([[0, 1], [3, 15]]), np.ones(2))
    np.testing.assert_allclose(bits, [[0, .5], [1, 2]])
    assert gaussian_capacity(4, 1) == approx(np.log2(5) / 2)


def test_uniform_information_is_what_an_integral_says():
    for ratio in (1e-5, 1e-3, .03, .1, .3, 1, 3, 10):
        y = np.linspace(-9 * ratio, 1 + 9 * ratio, 1_000_001)
        p = norm.cdf(y / ratio) - norm.cdf((y - 1) / ratio)
        h = -np.trapezoid(p * np.log2(np.where(p > 0, p, 1)), y)
        expected = h - np.log2(ratio * np.sqrt(2 * np.pi * np.e))
        assert uniform_information(1, ratio) == approx(expected, abs=1e-7)
        assert uniform_information(10, 10 * ratio) == approx(expected, 1e-6)
    assert 0 <= uniform_information(1, 1e9) < 1e-7


def test_two_names_are_the_binary_input_gaussian_channel():
    """Whose capacity is an average over the noise: Gauss and Hermite's."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    for stddev in (.25, .5, 1, 2, 4):
        surprise = np.log2(1 + np.exp(-2 * (1 + stddev * nodes) / stddev ** 2))
        expected = 1 - weights @ surprise / weights.sum()
        bits = information(np.array([-1., 1.]), np.full(2, float(stddev)))
        assert bits == approx(expected, abs=1e-6)
        if stddev == 1:  # 0 decibels, as tabulated
            assert bits == approx(.4859, abs=5e-5)


def test_information_is_that_of_the_draws():
    means = RANDOM.normal(0, 1, 300)
    stddevs = RANDOM.uniform(.05, 1.5, 300) * RANDOM.choice([-1, 1], 300)
    which = RANDOM.integers(300, size=10_000)
    y = means[which] + stddevs[which] * RANDOM.standard_normal(len(which))
    density = norm(means, abs(stddevs)).pdf(y[:, None])
    ratio = np.log2(density[np.arange(len(y)), which] / density.mean(1))
    error = ratio.std() / len(y) ** .5
    assert abs(information(means, stddevs) - ratio.mean()) < 4 * error


def test_information_at_its_limits():
    for means, stddev, bits in [
            (np.arange(8.), 1e-3, 3), (np.zeros(5), 1, 0), (np.ones(1), .1, 0),
            (np.array([0, 1e9]), 1, 1), (np.float32([3, 4]), 1e-6, 1),
            (268 * np.arange(5.), 2e-6, np.log2(5))]:   # 4e-12 too many
        found = information(means, np.full(len(means), float(stddev)))
        assert 0 <= found <= np.log2(len(means))
        assert found == approx(bits, abs=1e-6)


def test_a_few_clouds_too_narrow_to_resolve_are_widened_by_little():
    means, stddevs = RANDOM.normal(0, 1, 2000), np.full(2000, .3)
    means.setflags(write=False)
    stddevs[:3] = .01
    resolved = information(means, stddevs)
    stddevs[:3] = -1e-7
    most = 3 / 2000 * np.log2(.01 / 1e-7)
    assert resolved < information(means, stddevs) < resolved + most
    assert stddevs.min() == -1e-7   # the reader's

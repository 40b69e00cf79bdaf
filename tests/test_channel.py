"""Information through noise against samples, limits and known capacities."""

import numpy as np
import pytest
from scipy.stats import differential_entropy, norm

from vae_tf.channel import (confusion, gaussian_capacity, information,
                            uniform_information)

RANDOM = np.random.default_rng(0)
RATIOS = [1e-5, 1e-3, .03, .1, .3, 1, 3, 10]


def counted(received, originals, cells=120):
    """Return the mutual information in bits of a two-way histogram."""
    table, _, _ = np.histogram2d(received, originals, cells)
    p = table / table.sum()
    independent = p.sum(1, keepdims=True) * p.sum(0)
    # Miller and Madow's correction of what chance alone puts there.
    bias = ((p > 0).sum() - 2 * cells + 1) / (2 * table.sum())
    return (np.sum(p[p > 0] * np.log(p[p > 0] / independent[p > 0]))
            - bias) / np.log(2)


# Two names.

@pytest.mark.parametrize("distance, stddev, expected", [
    (.01, 1, .498), (2, 1, .158655), (10, 1, 2.8665e-7), (1, 1e9, .5)])
def test_confusion_of_known_cases(distance, stddev, expected):
    assert confusion(distance, stddev) == pytest.approx(expected, rel=1e-4)


def test_confusion_is_how_often_the_nearer_number_is_the_wrong_one():
    received = 5.43 + .8 * RANDOM.standard_normal(1_000_000)
    wrong = abs(received - 6.2) < abs(received - 5.43)
    assert confusion(6.2 - 5.43, .8) == pytest.approx(wrong.mean(), abs=.002)


# A Gaussian signal.

def test_a_gaussian_signal_tells_what_a_histogram_of_it_tells():
    signal, noise = RANDOM.standard_normal((2, 1_000_000))
    expected = counted(2 * signal + noise, signal)
    assert gaussian_capacity(4, 1) == pytest.approx(expected, rel=.01)


def test_gaussian_capacity_of_known_cases_elementwise():
    bits = gaussian_capacity(np.float32([[0, 1], [3, 15]]), np.ones(2))
    np.testing.assert_allclose(bits, [[0, .5], [1, 2]])
    assert gaussian_capacity(3, np.float32(1)) == 1


# A uniform signal.

@pytest.mark.parametrize("ratio", [.01, .1, .5, 2])
def test_uniform_information_is_scipys_entropy_less_the_noises(ratio):
    signal = RANDOM.uniform(size=200_000)
    received = signal + ratio * RANDOM.standard_normal(len(signal))
    h = differential_entropy(received, window_length=1000, method="vasicek")
    expected = (h - norm(scale=ratio).entropy()) / np.log(2)
    assert uniform_information(1, ratio) == pytest.approx(expected, abs=.01)


def test_uniform_information_is_what_a_histogram_of_it_tells():
    signal = RANDOM.uniform(0, 10, 1_000_000)
    received = signal + RANDOM.standard_normal(len(signal))
    expected = counted(received, signal)
    assert uniform_information(10, 1) == pytest.approx(expected, rel=.01)


@pytest.mark.parametrize("ratio", RATIOS)
def test_uniform_information_is_a_fine_riemann_sum(ratio):
    y = np.linspace(-9 * ratio, 1 + 9 * ratio, 1_000_001)
    p = norm.cdf(y / ratio) - norm.cdf((y - 1) / ratio)
    h = -np.trapezoid(p * np.log2(np.where(p > 0, p, 1)), y)
    expected = h - np.log2(ratio * np.sqrt(2 * np.pi * np.e))
    assert uniform_information(1, ratio) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("ratio", [1e-5, 1e-4, 1e-3])
def test_little_noise_leaves_the_width_over_the_noises_effective_width(ratio):
    limit = -np.log2(ratio * np.sqrt(2 * np.pi * np.e))
    assert 0 < uniform_information(1, ratio) - limit < 3 * ratio


@pytest.mark.parametrize("ratio", RATIOS)
def test_no_uniform_number_tells_more_than_a_gaussian(ratio):
    bits = uniform_information(10, 10 * ratio)
    bound = gaussian_capacity(100 / 12, (10 * ratio) ** 2)
    assert 0 < bits < bound
    if ratio >= 3:  # and hardly less where the noise hides the edges
        assert bits == pytest.approx(bound, rel=1e-3)


def test_uniform_information_falls_with_the_noise_and_has_no_unit():
    bits = [uniform_information(1, ratio) for ratio in RATIOS]
    assert bits == sorted(bits, reverse=True)
    assert uniform_information(10, 3) == pytest.approx(
        uniform_information(1, .3), abs=1e-9)
    assert 0 <= uniform_information(1, 1e9) < 1e-7


# Any signal: n clouds.

@pytest.mark.parametrize("stddev", [.25, .5, 1, 2, 4])
def test_two_names_are_the_binary_input_gaussian_channel(stddev):
    """Whose capacity is an average over the noise: Gauss and Hermite's."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    surprise = np.log2(1 + np.exp(-2 * (1 + stddev * nodes) / stddev ** 2))
    expected = 1 - weights @ surprise / weights.sum()
    bits = information(np.array([-1., 1.]), np.full(2, float(stddev)))
    assert bits == pytest.approx(expected, abs=1e-6)
    if stddev == 1:  # 0 decibels, as tabulated
        assert bits == pytest.approx(.4859, abs=5e-5)


def test_information_is_that_of_the_draws():
    means = RANDOM.normal(0, 1, 300)
    stddevs = RANDOM.uniform(.05, 1.5, 300) * RANDOM.choice([-1, 1], 300)
    which = RANDOM.integers(300, size=10_000)
    y = means[which] + stddevs[which] * RANDOM.standard_normal(len(which))
    density = norm(means, abs(stddevs)).pdf(y[:, None])
    ratio = np.log2(density[np.arange(len(y)), which] / density.mean(1))
    error = ratio.std() / len(y) ** .5
    assert abs(information(means, stddevs) - ratio.mean()) < 4 * error


@pytest.mark.parametrize("ratio", [.02, .1, 1])
def test_many_names_in_a_row_are_a_uniform_number(ratio):
    means = (np.arange(2000) + .5) / 2000
    assert information(means, np.full(2000, float(ratio))) == pytest.approx(
        uniform_information(1, ratio), abs=1e-5)


def test_many_gaussian_names_are_a_gaussian_number():
    means = norm.ppf((np.arange(5000) + .5) / 5000)
    assert information(means, np.full(5000, .5)) == pytest.approx(
        gaussian_capacity(means.var(), .25), abs=1e-3)


@pytest.mark.parametrize("means, stddev, bits", [
    (np.arange(8.), 1e-3, 3), (np.zeros(5), 1, 0), (np.ones(1), .1, 0),
    (np.array([0, 1e9]), 1, 1), (np.float32([3, 4]), 1e-6, 1)],
    ids=["apart", "alike", "alone", "far", "exact"])
def test_information_at_its_limits(means, stddev, bits):
    found = information(means, np.full(len(means), float(stddev)))
    assert 0 <= found <= np.log2(len(means)) + 1e-9
    assert found == pytest.approx(bits, abs=1e-6)


def test_a_few_clouds_too_narrow_to_resolve_are_widened_by_little():
    means, stddevs = RANDOM.normal(0, 1, 2000), np.full(2000, .3)
    stddevs[:3] = .01
    resolved = information(means, stddevs)
    stddevs[:3] = 1e-7
    most = 3 / 2000 * np.log2(.01 / 1e-7)
    assert resolved < information(means, stddevs) < resolved + most


def test_the_readers_arrays_are_never_changed():
    means, stddevs = np.zeros(2), np.array([-1., 2.])
    information(means, stddevs)
    assert means.tolist() == [0, 0] and stddevs.tolist() == [-1, 2]

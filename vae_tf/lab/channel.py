"""Information through a number with Gaussian noise on it, in bits.

(Chapter 7; Cover and Thomas, Elements of Information Theory, chapters 8, 9)
"""

import numpy as np
from scipy.integrate import quad
from scipy.special import entr, ndtr

from vae_tf.support import checks

NOISE_ENTROPY = np.log(2 * np.pi * np.e) / 2  # of a unit Gaussian, in nats
EVALUATIONS = 1e8                             # at most, about a second


def confusion(distance, stddev):
    """Return how often the wrong one of two numbers is heard.

    The numbers are this distance apart and equally likely; noise of this
    standard deviation is added, and the nearer number is heard. The result
    is a probability: 1/2 for numbers that cannot be told apart.
    """
    distance = checks.positive_number("distance", distance, "confusion")
    stddev = checks.positive_number("stddev", stddev, "confusion")
    return float(ndtr(-distance / stddev / 2))


def gaussian_capacity(signal_variance, noise_variance):
    """Return what a Gaussian number tells through Gaussian noise, in bits.

    No other number of the same variance tells more. Elementwise on arrays.
    (Cover and Thomas, section 9.1)
    """
    signal = check_variances("signal_variance", signal_variance, np.less)
    noise = check_variances("noise_variance", noise_variance, np.less_equal)
    return 0.5 * np.log2(1 + signal / noise)


def check_variances(name, value, excluded):
    """Return variances as float64; `excluded` says which are too small."""
    message = (f"The {name!r} parameter of gaussian_capacity must be floats "
               f"in the range {'[' if excluded is np.less else '('}0, inf). ")
    variances = np.asarray(value)
    if variances.dtype.kind not in "fiu":
        raise TypeError(f"{message}Got {type(value).__name__} instead.")
    wrong = excluded(variances, 0) | ~np.isfinite(variances)
    if wrong.any():
        raise ValueError(f"{message}Got {variances[wrong][0]} instead.")
    return np.float64(variances)


def uniform_information(width, stddev):
    """Return what a uniformly drawn number tells through noise, in bits.

    It may be any number of an interval of this width. The entropy of what is
    received, less that of the noise, by numeric integration; good to 1e-7
    bits. (Cover and Thomas, section 8.6)
    """
    width = checks.positive_number("width", width, "uniform_information")
    stddev = checks.positive_number("stddev", stddev, "uniform_information")
    width = width / stddev  # in standard deviations, as all that follows
    half, _ = quad(lambda y: entr((ndtr(y) - ndtr(y - width)) / width),
                   -10, width / 2, epsabs=1e-10,
                   points=[edge for edge in (0, 10) if edge < width / 2])
    return max(0.0, (2 * half - NOISE_ENTROPY) / np.log(2))


def information(means, stddevs):
    """Return what a draw from one of n Gaussians tells about which, in bits.

    means, stddevs [n]: equally likely clouds, the names a sender may mean or
    the images a latent variable may stand for; the sign of a standard
    deviation does not matter. Numeric integration as above, of the mixture.
    A cloud so narrow that it would take more than EVALUATIONS is widened,
    which can only make the result smaller. At most log2(n).
    """
    means = np.float64(checks.array("means", means, "information", ()))
    stddevs = abs(np.float64(
        checks.array("stddevs", stddevs, "information", ())))
    if len(stddevs) != len(means) or not stddevs.all():
        raise ValueError(
            "The 'stddevs' parameter of information must have one number "
            f"other than 0 for each of the {len(means)} means. "
            f"Got {len(stddevs)} with the smallest {stddevs.min():g} instead.")
    span = np.ptp(means) + 16 * stddevs.max()
    finest_step = span * max(len(means), 100) / EVALUATIONS
    stddevs = np.maximum(stddevs, 4 * finest_step)
    step = stddevs.min() / 4
    y = np.arange(np.min(means - 8 * stddevs), np.max(means + 8 * stddevs),
                  step)
    received = 0.0
    for part in np.array_split(y, len(y) * len(means) // 10**6 + 1):
        clouds = np.exp(-((part[:, None] - means) / stddevs) ** 2 / 2)
        density = (clouds / stddevs).mean(axis=1) / np.sqrt(2 * np.pi)
        received += step * entr(density).sum()
    noise = np.mean(np.log(stddevs)) + NOISE_ENTROPY
    bits = (received - noise) / np.log(2)
    return min(max(0.0, bits), np.log2(len(means)))    # but for rounding

"""Is a loss balanced? What its reductions and constants make of the KL."""

from typing import NamedTuple

import numpy as np

from vae_tf.support import checks

LOSSES = ("squared error", "cross-entropy")
REDUCTIONS = ("sum", "mean")


class Balance(NamedTuple):
    """A loss's balance: the KL's weight, and latents expected to survive."""

    beta: float
    active: int


def effective_beta(images, n_z, generation_loss="squared error", *,
                   over_pixels="sum", over_latents="sum",
                   generation_batch="mean", latent_batch="mean",
                   batchsize=None, generation_weight=1.0, latent_weight=1.0,
                   variance=0.5):
    """Return the KL's effective weight, and how many latents will survive.

    Describe the loss as it is written: `over_pixels` and `over_latents` say
    whether an image's errors, and its latent variables' KLs (with their factor
    1/2), are summed or averaged; `generation_batch` and `latent_batch` the
    same over the batch, whose size is needed where the two differ; the
    weights are the constants before the two terms. "squared error" is
    divided by 2 * `variance`, so by nothing unless told otherwise.
    -> Balance(beta, active). `beta` is 1 where the loss is a negative evidence
    lower bound, whatever its scale. `active` is the number of the images'
    principal components worth their price, n_z at most; see `spectrum`.
    Raises TypeError or ValueError, naming the argument. (Appendix B; Lucas
    et al. 2019)
    """
    owner = "effective_beta"
    n_z = checks.integer("n_z", n_z, owner)
    check_choice("over_pixels", over_pixels, REDUCTIONS)
    check_choice("over_latents", over_latents, REDUCTIONS)
    check_choice("generation_batch", generation_batch, REDUCTIONS)
    check_choice("latent_batch", latent_batch, REDUCTIONS)
    checks.positive_number("generation_weight", generation_weight, owner)
    checks.positive_number("latent_weight", latent_weight, owner)
    checks.positive_number("variance", variance, owner)
    if batchsize is not None or generation_batch != latent_batch:
        batchsize = checks.integer("batchsize", batchsize, owner)
    variances = spectrum(images, generation_loss)
    latent = (latent_weight * reduction_factor(over_latents, n_z)
              * reduction_factor(latent_batch, batchsize))
    generation = (generation_weight
                  * reduction_factor(over_pixels, len(variances))
                  * reduction_factor(generation_batch, batchsize))
    beta = latent / generation
    noise = variance if generation_loss == "squared error" else 1.0
    return Balance(beta, int(np.sum(variances[:n_z] > beta * noise)))


def spectrum(images, generation_loss="squared error"):
    """Return what each principal component is worth, the largest first.

    images [n, h, w, c], at least 2 -> [h * w * c], float64. A linear VAE uses
    a component if its worth exceeds the KL's weight, times the noise variance
    under a squared error. Under that it is the eigenvalue of the covariance
    (Tipping and Bishop 1999; Lucas et al. 2019). Under the
    cross-entropy it is that of pixels divided by sqrt(p (1 - p)), where p is
    their mean: the second order of the loss around the average image, exact
    for whether a component begins to be used.
    """
    check_choice("generation_loss", generation_loss, LOSSES)
    images = checks.images("images", images, "effective_beta",
                           (None, None, None))
    if len(images) < 2:
        raise ValueError("The 'images' parameter of effective_beta must be at "
                         "least 2 images. Got 1 instead.")
    flat = np.float64(images).reshape(len(images), -1)
    flat -= (mean := flat.mean(axis=0))
    if generation_loss == "cross-entropy":
        flat /= np.sqrt(np.where(mean * (1 - mean) > 0, mean * (1 - mean), 1))
    return np.linalg.eigvalsh(flat.T @ flat / len(flat))[::-1]


def reduction_factor(reduction, n):
    """Return by what a reduction over n multiplies each of them."""
    return 1 / n if reduction == "mean" and n else 1.0


def check_choice(name, value, allowed):
    """Raise ValueError unless `value` is one of the allowed words."""
    if value not in allowed:
        raise ValueError(
            f"The {name!r} parameter of effective_beta must be "
            f"{' or '.join(map(repr, allowed))}. Got {value!r} instead.")

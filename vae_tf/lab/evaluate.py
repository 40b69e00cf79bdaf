"""How good is a model? One function per number, each with its unit."""

import numpy as np
from scipy import linalg, ndimage
from sklearn.utils import check_consistent_length

from vae_tf.support import checks
from vae_tf.losses import latent_loss
from vae_tf.networks import sample_z


def mse(images, originals):
    """Return the mean squared error per pixel.

    [n, h, w, c] twice, pixels in [0, 1] -> float, in squared pixel units.
    (Chapter 4)
    """
    images = checks.images("images", images, "mse", (None, None, None))
    originals = checks.images("originals", originals, "mse", images.shape[1:])
    check_consistent_length(images, originals)
    return float(np.mean((images - originals) ** 2))


def sharpness(images):
    """Return the variance of the images' Laplacian, averaged over them.

    [n, h, w, c], pixels in [0, 1] -> float, in squared pixel units; high for
    hard edges, and for noise too. (Chapter 10; Pech-Pacheco et al. 2000)
    """
    images = checks.images("images", images, "sharpness", (None, None, None))
    return float(np.mean([ndimage.laplace(channel).var() for image in images
                          for channel in np.moveaxis(image, -1, 0)]))


def kl_per_latent(model, images):
    """Return the KL of each latent variable from the unit Gaussian.

    images [n, h, w, c] -> [n_z], in nats, averaged over the images; infinite
    with a z_stddev of 0, or so small that its square is 0 in float32.
    (Chapter 7; Kingma and Welling 2013, appendix B)
    """
    z_mean, z_stddev = posterior_parameters(model, images, "kl_per_latent")
    one_by_one = [z.reshape(-1, 1) for z in (z_mean, z_stddev)]
    return kl_divergence(*one_by_one).reshape(z_mean.shape).mean(axis=0)


def active_units(model, images, threshold=0.01):
    """Return how many latent variables depend on the image.

    images [n, h, w, c], at least 2 -> int: those whose z_mean varies over the
    images by a variance above `threshold`. (Chapter 7; Burda et al. 2015,
    section 5)
    """
    threshold = checks.positive_number("threshold", threshold, "active_units")
    z_mean, _ = posterior_parameters(model, images, "active_units")
    if len(z_mean) < 2:
        raise ValueError("The 'images' parameter of active_units must be at "
                         "least 2 images. Got 1 instead.")
    return int(np.sum(z_mean.var(axis=0) > threshold))


def sign_ambiguous(z_stddev):
    """Return how many latent variables have a z_stddev of either sign.

    [n, n_z], for n images -> int: those that are negative for more than one
    image in a thousand, and positive for more than one. Between the two
    signs lies 0, where the KL has no bound. (Appendix A)
    """
    z_stddev = checks.array("z_stddev", z_stddev, "sign_ambiguous", (None,))
    negative = np.mean(z_stddev < 0, axis=0)
    return int(np.sum((negative > 0.001) & (negative < 0.999)))


def negative_elbo(model, images):
    """Return each image's loss: reconstruction of one draw, plus KL.

    images [n, h, w, c] -> [n], in nats; with `cross_entropy` on images of
    black and white pixels an upper bound, in expectation, of the negative
    log-likelihood. Infinite where the KL is. Draws from TensorFlow's global
    seed. (Chapter 9; Kingma and Welling 2013, equation 10)
    """
    z_mean, z_stddev = posterior_parameters(model, images, "negative_elbo")
    images = np.float32(images)
    reconstruction = []
    for i in range(0, len(images), 1000):
        part = slice(i, i + 1000)
        generated = model.generation(sample_z(z_mean[part], z_stddev[part]))
        reconstruction.append(model.generation_loss(generated, images[part]))
    kl = kl_divergence(z_mean, z_stddev)
    return infinite_where(kl, np.concatenate(reconstruction) + kl,
                          "negative_elbo")


def posterior_parameters(model, images, owner):
    """Return z_mean and z_stddev of the images as arrays [n, n_z]."""
    if not hasattr(model, "recognition") or isinstance(model, type):
        raise TypeError(f"The 'model' parameter of {owner} must be a model "
                        "with recognition, such as a VAE. "
                        f"Got {type(model).__name__} instead.")
    images = checks.images("images", images, owner, model.image_shape)
    parts = [np.stack(model.recognition(images[i:i + 1000]))
             for i in range(0, len(images), 1000)]
    return checks.array("model", np.concatenate(parts, axis=1), owner,
                        (len(images), None))


def kl_divergence(z_mean, z_stddev):
    """Return the latent loss, infinite where float32 cannot hold a square."""
    kl = latent_loss(z_mean, z_stddev).numpy()
    return np.where(np.isnan(kl), np.inf, kl)   # inf - inf


def infinite_where(kl, values, owner):
    """Return one value per image, infinite where its KL is."""
    values = np.where(np.isinf(kl), np.inf, values)
    if np.isnan(values).any():
        raise ValueError(f"The 'model' parameter of {owner} must decode codes "
                         "into finite images. Got NaN instead.")
    return values


def frechet_distance(features, others):
    """Return the squared Fréchet distance of Gaussians fitted to features.

    [n, d] and [m, d], more of each than d -> float, 0 for equal means and
    covariances. The fewer features, the larger it comes out, so only
    distances from equally many are comparable. (Chapter 4; Heusel et al.
    2017, equation 6)
    """
    features, others = feature_sets("frechet_distance", features=features,
                                    others=others)
    s1, s2 = [np.atleast_2d(np.cov(x.T)) for x in (features, others)]
    # The trace of (s1 s2)^(1/2), from the eigenvalues of s1 s2, all >= 0.
    roots = np.sqrt(linalg.eigvals(s1 @ s2).real.clip(min=0))
    apart = np.sum((features.mean(axis=0) - others.mean(axis=0)) ** 2)
    distance = apart + np.trace(s1) + np.trace(s2) - 2 * np.sum(roots)
    return max(float(distance), 0.)  # rounding, for equal sets


def feature_sets(owner, **sets):
    """Return sets of features as float64, each of more rows than columns."""
    checked, shape = [], (None,)
    for name, value in sets.items():
        value = checks.array(name, value, owner, shape)
        shape = value.shape[1:]
        if len(value) <= shape[0]:
            raise ValueError(checks.message(
                name, owner, f"be more than {shape[0]} rows of features",
                len(value)))
        checked.append(np.float64(value))
    return checked

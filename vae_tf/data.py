"""MNIST, verified; the bundled digits for when it cannot be had; pictures."""

from typing import NamedTuple

import numpy as np

from vae_tf.support.download import MNISTNotFound, load
from vae_tf.support.stand_in import turned_digits


class Split(NamedTuple):
    """Images [n, 28, 28, 1] float32 in [0, 1], and their labels [n] int64."""

    images: np.ndarray
    labels: np.ndarray


def mnist():
    """Return the training, validation and test images of MNIST, each a Split.

    55,000, 5,000 and 10,000 images, the validation images being the first
    5,000 of the 60,000, as in 2016. The arrays are verified by SHA-256. They
    come from the file that the environment variable VAE_TF_DATA names (or
    the mnist.npz in the folder it names), else from Keras's cache, else from
    the network, and are then kept beside Keras's. A file that is not MNIST is
    named in a warning and left as it is; so is a VAE_TF_DATA that names none.

    Raises MNISTNotFound with what was tried and what to do.
    """
    arrays = load()
    x, y = arrays["x_train"], arrays["y_train"]
    return (split(x[5000:], y[5000:]), split(x[:5000], y[:5000]),
            split(arrays["x_test"], arrays["y_test"]))


def split(x, y):
    """Scale uint8 images [n, 28, 28] to a Split."""
    return Split(np.float32(x)[..., None] / 255, y.astype(np.int64))


def digits():
    """Return scikit-learn's bundled digits as three Splits in MNIST's form.

    1,797 handwritten digits of 8 x 8 pixels, split first (1,297 / 200 / 300);
    the training images are multiplied to 55,000 by small seeded turns and
    shifts. A stand-in for machines without MNIST and without a network: the
    numbers differ.
    """
    return tuple(Split(*pair) for pair in turned_digits())


def mnist_or_digits():
    """Return train, validation and test Splits, and a sentence for the page.

    MNIST where it can be had; otherwise the stand-in `digits()`, and the
    sentence (Markdown) says so.
    """
    try:
        splits = mnist()
        sentence = "This page ran on **MNIST**: {:,} training, {:,} " \
                   "validation and {:,} test images."
    except MNISTNotFound:
        splits = digits()
        sentence = (
            "**This page ran on a stand-in, not on MNIST**, which could not "
            "be had: scikit-learn's bundled digits, turned and shifted to "
            "{:,} training images, with {:,} for validation and {:,} for the "
            "test. Numbers and pictures differ from the published page's; "
            "`vae_tf.data.mnist()` says what was tried and what to do.")
    return *splits, sentence.format(*(len(s.images) for s in splits))


def pictures():
    """Return four colour pictures [4, 64, 64, 3] in [0, 1], and their names.

    The cat first, then coffee, astronaut and rocket, cropped from
    scikit-image's bundled pictures. (Chapter 1)
    """
    from skimage import data
    from skimage.transform import resize

    crops = {
        "cat": data.chelsea()[:, 75:375],
        "coffee": data.coffee()[:, 130:530],
        "astronaut": data.astronaut()[:400, 30:430],
        "rocket": data.rocket()[:, 107:534],
    }
    images = [resize(crop, (64, 64), anti_aliasing=True)
              for crop in crops.values()]
    return np.float32(images), list(crops)

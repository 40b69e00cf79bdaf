"""A stand-in for MNIST, made of the digits that scikit-learn brings along."""

import numpy as np


def turned_digits():
    """Return training, validation and test images with their labels.

    Images are brought to 20 x 20 in the middle of 28 x 28, as MNIST's are;
    the training images are turned by up to 10 degrees and shifted by up to 2
    pixels, with a seed.
    """
    from scipy.ndimage import affine_transform
    from skimage.transform import resize
    from sklearn.datasets import load_digits

    bunch, random = load_digits(), np.random.default_rng(0)
    order = random.permutation(len(bunch.images))
    small = np.float32(bunch.images[order]).transpose(1, 2, 0) / 16
    images = resize(small, (20, 20), order=1).transpose(2, 0, 1)
    images = np.pad(images, [(0, 0), (4, 4), (4, 4)])
    labels = bunch.target[order]

    originals = np.arange(55_000) % 1_297
    turned = np.empty((55_000, 28, 28), np.float32)
    angles = np.radians(random.uniform(-10, 10, len(turned)))
    shifts = random.uniform(-2, 2, (len(turned), 2))
    for i, (angle, shift) in enumerate(zip(angles, shifts)):
        turn = np.array([[np.cos(angle), -np.sin(angle)],
                         [np.sin(angle), np.cos(angle)]])
        affine_transform(images[originals[i]], turn, order=1, output=turned[i],
                         offset=13.5 - turn @ (13.5 + shift))
    return ((turned[..., None], labels[originals]),
            (images[1_297:1_497, ..., None], labels[1_297:1_497]),
            (images[1_497:, ..., None], labels[1_497:]))

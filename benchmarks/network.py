"""The network that is timed: its weights, and the operations it takes."""

import numpy as np

FLAT = 7 * 7 * 32
# How often each weight of a layer is used for one image.
USES = {"d_h1/w": 14 * 14, "d_h2/w": 7 * 7, "g_h1/w": 7 * 7,
        "g_h2/w": 14 * 14}


def shapes(n_z=20):
    """Return {name: shape} of the weights, in the order data flows."""
    return {"d_h1/w": (5, 5, 1, 16), "d_h1/b": (16,),
            "d_h2/w": (5, 5, 16, 32), "d_h2/b": (32,),
            "w_mean/Matrix": (FLAT, n_z), "w_mean/bias": (n_z,),
            "w_stddev/Matrix": (FLAT, n_z), "w_stddev/bias": (n_z,),
            "z_matrix/Matrix": (n_z, FLAT), "z_matrix/bias": (FLAT,),
            "g_h1/w": (5, 5, 16, 32), "g_h1/b": (16,),
            "g_h2/w": (5, 5, 1, 16), "g_h2/b": (1,)}


def start_weights(n_z=20, seed=0):
    """Return {name: array}: those of 2016, but with biases away from zero.

    With biases of zero a black pixel puts a leaky ReLU exactly at its kink,
    where libraries differ in the slope, and a z_stddev near zero magnifies
    their rounding; their gradients could not be compared.
    """
    random = np.random.default_rng(seed)
    weights = {name: np.float32(random.normal(0, 0.02, shape)
                                if len(shape) > 1 else np.full(shape, 0.01))
               for name, shape in shapes(n_z).items()}
    weights["w_stddev/bias"] += 1
    return weights


def operations(n_z=20):
    """Return the floating-point operations that one image takes in training.

    These are the multiplications and additions of the convolutions (on the
    padding too) and of the matrix products: once forward and twice backward,
    without the gradient of the images, which nothing needs.
    """
    each = {name: layer_operations(name, n_z)
            for name, shape in shapes(n_z).items() if len(shape) > 1}
    return 3 * sum(each.values()) - each["d_h1/w"]


def layer_operations(name, n_z=20):
    """Return the operations that one image takes in one pass of a layer."""
    return 2 * int(np.prod(shapes(n_z)[name])) * USES.get(name, 1)

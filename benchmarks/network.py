"""The network that all contenders train: its weights, and what it costs."""

import numpy as np

# How often each weight of a layer is used for one image.
PLACES = {"d_h1/w": 14 * 14, "d_h2/w": 7 * 7, "g_h1/w": 7 * 7,
          "g_h2/w": 14 * 14}


def shapes(n_z=20):
    """Return {name: shape} of the weights, in the order data flows."""
    flat = 7 * 7 * 32
    return {"d_h1/w": (5, 5, 1, 16), "d_h1/b": (16,),
            "d_h2/w": (5, 5, 16, 32), "d_h2/b": (32,),
            "w_mean/Matrix": (flat, n_z), "w_mean/bias": (n_z,),
            "w_stddev/Matrix": (flat, n_z), "w_stddev/bias": (n_z,),
            "z_matrix/Matrix": (n_z, flat), "z_matrix/bias": (flat,),
            "g_h1/w": (5, 5, 16, 32), "g_h1/b": (16,),
            "g_h2/w": (5, 5, 1, 16), "g_h2/b": (1,)}


def start_weights(n_z=20, seed=0):
    """Return {name: array}: 2016's but for the biases, which were zero.

    At exactly zero, where black pixels are, each program has its own idea of
    a leaky ReLU's slope; near a z_stddev of zero the logarithm magnifies each
    one's rounding. One could not tell whether all compute the same.
    """
    random = np.random.default_rng(seed)
    weights = {name: np.float32(random.normal(0, 0.02, shape)
                                if len(shape) > 1 else np.full(shape, 0.01))
               for name, shape in shapes(n_z).items()}
    weights["w_stddev/bias"] += 1
    return weights


def operations(n_z=20):
    """Return the floating-point operations that one image costs.

    The additions and multiplications of the convolutions, taps on the padding
    included, and of the matrix products: forward, and twice that backward,
    except that nobody needs the gradient of the images.
    """
    each = {name: operations_of(name, n_z)
            for name, shape in shapes(n_z).items() if len(shape) > 1}
    return 3 * sum(each.values()) - each["d_h1/w"]


def operations_of(name, n_z=20):
    """Return the operations that one image costs in one pass of a layer."""
    return 2 * int(np.prod(shapes(n_z)[name])) * PLACES.get(name, 1)

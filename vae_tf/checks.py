"""What bad input gets: one line with the argument, what is allowed, what came.

The wording is scikit-learn's, whose own check_scalar lets NaN, infinity and
bool through. TypeError for the wrong kind of thing, ValueError for the wrong
value.
"""

import math
import numbers

import numpy as np


def integer(name, value, owner, low=1, high=None):
    """Return `value` as an int if it is one in [low, high]."""
    end = "inf)" if high is None else f"{high}]"
    message = (f"The {name!r} parameter of {owner} must be an int in the "
               f"range [{low}, {end}. Got {value!r} instead.")
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(message)
    if value < low or (high is not None and value > high):
        raise ValueError(message)
    return int(value)


def positive_number(name, value, owner, zero=False):
    """Return `value` as a float if it is positive and finite.

    With `zero` it may be 0.
    """
    message = (f"The {name!r} parameter of {owner} must be a float in the "
               f"range {'[' if zero else '('}0, inf). Got {value!r} instead.")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(message)
    if not (value > 0 or zero and value == 0) or not math.isfinite(value):
        raise ValueError(message)
    return float(value)


def real_numbers(name, value, owner, zero=False):
    """Return `value`, a number or an array, as float64 if all are positive.

    They must be finite; with `zero` they may be 0.
    """
    begin = (f"The {name!r} parameter of {owner} must be floats in the range "
             f"{'[' if zero else '('}0, inf). Got ")
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiu":
        raise TypeError(f"{begin}{type(value).__name__} of dtype "
                        f"{numbers.dtype} instead.")
    wrong = ~(np.isfinite(numbers) & (numbers >= 0 if zero else numbers > 0))
    if wrong.any():
        raise ValueError(f"{begin}{numbers[wrong][0]} instead.")
    return np.float64(numbers)


def array(name, value, owner, shape):
    """Return `value` as float32 if it is finite and [n, *shape] with n >= 1.

    A None in `shape` stands for any length of at least 1.
    """
    begin = f"The {name!r} parameter of {owner} must be "
    try:
        known = np.asarray(value.__array__())
    except Exception:  # a list has none, nor a tensor without values yet
        raise TypeError(f"{begin}an array of floats of shape {wanted(shape)}. "
                        f"Got {type(value).__name__} instead.") from None
    form(name, known.dtype, known.shape, owner, shape)
    with np.errstate(over="ignore"):
        known = known.astype(np.float32, copy=False)
    if not np.isfinite(known.min()) or not np.isfinite(known.max()):
        raise ValueError(f"{begin}finite. Got NaN or infinity instead.")
    return known


def form(name, dtype, lengths, owner, shape):
    """Raise unless the type is a float's and lengths are those of `array`.

    A None in `lengths` is one that is not known yet.
    """
    begin = f"The {name!r} parameter of {owner} must be "
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"{begin}an array of floats. Got dtype {dtype} "
                        "instead.")
    if len(lengths) != len(shape) + 1 or 0 in lengths or any(
            None not in (s, length) and s != length
            for s, length in zip(shape, lengths[1:])):
        raise ValueError(f"{begin}of shape {wanted(shape)} with n >= 1. "
                         f"Got {list(lengths)} instead.")


def wanted(shape):
    """Return the shape [n, *shape] as text."""
    lengths = ["any" if s is None else str(s) for s in shape]
    return f"[{', '.join(['n', *lengths])}]"


def images(name, value, owner, image_shape):
    """Return `value` as float32 images [n, *image_shape], pixels in [0, 1]."""
    value = array(name, value, owner, image_shape)
    low, high = value.min(), value.max()
    if low < 0 or high > 1:
        raise ValueError(
            f"The {name!r} parameter of {owner} must have pixels in the range "
            f"[0, 1]. Got [{low!s}, {high!s}] instead.")
    return value


def labels(name, value, owner, classes):
    """Return `value` as int64 [n] if it holds ints from 0 to classes - 1."""
    begin = f"The {name!r} parameter of {owner} must be "
    if not hasattr(value, "__array__"):
        raise TypeError(f"{begin}an array of ints of shape [n]. "
                        f"Got {type(value).__name__} instead.")
    value = np.asarray(value)
    if value.dtype.kind not in "iu":
        raise TypeError(f"{begin}an array of ints. Got dtype {value.dtype} "
                        "instead.")
    if value.ndim != 1 or not value.size:
        raise ValueError(f"{begin}of shape [n] with n >= 1. "
                         f"Got {list(value.shape)} instead.")
    if value.min() < 0 or value.max() >= classes:
        raise ValueError(f"{begin}in the range [0, {classes - 1}]. "
                         f"Got [{value.min()}, {value.max()}] instead.")
    return value.astype(np.int64)

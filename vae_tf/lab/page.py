"""What a chapter gives to its web page: the arrays that a figure runs on."""

import base64
import re

import numpy as np

DTYPES = ("uint8", "float16", "float32", "float64")


def export(name, contents):
    """Leave arrays in the notebook for a figure that answers, and say so.

    `name` is the figure's, a script in book/_static/widgets; on the web page
    it takes the place of the picture that the same cell draws. `contents` are
    {"name": array or list of strings}: arrays go as they are, so round them
    first (np.float16 halves the page). Raises TypeError or ValueError, naming
    the argument. (Chapters 1, 5, 7, 9, D and F)
    """
    if not re.fullmatch("[a-z]+(-[a-z]+)*", str(name)):
        raise ValueError("The 'name' parameter of export must be words of a-z "
                         f"joined by hyphens. Got {name!r} instead.")
    if not isinstance(contents, dict) or not contents:
        raise TypeError("The 'contents' parameter of export must be a "
                        "non-empty dict. "
                        f"Got {' '.join(repr(contents).split())} instead.")
    from IPython.display import Markdown, display

    record = {"name": name, "contents": {
        str(key): encode(key, value) for key, value in contents.items()}}
    display(Markdown("*On the book's web page this figure answers to mouse, "
                     "touch and keys.*"), metadata={"vae_tf_page": record})


def encode(key, value):
    """Return an array as what JSON can hold, a list of strings as it is."""
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    begin = f"The {key!r} of export's 'contents' must be "
    known = isinstance(value, np.ndarray)
    dtype = value.dtype.name if known else type(value).__name__
    if not known or dtype not in DTYPES:
        raise TypeError(f"{begin}a list of strings or an array of one of "
                        f"{DTYPES}. Got {dtype} instead.")
    if not value.size or not np.isfinite(value).all():
        raise ValueError(f"{begin}finite and not empty. Got "
                         f"{list(value.shape)} with NaN, infinity or nothing.")
    little_endian = value.astype(value.dtype.newbyteorder("<"))
    return {"dtype": dtype, "shape": list(value.shape),
            "base64": base64.b64encode(little_endian.tobytes()).decode()}

"""Arrays in, Axes out: nothing here trains or loads."""

import matplotlib.pyplot as plt
import numpy as np


def merge(images, size):
    """Lay images out row by row as one picture.

    images [rows * columns, h, w, c], size (rows, columns)
    -> [rows * h, columns * w, c]. Raises ValueError if the numbers do not
    match. (2016's `merge`)
    """
    images = np.asarray(images)
    rows, columns = size
    if images.ndim != 4 or len(images) != rows * columns or min(size) < 1:
        raise ValueError(
            "The 'images' parameter of merge must be of shape "
            f"[{rows * columns}, h, w, c] for the size {tuple(size)}. "
            f"Got {list(images.shape)} instead.")
    n, h, w, c = images.shape
    grid = images.reshape(rows, columns, h, w, c).swapaxes(1, 2)
    return grid.reshape(rows * h, columns * w, c)


def show(images, size=None, title=None, ax=None):
    """Draw images [n, h, w, c], pixels in [0, 1], as one grid.

    `size` is (rows, columns), by default one row. Returns the Axes.
    """
    images = np.asarray(images)
    picture = merge(images, size or (1, len(images)))
    size = figure_size(picture, images.shape[1])
    ax = ax or plt.subplots(figsize=size, layout="constrained")[1]
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax


def show_rows(rows):
    """Draw {"label": images [n, h, w, c], ...}, one labelled row each.

    Rows must hold equally many images of one size. Returns the Axes, one per
    row.
    """
    images = [np.asarray(row) for row in rows.values()]
    n, h, w, _ = images[0].shape
    _, axes = plt.subplots(len(rows), 1, squeeze=False, layout="constrained",
                           figsize=(5, 5 * len(rows) * h / (n * w)))
    for ax, label, row in zip(axes[:, 0], rows, images):
        show(row, ax=ax)
        ax.set_axis_on()
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    return axes[:, 0]


def show_losses(history, ax=None):
    """Draw every term of the loss in the records of `train` against epochs.

    Returns the Axes. Raises ValueError for an empty history.
    """
    if not isinstance(history, list) or not history:
        raise ValueError("The 'history' parameter of show_losses must be a "
                         "non-empty list of records. "
                         f"Got {history!r} instead.")
    ax = ax or plt.subplots(figsize=(5, 3), layout="constrained")[1]
    epochs = [record["epoch"] for record in history]
    styles = iter(["-", "--", ":"])
    for name in history[0]:
        if name not in ("epoch", "seconds"):
            ax.plot(epochs, [record[name] for record in history],
                    next(styles), label=name)
    ax.set(xlabel="epoch", ylabel="per image")
    ax.legend(frameon=False)
    return ax


def figure_size(picture, height_of_one):
    """Return inches for a merged picture: at most 5 wide, an image 1.5."""
    h, w = picture.shape[:2]
    scale = min(1.5 / height_of_one, 5 / w)
    return w * scale, h * scale

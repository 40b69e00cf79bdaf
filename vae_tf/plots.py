"""Arrays in, Axes out: nothing here trains or loads."""

import itertools
import numbers
import operator

import matplotlib.pyplot as plt
import numpy as np

from vae_tf.support import checks


def merge(images, size):
    """Lay images out row by row as one picture.

    images [rows * columns, h, w, c], size (rows, columns)
    -> [rows * h, columns * w, c]. Raises ValueError if the numbers do not
    match, TypeError if the size is not two ints. (2016's `merge`)
    """
    images = np.asarray(images)
    try:
        rows, columns = map(operator.index, size)
    except (TypeError, ValueError):
        raise TypeError(checks.message(
            "size", "merge", "be two ints, (rows, columns)",
            repr(size))) from None
    if images.ndim != 4 or len(images) != rows * columns \
            or min(rows, columns) < 1:
        raise ValueError(checks.message(
            "images", "merge", f"be of shape [{rows * columns}, h, w, c] for "
            f"the size {(rows, columns)}", list(images.shape)))
    n, h, w, c = images.shape
    grid = images.reshape(rows, columns, h, w, c).swapaxes(1, 2)
    return grid.reshape(rows * h, columns * w, c)


def show(images, size=None, title=None, ax=None):
    """Draw images [n, h, w, c], pixels in [0, 1], as one grid.

    `size` is (rows, columns), by default one row. Returns the Axes. Raises
    TypeError or ValueError, naming the argument, before anything is drawn.
    """
    images = checks.drawable("images", images, "show")
    picture = merge(images, (1, len(images)) if size is None else size)
    size = figure_size(picture, images.shape[1])
    ax = ax or plt.subplots(figsize=size, layout="constrained")[1]
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax


def show_rows(rows):
    """Draw {"label": images [n, h, w, c], ...}, each row under its label.

    Rows must have equally many images of one size, grey or in colour. Returns
    the Axes, one per row. Raises as `show` does.
    """
    if not isinstance(rows, dict) or not rows:
        got = "{}" if isinstance(rows, dict) else type(rows).__name__
        raise TypeError(checks.message("rows", "show_rows", "be a non-empty "
                                       "dict of images", got))
    images = [checks.drawable("rows", row, "show_rows")
              for row in rows.values()]
    sizes = {row.shape[:3]: list(row.shape) for row in images}
    if len(sizes) > 1:
        raise ValueError(checks.message(
            "rows", "show_rows", "have equally many images of one size in "
            "each row", ", ".join(map(str, sizes.values()))))
    [(n, h, w)] = sizes
    _, axes = plt.subplots(len(rows), 1, squeeze=False, layout="constrained",
                           figsize=(5, len(rows) * (0.25 + 5 * h / (n * w))))
    for ax, label, row in zip(axes[:, 0], rows, images):
        show(row, ax=ax).set_title(label, loc="left", fontsize=11, pad=3)
    return axes[:, 0]


def show_losses(history, ax=None):
    """Draw every term of the loss in the records of `train` against epochs.

    Returns the Axes. Raises ValueError unless all records have an epoch and
    the same terms.
    """
    is_list = isinstance(history, list) and history
    for record in history if is_list else [history]:
        if not (is_list and isinstance(record, dict) and "epoch" in record
                and record.keys() == history[0].keys()
                and record.keys() - {"epoch", "seconds"}
                and all(isinstance(number, numbers.Real)
                        for number in record.values())):
            raise ValueError(checks.message(
                "history", "show_losses", "be a non-empty list of records, "
                "all with an epoch and the same terms", repr(record)))
    ax = ax or plt.subplots(figsize=(5, 3), layout="constrained")[1]
    epochs = [record["epoch"] for record in history]
    names = [name for name in history[0] if name not in ("epoch", "seconds")]
    for name, style in zip(names, itertools.cycle(["-", "--", ":", "-."])):
        ax.plot(epochs, [record[name] for record in history], style,
                label=name)
    ax.set(xlabel="epoch", ylabel="per image")
    ax.legend(frameon=False)
    return ax


def figure_size(picture, height_of_one):
    """Return inches for a merged picture: at most 5 wide, an image 1.5."""
    h, w = picture.shape[:2]
    scale = min(1.5 / height_of_one, 5 / w)
    return w * scale, h * scale

"""The plots: what they draw is what they were given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from vae_tf import plots  # noqa: E402

IMAGES = np.random.default_rng(0).uniform(size=(6, 4, 5, 3))
HISTORY = [{"epoch": e, "loss": 9 / e, "generation_loss": 6 / e,
            "latent_loss": 3 / e, "seconds": 1.5} for e in (1, 2, 3)]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("rows, columns", [(1, 6), (2, 3), (3, 2), (6, 1)])
def test_merge_puts_image_after_image_row_by_row(rows, columns):
    grid = plots.merge(IMAGES, (rows, columns))
    assert grid.shape == (4 * rows, 5 * columns, 3)
    for i, image in enumerate(IMAGES):
        y, x = 4 * (i // columns), 5 * (i % columns)
        assert np.array_equal(grid[y:y + 4, x:x + 5], image)


@pytest.mark.parametrize("size", [None, (2, 3)])
def test_show_draws_the_merged_images_as_they_are(size):
    ax = plots.show(IMAGES, size, "six")
    (picture,) = ax.images
    assert np.array_equal(picture.get_array(),
                          plots.merge(IMAGES, size or (1, 6)))
    assert picture.get_clim() == (0, 1)
    assert not ax.axison and ax.get_title() == "six"


@pytest.mark.parametrize("shape", [(1, 64, 64, 3), (40, 28, 28, 1)])
def test_a_figure_is_at_most_seven_inches_wide_and_not_distorted(shape):
    plots.show(np.zeros(shape))
    width, height = plt.gcf().get_size_inches()
    assert 0 < width <= 7.001
    assert width / height == pytest.approx(shape[0] * shape[2] / shape[1])


def test_show_rows_labels_a_row_for_each_name():
    axes = plots.show_rows({"original": IMAGES, "after": 1 - IMAGES})
    assert [ax.get_ylabel() for ax in axes] == ["original", "after"]
    for ax, row in zip(axes, (IMAGES, 1 - IMAGES), strict=True):
        assert np.array_equal(ax.images[0].get_array(),
                              plots.merge(row, (1, 6)))


def test_show_losses_draws_every_term_and_nothing_else():
    lines = plots.show_losses(HISTORY).get_lines()
    assert [line.get_label() for line in lines] \
        == ["loss", "generation_loss", "latent_loss"]
    assert len({line.get_linestyle() for line in lines}) == 3
    for line in lines:
        terms = [record[line.get_label()] for record in HISTORY]
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == terms


@pytest.mark.parametrize("draw", [
    lambda ax: plots.show(IMAGES, ax=ax),
    lambda ax: plots.show_losses(HISTORY, ax)], ids=["show", "show_losses"])
def test_the_axes_given_are_the_axes_drawn_on(draw):
    _, (left, right) = plt.subplots(1, 2)
    assert draw(right) is right
    assert not left.has_data() and right.has_data()
    assert len(plt.get_fignums()) == 1

"""The plots: what they draw is what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from vae_tf import plots

IMAGES = np.random.default_rng(0).uniform(size=(6, 4, 5, 3))
HISTORY = [{"epoch": e, "loss": 9 / e, "generation_loss": 6 / e,
            "latent_loss": 3 / e, "seconds": 1.5} for e in (1, 2, 3)]


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_show_draws_image_after_image_row_by_row_as_they_are():
    for size in (None, (2, 3), (6, 1)):
        ax = plots.show(IMAGES, size, "six")
        (picture,) = ax.images
        grid = picture.get_array()
        rows, columns = size or (1, 6)
        assert grid.shape == (4 * rows, 5 * columns, 3)
        for i, image in enumerate(IMAGES):
            y, x = 4 * (i // columns), 5 * (i % columns)
            assert np.array_equal(grid[y:y + 4, x:x + 5], image)
        assert picture.get_clim() == (0, 1)
        assert not ax.axison and ax.get_title() == "six"


def test_a_figure_is_at_most_seven_inches_wide_and_not_distorted():
    for n, h, w, c in ((1, 64, 64, 3), (40, 28, 28, 1)):
        plots.show(np.zeros((n, h, w, c)))
        width, height = plt.gcf().get_size_inches()
        assert 0 < width <= 7.001
        assert width / height == pytest.approx(n * w / h)


def test_show_rows_labels_a_row_for_each_name():
    rows = {"colour": IMAGES, "grey": list(IMAGES[..., :1])}
    axes = plots.show_rows(rows)
    assert [ax.get_title("left") for ax in axes] == ["colour", "grey"]
    for ax, row in zip(axes, rows.values(), strict=True):
        assert np.array_equal(ax.images[0].get_array(),
                              plots.merge(row, (1, 6)).squeeze())


def test_show_losses_draws_every_term_and_nothing_else():
    more = {f"term {i}": np.float32(i) for i in range(20)}
    history = [{**record, **more} for record in HISTORY]
    lines = plots.show_losses(history).get_lines()
    assert [line.get_label() for line in lines] \
        == ["loss", "generation_loss", "latent_loss", *more]
    assert len({(line.get_linestyle(), line.get_color())
                for line in lines[:20]}) == 20
    assert [line.get_linestyle() for line in lines[:3]] == ["-", "--", ":"]
    for line in lines:
        terms = [record[line.get_label()] for record in history]
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == terms


def test_the_axes_given_are_the_axes_drawn_on():
    for draw in (lambda ax: plots.show(IMAGES, ax=ax),
                 lambda ax: plots.show_losses(HISTORY, ax)):
        _, (left, right) = plt.subplots(1, 2)
        assert draw(right) is right
        assert not left.has_data() and right.has_data()
        assert len(plt.get_fignums()) == 1
        plt.close()

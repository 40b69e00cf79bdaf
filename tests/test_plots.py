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
    rows = {"colour": IMAGES, "grey": list(IMAGES[..., :1])}
    axes = plots.show_rows(rows)
    assert [ax.get_ylabel() for ax in axes] == ["colour", "grey"]
    for ax, row in zip(axes, rows.values(), strict=True):
        assert np.array_equal(ax.images[0].get_array(),
                              plots.merge(row, (1, 6)).squeeze())


@pytest.mark.parametrize("n", [0, 1, 2, 20])
def test_show_losses_draws_every_term_and_nothing_else(n):
    more = {f"term {i}": np.float32(i) for i in range(n)}
    history = [{**record, **more} for record in HISTORY]
    lines = plots.show_losses(history).get_lines()
    assert [line.get_label() for line in lines] \
        == ["loss", "generation_loss", "latent_loss", *more]
    assert len({(line.get_linestyle(), line.get_color())
                for line in lines[:20]}) == min(3 + n, 20)
    assert [line.get_linestyle() for line in lines[:3]] == ["-", "--", ":"]
    for line in lines:
        terms = [record[line.get_label()] for record in history]
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == terms


GREY, ONE = np.full([6, 4, 4, 1], .5), HISTORY[0]
NOT_DRAWN = [np.uint8(255 * GREY), 255 * GREY, GREY - .6, GREY > 0, GREY[0],
             np.nan * GREY, GREY[:0], GREY[..., [0, 0]], None, "cat.png", 3,
             [GREY[0], GREY[0, :2]]]


@pytest.mark.parametrize("function, name, values", [
    (plots.show, "images", NOT_DRAWN),
    (plots.show_rows, "rows", [
        *({"good": GREY, "bad": images} for images in NOT_DRAWN), {}, None,
        GREY, [GREY], {"a": GREY[:3], "b": GREY[:5]},
        {"a": GREY, "b": GREY[:, :2]}, {"a": GREY, "b": GREY[:, :, :2]}]),
    (lambda size: plots.merge(GREY, size), "size", [
        6, None, (6,), (1, 2, 3), (2., 3), "23", np.eye(2)]),
    (plots.show_losses, "history", [
        [], {}, ONE, None, GREY, (ONE,), [{}], [ONE, {}], [3], [ONE, None],
        [{"loss": 1.}], [{"epoch": 1}], [{"epoch": 1, "seconds": 2.}],
        [ONE, {**ONE, "more": 1.}], [{**ONE, "more": 1.}, ONE],
        [{"epoch": 1, "loss": "1"}], [{"epoch": 1, "loss": GREY}]])])
def test_bad_input_gets_one_line_before_anything_is_drawn(
        function, name, values):
    for value in values:
        with pytest.raises((TypeError, ValueError)) as error:
            function(value)
        begin, got, came = str(error.value).partition(" Got ")
        assert begin.startswith(f"The {name!r} parameter of ")
        assert got and came and "\n" not in begin + came
        assert not plt.get_fignums()


@pytest.mark.parametrize("draw", [
    lambda ax: plots.show(IMAGES, ax=ax),
    lambda ax: plots.show_losses(HISTORY, ax)], ids=["show", "show_losses"])
def test_the_axes_given_are_the_axes_drawn_on(draw):
    _, (left, right) = plt.subplots(1, 2)
    assert draw(right) is right
    assert not left.has_data() and right.has_data()
    assert len(plt.get_fignums()) == 1

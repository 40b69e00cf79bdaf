"""Every planted fault of an output is found, no harmless noise is."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
from nbformat.v4 import new_code_cell, new_output

from book._tools.compare import (all_faults, cell_faults, differences,
                                 forbidden, is_short, picture_faults,
                                 text_faults)

# Two texts that differ in more than noise: (expected, got, the cell's units).
DIFFERENT = [
    ("0.0100", "0.0102", 0), ("0.51", "0.52", 0), ("50.0", "51.0", 0),
    ("loss 1.234", "loss 1.259", 0), ("loss 1.234", "loss 1.209", 0),
    ("loss 1.234", "loss -1.234", 0), ("(3, 5)", "(5, 3)", 0),
    ("784 pixels", "785 pixels", 0), ("a cat", "a dog", 0),
    ("a\nb\n", "b\na\n", 0), ("784.", "785.", 0), ("1,234", "1,235", 0),
    ("TensorFlow 2.21.0", "TensorFlow 2.20.0", 0), ("0.5", "nan", 0),
    ("v1.00", "v1.01", 0), ("[1. 2.]", "[1. 3.]", 0), ("2.0", "2", 0),
    ("1.23e-05", "1.23e-04", 0), ("0.5 0.6\n0.7", "0.5\n0.6 0.7", 0),
    ("0.123", "0.1", 0), (".1 0.1", ".1 0.2", 0), ("0.00", "0.01", 0),
    ("−0.1", "−0.2", 0), ("0.1", "-0.1", 0), ("1e-05", "2e-05", 0),
    ("[0.  0.5]", "[0.  0.6]", 0), ("4.2%", "4.3%", 0),
    ("0.1", "0.3", 1), ("1e-05", "3e-05", 1), ("0.1 1.00", "0.2 1.02", 3),
    ("1,234.0", "1,247.0", 3), ("± 0.0", "± 0.1", 0),
    ("± 0.000", "± 0.002", 1), ("8.1 ± 11.6", "8.1 ± 34.9", 0),
    ("8.1 ± 0.2", "8.1 ± 0.0", 0), ("8.1 ± 0.02", "8.1 ± 0.2", 0),
    ("11.6 and", "34.7 and", 0)]
ALIKE = [
    ("loss 1.234", "loss 1.240", 0), ("0.1", "0.2", 1), ("0.1", "0.3", 2),
    ("0.00", "-0.01", 1), ("−0.00", "0.00", 0), ("1e-05", "2e-05", 1),
    ("± 0.000", "± 0.001", 1), ("8.1 ± 11.6", "8.1 ± 34.7", 0),
    ("8.1 ± 0.002", "8.1 ± 0.005", 0), ("8.1 ± 0.1", "8.1 ± 0.2", 0)]


def test_texts_differ_in_more_than_noise_or_not():
    for expected, got, units in DIFFERENT:
        assert [*text_faults(expected, got, 0.01, units)], (expected, got)
    for expected, got, units in ALIKE:
        assert not [*text_faults(expected, got, 0.01, units)], (expected, got)


def test_noise_is_harmless_at_every_rounding_boundary():
    for style in (".1f", ".2f", ".4f", ",.1f", ".2e", ".0e"):
        for units in range(-12_000, 12_000, 97):
            for scale in (1, 100, 10_000):
                a, b = (f"{(units + .5) / scale * factor:{style}}"
                        for factor in (1 - 1e-5, 1 + 1e-5))
                few = is_short(a, .01)  # so its cell states it
                assert not [*text_faults(f"a {a} b", f"a {b} b", .01, few)]


# Outputs that no cell may have: (MIME type or stream, text, what is said).
FORBIDDEN = [
    ("text/html", "<table><script>x()</script></table>",
     "active content in text/html: '<script"),
    ("text/html", "<table><td onclick=x()></table>", "active .*'<td onclick"),
    ("text/html", "<b>hi</b>", "no table"),
    ("text/markdown", "Hi <script src=x>", "active content in text/markdown"),
    ("text/markdown", "[a](javascript:x())", "active content .*javascript:"),
    ("text/markdown", "`/root/cat.png`", "a path of this machine"),
    ("text/plain", "'/Users/ann'", "a path of this machine.*/Users/ann"),
    ("stdout", "in /home/ann/cat.png", "path of this machine in stdout: '/ho"),
    ("stdout", r"C:\Users\ann", "a path of this machine"),
    ("stderr", "DeprecationWarning: old", "stderr is not allowed: 'Deprec"),
    ("application/javascript", "x()", "javascript is not allowed: 'x"),
    ("image/svg+xml", "<svg><script/></svg>", r"svg\+xml is not allowed")]
# What a committed cell may not have, which has run first: (cell, message).
COMMITTED = [
    *((new_code_cell("1", execution_count=1, metadata={"tags": [tag]}),
       f"switches the validation off: '{tag}'") for tag in (
        "raises-exception", "nbval-ignore-output", "nbval-skip")),
    (new_code_cell("1\n# NBVAL_IGNORE_OUTPUT", execution_count=1),
     "switches the validation off: '# NBVAL"),
    (new_code_cell("1", execution_count=1, metadata={"vae_tf": {"rtol": 5}}),
     "not a tolerance .*rtol': 5"),
    (new_code_cell("1"), "not run, .*got None"),
    (new_code_cell("1", execution_count=2), "not in order: .*count 1, got 2"),
    (new_code_cell("1", execution_count=1, outputs=[new_output(
        "error", ename="ValueError", evalue="no cat")]),
     "committed: an error: ValueError: no cat")]


def output(name, text):
    return (new_output("stream", name=name, text=text)
            if name.startswith("std") else
            new_output("display_data", {name: text}))


def test_what_no_cell_may_have_is_found():
    for name, text, message in FORBIDDEN:
        [*faults] = forbidden([output(name, text)])
        assert re.search(message, "\n".join(faults)), (text, faults)
    for cell, message in COMMITTED:
        [*faults] = cell_faults(cell, 1)
        assert re.search(message, "\n".join(faults)), (cell, faults)
    assert not [*cell_faults(new_code_cell("1", execution_count=1), 1)]


def test_outputs_are_compared_one_by_one_as_their_cell_states():
    text, sentence = output("stdout", "a 1.000\n"), output(
        "text/markdown", "It is *0.672*.")
    cell = new_code_cell(outputs=[text, sentence])
    assert all_faults(cell, None, [text, sentence]) == []
    for got in [[], [text], [text, sentence, text], [sentence, text]]:
        [fault] = differences(cell, got)
        assert "expected the outputs" in fault
        assert [*differences(cell, got, values=False)] == [fault]
    got = [text, output("text/markdown", "It is *0.700*.")]
    [fault] = differences(cell, got)
    assert fault == ("text/markdown: after 'It is *': expected 0.672, got "
                     "0.700 (4.17% off, 1.00% allowed)")
    assert not [*differences(cell, got, values=False)]
    for stated in {"vae_tf": {"rtol": 0.05}}, {"tags": ["timing"]}:
        cell.metadata = stated
        assert all_faults(cell, None, got) == []


# Two pictures.

def drawn(change=lambda plot, row: None, **options):
    """Return a plot above a row of five images, changed, as a base64 PNG."""
    figure, (plot, row) = plt.subplots(2, 1, figsize=(4, 4), dpi=150,
                                       layout="constrained")
    x = np.linspace(0, 4)
    plot.plot(x, 3 - x, label="plain")
    plot.plot(x, 3 * np.sin(x), "--", label="mixture")
    plot.set(xlabel="epoch", ylabel="loss, nats", title="seed 0",
             ylim=(-4, 6), xticks=range(5))
    plot.legend(frameon=False)
    row.imshow(np.hstack([np.eye(8, k=k) for k in range(-2, 3)]), cmap="gray")
    row.set(xticks=[], yticks=[], ylabel="rebuilt")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # so that all else stays where it is
    change(plot, row)
    file = io.BytesIO()
    figure.savefig(file, **options)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def lose_image(plot, row):
    row.images[0].get_array()[:, 16:24] = 0


def swap_images(plot, row):
    images = row.images[0].get_array()
    images[:, :8], images[:, 32:] = images[:, 32:].copy(), images[:, :8].copy()


def move_line(plot, row):
    plot.lines[1].set_ydata(plot.lines[1].get_ydata() + 0.4)


def move_title(plot, row):
    plot.title.set_x(0.52)


HOLES = {
    "an axis label": lambda plot, row: plot.set_ylabel(""),
    "a tick label": lambda plot, row: plot.get_xticklabels()[3].set_alpha(0),
    "a title": lambda plot, row: plot.set_title(""),
    "a legend's entry": lambda plot, row: (
        plot.get_legend().get_texts()[1].set_alpha(0)),
    "one of two lines": lambda plot, row: plot.lines[1].set_alpha(0),
    "an image of a row": lose_image, "two images swapped": swap_images,
    "another digit": lambda plot, row: plot.set_xticks(range(5),
                                                       list("01284")),
    "another colour": lambda plot, row: plot.lines[1].set_color("tab:green"),
    "a label elsewhere": move_title}


def test_a_hole_in_a_picture_is_found_however_alike_the_whole():
    whole = drawn()
    for name, change in HOLES.items():
        faults = [*picture_faults(whole, drawn(change), 0.97, 4, 24)]
        assert faults and "SSIM" not in "".join(faults), (name, faults)


def test_another_picture_is_found_and_a_grey_level_is_not():
    whole = drawn()
    for other, message in (
            (drawn(lambda plot, row: plot.figure.clear()), "another picture: "
             r"SSIM [\d.]+, 0.98 needed"),
            (drawn(bbox_inches="tight"), r"expected \(.*rows, .*got"),
            (drawn(lambda plot, row: row.images[0].set_cmap("hot")),
             "another picture")):
        assert re.search(message, "\n".join(picture_faults(
            whole, other, 0.98)))
    for other in (drawn(pil_kwargs={"compress_level": 1}),
                  drawn(lambda plot, row: plot.lines[1].set_alpha(0.99))):
        assert other != whole and not [*picture_faults(whole, other, 0.98)]


def test_lines_may_move_where_a_cell_says_so_and_labels_too():
    whole, moved = drawn(), drawn(move_line)
    assert [*picture_faults(whole, moved, 0.98)]
    assert [*picture_faults(whole, moved, 0.9)] == []
    assert [*picture_faults(whole, drawn(move_title), 0.98, 24, 24)] == []

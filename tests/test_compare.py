"""Every fault planted in a chapter's outputs is found, no harmless noise is.

A chapter with a planted fault is compared with the outputs that it is
committed with. No kernel runs.
"""

import base64
import copy
import io
import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_output
from PIL import Image

from book._tools.compare import (NUMBER, all_faults, code_cells, contents,
                                 executed, is_short, number_faults,
                                 picture_faults, text_faults)
from book._tools.toc import ROOT, chapters

CHAPTER = nbformat.read(ROOT / chapters(ROOT)[0], as_version=4)
CHAPTER = executed(CHAPTER, [cell.outputs for cell, _ in code_cells(CHAPTER)])
THREE_DIGITS = r"(?<![\d.])(\d+\.\d\d+|[1-9]\d+\.\d)(?![\d.])"


# Ways to change a chapter.

def outputs(nb, mime="", pattern=""):
    """List (output, MIME type, text) that match; pictures only if asked."""
    return [(output, name, text)
            for cell, _ in code_cells(nb) for output in cell.outputs
            if "timing" not in cell.metadata.get("tags", ())
            for name, text in contents(output).items()
            if mime in name and (mime or "image" not in name)
            and re.search(pattern, text)]


def set_text(output, name, text):
    if output.output_type == "stream":
        output.text = text
    else:
        output.data[name] = text


def edit(pattern, new, mime=""):
    """Return a change of the first match of a pattern in a text."""
    def change(nb):
        output, name, text = outputs(nb, mime, pattern)[0]
        set_text(output, name, re.sub(pattern, new, text, count=1))
    return change


def scale_all(factor):
    """Return a change of every printed number with a decimal point."""
    def change(nb):
        for output, name, text in outputs(nb, "", NUMBER):
            set_text(output, name, NUMBER.sub(times(factor), text))
    return change


def times(factor):
    """Return what prints a matched number again, times a factor."""
    def reprint(match):
        mantissa, e, _ = match[1].partition("e")
        places = len(mantissa.partition(".")[2])
        style = f"{',' * (',' in mantissa)}.{places}{e or 'f'}"
        value = float(match[1].replace(",", "")) * factor
        return match[0].replace(match[1], f"{value:{style}}")
    return reprint


def add(name, text):
    """Return a change that adds an output to the first cell without any."""
    new = (new_output("stream", name=name, text=text)
           if name.startswith("std") else
           new_output("display_data", {name: text}))
    return lambda nb: next(cell for cell, count in code_cells(nb) if count
                           and not cell.outputs).outputs.append(new)


def paint(change, **options):
    """Return a change of the first picture's pixels, as an array."""
    def repaint(nb):
        output, name, text = outputs(nb, "image/png")[0]
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(text))))
        file = io.BytesIO()
        Image.fromarray(change(pixels)).save(file, "png", **options)
        set_text(output, name, base64.b64encode(file.getvalue()).decode())
    return repaint


def change_grey_levels(pixels):
    """Move every value of a picture by one level, up or down."""
    noise = np.random.default_rng(0).choice([-1, 1], pixels.shape)
    return np.uint8(np.clip(pixels.astype(int) + noise, 0, 255))


def lose_picture(nb):
    output, name, _ = outputs(nb, "image/png")[0]
    del output.data[name]


def lose_output(nb):
    next(cell for cell, _ in code_cells(nb) if cell.outputs).outputs = []


def forget_run(nb):
    for cell, _ in code_cells(nb):
        cell.execution_count, cell.outputs = None, []


def swap_order(nb):
    a, b = code_cells(nb)[1][0], code_cells(nb)[2][0]
    a.execution_count, b.execution_count = b.execution_count, a.execution_count


def swap_rows(nb):
    output, name, text = outputs(nb, "stdout", r".\n.*.\n")[0]
    first, second, *rest = text.splitlines(True)
    set_text(output, name, "".join([second, first, *rest]))


def tag(name):
    return lambda nb: code_cells(nb)[0][0].metadata.setdefault(
        "tags", []).append(name)


def comment(nb):
    code_cells(nb)[0][0].source += "\n# NBVAL_IGNORE_OUTPUT"


def widen(nb):
    code_cells(nb)[0][0].metadata["vae_tf"] = {"rtol": 5}


def fail(nb):
    code_cells(nb)[0][0].outputs.append(new_output(
        "error", ename="ValueError", evalue="no cat", traceback=[]))


# Committed with a fault, run without it: (change, what the message says).
STALE = {
    "a result 2 % up": (
        edit(THREE_DIGITS, times(1.02)),
        r"after '.*': expected [\d.]+, got [\d.]+ \(.*% off, 1.00% allowed"),
    "a result 2 % down": (edit(THREE_DIGITS, times(.98)), "expected .*, got"),
    "a sign": (edit(THREE_DIGITS, r"-\1"), "expected -.*, got "),
    "a shape": (edit(r"\((\d+), (\d+)", r"(\2, \1"), r"expected '.*\(.*, g"),
    "a count": (edit(r"(?<![\d.,])\d\d+(?![\d.,])", "77"), "expected .*77"),
    "a word": (edit("[a-z]{4,}", "false", "stdout"), "expected '.*false"),
    "two rows swapped": (swap_rows, "expected '.*', got '"),
    "a number in a displayed sentence": (
        edit(THREE_DIGITS, times(1.1), "text/markdown"),
        r"text/markdown: after .*expected"),
    "another seed's picture": (
        paint(np.random.default_rng(1).permutation),
        r"image/png: another picture: SSIM [\d.]+, 0.98 needed"),
    "a blank picture": (paint(np.ones_like), "another picture: SSIM"),
    "a picture of another size": (paint(lambda x: x[:, :-1]), "rows, .*got"),
    "red for blue": (paint(lambda x: x[..., [2, 1, 0]]), "another picture"),
    "a picture missing": (lose_picture, "expected the outputs .*image/png"),
    "an output missing": (lose_output, r"expected the outputs \[\], got"),
    "an unrun notebook": (forget_run, "not run, .*got None"),
    "a stale extra output": (add("stdout", "left\n"), r"stdout'\], got \[\]"),
    "wrong order": (swap_order, "not in order: expected .* count 2, got 3"),
}
# In the committed outputs and in those of the run.
FORBIDDEN = {
    "an exception let through": (tag("raises-exception"), "switches .*raises"),
    "an output not looked at": (tag("nbval-ignore-output"), "switches .*nb"),
    "a cell not run": (tag("nbval-skip"), "switches .*nbval-skip"),
    "a comment to nbval": (comment, "switches .*NBVAL"),
    "a tolerance without limits": (widen, "not a tolerance .*rtol': 5"),
    "an error": (fail, "an error: ValueError: no cat"),
    "a script": (add("text/html", "<table><script>x()</script></table>"),
                 "active content in text/html: '<script"),
    "a script in Markdown": (add("text/markdown", "Hi <script src=x>"),
                             "active content in text/markdown: '<script"),
    "an event": (add("text/html", "<table><img src=x onerror=x()></table>"),
                 "active content in text/html: '<img"),
    "a link that is a script": (add("text/markdown", "[a](javascript:x())"),
                                "active content .*javascript:"),
    "JavaScript": (add("application/javascript", "x()"),
                   "application/javascript is not allowed: 'x"),
    "a vector picture": (add("image/svg+xml", "<svg><script/></svg>"),
                         r"image/svg\+xml is not allowed"),
    "HTML that is no table": (add("text/html", "<b>hi</b>"), "no table"),
    "a deprecation": (add("stderr", "DeprecationWarning: old"),
                      "stderr is not allowed: 'DeprecationWarning: old"),
    "a home directory": (add("stdout", "in /home/ann/cat.png"),
                         "a path of this machine in stdout: '/home/ann"),
    "a home directory on a Mac": (add("text/plain", "'/Users/ann'"), "/ann"),
    "a home directory on Windows": (add("stdout", r"C:\Users\ann"), "path of"),
    "the superuser's": (add("text/markdown", "`/root/cat.png`"), "path of"),
}
HARMLESS = {
    "nothing": lambda nb: None,
    "noise in every number": scale_all(1 + 1e-5),
    "noise the other way": scale_all(1 - 1e-5),
    "one grey level": paint(change_grey_levels),
    "another encoder": paint(lambda pixels: pixels, compress_level=1),
}


def faults(committed, run):
    """Return all faults of a committed notebook, beside one that was run."""
    return [fault for (cell, count), (fresh, _) in
            zip(code_cells(committed), code_cells(run))
            for fault in all_faults(cell, count, fresh.outputs)]


def changed(change):
    nb = copy.deepcopy(CHAPTER)
    change(nb)
    return nb


def test_every_planted_fault_is_found_and_no_noise():
    for name, (change, message) in STALE.items():
        found = "\n".join(faults(changed(change), CHAPTER))
        assert re.search(message, found), (name, found)
    for name, (change, message) in FORBIDDEN.items():
        found = "\n".join(faults(changed(change), changed(change)))
        assert re.search(message, found), (name, found)
    for name, change in HARMLESS.items():
        assert faults(changed(change), CHAPTER) == [], name
        assert faults(CHAPTER, changed(change)) == [], name


# Two texts.

def test_two_percent_are_found_however_few_the_digits():
    for places in range(1, 6):
        for units in range(1000):
            step = max(1, units // 50)
            number, *others = (f"{n / 10 ** places:.{places}f}" for n in (
                units, units + step, units - step))
            for got in others:
                assert [*number_faults(number, got, 0.01)], (number, got)


def test_noise_is_harmless_at_every_rounding_boundary():
    for style in (".1f", ".2f", ".4f", ",.1f", ".2e", ".0e"):
        for units in range(-12_000, 12_000, 97):
            for scale in (1, 100, 10_000):
                value = (units + .5) / scale
                low, high = value * (1 - 1e-5), value * (1 + 1e-5)
                for a, b in ((low, high), (high, low)):
                    few = is_short(f"{a:{style}}", .01)  # its cell states it
                    a, b = (f"a {x:12{style}} b" for x in (a, b))
                    assert [*text_faults(a, b, .01, few)] == []


def test_a_text_differs_in_more_than_noise_or_not():
    for expected, got in (
            ("784 pixels", "785 pixels"), ("784.", "785."), ("2.0", "2"),
            ("1,234", "1,235"), ("TensorFlow 2.21.0", "TensorFlow 2.20.0"),
            ("0.5", "nan"), ("v1.00", "v1.01"), ("[1. 2.]", "[1. 3.]"),
            ("1.23e-05", "1.23e-04"), ("0.5 0.6\n0.7", "0.5\n0.6 0.7"),
            ("0.123", "0.1"), (".1 0.1", ".1 0.2"), ("0.00", "0.01"),
            ("−0.1", "−0.2"), ("0.1", "-0.1"), ("1e-05", "2e-05"),
            ("[0.  0.5]", "[0.  0.6]"), ("4.2%", "4.3%"), ("± 0.0", "± 0.1")):
        assert [*text_faults(expected, got, 0.01)], (expected, got)
    for expected, got, units, allowed in (
            ("0.1", "0.2", 1, True), ("0.1", "0.3", 1, False),
            ("0.1", "0.3", 2, True), ("0.00", "-0.01", 1, True),
            ("−0.00", "0.00", 0, True), ("1e-05", "2e-05", 1, True),
            ("1e-05", "3e-05", 1, False), ("± 0.000", "± 0.001", 1, True),
            ("± 0.000", "± 0.002", 1, False),
            ("0.1 1.00", "0.2 1.02", 3, False),
            ("1,234.0", "1,247.0", 3, False)):
        found = [*text_faults(expected, got, 0.01, units)]
        assert (found == []) == allowed, (expected, got, units)


def test_a_spread_over_seeds_may_be_up_to_three_times_another():
    for a, b, allowed in (
            ("0.002", "0.005", True), ("11.6", "34.7", True),
            ("11.6", "34.9", False), ("0.2", "0.0", False),
            ("0.02", "0.2", False), ("0.1", "0.2", True)):
        for expected, got in ((a, b), (b, a)):
            found = [*text_faults(f"8.14 ± {expected} nats",
                                  f"8.14 ± {got} nats", 0.01)]
            assert (found == []) == allowed, (expected, got)
            assert [*text_faults(f"{expected} and", f"{got} and", 0.01)]


def test_a_cell_may_state_its_tolerance():
    for stated, expected, got in (({"rtol": 0.05}, "1.000", "1.040"),
                                  ({"units": 1}, "0.1", "0.2")):
        cell = new_code_cell(outputs=[new_output("stream", text=expected)])
        ran = [new_output("stream", text=got)]
        assert all_faults(cell, None, ran)
        cell.metadata["vae_tf"] = stated
        assert all_faults(cell, None, ran) == []


# Two pictures.

def drawn(change=lambda plot, row: None):
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
    figure.savefig(file)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def hide(find):
    """Return a change that leaves out a part of the plot or of the row."""
    return lambda plot, row: find(plot, row).set_alpha(0)


def rearrange(order):
    """Return a change of the row to these of its images, black for a 5."""
    def change(plot, row):
        images = np.hsplit(np.asarray(row.images[0].get_array()), 5)
        images.append(np.zeros([8, 8]))
        row.images[0].set_data(np.hstack([images[i] for i in order]))
    return change


HOLES = {
    "an axis label": hide(lambda plot, row: plot.yaxis.label),
    "a tick label": hide(lambda plot, row: plot.get_xticklabels()[3]),
    "a title": hide(lambda plot, row: plot.title),
    "a legend's entry": hide(lambda plot, row:
                             plot.get_legend().get_texts()[1]),
    "a row's label": hide(lambda plot, row: row.yaxis.label),
    "one of two lines": hide(lambda plot, row: plot.lines[1]),
    "an image of a row": rearrange([0, 1, 5, 3, 4]),
    "two images swapped": rearrange([4, 1, 2, 3, 0]),
    "another digit": lambda plot, row: plot.set_xticks(range(5),
                                                       list("01284")),
    "another colour": lambda plot, row: plot.lines[1].set_color("tab:green"),
    "a label elsewhere": lambda plot, row: plot.title.set_x(0.52)}


def test_a_hole_in_a_picture_is_found_however_alike_the_whole():
    whole = drawn()
    for name, change in HOLES.items():
        found = [*picture_faults(whole, drawn(change), 0.97, 4, 24)]
        assert found and "SSIM" not in "".join(found), (name, found)


def test_lines_may_move_where_a_cell_says_so_and_labels_too():
    def move(plot, row):
        plot.lines[1].set_ydata(plot.lines[1].get_ydata() + 0.4)

    whole, other = drawn(), drawn(move)
    assert [*picture_faults(whole, other, 0.98)]
    assert [*picture_faults(whole, other, 0.9)] == []
    other = drawn(HOLES["a label elsewhere"])
    assert [*picture_faults(whole, other, 0.98, 24, 24)] == []

"""Every fault planted in a chapter is caught, and no harmless noise is.

Most need no kernel: a chapter with a planted fault is compared with the
outputs that it is committed with. The rest runs in a book of two-line
chapters, by nbval.
"""

import base64
import copy
import io
import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import (new_code_cell, new_markdown_cell, new_notebook,
                         new_output)
from PIL import Image

from book._tools import compare, execute
from tests.test_book import pair_faults
from book._tools.compare import (NUMBER, all_faults, code_cells, contents,
                                 executed, is_short, number_faults,
                                 text_faults)

pytest_plugins = "pytester"

BOOK = Path(__file__).resolve().parent.parent / "book"
CHAPTER = nbformat.read(BOOK / "01_one_image.ipynb", as_version=4)
CHAPTER = executed(CHAPTER, [cell.outputs for cell, _ in code_cells(CHAPTER)])
THREE_DIGITS = r"(?<![\d.])(\d+\.\d\d+|[1-9]\d+\.\d)(?![\d.])"


# Ways to change a chapter.

def outputs(nb, mime="", pattern=""):
    """List each output, text's name and text that match; pictures if asked."""
    return [(output, name, text)
            for cell, _ in code_cells(nb) for output in cell.outputs
            if "timing" not in cell.metadata.get("tags", ())
            for name, text in contents(output).items()
            if mime in name and (mime or "image" not in name)
            and re.search(pattern, text)]


def edit(pattern, new, mime=""):
    """Return a change of the first match of a pattern in a text."""
    def change(nb):
        output, name, text = outputs(nb, mime, pattern)[0]
        put(output, name, re.sub(pattern, new, text, count=1))
    return change


def noise(factor):
    """Return a change of every printed number with a decimal point."""
    def change(nb):
        for output, name, text in outputs(nb, "", NUMBER):
            put(output, name, NUMBER.sub(times(factor), text))
    return change


def put(output, name, text):
    """Set the text of an output."""
    if output.output_type == "stream":
        output.text = text
    else:
        output.data[name] = text


def add(name, text):
    """Return a change that adds an output to the first cell without any."""
    def change(nb):
        output = (new_output("stream", name=name, text=text)
                  if name.startswith("std") else
                  new_output("display_data", {name: text}))
        first(nb, lambda cell: not cell.outputs).outputs.append(output)
    return change


def first(nb, condition):
    """Return the first code cell with source that meets a condition."""
    return next(cell for cell, count in code_cells(nb)
                if count and condition(cell))


def times(factor):
    """Return what prints a matched number again, times a factor."""
    def reprint(match):
        mantissa, e, _ = match[1].partition("e")
        places = len(mantissa.partition(".")[2])
        style = f"{',' * (',' in mantissa)}.{places}{e or 'f'}"
        value = float(match[1].replace(",", "")) * factor
        return match[0].replace(match[1], f"{value:{style}}")
    return reprint


def paint(change, **options):
    """Return a change of the first picture's pixels, as an array."""
    def repaint(nb):
        output, name, text = outputs(nb, "image/png")[0]
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(text))))
        file = io.BytesIO()
        Image.fromarray(change(pixels)).save(file, "png", **options)
        put(output, name, base64.b64encode(file.getvalue()).decode())
    return repaint


def grey_level(pixels):
    """Move every value of a picture by one level, up or down."""
    noise = np.random.default_rng(0).choice([-1, 1], pixels.shape)
    return np.uint8(np.clip(pixels.astype(int) + noise, 0, 255))


def lose_picture(nb):
    output, name, _ = outputs(nb, "image/png")[0]
    del output.data[name]


def lose_output(nb):
    first(nb, lambda cell: cell.outputs).outputs = []


def forget_run(nb):
    for cell, _ in code_cells(nb):
        cell.execution_count, cell.outputs = None, []


def swap_order(nb):
    a, b = code_cells(nb)[1][0], code_cells(nb)[2][0]
    a.execution_count, b.execution_count = b.execution_count, a.execution_count


def swap_rows(nb):
    output, name, text = outputs(nb, "stdout", r".\n.*.\n")[0]
    first, second, *rest = text.splitlines(True)
    put(output, name, "".join([second, first, *rest]))


def tag(name):
    def change(nb):
        code_cells(nb)[0][0].metadata.setdefault("tags", []).append(name)
    return change


def comment(nb):
    code_cells(nb)[0][0].source += "\n# NBVAL_IGNORE_OUTPUT"


def widen(nb):
    code_cells(nb)[0][0].metadata["vae_tf"] = {"rtol": 5}


def fail(nb):
    code_cells(nb)[0][0].outputs.append(new_output(
        "error", ename="ValueError", evalue="no cat", traceback=[]))


# Committed with a fault, run without it: what the message says.
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
BAD = {
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
    "noise in every number": noise(1 + 1e-5),
    "noise the other way": noise(1 - 1e-5),
    "one grey level": paint(grey_level),
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


@pytest.mark.parametrize("change, message", STALE.values(), ids=STALE)
def test_a_stale_output_is_caught(change, message):
    assert re.search(message, "\n".join(faults(changed(change), CHAPTER)))


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_what_must_not_be_in_a_chapter_is_caught(change, message):
    bad = changed(change)
    assert re.search(message, "\n".join(faults(bad, bad)))


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_noise_is_no_fault(change):
    assert faults(changed(change), CHAPTER) == []
    assert faults(CHAPTER, changed(change)) == []


def test_code_edited_in_one_of_a_pair_is_caught():
    text = jupytext.reads(jupytext.writes(CHAPTER, "md:myst"), "md:myst")
    assert list(pair_faults(CHAPTER, text)) == []
    text.cells[1].source += "\nx = 1"
    assert "x = 1" in next(pair_faults(CHAPTER, text))


@pytest.mark.parametrize("places", range(1, 6))
def test_two_percent_are_caught_however_few_the_digits(places):
    for units in range(1000):
        number, *others = (f"{n / 10 ** places:.{places}f}" for n in (
            units, units + max(1, units // 50), units - max(1, units // 50)))
        for got in others:
            assert [*number_faults(number, got, 0.01)], (number, got)


@pytest.mark.parametrize("style", [".1f", ".2f", ".4f", ",.1f", ".2e", ".0e"])
def test_noise_is_harmless_at_every_rounding_boundary(style):
    for units in range(-12_000, 12_000, 7):
        for value in (units + .5, (units + .5) / 100, (units + .5) / 10_000):
            low, high = value * (1 - 1e-5), value * (1 + 1e-5)
            for a, b in ((low, high), (high, low)):
                few = is_short(f"{a:{style}}", .01)  # so its cell states it
                a, b = (f"a {x:12{style}} b" for x in (a, b))
                assert [*text_faults(a, b, .01, few)] == []


@pytest.mark.parametrize("expected, got", [
    ("784 pixels", "785 pixels"), ("784.", "785."), ("1,234", "1,235"),
    ("TensorFlow 2.21.0", "TensorFlow 2.20.0"), ("0.5", "nan"),
    ("v1.00", "v1.01"), ("[1. 2.]", "[1. 3.]"), ("1.23e-05", "1.23e-04"),
    ("0.5 0.6\n0.7", "0.5\n0.6 0.7"), ("0.123", "0.1"), ("2.0", "2"),
    (".1 0.1", ".1 0.2"), ("0.00", "0.01"), ("−0.1", "−0.2"), ("0.1", "-0.1"),
    ("1e-05", "2e-05"), ("[0.  0.5]", "[0.  0.6]"), ("4.2%", "4.3%"),
    ("± 0.0", "± 0.1")])
def test_what_is_no_noise_is_a_fault(expected, got):
    assert list(text_faults(expected, got, 0.01))


@pytest.mark.parametrize("expected, got, units, allowed", [
    ("0.1", "0.2", 1, True), ("0.1", "0.3", 1, False), ("0.1", "0.3", 2, True),
    ("0.00", "-0.01", 1, True), ("−0.00", "0.00", 0, True),
    ("1e-05", "2e-05", 1, True), ("1e-05", "3e-05", 1, False),
    ("± 0.000", "± 0.001", 1, True), ("± 0.000", "± 0.002", 1, False),
    ("0.1 1.00", "0.2 1.02", 3, False), ("1,234.0", "1,247.0", 3, False)])
def test_few_digits_may_be_off_by_the_units_that_a_cell_states(
        expected, got, units, allowed):
    assert ([*text_faults(expected, got, 0.01, units)] == []) == allowed


@pytest.mark.parametrize("a, b, allowed", [
    ("0.002", "0.005", True), ("11.6", "34.7", True), ("11.6", "34.9", False),
    ("0.2", "0.0", False), ("0.02", "0.2", False), ("0.1", "0.2", True)])
def test_a_spread_over_seeds_may_be_up_to_three_times_another(a, b, allowed):
    for expected, got in ((a, b), (b, a)):
        faults = [*text_faults(f"8.14 ± {expected} nats",
                               f"8.14 ± {got} nats", 0.01)]
        assert (faults == []) == allowed
        assert [*text_faults(f"{expected} and", f"{got} and", 0.01)]


@pytest.mark.parametrize("stated, expected, got", [
    ({"rtol": 0.05}, "loss 1.000\n", "loss 1.040\n"),
    ({"units": 1}, "loss 0.1\n", "loss 0.2\n")])
def test_a_cell_may_state_its_tolerance(stated, expected, got):
    cell = new_code_cell(outputs=[stream(expected)])
    assert all_faults(cell, None, [stream(got)])
    cell.metadata["vae_tf"] = stated
    assert all_faults(cell, None, [stream(got)]) == []


# Two pictures.

def drawn(change=lambda plot, row: None):
    """Return a plot above a row of five images, changed, as a base64 PNG."""
    figure, (plot, row) = plt.subplots(2, 1, figsize=(5, 5), dpi=200,
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


@pytest.mark.parametrize("change", HOLES.values(), ids=HOLES)
def test_a_hole_in_a_picture_is_caught_however_alike_the_whole(change):
    whole, other = drawn(), drawn(change)
    assert compare.similarity(whole, other) > 0.98
    for ssim in (0.98, 0.5):
        assert [*compare.picture_faults(whole, other, ssim)]
        assert [*compare.picture_faults(other, whole, ssim)]


def test_lines_may_move_where_a_cell_says_so_and_labels_too():
    def move(plot, row):
        plot.lines[1].set_ydata(plot.lines[1].get_ydata() + 0.4)

    whole, other = drawn(), drawn(move)
    assert [*compare.picture_faults(whole, other, 0.98)]
    assert [*compare.picture_faults(whole, other, 0.9)] == []
    other = drawn(HOLES["a label elsewhere"])
    assert [*compare.picture_faults(whole, other, 0.98, 24, 24)] == []


# A book of tiny chapters, run by nbval.

def stream(text):
    return new_output("stream", text=text)


def cell(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs),
                         metadata={"tags": list(tags)} if tags else {})


EDITED = [
    cell("x = 2 / 3; print('answer', x)", stream("answer 0.333\n")),
    cell("from IPython.display import Markdown\nx;"),
    cell("Markdown(f'The answer is *{x:.2f}*.')", new_output(
        "execute_result", {"text/markdown": "The answer is *0.67*.",
                           "text/plain": "<IPython.core.display.Markdown "
                                         "object>"})),
    cell("import time\nprint(time.time())", stream("5.0 s\n"),
         tags=["timing"])]
FAULTY = [
    cell("print('loss', 1.23)", stream("loss 9.23\n")),
    cell("import warnings; warnings.warn('old', DeprecationWarning)"),
    cell("print('seen')", stream("unseen\n"), tags=["nbval-ignore-output"]),
    cell("# A comment, and a check of two lines.\nassert (1 <\n        2)\n"
         "for x in 1, 2: assert x + 1 < 3, 'too much'\nprint('on')",
         stream("on\n")),
    cell("print(1 / 0)", tags=["raises-exception"]),
    cell("print('never')", stream("never\n"))]
DEAD = [cell("import os; os.kill(os.getpid(), 9)"), cell("2 + 2")]
ENDLESS = [cell("while True: pass"), cell("2 + 2")]
STUBBORN = [cell("try: import time; time.sleep(99)\nexcept BaseException: 1"),
            cell("2 + 2")]


@pytest.fixture
def run(pytester, monkeypatch):
    """Return what writes chapters (cells, or a notebook) and runs nbval."""
    def run(*options, mnist=True, missing=(), **chapters):
        monkeypatch.setattr(execute, "mnist_is_here", lambda: mnist)
        names = [f"book/{name}.ipynb" for name in (*chapters, *missing)]
        toc = "".join(f"  - file: {name}\n" for name in names)
        pytester.makefile(".yml", _toc=toc)
        for name, cells in zip(names, chapters.values()):
            nbformat.write(numbered(cells), name)
        done = pytester.runpytest_inprocess(
            "book", "-p", "book._tools.execute", "--nbval", "--nbval-current-env",
            "--nbval-cell-timeout=1", "--color=no", "-rA", *options)
        return done.ret, done.stdout.str()

    pytester.mkdir("book")
    return run


def numbered(cells):
    """Return a notebook whose code cells are numbered as if it was run."""
    if isinstance(cells, nbformat.NotebookNode):
        return cells
    nb = new_notebook(cells=[new_markdown_cell("# A"), *copy.deepcopy(cells)])
    return executed(nb, [cell.outputs for cell, _ in code_cells(nb)])


def kept(name):
    return Path(f"_build/executed/book/{name}.ipynb")


def test_a_book_with_faults_fails_and_says_where(run):
    code, said = run(edited=EDITED, faulty=FAULTY, dead=DEAD, endless=ENDLESS,
                     stubborn=STUBBORN, missing=["lost"])
    assert code == 1
    for message in (
            r"edited.ipynb, Cell 0: x = .*\nstdout: after 'answer': "
            r"expected 0.333, got 0.666\d* \(100.*% off, 1.00% allowed",
            r"faulty.ipynb, Cell 0: print\('loss.*\n"
            r"stdout: after 'loss': expected 9.23, got 1.23 \(86.67% off",
            r"faulty.ipynb, Cell 1: import warnings.*\n"
            r"stderr is not allowed: .*DeprecationWarning: old",
            r"faulty.ipynb, Cell 2: print\('seen.*\nswitches .*ignore.*\n"
            r".*expected 'unseen', got 'seen'",
            r"faulty.ipynb, Cell 3: # A comment.*\n\*\*This check did not "
            r"hold in this run:\*\* `x \+ 1 < 3`, where `\(2 \+ 1\) < 3`",
            r"faulty.ipynb, Cell 4: print\(1.*\n.*(\n.*)*ZeroDivisionError",
            r"dead.ipynb, Cell 0: import os.*\nThe kernel died",
            r"endless.ipynb, Cell 0: while True.*\nTimeout of 1 seconds",
            r"stubborn.ipynb, Cell 0: try.*\nThe cell did not end in time",
            "9 failed, 3 passed, 4 skipped"):
        assert re.search(message, said), message
    assert said.splitlines()[-6:] == [
        *(f"book/{name}.ipynb did not run to its end"
          for name in ("dead", "endless", "faulty", "lost", "stubborn")),
        "1 of 6 chapters ran on MNIST; their outputs were compared with the "
        "committed ones"]
    assert kept("edited").exists() and not kept("faulty").exists()


def test_what_is_only_kept_ends_a_chapter_at_an_error_and_at_no_check(run):
    code, said = run("--outputs=keep", edited=EDITED, checked=FAULTY[:4])
    assert code == 0, said
    code, said = run("--outputs=keep", edited=EDITED, faulty=FAULTY, dead=DEAD)
    assert code == 1 and "2 failed" in said
    assert said.splitlines()[-2:] == [
        "book/dead.ipynb did not run to its end",
        "book/faulty.ipynb did not run to its end"]
    found = {name: nbformat.read(kept(name), as_version=4).cells
             for name in ("edited", "faulty", "dead")}
    assert found["edited"][1].outputs[0].text == f"answer {2 / 3}\n"
    *_, check, error, stopped = found["faulty"]
    assert [output.get("metadata", {}) for output in check.outputs] == [
        {"vae_tf_check": "failed"}, {}]
    assert error.outputs[0].ename == "ZeroDivisionError"
    assert "stopped at the cell above, which failed" in stopped.source.replace(
        "*", "")
    assert len(found["dead"]) == 3 and "did not end" in found["dead"][2].source


def test_a_kernel_starts_with_the_variables_and_the_code_it_is_given(run):
    code, said = run("--first=number = 3", "--kernel-env=OMP_NUM_THREADS=2",
                     asks=[cell("import os; assert number == 3\n" + "\n".join(
                         f"assert os.environ[{name!r}] == {value!r}"
                         for name, value in (
                             ("OMP_NUM_THREADS", "2"), ("TQDM_DISABLE", "1"),
                             ("TF_NUM_INTRAOP_THREADS", "1"))))])
    assert code == 0, said


def test_what_was_run_can_be_committed(run):
    committed = numbered(EDITED)
    assert run(edited=committed)[0] == 1
    fresh = nbformat.read(kept("edited"), as_version=4)
    nbformat.validate(fresh)
    assert [c.id for c in fresh.cells] == [c.id for c in committed.cells]
    assert fresh.cells[1].outputs[0].text == f"answer {2 / 3}\n"
    code, said = run(edited=fresh)
    assert code == 0, said


def test_what_the_processor_decides_is_compared_on_its_kind_alone(run):
    last_digits = numbered([cell("print(1.23)", stream("9.23\n"),
                                 tags=["processor"]), cell("2 + 2;")])
    last_digits.metadata["processor"] = compare.processor()
    code, said = run(mine=last_digits)
    assert code == 1 and "expected 9.23, got 1.23" in said
    fresh = nbformat.read(kept("mine"), as_version=4)
    assert fresh.metadata["processor"] == compare.processor()
    assert run(mine=fresh)[0] == 0
    for kind in ("an abacus, 10 beads", None):
        last_digits.metadata["processor"] = kind
        code, said = run(mine=last_digits)
        assert code == 0
        assert said.splitlines()[-1] == (
            "1 cells of book/mine.ipynb show what the kind of processor "
            f"decides; this is another ({compare.processor()}), their values "
            "were NOT compared")
    last_digits.cells[1].outputs = []
    code, said = run(mine=last_digits)
    assert code == 1 and "expected the outputs []" in said


def test_the_kernel_reads_the_data_of_the_folder_pytest_started_in(
        run, monkeypatch):
    for given, read in (("a b/x.npz", Path("a b/x.npz").absolute()), ("", ""),
                        ("~/x.npz", Path("~/x.npz").expanduser())):
        monkeypatch.setenv("VAE_TF_DATA", given)
        code, said = run(data=[cell(
            f"import os\nassert os.environ['VAE_TF_DATA'] == {str(read)!r}")])
        assert code == 0, said


def test_without_mnist_only_kinds_of_outputs_are_compared(run):
    code, said = run(mnist=False, edited=[
        *EDITED, cell("print('more')"), cell("2", stream("2\n"))])
    assert code == 1
    for message in (
            "PASSED book/edited.ipynb::Cell 0",
            r"Cell 4: .*\nexpected the outputs \[\], got \['stream stdout'\]",
            r"Cell 5: 2\nexpected the outputs .*stdout.*, got .*result text"):
        assert re.search(message, said), message
    assert said.splitlines()[-1] == (
        "1 of 1 chapters ran on the stand-in digits, as MNIST could not be "
        "had; their own checks ran, output values were NOT compared")

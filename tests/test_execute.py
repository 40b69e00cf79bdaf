"""Chapters of a few lines, run by nbval under the executor."""

import copy
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import (new_code_cell, new_markdown_cell, new_notebook,
                         new_output)

from book._tools import compare, execute

pytest_plugins = "pytester"


def stream(text):
    return new_output("stream", text=text)


def cell(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs),
                         metadata={"tags": list(tags)} if tags else {})


def committed(*cells):
    """Return a notebook whose code cells are numbered as if it was run."""
    nb = new_notebook(cells=[new_markdown_cell("# A"), *copy.deepcopy(cells)])
    return compare.executed(nb, [
        cell.outputs for cell, _ in compare.code_cells(nb)])


EDITED = committed(
    cell("x = 2 / 3; print('answer', x)", stream("answer 0.333\n")),
    cell("from IPython.display import Markdown\nx;"),
    cell("Markdown(f'The answer is *{x:.2f}*.')", new_output(
        "execute_result", {"text/markdown": "The answer is *0.67*.",
                           "text/plain": "<IPython.core.display.Markdown "
                                         "object>"})),
    cell("import time\nprint(time.time())", stream("5.0 s\n"),
         tags=["timing"]))
CHECKED = [
    cell("print('loss', 1.23)", stream("loss 9.23\n")),
    cell("import warnings; warnings.warn('old', DeprecationWarning)"),
    cell("print('seen')", stream("unseen\n"), tags=["nbval-ignore-output"]),
    cell("# A comment, and a check of two lines.\nassert (1 <\n        2)\n"
         "for x in 1, 2: assert x + 1 < 3, 'too much'\n"
         "assert x > 0 and [x] == [2]\nprint('on')", stream("on\n"))]
FAULTY = committed(
    *CHECKED, cell("print(1 / 0)", tags=["raises-exception"]),
    cell("print('never')", stream("never\n")))
DEAD = committed(cell("import os; os.kill(os.getpid(), 9)"), cell("2 + 2"))
ENDLESS = committed(cell("while True: pass"), cell("2 + 2"))
STUBBORN = committed(cell(
    "try: import time; time.sleep(99)\nexcept BaseException: 1"),
    cell("2 + 2"))


@pytest.fixture
def run(pytester, monkeypatch):
    """Return what writes chapters, runs them and returns (status, lines)."""
    def run(*options, mnist=True, **chapters):
        monkeypatch.setattr(execute, "mnist_is_here", lambda: mnist)
        names = [f"book/{name}.ipynb" for name in chapters]
        for name, nb in zip(names, chapters.values()):
            nbformat.write(nb, name)
        result = pytester.runpytest_inprocess(
            *names, "-p", "book._tools.execute", "--nbval",
            "--nbval-current-env", "--nbval-cell-timeout=1", "--color=no",
            *options)
        return result.ret, result.stdout.str()

    pytester.mkdir("book")
    return run


def executed(name):
    return Path(f"_build/executed/book/{name}.ipynb")


def read(name):
    return nbformat.read(executed(name), as_version=4)


def test_a_book_with_faults_fails_and_says_where(run):
    status, text = run(edited=EDITED, faulty=FAULTY, dead=DEAD,
                       endless=ENDLESS, stubborn=STUBBORN)
    assert status == 1
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
            r"hold in this run:\*\* `x \+ 1 < 3`, where `3 < 3`",
            r"faulty.ipynb, Cell 4: print\(1.*\n.*(\n.*)*ZeroDivisionError",
            r"dead.ipynb, Cell 0: import os.*\nThe kernel died",
            r"endless.ipynb, Cell 0: while True.*\nTimeout of 1 seconds",
            r"stubborn.ipynb, Cell 0: try.*\nThe cell did not end in time",
            *(f"book/{name}.ipynb did not run to its end"
              for name in ("dead", "endless", "faulty", "stubborn")),
            "1 of 5 chapters ran on MNIST; their outputs were compared",
            "9 failed, 3 passed, 4 skipped"):
        assert re.search(message, text), message
    assert executed("edited").exists() and not executed("faulty").exists()


def test_without_comparison_an_error_ends_a_chapter_and_no_check_does(run):
    status, text = run(
        "--no-compare", "--kernel-code=number = 3",
        "--kernel-env=OMP_NUM_THREADS=2", checked=committed(*CHECKED),
        edited=EDITED, faulty=FAULTY, dead=DEAD, asks=committed(cell(
            "import os\nprint(number, *map(os.environ.get, ('TQDM_DISABLE', "
            "'TF_NUM_INTRAOP_THREADS', 'OMP_NUM_THREADS')))")))
    assert status == 1 and "2 failed" in text
    assert re.findall("(.*) did not run to its end", text) == [
        "book/dead.ipynb", "book/faulty.ipynb"]
    assert read("asks").cells[1].outputs[0].text == "3 1 1 2\n"
    assert read("edited").cells[1].outputs[0].text == f"answer {2 / 3}\n"
    assert read("checked").metadata.margins == {
        "1 < 2": [1], "x + 1 < 3": [1, 0], "x > 0": [2]}
    *_, check, error, stopped = read("faulty").cells
    assert [output.get("metadata", {}) for output in check.outputs] == [
        {"vae_tf_check": "failed"}, {}]
    assert error.outputs[0].ename == "ZeroDivisionError"
    assert "stopped at the cell above**, which failed" in stopped.source
    assert len(read("dead").cells) == 3
    assert "did not end" in read("dead").cells[2].source


def test_the_data_are_read_from_the_folder_that_pytest_started_in(monkeypatch):
    config = SimpleNamespace(
        invocation_params=SimpleNamespace(dir=Path("/started")),
        option=SimpleNamespace(kernel_env=[]))
    for given, read in (("a b/x.npz", "/started/a b/x.npz"), ("", ""),
                        ("~/x.npz", str(Path("~/x.npz").expanduser()))):
        monkeypatch.setenv("VAE_TF_DATA", given)
        assert execute.environment(config)["VAE_TF_DATA"] == read


def test_without_mnist_only_kinds_of_outputs_are_compared(run):
    nb = committed(*EDITED.cells[1:], cell("print('more')"),
                   cell("2", stream("2\n")))
    status, text = run(mnist=False, edited=nb)
    assert status == 1 and "2 failed, 4 passed" in text
    for message in (
            r"Cell 4: .*\nexpected the outputs \[\], got \['stream stdout'\]",
            r"Cell 5: 2\nexpected the outputs .*stdout.*, got .*result text",
            "1 of 1 chapters ran on the stand-in digits, as MNIST could not "
            "be had; their own checks ran, output values were NOT compared"):
        assert re.search(message, text), message

"""Chapters that are run again, with other seeds or as another processor."""

import subprocess
import sys

import nbformat
from nbformat.v4 import new_output

from book._tools import again, compare
from book._tools.toc import ROOT
from tests.test_validate import cell, numbered, run, stream  # noqa: F401

pytest_plugins = "pytester"
DRAWS = """
import numpy as np, tensorflow as tf
from vae_tf.lab.workers import launch
tf.random.set_seed(5)
drawn = float(tf.random.normal([]))
number = np.random.default_rng(7).random()
program = "import numpy; print(numpy.random.default_rng(7).random())"
[told] = launch(program, 1, seconds=100)
print(drawn, number, float(told) == number)
"""


def test_every_seed_is_moved_those_of_workers_too(run):  # noqa: F811
    said = set()
    for moves in (["--first="], *again.options("seeds").values()):
        code, text = run("--outputs=keep", "--nbval-cell-timeout=100", *moves,
                         draws=[cell(DRAWS)])
        assert code == 0, text
        kept = nbformat.read("_build/executed/book/draws.ipynb", as_version=4)
        said.add(kept.cells[1].outputs[0].text)
    assert len(said) == 5
    assert all(text.endswith("True\n") for text in said)


def claim(verdict):
    return new_output("display_data", {"text/markdown": "A claim."}, metadata={
        "vae_tf": {"number": 7, "found": verdict}})


def test_what_another_run_found_is_told_from_the_committed(
        tmp_path, monkeypatch):
    monkeypatch.setattr(again, "ROOT", tmp_path)
    failed = new_output("display_data", {"text/markdown": "no"}, metadata={
        "vae_tf_check": "failed"})
    cells = [cell("1", claim("holds")), cell("2", stream("0.123\n")),
             cell("3"), cell("4", stream("5\n"), tags=["timing"]), cell("5")]
    here, other = numbered(cells), numbered(cells)
    first, moved, check, time, stopped = [
        one for one, _ in compare.code_cells(other)]
    first.outputs, moved.outputs = [claim("does not hold")], [stream("9.1\n")]
    check.outputs, time.outputs = [failed], [stream("6\n")]
    stopped.outputs = [new_output("error", ename="ValueError", evalue="")]
    nbformat.write(here, tmp_path / "a.ipynb")
    nbformat.write(other, tmp_path / "b.ipynb")
    found = again.judge("a.ipynb", tmp_path / "b.ipynb", "processors")
    assert found == {"cells": 5, "failed": [3, 5], "judged": 1,
                     "claims": {"7": "does not hold"}, "compared": 4,
                     "out": [2, 3, 5]}
    assert again.judge("a.ipynb", tmp_path / "a.ipynb", "seeds") == {
        "cells": 5, "failed": [], "judged": 1, "claims": {}}


def test_what_is_no_run_of_the_kind_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "book._tools.again", "seeds", "--only", "AVX2"],
        cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--only must be among 1, 2, 3, 4. Got AVX2" in done.stderr

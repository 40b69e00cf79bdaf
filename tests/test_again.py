"""Chapters that are run again, with other seeds or as another processor."""

import json

import nbformat
import numpy as np
from nbformat.v4 import new_output

from book._tools import again, compare
from book._tools.toc import ROOT, chapters
from tests.test_execute import (  # noqa: F401
    cell, committed, read, run, stream)

pytest_plugins = "pytester"
DRAWS = """
import numpy as np, tensorflow as tf
tf.random.set_seed(5)
first = float(tf.random.normal([]))
tf.keras.utils.set_random_seed(6)
print(first, np.random.default_rng(7).random(), np.random.random())
"""


def test_every_seed_is_moved(run):  # noqa: F811
    drawn = []
    for options in ([], again.OPTIONS["seeds"]["1"]):
        status, text = run("--no-compare", "--nbval-cell-timeout=100",
                           *options, draws=committed(cell(DRAWS)))
        assert status == 0, text
        drawn.append(read("draws").cells[1].outputs[0].text.split())
    assert len({*drawn[0], *drawn[1]}) == 6


def claim(verdict):
    return new_output("display_data", {"text/markdown": "A claim."}, metadata={
        "vae_tf": {"number": 7, "found": verdict}})


def test_what_changes_in_another_run_is_told(tmp_path):
    cells = [cell("1", claim("holds")), cell("2", stream("0.123\n")),
             cell("3"), cell("4", stream("5\n"), tags=["timing"]), cell("5")]
    nb, other = committed(*cells), committed(*cells)
    for (ran, _), output in zip(compare.code_cells(other), [
            claim("does not hold"), stream("9.1\n"),
            new_output("display_data", {"text/markdown": "no"},
                       metadata={"vae_tf_check": "failed"}), stream("6\n"),
            new_output("error", ename="ValueError", evalue="")]):
        ran.outputs = [output]
    nbformat.write(nb, tmp_path / "a.ipynb")
    nbformat.write(other, tmp_path / "b.ipynb")
    assert again.changes_in(tmp_path / "a.ipynb", tmp_path / "b.ipynb",
                            compares_outputs=True) == {
        "margins": {}, "cells": 5, "failed": [3, 5], "judged": 1,
        "claims": {"7": "does not hold"}, "compared": 4, "out": [2, 3, 5]}
    assert again.changes_in(tmp_path / "a.ipynb", tmp_path / "a.ipynb",
                            compares_outputs=False) == {
        "margins": {}, "cells": 5, "failed": [], "judged": 1, "claims": {}}


def test_a_check_is_four_standard_deviations_from_failing():
    seeds = json.loads(again.RESULTS.read_text())["seeds"]["runs"].values()
    near, compared = [], set()
    for chapter in chapters(ROOT):
        nb = nbformat.read(ROOT / chapter, as_version=4)
        others = [run[chapter]["margins"] for run in seeds if chapter in run]
        for check, margins in nb.metadata.get("margins", {}).items():
            runs = [margins, *(other[check] for other in others if len(
                other.get(check, [])) == len(margins))]
            if len(runs) > 2:
                compared.add(chapter)
                mean, sd = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1)
                if (mean < 4 * sd).any():
                    near.append((chapter, check, *mean, *sd))
    assert compared and not near

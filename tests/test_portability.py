"""`make portability` sees what other settings change, and keeps its runs."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from book._tools import compare, execute
from tests import portability
from tests.portability import FIRST, SETTINGS

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "portability_page", ROOT / "book/_ext/portability.py")
portability_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(portability_page)

LOSS = """import os
kind = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("OMP_NUM_THREADS"))
print("loss", {"4": 1.02, "AVX2": 1.07}.get(kind, 1.00))"""
CHECK = """with open("runs", "a") as file:
    print(file=file)
assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"
assert 1 < 2"""
THREADS = """import time
threads = int(os.environ.get("OMP_NUM_THREADS", 2))
print(time.time_ns())"""
# What vae_tf.lab.claims.claim displays, without waiting for TensorFlow.
CLAIM = """from IPython.display import display
display({"text/plain": f"{threads} steps"}, raw=True, metadata={"vae_tf": {
    "number": 3, "verdict": "holds", "measured": [{
        "what": "", "value": threads, "relation": "above", "other": 1,
        "unit": "steps"}]}})"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return the path of a chapter in a book of its own, on MNIST."""
    monkeypatch.setattr(portability, "ROOT", tmp_path)
    monkeypatch.setattr(portability, "KEPT", tmp_path / "_build/portability")
    monkeypatch.setattr(portability, "SUMMARY", tmp_path / "summary.json")
    monkeypatch.setattr(execute, "mnist_is_here", lambda: True)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # must not count
    (tmp_path / "_toc.yml").write_text("  - file: book/1_a.ipynb\n")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "book").mkdir()
    nb = new_notebook(cells=[
        new_code_cell(LOSS, outputs=[new_output("stream", text="loss 1.0\n")],
                      metadata={"vae_tf": {"rtol": 0.05}}),
        new_code_cell(CHECK), new_code_cell(THREADS, outputs=[
            new_output("stream", text="1\n")], metadata={"tags": ["timing"]}),
        new_code_cell(CLAIM, outputs=[new_output(
            "display_data", {"text/plain": "2 steps"})])])
    path = tmp_path / "book/1_a.ipynb"
    nbformat.write(nb, path)
    return path


def edit(path, source, **metadata):
    """Change the first cell of a chapter."""
    nb = nbformat.read(path, as_version=4)
    nb.cells[0].source = source
    nb.cells[0].metadata.update(metadata)
    nbformat.write(nb, path)


def run(*arguments):
    """Return what `make portability` says is wrong."""
    with mock.patch.object(sys, "argv", ["portability", *arguments]):
        with pytest.raises(SystemExit) as done:
            portability.main()
    return done.value.code


def summary():
    return json.loads(portability.SUMMARY.read_text())


def runs(path):
    return (path.parent / "runs").read_text().count("\n")


def test_all_settings_are_run_and_what_they_change_is_seen(book):
    said = run()
    settings = summary()["settings"]
    assert list(settings) == list(SETTINGS)
    found = {name: one["chapters"]["book/1_a.ipynb"]
             for name, one in settings.items()}
    for one in found.values():
        assert one.pop("code") == portability.code_of("book/1_a.ipynb")
    clean = {"cells": 3, "compared": 3, "other_bits": [],
             "out_of_tolerance": [], "left_out": [], "checks": 2,
             "checks_failed": [], "claims": 1, "claims_changed": [],
             "worst_rtol": 0, "lowest_ssim": 1}
    assert found["as-is"] == found["again"] == clean
    assert found["four-threads"] == {
        **clean, "other_bits": [1, 4], "out_of_tolerance": [4],
        "worst_rtol": 0.02}
    assert found["one-thread"] == {
        **clean, "other_bits": [4], "out_of_tolerance": [4],
        "claims_changed": [3]}
    assert found["AVX2"] == {**clean, "other_bits": [1], "worst_rtol": 0.07,
                             "out_of_tolerance": [1]}
    assert found["no-oneDNN"] == {**clean, "other_bits": [2],
                                  "out_of_tolerance": [2],
                                  "checks_failed": [2]}
    assert said.splitlines() == [
        "book/1_a.ipynb (one-thread): out of tolerance: [4]",
        "book/1_a.ipynb (one-thread): claims changed: [3]",
        "book/1_a.ipynb (four-threads): out of tolerance: [4]",
        "book/1_a.ipynb (AVX2): out of tolerance: [1]",
        "book/1_a.ipynb (no-oneDNN): out of tolerance: [2]",
        "book/1_a.ipynb (no-oneDNN): checks failed: [2]"]


def test_settings_that_were_not_asked_for_are_named(book):
    assert run("--settings", "again", FIRST) is None
    assert list(summary()["settings"]) == [FIRST, "again"]
    assert {*summary()["settings"], *summary()["not_run"]} == {*SETTINGS}


def test_what_an_earlier_run_found_stays_while_the_code_does(book):
    assert run("--settings", FIRST) is None
    shutil.rmtree(portability.KEPT)
    assert "(AVX2): out of tolerance: [1]" in run("--settings", "AVX2")
    assert list(summary()["settings"]) == [FIRST, "AVX2"]
    assert "(AVX2): out of tolerance: [1]" in run("--settings", "again")
    edit(book, LOSS + "\nx = 1")
    assert run("--settings", "again") is None
    assert list(summary()["settings"]) == ["again"]
    assert summary()["chapters"] == 1


def test_what_is_not_the_same_again_is_a_fault(book):
    edit(book, "import os, time\nprint('loss', 1 + time.time() * 1e-14)")
    assert run("--settings", "again") == (
        "book/1_a.ipynb (again): other bits than the first run's: [1]")


def test_what_a_processor_decides_is_compared_on_its_kind_alone(book):
    nb = nbformat.read(book, as_version=4)
    nb.cells[0].metadata["tags"] = ["processor"]
    nb.cells[0].outputs[0].text = "loss 3.0\n"
    nb.metadata["processor"] = compare.processor()
    nbformat.write(nb, book)
    assert run("--settings", FIRST, "AVX2") == (
        "book/1_a.ipynb (as-is): out of tolerance: [1]")
    found = summary()["settings"]["AVX2"]["chapters"]["book/1_a.ipynb"]
    assert found["other_bits"] == [1] and found["worst_rtol"] == 0
    assert (found["cells"], found["compared"]) == (3, 2)
    assert found["left_out"] == [1]
    nb.metadata["processor"] = "an abacus, 10 beads"
    nbformat.write(nb, book)
    assert run("--settings", FIRST) is None


def test_a_run_is_kept_until_the_code_changes(book):
    assert run("--settings", "AVX2") == (
        "book/1_a.ipynb (AVX2): out of tolerance: [1]")
    assert runs(book) == 2
    edit(book, LOSS, vae_tf={"rtol": 0.1})  # compared anew, not run anew
    assert run("--settings", "AVX2") is None
    assert runs(book) == 2
    edit(book, LOSS + "\nx = 1")
    assert run("--settings", "AVX2") is None
    assert runs(book) == 4
    (book.parent.parent / "requirements.lock").write_text("numpy==2.0\n")
    assert run("--settings", FIRST) is None
    assert runs(book) == 5


def test_an_unfinished_run_leaves_the_summary_alone(book, monkeypatch):
    portability.SUMMARY.write_text(old := '{"settings": {}}')
    edit(book, "import os; os.kill(os.getpid(), 9)")
    assert "book/1_a.ipynb (as-is): DeadKernelError" in run()
    edit(book, LOSS)
    monkeypatch.setattr(portability, "execute", mock.Mock(
        side_effect=KeyboardInterrupt))
    assert run() == "Interrupted; what has run is kept."
    assert portability.SUMMARY.read_text() == old


def test_without_mnist_there_is_nothing_to_show(book, monkeypatch):
    monkeypatch.setattr(execute, "mnist_is_here", lambda: False)
    assert "MNIST could not be had" in run()


@pytest.mark.parametrize("argument, value", [
    ("--settings", "AVX"), ("--chapters", "book/2_b.ipynb")])
def test_what_is_not_to_be_had_is_named(book, capsys, argument, value):
    assert run(argument, value) == 2
    assert f"invalid choice: '{value}'" in capsys.readouterr().err


def result(worst_rtol, lowest_ssim, **changes):
    return {"cells": 20, "compared": 19, "other_bits": [2, 3],
            "out_of_tolerance": [], "left_out": [],
            "checks": 5, "checks_failed": [], "claims": 2,
            "claims_changed": [], "worst_rtol": worst_rtol,
            "lowest_ssim": lowest_ssim, **changes}


def test_the_table_adds_up_the_chapters_and_names_the_extremes():
    chapters = {"book/03_a.ipynb": result(0.031, 0.97, checks_failed=[4]),
                "book/10_b.ipynb": result(0.12, 0.981, claims_changed=[7],
                                          out_of_tolerance=[5, 6],
                                          left_out=[7])}
    appended = {**chapters, "book/a2_c.ipynb": result(0.2, 0.99)}
    page = portability_page.page({
        "command": "make portability", "machine": "2 cores of X",
        "versions": {"python": "3.11.7", "numpy": "2.4.6"}, "chapters": 3,
        "settings": {"AVX2": {"environment": {"A": "1", "B": "2"},
                              "chapters": chapters},
                     "again": {"environment": {}, "chapters": appended}},
        "not_run": ["no-oneDNN", "one-thread"]})
    lines = page.splitlines()
    assert lines[2:4] == [
        "| AVX2 `A=1` `B=2` | 2 of 3 | 4 of 40 | 2 of 38 | 1 of 2 |",
        "| again | 3 of 3 | 6 of 60 | 2 of 57 | 1 of 3 |"]
    assert lines[7:9] == [
        "| AVX2 | 1 of 10 | 1 of 4 | 12.0% off (chapter 10) "
        "| SSIM 0.97 (chapter 3) |",
        "| again | 1 of 15 | 1 of 6 | 20.0% off (appendix A2) "
        "| SSIM 0.97 (chapter 3) |"]
    assert {line.count("|") for line in lines[:4] + lines[5:9]} == {6}
    _, rest, _, where = lines[9:]
    assert rest == "Not run: no-oneDNN, one-thread."
    assert where == ("By `make portability` on 2 cores of X; "
                     "python 3.11.7, numpy 2.4.6.")

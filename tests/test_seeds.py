"""`make seeds` moves every seed of a chapter, and counts what that changes."""

import json
import sys
from unittest import mock

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests import portability, seeds, validate
from vae_tf import claims

# What vae_tf.claims.claim displays, of three ways to be seeded.
DRAWS = """import numpy as np, tensorflow as tf
drawn = float(np.random.default_rng(0).random())
tf.random.set_seed(0)
trained = float(tf.random.uniform([]))
tf.keras.utils.set_random_seed(7)
kept = float(tf.random.uniform([]))
assert drawn < 0.64"""
CLAIM = """from vae_tf.claims import claim
claim(3, "holds", ("drawn", drawn, "above", 0.5, "dB"),
      ("pixels", 784, ""), ("in all", [trained, kept], "above", -9, "nats"),
      seeds=[0, 1])"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a book of two chapters on MNIST, of which one judges a claim."""
    for module in (portability, seeds):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(seeds, "SUMMARY", tmp_path / "seeds.json")
    monkeypatch.setattr(validate, "mnist_is_here", lambda: True)
    (tmp_path / "_toc.yml").write_text(
        "  - file: book/1_a.ipynb\n  - file: book/2_b.ipynb\n")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "book").mkdir()
    record = {"number": 3, "found": "holds", "verdict": "holds", "measured": [
        {"what": "drawn", "value": 0.6, "unit": "dB", "relation": "above",
         "other": 0.5}, {"what": "pixels", "value": 784, "unit": ""},
        {"what": "in all", "value": [0.1, 0.3], "unit": "nats",
         "relation": "above", "other": -9}]}
    nbformat.write(new_notebook(cells=[new_code_cell(DRAWS), new_code_cell(
        CLAIM, outputs=[new_output("display_data", {"text/plain": ""},
                                   metadata={"vae_tf": record})])]),
                   tmp_path / "book/1_a.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]),
                   tmp_path / "book/2_b.ipynb")
    return tmp_path


def run(*arguments):
    with mock.patch.object(sys, "argv", ["seeds", *arguments]):
        seeds.main()
    return json.loads(seeds.SUMMARY.read_text())


def test_every_seed_is_moved_and_a_run_is_kept(book):
    found = run("--seeds", "1", "2")
    assert list(found["chapters"]) == ["book/1_a.ipynb"] and found["of"] == 1
    runs = found["chapters"]["book/1_a.ipynb"]["runs"]
    (drawn, _), pixels, (both, _) = runs["1"]["claims"]["3"]["measured"]
    assert pixels == [784]
    drawn_2, _, (both_2, _) = runs["2"]["claims"]["3"]["measured"]
    assert len({0.636962, drawn, drawn_2[0], *both, *both_2}) == 7
    with mock.patch.object(portability, "execute") as execute:
        assert run("--seeds", "1", "2") == found
    execute.assert_not_called()
    assert set(run("--seeds", "3")["chapters"]["book/1_a.ipynb"]["runs"]) == {
        "1", "2", "3"}


def test_a_changed_chapter_is_run_anew(book):
    run("--seeds", "1", "2")
    nb = nbformat.read(book / "book/1_a.ipynb", as_version=4)
    nb.cells[0].source += "\nx = 1"
    nbformat.write(nb, book / "book/1_a.ipynb")
    found = run("--seeds", "1")
    assert set(found["chapters"]["book/1_a.ipynb"]["runs"]) == {"1"}


def test_a_check_that_fails_is_counted_and_the_claim_judged(book):
    nb = nbformat.read(book / "book/1_a.ipynb", as_version=4)
    nb.cells[0].source += "\nassert drawn == np.random.default_rng(1).random()"
    nbformat.write(nb, book / "book/1_a.ipynb")
    [one] = run("--seeds", "1")["chapters"]["book/1_a.ipynb"]["runs"].values()
    assert one["failed"] == 1 and list(one["claims"]) == ["3"]


def test_an_unfinished_run_is_said_to_be_one(book):
    with mock.patch.object(portability, "execute",
                           side_effect=KeyboardInterrupt):
        with pytest.raises(SystemExit, match="Interrupted; what has run is"):
            run("--seeds", "1")
    assert not seeds.SUMMARY.exists()


def test_without_mnist_nothing_is_judged(book, monkeypatch):
    monkeypatch.setattr(validate, "mnist_is_here", lambda: False)
    with pytest.raises(SystemExit, match="MNIST could not be had"):
        run()


def measured(value, other):
    return {"what": "error", "value": value, "unit": "nats",
            "relation": "below", "other": other}


@pytest.mark.parametrize("others, verdict, same, text", [
    ([[1.1, 2.0], [0.9, 2.1]], "holds", 2,
     "error: 1.00 ± 0.10 is clearly below 2.03 ± 0.06 nats"),
    ([[1.1, 1.2], [0.9, 2.1]], "does not hold", 2,
     "error: 1.00 ± 0.10 is not clearly below 1.77 ± 0.49 nats"),
    ([[3.0, 2.0]], "does not hold", 0,
     "error: 2.00 ± 1.41 is not clearly below 2.00 nats")])
def test_better_means_by_three_standard_deviations(
        others, verdict, same, text):
    record = {"found": "holds", "measured": [measured(1.0, 2.0)]}
    runs = [{"measured": [pair],
             "found": claims.found([measured(*pair)])} for pair in others]
    assert seeds.summary(record, runs) == {
        "runs": len(others), "committed": "holds", "same": same,
        "verdict": verdict, "text": text}


@pytest.mark.parametrize("values, text", [
    ([784, 784], "784"), ([1.0, 2.0], "1.50 ± 0.71"),
    ([120.0, 130.0], "125.0 ± 7.1"), ([1e-5, 3e-5], "2.00e-05 ± 1e-05"),
    ([45.0, 45.0001], "45.0 ± 0.0")])
def test_a_spread_has_the_decimals_of_its_mean(values, text):
    assert seeds.spread(values) == text


def test_a_seed_that_is_none_of_them_is_named(book, capsys):
    with pytest.raises(SystemExit):
        run("--seeds", "9")
    assert "invalid choice: 9" in capsys.readouterr().err

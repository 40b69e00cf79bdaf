"""`make seeds` moves every seed of a chapter, and shows what that changes."""

import importlib.util
import json
import statistics
import sys
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from docutils import nodes
from nbformat.v4 import new_code_cell, new_notebook, new_output

from book._tools import compare, execute
from tests import portability, seeds
from vae_tf.lab import claims

spec = importlib.util.spec_from_file_location(
    "seeds_page", Path(__file__).parent.parent / "book/_ext/seeds.py")
seeds_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seeds_page)

# What vae_tf.lab.claims.claim displays, of four ways to be seeded.
DRAWS = """import numpy as np, tensorflow as tf
drawn = float(np.random.default_rng(0).random())
tf.random.set_seed(0)
trained = float(tf.random.uniform([]))
tf.keras.utils.set_random_seed(7)
kept = float(tf.random.uniform([]))
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    tf.compat.v1.set_random_seed(3)
    of_a_graph = session.run(tf.random.uniform([]))
assert drawn < 0.64"""
# Has a number of its own, a constant one, and a time.
TEXTS = """from IPython.display import Markdown, display
display(Markdown(f"**{drawn:.2f}** of 784"))"""
CLAIM = """from vae_tf.lab.claims import claim
claim(3, "holds", ("drawn", drawn, "above", 0.5, "dB"),
      ("pixels", 784, ""), ("in all", [trained, kept, of_a_graph], "above",
                            -9, "nats"), seeds=[0, 1, 2])"""

ONE = ("--chapters", "book/1_a.ipynb")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Return a book of two chapters on MNIST."""
    for module in (portability, seeds):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(seeds, "SUMMARY", tmp_path / "seeds.json")
    monkeypatch.setattr(execute, "mnist_is_here", lambda: True)
    (tmp_path / "_toc.yml").write_text("".join(
        f"  - file: book/{name}.ipynb\n" for name in ("1_a", "2_b")))
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "book").mkdir()
    record = {"number": 3, "found": "holds", "verdict": "holds", "measured": [
        {"what": "drawn", "value": 0.6, "unit": "dB", "relation": "above",
         "other": 0.5}, {"what": "pixels", "value": 784, "unit": ""},
        {"what": "in all", "value": [0.1, 0.3, 0.2], "unit": "nats",
         "relation": "above", "other": -9}]}
    nbformat.write(new_notebook(cells=[
        new_code_cell(DRAWS, execution_count=1),
        new_code_cell(CLAIM, execution_count=2, outputs=[new_output(
            "display_data", {"text/plain": "", "text/markdown": "Claim 3."},
            metadata={"vae_tf": record})]),
        *(new_code_cell(TEXTS, execution_count=n, outputs=[new_output(
            "display_data", {"text/markdown": "**0.60** of 784"})],
            metadata={"tags": tags})
          for n, tags in ((3, []), (4, ["timing"]), (5, ["hide-cell"])))]),
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
    assert list(found["chapters"]) == ["book/1_a.ipynb", "book/2_b.ipynb"]
    assert found["of"] == 2
    runs = found["chapters"]["book/1_a.ipynb"]["runs"]
    (drawn, _), pixels, (both, _) = runs["1"]["claims"]["3"]["measured"]
    assert pixels == [784]
    drawn_2, _, (both_2, _) = runs["2"]["claims"]["3"]["measured"]
    assert len({0.636962, drawn, drawn_2[0], *both, *both_2}) == 9
    with mock.patch.object(portability, "execute") as execute:
        assert run("--seeds", "1", "2") == found
    execute.assert_not_called()
    found = run("--seeds", "3", *ONE)
    assert set(found["chapters"]["book/1_a.ipynb"]["runs"]) == {"1", "2", "3"}


def test_the_seeds_of_workers_are_moved_too(book):
    program = "import numpy; print(numpy.random.default_rng(0).random())"
    nb = nbformat.read(book / "book/1_a.ipynb", as_version=4)
    nb.cells[0].source += f"""
from vae_tf.lab.workers import launch
told, = launch({program!r}, 1, seconds=100)
assert float(told) == drawn"""
    nbformat.write(nb, book / "book/1_a.ipynb")
    found = run("--seeds", "1", *ONE)
    one = found["chapters"]["book/1_a.ipynb"]["runs"]["1"]
    (drawn, _), *_ = one["claims"]["3"]["measured"]
    assert not one["failed"] and drawn != 0.636962


def test_a_changed_chapter_is_run_anew(book):
    run("--seeds", "1", *ONE)
    nb = nbformat.read(book / "book/1_a.ipynb", as_version=4)
    nb.cells[0].source += "\nx = 1"
    nbformat.write(nb, book / "book/1_a.ipynb")
    found = run("--seeds", "2", *ONE)
    assert set(found["chapters"]["book/1_a.ipynb"]["runs"]) == {"2"}


def test_a_check_that_fails_is_counted_and_the_claim_judged(book):
    nb = nbformat.read(book / "book/1_a.ipynb", as_version=4)
    nb.cells[0].source += "\nassert drawn == np.random.default_rng(1).random()"
    nbformat.write(nb, book / "book/1_a.ipynb")
    [one], [two] = [chapter["runs"].values() for chapter
                    in run("--seeds", "1")["chapters"].values()]
    assert one["failed"] == [1] and list(one["claims"]) == ["3"]
    assert two == {"failed": [1], "texts": {}, "claims": {}}


def test_the_numbers_of_texts_are_kept_but_of_times_and_solutions(book):
    found = run("--seeds", "1", "2", *ONE)["chapters"]["book/1_a.ipynb"]
    draws = [float(f"{one['claims']['3']['measured'][0][0]:.2f}")
             for one in found["runs"].values()]
    assert [one["texts"] for one in found["runs"].values()] == [
        {"3": f"**{drawn:.2f}** of 784"} for drawn in draws]
    mean, deviation = statistics.fmean([0.6, *draws]), statistics.stdev(
        [0.6, *draws])
    assert found["beside"] == {"3": f"{mean:.2f} ± {deviation:.2f} of 784"}


def test_seeds_that_do_not_move_are_no_result(book, monkeypatch):
    monkeypatch.setattr(seeds, "MOVE", "1 / 0")
    with pytest.raises(SystemExit, match="1_a.ipynb: the seeds could not be "
                       "moved: .*ZeroDivisionError"):
        run("--seeds", "1")
    assert not seeds.SUMMARY.exists()


def test_an_unfinished_run_is_said_to_be_one(book):
    with mock.patch.object(portability, "execute",
                           side_effect=KeyboardInterrupt):
        with pytest.raises(SystemExit, match="Interrupted; what has run is"):
            run("--seeds", "1")
    assert not seeds.SUMMARY.exists()


def test_without_mnist_nothing_is_judged(book, monkeypatch):
    monkeypatch.setattr(execute, "mnist_is_here", lambda: False)
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


def test_a_time_stays_that_of_the_committed_run():
    record = {"found": "holds", "measured": [
        {**measured(50.0, 900), "what": "training", "unit": "seconds"}]}
    runs = [{"measured": [[950.0, 900]], "found": "does not hold"}]
    found = seeds.summary(record, runs)
    assert (found["verdict"], found["same"]) == ("holds", 0)
    assert found["text"] == "training: 50.0 is clearly below 900 seconds"


def test_the_pages_know_the_chapters_by_their_code(book):
    path = book / "book/1_a.ipynb"
    nb = nbformat.read(path, as_version=4)
    assert seeds_page.sources(path) == seeds.sources(nb)
    nb.cells[0].source += " "
    assert seeds_page.sources(path) != seeds.sources(nb)


FOUND = {
    "command": "make seeds", "machine": "an abacus", "of": 10,
    "chapters": {"book/1_a.ipynb": {
        "runs": {"1": {"failed": []}, "2": {"failed": [3, 4]}},
        "beside": {"3": "| 0.5 ± 0.1 |"}}},
    "claims": {
        "1": {"runs": 2, "committed": "framing", "same": 2,
              "verdict": "framing", "text": "weights: 23.5"},
        "2": {"runs": 2, "committed": "holds", "same": 2,
              "verdict": "holds", "text": "error: 1 is below 2"},
        "9": {"runs": 2, "committed": "holds", "same": 1,
              "verdict": "does not hold", "text": "error: 3 ± 1"}}}


@pytest.fixture
def app(book):
    """Return a Sphinx whose book has those results."""
    for one in FOUND["chapters"].values():
        one["sources"] = seeds_page.sources(book / "book/1_a.ipynb")
    for claim in FOUND["claims"].values():
        claim["chapter"] = "book/1_a.ipynb"
    (book / "book/_data/seeds.json").write_text(json.dumps(FOUND))
    app = mock.Mock(srcdir=book)
    app.env.srcdir = book
    app.env.doc2path.side_effect = lambda name: str(book / f"{name}.ipynb")
    return app


def test_the_page_says_what_other_seeds_make_of_the_verdicts():
    text = seeds_page.steadiness(FOUND)
    assert "has judged 2 of these verdicts again, in 2 runs of 1 of 10" in text
    assert "1 came out the same in every run" in text
    assert "another verdict on claims 9 (does not hold)." in text
    assert ("In 1 of these runs a check failed or a cell broke off, 2 cells "
            "in all; the chapters say which. (On an abacus.)") in text


def test_a_judged_claim_has_its_other_seeds_beside_it(app):
    quotes = [nodes.block_quote("", nodes.paragraph(text=text)) for text in (
        "Claim 2. \"It works\"", "Claim 5. \"Not run\"", "A quotation.")]
    seeds_page.add_to_claims(app, nodes.section("", *quotes))
    assert quotes[0].astext().endswith(
        "With 2 other seeds as well: holds. error: 1 is below 2 (mean ± "
        "standard deviation).")
    assert [len(quote) for quote in quotes] == [2, 1, 1]
    app.env.note_dependency.assert_called_once_with(
        str(app.srcdir / "book/_data/seeds.json"))


def cells_with_seeds(app):
    """Return a chapter's cells as (count, text) with those put in."""
    source = [(app.srcdir / "book/1_a.ipynb").read_text()]
    seeds_page.add_to_cells(app, "book/1_a", source)
    return [cell.get("execution_count") or cell["source"]
            for cell in nbformat.reads(source[0], as_version=4).cells]


def test_what_other_seeds_found_stands_after_its_cell(app):
    assert cells_with_seeds(app) == [
        1, 2, 3, seeds_page.FAILED.format(1, 2),
        seeds_page.BESIDE.format(2, "| 0.5 ± 0.1 |", 3), 4,
        seeds_page.FAILED.format(1, 2), 5]


def test_a_table_too_wide_for_a_phone_stands_upright():
    def beside(n):
        table = f"| digit | {' | '.join(map(str, range(n)))} |\n"
        table += f"|{'---|' * (n + 1)}\n| of 400 |{' 4.0 ± 0.5 |' * n}"
        [cell] = seeds_page.beside({"execution_count": 1}, {},
                                   {"1": f"Here:\n\n{table}\n\nSo."})
        return cell["source"], table

    narrow, table = beside(6)
    assert f"\n\nHere:\n\n{table}\n\nSo.\n\n" in narrow
    wide, _ = beside(10)
    assert ("Here:\n\n| digit | of 400 |\n|---|---|\n| 0 | 4.0 ± 0.5 |\n| 1 | "
            in wide and "\n| 9 | 4.0 ± 0.5 |\n\nSo.\n" in wide)


def test_nothing_stands_in_a_chapter_that_has_changed(app):
    path = app.srcdir / "book/1_a.ipynb"
    path.write_text(path.read_text().replace("of 784", "of 785"))
    assert cells_with_seeds(app) == [1, 2, 3, 4, 5]
    assert seeds_page.read(app.env)["claims"] == {}


@pytest.mark.parametrize("values, text", [
    ([784, 784], "784"), ([1.0, 2.0], "1.50 ± 0.71"),
    ([120.0, 130.0], "125.0 ± 7.1"), ([1e-5, 3e-5], "2.00e-05 ± 1e-05"),
    ([45.0, 45.0001], "45.0 ± 0.0")])
def test_a_spread_has_the_decimals_of_its_mean(values, text):
    assert seeds.spread(values) == text


TEXT = "| a | {} |\n|---|---|\n| b 2 | {} |\n\nIt is {} of {}."


@pytest.mark.parametrize("runs, joined", [
    ([("**1.5**", "86.8", "97.6%", "1,478"),
      ("1.7", "**86.8**", "97.1%", "1,300")],
     ("1.6 ± 0.1", "86.8", "97.3 ± 0.4%", "1,389.0 ± 125.9")),
    ([("1.5 ± 0.3", "2.0 (1.9 to 2.1)", "−3e-05", "4"),
      ("1.5 ± 0.2", "3.0 (2.8 to 3.3)", "-5e-05", "6")],
     ("1.5", "2.5 ± 0.7", "-4.0e-05 ± 1e-05", "5.0 ± 1.4"))])
def test_a_number_becomes_its_mean_and_deviation(runs, joined):
    first, *others = [TEXT.format(*numbers) for numbers in runs]
    assert seeds.beside(first, others) == TEXT.format(*joined)


def test_other_words_are_counted_in_a_table_and_left_out_of_prose():
    prose = "\n\nOf {} images the classifier reads {} as it should, and {}."
    texts = ["| 1.5 | worse |" + prose.format(9, 8, "two as others"),
             "| 1.7 | **like** |" + prose.format(9, 7, "no more than three"),
             "| 1.6 | worse |" + prose.format(9, 8, "one as another")]
    assert seeds.beside(*texts[:1], texts[1:]) == (
        "| 1.6 ± 0.1 | worse (2 of 3), like (1 of 3) |\n\n")


@pytest.mark.parametrize("first, other", [
    ("0.5 of 7", "0.5 of 7"), ("| 1 |", "| 1 | 2 |"), ("0.5 of 7", ""),
    ("`d_h1` in v1.2.3", "`d_h2` in v1.2.4")])
def test_nothing_stands_beside_what_is_the_same_or_of_another_form(first,
                                                                    other):
    assert seeds.beside(first, [other]) == ""


def test_a_seed_that_is_none_of_them_is_named(book, capsys):
    with pytest.raises(SystemExit):
        run("--seeds", "9")
    assert "invalid choice: 9" in capsys.readouterr().err

"""The table of the page on reliability is what the tests counted."""

import importlib.util
import json
from pathlib import Path

import pytest

from tests import promises

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "reliability", ROOT / "book/_ext/reliability.py")
reliability = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reliability)

TESTS = """
import pytest

kept = pytest.mark.promise("Kept, in part")

@kept
@pytest.mark.parametrize("x", [1, 2, 0])
def test_number(x):
    assert 1 / x

@pytest.fixture
def broken():
    yield
    raise OSError

@kept
def test_that_cannot_end(broken):
    pass

@kept
def test_left_out():
    pytest.skip("not here")

@pytest.mark.promise("All kept")
def test_good():
    pass

def test_unmarked():
    pass
"""
COUNTED = '{\n  "All kept": [1, 1],\n  "Kept, in part": [2, 5]\n}\n'


@pytest.fixture
def run(pytester):
    """Return what runs the tests with some arguments and a table."""
    def run(*arguments, committed=COUNTED, tests=TESTS):
        pytester.makeini("[pytest]\ntestpaths = tests book\n")
        for name, text in (("tests/test_some.py", tests),
                           ("book/promises.json", committed)):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text)
        done = pytester.runpytest_inprocess(
            "-p", "tests.promises", *arguments, no_reraise_ctrlc=True)
        counted = Path(promises.WRITTEN)
        return (done.ret, promises.STALE in done.stdout.str(),
                counted.read_text() if counted.exists() else None)

    return run


def test_what_passed_is_counted_for_its_promise(run):
    assert run("tests", "book") == (1, False, COUNTED)


GOOD = TESTS.replace("2, 0]", "2, 3]").replace("raise OSError", "")
ALL = COUNTED.replace("2, 5", "4, 5")


def test_the_table_must_be_what_was_counted(run):
    assert run(committed=ALL, tests=GOOD) == (0, False, ALL)
    assert run(committed=COUNTED, tests=GOOD) == (1, True, ALL)
    assert run(committed="", tests=GOOD) == (1, True, ALL)


@pytest.mark.parametrize("arguments", [
    ["tests"], ["tests/test_some.py", "book"], ["--collect-only"],
    ["-k", "good"], ["--deselect", "tests/test_some.py::test_good"],
    ["--ignore", "tests/test_some.py"], ["-m", "promise"]], ids=" ".join)
def test_only_a_whole_run_counts(run, arguments):
    code, stale, counted = run(*arguments, committed="", tests=GOOD)
    assert (stale, counted) == (False, None) and code in (0, 5)


def test_a_run_that_was_interrupted_counts_nothing(run):
    stop = GOOD + "\n\ndef test_stop():\n    raise KeyboardInterrupt\n"
    assert run(tests=stop)[1:] == (False, None)


def test_the_page_shows_every_promise_with_its_numbers():
    table = json.loads((ROOT / "book/promises.json").read_text())
    lines = reliability.rows(table)
    assert len(lines) == 2 + len(table) > 2
    for name, (passed, of) in table.items():
        assert f"| {name} | {passed:,} of {of:,} |" in lines

"""The recipes of the Makefile on a small book, with faults.

The book is a copy of the tree with two chapters of a few lines and a package
of one, in the environment that is there. Each fault is one that a notebook may
be committed with, or a run may meet.
"""

import base64
import copy
import io
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output
from PIL import Image

from book import run
from tests.test_validate import cell, numbered, stream

ROOT = Path(__file__).resolve().parent.parent
TOC = """
format: jb-book
root: book/index
chapters:
  - file: book/05_unit_gaussian.ipynb
  - file: book/second.ipynb
"""
FIRST, SECOND = "book/05_unit_gaussian.ipynb", "book/second.ipynb"
PACKAGE = {
    "vae_tf/__init__.py": "name = 'a small package'\n",
    "vae_tf/data.py": "def load(): return ['MNIST']\n",
    "tests/__init__.py": "",
    "tests/test_three.py": """
import pytest

@pytest.mark.promise("Three that pass")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_number(number):
    assert number > 0
"""}
COUNTED = '{\n  "Three that pass": [3, 3]\n}\n'


def picture():
    """Return a PNG of one grey, as text."""
    file = io.BytesIO()
    Image.new("L", (30, 20), 99).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def shown(png):
    """Return a cell that shows a picture, with its output."""
    return cell(
        "import base64\nfrom IPython.display import Image\n"
        f"Image(base64.b64decode({png!r}))",
        new_output("execute_result", {
            "image/png": png,
            "text/plain": "<IPython.core.display.Image object>"}),
        tags=["hero"])


SLOW = cell("import time; time.sleep(2)")
PACKAGED = cell("import vae_tf; print(vae_tf.name)",
                stream("a small package\n"))
CHAPTERS = {FIRST: numbered([shown(picture()), cell("2 + 2", new_output(
    "execute_result", {"text/plain": "4"}))]),
            SECOND: numbered([PACKAGED, SLOW])}


@pytest.fixture
def book(tmp_path):
    """Return the folder of a small book without a fault."""
    for name in ("Makefile", "pyproject.toml", "_config.yml",
                 "requirements.lock", "requirements-html.lock",
                 *(f"book/{name}.py" for name in ("run", "alone", "whole",
                                                  "hero")),
                 "tests/validate.py", "tests/promises.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
        os.utime(tmp_path / name, (0, 0))  # older than the environment
    for name in ("book/_ext", "book/_static"):
        shutil.copytree(ROOT / name, tmp_path / name)
    write(tmp_path, "_toc.yml", TOC)
    write(tmp_path, "book/index.md", "# A small book\n\nOf two chapters.\n")
    write(tmp_path, "book/promises.json", COUNTED)
    for name, text in PACKAGE.items():
        write(tmp_path, name, text)
    for name, notebook in CHAPTERS.items():
        write(tmp_path, name, nbformat.writes(notebook))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    assert (ROOT / ".venv/full").exists()
    return tmp_path


def write(folder, name, text):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def start(folder, target):
    """Start a recipe in a process group of its own."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    return subprocess.Popen(
        ["make", "-C", folder, target, "CELL_SECONDS=4"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**environment, "PYTHONPATH": str(folder)})


def make(folder, target):
    """Return the exit code of a recipe and what it said."""
    process = start(folder, target)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def committed(folder):
    return {path: path.read_bytes() for path in folder.glob("book/*.*")}


def check_pages(folder):
    """Check that both chapters are there as they were run."""
    for name, words in ((FIRST, "_images/"), (SECOND, "a small package")):
        page = folder / "_build/html" / Path(name).with_suffix(".html")
        assert words in page.read_text()


# Faults: a chapter as it would be committed after a run that met one.

def raises(folder):
    end_with(folder, cell("1 / 0", new_output(
        "error", ename="ZeroDivisionError", evalue="division by zero")))


def kills_the_kernel(folder):
    end_with(folder, cell("import os; os.kill(os.getpid(), 9)"), run=False)


def takes_too_long(folder):
    end_with(folder, cell("import time; time.sleep(999)"), run=False)


def is_cut(folder):
    text = (folder / SECOND).read_text()
    write(folder, SECOND, text[:len(text) // 2])


def has_a_broken_package(folder):
    write(folder, "vae_tf/__init__.py", "raise ImportError('broken')\n")
    broken = copy.deepcopy(PACKAGED)
    broken.outputs = [new_output("error", ename="ImportError",
                                 evalue="broken")]
    write(folder, SECOND, nbformat.writes(numbered([broken])))


def end_with(folder, last, run=True):
    notebook = numbered([PACKAGED, last])
    if not run:
        notebook.cells[-1].execution_count = None
    write(folder, SECOND, nbformat.writes(notebook))


SAYS = {"book": "{0}(: code cell . of .)? failed: ",
        "html": "{0} cannot be read|{0}: code cell . of . (was not|raised)",
        "test": "ERROR {0}|{0}, Cell"}


@pytest.mark.promise("Building: a fault ends every recipe, named by chapter")
@pytest.mark.parametrize("target", ["book", "html", "test"])
@pytest.mark.parametrize("fault", [
    raises, kills_the_kernel, takes_too_long, is_cut, has_a_broken_package],
    ids=lambda fault: fault.__name__)
def test_a_fault_fails_and_the_chapter_is_named(book, fault, target):
    fault(book)
    before = committed(book)
    code, said = make(book, target)
    assert code != 0
    for name in (FIRST, SECOND):
        assert (name == SECOND) == bool(
            re.search(SAYS[target].format(name), said)), said
    assert committed(book) == before
    assert not (book / "_build/html/index.html").exists()


@pytest.mark.promise("Building: interrupted or twice at once, it completes")
def test_a_book_that_was_interrupted_is_completed_the_next_time(book):
    for moment in (f"source/{FIRST}", "html/_static"):
        process = start(book, "book")
        wait_for(book / "_build" / moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    code, said = make(book, "book")
    assert code == 0, said
    check_pages(book)


def wait_for(path):
    end = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(.01)


@pytest.mark.promise("Building: interrupted or twice at once, it completes")
def test_of_two_at_once_one_waits_for_the_other(book):
    two = [start(book, "book") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert sum("waiting for its end" in text for text in said) == 1
    check_pages(book)


def test_what_was_counted_is_compared_and_can_be_accepted(book):
    write(book, "book/promises.json", COUNTED.replace("[3", "[2"))
    code, said = make(book, "test")
    assert code != 0 and "promises.json is not what" in said, said
    assert make(book, "accept")[0] == 0
    assert (book / "book/promises.json").read_text() == COUNTED
    code, said = make(book, "test")
    assert code == 0, said


def test_what_a_page_includes_is_copied_for_the_renderer(tmp_path,
                                                         monkeypatch):
    monkeypatch.setattr(run, "SOURCE", tmp_path)
    run.copy_sources()
    included = [(page, name) for page in (ROOT / "book").glob("*.md")
                for name in re.findall(r"```\{literalinclude\} (\S+)",
                                       page.read_text(encoding="utf-8"))]
    assert len(included) >= 2
    for page, name in included:
        assert (tmp_path / "book" / name).resolve().is_file(), (page, name)

"""The recipes of the Makefile on a small book, with faults.

The book is a copy of the tree with two chapters of a few lines and a package
of one, in the environment that is there. Each fault is one that a notebook may
be committed with, or a run may meet.
"""

import base64
import copy
import errno
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output
from PIL import Image

from book._tools import compare, execute, render, run, toc
from tests.test_validate import cell, numbered, stream

ROOT = Path(__file__).resolve().parents[2]
TOC = """
format: jb-book
root: book/index
parts:
  - caption: The first part
    chapters:
      - file: book/05_unit_gaussian.ipynb
  - caption: The second part
    chapters:
      - file: book/second.ipynb
"""
FIRST, SECOND = "book/05_unit_gaussian.ipynb", "book/second.ipynb"
PACKAGE = {
    "vae_tf/__init__.py": "name = 'a small package'\n",
    "vae_tf/data.py": "def load(): return ['MNIST']\n",
    "tests/__init__.py": "",
    "tests/test_three.py": """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_number(number):
    assert number > 0
"""}


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


def with_recipes(tmp_path):
    """Return a folder whose name needs quoting, with the recipes."""
    folder = tmp_path / "it's $5 (or more), #1"
    for name in ("Makefile", "pyproject.toml", "_config.yml",
                 "requirements.lock", "requirements-html.lock",
                 *(path.relative_to(ROOT)
                   for path in ROOT.glob("book/_tools/*.py"))):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(ROOT / name, folder / name)
        os.utime(folder / name, (0, 0))  # older than the environment
    return folder


@pytest.fixture
def folder(tmp_path):
    return with_recipes(tmp_path)


@pytest.fixture
def book(tmp_path):
    """Return the folder of a small book without a fault."""
    folder = with_recipes(tmp_path)
    for name in ("book/_ext", "book/_static", "book/_templates"):
        shutil.copytree(ROOT / name, folder / name)
    write(folder, "_toc.yml", TOC)
    write(folder, "book/index.md", "# A small book\n\nOf two chapters.\n")
    for name, text in PACKAGE.items():
        write(folder, name, text)
    for name, notebook in CHAPTERS.items():
        write(folder, name, nbformat.writes(notebook))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    assert (ROOT / ".venv/full").exists()
    return folder


def write(folder, name, text):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def start(folder, *target, **settings):
    """Start a recipe in a process group of its own, in a reader's shell."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    return subprocess.Popen(
        ["make", *target, "CELL_SECONDS=4"], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, env={**environment, **settings})


def make(folder, *target, **settings):
    """Return the exit code of a recipe and what it said."""
    process = start(folder, *target, **settings)
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


SAYS = {"html": "{0} cannot be read|{0}: code cell . of . (was not|raised)",
        "test": "ERROR {0}|{0}, Cell"}
FAULTS = pytest.mark.parametrize("fault", [
    raises, kills_the_kernel, takes_too_long, is_cut, has_a_broken_package],
    ids=lambda fault: fault.__name__)


@pytest.mark.parametrize("target", SAYS)
@FAULTS
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


@FAULTS
def test_whatever_happens_to_a_chapter_there_is_a_book(book, fault):
    fault(book)
    before = committed(book)
    code, said = make(book, "book")
    assert code != 0
    assert f"{SECOND} did not run to its end" in said, said
    assert f"{FIRST} did not" not in said
    pages = [(book / "_build/html" / name).with_suffix(".html").read_text()
             for name in (FIRST, SECOND)]
    assert "_images/" in pages[0]
    assert ("could not be run" if fault is is_cut else
            "stopped at the cell above") in pages[1]
    assert committed(book) == before


def test_the_real_book_is_rendered_wherever_its_chapters_stop(tmp_path,
                                                              monkeypatch):
    monkeypatch.setattr(run, "SOURCE", tmp_path / "source")
    monkeypatch.setattr(render, "ROOT", tmp_path)
    monkeypatch.setattr(render, "HTML", tmp_path / "_build/html")
    run.copy_sources()
    *names, last = toc.chapters(ROOT)
    for name in names:
        stopped = execute.cut(nbformat.read(ROOT / name, as_version=4), 3,
                              "failed")
        compare.write(stopped, run.SOURCE / name)
    run.stand_in(last)
    assert render.render(run.SOURCE, strict=False) == 0
    for name in (*names, last, "book/claims", "book/index"):
        page = (tmp_path / "_build/html" / name).with_suffix(".html")
        assert ("stopped at the cell above" in page.read_text()) == (
            name in names), name


def test_a_check_that_does_not_hold_is_shown_and_counted(book):
    end_with(book, cell("assert 6 * 9 == 42\nprint('on')", stream("on\n"),
                        tags=["hide-cell"]))
    code, said = make(book, "book")
    assert code == 0, said
    page = (book / "_build/html" / SECOND).with_suffix(".html").read_text()
    assert "did not hold in this run" in page and "on\n" in page
    assert "hide-input" in page and "hide-cell" not in page
    assert f"{SECOND}, cell 2: " in said and "(6 * 9) == 42" in said
    assert "1 check did not hold" in said


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


def test_of_two_at_once_one_waits_for_the_other(book):
    two = [start(book, "book") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in two]
    assert [process.returncode for process in two] == [0, 0], said
    assert sum("waiting for its end" in text for text in said) == 1
    check_pages(book)


def test_what_was_run_can_be_accepted(book):
    right = (book / SECOND).read_text()
    write(book, SECOND, right.replace("a small package\\n", "another\\n"))
    assert "make test, then make accept" in make(book, "accept")[1]
    assert make(book, "test")[0] != 0
    assert make(book, "accept")[0] == 0
    assert "a small package\\n" in (book / SECOND).read_text()


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


# What reaches a recipe from outside. PROBE is a recipe that shows it.

PROBE = """
probe: ; @$(MAKE) --no-print-directory -f Makefile -f probe.mk probed
probed: ; @env
"""
READERS = {
    "PIP_USER": "1", "PIP_PREFIX": "/x", "PIP_TARGET": "/x",
    "PYTHONHOME": "/x", "PYTHONPATH": "/x", "PYTHONSAFEPATH": "1", "PYTHONSTARTUP": "/x",
    "PYTHONOPTIMIZE": "1", "UV_SYSTEM_PYTHON": "1", "UV_PYTHON": "3.9",
    "UV_NO_BINARY": "1", "UV_CONSTRAINT": "/x", "VIRTUAL_ENV": "/x",
    "TF_CONFIG": "{", "TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "torch",
    "PYTEST_ADDOPTS": "-x", "EXE": "/exe", "CHAPTERS": "/some"}
PASSED = {
    "PIP_INDEX_URL": "i", "PIP_CERT": "c", "PIP_CACHE_DIR": "d",
    "UV_DEFAULT_INDEX": "i", "UV_INDEX_OURS_PASSWORD": "$p", "UV_OFFLINE": "1",
    "UV_CACHE_DIR": "/a b", "https_proxy": "p", "SSL_CERT_FILE": "/c",
    "TF_NUM_INTRAOP_THREADS": "1", "CHROMIUM": "/a b/it's $c"}


def probed(folder, *arguments, **settings):
    """Return what a recipe's recipe sees of the environment."""
    write(folder, "probe.mk", PROBE)
    code, said = make(folder, "-f", "Makefile", "-f", "probe.mk", "probe",
                      *arguments, **settings)
    assert code == 0, said
    return dict(line.split("=", 1) for line in said.splitlines()
                if "=" in line)


def test_a_reader_s_settings_of_the_tools_pass_only_if_they_are_theirs(
        folder):
    seen = probed(folder, **READERS, **PASSED)
    assert {name: value for name, value in PASSED.items()
            if seen.get(name) != value} == {}
    assert READERS.keys() & seen.keys() == {"EXE", "CHAPTERS"}
    code, said = make(folder, "-n", "sync", **READERS)
    assert code == 0 and "/some" not in said and "/exe" not in said, said


@pytest.mark.parametrize("path", [
    "/a b/it's \"5\" $x $(x) #1.npz", "~/a b.npz", "~else/a.npz", "a b.npz",
    "../a $$ b/", "\N{greek small letter alpha}\\b", " lead", "trail ", ""])
def test_the_path_of_the_data_is_what_the_reader_wrote(folder, path):
    wanted = path if path[:1] in ("/", "~", "") else f"{folder}/{path}"
    assert probed(folder, VAE_TF_DATA=path)["VAE_TF_DATA"] == wanted
    if path != path.lstrip():
        return  # make drops it
    assert probed(folder, f"VAE_TF_DATA={path}")["VAE_TF_DATA"] == wanted


UV = """#!/bin/sh
[ "$1" = --version ] && exit
echo "uv: $UV_SYSTEM_CERTS"
[ "$UV_SYSTEM_CERTS" != true ] || exit $FAILS
"""


@pytest.fixture
def tools(tmp_path):
    """Return a PATH on which uv is a stub and python3 stands in a folder."""
    tools = tmp_path / "it's my (bin)"
    write(tools.parent, f"{tools.name}/uv", UV)
    (tools / "uv").chmod(0o755)
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    return f"{tools}:{os.environ['PATH']}"


@pytest.mark.parametrize("settings, said", [
    ({"FAILS": "0"}, ["true"]), ({"FAILS": "1"}, ["true", ""]),
    ({"FAILS": "0", "UV_SYSTEM_CERTS": "false"}, ["false"])])
def test_uv_trusts_what_the_system_trusts(folder, tools, settings, said):
    # As if nobody had set anything.
    for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS"):
        settings.setdefault(name, "")
    code, text = make(folder, ".venv/html", PATH=tools, **settings)
    assert code == 0, text
    assert re.findall(r"(?m)^uv: (.*)$", text) == said


def test_an_environment_outlives_a_new_name_and_not_its_python(folder, tools):
    write(folder, "vae_tf/__init__.py", "")
    assert make(folder, ".venv/html", PATH=tools, FAILS="0")[0] == 0
    moved = folder.rename(folder.with_name("moved"))
    found = subprocess.run(
        [moved / ".venv/bin/python", "-c", "import vae_tf as v; print(v)"],
        capture_output=True, text=True, cwd="/")
    assert str(moved / "vae_tf") in found.stdout, found
    assert "up to date" in make(moved, ".venv/html", PATH=tools)[1]
    (moved / ".venv/bin/python").unlink()
    (moved / ".venv/bin/python").symlink_to("/gone")
    assert "Making .venv" in make(moved, ".venv/html", PATH=tools)[1]


def test_recipes_call_modules_since_scripts_know_their_folder():
    called = re.findall(r"(?:BIN\)|venv\S*/bin)/(\w+)",
                        (ROOT / "Makefile").read_text())
    assert set(called) == {"python"}


def test_pip_brings_uv_whatever_a_reader_has_set_for_pip(folder, tmp_path,
                                                         tools):
    write(tmp_path, "no uv/uv", "#!/bin/sh\nexit 1\n")
    (tmp_path / "no uv/uv").chmod(0o755)
    [version] = re.findall(r"UV_VERSION = (.*)",
                           (ROOT / "Makefile").read_text())
    stem = f"uv-{version}"
    with zipfile.ZipFile(tmp_path / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{stem}.data/scripts/uv", UV)
        wheel.writestr(f"{stem}.dist-info/METADATA", "Metadata-Version: 2.1\n"
                       f"Name: uv\nVersion: {version}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    write(tmp_path, "pip.conf", "[global]\nuser = yes\nprefix = /x\n")
    code, said = make(
        folder, ".venv/html", FAILS="0", PATH=f"{tmp_path}/no uv:{tools}",
        PIP_NO_INDEX="1", PIP_FIND_LINKS=tmp_path.as_uri(),
        PIP_CONFIG_FILE=str(tmp_path / "pip.conf"), **READERS)
    assert code == 0 and "uv: true" in said, said


def test_a_path_of_python_may_have_spaces(folder, tools):
    python = f"{tools.partition(':')[0]}/python3"
    assert f"with {python}" in make(folder, ".venv/bin/python",
                                    f"PYTHON={python}")[1]
    assert "none of these is: /no /never." in make(
        folder, "html", "PYTHON=/no /never", "BIN=/no")[1]


ALONE = """
import fcntl, os, runpy, sys
def flock(*arguments):
    if {0}:
        raise OSError({0}, "not here")
really = os.open
def opened(path, flags):
    if {1} and flags == os.O_RDWR:
        raise OSError({1}, "read only")
    return really(path, flags)
fcntl.flock, os.open = flock, opened
sys.argv = ["alone.py", "echo", "ran"]
runpy.run_path({2!r}, run_name="__main__")
"""


@pytest.mark.parametrize("locking, opening", [
    (0, 0), (0, errno.EROFS), (errno.ENOLCK, 0),
    (errno.EOPNOTSUPP, errno.EACCES), (errno.EBADF, errno.EACCES)])
def test_without_locks_it_says_so_and_goes_on(locking, opening):
    code = ALONE.format(locking, opening, str(ROOT / "book/_tools/alone.py"))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True,
                         text=True)
    assert ran.stdout == bool(locking) * (
        "The folder cannot be locked here: run one make at a time.\n"
    ) + "ran\n", ran


@pytest.mark.parametrize("text", [
    "chapters: [{file: a.ipynb, sections: [{file: b}]}, {file: c.md}]",
    "parts: [{chapters: [{file: a.ipynb}, {url: 'https://x'}]}, {caption: C,"
    " chapters: [{title: B, sections: [{file: c.md}], file: b}]}]",
    "format: jb-article\nsections: [{file: a}, {file: b}, {file: c.md}]",
    "subtrees: [{entries: [{file: a.ipynb, subtrees: [{entries: [{file:"
    " b.ipynb}]}]}]}, {entries: [{file: c.md}]}]"])
def test_chapters_are_found_in_every_format_of_a_toc(tmp_path, text):
    for name in ("a.ipynb", "b.ipynb"):
        write(tmp_path, name, "")
    write(tmp_path, "_toc.yml", f"{text}\nroot: i\noptions: {{numbered: 1}}\n")
    assert toc.notebooks(tmp_path) == ["a.ipynb", "b.ipynb"]
    assert set(toc.pages(tmp_path)) == {"i", "a.ipynb", "b.ipynb", "c.md"}

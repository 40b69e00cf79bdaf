"""The recipes of the Makefile on a small book, with faults.

The book is a copy of the tree with two chapters of a few lines and a package
of one, in the environment that is there. Each fault is one that a notebook may
be committed with, or a run may meet.
"""

import base64
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

from book._tools import compare, execute, render, run, toc
from tests.test_execute import cell, committed, stream

ROOT = Path(__file__).resolve().parents[2]
TOC = """
format: jb-book
root: book/index
chapters:
  - file: book/05_unit_gaussian.ipynb
  - file: book/second.ipynb
"""
FIRST, SECOND = "book/05_unit_gaussian.ipynb", "book/second.ipynb"
TEST = "def test_number(): assert 1 > 0\n"
PACKAGED = cell("import vae_tf; print(vae_tf.name)",
                stream("a small package\n"))
SLOW = cell("import time; time.sleep(2)")
PNG = base64.b64encode((ROOT / "book/_static/icon.png").read_bytes()).decode()
PICTURE = cell(
    "import base64\nfrom IPython.display import Image\n"
    f"Image(base64.b64decode({PNG!r}))",
    new_output("execute_result", {
        "image/png": PNG,
        "text/plain": "<IPython.core.display.Image object>"}),
    tags=["hero"])


def notebook(*cells, count=None):
    """Return the text of a notebook, its last cell with another count."""
    nb = committed(*cells)
    nb.cells[-1].execution_count = count or len(cells)
    return nbformat.writes(nb)


def error(name):
    return new_output("error", ename=name, evalue="planted")


# What is committed after a run that met a fault, which the next meets again.
FAULTS = {
    "raises": notebook(PACKAGED, cell("1 / 0", error("ZeroDivisionError"))),
    "takes too long": notebook(
        PACKAGED, cell("import time; time.sleep(999)"), count=9),
    "is cut in half": notebook(PACKAGED, SLOW)[:400]}


@pytest.fixture
def folder(tmp_path):
    """Return a folder whose name needs quoting, with the recipes."""
    folder = tmp_path / "it's $5 (or more), #1"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "_config.yml",
                 "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
        os.utime(folder / name, (0, 0))  # older than the environment
    return folder


@pytest.fixture
def book(folder):
    """Return the folder of a small book without a fault."""
    for path in (ROOT / "book").glob("_[!d]*"):  # all but _data
        shutil.copytree(path, folder / "book" / path.name)
    for name, text in {
            "_toc.yml": TOC,
            "book/index.md": "# A small book\n\nOf two chapters.\n",
            "vae_tf/__init__.py": "name = 'a small package'\n",
            "vae_tf/data.py": "def load(): return ['MNIST']\n",
            "tests/__init__.py": "", "tests/test_three.py": TEST,
            FIRST: notebook(PICTURE),
            SECOND: notebook(PACKAGED, SLOW)}.items():
        write(folder, name, text)
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
    """Return the exit status of a recipe and what it printed."""
    process = start(folder, *target, **settings)
    printed, _ = process.communicate(timeout=300)
    return process.returncode, printed


def page(folder, name):
    return (folder / "_build/html" / name).with_suffix(".html").read_text()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_a_run_leaves_a_book_all_the_same(book, fault):
    write(book, SECOND, FAULTS[fault])
    before = {path: path.read_bytes() for path in book.glob("book/*.*")}
    for target, message in (
            ("html",
             "{0} cannot be read|{0}: code cell . of . (was not|raised)"),
            ("test", "ERROR {0}|{0}, Cell"),
            ("book", "{0} (did not run to its end|could not be run)")):
        status, text = make(book, target)
        assert status != 0
        assert re.search(message.format(SECOND), text), text
        assert not re.search(message.format(FIRST), text), text
        assert (book / "_build/html").exists() == (target == "book")
    assert "_images/" in page(book, FIRST)
    assert ("could not be run" if fault == "is cut in half" else
            "stopped at the cell above") in page(book, SECOND)
    assert before == {path: path.read_bytes()
                      for path in book.glob("book/*.*")}


@pytest.mark.parametrize("target, link", [
    ("html", "second.ipynb#none"), ("links", "http://127.0.0.1:1/gone")])
def test_a_link_that_leads_nowhere_fails(book, target, link):
    write(book, "book/index.md", f"# A small book\n\n[a]({link})\n")
    status, text = make(book, target)
    assert status != 0 and link.rpartition("#")[2] in text, text


def test_the_real_book_is_rendered_wherever_its_chapters_stop(tmp_path,
                                                              monkeypatch):
    monkeypatch.setattr(run, "SOURCE", tmp_path / "source")
    monkeypatch.setattr(render, "ROOT", tmp_path)
    monkeypatch.setattr(render, "HTML", tmp_path / "_build/html")
    run.copy_sources()
    *names, last = toc.chapters(ROOT)
    for name in names:
        stopped = nbformat.read(ROOT / name, as_version=4)
        execute.cut(stopped, 1, "failed")
        compare.write(stopped, run.SOURCE / name)
    assert run.write_placeholders()
    assert render.render(run.SOURCE, strict=False) == 0
    for name in (*names, last, "book/claims", "book/index"):
        assert ("stopped at the cell above" in page(tmp_path, name)) == (
            name in names), name


def test_a_check_that_does_not_hold_is_shown_and_counted(book):
    write(book, SECOND, notebook(
        PACKAGED, cell("assert 6 * 9 == 42\nprint('on')", stream("on\n"),
                       tags=["hide-cell"])))
    status, text = make(book, "book")
    assert status == 0, text
    shown = page(book, SECOND)
    assert "did not hold in this run" in shown and "on\n" in shown
    assert "hide-input" in shown and "hide-cell" not in shown
    assert f"{SECOND}, cell 2: " in text and "(6 * 9) == 42" in text
    assert "1 check did not hold" in text


def test_a_book_that_was_interrupted_is_completed_the_next_time(book):
    for moment in (f"source/{FIRST}", "html/_static"):
        process, end = start(book, "book"), time.monotonic() + 120
        while not (book / "_build" / moment).exists():
            assert time.monotonic() < end
            time.sleep(.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    status, text = make(book, "book")
    assert status == 0, text
    assert "a small package" in page(book, SECOND)


def test_of_two_at_once_one_waits_for_the_other(book):
    two = [start(book, "book") for _ in range(2)]
    texts = [process.communicate(timeout=300)[0] for process in two]
    assert [process.returncode for process in two] == [0, 0], texts
    assert sum("Waiting for another make" in text for text in texts) == 1
    assert "a small package" in page(book, SECOND)


def test_what_was_run_can_be_accepted(book):
    right = (book / SECOND).read_text()
    write(book, SECOND, right.replace("a small package\\n", "another\\n"))
    assert "make test, then make accept" in make(book, "accept")[1]
    assert make(book, "test")[0] != 0
    assert make(book, "accept")[0] == 0
    assert "a small package\\n" in (book / SECOND).read_text()


# What reaches a recipe from outside. PROBE is a recipe that shows it.

PROBE = """
probe: ; @$(MAKE) --no-print-directory -f Makefile -f probe.mk probed
probed: ; @env
"""
STOPPED = {
    "PIP_USER": "1", "PIP_PREFIX": "/x", "PYTHONHOME": "/x",
    "PYTHONPATH": "/x", "UV_PYTHON": "3.9", "UV_CONSTRAINT": "/x",
    "VIRTUAL_ENV": "/x", "TF_CONFIG": "{", "TF_USE_LEGACY_KERAS": "1",
    "KERAS_BACKEND": "torch", "PYTEST_ADDOPTS": "-x"}
PASSED = {
    "PIP_INDEX_URL": "i", "PIP_CERT": "c", "UV_INDEX_OURS_PASSWORD": "$p",
    "UV_OFFLINE": "1", "UV_CACHE_DIR": "/a b", "https_proxy": "p",
    "SSL_CERT_FILE": "/c", "CHROMIUM": "/a b/it's $c"}


def probe(folder, *arguments, **settings):
    """Return what a recipe's recipe sees of the environment."""
    write(folder, "probe.mk", PROBE)
    status, text = make(folder, "-f", "Makefile", "-f", "probe.mk", "probe",
                        *arguments, **settings)
    assert status == 0, text
    return dict(line.split("=", 1) for line in text.splitlines()
                if "=" in line)


def test_a_reader_s_settings_of_the_tools_pass_only_if_they_are_theirs(
        folder):
    seen = probe(folder, **STOPPED, **PASSED)
    assert PASSED.items() <= seen.items()
    assert not STOPPED.keys() & seen.keys()
    text = make(folder, "-n", "sync", EXE="/exe", CHAPTERS="/some")[1]
    assert "/some" not in text and "/exe" not in text, text


def test_the_path_of_the_data_is_what_the_reader_wrote(folder):
    for path in ("/a b/it's \"5\" $x $(x) #1.npz", "~else/a.npz", "a b.npz",
                 "../a $$ b/", "\N{greek small letter alpha}\\b", ""):
        wanted = path if path[:1] in ("/", "~", "") else f"{folder}/{path}"
        assert probe(folder, VAE_TF_DATA=path)["VAE_TF_DATA"] == wanted
        assert probe(folder, f"VAE_TF_DATA={path}")["VAE_TF_DATA"] == wanted


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


@pytest.mark.parametrize("fails, chosen, tried", [
    ("1", "", ["true", ""]), ("0", "false", ["false"])])
def test_uv_trusts_what_the_system_trusts(folder, tools, fails, chosen, tried):
    status, text = make(folder, ".venv/html", PATH=tools, FAILS=fails,
                        UV_SYSTEM_CERTS=chosen, UV_NATIVE_TLS="")
    assert status == 0, text
    assert re.findall(r"(?m)^uv: (.*)$", text) == tried


def test_an_environment_outlives_a_new_name_and_not_its_python(folder, tools):
    write(folder, "vae_tf/__init__.py", "")
    assert make(folder, ".venv/html", PATH=tools, FAILS="0")[0] == 0
    moved = folder.rename(folder.with_name("moved"))
    found = subprocess.run(
        [moved / ".venv/bin/python", "-c", "import vae_tf as v; print(v)"],
        capture_output=True, text=True, cwd="/")
    assert str(moved / "vae_tf") in found.stdout, found
    (moved / ".venv/bin/python").unlink()
    (moved / ".venv/bin/python").symlink_to("/gone")
    assert "Making .venv" in make(moved, ".venv/html", PATH=tools)[1]


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
    status, text = make(
        folder, ".venv/html", FAILS="0", PATH=f"{tmp_path}/no uv:{tools}",
        PIP_NO_INDEX="1", PIP_FIND_LINKS=tmp_path.as_uri(), **STOPPED)
    assert status == 0 and "uv: true" in text, text

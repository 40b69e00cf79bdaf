"""The repository's address stands in one place; all others agree with it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml

from book._tools.address import (GITHUB, change, changed, current, in_binder,
                                 in_colab, pages)
from book._tools.toc import chapters

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = chapters(ROOT)
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
URL, BRANCH = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
FORK = "https://github.com/me/some.fork"
FILES = [path for pattern in ("*.md", "*.cff", "*.yml", "book/*.md",
                              "book/*.ipynb") for path in ROOT.glob(pattern)]
# What of an address names a repository: Colab's, Binder's, pip's, a page's.
NAMED = re.compile(
    r"google\.com/github/([^/]+/[^/]+)|mybinder\.org/v2/gh/([^/]+/[^/?]+)"
    r"|git\+https://github\.com/([^/]+/[\w.-]+)"
    r"|github\.com/(-OWNER-/[\w-]+)")


def test_the_address_is_read_as_the_renderer_reads_it():
    assert current(ROOT) == (URL, BRANCH)
    assert CONFIG["html"]["baseurl"] == pages(URL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_address_names_another_repository(path):
    found = {name for names in NAMED.findall(path.read_text())
             for name in names if name}
    assert found <= {GITHUB.fullmatch(URL)[1]}


# All that may stand before: TensorFlow reads it when it is imported.
QUIET = """import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # a session's remarks

"""


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("suffix", [".ipynb", ".md"])
def test_a_chapter_installs_and_opens_itself(chapter, suffix):
    title, setup = jupytext.read(
        (ROOT / chapter).with_suffix(suffix)).cells[:2]
    assert title.source.splitlines()[1:4] == [
        "", f"[Open in Colab]({in_colab(URL, BRANCH, chapter)})", ""]
    assert setup.source.removeprefix(QUIET).splitlines()[:4] == [
        "try:", "    import vae_tf",
        "except ModuleNotFoundError:  # a fresh runtime, as in Colab",
        f"    %pip install -q git+{URL}"]


def test_the_readme_opens_the_chapters_on_binder():
    assert f"]({in_binder(URL, BRANCH, 'book')})" in (
        ROOT / "README.md").read_text()


@pytest.fixture
def tree(tmp_path):
    """A copy of what holds addresses, and of the script."""
    shutil.copytree(ROOT / "book", tmp_path / "book")
    for name in ("README.md", "CITATION.cff", "_config.yml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def texts(tree):
    return {path: path.read_bytes() for path in tree.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


def run(tree, url):
    return subprocess.run([sys.executable, tree / "book/_tools/address.py", url],
                          capture_output=True, text=True)


def test_one_command_changes_it_everywhere_and_back(tree):
    before = texts(tree)
    assert run(tree, FORK).returncode == 0
    after = texts(tree)
    assert current(tree) == (FORK, BRANCH)
    old = re.compile(rf"{re.escape(GITHUB.fullmatch(URL)[1])}|"
                     + re.escape(pages(URL)))
    assert not [path for path, text in after.items()
                if path.suffix in (".md", ".ipynb", ".yml")
                and old.search(text.decode())]
    for chapter in CHAPTERS:
        text = (tree / chapter).read_text()
        assert in_colab(FORK, BRANCH, chapter) in text
        assert f"pip install -q git+{FORK}\\n" in text
        assert text.count("_static/diagrams/") == text.count(
            f"]({pages(FORK)}_static/diagrams/")
    assert pages(FORK) in (tree / "_config.yml").read_text()
    assert run(tree, URL).returncode == 0
    assert texts(tree) == before


@pytest.mark.parametrize("url", [
    "", "me/fork", "http://github.com/me/fork", "https://gitlab.com/me/fork",
    "https://github.com/me", "https://github.com/me/fork/",
    "https://github.com/me/fork.git", "https://github.com/me/fork/tree/main",
    "https://github.com/me/a fork", "https://github.com/me/fork\n",
    "https://github.com/me/f'\"k", "https://github.com/-me/fork",
    "https://github.com/me/..", "https://github.com/mé/fork"])
def test_a_bad_address_changes_nothing_and_is_named(tree, url):
    before = texts(tree)
    done = run(tree, url)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "The URL must be https://github.com/OWNER/NAME, of a repository on "
        f"GitHub, as Colab opens it. Got {url!r} instead.")
    assert texts(tree) == before


def test_what_was_interrupted_is_completed(tree, monkeypatch):
    replace, done = os.replace, []

    def fail(part, path):
        if len(done) == 7:
            raise OSError("no space")
        done.append(replace(part, path))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        change(tree, FORK)
    monkeypatch.undo()
    assert current(tree)[0] == URL
    change(tree, FORK)
    (tree / "whole").mkdir()
    for name in ("book", "README.md", "CITATION.cff", "_config.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / "whole" / name)
    change(tree / "whole", FORK)
    for path in [*CHAPTERS, "README.md", "_config.yml", "book/index.md"]:
        assert (tree / path).read_bytes() \
            == (tree / "whole" / path).read_bytes()


def test_only_this_repository_is_changed():
    a, b = "https://github.com/me/book", "https://github.com/you/it"
    assert changed(f"{a}. {a}/issues ({a}) https://me.github.io/book/x.html",
                   a, b) == (f"{b}. {b}/issues ({b}) "
                             "https://you.github.io/it/x.html", 4)
    for other in ("https://github.com/me/book-2", f"{a}s", f"{a}.js",
                  "https://github.com/me/boo", "https://me.github.io/books/",
                  "https://some.me.github.io/book/"):
        assert changed(other, a, b) == (other, 0)


def test_the_pages_of_an_account_stand_at_its_root():
    assert pages("https://github.com/Me/me.github.io") \
        == "https://Me.github.io/"

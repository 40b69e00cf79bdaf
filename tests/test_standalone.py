"""A chapter as one notebook: the package inside, and no link that is dead."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book._tools.standalone import package_cell, relinked, standalone
from book._tools.toc import chapters

ROOT = Path(__file__).resolve().parent.parent
PAGES = "https://me.github.io/fork/"
every_chapter = pytest.mark.parametrize("chapter", chapters(ROOT))


def made(chapter, published=None):
    return standalone(nbformat.read(ROOT / chapter, as_version=4),
                      ROOT / "vae_tf", published)


def links(notebook):
    """Return the addresses of links and pictures in a notebook's prose."""
    tokens = [token for cell in notebook.cells
              if cell.cell_type == "markdown"
              for block in MarkdownIt().parse(cell.source)
              for token in block.children or []]
    return [token.attrGet("href") or token.attrGet("src") for token in tokens
            if token.type in ("link_open", "image")]


@every_chapter
def test_no_link_of_it_needs_the_repository(chapter):
    assert not [link for link in links(made(chapter))
                if not link.startswith("https://") or "-OWNER-" in link]
    for link in links(made(chapter, PAGES)):
        assert link.startswith("https://")
        if link.startswith(PAGES):
            page = link.removeprefix(PAGES).partition("#")[0]
            assert (ROOT / "book" / page).exists() or any(
                (ROOT / page).with_suffix(suffix).exists()
                for suffix in (".ipynb", ".md")), link


@every_chapter
def test_it_is_the_chapter_with_one_cell_more(chapter):
    committed = nbformat.read(ROOT / chapter, as_version=4)
    notebook = made(chapter)
    [package] = [cell for cell in notebook.cells if cell.id == "vae-tf"]
    at = notebook.cells.index(package)
    assert [cell.cell_type for cell in notebook.cells[:at]] == ["markdown"]
    assert "    import vae_tf" in notebook.cells[at + 1].source
    del notebook.cells[at]
    assert len(notebook.cells) == len(committed.cells)
    for ours, theirs in zip(notebook.cells, committed.cells):
        if ours.cell_type == "code":
            assert ours.source == theirs.source
            assert (ours.outputs, ours.execution_count) == ([], None)


def test_the_package_is_written_whole_where_nothing_else_is(tmp_path):
    code = package_cell(ROOT / "vae_tf").source + (
        "\nimport importlib.util"
        "\nprint(importlib.util.find_spec('vae_tf').origin)")
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code],
                         cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    folder = Path(run.stdout.strip()).parent
    assert ROOT not in folder.parents
    assert {path.name: path.read_bytes() for path in folder.glob("*.py")} \
        == {path.name: path.read_bytes()
            for path in (ROOT / "vae_tf").glob("*.py")}


@pytest.mark.parametrize("text", [
    "r'''a'''\n", "no last line", "\nan empty first line\n"])
def test_a_module_that_would_not_come_out_again_is_named(tmp_path, text):
    (tmp_path / "ops.py").write_text(text)
    with pytest.raises(ValueError, match=re.escape(
            "ops.py must hold no ''' and begin and end with")):
        package_cell(tmp_path)


@pytest.mark.parametrize("text, name, page", [
    ("[a](b.ipynb)", "a", "[a](https://me.github.io/fork/book/b.html)"),
    ("[a\nb](c.md#d)", "a\nb",
     "[a\nb](https://me.github.io/fork/book/c.html#d)"),
    ("[a](https://b.org/c.md) [a](#b)",) * 3,
    ("![a](b.svg) x[1] (y)", "a x[1] (y)",
     "![a](https://me.github.io/fork/b.svg) x[1] (y)")])
def test_a_link_becomes_its_words_or_a_page(text, name, page):
    assert relinked(text, None) == name
    assert relinked(text, PAGES) == page


def test_a_chapter_without_code_is_refused():
    with pytest.raises(ValueError):
        standalone(new_notebook(cells=[new_markdown_cell("x")]),
                   ROOT / "vae_tf")
    assert standalone(new_notebook(cells=[new_code_cell("x")]),
                      ROOT / "vae_tf").cells[1].source == "x"

"""Nothing unpickles, and no page or output holds a script of its own."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book._tools.compare import ACTIVE, ALLOWED, contents
from book._tools.toc import ROOT, notebooks

RUFF = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet",
        "--no-cache", "--preview", "--output-format=concise", "--select",
        "S301,S302,S403,S506"]  # pickle, marshal, YAML
# What these load can run code too, and ruff has no rule for them.
LOADERS = re.compile(r"allow_pickle\s*=\s*(?!False)|\b(load_model"
                     r"|model_from_json|model_from_config|saved_model"
                     r"|unsafe_load|torch\.load)\b")
PLANTS = {"test_security.py", "test_data_faults.py"}


def loaders(folder):
    """Return what in the Python of a folder, its notebooks' too, unpickles."""
    found = subprocess.run([*RUFF, folder], capture_output=True, text=True)
    assert found.returncode in (0, 1), found.stderr
    paths = [*Path(folder).rglob("*.py"), *Path(folder).rglob("*.ipynb")]
    return found.stdout.splitlines() + [
        f"{path}: {hit[0]}" for path in paths
        if path.name not in PLANTS
        for hit in LOADERS.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("folder", ["vae_tf", "book", "benchmarks", "tests"])
def test_nothing_in_the_tree_unpickles_or_loads_a_model(folder):
    assert loaders(ROOT / folder) == []


@pytest.mark.parametrize("line", [
    "import pickle; pickle.loads(b'')", "import dill", "import shelve",
    "import marshal; marshal.loads(b'')", "import yaml; yaml.unsafe_load('')",
    "import pandas; pandas.read_pickle('x')",
    "import torch; torch.load('x.pt')",
    "import numpy; numpy.load('x.npz', allow_pickle=True)",
    "import keras; keras.models.load_model('x.keras')"])
def test_a_planted_loader_is_found(tmp_path, line):
    (tmp_path / "x.py").write_text(f"{line}\n")
    assert loaders(tmp_path)


def active(notebook):
    """Yield active content in the prose and the outputs of a notebook."""
    for cell in notebook.cells:
        texts = [] if cell.cell_type == "code" else [cell.source]
        for output in cell.get("outputs", []):
            for mime, text in contents(output).items():
                if mime not in ALLOWED:
                    yield mime
                elif mime != "image/png":
                    texts.append(text)
        yield from (found[0] for text in texts
                    for found in ACTIVE.finditer(text))


def test_pages_and_committed_outputs_are_not_active():
    found = {name: nbformat.read(ROOT / name, as_version=4)
                 for name in notebooks(ROOT)}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("book/*.md")]:
        found[page.name] = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(page.read_text())])
    assert [f"{name}: {found}" for name, notebook in found.items()
            for found in active(notebook)] == []


@pytest.mark.parametrize("cell", [
    nbformat.v4.new_markdown_cell("Hi <script src='x.js'></script>"),
    nbformat.v4.new_markdown_cell("<iframe src=https://example.org>"),
    nbformat.v4.new_markdown_cell("[a](javascript:x())"),
    *(nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output(
        "display_data", {mime: text})]) for mime, text in [
            ("text/html", "<table><td onclick=x()></table>"),
            ("text/markdown", "<svg onload='x()'>"),
            ("image/svg+xml", "<svg/>"), ("application/javascript", "x()"),
            ("application/vnd.jupyter.widget-view+json", "{}")])])
def test_planted_active_content_is_found(cell):
    assert list(active(nbformat.v4.new_notebook(cells=[cell])))

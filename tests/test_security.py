"""Nothing unpickles, and no page or output holds a script of its own."""

import re
import subprocess
import sys
from pathlib import Path

from nbformat.v4 import (new_code_cell, new_markdown_cell, new_notebook,
                         new_output)

from book._tools.compare import ACTIVE, forbidden
from tests.test_book import NOTEBOOKS, ROOT

RUFF = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet",
        "--no-cache", "--preview", "--output-format=concise", "--select",
        "S301,S302,S403,S506"]  # pickle, marshal, YAML
# What these load can run code too, and ruff has no rule for them.
LOADERS = re.compile(r"allow_pickle\s*=\s*(?!False)|\b(load_model"
                     r"|model_from_json|model_from_config|saved_model"
                     r"|unsafe_load|torch\.load)\b")
PLANTS = {"test_security.py", "test_data_faults.py"}


def loaders(*folders):
    """Return what in the Python of folders, their notebooks' too, unpickles."""
    found = subprocess.run([*RUFF, *folders], capture_output=True, text=True)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines() + [
        f"{path}: {hit[0]}" for folder in folders
        for path in Path(folder).rglob("*.*")
        if path.suffix in (".py", ".ipynb") and path.name not in PLANTS
        for hit in LOADERS.finditer(path.read_text(encoding="utf-8"))]


def test_nothing_unpickles_or_loads_a_model(tmp_path):
    assert loaders(*(ROOT / name for name in (
        "vae_tf", "book", "benchmarks", "tests"))) == []
    lines = [
        "import pickle; pickle.loads(b'')", "import dill", "import shelve",
        "import marshal; marshal.loads(b'')",
        "import yaml; yaml.unsafe_load('')",
        "import pandas; pandas.read_pickle('x')",
        "import torch; torch.load('x.pt')",
        "import numpy; numpy.load('x.npz', allow_pickle=True)",
        "import keras; keras.models.load_model('x.keras')"]
    for i, line in enumerate(lines):
        (tmp_path / f"plant{i}.py").write_text(f"{line}\n")
    found = "\n".join(loaders(tmp_path))
    assert [line for i, line in enumerate(lines)
            if f"plant{i}.py" not in found] == []


def active(notebook):
    """Yield active content in the prose and the outputs of a notebook."""
    for cell in notebook.cells:
        yield from forbidden(cell.get("outputs", []))
        if cell.cell_type == "markdown" and (
                found := ACTIVE.search(cell.source)):
            yield found[0]


def test_pages_and_committed_outputs_are_not_active():
    notebooks = dict(NOTEBOOKS)
    for page in [*ROOT.glob("*.md"), *ROOT.glob("book/*.md")]:
        notebooks[page.name] = new_notebook(
            cells=[new_markdown_cell(page.read_text())])
    assert [f"{name}: {found}" for name, notebook in notebooks.items()
            for found in active(notebook)] == []
    for cell in [
            new_markdown_cell("Hi <script src='x.js'></script>"),
            new_markdown_cell("<iframe src=https://example.org>"),
            new_markdown_cell("[a](javascript:x())"),
            *(new_code_cell(outputs=[new_output("display_data", {mime: text})])
              for mime, text in [
                ("text/html", "<table><td onclick=x()></table>"),
                ("text/markdown", "<svg onload='x()'>"),
                ("application/vnd.jupyter.widget-view+json", "{}")])]:
        assert list(active(new_notebook(cells=[cell]))), cell

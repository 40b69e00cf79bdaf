"""Nothing unpickles, and no page holds a script of its own."""

import re
import subprocess
import sys
from pathlib import Path

from book._tools.compare import ACTIVE
from tests.test_book import NOTEBOOKS, ROOT, markdown

RUFF = [sys.executable, "-m", "ruff", "check", "--isolated", "--quiet",
        "--no-cache", "--preview", "--output-format=concise", "--select",
        "S301,S302,S403,S506"]  # pickle, marshal, YAML
# What these load can run code too, and ruff has no rule for them.
LOADERS = re.compile(r"allow_pickle\s*=\s*(?!False)|\b(load_model"
                     r"|model_from_json|model_from_config|saved_model"
                     r"|unsafe_load|torch\.load)\b")
PLANTED = [
    "import pickle; pickle.loads(b'')", "import dill", "import shelve",
    "import marshal; marshal.loads(b'')", "import yaml; yaml.unsafe_load('')",
    "import pandas; pandas.read_pickle('x')",
    "import torch; torch.load('x.pt')",
    "import numpy; numpy.load('x.npz', allow_pickle=True)",
    "import keras; keras.models.load_model('x.keras')"]


def loaders(*folders):
    """Return what unpickles in the Python and the notebooks of folders."""
    found = subprocess.run([*RUFF, *folders], capture_output=True, text=True)
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines() + [
        f"{path}: {hit[0]}" for folder in folders
        for path in Path(folder).rglob("*.*")
        if path.suffix in (".py", ".ipynb")
        and path.name not in ("test_security.py", "test_data_faults.py",
                              "h_elsewhere.ipynb")  # loads what it has saved
        for hit in LOADERS.finditer(path.read_text(encoding="utf-8"))]


def test_nothing_unpickles_or_loads_a_model(tmp_path):
    assert loaders(*(ROOT / name for name in (
        "vae_tf", "book", "benchmarks", "tests"))) == []
    for i, line in enumerate(PLANTED):
        (tmp_path / f"plant{i}.py").write_text(f"{line}\n")
    found = "\n".join(loaders(tmp_path))
    assert all(f"plant{i}.py" in found for i in range(len(PLANTED))), found


def test_prose_is_not_active():
    pages = {path.name: path.read_text() for path in [
        *ROOT.glob("*.md"), *ROOT.glob("book/*.md")]}
    pages |= {name: markdown(nb) for name, nb in NOTEBOOKS.items()}
    assert [name for name, text in pages.items() if ACTIVE.search(text)] == []
    for text in ("Hi <script src='x.js'></script>", "<svg onload='x()'>",
                 "<iframe src=https://example.org>", "[a](javascript:x())"):
        assert ACTIVE.search(text), text

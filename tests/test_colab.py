"""What `make colab-check` would notice, and that its list is Colab's."""

import ast
import re
import sys
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import colab
from tests.test_book import CHAPTERS, cells
from tests.test_environment import PROJECT


def test_colab_s_list_is_short_and_within_the_package_s_bounds():
    versions = {canonicalize_name(name): v for name, v in colab.pins().items()}
    assert 100 < len(versions) < 200
    assert {"tensorflow", "keras", "ipykernel", "pip"} <= versions.keys()
    assert all(re.fullmatch(r"[\w.]+", one) for one in versions.values())
    for wanted in map(Requirement, PROJECT["project"]["dependencies"]):
        assert versions[canonicalize_name(wanted.name)] in wanted.specifier
    text = colab.CONSTRAINTS.read_text()
    assert "googlecolab/backend-info" in text and "://" not in text


def test_every_chapter_has_checks_to_hold():
    for name, nb in CHAPTERS.items():
        checks = [node for cell in cells(nb) for node in ast.walk(ast.parse(
            TransformerManager().transform_cell(cell.source)))
            if isinstance(node, ast.Assert)]
        assert len(checks) >= 5, name


def test_a_planted_fault_is_found(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(colab, "SAVED", tmp_path / "saved")
    variables = colab.environment(Path(sys.prefix), tmp_path)
    for name, source in {
            "raises": "raise ValueError('planted')", "checks": "assert 1 > 2",
            "warns": "import os, sys; assert os.listdir() == ['warns.ipynb']\n"
                     "print('planted', file=sys.stderr)"}.items():
        nbformat.write(new_notebook(cells=[new_code_cell(source)]),
                       tmp_path / f"{name}.ipynb")
    assert colab.run([*tmp_path.glob("*.ipynb")], 60, tmp_path, variables) == 1
    printed = capfd.readouterr().out
    assert "ValueError" in printed and "AssertionError" in printed
    assert "2 failed, 1 passed" in printed
    assert [*colab.errors(colab.SAVED)] == [
        "warns.ipynb, on stderr: planted\n"]

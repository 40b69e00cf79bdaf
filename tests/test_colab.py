"""What `make colab-check` would notice, and that its list is Colab's."""

import re
import sys
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import colab
from tests.test_book import CHAPTERS
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
    assert [name for name, notebook in CHAPTERS.items()
            if colab.count_checks(notebook) < 5] == []


class Here(colab.Colab):
    """This environment in place of Colab's: nothing is uninstalled."""

    def packages(self):
        return {"numpy": "2"}


def test_a_planted_fault_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(colab, "LAST", colab.LAST.replace(
        ", google.colab", "").replace("vae_tf", "pytest"))
    monkeypatch.setattr(colab, "SAVED", tmp_path / "saved")
    here = Here(Path(sys.prefix), tmp_path)
    for source, messages in (
            ("raise ValueError('planted')", ["ValueError"]),
            ("assert 1 > 2", ["AssertionError"]),
            ("import os, sys, pytest\n"
             "assert os.listdir() == ['chapter.ipynb']\n"
             "pytest.__file__ = '/tree/vae_tf'\n"
             "print('planted', file=sys.stderr)",
             ["the environment: expected numpy 1, got 2",
              "the package came from /tree/vae_tf", "on stderr: planted"])):
        faults = [*colab.check(
            here, "01.ipynb", new_notebook(cells=[new_code_cell(source)]),
            {"numpy": "1"}, 60)]
        assert len(faults) == len(messages), faults
        assert all(map(str.__contains__, faults, messages)), faults
        assert (tmp_path / "saved/01.ipynb").exists()

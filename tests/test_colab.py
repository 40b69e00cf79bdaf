"""What `make colab-check` would notice, and that its list is Colab's."""

import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import colab
from tests.colab import checks, pins, said, version_faults
from book._tools.toc import chapters

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_package_s_bounds_keep_every_version_that_colab_has():
    have = {canonicalize_name(name): v for name, v in pins().items()}
    for wanted in map(Requirement, PROJECT["project"]["dependencies"]):
        assert have[canonicalize_name(wanted.name)] in wanted.specifier


def test_the_list_is_whole_and_short():
    have = pins()
    assert 100 < len(have) < 200
    assert {"tensorflow", "keras", "ipykernel", "pip"} <= have.keys()
    assert all(re.fullmatch(r"[\w.]+", version) for version in have.values())
    text = colab.CONSTRAINTS.read_text()
    assert "googlecolab/backend-info" in text and "://" not in text


def test_a_changed_or_missing_version_is_a_fault():
    have = {"numpy": "2.1.3", "keras": "3.13.2", "more": "1"}
    wanted = {"numpy": "2.1.3", "keras": "3.13.2"}
    assert list(version_faults(have, wanted)) == []
    for changed in ({**have, "numpy": "2.2"}, {"keras": "3.13.2"}):
        assert len(list(version_faults(changed, wanted))) == 1


def test_what_is_written_to_stderr_is_a_fault():
    def notebook(stream):
        return new_notebook(cells=[new_code_cell(outputs=[
            new_output("stream", name=stream, text="a warning")])])

    assert list(said(notebook("stdout"))) == []
    assert list(said(notebook("stderr"))) == ["on stderr: a warning"]


@pytest.mark.parametrize("chapter", chapters(ROOT))
def test_every_chapter_has_checks_to_hold(chapter):
    assert checks(nbformat.read(ROOT / chapter, as_version=4)) >= 5


class Here(colab.Place):
    """This environment in place of Colab's: nothing is uninstalled."""

    def __init__(self, folder):
        super().__init__(Path(sys.prefix), folder)

    def packages(self):
        return {"numpy": "2"}


PLANTED = {
    "raise ValueError('planted')": "ValueError",
    "assert 1 > 2": "AssertionError",
    "import sys; print('planted', file=sys.stderr)": "on stderr: planted",
    "import os; os._exit(1)": "The kernel died",
    "assert __import__('os').listdir() == ['chapter.ipynb']": None,
}


@pytest.mark.parametrize("source", PLANTED)
def test_a_planted_fault_is_found(tmp_path, monkeypatch, source):
    chapter = new_notebook(cells=[new_code_cell(source)])
    nbformat.write(chapter, tmp_path / "01.ipynb")
    (tmp_path / "vae_tf").mkdir()
    (tmp_path / "vae_tf/__init__.py").write_text("name = 'a small one'\n")
    monkeypatch.setattr(colab, "LAST", (
        "import json, vae_tf; print(json.dumps([vae_tf.__file__, '3', {}]))"))
    monkeypatch.setattr(colab, "BUILT", tmp_path / "built")
    (tmp_path / "here").mkdir()
    place = Here(tmp_path / "here")
    monkeypatch.setattr(colab, "ROOT", tmp_path)
    faults = colab.check(place, "01.ipynb", "standalone", {"numpy": "2"}, 60)
    wanted = PLANTED[source]
    assert bool(faults) == bool(wanted), faults
    assert wanted is None or wanted in faults[0]
    assert (tmp_path / "built/standalone/01.ipynb").exists()
    assert wanted or colab.check(
        place, "01.ipynb", "standalone", {"numpy": "1"}, 60) == [
        "01.ipynb (standalone): the environment: "
        "expected numpy 1, got 2"]

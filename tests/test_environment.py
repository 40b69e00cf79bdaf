"""The files that describe the environment agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = {"full": "requirements.lock", "html": "requirements-html.lock"}
FILES = [*LOCKS.values(), "environment.yml", "pyproject.toml"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = {"dependencies": PROJECT["project"]["dependencies"],
          **PROJECT["dependency-groups"]}
CONDAS = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA = CONDAS["dependencies"]


def blocks(lock):
    """Return {requirement: its hashes} of a lock, one for each pin."""
    text = (ROOT / LOCKS[lock]).read_text()
    lines = re.sub(r" *\\\n *", " ", re.sub(r"(?m)^ *#.*\n", "", text))
    pins = (line.partition(" --hash=") for line in lines.splitlines() if line)
    return {pin: (mark + hashes).split() for pin, mark, hashes in pins}


def versions(lock):
    """Return {name: {its pinned versions}}."""
    found = {}
    for pin in map(Requirement, blocks(lock)):
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        found.setdefault(pin.name, set()).add(specifier.version)
    return found


@pytest.mark.parametrize("lock, group", [
    ("full", "dependencies"), ("full", "book"), ("full", "test"),
    ("html", "book")])
def test_a_lock_has_every_requirement_within_its_bounds(lock, group):
    pinned = versions(lock)
    for wanted in map(Requirement, GROUPS[group]):
        found = pinned.get(canonicalize_name(wanted.name), set())
        assert found and all(v in wanted.specifier for v in found), wanted


def test_the_html_lock_is_a_part_of_the_full_one_without_tensorflow():
    full, html = versions("full"), versions("html")
    assert all(found <= full.get(name, set()) for name, found in html.items())
    assert not {"tensorflow", "keras", "tensorflow-probability"} \
        & html.keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock):
    pins = blocks(lock)
    assert len(pins) > 50
    for pin, hashes in pins.items():
        assert hashes and all(re.fullmatch(
            "--hash=sha256:[0-9a-f]{64}", h) for h in hashes), pin


@pytest.mark.parametrize("file", FILES)
def test_no_file_names_a_registry_or_an_address(file):
    text = (ROOT / file).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links| @ |^-i", text)


def test_conda_has_the_lowest_python_that_the_project_allows():
    (python,) = [d for d in CONDA if str(d).startswith("python")]
    (lowest,) = Requirement("x" + PROJECT["project"]["requires-python"]) \
        .specifier
    assert lowest.operator == ">="
    assert python == f"python={lowest.version}"


def test_conda_is_asked_for_nothing_but_python_and_pip():
    assert CONDAS.keys() == {"name", "channels", "dependencies"}
    assert CONDAS["channels"] == ["conda-forge"]
    python, pip, _ = CONDA
    assert python.startswith("python=") and pip == "pip"


def test_conda_installs_the_pins_of_the_lock_and_the_package():
    (pip,) = [d["pip"] for d in CONDA if isinstance(d, dict)]
    assert pip == [*blocks("full"), "-e ."]

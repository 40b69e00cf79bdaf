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


def blocks(lock):
    """Return the requirements of a lock, one for each pin."""
    return re.findall(r"(?m)^([a-z0-9].*?) *\\$",
                      (ROOT / LOCKS[lock]).read_text())


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


@pytest.mark.parametrize("file", FILES)
def test_no_file_names_a_registry_or_an_address(file):
    text = (ROOT / file).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links| @ |^-i", text)


def test_conda_installs_the_pins_of_the_lock_and_the_package():
    lowest = PROJECT["project"]["requires-python"].removeprefix(">=")
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda == {
        "name": "vae-explained", "channels": ["conda-forge"],
        "dependencies": [f"python={lowest}", "pip",
                         {"pip": [*blocks("full"), "-e ."]}]}

"""The files that describe the environment agree."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from book._tools.toc import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = re.findall(r"(?m)^([a-z0-9].*?) *\\$",
                  (ROOT / "requirements.lock").read_text())


def test_the_lock_has_every_requirement_within_its_bounds():
    versions = {}
    for pin in map(Requirement, PINS):
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        versions.setdefault(pin.name, set()).add(specifier.version)
    groups = PROJECT["dependency-groups"]
    for wanted in map(Requirement, [
            *PROJECT["project"]["dependencies"], *groups["book"],
            *groups["test"], *groups["pages"]]):
        found = versions.get(canonicalize_name(wanted.name), set())
        assert found and all(v in wanted.specifier for v in found), wanted


def test_no_file_names_a_registry_or_an_address():
    for file in ("requirements.lock", "environment.yml", "pyproject.toml"):
        assert not re.search(r"://|--(extra-)?index|--find-links| @ |^-i",
                             (ROOT / file).read_text()), file


def test_conda_installs_the_pins_of_the_lock_and_the_package():
    lowest = PROJECT["project"]["requires-python"].removeprefix(">=")
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda == {
        "name": "vae-explained", "channels": ["conda-forge"],
        "dependencies": [f"python={lowest}", "pip",
                         {"pip": [*PINS, "-e ."]}]}

"""Imports point one way, and importing is quiet."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {path.stem: ast.parse(path.read_text())
           for path in sorted((ROOT / "vae_tf").glob("*.py"))}
GRAPH = {
    "ops": set(), "losses": set(), "data": set(), "checks": set(),
    "plots": set(), "claims": set(), "checkpoints": set(), "page": set(),
    "workers": set(),
    "networks": {"ops"},
    "models": {"networks", "losses", "ops", "checks"},
    "train": {"checks", "checkpoints"}, "channel": {"checks"},
    "balance": {"checks"},
    "evaluate": {"networks", "losses", "checks"},
    "__init__": {"losses", "models", "networks", "train"},
}
DISTRIBUTIONS = {"IPython": "ipython", "sklearn": "scikit-learn",
                 "skimage": "scikit-image"}


def imported(tree):
    """Return the dotted names that a tree imports anywhere."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(tree):
    return {name.split(".")[1] for name in imported(tree)
            if name.startswith("vae_tf.")}


def foreign(tree):
    names = {name.split(".")[0] for name in imported(tree)}
    return names - {"vae_tf"} - sys.stdlib_module_names


def test_the_graph_names_every_module():
    assert MODULES.keys() == GRAPH.keys()


@pytest.mark.parametrize("module", GRAPH)
def test_a_module_imports_only_what_lies_below_it(module):
    assert ours(MODULES[module]) == GRAPH[module]


@pytest.mark.parametrize("module, allowed", [
    ("plots", {"matplotlib", "numpy"}), ("checks", {"numpy"}),
    ("claims", {"IPython"}), ("channel", {"numpy", "scipy"}),
    ("balance", {"numpy"}),
    ("page", {"IPython", "numpy"}),
    ("data", {"numpy", "scipy", "skimage", "sklearn"}),
    ("checkpoints", {"numpy", "tensorflow"}),
    ("workers", {"tensorflow"}), ("ops", {"tensorflow"}),
    ("losses", {"tensorflow"}),
    ("networks", {"tensorflow"}), ("models", {"tensorflow"}),
    ("train", {"numpy", "tensorflow", "tqdm"}),
    ("evaluate", {"numpy", "scipy", "sklearn", "tensorflow"})])
def test_a_module_needs_no_library_but_its_own(module, allowed):
    assert foreign(MODULES[module]) == allowed


def test_data_loads_no_picture_library_before_it_is_asked_to():
    at_import = [node for node in MODULES["data"].body
                 if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert foreign(ast.Module(at_import, [])) == {"numpy"}


def test_every_library_imported_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {d.split(">")[0] for d in project["dependencies"]}
    needed = set().union(*map(foreign, MODULES.values()))
    assert {DISTRIBUTIONS.get(name, name) for name in needed} == declared


def test_importing_the_package_prints_nothing_and_leaves_stderr_open():
    # TensorFlow and tqdm bring matplotlib, scikit-learn, SciPy and IPython.
    script = ("import os, sys, vae_tf; os.write(2, b'heard');"
              "print(*{'skimage', 'vae_tf.data', 'vae_tf.plots'}"
              ".intersection(sys.modules), end='')")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT,
                         capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "heard")

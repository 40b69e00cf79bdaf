"""Run the chapters as Colab would: its versions, empty folders, no tree.

The set-up cell installs the package from the repository's address, which Git
is told to find in the last commit here. The environment's packages must be the
same before and after, but for ours. What was run is saved in _build/colab.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from book._tools.address import current
from book._tools.toc import ROOT, chapters

SAVED = ROOT / "_build/colab"
CONSTRAINTS = ROOT / "tests/colab-constraints.txt"


def main():
    names = chapters(ROOT)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    parser.add_argument("--chapters", nargs="*", choices=names, metavar="NAME")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(ROOT / ".venv-colab", Path(folder))
        pip(variables, "uninstall", "-qq", "-y", "vae-tf")
        before = packages(variables)
        status = run([ROOT / name for name in wanted.chapters or names],
                     wanted.timeout, Path(folder), variables)
        after = packages(variables)
        faults = [*version_faults(before, pins()),
                  *version_faults(after, before), *errors(SAVED)]
        if "vae-tf" not in after:
            faults.append("the set-up cell installed nothing")
    print(*faults, sep="\n", end="\n" * bool(faults))
    sys.exit(status or bool(faults))


def environment(place, folder):
    """Return the variables of a process with an environment's own Python.

    Nothing of ours can be imported, and no reader's settings are read.
    """
    kernel = folder / "kernels/colab/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({
        "argv": [str(place / "bin/python"), "-m", "ipykernel_launcher", "-f",
                 "{connection_file}", "--log-level=CRITICAL"],
        "display_name": "Colab", "language": "python"}))
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "MAKE", "MFLAGS", "GIT_",
                                    "VIRTUAL_ENV", "MPL"))} | {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_PATH": str(folder), "IPYTHONDIR": str(folder / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else ipykernel warns
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": current(ROOT)[0],
        "GIT_CONFIG_KEY_0": f"url.{last_commit(folder).as_uri()}.insteadOf"}


def last_commit(folder):
    """Make a repository of one commit, the tree's last, and return it.

    Not a clone: of a shallow one, as CI has, pip's clone without blobs would
    ask for the missing commits without end.
    """
    made, packed = folder / "repository", folder / "repository.tar"
    subprocess.run(["git", "archive", "-o", packed, "HEAD"], cwd=ROOT,
                   check=True)
    shutil.unpack_archive(packed, made, filter="data")
    for command in ("init -q", "add -A -f",
                    "-c user.name=x -c user.email=x -c commit.gpgsign=false "
                    "commit -q -m last"):
        subprocess.run(["git", *command.split()], cwd=made, check=True)
    return made


def pip(variables, *arguments):
    return subprocess.run(
        ["python", "-m", "pip", *arguments], env=variables, check=True,
        stdout=subprocess.PIPE, text=True).stdout


def packages(variables):
    """Return {name: version} of the environment."""
    return {package["name"]: package["version"] for package in json.loads(
        pip(variables, "list", "--format=json"))}


def run(paths, timeout, folder, variables):
    """Run notebooks, each in a folder of its own; return pytest's status."""
    copies = [folder / "chapters" / path.stem / path.name for path in paths]
    for path, copy in zip(paths, copies):
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    shutil.rmtree(SAVED, ignore_errors=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "book._tools.execute",
         "--rootdir", folder / "chapters", "--config-file", os.devnull,
         "-p", "no:cacheprovider", "-q", "--no-header", "--color=no",
         "--nbval", "--nbval-kernel-name=colab", "--no-compare",
         f"--executed={SAVED}", f"--nbval-cell-timeout={timeout}", *copies],
        cwd=ROOT, env=variables).returncode


def pins():
    """Return {name: version} of Colab's list, as far as it is needed."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines
                if line and not line.startswith("#"))


def version_faults(found, wanted):
    """Yield which packages are not of the wanted versions."""
    for name, version in wanted.items():
        if found.get(name) != version:
            yield f"expected {name} {version}, got {found.get(name)}"


def errors(folder):
    """Yield what saved notebooks wrote to stderr."""
    for path in folder.rglob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if output.get("name") == "stderr":
                    yield f"{path.name}, on stderr: {output.text}"


if __name__ == "__main__":
    main()

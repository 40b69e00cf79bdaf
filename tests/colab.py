"""Run the chapters as Colab would: its versions, an empty folder, no tree.

The set-up cell installs the package from the repository's address, which Git
is told to find in the last commit here. The environment's packages must be the
same before and after, but for ours. What was run is saved in _build/colab.
"""

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from book._tools.address import current
from book._tools.compare import write
from book._tools.toc import ROOT, chapters

SAVED = ROOT / "_build/colab"
CONSTRAINTS = ROOT / "tests/colab-constraints.txt"
# Run after a chapter: where the package came from, and what was loaded.
LAST = """\
import json, sys, vae_tf, google.colab
print(json.dumps([vae_tf.__file__, sys.version.split()[0], {
    name: sys.modules[name].__version__ for name in (
        "tensorflow", "keras", "numpy", "IPython", "matplotlib", "scipy",
        "sklearn", "skimage") if name in sys.modules}]))"""


def main():
    names = chapters(ROOT)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    parser.add_argument("--chapters", nargs="*", choices=names, metavar="NAME")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        colab = Colab(ROOT / ".venv-colab", Path(folder))
        before = colab.packages()
        faults = [*version_faults(before, pins())]
        for name in wanted.chapters or names:
            notebook = nbformat.read(ROOT / name, as_version=4)
            faults += [f"{name}: {fault}" for fault in check(
                colab, name, notebook, before, wanted.timeout)]
    sys.exit("\n".join(faults) or None)


class Colab:
    """An environment, an empty folder and the repository's last commit."""

    def __init__(self, environment, folder):
        self.environment, self.folder = environment, folder
        self.python = environment / "bin/python"
        # Nothing of ours can be imported, no reader's settings are read.
        self.variables = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "MAKE", "MFLAGS", "GIT_",
                                    "VIRTUAL_ENV", "MPL"))} | {
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "IPYTHONDIR": str(folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else ipykernel warns
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0":
                f"url.{last_commit(folder).as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": current(ROOT)[0]}
        kernel = folder / "kernels/colab/kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps({
            "argv": [str(self.python), "-m", "ipykernel_launcher", "-f",
                     "{connection_file}", "--log-level=CRITICAL"],
            "display_name": "Colab", "language": "python"}))

    def packages(self):
        """Return {name: version} of the environment, without our package."""
        for arguments in ("uninstall -qq -y vae-tf", "list --format=json"):
            listed = subprocess.run(
                [self.python, "-m", "pip", *arguments.split()], text=True,
                env=self.variables, check=True, stdout=subprocess.PIPE,
                cwd=self.folder).stdout
        return {package["name"]: package["version"]
                for package in json.loads(listed)}

    def run(self, notebook, timeout):
        """Run a notebook alone in a folder; return it and what went wrong."""
        with tempfile.TemporaryDirectory(dir=self.folder) as empty:
            nbformat.write(notebook, Path(empty, "chapter.ipynb"))
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-p", "book._tools.execute",
                 "--rootdir", empty, "--config-file", "/dev/null",
                 "-p", "no:cacheprovider", "-q", "--no-header", "--color=no",
                 "--nbval", "--nbval-kernel-name=colab", "--no-compare",
                 f"--executed={self.folder}",
                 f"--nbval-cell-timeout={timeout}",
                 str(Path(empty, "chapter.ipynb"))],
                cwd=ROOT, env={**self.variables, "JUPYTER_PATH": str(
                    self.folder)}, stdout=subprocess.PIPE, text=True)
        return (nbformat.read(self.folder / "chapter.ipynb", as_version=4),
                done.stdout if done.returncode else "")


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


def pins():
    """Return {name: version} of Colab's list, as far as it is needed."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines
                if line and not line.startswith("#"))


def version_faults(packages, wanted):
    """Yield which packages are not of the wanted versions."""
    for name, version in wanted.items():
        if packages.get(name) != version:
            yield (f"the environment: expected {name} {version}, got "
                   f"{packages.get(name)}")


def check(colab, name, notebook, before, timeout):
    """Yield what is wrong with a run of a chapter; print how it went."""
    start = time.monotonic()
    notebook.cells.append(nbformat.v4.new_code_cell(LAST))
    notebook, failure = colab.run(notebook, timeout)
    write(notebook, SAVED / Path(name).name)
    if failure:
        yield failure
        return
    file, python, versions = json.loads(notebook.cells[-1].outputs[-1].text)
    print(f"{name}: {count_checks(notebook)} checks held in "
          f"{time.monotonic() - start:.0f} s; Python {python}, "
          + ", ".join(f"{key} {value}" for key, value in versions.items()),
          flush=True)
    yield from version_faults(colab.packages(), before)
    if not Path(file).is_relative_to(colab.environment):
        yield f"the package came from {file}"
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                yield f"on stderr: {output.text}"


def count_checks(notebook):
    """Count the asserts of a notebook."""
    return sum(isinstance(node, ast.Assert)
               for cell in notebook.cells if cell.cell_type == "code"
               for node in ast.walk(ast.parse(
                   TransformerManager().transform_cell(cell.source))))


if __name__ == "__main__":
    main()

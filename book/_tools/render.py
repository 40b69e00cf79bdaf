"""Render the pages from notebooks that are committed, or were just run.

As a program: the committed ones (`make html`), in seconds and without
TensorFlow, if each is what a whole run leaves.
"""

import shutil
import subprocess
import sys

import nbformat

from book._tools.toc import ROOT, notebooks

HTML = ROOT / "_build/html"
# By module, since a script knows the folder where it was installed.
BUILD = [sys.executable, "-c",
         "from jupyter_book.cli.main import main; main()", "build", "-q",
         "-n", "--keep-going", "--path-output", "."]


def main():
    sys.exit("\n".join(fault for name in notebooks(ROOT)
                       for fault in faults(name)) or render(ROOT))


def faults(name):
    """Yield why a chapter cannot be rendered."""
    try:
        notebook = nbformat.read(ROOT / name, as_version=4)
        nbformat.validate(notebook)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        yield f"{name} cannot be read: {type(error).__name__}: {error}"
        return
    codes = [cell for cell in notebook.cells
             if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(codes, 1):
        errors = [f"raised {output.ename}: {output.evalue}"
                  for output in cell.outputs if output.output_type == "error"]
        if cell.execution_count != number:
            errors.append("was not run, or not in its turn")
        for error in errors:
            yield f"{name}: code cell {number} of {len(codes)} {error}"


def render(source, strict=True):
    """Render a folder, warnings as errors if `strict`; return the status."""
    for folder in (HTML, HTML.with_name(".doctrees")):  # no page stays
        shutil.rmtree(folder, ignore_errors=True)
    return subprocess.run([*BUILD, *["-W"] * strict, source],
                          cwd=ROOT).returncode


if __name__ == "__main__":
    main()

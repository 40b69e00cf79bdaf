"""Run every chapter of _toc.yml, then render what was run: `make book`.

The executed notebooks go to _build/source, beside copies of all else that the
renderer reads, so that no tracked file changes. Whatever happens to a chapter,
there is a book at the end. The exit status is 1 if a chapter did not run to
its end, but not if a check did not hold: its page says so, and so do the last
lines.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys

import nbformat

from book._tools import compare, hero
from book._tools.render import HTML, render
from book._tools.toc import ROOT, notebooks

SOURCE = ROOT / "_build/source"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    timeout = parser.parse_args().timeout
    copy_sources()
    status = execute([f"--executed={SOURCE}",
                      f"--nbval-cell-timeout={timeout}"])
    if status not in (0, 1):    # interrupted, or no chapter was even found
        sys.exit(status)
    status = max(status, write_placeholders())
    with contextlib.suppress(ValueError):   # its chapter may have stopped
        hero.write_hero(SOURCE)
    status = max(status, render(SOURCE, strict=not status))
    failed = [f"{name}, cell {count}: {text}" for name in notebooks(ROOT)
              for count, text in failed_checks(SOURCE / name)]
    print(*failed, f"{len(failed)} check{'s' * (len(failed) != 1)} did not "
          "hold.", f"The book: {(HTML / 'index.html').as_uri()}", sep="\n")
    sys.exit(status)


def execute(options, names=()):
    """Run chapters, all of them by default; return pytest's exit status."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--no-header", "--nbval",
         "--nbval-current-env", "--numprocesses=auto", "--dist=loadfile",
         "--no-loadscope-reorder", "--continue-on-collection-errors",
         "--no-compare", *options, *(names or notebooks(ROOT))],
        cwd=ROOT).returncode


def copy_sources():
    """Copy what the renderer reads, all but the notebooks, to SOURCE."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "book", SOURCE / "book",
                    ignore=shutil.ignore_patterns("*.ipynb", "__pycache__",
                                                  ".ipynb_checkpoints"))
    (SOURCE / "benchmarks").mkdir()  # of which pages show functions
    for path in (ROOT / "_config.yml", ROOT / "_toc.yml",
                 *(ROOT / "benchmarks").glob("*.py")):
        shutil.copy(path, SOURCE / path.relative_to(ROOT))


def write_placeholders():
    """Write a page for each chapter that was not run; say if there is one."""
    missing = [name for name in notebooks(ROOT)
               if not (SOURCE / name).exists()]
    for name in missing:
        print(f"{name} could not be run")
        compare.write(nbformat.v4.new_notebook(cells=[
            nbformat.v4.new_markdown_cell(
                f"# {name}\n\n**This chapter could not be run.**")]),
            SOURCE / name)
    return bool(missing)


def failed_checks(path):
    """Yield each check of a run that did not hold, with its cell's count."""
    for cell, count in compare.code_cells(nbformat.read(path, as_version=4)):
        for output in cell.outputs:
            if compare.is_failed_check(output):
                yield count, compare.contents(output)["text/markdown"]


if __name__ == "__main__":
    main()

"""Run every chapter of _toc.yml, each in a fresh kernel of this Python.

The executed notebooks go to _build/source, beside copies of all else that the
renderer reads, so that no tracked file changes. Times go to _build/times.txt
and, for the pages, into the notebooks.
"""

import argparse
import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (CellExecutionError, CellTimeoutError,
                                 DeadKernelError)

from book.toc import ROOT, chapters

BUILD = ROOT / "_build"
SOURCE = BUILD / "source"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    timeout = parser.parse_args().timeout
    # No progress bars in the outputs; this Python's kernel, not another one's,
    # and no settings of the reader's own.
    os.environ.update(TQDM_DISABLE="1", JUPYTER_PREFER_ENV_PATH="1",
                      IPYTHONDIR=str(BUILD / "ipython"))
    os.environ.pop("MPLBACKEND", None)
    if data := os.environ.get("VAE_TF_DATA"):  # from here, not from book/
        os.environ["VAE_TF_DATA"] = os.path.abspath(os.path.expanduser(data))
    copy_sources()
    times = []
    for name in chapters(ROOT):
        times.append(f"{name}  {run(name, timeout)} s")
        say(times[-1], end="\n")
    write(BUILD / "times.txt", "\n".join(times) + "\n")


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


def run(name, timeout):
    """Run one chapter, write it to SOURCE and return the seconds it took.

    Or exit saying what failed.
    """
    place, start = name, time.perf_counter()
    try:
        notebook = nbformat.read(ROOT / name, as_version=4)
        nbformat.validate(notebook)
        codes = [i for i, cell in enumerate(notebook.cells)
                 if cell.cell_type == "code"]

        def show_progress(cell, cell_index):
            nonlocal place
            if cell_index in codes:
                cell_number = codes.index(cell_index) + 1
                place = f"{name}: code cell {cell_number} of {len(codes)}"
                say(place)

        NotebookClient(
            notebook, kernel_name="python3", timeout=timeout,
            startup_timeout=120, record_timing=False,
            extra_arguments=["--log-level=CRITICAL"],
            on_cell_start=show_progress,
            resources={"metadata": {"path": str((ROOT / name).parent)}},
        ).execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError, OSError,
            ValueError, nbformat.ValidationError) as error:
        sys.exit(f"\n{place} failed: {type(error).__name__}\n{error}")
    for number, i in enumerate(codes, 1):
        for output in notebook.cells[i].outputs:
            if output.get("name") == "stderr":
                sys.exit(f"\n{name}: code cell {number} of {len(codes)} wrote "
                         f"to stderr:\n{output.text}")
    seconds = round(time.perf_counter() - start)
    notebook.metadata["seconds"] = seconds
    write(SOURCE / name, nbformat.writes(notebook))
    return seconds


def write(path, text):
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def say(line, end=""):
    """Show where we are: in place on a terminal, else at most every 10 s."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end=end, flush=True)
    elif end or time.monotonic() - say.last > 10:
        print(line, flush=True)
        say.last = time.monotonic()


say.last = 0

if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, asyncio.CancelledError, AssertionError):
        # All three are nbclient's, after Ctrl-C; its kernel is gone by then.
        sys.exit("\nInterrupted.")

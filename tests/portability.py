"""Run the chapters under other processors' settings, and sum it up.

Each setting is a set of environment variables, with which every chapter runs
in a kernel of its own; what it gives is compared with the committed outputs by
tests/validate.py, and with the bits of the first run. The runs are kept in
_build/portability and are not repeated as long as the code is the same. What
was found is added to book/_data/portability.json, which keeps what earlier runs found
with the same code, packages and machine, and names what was not run.
"""

import argparse
import asyncio
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from book._tools import compare, execute, toc
from vae_tf import machine
from vae_tf.lab import claims

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "_build/portability"
SUMMARY = ROOT / "book/_data/portability.json"
# Within one operation, between operations, and in NumPy and scikit-learn.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
           "OMP_NUM_THREADS")
FIRST, AGAIN = "as-is", "again"
# Nothing below AVX, without which TensorFlow's own releases do not start.
SETTINGS = {
    FIRST: {},
    AGAIN: {},
    "one-thread": dict.fromkeys(THREADS, "1"),
    "four-threads": dict.fromkeys(THREADS, "4"),
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "no-oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib")


def main():
    names = toc.chapters(ROOT)
    wanted = arguments(names)
    if not execute.mnist_is_here():
        sys.exit("MNIST could not be had: there is nothing to compare with.")
    results = earlier(names)
    for setting in wanted.settings:
        for name in wanted.chapters:
            try:
                result = compare(name, setting, wanted.timeout)
            except (CellTimeoutError, DeadKernelError) as error:
                sys.exit(f"{name} ({setting}): {type(error).__name__}: "
                         f"{error}")
            except (KeyboardInterrupt, asyncio.CancelledError,
                    AssertionError):  # all three are nbclient's, after Ctrl-C
                sys.exit("Interrupted; what has run is kept.")
            results[setting][name] = result
            print(f"{setting:12}  {name:32}  {line(result)}", flush=True)
    write(SUMMARY, json.dumps(summary(names, results), indent=1) + "\n")
    faults = [f"{name} ({setting}): {fault}"
              for setting, chapters in results.items()
              for name, result in chapters.items()
              for fault in faults_of(result, setting)]
    sys.exit("\n".join(faults) or None)


def arguments(names):
    """Return the settings and chapters asked for, in order; none are all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    parser.add_argument("--settings", nargs="*", choices=SETTINGS, default=[])
    parser.add_argument("--chapters", nargs="*", choices=names, default=[])
    given = parser.parse_args()
    given.settings = [s for s in SETTINGS if s in given.settings] or [
        *SETTINGS]
    given.chapters = [n for n in names if n in given.chapters] or names
    return given


def earlier(names):
    """Return {setting: {chapter: result}}, those in the summary that hold."""
    found = json.loads(SUMMARY.read_text())["settings"] if SUMMARY.exists() \
        else {}
    return {setting: {
        name: result for name, result
        in found.get(setting, {"chapters": {}})["chapters"].items()
        if name in names and result["code"] == code_of(name)
    } for setting in SETTINGS}


def code_of(name):
    """Return what a result depends on beside its setting, in short."""
    return hash_of(nbformat.read(ROOT / name, as_version=4), {})[:12]


def line(result):
    """Return a result in one line."""
    return ", ".join(f"{name} {value:.3g}" if isinstance(value, float)
                     else f"{name} {value}" for name, value in result.items())


def faults_of(result, setting):
    """Yield what must not be in the result of a chapter under a setting."""
    for name in ("out_of_tolerance", "checks_failed", "claims_changed"):
        if result[name]:
            yield f"{name.replace('_', ' ')}: {result[name]}"
    if setting == AGAIN and result["other_bits"]:
        yield f"other bits than the first run's: {result['other_bits']}"


def summary(names, results):
    """Return what book/_data/portability.json holds."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"command": "make portability", "machine": machine(),
            "versions": {"python": platform.python_version(), **versions},
            "chapters": len(names),
            "settings": {setting: {"environment": SETTINGS[setting],
                                   "chapters": {name: chapters[name]
                                                for name in names
                                                if name in chapters}}
                         for setting, chapters in results.items() if chapters},
            "not_run": [s for s in SETTINGS if not results[s]]}


# One chapter under one setting.

def compare(name, setting, timeout):
    """Return how a chapter's run differs from the committed and first one.

    Cells are named by their execution counts. `left_out` are those out of
    tolerance among the cells that are not compared, as the kind of processor
    decides them. `worst_rtol` and `lowest_ssim` are the tolerances that all
    compared outputs would have needed.
    """
    committed = nbformat.read(ROOT / name, as_version=4)
    first = outputs_of(name, committed, FIRST, timeout)
    run = outputs_of(name, committed, setting, timeout)
    if setting not in (FIRST, AGAIN):
        committed.metadata.pop("processor", None)  # stands for another kind
    seen = [(cell, count, got, before) for (cell, count), got, before
            in zip(compare.code_cells(committed), run, first)
            if count and not compare.is_timing(cell)]
    compared = [(cell, count, got) for cell, count, got, _ in seen
                if not compare.is_of_another(cell, committed)]
    beyond = [count for cell, count, got, _ in seen
              if [*compare.differences(cell, got)]]
    counts = [count for _, count, _ in compared]
    failed = [count for (_, count), got in zip(
        compare.code_cells(committed), run) if is_error(got)]
    rtols, ssims = zip(*(needed(cell, got) for cell, _, got in compared))
    return {
        "cells": len(seen),
        "compared": len(compared),
        "other_bits": [n for _, n, got, before in seen if got != before],
        "out_of_tolerance": [n for n in beyond if n in counts],
        "left_out": [n for n in beyond if n not in counts],
        "checks": sum(len(re.findall(r"(?m)^\s*assert ", cell.source))
                      for cell, _ in compare.code_cells(committed)),
        "checks_failed": failed,
        "claims": len(records(run)),
        "claims_changed": changed(records(run)),
        "worst_rtol": float(f"{max(rtols):.3g}"),
        "lowest_ssim": float(f"{min(ssims):.3f}"),
        "code": code_of(name),
    }


def is_error(outputs):
    """Return whether a cell raised something: its check failed."""
    return any(output.output_type == "error" for output in outputs)


def records(run):
    """Return the records of the claims that a run has judged."""
    return [output.metadata["vae_tf"] for cell in run for output in cell
            if "vae_tf" in output.get("metadata", {})]


def changed(judged):
    """Return the numbers of the claims whose numbers contradict them."""
    return [record["number"] for record in judged
            if claims.found(record["measured"]) != record["verdict"]]


def needed(cell, got):
    """Return the rtol and the SSIM that a cell's outputs need to pass."""
    rtol, ssim = 0, 1
    units = cell.metadata.get("vae_tf", {}).get("units", 0)
    for mime, a, b in compare.changes(cell, got):
        if mime != "image/png":
            rtol = max([rtol, *(
                compare.needed_rtol(old, new, units) for words, old, new
                in compare.number_pairs(a, b) if not words.endswith("±"))])
        elif compare.pixels(a).shape == compare.pixels(b).shape:
            ssim = min(ssim, compare.similarity(a, b))
    return rtol, ssim


# A run, or the kept one.

def outputs_of(name, committed, setting, timeout):
    """Return the outputs of each code cell, run now or before."""
    path = KEPT / setting / name
    KEPT.mkdir(parents=True, exist_ok=True)
    key = hash_of(committed, SETTINGS[setting])
    if path.exists():
        kept = nbformat.read(path, as_version=4)
        if kept.metadata["vae_tf"] == key:
            return outputs(kept)
    start = time.perf_counter()
    run = execute(committed, (ROOT / name).parent, SETTINGS[setting], timeout)
    print(f"{setting:12}  {name:32}  ran in "
          f"{time.perf_counter() - start:.0f} s", flush=True)
    run.metadata["vae_tf"] = key
    compare.write(run, path)
    return outputs(run)


def outputs(run):
    """Return the outputs of each code cell of an executed notebook."""
    return [compare.committed(cell) for cell, _ in compare.code_cells(run)]


def hash_of(notebook, environment):
    """Return what a run depends on, as one hash: code, packages, machine."""
    sources = [cell.source for cell, _ in compare.code_cells(notebook)]
    files = [ROOT / "requirements.lock",
             *sorted((ROOT / "vae_tf").glob("*.py"))]
    text = json.dumps([
        sources, environment, machine(), platform.python_version(),
        [path.read_text(encoding="utf-8") for path in files]])
    return hashlib.sha256(text.encode()).hexdigest()


def execute(notebook, folder, environment, timeout):
    """Return a notebook run to its end with environment variables.

    A cell that raises is no end: its error is among its outputs.
    """
    run = nbformat.from_dict(notebook)
    nothing = {name for values in SETTINGS.values() for name in values}
    NotebookClient(
        run, kernel_name="python3", timeout=timeout, startup_timeout=120,
        allow_errors=True, record_timing=False, coalesce_streams=True,
        extra_arguments=["--log-level=CRITICAL"],
        resources={"metadata": {"path": str(folder)}},
    ).execute(env={
        **{k: v for k, v in os.environ.items()
           if k not in nothing | {"MPLBACKEND"}},
        "TQDM_DISABLE": "1", "IPYTHONDIR": str(ROOT / "_build/ipython"),
        **environment})
    return run


def write(path, text):
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main()

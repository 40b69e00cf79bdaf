"""Run the chapters again, and say what changes.

    python -m book._tools.again seeds             with other seeds
    python -m book._tools.again processors        as other processors would

Some of it: --only 1 2 --chapters book/09_mnist.ipynb. The runs are saved in
_build/again, what they show is printed and added to book/_data/again.json,
which the pages read. (The exit status says nothing of it: a check that fails
with another seed stands too near to its threshold, and is to be mended.)
"""

import argparse
import datetime
import json
import sys

import nbformat

from book._tools import compare
from book._tools.execute import THREADS, mnist_is_here
from book._tools.files import write
from book._tools.run import execute
from book._tools.toc import ROOT, chapters

RESULTS, RUNS = ROOT / "book/_data/again.json", ROOT / "_build/again"
# Before a chapter's first cell: all that draws is seeded through these.
SHIFT_SEEDS = """
import vae_tf.lab.trained
import numpy as np
import tensorflow as tf
def shifted(function):
    return lambda seed=None: function(None if seed is None else seed + {})
tf.random.set_seed = shifted(tf.random.set_seed)
tf.compat.v1.set_random_seed = shifted(tf.compat.v1.set_random_seed)
np.random.default_rng = shifted(np.random.default_rng)
tf.keras.utils.set_random_seed = shifted(tf.keras.utils.set_random_seed)
del tf, np, vae_tf, shifted
"""
# Nothing below AVX, without which TensorFlow's own releases do not start.
PROCESSORS = {
    "the same": {}, "two threads": dict.fromkeys(THREADS, "2"),
    "four threads": dict.fromkeys(THREADS, "4"),
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
# The executor's options for each run of a kind.
OPTIONS = {
    "seeds": {str(n): ["--kernel-code=" + SHIFT_SEEDS.format(1000 * n)]
              for n in range(1, 5)},
    "processors": {name: [f"--kernel-env={key}={value}"
                          for key, value in variables.items()]
                   for name, variables in PROCESSORS.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=OPTIONS)
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--chapters", nargs="*", default=chapters(ROOT),
                        choices=chapters(ROOT), metavar="CHAPTER")
    wanted = parser.parse_args()
    runs = OPTIONS[wanted.kind]
    if unknown := set(wanted.only or ()) - runs.keys():
        parser.error(f"--only must be among {', '.join(runs)}. "
                     f"Got {', '.join(sorted(unknown))} instead.")
    if not mnist_is_here():
        sys.exit("MNIST could not be had: these numbers would be others'.")
    for name in wanted.only or runs:
        folder = RUNS / wanted.kind / name
        if execute([f"--executed={folder}", *runs[name]],
                   wanted.chapters) not in (0, 1):
            sys.exit("Interrupted.")
        changes = {chapter: changes_in(ROOT / chapter, folder / chapter,
                                       wanted.kind == "processors")
                   for chapter in wanted.chapters}
        save(wanted.kind, name, changes)
        for chapter, change in changes.items():
            print(f"{wanted.kind} {name}: {chapter}: {change}")


def changes_in(path, other_path, compares_outputs):
    """Return what changed from a committed chapter to another run of it.

    That is by how much its checks held; the cells whose checks failed or which raised, of how many; the
    claims with another verdict, of how many; and, where outputs are compared,
    the cells that are out of their tolerances.
    """
    nb, other = (nbformat.read(file, as_version=4)
                 for file in (path, other_path))
    pairs = [(cell, count, ran) for (cell, count), (ran, _)
             in zip(compare.code_cells(nb), compare.code_cells(other))
             if count]
    verdicts, others = claims(nb), claims(other)
    changes = {"margins": other.metadata.get("margins", {}),
               "cells": len(pairs), "failed": [
        count for _, count, ran in pairs if any(
            compare.is_failed_check(output) or output.output_type == "error"
            for output in ran.outputs)],
        "judged": len(verdicts), "claims": {
            number: others[number] for number, verdict in verdicts.items()
            if others.get(number, verdict) != verdict}}
    if compares_outputs:
        compared = [pair for pair in pairs if not compare.is_timing(pair[0])]
        changes["compared"] = len(compared)
        changes["out"] = [
            count for cell, count, ran in compared if [*compare.differences(
                cell, compare.whole_streams(ran.outputs))]]
    return changes


def claims(nb):
    """Return {number: verdict} of the claims that a notebook has recorded."""
    records = [output.get("metadata", {}).get("vae_tf")
               for cell, _ in compare.code_cells(nb)
               for output in cell.outputs]
    return {str(record["number"]): record["found"]
            for record in records if record}


def save(kind, name, changes):
    """Add what changed in a run to the file that the pages read."""
    from vae_tf import machine

    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    runs = results.setdefault(kind, {}).setdefault("runs", {})
    runs[name] = {**runs.get(name, {}), **changes}
    results[kind].update(machine=machine(), date=str(datetime.date.today()))
    write(RESULTS, json.dumps(results) + "\n")


if __name__ == "__main__":
    main()

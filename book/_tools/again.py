"""Run the chapters again, and say what changes.

    python -m book._tools.again seeds             with other seeds
    python -m book._tools.again processors        as other processors would

Some of it: --only 1 2 --chapters book/09_mnist.ipynb. A chapter's run is kept
in _build/again until the chapter or the package changes, so that what was
interrupted goes on. What was found goes to book/_data/again.json, for the
pages, and on the screen. (The exit status says nothing of it: a check that
fails with another seed stands too near to its threshold, and is to be mended.)
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

RESULT, KEPT = ROOT / "book/_data/again.json", ROOT / "_build/again"
# Before a chapter's first cell. All that draws is seeded through these; the
# workers that a chapter launches move their seeds in the same way.
MOVE = """
import vae_tf
import numpy as np
import tensorflow as tf
def moved(function):
    return lambda seed=None: function(None if seed is None else seed + {0})
tf.random.set_seed = moved(tf.random.set_seed)
tf.compat.v1.set_random_seed = moved(tf.compat.v1.set_random_seed)
np.random.default_rng = moved(np.random.default_rng)
tf.keras.utils.set_random_seed = moved(tf.keras.utils.set_random_seed)
del tf, np, vae_tf, moved
"""
LAUNCH = """
import vae_tf.lab.workers
def launched(program, *arguments, launch=vae_tf.lab.workers.launch, **options):
    return launch({0!r} + program, *arguments, **options)
vae_tf.lab.workers.launch = launched
del vae_tf, launched
"""
# Nothing below AVX, without which TensorFlow's own releases do not start.
PROCESSORS = {
    "the same": {}, "two threads": dict.fromkeys(THREADS, "2"),
    "four threads": dict.fromkeys(THREADS, "4"),
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=["seeds", "processors"])
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--chapters", nargs="*", default=chapters(ROOT),
                        choices=chapters(ROOT), metavar="CHAPTER")
    wanted = parser.parse_args()
    known = options(wanted.kind)
    if unknown := set(wanted.only or ()) - known.keys():
        parser.error(f"--only must be among {', '.join(known)}. "
                     f"Got {', '.join(sorted(unknown))} instead.")
    if not mnist_is_here():
        sys.exit("MNIST could not be had: these numbers would be others'.")
    for name in wanted.only or known:
        folder = KEPT / wanted.kind / name
        old = [chapter for chapter in wanted.chapters
               if not is_fresh(folder / chapter, chapter)]
        if old and execute(["--outputs=keep", f"--kept={folder}",
                            *known[name]], old) not in (0, 1):
            sys.exit("Interrupted; what has run is kept.")
        found = {chapter: judge(chapter, folder / chapter, wanted.kind)
                 for chapter in chapters(ROOT) if (folder / chapter).exists()}
        save(wanted.kind, name, found)
        for chapter, one in found.items():
            print(f"{wanted.kind} {name}: {chapter}: {one}")


def options(kind):
    """Return {name: the executor's options} of all runs of a kind."""
    if kind == "seeds":
        moves = {str(n): MOVE.format(1000 * n) for n in range(1, 5)}
        return {name: [f"--first={move}{LAUNCH.format(move)}"]
                for name, move in moves.items()}
    return {name: [f"--kernel-env={key}={value}"
                   for key, value in variables.items()]
            for name, variables in PROCESSORS.items()}


def is_fresh(path, chapter):
    """Return whether a run is younger than all that it was a run of."""
    sources = [ROOT / chapter, *(ROOT / "vae_tf").rglob("*.py")]
    return path.exists() and path.stat().st_mtime > max(
        source.stat().st_mtime for source in sources)


def judge(chapter, path, kind):
    """Return what another run has found of a committed chapter.

    That is the cells whose checks failed or which raised, of how many; the
    claims with another verdict, of how many; and, of another processor, the
    cells whose outputs are out of their tolerances.
    """
    nb, run = (nbformat.read(file, as_version=4)
               for file in (ROOT / chapter, path))
    pairs = [(cell, count, ran) for (cell, count), (ran, _)
             in zip(compare.code_cells(nb), compare.code_cells(run)) if count]
    verdicts, others = (dict(verdict for cell, _ in compare.code_cells(one)
                             for verdict in claims(cell.outputs))
                        for one in (nb, run))
    found = {"cells": len(pairs), "failed": [
        count for _, count, got in pairs if any(
            compare.is_failed_check(output) or output.output_type == "error"
            for output in got.outputs)],
        "judged": len(verdicts), "claims": {
            number: others[number] for number, verdict in verdicts.items()
            if number in others and others[number] != verdict}}
    if kind == "processors":
        compared = [one for one in pairs if not compare.is_timing(one[0])
                    and not compare.is_of_another(one[0], nb)]
        found["compared"] = len(compared)
        found["out"] = [
            count for cell, count, got in compared
            if [*compare.differences(cell, compare.committed(got))]]
    return found


def claims(outputs):
    """Yield number and verdict of each claim that outputs have recorded."""
    for output in outputs:
        if record := output.get("metadata", {}).get("vae_tf"):
            yield str(record["number"]), record["found"]


def save(kind, name, found):
    """Add what was found to the file that the pages read."""
    from vae_tf import machine

    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    runs = results.setdefault(kind, {}).setdefault("runs", {})
    runs[name] = {**runs.get(name, {}), **found}
    results[kind].update(machine=machine(), date=str(datetime.date.today()))
    write(RESULT, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

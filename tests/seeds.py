"""Judge the article's claims with other seeds, and say what they change.

`make seeds` runs each chapter that judges claims once more for each of the
`SEEDS`, with every seed in it moved by a thousand times as much, and writes
what the claims' numbers were to book/seeds.json, which the pages show beside
the committed run. A run is kept until the code changes, so that an
interrupted one goes on where it was.
"""

import argparse
import asyncio
import json
import statistics
import sys

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell

from tests import portability, validate
from vae_tf import claims, machine

ROOT = portability.ROOT
SUMMARY = ROOT / "book/seeds.json"
SEEDS = (1, 2, 3, 4, 5)
# Before a chapter's first cell. All that draws is seeded through these.
MOVE = """
import vae_tf
import numpy as np
import tensorflow as tf
def moved(function):
    return lambda seed=None: function(None if seed is None else seed + {0})
tf.random.set_seed = moved(tf.random.set_seed)
np.random.default_rng = moved(np.random.default_rng)
tf.keras.utils.set_random_seed = moved(tf.keras.utils.set_random_seed)
del tf, np, vae_tf, moved
"""


def main():
    names = [name for name in validate.chapters(ROOT) if judged(name)]
    wanted = arguments(names)
    if not validate.mnist_is_here():
        sys.exit("MNIST could not be had: these numbers would be others'.")
    chapters = earlier(names)
    for name in wanted.chapters:
        runs = chapters.setdefault(
            name, {"code": portability.code_of(name), "runs": {}})["runs"]
        for seed in wanted.seeds:
            if str(seed) in runs:
                continue
            try:
                runs[str(seed)] = run(name, seed, wanted.timeout)
            except (CellTimeoutError, DeadKernelError) as error:
                sys.exit(f"{name} (seed {seed}): {type(error).__name__}: "
                         f"{error}")
            except (KeyboardInterrupt, asyncio.CancelledError,
                    AssertionError):  # all three are nbclient's, after Ctrl-C
                sys.exit("Interrupted; what has run is kept.")
            write({name: chapters[name] for name in names
                   if name in chapters}, names)


def arguments(names):
    """Return the chapters and seeds asked for, in order; none are all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=600,
                        help="seconds that one cell may take")
    parser.add_argument("--seeds", nargs="*", type=int, choices=SEEDS,
                        default=[])
    parser.add_argument("--chapters", nargs="*", default=[],
                        choices=validate.chapters(ROOT))
    given = parser.parse_args()
    given.seeds = sorted(given.seeds) or SEEDS
    given.chapters = [n for n in names
                      if n in given.chapters or not given.chapters]
    return given


def earlier(names):
    """Return what an earlier run found of chapters that are still the same."""
    found = json.loads(SUMMARY.read_text())["chapters"] if SUMMARY.exists() \
        else {}
    return {name: one for name, one in found.items()
            if name in names and one["code"] == portability.code_of(name)}


def judged(name):
    """Return the records of the claims that a committed chapter judges."""
    nb = nbformat.read(ROOT / name, as_version=4)
    return portability.records(
        [validate.committed(cell) for cell, _ in validate.code_cells(nb)])


def run(name, seed, timeout):
    """Run a chapter with its seeds moved; return its claims and checks."""
    nb = nbformat.read(ROOT / name, as_version=4)
    nb.cells.insert(0, new_code_cell(MOVE.format(1000 * seed)))
    done = portability.execute(nb, (ROOT / name).parent, {}, timeout)
    outputs = portability.outputs(done)
    failed = [cell.source for cell, got in zip(
        (cell for cell, _ in validate.code_cells(done)), outputs)
        if portability.is_error(got)]
    found = portability.records(outputs)
    print(f"{name:32}  seed {seed}  "
          + ", ".join(f"{one['number']} {one['found']}" for one in found)
          + "".join(f"\n  failed: {source.splitlines()[0]}"
                    for source in failed), flush=True)
    return {"failed": len(failed), "claims": {
        str(one["number"]): {"found": one["found"], "measured": [
            [m[key] for key in ("value", "other") if key in m]
            for m in one["measured"]]} for one in found}}


def write(chapters, names):
    """Write book/seeds.json: the runs, and what they say of each claim."""
    said = {}
    for name, one in chapters.items():
        for record in judged(name):
            number = str(record["number"])
            runs = [r["claims"][number] for r in one["runs"].values()
                    if number in r["claims"]]
            if runs:
                said[number] = summary(record, runs)
    portability.write(SUMMARY, json.dumps(
        {"command": "make seeds", "machine": machine(),
         "chapters": chapters, "of": len(names),
         "claims": dict(sorted(said.items(), key=lambda one: int(one[0])))},
        indent=1) + "\n")


def summary(record, runs):
    """Return what the committed record and other runs say of a claim.

    `verdict` is that of all runs together, whose comparisons must be true by
    more than three standard deviations; `same` counts the runs whose own
    verdict is the committed one.
    """
    together = [joined(one, others) for one, *others in zip(
        record["measured"], *(run["measured"] for run in runs))]
    return {"runs": len(runs), "committed": record["found"],
            "same": sum(one["found"] == record["found"] for one in runs),
            "verdict": claims.found(together),
            "text": "; ".join(map(phrase, together))}


def joined(one, others):
    """Return a measurement with a number for each run.

    `others` are those of the other runs, each [value] or [value, other]. A
    number that is itself a list over a chapter's seeds becomes its mean.
    """
    joined = dict(one)
    for i, key in enumerate(("value", "other")):
        if key in one:
            joined[key] = [statistics.fmean(x) if isinstance(x, list) else x
                           for x in (one[key], *(o[i] for o in others))]
    return joined


def phrase(one):
    """Return a measurement over seeds in words, with standard deviations."""
    unit = one["unit"] and f" {one['unit']}"
    if "relation" not in one:
        return f"{one['what']}: {spread(one['value'])}{unit}"
    relation = {"equal": "equal to"}.get(one["relation"],
                                         f"clearly {one['relation']}")
    return (f"{one['what']}: {spread(one['value'])} is "
            f"{'' if claims.true(one) else 'not '}{relation} "
            f"{spread(one['other'])}{unit}")


def spread(values):
    """Return mean and standard deviation, or the number that all are."""
    if len(set(values)) == 1:
        return claims.figure(values[0])
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    shown = claims.figure(mean)
    if "e" in shown:
        return f"{shown} ± {deviation:.0e}"
    return f"{shown} ± {deviation:.{len(shown.partition('.')[2])}f}"


if __name__ == "__main__":
    main()

"""Run the chapters with other seeds, and say what they change.

`make seeds` runs each chapter once more for each of the `SEEDS`, with every
seed in it moved by a thousand times as much, and writes to book/_data/seeds.json
what became of the claims, of the numbers in its text and tables, and of its
checks; the pages show it beside the committed run. A run is kept until the
code changes, so that an interrupted one goes on where it was.
"""

import argparse
import asyncio
import collections
import hashlib
import json
import re
import statistics
import sys

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell

from book._tools import compare, execute, toc
from tests import portability
from vae_tf import machine
from vae_tf.lab import claims

ROOT = portability.ROOT
SUMMARY = ROOT / "book/_data/seeds.json"
SEEDS = (1, 2, 3, 4)
# A number, with what its own run says of its spread: ± 0.2 or (0.1 to 0.3).
NUMBER = re.compile(r"""
    (?<![\w.,]) ([-−]? (?:\d{1,3}(?:,\d{3})+ | \d+) (?:\.\d+)? (?:e[-+]?\d+)?)
    (?![\w.]*\w) (?:\ ±\ [\d.,]*\d | \ \([\d.,]+\ to\ [\d.,]*\d\))?""",
                    re.VERBOSE)
# Before a chapter's first cell. All that draws is seeded through these.
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
# The same in the workers that a chapter launches.
MOVE_WORKERS = """
import vae_tf.lab.workers
def launched(program, *arguments, launch=vae_tf.lab.workers.launch, **options):
    return launch({0!r} + program, *arguments, **options)
vae_tf.lab.workers.launch = launched
del vae_tf, launched
"""


def main():
    names = toc.chapters(ROOT)
    wanted = arguments(names)
    if not execute.mnist_is_here():
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
    parser.add_argument("--chapters", nargs="*", choices=names, default=[])
    given = parser.parse_args()
    given.seeds = sorted(given.seeds) or SEEDS
    given.chapters = [n for n in names if n in given.chapters] or names
    return given


def earlier(names):
    """Return what an earlier run found of chapters that are still the same."""
    found = json.loads(SUMMARY.read_text())["chapters"] if SUMMARY.exists() \
        else {}
    return {name: one for name, one in found.items()
            if name in names and one["code"] == portability.code_of(name)}


def run(name, seed, timeout):
    """Run a chapter with its seeds moved: return its texts, claims, checks.

    Cells are named by their execution counts, in the committed notebook.
    """
    nb = nbformat.read(ROOT / name, as_version=4)
    move = MOVE.format(1000 * seed)
    nb.cells.insert(0, new_code_cell(move + MOVE_WORKERS.format(move)))
    done = portability.execute(nb, (ROOT / name).parent, {}, timeout)
    _, *cells = compare.code_cells(done)
    move, *outputs = portability.outputs(done)
    if portability.is_error(move):
        sys.exit(f"{name}: the seeds could not be moved: {move}")
    failed = [count - 1 for (_, count), got in zip(cells, outputs)
              if portability.is_error(got)]
    found = portability.records(outputs)
    print(f"{name:32}  seed {seed}  "
          + ", ".join(f"{one['number']} {one['found']}" for one in found)
          + f"  failed: {failed}" * bool(failed), flush=True)
    texts = {str(count - 1): text_of(cell, got)
             for (cell, count), got in zip(cells, outputs) if count}
    return {"failed": failed,
            "texts": {count: text for count, text in texts.items() if text},
            "claims": {str(one["number"]): {
                "found": one["found"], "measured": [
                    [m[key] for key in ("value", "other") if key in m]
                    for m in one["measured"]]} for one in found}}


def text_of(cell, outputs):
    """Return a cell's text with numbers, of those that the page opens with."""
    if compare.is_timing(cell) or "hide-cell" in cell.metadata.get("tags",
                                                                    ()):
        return ""
    texts = [compare.contents(output).get("text/markdown", "")
             for output in outputs if not portability.records([[output]])]
    return "\n\n".join(text for text in texts if NUMBER.search(text))


def write(chapters, names):
    """Write book/_data/seeds.json: the runs, and what they say beside each cell."""
    said = {}
    for name, one in chapters.items():
        runs = one["runs"].values()
        nb = nbformat.read(ROOT / name, as_version=4)
        one["sources"], one["beside"] = sources(nb), {}
        for cell, count in compare.code_cells(nb):
            got = compare.committed(cell)
            one["beside"][str(count)] = beside(
                text_of(cell, got),
                [run["texts"].get(str(count), "") for run in runs])
            for record in portability.records([got]):
                number = str(record["number"])
                judged = [run["claims"][number] for run in runs
                          if number in run["claims"]]
                if judged:
                    said[number] = {"chapter": name,
                                    **summary(record, judged)}
        one["beside"] = {n: text for n, text in one["beside"].items() if text}
    portability.write(SUMMARY, json.dumps(
        {"command": "make seeds", "machine": machine(), "of": len(names),
         "claims": dict(sorted(said.items(), key=lambda one: int(one[0]))),
         "chapters": chapters}, indent=1, ensure_ascii=False) + "\n")


def sources(nb):
    """Return what the code cells of a notebook hold, as a short hash.

    The pages show what was found only beside the same code.
    """
    text = json.dumps([cell.source for cell, _ in compare.code_cells(nb)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# A text over all runs.

def beside(committed, others):
    """Return a text with the mean of each number, or "" if none changed.

    What a run says in other words is counted if it is the cell of a table;
    a whole line that not all runs have is left out.
    """
    texts = [text.replace("**", "") for text in (committed, *others)]
    pieces = [re.split(r"(\n|\|)", text) for text in texts]
    if len({tuple(piece[1::2]) for piece in pieces}) > 1:
        return ""
    joined = "".join(map(one_piece, zip(*pieces)))
    return "" if joined == texts[0] or "±" not in joined else joined


def one_piece(pieces):
    """Return a cell of a table or a line, over all runs."""
    if len(set(pieces)) == 1:
        return pieces[0]
    words, *others = [NUMBER.split(piece) for piece in pieces]
    if any(other[::2] != words[::2] for other in others):
        counted = collections.Counter(piece.strip() for piece in pieces)
        said = ", ".join(f"{piece or 'nothing'} ({n} of {len(pieces)})"
                         for piece, n in counted.most_common())
        return f" {said} " if len(said) < 80 else ""
    words[1::2] = map(of_number, zip(*(
        piece[1::2] for piece in (words, *others))))
    return "".join(words)


def of_number(printed):
    """Return mean and standard deviation of a number as it was printed."""
    values = [float(x.replace(",", "").replace("−", "-")) for x in printed]
    if len(set(values)) == 1:
        return printed[0]
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    if "e" in printed[0]:
        return f"{mean:.1e} ± {deviation:.0e}"
    digits = len(printed[0].partition(".")[2]) or 1
    return f"{mean:,.{digits}f} ± {deviation:,.{digits}f}"


# A claim over all runs.

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
    number that is itself a list over a chapter's seeds becomes its mean. A
    time depends on what else the machine does: it stays as it was committed.
    """
    joined = dict(one)
    if one["unit"] == "seconds":
        others = []
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

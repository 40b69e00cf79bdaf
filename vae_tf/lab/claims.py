"""The article's claims, and the one call with which a chapter judges one."""

import math
import numbers
import statistics
from pathlib import Path
from typing import NamedTuple

import numpy as np

QUOTATIONS = Path(__file__).with_suffix(".txt")    # one a line
CLAIMS = dict(enumerate(QUOTATIONS.read_text("utf-8").splitlines(), start=1))
VERDICTS = ("holds", "holds in part", "does not hold")
RELATIONS = ("below", "above")


class Measurement(NamedTuple):
    """A number or, with a relation, a comparison; lists are over seeds."""

    what: str
    value: float | list
    unit: str
    relation: str | None = None
    other: float | list | None = None

    def holds(self):
        """Return whether a comparison is true, as `claim` says."""
        difference = np.atleast_1d(np.subtract(self.value, self.other))
        spread = difference.std(ddof=1) if difference.size > 1 else 0
        sign = 1 if self.relation == "above" else -1
        return bool(sign * difference.mean() > 3 * spread)

    def text(self):
        """Return what was measured in words."""
        value, unit = figure(self.value), self.unit and f" {self.unit}"
        if self.relation is None:
            return f"{self.what}: {value}{unit}"
        over_seeds = list in (type(self.value), type(self.other))
        return (f"{self.what}: {value}{unit}, "
                f"{'' if self.holds() else 'not '}{'clearly ' * over_seeds}"
                f"{self.relation} {figure(self.other)}")


def claim(number, verdict, *measured, seeds=()):
    """Judge one of the article's claims, by measurements, and show it.

    `measured` are tuples: (what, value, "below" or "above", other, unit) is a
    comparison that is true if the claim is, (what, value, unit) only shows a
    number. A value that is a list has one number for each of the `seeds`;
    "below" and "above" then mean by more than three standard deviations of
    the difference. The verdict is "holds" if all comparisons are true, "does
    not hold" if none is, and "holds in part" if some are. If the measurements
    bear out another verdict, the page says so. Raises ValueError, naming the
    argument, also if there is no comparison. (Claims)
    """
    if number not in CLAIMS:
        raise ValueError("The 'number' parameter of claim must be an int in "
                         f"the range [1, {len(CLAIMS)}]. Got {number!r} "
                         "instead.")
    if verdict not in VERDICTS:
        raise ValueError("The 'verdict' parameter of claim must be one of "
                         f"{VERDICTS}. Got {verdict!r} instead.")
    from IPython.display import Markdown, display

    seeds = [int(seed) for seed in seeds]
    measured = [measurement(given, len(seeds)) for given in measured]
    if not any(one.relation for one in measured):
        raise ValueError("The 'measured' parameters of claim must have a "
                         "comparison. Got none instead.")
    record = {"number": number, "of": len(CLAIMS), "claim": CLAIMS[number],
              "verdict": verdict, "seeds": seeds, "found": judge(measured),
              "measured": [{key: value for key, value in one._asdict().items()
                            if value is not None} for one in measured]}
    display(Markdown(text(record)), metadata={"vae_tf": record})


def measurement(given, n_seeds):
    """Return a tuple that `claim` takes as a Measurement of plain numbers."""
    if not isinstance(given, tuple) or len(given) not in (3, 5) or (
            len(given) == 5 and given[2] not in RELATIONS):
        raise ValueError(
            "The 'measured' parameters of claim must be (what, value, unit) "
            "or (what, value, 'below' or 'above', other, unit). "
            f"Got {' '.join(repr(given).split())} instead.")
    what, value, *comparison, unit = given
    if comparison:
        comparison[1] = plain(comparison[1], n_seeds)
    return Measurement(what, plain(value, n_seeds), unit, *comparison)


def plain(value, n_seeds):
    """Return a number, or a list of one per seed, to six digits."""
    value = without_arrays(value)
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, n_seeds or 1) or not all(
            isinstance(v, numbers.Real) and math.isfinite(v) for v in values):
        raise ValueError(
            "The 'measured' parameters of claim must have a number, or a list "
            f"of one for each of {n_seeds} seeds. Got {value!r} instead.")
    values = [int(v) if isinstance(v, numbers.Integral) else
              float(v if v == round(v) else f"{float(v):.6g}") for v in values]
    return values if len(values) > 1 else values[0]


def without_arrays(value):
    """Return what an array, a tensor or a list of them holds, else itself."""
    if isinstance(value, (list, tuple)):
        return [without_arrays(v) for v in value]
    return value.__array__().tolist() if hasattr(value, "__array__") else value


def judge(measured):
    """Return the verdict that measurements bear out."""
    held = [one.holds() for one in measured if one.relation]
    if all(held):
        return "holds"
    return "holds in part" if any(held) else "does not hold"


def text(record):
    """Return a record as Markdown: quotation, verdict, numbers, seeds."""
    verdict, seeds = record["verdict"], record["seeds"]
    if record["found"] != verdict:
        verdict = f"{record['found']} in this run"
    measured = "; ".join(Measurement(**one).text()
                         for one in record["measured"])
    if seeds:
        measured += (f" (seed{'s' * (len(seeds) > 1)} "
                     f"{', '.join(map(str, seeds))})")
    return (f"> **Claim {record['number']}.** \"{record['claim']}\"\n>\n"
            f"> **{verdict.capitalize()}.** {measured}.")


def figure(value):
    """Return a number with three digits, or mean and range of a list."""
    if isinstance(value, list):
        return (f"{figure(statistics.mean(value))} "
                f"({figure(min(value))} to {figure(max(value))})")
    if isinstance(value, int):
        return f"{value:,}"
    if value and abs(value) < 0.001:
        return f"{value:.2e}"
    return f"{value:#.3g}" if abs(value) < 99.95 else f"{value:,.1f}"

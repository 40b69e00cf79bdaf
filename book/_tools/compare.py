"""Compare what a chapter gave with what it is committed with.

Numbers with a decimal point are compared within a tolerance, pictures as a
whole and piece by piece, all else exactly. A cell states its own tolerances
in its metadata, for instance {"vae_tf": {"rtol": 0.05, "ssim": 0.9}}:

- `rtol`: a number may be off by this share. One of too few digits to show
  that share, such as 0.1 with 1 %, must then be the same.
- `units`: a number of too few digits may be off by so many units of its last
  digit. Unlike an absolute tolerance this reaches no other number of the
  cell, be it longer or much smaller.
- `ssim`: a picture's structural similarity must be at least this.
- `letters`: its letters may stand so many pixels away, by default 4.
- `colours`: so may its colours, by default 2, or 24 where `ssim` is lowered.

Of a cell tagged `timing` only the kinds of its outputs are compared.
"""

import base64
import copy
import io
import itertools
import json
import re

import nbformat
import numpy as np
from nbval import plugin

from book._tools import files
from book._tools.toc import ROOT

TOLERANCES = {"rtol": 0.01, "units": 0, "ssim": 0.98, "letters": 4,
              "colours": None}
LIMITS = {"rtol": (0, 0.2), "units": (1, 3), "ssim": (0.5, 1),
          "letters": (4, 200), "colours": (2, 200)}
SPREAD = 3
ALLOWED = {"stdout", "text/plain", "text/markdown", "text/html", "image/png"}
NUMBER = re.compile(r"""
    [ \t]* (?<![\w.])                   # no part of a name or of a version
    ([-+−]? (?:\d{1,3}(?:,\d{3})+ | \d+)
     (?: \.\d+ (?:e[-+]?\d+)? | e[-+]?\d+
       | \. (?=\s*[],] | \s+[-\d]) ))   # 1. as in an array, not in a sentence
    (?!\.?\d) [ \t]*""", re.VERBOSE)
ACTIVE = re.compile(r"""
    < \s* (?:script|style|svg|iframe|object|embed|link|meta|base|form)\b
    | < [a-z][^>]* [\s/"'] on\w+ \s* =
    | (?:java|vb)script:""", re.VERBOSE | re.IGNORECASE)
LOCAL_PATH = re.compile(
    r"(?<![\w.])(?:/(?:home|Users|root|tmp|usr|opt|var|mnt)/|"
    + re.escape(f"{ROOT}/") + r")\S*|\b[A-Z]:\\+Users\S*")
DISABLES_VALIDATION = re.compile(
    r"(?i)nbval|pytest_validate|raises-exception|skip-exec")


# Two texts.

def text_faults(expected, got, rtol, units=0):
    """Yield how two texts differ: words exactly, numbers by their rules."""
    if NUMBER.split(expected)[::2] != NUMBER.split(got)[::2]:
        yield "expected {!r}, got {!r}".format(
            *first_different_lines(expected, got))
        return
    for words, a, b in number_pairs(expected, got):
        compare = spread_faults if words.endswith("±") else number_faults
        for fault in compare(a, b, rtol, units):
            yield f"after {words[-40:]!r}: {fault}"


def number_pairs(expected, got):
    """Return (the words before, expected, got) for the numbers of texts."""
    old, new = NUMBER.split(expected), NUMBER.split(got)
    return zip(old[::2], old[1::2], new[1::2])


def first_different_lines(expected, got):
    """Return the first two lines that differ in more than their numbers."""
    lines = itertools.zip_longest(expected.splitlines(), got.splitlines())
    return next(((a, b) for a, b in lines if None in (a, b)
                 or NUMBER.sub("#", a) != NUMBER.sub("#", b)), (expected, got))


def number_faults(expected, got, rtol, units=0):
    """Yield how far apart two printed numbers are, if they are too far."""
    size, off = abs(value(expected)), abs(value(expected) - value(got))
    allowed = units if is_short(expected, rtol) else 0
    if not off <= max(rtol * (1 + 1e-9) * size,
                      1.01 * allowed * unit(expected)):
        share = off / size if size else np.inf
        yield (f"expected {expected}, got {got} ({share:.2%} off, "
               f"{rtol:.2%} allowed{f' or {units} units' if allowed else ''})")


def spread_faults(expected, got, _, units=0):
    """Yield that the number after a ± is another by more than SPREAD times.

    A deviation over three seeds is itself known to half its size, and what it
    is there to say, that a difference is clear, is a claim's own comparison.
    """
    if [*number_faults(expected, got, SPREAD - 1, units),
            *number_faults(got, expected, SPREAD - 1, units)]:
        yield f"expected ± {expected}, got ± {got} ({SPREAD} times allowed)"


def is_short(number, rtol):
    """Return whether one unit of a number's last digit is beyond `rtol`."""
    return unit(number) > rtol * (1 + 1e-9) * abs(value(number))


def value(number):
    """Return a printed number as a float."""
    return float(number.replace(",", "").replace("−", "-"))


def unit(number):
    """Return one unit in the last digit of a printed number."""
    mantissa, _, exponent = number.partition("e")
    decimals = mantissa.partition(".")[2]
    digit = f"1e{int(exponent or 0) - len(decimals)}"  # of a name, 3e1387
    return float(digit) * (mantissa[-1] != ".")


# Two pictures.

def picture_faults(expected, got, ssim, letters=4, colours=None):
    """Yield how two base64 PNGs differ: in size, as a whole or in a piece."""
    from skimage.metrics import structural_similarity

    a, b = pixels(expected), pixels(got)
    if a.shape != b.shape:
        yield f"expected {a.shape} (rows, columns, colours), got {b.shape}"
        return
    # By channel: in grey levels, a cat with red and blue swapped passes.
    similarity = structural_similarity(a, b, channel_axis=2)
    if not similarity >= ssim:
        yield f"another picture: SSIM {similarity:.3f}, {ssim} needed"
    colours = colours or (2 if ssim >= TOLERANCES["ssim"] else 24)
    for old, new, change in ((a, b, "lost"), (b, a, "new")):
        if places := lost_letters(old, new, letters):
            yield f"{len(places)} letters {change}, the first at {places[0]}"
        if len(places := lost_colours(old, new, colours)) > 16:
            yield (f"{len(places)} pixels of a colour {change}, the first at "
                   f"{places[0]}")


def lost_letters(a, b, shift):
    """Return where a picture has the letters that another lacks nearby.

    A letter is there if what stands at most `shift` pixels away correlates
    with it: by 0.8, or by 0.5 where letters may be moved further than by
    default, since what is measured then moves them and changes digits.
    """
    from skimage.feature import match_template

    alike = 0.8 if shift <= TOLERANCES["letters"] else 0.5
    grey, other = a.mean(axis=2), b.mean(axis=2)
    return [(box[0].start, box[1].start) for box in letter_boxes(a)
            if np.abs(grey[box] - other[box]).max() > 40
            and match_template(other[widened(box, shift)],
                               grey[box]).max() < alike]


def letter_boxes(picture):
    """Yield the boxes of the dark shapes of a letter's size on white paper.

    Paper is one white sheet. So the hole in a drawn 8 is no letter, and what
    stands on a coloured ground is left to the colours.
    """
    from scipy.ndimage import find_objects, label

    shapes, _ = label(picture.max(axis=2) < 128, np.ones((3, 3)))
    sheets, _ = label(picture.min(axis=2) > 240)
    paper = (sheets > 0) & (np.bincount(sheets.ravel()) > 2000)[sheets]
    areas = np.bincount(shapes.ravel())[1:]  # a full stop has fewer than 12
    for area, box in zip(areas, find_objects(shapes)):
        box = widened(box, 2)
        if (area >= 12 and max(paper[box].shape) <= 44
                and paper[box].mean() > 0.25):
            yield box


def widened(box, margin):
    """Return a box of slices with a margin around it."""
    return tuple(slice(max(side.start - margin, 0), side.stop + margin)
                 for side in box)


def lost_colours(a, b, shift):
    """Return where a picture has a colour that another has not nearby.

    Nearby are the pixels at most `shift` away; their colours and those between
    them count, with 64 of 255 to spare.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    window = (2 * shift + 1, 2 * shift + 1, 1)
    return np.argwhere(
        ((a < minimum_filter(b, window).astype(np.int16) - 64)
         | (a > maximum_filter(b, window).astype(np.int16) + 64)).any(axis=2))


def pixels(png):
    """Return a base64 PNG on white: uint8 [height, width, 3]."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


# The outputs of one cell.

def contents(output):
    """Return the texts of an output by MIME type, or by its stream's name."""
    if output.output_type == "stream":
        return {output.name: output.text}
    return {mime: x if isinstance(x, str) else json.dumps(x, sort_keys=True)
            for mime, x in output.get("data", {}).items()}


def kinds(outputs):
    """Return the kinds of outputs, such as 'stream stdout'."""
    return [f"{output.output_type} {' + '.join(sorted(contents(output)))}"
            for output in outputs]


def differences(cell, got, values=True):
    """Yield how the outputs `got` by a run differ from those of `cell`."""
    expected = whole_streams(cell.outputs)
    if kinds(expected) != kinds(got):
        yield f"expected the outputs {kinds(expected)}, got {kinds(got)}"
    elif values and not is_timing(cell):
        allowed = {**TOLERANCES, **cell.metadata.get("vae_tf", {})}
        for old, new in zip(map(contents, expected), map(contents, got)):
            for mime in old:
                compare, *names = (
                    (picture_faults, "ssim", "letters", "colours")
                    if mime == "image/png" else
                    (text_faults, "rtol", "units"))
                if old[mime] != new[mime]:
                    for fault in compare(old[mime], new[mime],
                                         *map(allowed.get, names)):
                        yield f"{mime}: {fault}"


def whole_streams(outputs):
    """Return outputs with each stream in one piece."""
    return plugin.coalesce_streams(copy.deepcopy(outputs))


def is_timing(cell):
    """Return whether a cell's outputs are measured times."""
    return "timing" in cell.metadata.get("tags", ())


def forbidden(outputs):
    """Yield what outputs must not hold, be they committed or fresh."""
    for output in outputs:
        if output.output_type == "error":
            yield f"an error: {output.ename}: {output.evalue}"
        if is_failed_check(output):
            yield contents(output)["text/markdown"]
            continue
        for mime, text in contents(output).items():
            if mime not in ALLOWED:
                yield f"{mime} is not allowed: {text[:300]!r}"
            elif mime == "text/html" and "<table" not in text:
                yield f"HTML that is no table: {text[:300]!r}"
            for pattern, name in ((ACTIVE, "active content"),
                                  (LOCAL_PATH, "a path of this machine")):
                if mime != "image/png" and (match := pattern.search(text)):
                    yield f"{name} in {mime}: {match[0]!r}"


def is_failed_check(output):
    """Return whether an output says that a check did not hold (checks.py)."""
    return output.get("metadata", {}).get("vae_tf_check") == "failed"


# A committed notebook.

def code_cells(nb):
    """Return the code cells of a notebook and the counts of their runs."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    count = itertools.count(1)
    return [(cell, next(count) if cell.source.strip() else None)
            for cell in cells]


def cell_faults(cell, count):
    """Yield what is wrong with a committed cell that was to run as `count`."""
    if cell.execution_count != count:
        yield (f"not run, or not in order: expected the execution count "
               f"{count}, got {cell.execution_count}")
    for line in [*cell.metadata.get("tags", ()), *cell.source.splitlines()]:
        if DISABLES_VALIDATION.search(line):
            yield f"switches the validation off: {line!r}"
    for name, stated in cell.metadata.get("vae_tf", {}).items():
        low, high = LIMITS.get(name, (1, 0))
        if not low <= stated <= high:
            yield f"not a tolerance in {LIMITS}: {name!r}: {stated}"
    for fault in forbidden(cell.outputs):
        yield f"committed: {fault}"


def all_faults(cell, count, outputs, values=True):
    """Return all that is wrong with a committed cell and what a run gave."""
    return [*cell_faults(cell, count), *forbidden(outputs),
            *differences(cell, outputs, values)]


def executed(nb, outputs):
    """Return a copy of a notebook with the outputs of its code cells."""
    nb = copy.deepcopy(nb)
    nb.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3"}
    nb.metadata.get("language_info", {}).pop("version", None)
    for (cell, count), cell_outputs in zip(code_cells(nb), outputs):
        cell.metadata.pop("execution", None)  # times
        cell.execution_count, cell.outputs = count, cell_outputs
        for output in cell_outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return nb


def write(nb, path):
    """Write a notebook whole or not at all."""
    nbformat.validate(nb)
    files.write(path, nbformat.writes(nb) + "\n")

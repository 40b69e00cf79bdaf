"""What the programs here share: their options, and the files they write."""

import argparse
import contextlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.processes import usable_cores
from book._tools.files import write

DATA = Path(__file__).parents[1] / "book/_data"    # what pages show
VERSIONS = ("tensorflow", "keras", "numpy", "torch", "jax", "optax")


def options(description, file, **numbers):
    """Read the command line: how many, on which core, written where.

    `numbers` are {option: (default, least)}.
    """
    parser = argparse.ArgumentParser(description=description)
    for name, (default, least) in numbers.items():
        parser.add_argument("--" + name.replace("_", "-"), default=default,
                            type=at_least(least))
    parser.add_argument("--core", type=int, choices=usable_cores(),
                        default=max(usable_cores()))
    parser.add_argument("--result", type=Path, default=DATA / file)
    return parser.parse_args()


def at_least(least):
    """Return what reads a whole number, `least` or more, from the command."""
    def number(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {least}. Got {text!r} "
                "instead.")
        return int(text)
    return number


def save(result, path):
    """Write a result as JSON, whole or not at all, with what it ran on."""
    write(path, json.dumps({"machine": machine(), **result}, indent=1) + "\n")


def machine():
    """Return the processor, and the versions of what is installed."""
    import vae_tf

    versions = {}
    for name in VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {"processor": vae_tf.machine().rsplit(", TensorFlow")[0],
            "versions": versions}

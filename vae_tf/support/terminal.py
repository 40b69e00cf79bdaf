"""What a training says of itself: a progress bar, and its machine."""

import os
import platform
import sys

import tensorflow as tf
from tqdm.auto import tqdm
from tqdm.notebook import tqdm as notebook_tqdm


def progress_bar(done, epochs):
    """Count from `done` + 1 to `epochs`, with a bar where somebody looks on.

    tqdm's own setting TQDM_DISABLE silences it.
    """
    in_notebook = issubclass(tqdm, notebook_tqdm)
    silent = bool(os.environ.get("TQDM_DISABLE")) or sys.stderr is None
    return tqdm(range(done + 1, epochs + 1), unit="epoch", leave=False,
                initial=done, total=epochs,
                disable=silent or (False if in_notebook else None))


def machine():
    """Return one line on what this runs on: processor, cores, TensorFlow."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    name = line.split(":")[1].strip()
    return f"{os.cpu_count()} cores of {name}, TensorFlow {tf.__version__}"

"""What test_benchmarks.py runs in other processes: it imports little."""

import os

import numpy as np

from benchmarks import rounds


class Job:
    """A job for another process: it counts, raises or ends that process."""

    def __init__(self, behaviour):
        self.behaviour, self.count = behaviour, 0

    def work(self):
        self.count += 1
        if self.behaviour == "raise" and self.count > 1:
            raise ValueError("told to\nand more")
        if self.behaviour == "die":
            os._exit(7)
        return self.behaviour, self.count, os.environ["OMP_NUM_THREADS"]

    def burn(self, seconds):
        start, memory = rounds.cpu_seconds(), np.ones(2**25, np.uint8)
        while rounds.cpu_seconds() - start < seconds:
            memory += 1

"""What test_benchmarks.py runs in other processes: it imports little."""

import os

import numpy as np

from benchmarks import rounds


class Clerk:
    """Something to run in another process."""

    def __init__(self, word):
        self.word, self.count = word, 0

    def work(self):
        self.count += 1
        if self.word == "raise" and self.count > 1:
            raise ValueError("told to\nand more")
        if self.word == "die":
            os._exit(7)
        return self.word, self.count, os.environ["OMP_NUM_THREADS"]

    def burn(self, seconds):
        start, memory = rounds.cpu_seconds(), np.ones(2**25, np.uint8)
        while rounds.cpu_seconds() - start < seconds:
            memory += 1

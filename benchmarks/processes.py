"""Processes that work one at a time, in turns, on the same cores.

What else slows the machine down slows all of them down, so the ratio of two
of them in one round is worth more than the seconds of either.
"""

import multiprocessing
import os
import re
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from unittest import mock

import numpy as np

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
           "TF_NUM_INTEROP_THREADS", "TORCHINDUCTOR_COMPILE_THREADS")
NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
held = None    # in a worker's process, its object


class WorkerError(Exception):
    """A process could not do its part; the message says why in one line."""


class Worker:
    """A process that holds one object, with a thread for each of its cores.

    `kind(*arguments)` makes the object in that process. Raises WorkerError,
    as `call` does, if the process raises or dies.
    """

    def __init__(self, kind, *arguments, cores=(0,)):
        self.pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), set_up, [cores])
        with mock.patch.dict(os.environ, NO_GPU, **dict.fromkeys(
                THREADS, str(len(cores)))):
            self.submit(create, kind, arguments)

    def call(self, method, *arguments):
        """Return what the method returns, and its cost.

        The cost is {"cpu": seconds of all threads, "wall": seconds, "since":
        CPU seconds since the process began, "memory": its peak in MB}.
        """
        return self.submit(measure, method, arguments)

    def submit(self, *task):
        try:
            return self.pool.submit(run, *task).result()
        except BrokenProcessPool as error:
            raise WorkerError(str(error)) from None

    def close(self):
        self.pool.shutdown()


def set_up(cores):
    """Pin this process to its cores and silence it, its libraries included."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    """Wait for the parent, which may be killed, and end this process too."""
    multiprocessing.parent_process().join()
    os._exit(1)


def run(function, name, arguments):
    """Call the function; an error of any library becomes a WorkerError."""
    try:
        return function(name, arguments)
    except Exception as error:
        line = str(error).strip().partition("\n")[0]
        raise WorkerError(f"{type(error).__name__}: {line}") from None


def create(kind, arguments):
    global held
    held = kind(*arguments)


def measure(method, arguments):
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = getattr(held, method)(*arguments)
    wall, since = time.perf_counter() - wall, cpu_seconds()
    return result, {"cpu": since - cpu, "wall": wall, "since": since,
                    "memory": peak_megabytes()}


def cpu_seconds():
    """Return the CPU seconds of this process and its ended children."""
    return time.process_time() + sum(os.times()[2:4])


def peak_megabytes():
    """Return the most memory that this process has held; None off Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(re.search(r"VmHWM:\s*(\d+)", status.read_text())[1]) / 1024


def usable_cores():
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count()))


def take_turns(workers, method, rounds):
    """Let every worker call the method once in each round.

    workers {name: Worker} -> ({name: [(result, cost) of each round]},
    {name: why it failed}). A worker that fails is left out from then on.
    Every other round is in reverse order, so that no worker always follows
    the same one.
    """
    done, failed = {name: [] for name in workers}, {}
    for number in range(rounds):
        for name in list(done)[::-1 if number % 2 else 1]:
            print(f"round {number + 1} of {rounds}: {name}", flush=True)
            try:
                done[name].append(workers[name].call(method))
            except WorkerError as error:
                failed[name] = str(error)
                del done[name]
    return done, failed


def quartiles(values):
    """Return the lower quartile, the median and the upper quartile."""
    return np.percentile(values, [25, 50, 75]).tolist()

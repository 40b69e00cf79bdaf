"""Processes that work one at a time, in turns, on the same cores.

What else slows the machine down slows all of them down, so the ratio of two
neighbours in one round is worth more than the seconds of either.
"""

import contextlib
import multiprocessing
import os
import resource
import time
from unittest import mock

import numpy as np

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
           "TF_NUM_INTEROP_THREADS", "TORCHINDUCTOR_COMPILE_THREADS")
NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


class Failed(Exception):
    """A process could not do its part; the message says why in one line."""


class Worker:
    """A process of its own that holds one object, on as many cores as named.

    `kind(*arguments)` makes the object there. Raises Failed, as `call` does,
    where the process raises or dies.
    """

    def __init__(self, kind, *arguments, cores=(0,)):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, cores, kind, arguments), daemon=True)
        with mock.patch.dict(os.environ, NO_GPU, **dict.fromkeys(
                THREADS, str(len(cores)))):
            self.process.start()
        theirs.close()
        self.answer()

    def call(self, method, *arguments):
        """Return what the method returns there, and what it cost.

        The cost is {"cpu": seconds of all threads, "wall": seconds, "since":
        CPU seconds since the process began, "memory": its peak in MB}.
        """
        with contextlib.suppress(OSError):  # it died: `answer` says so
            self.pipe.send((method, arguments))
        return self.answer()

    def answer(self):
        try:
            failure, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(10)
            raise Failed("its process ended with exit code "
                         f"{self.process.exitcode}") from None
        if failure:
            raise Failed(failure)
        return answer

    def close(self):
        self.pipe.close()
        self.process.join(10)
        self.process.kill()


def serve(pipe, cores, kind, arguments):
    """Do what the parent asks for until it closes the pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    with contextlib.suppress(EOFError, OSError):
        try:
            held = kind(*arguments)
            pipe.send((None, None))
            while True:
                method, given = pipe.recv()
                cpu, wall = cpu_seconds(), time.perf_counter()
                result = getattr(held, method)(*given)
                wall, now = time.perf_counter() - wall, cpu_seconds()
                pipe.send((None, (result, {
                    "cpu": now - cpu, "wall": wall, "since": now,
                    "memory": peak_megabytes()})))
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            pipe.send((f"{type(error).__name__}: {lines[0]}", None))


def cpu_seconds():
    """Return the CPU seconds of this process and its ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_megabytes():
    """Return the most memory that this process has held, or None."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return None


def take_turns(workers, method, rounds, say=lambda text: None):
    """Let each worker do the same thing, round by round.

    workers {name: Worker} -> ({name: [(result, cost) of each round]},
    {name: why it stopped}). A worker that fails is out; the rest go on. Every
    other round goes backwards, so that nobody always follows the same one.
    """
    done, failed = {name: [] for name in workers}, {}
    for number in range(rounds):
        names = [name for name in workers if name not in failed]
        for name in names[::-1] if number % 2 else names:
            say(f"round {number + 1} of {rounds}: {name}")
            try:
                done[name].append(workers[name].call(method))
            except Failed as error:
                failed[name] = str(error)
                del done[name]
    return done, failed


def quartiles(values):
    """Return the lower quartile, the median and the upper quartile."""
    return np.percentile(values, [25, 50, 75]).tolist()


def ratios(values, reference):
    """Return the quartiles of values / reference, round by round."""
    return quartiles(np.divide(values, reference))

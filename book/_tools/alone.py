"""Run a command when no other one runs that was started like this.

The lock is on this file and lasts as long as the command and its own
commands, however they end. Where nothing can be locked, the command runs
without one.
"""

import fcntl
import os
import sys


def lock():
    """Wait until this file is ours."""
    try:
        file = os.open(__file__, os.O_RDWR)
    except OSError:  # may be locked nevertheless
        file = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(file, True)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is at work in this folder: waiting for its end.",
              flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)


if __name__ == "__main__":
    try:
        lock()
    except OSError:
        print("The folder cannot be locked here: run one make at a time.",
              flush=True)
    os.execvp(sys.argv[1], sys.argv[1:])

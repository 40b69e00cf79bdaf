"""Run a command when no other one runs that was started like this.

The lock is on this file and lasts as long as the command and its own
commands, however they end.
"""

import fcntl
import os
import sys

with open(__file__, "r+b", buffering=0) as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make is at work in this folder: waiting for its end.",
              flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    os.set_inheritable(file.fileno(), True)
    os.execvp(sys.argv[1], sys.argv[1:])

"""TensorFlow's C++ start-up lines, muted at the one place of its import."""

import contextlib
import io
import os
import sys


@contextlib.contextmanager
def muted():
    """Silence file descriptor 2, where TensorFlow's C++ start-up lines go.

    What Python itself writes there meanwhile, in any thread, is still heard.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        saved = os.dup(2)
    except OSError:  # closed: silent from now on, lest a file takes its place
        saved = os.dup(null)
    try:
        write_stderr_to(saved)
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        write_stderr_to(2)
        for descriptor in {null, saved} - {2}:
            os.close(descriptor)


def write_stderr_to(descriptor):
    """Lead Python's own stderr to another descriptor."""
    with contextlib.suppress(Exception):  # there may be none, or a closed one
        raw = getattr(sys.__stderr__.buffer, "raw", sys.__stderr__.buffer)
        raw.fileno()  # raises if closed
        io.FileIO.__init__(raw, descriptor, "w", closefd=False)
        sys.__stderr__.flush()  # waits for a thread that is writing


def import_tensorflow():
    """Import TensorFlow and look for a GPU without a line on stderr.

    TF_CPP_MIN_LOG_LEVEL is read once, so later remarks are muted too, such as
    those at the first step on a GPU. Warnings and errors are not.
    """
    given = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with muted():
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
    if not given:
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]

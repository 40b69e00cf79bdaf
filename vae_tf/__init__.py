"""Kevin Frans' variational autoencoder of 2016, on TensorFlow 2."""

import contextlib
import io
import os
import sys


@contextlib.contextmanager
def _muted():
    """Silence file descriptor 2, where TensorFlow's C++ start-up lines go.

    What Python itself writes there meanwhile, in any thread, is still heard.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        saved = os.dup(2)
    except OSError:  # closed: silent from now on, lest a file takes its place
        saved = os.dup(null)
    try:
        _write_stderr_to(saved)
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        _write_stderr_to(2)
        for descriptor in {null, saved} - {2}:
            os.close(descriptor)


def _write_stderr_to(descriptor):
    """Lead Python's own stderr to another descriptor."""
    with contextlib.suppress(Exception):  # there may be none, or a closed one
        raw = getattr(sys.__stderr__.buffer, "raw", sys.__stderr__.buffer)
        raw.fileno()  # raises if closed
        io.FileIO.__init__(raw, descriptor, "w", closefd=False)
        sys.__stderr__.flush()  # waits for a thread that is writing


# Read once, so that later remarks are muted too, as those at the first step on
# a GPU; warnings and errors are not.
_given = "TF_CPP_MIN_LOG_LEVEL" in os.environ
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
with _muted():
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # the search for a GPU prints too
if not _given:
    del os.environ["TF_CPP_MIN_LOG_LEVEL"]

from vae_tf.losses import cross_entropy, generation_loss, latent_loss
from vae_tf.models import VAE, Autoencoder, Memorizer
from vae_tf.networks import encoder, generation, recognition, sample_z
from vae_tf.train import fit, machine, train

__all__ = [
    "VAE",
    "Autoencoder",
    "Memorizer",
    "cross_entropy",
    "encoder",
    "fit",
    "generation",
    "generation_loss",
    "latent_loss",
    "machine",
    "recognition",
    "sample_z",
    "train",
]

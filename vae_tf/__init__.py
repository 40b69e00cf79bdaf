"""Kevin Frans' variational autoencoder of 2016, on TensorFlow 2."""

import contextlib
import os
import sys


@contextlib.contextmanager
def _muted():
    """Silence file descriptor 2, where TensorFlow's C++ start-up lines go."""
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


with _muted():
    import tensorflow as tf

    tf.config.list_physical_devices("GPU")  # the search for a GPU prints too

from vae_tf.losses import cross_entropy, generation_loss, latent_loss
from vae_tf.models import VAE, Autoencoder, Memorizer
from vae_tf.networks import encoder, generation, recognition, sample_z
from vae_tf.train import machine, train

__all__ = [
    "VAE",
    "Autoencoder",
    "Memorizer",
    "cross_entropy",
    "encoder",
    "generation",
    "generation_loss",
    "latent_loss",
    "machine",
    "recognition",
    "sample_z",
    "train",
]

"""Kevin Frans' variational autoencoder of 2016, on TensorFlow 2."""

from vae_tf.support.quiet import import_tensorflow

import_tensorflow()  # first, so that no other import prints its lines

from vae_tf.losses import cross_entropy, generation_loss, latent_loss
from vae_tf.models import VAE, Autoencoder, Memorizer
from vae_tf.networks import encoder, generation, recognition, sample_z
from vae_tf.support.terminal import machine
from vae_tf.train import fit, train

__all__ = ["VAE", "Autoencoder", "Memorizer", "cross_entropy", "encoder",
           "fit", "generation", "generation_loss", "latent_loss", "machine",
           "recognition", "sample_z", "train"]

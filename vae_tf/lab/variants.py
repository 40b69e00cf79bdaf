"""The VAE of the article with one thing changed, for comparison."""

import numpy as np
import tensorflow as tf

from vae_tf import losses, networks
from vae_tf.models import VAE
from vae_tf.networks import features, sample_z
from vae_tf.ops import dense


class SoftplusVAE(VAE):
    """The VAE whose z_stddev is positive for every image: log(1 + e^x)."""

    def recognition(self, images):
        z_mean, z_stddev = super().recognition(images)
        return z_mean, tf.nn.softplus(z_stddev)


class CalibratedVAE(SoftplusVAE):
    """A VAE whose pixels are Gaussians of the variance that fits them best.

    That is the batch's mean squared error, in squared pixel units: the loss
    is lowest there. (Rybkin et al. 2021, section 3.3)
    """

    def loss(self, images):
        terms = super().loss(images)
        pixels = np.prod(self.image_shape)
        generation_loss = pixels / 2 * (1 + tf.math.log(
            2 * np.pi * terms["generation_loss"] / pixels))
        return {"loss": generation_loss + terms["latent_loss"],
                "generation_loss": generation_loss,
                "latent_loss": terms["latent_loss"]}


class WeightedVAE(SoftplusVAE):
    """A VAE whose KL counts `weight` times: the beta-VAE."""

    def __init__(self, weight, n_z=20, generation_loss=losses.cross_entropy):
        super().__init__(n_z, generation_loss)
        self.weight = weight

    def loss(self, images):
        terms = super().loss(images)
        return {**terms, "loss": terms["generation_loss"]
                + self.weight * terms["latent_loss"]}


class SwitchedVAE(SoftplusVAE):
    """A VAE whose noise and whose KL can be switched off. (Chapter 8)"""

    def __init__(self, noise, kl):
        super().__init__(20, losses.cross_entropy)
        self.noise, self.kl = noise, kl

    def loss(self, images):
        z_mean, z_stddev = self.recognition(images)
        z = sample_z(z_mean, z_stddev) if self.noise else z_mean
        loss = generation_loss = tf.reduce_mean(
            self.generation_loss(self.generation(z), images))
        if self.kl:
            loss += tf.reduce_mean(losses.latent_loss(z_mean, z_stddev))
        return {"loss": loss, "generation_loss": generation_loss}


class ConditionalVAE(SoftplusVAE):
    """A VAE both of whose halves are told the labels [n, k], one-hot.

    (Appendix F; Kingma et al. 2014, Sohn et al. 2015)
    """

    def recognition(self, images, labels):
        with self.scope:
            h = tf.concat([features(images), labels], 1)
            z_mean = dense(h, h.shape[1], self.n_z, "w_mean")
            z_stddev = dense(h, h.shape[1], self.n_z, "w_stddev")
            return z_mean, tf.nn.softplus(z_stddev)

    def generation(self, z, labels):
        with self.scope:
            return networks.generation(tf.concat([z, labels], 1))

    def loss(self, labels, images):
        z_mean, z_stddev = self.recognition(images, labels)
        z = sample_z(z_mean, z_stddev)
        generation_loss = tf.reduce_mean(
            self.generation_loss(self.generation(z, labels), images))
        latent_loss = tf.reduce_mean(losses.latent_loss(z_mean, z_stddev))
        return {"loss": generation_loss + latent_loss,
                "generation_loss": generation_loss,
                "latent_loss": latent_loss}


class DenseVAE(SoftplusVAE):
    """A VAE of dense layers: two numbers need more of them to unfold."""

    width = 128

    def recognition(self, images):
        with self.scope:
            flat = tf.reshape(images, [-1, 28 * 28])
            h1 = tf.nn.relu(dense(flat, 28 * 28, self.width, "d_h1"))
            h2 = tf.nn.relu(dense(h1, self.width, self.width, "d_h2"))
            z_mean, z_stddev = [dense(h2, self.width, self.n_z, name)
                                for name in ("w_mean", "w_stddev")]
            return z_mean, tf.nn.softplus(z_stddev)

    def generation(self, z):
        with self.scope:
            h1 = tf.nn.relu(dense(z, self.n_z, self.width, "g_h1"))
            h2 = tf.nn.relu(dense(h1, self.width, self.width, "g_h2"))
            flat = tf.nn.sigmoid(dense(h2, self.width, 28 * 28, "g_h3"))
            return tf.reshape(flat, [-1, *self.image_shape])


class WeightedDenseVAE(WeightedVAE, DenseVAE):
    """A narrow VAE of dense layers whose KL counts `weight` times."""

    width = 48


def log_gaussian(z, mean, stddev):
    """Return the log-density of codes [..., n_z], one for each: [...]."""
    return -0.5 * tf.reduce_sum(
        np.log(2 * np.pi) + 2 * tf.math.log(stddev)
        + tf.square((z - mean) / stddev), -1)

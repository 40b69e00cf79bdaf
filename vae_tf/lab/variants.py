"""The VAE of the article with one thing changed, for comparison."""

import numpy as np
import tensorflow as tf

from vae_tf import losses
from vae_tf.models import VAE
from vae_tf.networks import sample_z
from vae_tf.ops import dense, get_variable


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


class DenseVAE(SoftplusVAE):
    """A VAE of dense layers: two numbers need more of them to unfold."""

    def recognition(self, images):
        with self.scope:
            flat = tf.reshape(images, [-1, 28 * 28])
            h1 = tf.nn.relu(dense(flat, 28 * 28, 128, "d_h1"))
            h2 = tf.nn.relu(dense(h1, 128, 128, "d_h2"))
            return (dense(h2, 128, self.n_z, "w_mean"),
                    tf.nn.softplus(dense(h2, 128, self.n_z, "w_stddev")))

    def generation(self, z):
        with self.scope:
            h1 = tf.nn.relu(dense(z, self.n_z, 128, "g_h1"))
            h2 = tf.nn.relu(dense(h1, 128, 128, "g_h2"))
            flat = tf.nn.sigmoid(dense(h2, 128, 28 * 28, "g_h3"))
            return tf.reshape(flat, [-1, *self.image_shape])


class WeightedDenseVAE(WeightedVAE, DenseVAE):
    """A VAE of dense layers whose KL counts `weight` times."""


class BinaryVAE(SoftplusVAE):
    """A VAE of black and white pixels, drawn anew from the grey each time.

    The KL is estimated from the one draw: log q(z|x) - log p(z). What is
    learned may then be another prior, or another posterior.
    """

    def __init__(self):
        super().__init__(20, losses.cross_entropy)

    def posterior(self, images):
        """Draw a code for each image: images -> z, log q(z|x)."""
        z_mean, z_stddev = self.recognition(images)
        z = sample_z(z_mean, z_stddev)
        return z, log_gaussian(z, z_mean, z_stddev)

    def log_prior(self, z):
        """Return log p(z) of codes [n, n_z]: [n]."""
        return log_gaussian(z, 0.0, 1.0)

    def loss(self, images):
        pixels = tf.cast(tf.random.uniform(tf.shape(images)) < images,
                         tf.float32)
        z, log_q = self.posterior(pixels)
        generation_loss = tf.reduce_mean(
            self.generation_loss(self.generation(z), pixels))
        latent_loss = tf.reduce_mean(log_q - self.log_prior(z))
        return {"loss": generation_loss + latent_loss,
                "generation_loss": generation_loss,
                "latent_loss": latent_loss}


class MixtureVAE(BinaryVAE):
    """A VAE whose prior is a mixture of Gaussians that are trained."""

    def components(self):
        """Return the Gaussians' means and standard deviations [k, n_z]."""
        with self.scope:
            means = get_variable("prior/mean", [100, self.n_z],
                                 tf.random.normal)
            raw = get_variable("prior/stddev", [100, self.n_z], tf.zeros)
        return means, tf.nn.softplus(raw)

    def log_prior(self, z):
        log_each = log_gaussian(z[:, None], *self.components())   # [n, k]
        return tf.reduce_logsumexp(log_each, 1) - np.log(100)

    def generate(self, n):
        chosen = tf.random.uniform([n], 0, 100, tf.int32)
        return self.generation(sample_z(*[
            tf.gather(part, chosen) for part in self.components()]))


class VampVAE(MixtureVAE):
    """A VAE whose prior is the posteriors of pictures that are trained.

    (Tomczak and Welling 2018, equation 9)
    """

    def components(self):
        with self.scope:
            raw = get_variable("prior/pictures", [100, *self.image_shape],
                               lambda shape: tf.random.normal(shape) - 2)
        return self.recognition(tf.sigmoid(raw))


class FlowVAE(BinaryVAE):
    """A VAE whose posterior is bent by four coupling steps.

    Each shifts and scales one half of a code by a network that sees the other
    half, and the encoder's means. (Rezende and Mohamed 2015; Dinh et al.
    2017)
    """

    def posterior(self, images):
        z_mean, z_stddev = self.recognition(images)
        z = sample_z(z_mean, z_stddev)
        log_q = log_gaussian(z, z_mean, z_stddev)
        for i in range(4):
            kept, changed = tf.split(z, 2, 1)
            with self.scope:
                seen = tf.concat([kept, z_mean], 1)
                h = tf.nn.relu(dense(seen, seen.shape[1], 64, f"flow{i}_h"))
                shift, raw = tf.split(
                    dense(h, 64, self.n_z, f"flow{i}_out"), 2, 1)
            log_scale = tf.tanh(raw)
            z = tf.concat([changed * tf.exp(log_scale) + shift, kept], 1)
            log_q -= tf.reduce_sum(log_scale, 1)
        return z, log_q


def log_gaussian(z, mean, stddev):
    """Return the log-density of codes [..., n_z], one for each: [...]."""
    return -0.5 * tf.reduce_sum(
        np.log(2 * np.pi) + 2 * tf.math.log(stddev)
        + tf.square((z - mean) / stddev), -1)

"""Two stages: an autoencoder, and a small network that draws its codes."""

import numpy as np
import tensorflow as tf

from vae_tf.losses import cross_entropy
from vae_tf.networks import features
from vae_tf.ops import Scope, conv_transpose, dense, get_variable
from vae_tf.support import checks


def nearest(z, codebook):
    """Return the token of each z: the number of the vector closest to it.

    z [..., n_z], codebook [n_tokens, n_z] -> int64 [...]
    """
    distance = (tf.reduce_sum(codebook ** 2, 1)
                - 2 * tf.matmul(z, codebook, transpose_b=True))
    return tf.argmin(distance, -1)    # all of them lack the same |z|^2


def straight_through(z, codes):
    """Return `codes`; their gradient goes to z, as if the two were equal."""
    return z + tf.stop_gradient(codes - z)


def normal(shape):
    """Return start values of vectors that are looked up."""
    return tf.random.normal(shape, stddev=0.1)


class VQVAE(tf.Module):
    """An autoencoder whose code is 7 x 7 tokens, each of a vector [n_z].

    Images are [n, 28, 28, 1] with pixels in [0, 1]. (van den Oord et al. 2017)
    """

    image_shape = (28, 28, 1)

    def __init__(self, n_tokens=64, n_z=8):
        super().__init__()
        self.n_tokens = checks.integer("n_tokens", n_tokens, "VQVAE", low=2)
        self.n_z = checks.integer("n_z", n_z, "VQVAE")
        self.scope = Scope()

    @property
    def codebook(self):
        """The vectors [n_tokens, n_z] that tokens stand for."""
        with self.scope:
            return get_variable(
                "codebook", [self.n_tokens, self.n_z], normal)

    def encoder(self, images):
        """Return one vector for each place: images -> z [n, 7, 7, n_z]."""
        with self.scope:
            h = tf.reshape(features(images), [-1, 7, 7, 32])
            return dense(h, 32, self.n_z, "w_z")

    def tokens(self, images):
        """Return the images' tokens, int64 [n, 7, 7]."""
        return nearest(self.encoder(images), self.codebook)

    def generation(self, codes):
        """Decode codes [n, 7, 7, n_z] into images."""
        n = tf.shape(codes)[0]
        with self.scope:
            h = tf.nn.relu(dense(codes, self.n_z, 32, "z_matrix"))
            h = tf.nn.relu(conv_transpose(h, [n, 14, 14, 16], "g_h1"))
            return tf.nn.sigmoid(conv_transpose(h, [n, 28, 28, 1], "g_h2"))

    def decode(self, tokens):
        """Decode tokens [n, 7, 7] into images."""
        return self.generation(tf.gather(self.codebook, tokens))

    def loss(self, images):
        """Return the loss and its terms in nats, averaged over the batch."""
        z = self.encoder(images)
        codes = tf.gather(self.codebook, nearest(z, self.codebook))
        generated = self.generation(straight_through(z, codes))

        def apart(a, b):
            return tf.reduce_mean(tf.reduce_sum((a - b) ** 2, [1, 2, 3]))

        generation_loss = tf.reduce_mean(cross_entropy(generated, images))
        codebook_loss = apart(tf.stop_gradient(z), codes)
        commitment_loss = apart(z, tf.stop_gradient(codes))
        return {"loss": generation_loss + codebook_loss
                + 0.25 * commitment_loss,
                "generation_loss": generation_loss,
                "commitment_loss": commitment_loss}


class TokenPrior(tf.Module):
    """A distribution of a VQ-VAE's tokens, drawn one after the other.

    Each depends on its place, and on the tokens of three rows above and of its
    own row to the left, up to three columns away. `encode` makes images into
    tokens [n, 7, 7]. (After van den Oord et al. 2016, PixelCNN)
    """

    image_shape = (28, 28, 1)

    def __init__(self, encode, n_tokens=64, width=96):
        super().__init__()
        self._encode = encode
        self.n_tokens = checks.integer("n_tokens", n_tokens, "TokenPrior", 2)
        self.width = checks.integer("width", width, "TokenPrior")
        self.scope = Scope()

    def logits(self, tokens, i=0, j=0, size=7):
        """Return the logits of tokens in a square with its corner at (i, j).

        tokens [n, 7, 7] -> [n, size, size, n_tokens]. What comes later is not
        looked at.
        """
        around = tf.pad(tokens, [[0, 0], [3, 0], [3, 3]],
                        constant_values=self.n_tokens)    # outside
        around = around[:, i:i + size + 3, j:j + size + 6]
        earlier = np.float32(np.arange(28) < 24).reshape(4, 7, 1, 1)
        with self.scope:
            vectors = get_variable("vectors", [self.n_tokens + 1, 8], normal)
            w = get_variable("w", [4, 7, 8, self.width], normal)
            place = get_variable("place", [7, 7, self.width], tf.zeros)
            h = tf.nn.conv2d(tf.gather(vectors, around), w * earlier, 1,
                             "VALID") + place[i:i + size, j:j + size]
            h = dense(tf.nn.relu(h), self.width, self.width, "h")
            return dense(tf.nn.relu(h), self.width, self.n_tokens, "logits")

    def generate(self, n):
        """Draw n new codes, token by token: int64 [n, 7, 7]."""
        tokens = np.zeros([n, 7, 7], np.int64)
        for i, j in np.ndindex(7, 7):
            logits = self.logits(tokens, i, j, size=1)[:, 0, 0]
            tokens[:, i, j] = tf.random.categorical(logits, 1)[:, 0]
        return tokens

    def loss(self, images):
        """Return -log p(tokens) in nats, averaged over the batch."""
        tokens = self._encode(images)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tokens, self.logits(tokens))
        return {"loss": tf.reduce_mean(tf.reduce_sum(nats, [1, 2]))}


class Flow(tf.Module):
    """A rectified flow: a velocity that carries noise to codes [n, n_z].

    `encode` makes images into codes, of about a unit's size. (Liu et al. 2022)
    """

    image_shape = (28, 28, 1)

    def __init__(self, encode, n_z=20, width=128):
        super().__init__()
        self._encode = encode
        self.n_z = checks.integer("n_z", n_z, "Flow")
        self.width = checks.integer("width", width, "Flow")
        self.scope = Scope()

    def velocity(self, z, t):
        """Return where codes z [n, n_z] go at times t [n, 1] in [0, 1]."""
        clock = tf.cos(np.pi * t * np.arange(1, 9, dtype=np.float32))
        h, size = tf.concat([z, clock], 1), self.n_z + 8
        with self.scope:
            for name in ("h1", "h2", "h3"):
                h = tf.nn.relu(dense(h, size, self.width, name))
                size = self.width
            return dense(h, size, self.n_z, "velocity")

    def generate(self, n, steps=50):
        """Carry noise to n new codes [n, n_z], in steps of equal time."""
        z = tf.random.normal([n, self.n_z])
        for i in range(steps):
            z += self.velocity(z, tf.fill([n, 1], i / steps)) / steps
        return z

    def loss(self, images):
        """Return the squared error of the velocity, averaged over images."""
        z = self._encode(images)
        noise = tf.random.normal(tf.shape(z))
        t = tf.random.uniform([tf.shape(z)[0], 1])
        error = self.velocity((1 - t) * noise + t * z, t) - (z - noise)
        return {"loss": tf.reduce_mean(tf.reduce_sum(error ** 2, 1))}


def standardized(encode, images):
    """Return `encode` with mean 0 and variance 1 over images, and its inverse.

    Codes are [n, n_z]; each latent variable has a mean and a scale.
    """
    z = encode(images)
    mean, stddev = tf.reduce_mean(z, 0), tf.math.reduce_std(z, 0)
    return (lambda images: (encode(images) - mean) / stddev,
            lambda z: z * stddev + mean)

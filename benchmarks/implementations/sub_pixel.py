"""Ours, the last deconvolution computed as a sub-pixel convolution."""

import tensorflow as tf

from benchmarks.implementations.ours import Ours
from vae_tf import VAE, ops


def conv_transpose(x, output_shape, name):
    """Compute what `ops.conv_transpose` does, on the small image.

    A 3x3 convolution, made of the same 5x5 weights, gives the four pixels
    that take the place of one as four features. (Shi et al. 2016)
    """
    c, features = x.shape[-1], output_shape[-1]
    w = ops.get_variable(
        name + "/w", [5, 5, features, c],
        lambda shape: tf.random.truncated_normal(shape, stddev=0.02))
    b = ops.get_variable(name + "/b", [features], tf.zeros)
    w = tf.pad(w, [[1, 0], [1, 0], [0, 0], [0, 0]])        # 6x6
    w = tf.reshape(w, [3, 2, 3, 2, features, c])[::-1, :, ::-1]
    w = tf.reshape(tf.transpose(w, [0, 2, 5, 1, 3, 4]),
                   [3, 3, c, 4 * features])
    return tf.nn.depth_to_space(tf.nn.conv2d(x, w, 1, "SAME"), 2) + b


class SubPixelVAE(VAE):
    """The VAE: the same weights give the same images."""

    def generation(self, z):
        n = tf.shape(z)[0]
        with self.scope:
            x = ops.dense(z, self.n_z, 7 * 7 * 32, "z_matrix")
            x = tf.nn.relu(tf.reshape(x, [-1, 7, 7, 32]))
            x = tf.nn.relu(ops.conv_transpose(x, [n, 14, 14, 16], "g_h1"))
            return tf.nn.sigmoid(conv_transpose(x, [n, 28, 28, 1], "g_h2"))


class SubPixel(Ours):

    kind = SubPixelVAE

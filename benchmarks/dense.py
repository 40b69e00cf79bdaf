"""Two VAEs of dense layers: 2016's first program, and that of Burda et al."""

import tensorflow as tf
from vae_tf import VAE, cross_entropy
from vae_tf.ops import get_variable


class Dense(VAE):
    """Two hidden layers on either side of the code."""

    def __init__(self):
        super().__init__(self.n_z, cross_entropy)

    def recognition(self, images):
        """Return z_mean and z_stddev, each [n, n_z]."""
        with self.scope:
            h2 = self.hidden(tf.reshape(images, [-1, 784]), "d_h")
            return (self.dense(h2, self.n_z, "w_mean"),
                    self.stddev(self.dense(h2, self.n_z, "w_stddev")))

    def generation(self, z):
        """Decode codes: z [n, n_z] -> images in (0, 1)."""
        with self.scope:
            flat = self.dense(self.hidden(z, "g_h"), 784, "g_image")
            return tf.reshape(tf.nn.sigmoid(flat), [-1, *self.image_shape])

    def hidden(self, x, name):
        for i in (1, 2):
            x = self.activation(self.dense(x, self.width, f"{name}{i}"))
        return x

    def dense(self, x, outputs, name):
        inputs = x.shape[-1]
        matrix, bias = self.limits(inputs, outputs)  # uniform between ±
        w = get_variable(
            name + "/Matrix", [inputs, outputs],
            lambda shape: tf.random.uniform(shape, -matrix, matrix))
        b = get_variable(name + "/bias", [outputs],
                         lambda shape: tf.random.uniform(shape, -bias, bias))
        return tf.matmul(x, w) + b


class August(Dense):
    """The program of August 2016, start weights and all. (Appendix A)"""

    n_z, width, activation = 20, 500, staticmethod(tf.nn.sigmoid)
    stddev = staticmethod(tf.identity)

    def limits(self, inputs, outputs):
        return (3 / inputs) ** 0.5, 3 ** 0.5


class Burda(Dense):
    """The VAE with one layer of 50 latent variables of Burda et al. (2015).

    The start weights are those of Glorot and Bengio (2010).
    """

    n_z, width, activation = 50, 200, staticmethod(tf.nn.tanh)
    stddev = staticmethod(tf.exp)  # always positive

    def limits(self, inputs, outputs):
        return (6 / (inputs + outputs)) ** 0.5, 0.0

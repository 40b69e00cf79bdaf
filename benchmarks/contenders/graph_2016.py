"""As in 2016: a graph with placeholders, run in a session batch by batch.

The structure is that of Kevin Frans' program; the lines are ours, and the
deconvolutions' biases are added.
"""

import numpy as np
import tensorflow.compat.v1 as tf


def layer(name, weights):
    """Return a layer's two variables."""
    with tf.variable_scope(name):
        return [tf.get_variable(key.split("/")[1], initializer=value)
                for key, value in weights.items()
                if key.startswith(name + "/")]


def conv2d(x, name, weights):
    w, b = layer(name, weights)
    return tf.nn.conv2d(x, w, strides=[1, 2, 2, 1], padding="SAME") + b


def conv_transpose(x, shape, name, weights):
    w, b = layer(name, weights)
    return tf.nn.conv2d_transpose(x, w, shape, strides=[1, 2, 2, 1]) + b


def dense(x, name, weights):
    matrix, bias = layer(name, weights)
    return tf.matmul(x, matrix) + bias


def lrelu(x, leak=0.2):
    return 0.5 * (1 + leak) * x + 0.5 * (1 - leak) * tf.abs(x)


class Contender:

    def __init__(self, images, weights, batchsize):
        self.all_images = images.reshape(-1, 784)
        self.batchsize = batchsize
        self.random = np.random.default_rng(0)
        with tf.Graph().as_default() as graph:
            self.build(weights, batchsize, len(weights["w_mean/bias"]))
            self.session = tf.Session(graph=graph)
            self.session.run(tf.global_variables_initializer())

    def build(self, weights, batchsize, n_z):
        self.images = tf.placeholder(tf.float32, [None, 784])
        images = tf.reshape(self.images, [-1, 28, 28, 1])
        h1 = lrelu(conv2d(images, "d_h1", weights))
        h2 = lrelu(conv2d(h1, "d_h2", weights))
        h2_flat = tf.reshape(h2, [-1, 7 * 7 * 32])
        z_mean = dense(h2_flat, "w_mean", weights)
        z_stddev = dense(h2_flat, "w_stddev", weights)
        self.samples = tf.random_normal([batchsize, n_z])
        sampled_z = z_mean + z_stddev * self.samples

        z = tf.reshape(dense(sampled_z, "z_matrix", weights), [-1, 7, 7, 32])
        h1 = tf.nn.relu(conv_transpose(
            tf.nn.relu(z), [batchsize, 14, 14, 16], "g_h1", weights))
        generated = tf.reshape(tf.nn.sigmoid(conv_transpose(
            h1, [batchsize, 28, 28, 1], "g_h2", weights)), [-1, 784])

        generation_loss = -tf.reduce_sum(
            self.images * tf.log(1e-8 + generated)
            + (1 - self.images) * tf.log(1e-8 + 1 - generated), 1)
        latent_loss = 0.5 * tf.reduce_sum(
            tf.square(z_mean) + tf.square(z_stddev)
            - tf.log(tf.square(z_stddev)) - 1, 1)
        self.loss = tf.reduce_mean(generation_loss + latent_loss)
        variables = dict(zip(weights, tf.trainable_variables()))
        self.gradients = dict(zip(variables, tf.gradients(
            self.loss, list(variables.values()))))
        self.optimizer = tf.train.AdamOptimizer(0.001).minimize(self.loss)

    def loss_and_gradients(self, images, samples):
        return self.session.run(
            [self.loss, self.gradients],
            {self.images: images.reshape(-1, 784), self.samples: samples})

    def train_epoch(self):
        n = len(self.all_images) // self.batchsize * self.batchsize
        order = self.random.permutation(len(self.all_images))[:n]
        losses = []
        for batch in order.reshape(-1, self.batchsize):
            loss, _ = self.session.run(
                [self.loss, self.optimizer],
                feed_dict={self.images: self.all_images[batch]})
            losses.append(loss)
        return float(np.mean(losses))

"""As in 2016: a graph with placeholders, run in a session batch by batch.

The functions of vae_tf, which are those of the 2016 program, build the graph.
"""

from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from vae_tf import VAE, cross_entropy


class Graph2016:

    def __init__(self, images, weights, batchsize):
        self.all_images = images.reshape(-1, 784)
        self.batchsize = batchsize
        self.random = np.random.default_rng(0)
        with tf.Graph().as_default() as graph:
            variables = self.build(batchsize, len(weights["w_mean/bias"]))
            self.session = tf.Session(graph=graph)
            self.session.run(tf.global_variables_initializer())
            for name, variable in variables.items():
                variable.load(weights[name], self.session)

    def build(self, batchsize, n_z):
        """Add loss, gradients and optimizer to the graph: {name: variable}."""
        self.images = tf.placeholder(tf.float32, [None, 784])
        images = tf.reshape(self.images, [-1, 28, 28, 1])
        self.samples = tf.random_normal([batchsize, n_z])
        model = VAE(n_z, generation_loss=cross_entropy)
        model.loss(images)  # makes the variables
        with mock.patch("tensorflow.random.normal",
                        lambda *_, **__: self.samples):
            self.loss = model.loss(images)["loss"]
        variables = {variable.op.name: variable
                     for variable in model.trainable_variables}
        self.gradients = dict(zip(variables, tf.gradients(
            self.loss, list(variables.values()))))
        self.optimizer = tf.train.AdamOptimizer(0.001).minimize(
            self.loss, var_list=list(variables.values()))
        return variables

    def loss_and_gradients(self, images, samples):
        return self.session.run(
            [self.loss, self.gradients],
            {self.images: images.reshape(-1, 784), self.samples: samples})

    def run(self):
        n = len(self.all_images) // self.batchsize * self.batchsize
        order = self.random.permutation(len(self.all_images))[:n]
        return float(np.mean([
            self.session.run([self.loss, self.optimizer],
                             {self.images: self.all_images[batch]})[0]
            for batch in order.reshape(-1, self.batchsize)]))

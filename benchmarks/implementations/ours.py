"""Ours: one compiled call per epoch over images that stay in memory."""

from unittest import mock

import tensorflow as tf

from vae_tf import VAE, cross_entropy, train


class Ours:

    kind = VAE

    def __init__(self, images, weights, batchsize):
        n_z = len(weights["w_mean/bias"])
        self.model = self.kind(n_z, generation_loss=cross_entropy)
        self.model.loss(images[:1])  # makes the variables
        self.variables = {variable.name.removesuffix(":0"): variable
                          for variable in self.model.trainable_variables}
        for name, variable in self.variables.items():
            variable.assign(weights[name])
        self.records = train(self.model, images, epochs=10**6,
                             batchsize=batchsize)

    def loss_and_gradients(self, images, samples):
        with (mock.patch("tensorflow.random.normal", lambda *_, **__: samples),
              tf.GradientTape() as tape):
            loss = self.model.loss(images)["loss"]
        gradients = tape.gradient(loss, self.variables)
        return float(loss), {k: v.numpy() for k, v in gradients.items()}

    def run(self):
        return next(self.records)["loss"]

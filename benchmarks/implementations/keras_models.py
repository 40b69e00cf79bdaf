"""Keras: a model trained by `fit`, and by one compiled call per batch.

The model is written as keras.io shows a VAE, with its own `train_step`; the
loop over tf.data is that of TensorFlow's tutorial on a convolutional VAE.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


def build_encoder(n_z):
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(16, 5, 2, "same")(images)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(32, 5, 2, "same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Flatten()(x)
    return keras.Model(images, [layers.Dense(n_z)(x), layers.Dense(n_z)(x)])


def build_decoder(n_z):
    z = keras.Input((n_z,))
    x = layers.Dense(7 * 7 * 32, activation="relu")(z)
    x = layers.Reshape((7, 7, 32))(x)
    x = layers.Conv2DTranspose(16, 5, 2, "same", activation="relu")(x)
    x = layers.Conv2DTranspose(1, 5, 2, "same", activation="sigmoid")(x)
    return keras.Model(z, x)


class VAE(keras.Model):

    def __init__(self, n_z):
        super().__init__()
        self.n_z = n_z
        self.encoder, self.decoder = build_encoder(n_z), build_decoder(n_z)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.seed_generator = keras.random.SeedGenerator(0)

    @property
    def metrics(self):
        return [self.loss_tracker]

    def loss_and_gradients(self, images, samples):
        with tf.GradientTape() as tape:
            z_mean, z_stddev = self.encoder(images)
            generated = self.decoder(z_mean + z_stddev * samples)
            generation_loss = ops.sum(keras.losses.binary_crossentropy(
                images, generated), axis=(1, 2))
            latent_loss = 0.5 * ops.sum(
                ops.square(z_mean) + ops.square(z_stddev)
                - ops.log(ops.square(z_stddev)) - 1, axis=1)
            loss = ops.mean(generation_loss + latent_loss)
        return loss, tape.gradient(loss, self.trainable_weights)

    def train_step(self, images):
        samples = keras.random.normal((ops.shape(images)[0], self.n_z),
                                      seed=self.seed_generator)
        loss, gradients = self.loss_and_gradients(images, samples)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


class Fit:

    def __init__(self, images, weights, batchsize):
        self.images, self.batchsize = images, batchsize
        self.names = list(weights)
        self.model = VAE(len(weights["w_mean/bias"]))
        for variable, value in zip(self.model.trainable_weights,
                                   weights.values(), strict=True):
            variable.assign(value)
        self.model.compile(keras.optimizers.Adam(0.001, epsilon=1e-8))

    def loss_and_gradients(self, images, samples):
        loss, gradients = self.model.loss_and_gradients(images, samples)
        return float(loss), {name: gradient.numpy() for name, gradient
                             in zip(self.names, gradients, strict=True)}

    def run(self):
        history = self.model.fit(self.images, batch_size=self.batchsize,
                                 verbose=0)
        return history.history["loss"][0]


class PerBatch(Fit):

    def __init__(self, images, weights, batchsize):
        super().__init__(images, weights, batchsize)
        self.batches = tf.data.Dataset.from_tensor_slices(images).shuffle(
            len(images)).batch(batchsize, drop_remainder=True)

        @tf.function
        def train_step(images):
            samples = tf.random.normal([tf.shape(images)[0], self.model.n_z])
            loss, gradients = self.model.loss_and_gradients(images, samples)
            self.model.optimizer.apply_gradients(
                zip(gradients, self.model.trainable_weights))
            return loss
        self.train_step = train_step

    def run(self):
        return float(np.mean([self.train_step(x) for x in self.batches]))

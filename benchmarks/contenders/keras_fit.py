"""Keras `fit`: a model with its own `train_step`, as keras.io shows a VAE."""

import keras
import tensorflow as tf
from keras import layers, ops


class Sampling(layers.Layer):
    """Draw z from its Gaussian."""

    def __init__(self):
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs):
        z_mean, z_stddev = inputs
        samples = keras.random.normal(ops.shape(z_mean),
                                      seed=self.seed_generator)
        return z_mean + z_stddev * samples


def build_encoder(n_z):
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(16, 5, 2, "same")(images)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(32, 5, 2, "same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Flatten()(x)
    z_mean = layers.Dense(n_z)(x)
    z_stddev = layers.Dense(n_z)(x)
    return keras.Model(images, [z_mean, z_stddev,
                                Sampling()([z_mean, z_stddev])])


def build_decoder(n_z):
    z = keras.Input((n_z,))
    x = layers.Dense(7 * 7 * 32, activation="relu")(z)
    x = layers.Reshape((7, 7, 32))(x)
    x = layers.Conv2DTranspose(16, 5, 2, "same", activation="relu")(x)
    x = layers.Conv2DTranspose(1, 5, 2, "same", activation="sigmoid")(x)
    return keras.Model(z, x)


class VAE(keras.Model):

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def loss_of(self, images):
        z_mean, z_stddev, z = self.encoder(images)
        generation_loss = ops.sum(keras.losses.binary_crossentropy(
            images, self.decoder(z)), axis=(1, 2))
        latent_loss = 0.5 * ops.sum(
            ops.square(z_mean) + ops.square(z_stddev)
            - ops.log(ops.square(z_stddev)) - 1, axis=1)
        return ops.mean(generation_loss + latent_loss)

    def train_step(self, images):
        with tf.GradientTape() as tape:
            loss = self.loss_of(images)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


class Contender:

    def __init__(self, images, weights, batchsize):
        n_z = len(weights["w_mean/bias"])
        self.images, self.batchsize = images, batchsize
        self.names = list(weights)
        self.model = VAE(build_encoder(n_z), build_decoder(n_z))
        for variable, value in zip(self.model.trainable_weights,
                                   weights.values(), strict=True):
            variable.assign(value)
        self.model.compile(keras.optimizers.Adam(0.001, epsilon=1e-8))

    def loss_and_gradients(self, images, samples):
        normal, keras.random.normal = (keras.random.normal,
                                       lambda *_, **__: samples)
        try:
            with tf.GradientTape() as tape:
                loss = self.model.loss_of(images)
        finally:
            keras.random.normal = normal
        gradients = tape.gradient(loss, self.model.trainable_weights)
        return float(loss), dict(zip(self.names, gradients))

    def train_epoch(self):
        history = self.model.fit(self.images, batch_size=self.batchsize,
                                 verbose=0)
        return history.history["loss"][0]

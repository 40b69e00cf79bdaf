"""One compiled call per batch from tf.data, as TensorFlow's CVAE tutorial."""

import numpy as np
import tensorflow as tf


class CVAE(tf.keras.Model):

    def __init__(self, n_z):
        super().__init__()
        layers = tf.keras.layers
        self.encoder = tf.keras.Sequential([
            layers.InputLayer((28, 28, 1)),
            layers.Conv2D(16, 5, 2, "same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(32, 5, 2, "same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(2 * n_z)])
        self.decoder = tf.keras.Sequential([
            layers.InputLayer((n_z,)),
            layers.Dense(7 * 7 * 32, activation="relu"),
            layers.Reshape((7, 7, 32)),
            layers.Conv2DTranspose(16, 5, 2, "same", activation="relu"),
            layers.Conv2DTranspose(1, 5, 2, "same")])


def compute_loss(model, x, samples):
    """Return the loss, the cross-entropy from the logits."""
    z_mean, z_stddev = tf.split(model.encoder(x), 2, axis=1)
    logits = model.decoder(z_mean + z_stddev * samples)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=x, logits=logits)
    latent_loss = 0.5 * tf.reduce_sum(
        tf.square(z_mean) + tf.square(z_stddev)
        - tf.math.log(tf.square(z_stddev)) - 1, axis=1)
    return tf.reduce_mean(
        tf.reduce_sum(cross_entropy, axis=[1, 2, 3]) + latent_loss)


class Contender:

    def __init__(self, images, weights, batchsize):
        self.n_z = len(weights["w_mean/bias"])
        self.names = list(weights)
        self.model = CVAE(self.n_z)
        for variable, value in zip(self.model.trainable_variables,
                                   join(weights).values(), strict=True):
            variable.assign(value)
        self.optimizer = tf.keras.optimizers.Adam(0.001, epsilon=1e-8)
        self.batches = tf.data.Dataset.from_tensor_slices(images).shuffle(
            len(images)).batch(batchsize, drop_remainder=True)

        @tf.function
        def train_step(x):
            samples = tf.random.normal([tf.shape(x)[0], self.n_z])
            with tf.GradientTape() as tape:
                loss = compute_loss(self.model, x, samples)
            variables = self.model.trainable_variables
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, variables), variables))
            return loss
        self.train_step = train_step

    def loss_and_gradients(self, images, samples):
        with tf.GradientTape() as tape:
            loss = compute_loss(self.model, images, samples)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        return float(loss), split(gradients, self.names, self.n_z)

    def train_epoch(self):
        return float(np.mean([self.train_step(x) for x in self.batches]))


def join(weights):
    """Return the weights with the two heads of the encoder as one layer."""
    joined = dict(weights)
    for kind in ("Matrix", "bias"):
        joined[f"w_mean/{kind}"] = np.concatenate(
            [weights[f"w_mean/{kind}"], joined.pop(f"w_stddev/{kind}")], -1)
    return joined


def split(gradients, names, n_z):
    """Return the gradients by name, the encoder's last layer as two heads."""
    gradients = dict(zip([name for name in names if "w_stddev" not in name],
                         gradients))
    for kind in ("Matrix", "bias"):
        both = gradients[f"w_mean/{kind}"]
        gradients[f"w_mean/{kind}"] = both[..., :n_z]
        gradients[f"w_stddev/{kind}"] = both[..., n_z:]
    return gradients

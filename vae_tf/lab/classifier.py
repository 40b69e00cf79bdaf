"""The classifier of digits that judges generated images in every chapter."""

import numpy as np
import tensorflow as tf

from vae_tf.lab.trained import trained
from vae_tf.ops import Scope, conv2d, dense, lrelu


class Classifier(tf.Module):
    """Three convolutions and a dense layer of 64 features tell digits apart.

    `loss` takes labels [n, 10], one-hot, and images [n, 28, 28, 1] with
    pixels in [0, 1], which it turns, stretches and shifts a little at random.
    """

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.scope = Scope()

    def features(self, images):
        """Return images [n, 28, 28, 1] as features [n, 64]."""
        with self.scope:
            h1 = lrelu(conv2d(images, 1, 16, "h1"))    # 28x28x1 -> 14x14x16
            h2 = lrelu(conv2d(h1, 16, 32, "h2"))       # 14x14x16 -> 7x7x32
            h3 = lrelu(conv2d(h2, 32, 64, "h3"))       # 7x7x32 -> 4x4x64
            flat = tf.reshape(h3, [-1, 4 * 4 * 64])
            return tf.nn.relu(dense(flat, 4 * 4 * 64, 64, "h4"))

    def logits(self, features):
        """Return features [n, 64] as the digits' logits [n, 10]."""
        with self.scope:
            return dense(features, 64, 10, "digits")

    def predict(self, images):
        """Return the digit in each of the images [n, 28, 28, 1]: [n]."""
        return np.argmax(self.logits(self.features(images)), axis=1)

    def loss(self, labels, images):
        """Return the cross-entropy of moved images, in nats, averaged."""
        features = tf.nn.dropout(self.features(moved(images)), 0.5)
        return {"loss": tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(
                labels, self.logits(features)))}


def moved(images):
    """Turn, stretch and shift each image [n, 28, 28, 1] at random.

    The four entries of the matrix move by up to 0.15, the centre by up to 2
    pixels.
    """
    n = tf.shape(images)[0]
    a, b, c, d = tf.unstack(tf.random.uniform([4, n], -0.15, 0.15)
                            + [[1.0], [0.0], [0.0], [1.0]])
    x, y = tf.unstack(tf.random.uniform([2, n], -2.0, 2.0))
    x, y = x + 13.5 * (1 - a - b), y + 13.5 * (1 - c - d)
    none = tf.zeros([n])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=tf.stack([a, b, x, c, d, y, none, none], 1),
        output_shape=[28, 28], interpolation="BILINEAR",
        fill_mode="CONSTANT", fill_value=0.0)


def digit_classifier(training, validation):
    """Return the classifier, trained on a Split of MNIST."""
    return trained(**recipe(training, validation))[0]


def recipe(training, validation):
    """Return the arguments of `trained` that make the classifier."""
    arrays, others = [(np.eye(10)[split.labels], split.images)
                      for split in (training, validation)]
    return {"model": Classifier(), "arrays": arrays, "validation": others,
            "epochs": 40, "learning_rate": 0.002}

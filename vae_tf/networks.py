"""The two halves, in the order data flows: images -> codes -> images."""

import numpy as np
import tensorflow as tf

from vae_tf.ops import conv2d, conv_transpose, dense, lrelu


def features(input_images):
    """Return what the two convolutions see, flat: both encoders' first part.

    images [n, h, w, c] -> [n, h/4 * w/4 * 32], 1,568 for a digit (Chapter 4)
    """
    c = input_images.shape[3]
    h1 = lrelu(conv2d(input_images, c, 16, "d_h1"))  # 28x28x1 -> 14x14x16
    h2 = lrelu(conv2d(h1, 16, 32, "d_h2"))           # 14x14x16 -> 7x7x32
    return tf.reshape(h2, [-1, np.prod(h2.shape[1:])])


def encoder(input_images, n_z):
    """Choose one code per image: the encoder of the plain autoencoder.

    images [n, h, w, c] -> z [n, n_z] (Chapter 4)
    """
    h2_flat = features(input_images)
    return dense(h2_flat, h2_flat.shape[1], n_z, "w_z")


def recognition(input_images, n_z, stddev_start=0.0):
    """Choose a mean and a standard deviation per latent variable.

    images [n, h, w, c] -> z_mean, z_stddev, each [n, n_z]. z_stddev is a
    linear output whose sign means nothing; its bias starts at `stddev_start`.
    (Chapter 5)
    """
    h2_flat = features(input_images)
    length = h2_flat.shape[1]                        # 7x7x32 = 1568
    z_mean = dense(h2_flat, length, n_z, "w_mean")
    z_stddev = dense(h2_flat, length, n_z, "w_stddev", stddev_start)
    return z_mean, z_stddev


def sample_z(z_mean, z_stddev):
    """Draw one code per image from its Gaussian: the reparameterization trick.

    z_mean, z_stddev [n, n_z] -> sampled_z [n, n_z] (Chapter 5; Kingma and
    Welling 2013, section 2.4)
    """
    batchsize, n_z = tf.unstack(tf.shape(z_mean))
    samples = tf.random.normal([batchsize, n_z], 0, 1, dtype=tf.float32)
    sampled_z = z_mean + (z_stddev * samples)
    return sampled_z


def generation(z, image_shape=(28, 28, 1)):
    """Decode codes into images with pixels in (0, 1).

    z [n, n_z] -> images [n, *image_shape]: a dense layer, then as many
    deconvolutions as the picture's size can be halved without falling below
    4: two for 28, four for 64. (Chapter 1)
    """
    doublings = count_doublings(image_shape)
    h, w = image_shape[0] >> doublings, image_shape[1] >> doublings
    features = 8 << doublings
    x = dense(z, z.shape[1], h * w * features, "z_matrix")
    x = tf.nn.relu(tf.reshape(x, [-1, h, w, features]))  # n_z -> 7x7x32
    for i in range(1, doublings):
        h, w, features = 2 * h, 2 * w, features // 2
        x = conv_transpose(x, [tf.shape(z)[0], h, w, features], f"g_h{i}")
        x = tf.nn.relu(x)                                # 7x7x32 -> 14x14x16
    shape = [tf.shape(z)[0], *image_shape]               # 14x14x16 -> 28x28x1
    return tf.nn.sigmoid(conv_transpose(x, shape, f"g_h{doublings}"))


def count_doublings(image_shape):
    """Return how often height and width halve evenly and stay at least 4."""
    size, doublings = image_shape[:2], 0
    while all(length % 2 == 0 and length >= 8 for length in size):
        size, doublings = [length // 2 for length in size], doublings + 1
    return doublings

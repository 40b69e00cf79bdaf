"""The article's losses: one number per image, averaged only by the caller."""

import tensorflow as tf


def generation_loss(generated_images, real_images):
    """Return the squared error of each image, summed over its pixels.

    [n, h, w, c] twice -> [n], in squared pixel units. As the negative
    logarithm of a likelihood it is that of a Gaussian whose variance is 1/2,
    up to a constant, in nats. (Chapters 1 and 5)
    """
    # article: mean(square(...)), which collapses beside the KL (Chapter 5).
    return tf.reduce_sum(tf.square(generated_images - real_images), [1, 2, 3])


def cross_entropy(generated_images, real_images):
    """Return the Bernoulli cross-entropy, the 2016 program's loss.

    [n, h, w, c] twice, pixels in [0, 1] -> [n], in nats per image, summed
    over the pixels. (Chapter 9)
    """
    # 2016: 1e-8 + 1 - generated, which in float32 is 1 - generated.
    black = tf.maximum(1 - generated_images, 1e-8)
    return -tf.reduce_sum(
        real_images * tf.math.log(1e-8 + generated_images)
        + (1 - real_images) * tf.math.log(black), [1, 2, 3])


def latent_loss(z_mean, z_stddev):
    """Return each code's KL divergence from the unit Gaussian.

    z_mean, z_stddev [n, n_z] -> [n], in nats, summed over the latent
    variables; infinite where z_stddev is 0. (Chapter 5; Kingma and Welling
    2013, appendix B)
    """
    return 0.5 * tf.reduce_sum(
        tf.square(z_mean) + tf.square(z_stddev)
        - tf.math.log(tf.square(z_stddev)) - 1, 1)

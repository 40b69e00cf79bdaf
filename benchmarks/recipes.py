"""Two ways to train the same VAE: that of 2016, and a quicker one."""

import tensorflow as tf
from benchmarks.contenders.sub_pixel import SubPixelVAE
from vae_tf import VAE, cross_entropy, train

EPOCHS = {"of_2016": 9, "quick": 3}


def of_2016(images, seed):
    """Return a new VAE and the generator of its training, as in 2016."""
    vae = VAE(generation_loss=cross_entropy, stddev_start=0)
    return vae, train(vae, images, epochs=EPOCHS["of_2016"], seed=seed)


def quick(images, seed, optimizer=tf.keras.optimizers.Nadam,
          learning_rate=0.004, falling=True, beta_1=0.95, beta_2=0.97,
          batchsize=50, clip=100.0):
    """Return the same, in more and bolder steps on 50,000 images.

    Adam looks one step ahead (Nadam, Dozat 2016) and averages over gradients
    for longer, over their squares for less long than usual (`beta_1`,
    `beta_2`). Its steps shrink to nothing in a straight line, and a gradient
    longer than `clip` is cut to that length.
    """
    images = images[:50_000]
    if falling:
        steps = EPOCHS["quick"] * (len(images) // batchsize)
        learning_rate = tf.keras.optimizers.schedules.PolynomialDecay(
            learning_rate, steps, 0.0)
    optimizer = optimizer(learning_rate, beta_1, beta_2,
                          global_clipnorm=clip)
    vae = SubPixelVAE(generation_loss=cross_entropy, stddev_start=0)
    return vae, train(vae, images, epochs=EPOCHS["quick"], seed=seed,
                      batchsize=batchsize, optimizer=optimizer)

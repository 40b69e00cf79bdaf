"""The variants of the VAE: what is changed in each, and nothing else."""

import numpy as np
import pytest
import tensorflow_probability as tfp

from tests.test_train import blobs
from vae_tf import cross_entropy, generation_loss
from vae_tf.lab import variants
from vae_tf.lab.variants import SoftplusVAE, SwitchedVAE, WeightedVAE
import tensorflow as tf

IMAGES = blobs(20)


def loss(model, seed=0):
    """Return the terms of a model's loss, its weights far from their start."""
    tf.random.set_seed(seed)
    model.loss(IMAGES)
    for i, v in enumerate(model.trainable_variables):
        v.assign(tf.random.stateless_normal(v.shape, [seed, i], stddev=0.1))
    tf.random.set_seed(seed)
    return {name: float(value) for name, value in model.loss(IMAGES).items()}


def test_softplus_is_positive_and_dense_layers_have_two_latents():
    for model in (SoftplusVAE(20), variants.DenseVAE(2)):
        loss(model)
        z_mean, z_stddev = model.recognition(IMAGES)
        assert np.min(z_stddev) > 0 and z_mean.shape == [20, model.n_z]


def test_a_weight_and_two_switches_change_the_sum_alone():
    whole = loss(SoftplusVAE(20, cross_entropy))
    assert loss(WeightedVAE(3))["loss"] == pytest.approx(
        whole["generation_loss"] + 3 * whole["latent_loss"])
    assert loss(SwitchedVAE(True, True))["loss"] == whole["loss"]
    noise, kl = loss(SwitchedVAE(True, False)), loss(SwitchedVAE(False, True))
    assert noise["loss"] == whole["generation_loss"]
    assert kl["loss"] - kl["generation_loss"] == pytest.approx(
        whole["latent_loss"])
    assert kl["generation_loss"] != whole["generation_loss"]


def test_a_conditional_vae_is_told_the_label_in_both_halves():
    model, labels = variants.ConditionalVAE(3), np.eye(10, dtype="f")[[3] * 20]
    terms = model.loss(labels, IMAGES)
    assert terms["loss"] == terms["generation_loss"] + terms["latent_loss"]
    with tf.GradientTape() as tape:
        loss = model.loss(labels, IMAGES)["loss"]
    found = tape.gradient(loss, model.trainable_variables)
    assert all(np.any(gradient != 0) for gradient in found)
    for v in model.trainable_variables:
        v.assign(tf.random.stateless_normal(v.shape, [0, 0], stddev=0.1))
    others = np.roll(labels, 1, axis=1)
    for one, other in zip(
            [*model.recognition(IMAGES, labels),
             model.generation(np.ones([20, 3], "f"), labels)],
            [*model.recognition(IMAGES, others),
             model.generation(np.ones([20, 3], "f"), others)]):
        assert np.all(np.any(one != other, axis=-1).reshape(20, -1).any(1))


def test_a_calibrated_decoder_has_the_variance_of_the_lowest_loss():
    error = loss(SoftplusVAE(20, generation_loss))["generation_loss"]
    losses = [error / (2 * s) + 784 / 2 * np.log(2 * np.pi * s)
              for s in error / 784 * np.float64([.9, .99, 1, 1.01, 1.1])]
    found = loss(variants.CalibratedVAE(20))["generation_loss"]
    assert found == pytest.approx(losses[2]) and min(losses) == losses[2]


def test_a_gaussian_has_the_density_of_tensorflow_probability():
    z, mean, stddev = np.abs(np.random.default_rng(0).normal(
        size=(3, 5, 20))) + 0.1
    expected = tfp.distributions.MultivariateNormalDiag(mean, stddev)
    np.testing.assert_allclose(variants.log_gaussian(z, mean, stddev),
                               expected.log_prob(z))

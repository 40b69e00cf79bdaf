"""The models: what they remember, what they add up, what they draw."""

import numpy as np
import pytest

from vae_tf import (
    VAE,
    Autoencoder,
    Memorizer,
    cross_entropy,
    generation_loss,
    latent_loss,
    sample_z,
    train,
)
from vae_tf.data import pictures
import tensorflow as tf

IMAGES = tf.random.stateless_uniform([5, 28, 28, 1], [0, 0])


def psnr(a, b):
    return -10 * np.log10(np.mean(np.square(a - b)))


def fresh(model, seed=0):
    """Return `model` after its variables were made with a seed."""
    tf.random.set_seed(seed)
    model.loss(IMAGES)
    return model


def test_a_memorizer_fed_with_ones_remembers_a_cat_to_30_decibels():
    cat = pictures()[0][:1, 2::4, 2::4]
    memorizer, ones = Memorizer(cat.shape[1:]), np.ones([1, 8], np.float32)
    copies = np.repeat(ones, 200, 0), np.repeat(cat, 200, 0)
    list(train(memorizer, *copies, epochs=1, batchsize=1,
               learning_rate=.005))
    assert psnr(memorizer.generation(ones), cat) > 30
    assert psnr(cat.mean((1, 2), keepdims=True), cat) < 20


def test_a_memorizer_keeps_each_picture_under_its_own_code():
    images = pictures()[0][:3, 2::4, 2::4]
    memorizer, codes = Memorizer(images.shape[1:]), np.eye(3, dtype="f")
    copies = [np.repeat(a, 100, 0) for a in (codes, images)]
    list(train(memorizer, *copies, epochs=2, batchsize=3, learning_rate=.005))
    error = [[psnr(memorizer.generation(code[None]), image[None])
              for image in images] for code in codes]
    assert np.all(np.argmax(error, 1) == [0, 1, 2])
    assert np.diag(error).min() > 20


@pytest.mark.parametrize("terms", [generation_loss, cross_entropy])
def test_the_loss_of_a_vae_is_the_mean_over_images_of_both_terms(terms):
    vae = fresh(VAE(3, generation_loss=terms))
    tf.random.set_seed(1)
    loss = vae.loss(IMAGES)
    tf.random.set_seed(1)
    z_mean, z_stddev = vae.recognition(IMAGES)
    generated = vae.generation(sample_z(z_mean, z_stddev))
    expected = {"generation_loss": np.mean(terms(generated, IMAGES)),
                "latent_loss": np.mean(latent_loss(z_mean, z_stddev))}
    expected["loss"] = sum(expected.values())
    assert loss.keys() == expected.keys()
    for name in loss:
        assert loss[name].numpy() == pytest.approx(expected[name], rel=1e-5)


def test_the_loss_of_an_autoencoder_is_the_mean_squared_error_per_image():
    model = fresh(Autoencoder(3))
    z = model.encoder(IMAGES)
    error = np.square(model.generation(z) - IMAGES).sum((1, 2, 3)).mean()
    for value in model.loss(IMAGES).values():
        assert value.numpy() == pytest.approx(error, rel=1e-5)
    assert np.all(model.reconstruct(IMAGES) == model.generation(z))


def test_the_loss_of_a_memorizer_is_the_mean_squared_error_per_image():
    model, z = Memorizer(), tf.random.normal([5, 3])
    error = np.square(model.generation(z) - IMAGES).sum((1, 2, 3)).mean()
    for value in model.loss(z, IMAGES).values():
        assert value.numpy() == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("model", [VAE(3), Autoencoder(3)],
                         ids=["VAE", "Autoencoder"])
def test_every_variable_gets_a_gradient_from_the_loss(model):
    with tf.GradientTape() as tape:
        loss = fresh(model).loss(IMAGES)["loss"]
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert np.any(gradient != 0)


def test_a_vae_generates_from_the_unit_gaussian_anew_each_time():
    vae = fresh(VAE(3))
    tf.random.set_seed(1)
    generated = vae.generate(4)
    tf.random.set_seed(1)
    assert np.all(generated == vae.generation(tf.random.normal([4, 3])))
    assert np.all(np.any(vae.generate(4) != generated, (1, 2, 3)))


def test_a_vae_reconstructs_from_the_mean_and_the_noise_it_is_given():
    vae = fresh(VAE(3))
    assert np.any(vae.reconstruct(IMAGES) != vae.reconstruct(IMAGES))
    for variable in vae.variables:
        if variable.name.startswith("w_stddev"):
            variable.assign(tf.zeros_like(variable))
    z_mean, _ = vae.recognition(IMAGES)
    assert np.all(vae.reconstruct(IMAGES) == vae.generation(z_mean))


def test_the_defaults_are_those_of_2016():
    assert VAE().n_z == Autoencoder().n_z == 20
    assert VAE().generation_loss is generation_loss
    assert Memorizer().image_shape == VAE.image_shape == (28, 28, 1)

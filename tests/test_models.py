"""The models: what they remember, what they add up, what they draw."""

import functools
import inspect

import numpy as np
import pytest

from tests.test_checks import BAD_CODES, BAD_IMAGES
import vae_tf
from vae_tf import VAE, Autoencoder, Memorizer, sample_z, train
from vae_tf.losses import cross_entropy, generation_loss, latent_loss
import tensorflow as tf

IMAGES = tf.random.stateless_uniform([5, 28, 28, 1], [0, 0])


def fresh(model):
    """Return `model` after its variables were made with a seed."""
    tf.random.set_seed(0)
    model.loss(IMAGES)
    return model


def test_a_memorizer_keeps_to_the_length_of_its_first_code():
    memorizer = Memorizer()
    memorizer.generation(np.eye(3))
    with pytest.raises(ValueError, match=r"\(3, 1568\).* Got \(2, 1568\)"):
        memorizer.generation(np.ones([1, 2]))


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


def test_the_other_losses_are_the_mean_squared_error_per_image():
    model, memorizer = fresh(Autoencoder(3)), Memorizer()
    z = model.encoder(IMAGES)
    for generated, loss in (
            (model.reconstruct(IMAGES), model.loss(IMAGES)),
            (memorizer.generation(z), memorizer.loss(z, IMAGES))):
        error = np.square(generated - IMAGES).sum((1, 2, 3)).mean()
        assert loss.keys() == {"loss", "generation_loss"}
        for value in loss.values():
            assert value.numpy() == pytest.approx(error, rel=1e-5)


def test_every_variable_gets_a_gradient_from_the_loss():
    for model in (fresh(VAE(3)), fresh(Autoencoder(3))):
        with tf.GradientTape() as tape:
            loss = model.loss(IMAGES)["loss"]
        for gradient in tape.gradient(loss, model.trainable_variables):
            assert np.any(gradient != 0)


def test_a_vae_draws_its_codes_anew_each_time():
    vae = fresh(VAE(3))
    tf.random.set_seed(1)
    generated = vae.generate(4)
    tf.random.set_seed(1)
    assert np.all(generated == vae.generation(tf.random.normal([4, 3])))
    assert np.all(np.any(vae.generate(4) != generated, (1, 2, 3)))
    assert np.any(vae.reconstruct(IMAGES) != vae.reconstruct(IMAGES))


def test_the_defaults_are_those_of_2016_but_for_the_start_of_z_stddev():
    assert VAE().n_z == Autoencoder().n_z == 20
    assert VAE().generation_loss is generation_loss
    for vae, start in (VAE(), .02), (VAE(stddev_start=0), 0):
        z_mean, z_stddev = vae.recognition(np.zeros([1, 28, 28, 1]))
        assert np.all(z_stddev == np.float32(start)) and np.all(z_mean == 0)


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 10, 1), (30, 64, 4)])
def test_a_vae_takes_images_of_another_shape(shape):
    images = np.random.default_rng(0).random((40, *shape), np.float32)
    vae = VAE(3, image_shape=list(shape))
    first, *_, last = train(vae, images, epochs=4, batchsize=10)
    assert last["loss"] < first["loss"]
    assert vae.reconstruct(images).shape == images.shape
    assert vae.generate(2).shape == (2, *shape)
    anything = tf.TensorSpec(None)  # not even the rank is known
    graph = tf.function(vae.reconstruct, input_signature=[anything])
    assert graph(images).shape == images.shape


@pytest.mark.parametrize("terms, every", [
    (generation_loss, 1), (cross_entropy, 20)])
def test_a_vae_trains_where_pictures_are_blank(terms, every):
    images = np.random.default_rng(0).random((200, 28, 28, 1), np.float32)
    images[::every] = 0
    first, *_, last = train(VAE(20, terms), images, epochs=3, batchsize=20)
    assert last["loss"] < first["loss"]


GOOD = {"z": np.eye(6), "images": np.full([6, 28, 28, 1], .5)}


@pytest.mark.parametrize("method, name", [
    (method, name) for model in (Memorizer, Autoencoder, VAE)
    for method in vars(model).values() if inspect.isfunction(method)
    for name in inspect.signature(method).parameters if name in GOOD])
def test_every_method_takes_all_kinds_of_floats_and_nothing_else(method, name):
    kind = method.__qualname__.partition(".")[0]
    model = Memorizer() if kind == "Memorizer" else vars(vae_tf)[kind](6)
    names = list(inspect.signature(method).parameters)[1:]

    def call(value):
        tf.random.set_seed(0)
        given = {**GOOD, name: value}
        return tf.nest.flatten(method(model, *[given[n] for n in names]))[-1]

    begin = f"The {name!r} parameter of {method.__qualname__} must "
    bad = {"images": BAD_IMAGES, "z": BAD_CODES}[name]
    if method.__name__ == "generation":
        bad = bad[1:]       # four codes are as good as six
        if method is not Memorizer.generation:
            bad += [(np.ones([6, n]), f"[6, {n}]") for n in (2, 7)]
    for value, came in bad:
        with pytest.raises((TypeError, ValueError)) as error:
            call(value)
        assert str(error.value).startswith(begin)
        end = str(error.value).partition("Got ")[2]
        assert came in end and "\n" not in end
        if came in ("int64", "uint8", "[6]"):
            with pytest.raises((TypeError, ValueError), match=begin):
                tf.function(call)(tf.constant(value))
    assert not model.variables

    value = np.float32(GOOD[name])
    call(value)         # makes the variables
    expected = call(GOOD[name])
    for convert in (np.float16, tf.Variable,
                    lambda v: tf.constant(v, tf.float64)):
        assert np.all(call(convert(value)) == expected)
    unknown = tf.TensorSpec([None, *value.shape[1:]])
    assert tf.function(call).get_concrete_function(unknown)
    with tf.GradientTape() as tape:
        tape.watch(value := tf.constant(value))
        y = call(value)
    assert np.any(tape.gradient(y, value) != 0)


def mean_square(generated, real):
    return tf.reduce_mean(tf.square(generated - real), [1, 2, 3])


def test_a_loss_must_be_one_finite_number_per_image():
    keras = tf.keras.losses
    for loss in [
            keras.mse, keras.MeanSquaredError, keras.MeanSquaredError(),
            "mse", lambda a: mean_square(a, a), lambda *a: None,
            lambda *a: tf.reduce_mean(mean_square(*a)),
            lambda *a: mean_square(*a) / 0.,
            lambda *a: tf.cast(mean_square(*a), tf.int32)]:
        with pytest.raises((TypeError, ValueError)) as error:
            VAE(generation_loss=loss)
        assert str(error.value).startswith(
            "The 'generation_loss' parameter of VAE must be a function of ")
        assert "\n" not in str(error.value)


def test_any_other_loss_is_taken_and_draws_no_random_number():
    def noisy(generated, real):
        return mean_square(generated, real) + tf.random.normal([])

    tf.random.set_seed(0)
    expected = tf.random.normal([3])
    tf.random.set_seed(0)
    for loss in (noisy, tf.function(mean_square),
                 functools.partial(mean_square)):
        assert VAE(generation_loss=loss).generation_loss is loss
    assert np.all(tf.random.normal([3]) == expected)

"""The models: what they remember, what they add up, what they draw."""

import copy
import functools
import inspect

import numpy as np
import pytest

from tests.test_checks import BAD_CODES, BAD_IMAGES
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


def test_the_defaults_are_those_of_2016_but_for_the_start_of_z_stddev():
    assert VAE().n_z == Autoencoder().n_z == 20
    assert VAE().generation_loss is generation_loss
    assert Memorizer().image_shape == VAE.image_shape == (28, 28, 1)
    for vae, start in (VAE(), .02), (VAE(stddev_start=0), 0):
        z_mean, z_stddev = vae.recognition(np.zeros([1, 28, 28, 1]))
        assert np.all(z_stddev == np.float32(start)) and np.all(z_mean == 0)


@pytest.mark.parametrize("terms", [generation_loss, cross_entropy])
@pytest.mark.parametrize("every", [1, 20, 400])
def test_a_vae_trains_where_pictures_are_blank(terms, every):
    images = np.random.default_rng(0).random((400, 28, 28, 1), np.float32)
    images[::every] = 0
    first, *_, last = train(VAE(20, terms), images, epochs=3, batchsize=20)
    assert last["loss"] < first["loss"]


METHODS = [(method, name) for model in (Memorizer, Autoencoder, VAE)
           for method in vars(model).values() if inspect.isfunction(method)
           for name in inspect.signature(method).parameters
           if name in ("z", "images")]
GOOD = {"z": np.eye(6), "images": np.full([6, 28, 28, 1], .5)}


def used(method):
    """Return a new model, and its method with good arguments unless given."""
    kind = method.__qualname__.partition(".")[0]
    model = {"Memorizer": Memorizer, "Autoencoder": lambda: Autoencoder(6),
             "VAE": lambda: VAE(6)}[kind]()
    names = list(inspect.signature(method).parameters)[1:]
    return model, lambda **given: method(
        model, *[{**GOOD, **given}[name] for name in names])


every_method = pytest.mark.parametrize("method, name", METHODS, ids=[
    f"{method.__qualname__}-{name}" for method, name in METHODS])


@every_method
def test_every_method_refuses_bad_input_and_makes_no_variable(method, name):
    begin = f"The {name!r} parameter of {method.__qualname__} must "
    model, call = used(method)
    bad = {"images": BAD_IMAGES, "z": BAD_CODES}[name]
    if method.__name__ == "generation":
        bad = bad[1:]       # four codes are as good as six
        if method is not Memorizer.generation:
            bad += [(np.ones([6, n]), f"[6, {n}]") for n in (2, 7)]
    for value, came in bad:
        with pytest.raises((TypeError, ValueError)) as error:
            call(**{name: value})
        assert str(error.value).startswith(begin)
        end = str(error.value).partition("Got ")[2]
        assert came in end and "\n" not in end
        if came in ("int64", "[6, 784]", "[6]", "[6, 2]"):
            with pytest.raises((TypeError, ValueError), match=begin):
                tf.function(lambda v: call(**{name: v}))(tf.constant(value))
    assert not model.variables


@every_method
def test_every_method_takes_all_kinds_of_floats_and_gradients(method, name):
    def result(value):
        tf.random.set_seed(0)
        return tf.nest.flatten(call(**{name: value}))[-1]

    _, call = used(method)
    value = np.float32(GOOD[name])
    result(value)       # makes the variables
    expected = result(GOOD[name])
    for kind in (np.float16, np.float32, np.asfortranarray, tf.constant,
                 tf.Variable, lambda v: tf.constant(v, tf.float64)):
        assert np.all(result(kind(value)) == expected)
    unknown = tf.TensorSpec([None, *value.shape[1:]])
    assert tf.function(result).get_concrete_function(unknown)
    with tf.GradientTape() as tape:
        tape.watch(value := tf.constant(value))
        y = result(value)
    assert np.any(tape.gradient(y, value) != 0)


def test_a_memorizer_keeps_the_length_of_its_first_codes():
    model = Memorizer()
    model.generation(np.ones([1, 2]))
    with pytest.raises(ValueError, match=r"\(2, 1568\).* Got \(3, 1568\)"):
        model.generation(np.ones([1, 3]))


def mean_square(generated, real):
    return tf.reduce_mean(tf.square(generated - real), [1, 2, 3])


LOSSES = {name: value for name, value in vars(tf.keras.losses).items()
          if callable(value)}
INSTANCES = {
    f"{name}({reduction})": kind(reduction=reduction)
    for name, kind in LOSSES.items() if hasattr(kind, "from_config")
    for reduction in ("sum", "sum_over_batch_size", "none", None)
    if kind is not tf.keras.losses.Loss}
NO_LOSSES = {
    **LOSSES, **INSTANCES, "'mse'": "mse", "None": None, "1": 1,
    "Dice(axis)": tf.keras.losses.Dice(None, axis=(1, 2, 3)),
    "one argument": lambda a: mean_square(a, a), "per pixel": tf.subtract,
    "mean": lambda *a: tf.reduce_mean(mean_square(*a)), "NumPy": np.subtract,
    "two axes": lambda *a: mean_square(*a)[:, None], "text": "{}{}".format,
    "NaN": lambda *a: mean_square(*a) / 0., "nothing": lambda *a: None,
    "ints": lambda *a: tf.cast(mean_square(*a), tf.int32),
    "complex": lambda *a: tf.cast(mean_square(*a), tf.complex64)}


@pytest.mark.filterwarnings("ignore:In loss .*expected y_pred.shape")
def test_a_loss_must_be_one_finite_number_per_image():
    for name, loss in NO_LOSSES.items():
        with pytest.raises((TypeError, ValueError)) as error:
            VAE(generation_loss=loss)
            pytest.fail(name)
        assert str(error.value).startswith(
            "The 'generation_loss' parameter of VAE must be a function of ")
        assert "\n" not in str(error.value)


class Noisy:
    def __call__(self, generated, real):
        noise = tf.random.normal([tf.shape(real)[0]])
        return mean_square(generated, real) + noise


def test_any_other_loss_is_taken_and_draws_no_random_number():
    tf.random.set_seed(0)
    expected = tf.random.normal([3])
    tf.random.set_seed(0)
    for loss in (mean_square, functools.partial(mean_square), Noisy(),
                 Noisy().__call__, tf.function(mean_square), cross_entropy,
                 lambda a, b: 1 - tf.image.ssim(a, b, 1.)):
        assert VAE(generation_loss=loss).generation_loss is loss
    assert np.all(tf.random.normal([3]) == expected)


def test_a_model_can_be_copied_before_and_after_its_first_use():
    for model in (VAE(3), fresh(VAE(3))):
        again = copy.deepcopy(model)
        assert len(again.variables) == len(model.variables)

"""The VQ-VAE and the two networks that draw codes, by brute force."""

import numpy as np
import pytest
import tensorflow as tf

from tests.test_train import blobs
from vae_tf import cross_entropy
from vae_tf.lab import vq

IMAGES, RNG = blobs(20), np.random.default_rng(0)


def test_the_nearest_vector_is_the_one_of_the_least_distance():
    z, codebook = RNG.normal(size=(5, 7, 7, 3)), RNG.normal(size=(11, 3))
    apart = np.sum((z[..., None, :] - codebook) ** 2, -1)
    np.testing.assert_equal(vq.nearest(z, codebook), apart.argmin(-1))


def test_the_gradient_passes_the_choice_as_if_it_were_not_there():
    model = vq.VQVAE(11, 3)
    z, codes = model.encoder(IMAGES), tf.random.normal([20, 7, 7, 3])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([z, codes])
        passed = cross_entropy(
            model.generation(vq.straight_through(z, codes)), IMAGES)
        at_codes = cross_entropy(model.generation(codes), IMAGES)
    expected = tape.gradient(at_codes, codes)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(tape.gradient(passed, z), expected, atol=1e-6)
    assert tape.gradient(passed, codes) is None


def test_codebook_and_commitment_are_one_number_and_two_gradients():
    model = vq.VQVAE(11, 3)
    z, codebook = model.encoder(IMAGES).numpy(), model.codebook.numpy()
    tokens = model.tokens(IMAGES).numpy()
    apart = np.sum((z - codebook[tokens]) ** 2) / len(IMAGES)
    with tf.GradientTape() as tape:
        terms = model.loss(IMAGES)
    loss, generation_loss, commitment_loss = terms.values()
    np.testing.assert_allclose(commitment_loss, apart, rtol=1e-4)
    np.testing.assert_allclose(loss - generation_loss, 1.25 * apart, 1e-3)
    expected = np.zeros_like(codebook)  # of the codebook loss alone
    np.add.at(expected, tokens, 2 * (codebook[tokens] - z) / len(IMAGES))
    np.testing.assert_allclose(tf.convert_to_tensor(tape.gradient(
        terms["loss"], model.codebook)), expected, atol=1e-4)


def test_a_token_depends_on_earlier_tokens_and_can_be_asked_for_alone():
    prior, tokens = vq.TokenPrior(None, 11), RNG.integers(11, size=[1, 7, 7])
    before = prior.logits(tokens).numpy()[0]
    np.testing.assert_allclose(
        prior.logits(tokens, 4, 2, size=1)[0, 0, 0], before[4, 2], atol=1e-6)
    tokens[0, 3, 3] = (tokens[0, 3, 3] + 1) % 11
    changed = np.any(prior.logits(tokens).numpy()[0] != before, axis=-1)
    np.testing.assert_equal(changed, np.arange(49).reshape(7, 7) > 3 * 7 + 3)


def test_a_flow_goes_straight_and_codes_are_made_of_a_unit_s_size():
    flow = vq.Flow(None, 3)
    flow.velocity = lambda z, t: tf.fill(tf.shape(z), 2.0)
    assert np.abs(np.mean(flow.generate(10_000), 0) - 2).max() < 0.05
    z = RNG.normal(3, 5, [100, 3])
    encode, back = vq.standardized(tf.identity, z)
    np.testing.assert_allclose(back(encode(z)), z)
    np.testing.assert_allclose(np.cov(encode(z).numpy().T)[0, 0], 100 / 99)


@pytest.mark.parametrize("make, name", [
    (lambda: vq.VQVAE(1), "n_tokens"), (lambda: vq.VQVAE(64, 0), "n_z"),
    (lambda: vq.TokenPrior(None, 64, 0), "width"),
    (lambda: vq.Flow(None, 0), "n_z")])
def test_bad_input_is_named(make, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        make()

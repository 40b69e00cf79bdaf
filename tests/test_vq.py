"""The VQ-VAE and the two networks that draw codes, by brute force."""

import numpy as np
import pytest
import tensorflow as tf

from tests.test_train import blobs
from vae_tf import cross_entropy
from vae_tf.lab.vq import (Flow, TokenPrior, VQVAE, nearest, standardized,
                           straight_through)

IMAGES = blobs(20)
RNG = np.random.default_rng(0)


def test_the_nearest_vector_is_the_one_of_the_least_distance():
    z, codebook = RNG.normal(size=(5, 7, 7, 3)), RNG.normal(size=(11, 3))
    apart = np.sum((z[..., None, :] - codebook) ** 2, -1)
    np.testing.assert_equal(nearest(z, codebook).numpy(), apart.argmin(-1))


def test_the_gradient_passes_the_choice_as_if_it_were_not_there():
    model = VQVAE(11, 3)
    z = model.encoder(IMAGES)
    codes = tf.gather(model.codebook, nearest(z, model.codebook))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([z, codes])
        passed = cross_entropy(
            model.generation(straight_through(z, codes)), IMAGES)
        at_codes = cross_entropy(model.generation(codes), IMAGES)
    expected = tape.gradient(at_codes, codes)
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(tape.gradient(passed, z), expected, atol=1e-6)
    assert tape.gradient(passed, codes) is None


def test_codebook_and_commitment_are_one_number_and_two_gradients():
    model = VQVAE(11, 3)
    z, codebook = model.encoder(IMAGES).numpy(), model.codebook.numpy()
    codes = codebook[model.tokens(IMAGES)]
    apart = np.sum((z - codes) ** 2) / len(IMAGES)
    with tf.GradientTape() as tape:
        terms = model.loss(IMAGES)
    loss, generation_loss, commitment_loss = map(float, terms.values())
    assert commitment_loss == pytest.approx(apart, rel=1e-4)
    assert loss - generation_loss == pytest.approx(1.25 * apart, rel=1e-3)
    gradient = tf.convert_to_tensor(tape.gradient(terms["loss"],
                                                  model.codebook))
    expected = np.zeros_like(codebook)  # of the codebook loss alone
    np.add.at(expected, model.tokens(IMAGES), 2 * (codes - z) / len(IMAGES))
    np.testing.assert_allclose(gradient, expected, atol=1e-4)


def test_a_token_depends_on_earlier_tokens_and_can_be_asked_for_alone():
    prior = TokenPrior(None, 11, 8)
    tokens = RNG.integers(11, size=(1, 7, 7))
    before = prior.logits(tokens).numpy()[0]
    np.testing.assert_allclose(
        prior.logits(tokens, 4, 2, size=1)[0, 0, 0], before[4, 2], atol=1e-6)
    tokens[0, 3, 3] = (tokens[0, 3, 3] + 1) % 11
    changed = np.any(prior.logits(tokens).numpy()[0] != before, axis=-1)
    expected = np.zeros([7, 7], bool)
    expected[4:], expected[3, 4:] = True, True
    np.testing.assert_equal(changed, expected)
    drawn = prior.generate(2)
    assert drawn.shape == (2, 7, 7) and 0 <= drawn.min() <= drawn.max() < 11


def test_a_flow_goes_straight_and_codes_are_made_of_a_unit_s_size():
    flow = Flow(None, 3)
    flow.velocity = lambda z, t: tf.fill(tf.shape(z), 2.0)
    moved = np.mean(flow.generate(10_000), axis=0) - 2
    assert np.abs(moved).max() < 0.05
    z = RNG.normal(3, 5, [100, 3])
    encode, back = standardized(lambda z: z, z)
    np.testing.assert_allclose(back(encode(z)), z)
    assert np.allclose([encode(z).numpy().mean(0), encode(z).numpy().std(0)],
                       [[0], [1]])


@pytest.mark.parametrize("make, name", [
    (lambda: VQVAE(1), "n_tokens"), (lambda: VQVAE(64, 0), "n_z"),
    (lambda: TokenPrior(None, 1), "n_tokens"), (lambda: Flow(None, 0), "n_z")])
def test_bad_input_is_named(make, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        make()

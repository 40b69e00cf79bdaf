"""The page's PyTorch and JAX compute our loss and our gradients.

Their code is read from the page. Each needs its library, in .venv-bench.
"""

import inspect
import re

import numpy as np
import pytest

from benchmarks import network
from book._tools.toc import ROOT
from tests.test_train import blobs
from vae_tf import cross_entropy, latent_loss
from vae_tf.lab.variants import SoftplusVAE
import keras
import tensorflow as tf

PAGE = (ROOT / "book/h_elsewhere.md").read_text(encoding="utf-8")
WEIGHTS = network.start_weights()
IMAGES = blobs(10)
NOISE = np.float32(np.random.default_rng(1).normal(size=(10, 20)))


def program(heading):
    """Run the code that the page shows under a heading; return its names."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    names = {}
    for code in re.findall(r"(?ms)^```python\n(.*?)^```", section):
        exec(code, names)
    return names


@pytest.fixture(scope="module")
def ours():
    """Return our loss, and its gradients by the weights' names."""
    vae = SoftplusVAE(20, cross_entropy)
    vae.loss(IMAGES)  # makes the variables
    variables = {v.name.removesuffix(":0"): v for v in vae.trainable_variables}
    for name, variable in variables.items():
        variable.assign(WEIGHTS[name])
    with tf.GradientTape() as tape:
        z_mean, z_stddev = vae.recognition(IMAGES)
        generated = vae.generation(z_mean + z_stddev * NOISE)
        loss = tf.reduce_mean(cross_entropy(generated, IMAGES)
                              + latent_loss(z_mean, z_stddev))
    return float(loss), tape.gradient(loss, variables)


def assert_equal(loss, gradients, ours):
    assert loss == pytest.approx(ours[0], rel=1e-5)
    assert gradients.keys() == ours[1].keys()
    for name, expected in ours[1].items():
        scale = np.abs(expected).max()
        assert scale > 0
        np.testing.assert_allclose(gradients[name], expected, rtol=0,
                                   atol=1e-4 * scale, err_msg=name)


def test_pytorch(ours, tmp_path):
    torch = pytest.importorskip("torch")
    page = program("PyTorch")
    vae = page["VAE"]()
    page["load_weights"](vae, WEIGHTS)
    page["save"](vae, tmp_path / "vae.pt")
    vae = page["load"](tmp_path / "vae.pt")
    images = torch.from_numpy(IMAGES).movedim(3, 1)
    loss = page["loss_function"](vae, images, torch.from_numpy(NOISE))
    loss.backward()
    gradients = [parameter.grad.numpy() for parameter in vae.parameters()]
    assert_equal(loss.item(), {
        name: gradient.transpose(np.argsort(page["TURNED"][gradient.ndim]))
        for name, gradient in zip(WEIGHTS, gradients, strict=True)}, ours)


def test_jax(ours):
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    assert_equal(*jax.value_and_grad(program("JAX")["loss_function"])(
        WEIGHTS, IMAGES, NOISE), ours)


def test_defaults_are_those_of_the_page_s_table():
    torch, jax, optax = map(pytest.importorskip, ("torch", "jax", "optax"))

    def default(function, name):
        return inspect.signature(function).parameters[name].default

    slopes = (keras.layers.LeakyReLU().negative_slope,
              torch.nn.LeakyReLU().negative_slope,
              default(jax.nn.leaky_relu, "negative_slope"))
    epsilons = (keras.optimizers.Adam().epsilon,
                default(torch.optim.Adam, "eps"), default(optax.adam, "eps"))
    for what, row in {"slope of a leaky ReLU": map(float, slopes),
                      "Adam's epsilon": epsilons}.items():
        assert f"\n| {what} | {' | '.join(map(str, row))} |\n" in PAGE
    half = np.full((2, 3), 0.5, np.float32)
    tensor = torch.from_numpy(half)
    assert torch.nn.functional.binary_cross_entropy(tensor, tensor).ndim == 0
    assert keras.losses.BinaryCrossentropy()(half, half).shape == ()
    assert optax.sigmoid_binary_cross_entropy(half, half).shape == (2, 3)

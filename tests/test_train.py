"""Training: the same bits, 2016's optimizer, and nothing besides."""

import _thread
import io
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vae_tf import VAE, train
from vae_tf.ops import Scope, get_variable
from vae_tf.support import checks
import tensorflow as tf


def blobs(n):
    """Return n images of one round blob each, at random places."""
    x, y = np.random.default_rng(0).uniform(8, 20, (2, n, 1, 1))
    rows, columns = np.mgrid[:28, :28]
    distance = (rows - y) ** 2 + (columns - x) ** 2
    return np.float32(np.exp(-distance / 20))[..., None]


IMAGES = blobs(50)


class Counter(tf.Module):
    """A model that counts how often each code came with its own image.

    Its loss is its only weight, whose gradient is therefore 1.
    """

    image_shape = (1, 1, 1)

    def __init__(self, n):
        super().__init__()
        self.weight = tf.Variable(1.)
        self.seen = tf.Variable(tf.zeros([n]), trainable=False)
        self.codes = np.arange(n)[:, None] / n
        self.images = self.codes[..., None, None]

    def loss(self, codes, images):
        own = tf.cast(images[:, 0, 0, 0] == codes[:, 0], tf.float32)
        index = tf.cast(tf.round(codes * len(self.codes)), tf.int32)
        self.seen.scatter_nd_add(index, own)
        return {"loss": 1 * self.weight}

    def train(self, batchsize=1, **settings):
        return train(self, self.codes, self.images, batchsize=batchsize,
                     **settings)


class Noisy(tf.Module):
    """A model of n weights (1 or 3) whose loss draws numbers of all kinds."""

    image_shape = (28, 28, 1)

    def __init__(self, n=3):
        super().__init__()
        self.n, self.scope = n, Scope()

    def loss(self, *arrays):
        with self.scope:
            weights = get_variable("weights", [self.n], tf.random.normal)
        integers = tf.random.uniform([3], maxval=9, dtype=tf.int32)
        drawn = (tf.random.normal([3], 5, 2) + tf.random.uniform([3])
                 + tf.random.truncated_normal([3], dtype=tf.float32)
                 + tf.nn.dropout(tf.ones([3]), .5)
                 + tf.cast(integers, tf.float32))
        for _ in tf.range(3):
            drawn += tf.random.normal([3])
        error = drawn - weights - tf.reduce_mean(arrays[-1])
        return {"loss": tf.reduce_sum(error ** 2)}


def test_one_seed_gives_the_same_bits_and_the_loss_falls():
    models = VAE(), VAE(), VAE()
    history, *_ = [list(train(model, IMAGES, epochs=15, batchsize=10,
                              seed=seed))
                   for model, seed in zip(models, (3, 3, 4))]
    weights, again, other = [[v.numpy().tobytes() for v in model.variables]
                             for model in models]
    assert weights == again
    assert not set(weights) & set(other)
    assert [record["epoch"] for record in history] == list(range(1, 16))
    assert history[-1]["loss"] < .3 * history[0]["loss"]
    for record in history:
        assert list(record) == ["epoch", "loss", "generation_loss",
                                "latent_loss", "seconds"]
        assert record["generation_loss"] + record["latent_loss"] \
            == pytest.approx(record["loss"], rel=1e-5)
        assert 0 < record["seconds"] < 60


@pytest.mark.parametrize("n, batchsize", [(9, 4), (5, 5)])
def test_an_epoch_sees_every_image_once_but_the_incomplete_batch(n, batchsize):
    model, seen = Counter(n), []
    for _ in model.train(epochs=8, batchsize=batchsize):
        seen.append(model.seen.numpy())
    seen = np.diff(seen, axis=0)     # all but the first, which has one more
    assert np.all(seen.sum(1) == n // batchsize * batchsize)
    assert seen.max() == 1
    assert n % batchsize == 0 or len(np.unique(seen, axis=0)) > 1


def test_training_is_2016s_adam_on_shuffled_batches_and_tensorflows_noise():
    model, optimizer = VAE(), tf.compat.v1.train.AdamOptimizer(.001)
    tf.random.set_seed(5)
    model.loss(IMAGES[:20])

    @tf.function
    def gradients(batch):
        with tf.GradientTape() as tape:
            loss = model.loss(batch)["loss"]
        return loss, tape.gradient(loss, model.trainable_variables)

    random, expected = np.random.default_rng(5), []
    for _ in range(2):
        order = random.permutation(50)
        for batch in (order[:20], order[20:40]):
            loss, found = gradients(tf.constant(IMAGES[batch]))
            optimizer.apply_gradients(zip(found, model.trainable_variables))
            expected.append(loss)

    ours = VAE()
    training = train(ours, IMAGES, epochs=2, batchsize=20, seed=5)
    assert not ours.variables       # nothing is done until a record is asked
    history = list(training)
    assert [r["loss"] for r in history] == pytest.approx(
        np.reshape(expected, [2, 2]).mean(1), rel=1e-5)
    for a, b in zip(ours.variables, model.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5)


def test_the_learning_rate_is_that_of_the_call():
    model = Counter(1)      # the loss is the weight, which falls .1 at a time
    losses = [next(model.train(learning_rate=.1))["loss"] for _ in range(2)]
    assert losses == pytest.approx([1, .9])


def test_an_optimizer_of_keras_trains_as_it_does_by_itself():
    def adam():
        made = tf.keras.optimizers.AdamW(
            tf.keras.optimizers.schedules.PolynomialDecay(.1, 5, 0.),
            weight_decay=.5, use_ema=True, ema_overwrite_frequency=2,
            gradient_accumulation_steps=2, clipnorm=.01)
        made.exclude_from_weight_decay(var_names=["kernel"])
        return made

    class Line(tf.Module):
        """A model of one weight whose gradient is 2 times what is missing."""

        image_shape = (1, 1, 1)

        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(start, name="layer/kernel")

        def loss(self, images):
            return {"loss": tf.reduce_sum((self.kernel - images[0]) ** 2)}

    start = np.float32(3)
    model, optimizer = Line(), adam()
    list(train(model, np.ones([8, 1, 1, 1]), epochs=5, batchsize=8,
               optimizer=optimizer))
    assert not optimizer.built      # a copy is used
    kernel = tf.keras.Variable(start, name="kernel")
    optimizer.build([kernel])
    for _ in range(5):
        optimizer.apply([2 * (kernel.numpy() - 1)])
    optimizer.finalize_variable_values([kernel])
    assert abs(model.kernel - start) > 1e-4
    np.testing.assert_allclose(model.kernel, kernel, rtol=1e-4, atol=1e-5)


def disturb():
    tf.random.set_seed(0)
    tf.random.normal([5])
    tf.keras.utils.set_random_seed(1)       # Python's and NumPy's, too
    tf.keras.backend.clear_session()
    next(train(Noisy(), IMAGES, batchsize=10, seed=7))


def test_nothing_between_two_records_changes_a_training():
    def losses(between=time.time):
        found = []
        for record in train(Noisy(), IMAGES, epochs=3, batchsize=10, seed=1):
            found.append(record["loss"])
            between()
        return found

    alone = losses()
    assert len(set(alone)) == 3
    assert losses(disturb) == alone
    with ThreadPoolExecutor(3) as threads:
        assert [*threads.map(losses, 3 * [time.time])] == [alone] * 3


def test_random_numbers_of_another_kind_are_refused_by_name():
    class Shuffled(Counter):
        def loss(self, codes, images):
            return {"loss": self.weight * tf.random.shuffle([1., 2.])[0]}

    with pytest.raises(NotImplementedError, match="RandomShuffle"):
        next(Shuffled(1).train())


def test_ctrl_c_ends_a_training_within_an_epoch():
    class Slow(Counter):
        def loss(self, codes, images):
            square = tf.random.normal([500, 500])
            product = tf.reduce_sum(square @ square)
            return {"loss": super().loss(codes, images)["loss"] * product}

    def press_ctrl_c():
        while np.sum(model.seen) < 5:
            time.sleep(.01)
        _thread.interrupt_main()

    signal.signal(signal.SIGINT, signal.default_int_handler)  # not in nohup
    model = Slow(2000)
    threading.Thread(target=press_ctrl_c, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        list(model.train(epochs=9, learning_rate=1e-30))
    assert 5 <= np.sum(model.seen) < 2000


class Broken(Counter):
    """A model whose loss and one term of it are `bad` at one step."""

    def __init__(self, bad, step):
        super().__init__(5)
        self.bad, self.step = bad, step

    def loss(self, codes, images):
        loss = super().loss(codes, images)["loss"]
        step = tf.reduce_sum(self.seen) - 1     # one call makes variables
        value = tf.where(step == self.step, self.bad, 1.) + 0 * loss
        return {"loss": value, "latent_loss": value, "generation_loss": 7.}


@pytest.mark.parametrize("bad, step", [("-inf", 6), ("nan", 10)])
def test_a_loss_that_is_not_finite_stops_training_there(bad, step, tmp_path):
    model = Broken(float(bad), step)
    training = model.train(epochs=4, folder=tmp_path)
    assert next(training)["loss"] == 1
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    with pytest.raises(FloatingPointError) as error:
        next(training)
    assert str(error.value).startswith(
        f"Training stopped at epoch 2, step {step - 5} of 5, where ")
    assert f": loss {bad}, latent_loss {bad}, generation_loss 7. " \
        in str(error.value)
    assert np.sum(model.seen) == 1 + step       # and not one step further
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    assert next(training, None) is None


def test_weights_that_are_not_finite_are_neither_kept_nor_yielded(tmp_path):
    model = Counter(5)      # reaches float32's largest at its fifth step
    with pytest.raises(FloatingPointError, match="epoch 1, step 5 of 5.*grew"):
        next(model.train(learning_rate=7e37, folder=tmp_path))
    assert model.weight.numpy() == -np.inf
    assert not list(tmp_path.iterdir())


def test_the_likely_cause_is_told():
    for generation, latent, cause in ((7., np.inf, "a z_stddev reached 0"),
                                      (np.nan, 7., "the logarithm of 0")):
        assert f"Likely cause: {cause}" in str(checks.not_finite("step 1", {
            "loss": np.nan, "generation_loss": generation,
            "latent_loss": latent}))


def test_only_a_terminal_gets_a_bar_which_is_gone_at_the_end(
        monkeypatch, capfd):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    list(Counter(1).train(epochs=2))
    assert capfd.readouterr() == ("", "")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    for stderr in (None, terminal):
        monkeypatch.setattr(sys, "stderr", stderr)
        assert len(list(Counter(1).train(epochs=2))) == 2
    drawn = terminal.getvalue()
    assert "/2 [" in drawn
    assert drawn.split("\r")[-1].strip() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="The peak is Linux's.")
def test_all_training_images_take_less_than_a_gigabyte_and_a_half():
    program = """
import numpy as np
from benchmarks.processes import peak_megabytes
from tests.test_train import Noisy, train
images = np.random.default_rng(0).random((55_000, 28, 28, 1), np.float32)
next(train(Noisy(), images, epochs=1))
print(peak_megabytes())"""
    run = subprocess.run([sys.executable, "-c", program], text=True,
                         cwd=Path(__file__).parents[1], check=True,
                         stdout=subprocess.PIPE)
    assert 2 * 55_000 * 784 * 4 < float(run.stdout) * 2 ** 20 < 1.5e9

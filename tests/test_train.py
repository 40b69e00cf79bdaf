"""Training: the same bits, 2016's optimizer, and nothing besides."""

import _thread
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vae_tf import VAE, Autoencoder, machine, train
from vae_tf.lab import evaluate
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


@pytest.fixture(scope="module")
def history():
    return list(train(VAE(), IMAGES, epochs=15, batchsize=10))


def test_there_is_one_record_per_epoch_with_every_term(history):
    assert [record["epoch"] for record in history] == list(range(1, 16))
    for record in history:
        assert list(record) == ["epoch", "loss", "generation_loss",
                                "latent_loss", "seconds"]
        assert record["generation_loss"] + record["latent_loss"] \
            == pytest.approx(record["loss"], rel=1e-5)
        assert 0 < record["seconds"] < 60


def test_the_terms_are_those_of_the_model():
    (record,) = Counter(1).train(epochs=1)
    assert list(record) == ["epoch", "loss", "seconds"]


def test_the_loss_falls(history):
    assert history[-1]["loss"] < .3 * history[0]["loss"]


def test_one_seed_gives_the_same_bits_whatever_follows_and_another_not():
    weights = []
    for seed, epochs in ((3, 2), (3, 1), (4, 1)):
        model = VAE()
        next(train(model, IMAGES, epochs=epochs, batchsize=10, seed=seed))
        weights.append([v.numpy().tobytes() for v in model.variables])
    first, again, other = weights
    assert first == again
    assert not set(first) & set(other)


@pytest.mark.parametrize("n, batchsize", [(9, 5), (10, 5), (7, 7), (5, 1)])
def test_an_epoch_sees_every_image_once_but_the_incomplete_batch(n, batchsize):
    model, seen = Counter(n), []
    for _ in model.train(epochs=8, batchsize=batchsize):
        seen.append(model.seen.numpy())
    seen = np.diff(seen, axis=0)     # all but the first, which has one more
    assert np.all(seen.sum(1) == n // batchsize * batchsize)
    assert seen.max() == 1
    assert n % batchsize == 0 or len(np.unique(seen, axis=0)) > 1


def test_training_is_2016s_adam_on_the_shuffled_batches():
    model, optimizer = Autoencoder(), tf.compat.v1.train.AdamOptimizer(.001)
    tf.random.set_seed(5)
    model.loss(IMAGES[:20])
    random, expected = np.random.default_rng(5), []
    for epoch in range(2):
        order, losses = random.permutation(50), []
        for batch in (order[:20], order[20:40]):
            with tf.GradientTape() as tape:
                losses.append(model.loss(tf.constant(IMAGES[batch]))["loss"])
            optimizer.apply_gradients(zip(
                tape.gradient(losses[-1], model.variables), model.variables))
        expected.append(np.mean(losses))

    ours = Autoencoder()
    history = list(train(ours, IMAGES, epochs=2, batchsize=20, seed=5))
    assert [r["loss"] for r in history] == pytest.approx(expected, rel=1e-5)
    for a, b in zip(ours.variables, model.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5)


@pytest.mark.parametrize("learning_rate", [.001, .01])
def test_the_first_step_is_as_long_as_the_learning_rate(learning_rate):
    model = Counter(1)
    list(model.train(epochs=1, learning_rate=learning_rate))
    assert 1 - model.weight.numpy() == pytest.approx(learning_rate, rel=1e-3)


def test_an_optimizer_takes_adams_place_and_stays_as_it_was():
    descent = tf.keras.optimizers.SGD(
        tf.keras.optimizers.schedules.PolynomialDecay(.1, 2, .0))
    for _ in range(2):      # the loss is the weight, which falls .1, .05, 0
        model = Counter(1)
        history = list(model.train(epochs=3, optimizer=descent))
        assert [r["loss"] for r in history] == pytest.approx([1, .9, .85])
        assert model.weight.numpy() == pytest.approx(.85)
    assert not descent.built and int(descent.iterations) == 0


def test_an_optimizer_like_2016s_gives_the_same_bits():
    adam = tf.keras.optimizers.Adam(.001, epsilon=1e-8)
    ours, other = (list(train(Autoencoder(), IMAGES, epochs=2, batchsize=20,
                              **settings))
                   for settings in ({}, {"optimizer": adam}))
    assert [r["loss"] for r in ours] == [r["loss"] for r in other]


class Fit(tf.Module):
    """A linear regression on pictures of 1 x 3 pixels, as Keras has it too."""

    image_shape = (1, 3, 1)
    x = np.random.default_rng(0).random((8, 1, 3, 1), np.float32)

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(self.start, name="layer/kernel")

    start = np.float32([[1, -2, .5, 3], [0, 2, -1, 1], [.3, .2, .1, 0]])

    def loss(self, images):
        flat = tf.reshape(images, [-1, 3])
        return {"loss": tf.reduce_mean((flat @ self.kernel - 1) ** 2)}

    @classmethod
    def by_keras(cls, optimizer, epochs):
        """Return the kernel after Keras's own `fit`."""
        dense = tf.keras.layers.Dense(4, use_bias=False)
        model = tf.keras.Sequential([tf.keras.Input((3,)), dense])
        dense.set_weights([cls.start])
        model.compile(optimizer, "mse")
        # Built by fit itself, ScheduleFreeAdamW of Keras 3.15 starts from 0.
        optimizer.build(model.trainable_variables)
        model.fit(cls.x.reshape(8, 3), np.ones((8, 4)), batch_size=8,
                  epochs=epochs, shuffle=False, verbose=0)
        return dense.get_weights()[0]


OPTIMIZERS = tf.keras.optimizers
MORE = {
    "moving average": lambda: OPTIMIZERS.SGD(.1, use_ema=True),
    "averaged now and then": lambda: OPTIMIZERS.SGD(
        .1, use_ema=True, ema_overwrite_frequency=2),
    "clipped": lambda: OPTIMIZERS.SGD(.1, clipnorm=.01),
    "accumulated": lambda: OPTIMIZERS.Adam(
        .1, gradient_accumulation_steps=2),
    "decaying": lambda: OPTIMIZERS.AdamW(.1, weight_decay=.5),
    "two": lambda: OPTIMIZERS.MultiOptimizer(OPTIMIZERS.OptimizerMap(
        OPTIMIZERS.SGD(.1), {"no such": OPTIMIZERS.Adam(.1)}))}


def but_kernels():
    adam = OPTIMIZERS.AdamW(.1, weight_decay=.5)
    adam.exclude_from_weight_decay(var_names=["kernel"])
    return adam


@pytest.mark.parametrize("make", [
    *(lambda kind=kind: kind(.1) for kind in vars(OPTIMIZERS).values()
      if isinstance(kind, type) and kind.__name__ not in (
          "Optimizer", "LossScaleOptimizer", "MultiOptimizer",
          "OptimizerMap")), *MORE.values(), but_kernels])
def test_every_optimizer_of_keras_trains_as_its_own_fit_does(make):
    model = Fit()
    list(train(model, Fit.x, epochs=5, batchsize=8, optimizer=make()))
    assert not np.allclose(model.kernel, Fit.start, atol=1e-4)
    np.testing.assert_allclose(model.kernel, Fit.by_keras(make(), 5),
                               rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", [
    OPTIMIZERS.LossScaleOptimizer(OPTIMIZERS.SGD(.1)),
    OPTIMIZERS.SGD(.1, loss_scale_factor=8.)])
def test_an_optimizer_that_scales_the_loss_is_refused_by_name(optimizer):
    with pytest.raises(ValueError, match="The 'optimizer' parameter of train "
                       f".*Got {type(optimizer).__name__}"):
        train(Fit(), Fit.x, batchsize=8, optimizer=optimizer)


@pytest.mark.parametrize("held", [
    tf.keras.layers.Dense(3), [tf.keras.layers.Conv2D(1, 2)],
    {"inner": (tf.keras.layers.BatchNormalization(),)},
    tf.keras.Sequential([tf.keras.layers.Dense(2)]),
    tf.keras.Variable(tf.ones([2]))])
def test_a_model_that_holds_a_layer_of_keras_is_refused_by_name(held):
    model = Fit()
    model.held = held
    with pytest.raises(ValueError, match="must have no layer of Keras"):
        train(model, Fit.x)


@pytest.mark.parametrize("model", [None, "VAE", VAE, tf.Module(), 3])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(TypeError, match="The 'model' parameter of train"):
        train(model, IMAGES)


class Noise(tf.Module):
    """A model whose loss is nothing but random numbers, of every kind."""

    image_shape = (28, 28, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(1.)

    def loss(self, images):
        drawn = (tf.random.normal([3], 5, 2) + tf.random.uniform([3])
                 + tf.random.truncated_normal([3], dtype=tf.float32)
                 + tf.nn.dropout(tf.ones([3]), .5) + tf.cast(
                     tf.random.uniform([3], maxval=9, dtype=tf.int32), tf.float32))
        for _ in tf.range(3):
            drawn += tf.random.normal([3])
        return {"loss": tf.reduce_sum(drawn) + 0 * self.weight}


def disturb():
    tf.random.set_seed(0)
    tf.random.normal([5])
    np.random.seed(0)
    tf.keras.utils.set_random_seed(1)
    tf.keras.backend.clear_session()
    evaluate.Classifier(IMAGES, np.arange(50) % 10, epochs=1)
    next(train(Noise(), IMAGES, batchsize=10, seed=7))


@pytest.mark.parametrize("kind", [VAE, Noise])
def test_nothing_between_two_records_changes_a_training(kind):
    def losses(between=lambda: None):
        found = []
        for record in train(kind(), IMAGES, epochs=4, batchsize=10, seed=1):
            found.append(record["loss"])
            between()
        return found

    alone = losses()
    assert len(set(alone)) == 4
    assert losses(disturb) == alone
    both = zip(*[train(kind(), IMAGES, epochs=4, batchsize=10, seed=1)
                 for _ in range(2)])
    assert [[one["loss"] for one in pair] for pair in both] \
        == [[loss, loss] for loss in alone]
    threads, found = [], []
    for _ in range(3):
        threads.append(threading.Thread(target=lambda: found.append(losses())))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3


def test_a_training_draws_what_tensorflow_draws_from_its_seed():
    tf.random.set_seed(1)
    model = Noise()
    model.loss(IMAGES)
    step = tf.function(model.loss)
    expected = np.mean([step(IMAGES)["loss"] for _ in range(5)])
    assert next(train(Noise(), IMAGES, batchsize=10, seed=1))["loss"] \
        == pytest.approx(expected)


def test_random_numbers_of_another_kind_are_refused_by_name():
    class Shuffled(Noise):
        def loss(self, images):
            return {"loss": self.weight * tf.random.shuffle([1., 2.])[0]}

    with pytest.raises(NotImplementedError, match="RandomShuffle"):
        next(train(Shuffled(), IMAGES, batchsize=10))


def test_ctrl_c_ends_a_training_within_an_epoch():
    class Slow(Noise):
        def __init__(self):
            super().__init__()
            self.steps = tf.Variable(0, trainable=False)

        def loss(self, images):
            self.steps.assign_add(1)
            square = tf.random.normal([500, 500])
            return {"loss": self.weight * tf.reduce_sum(square @ square)}

    model, n = Slow(), 20_000
    timer = threading.Timer(8, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(train(model, np.zeros((n, 28, 28, 1), "f"), epochs=99,
                   batchsize=1, learning_rate=1e-9))
    timer.cancel()
    assert 0 < int(model.steps) - 1 and (int(model.steps) - 1) % n


def test_training_a_used_model_goes_on_from_where_it_was():
    model = Counter(1)
    first, second = (next(model.train(learning_rate=.1)) for _ in range(2))
    assert [first["loss"], second["loss"]] == pytest.approx([1, .9])


class Broken(tf.Module):
    """A model whose loss is what `values` say, one for each step.

    Its gradient is 0, except that of the step `bad`, where it is NaN.
    """

    image_shape = (28, 28, 1)

    def __init__(self, values, bad=-1):
        super().__init__()
        self.values, self.bad = tf.constant([1., *values]), bad
        self.weight = tf.Variable(1.)
        self.calls = tf.Variable(0, trainable=False)

    def loss(self, images):
        call = self.calls.assign_add(1) - 1     # call 0 only makes variables
        zero = tf.where(call == self.bad, 0., 1.)
        weight = tf.sqrt(self.weight * zero) - tf.sqrt(self.weight * zero)
        value = self.values[call] + weight
        return {"loss": value, "latent_loss": value, "generation_loss": 7.}


@pytest.mark.parametrize("bad", ["inf", "-inf", "nan"])
@pytest.mark.parametrize("step", [6, 8, 10])
def test_a_loss_that_is_not_finite_stops_training_there(bad, step, tmp_path):
    model = Broken([1.] * (step - 1) + [float(bad)] + [1.] * 9)
    training = train(model, IMAGES, epochs=4, batchsize=10, folder=tmp_path)
    assert next(training)["loss"] == 1
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    with pytest.raises(FloatingPointError) as error:
        next(training)
    assert str(error.value).startswith(
        f"Training stopped at epoch 2, step {step - 5} of 5, where ")
    assert f": loss {bad}, latent_loss {bad}, generation_loss 7. " \
        in str(error.value)
    assert "z_stddev reached 0" in str(error.value)
    assert model.calls.numpy() == 1 + step      # and not one step further
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*/*")}
    assert next(training, None) is None


def test_weights_that_are_not_finite_are_neither_kept_nor_yielded(tmp_path):
    model = Broken([1.] * 20, bad=5)            # the last step of epoch 1
    with pytest.raises(FloatingPointError, match="epoch 1, step 5 of 5.*grew"):
        next(train(model, IMAGES, batchsize=10, folder=tmp_path))
    assert np.isnan(model.weight.numpy())
    assert not list(tmp_path.iterdir())


def with_values(model, **values):
    """Return a model whose named variables have one value everywhere."""
    model.loss(IMAGES)
    for name, value in values.items():
        variable = model.scope._by_name[name.replace("__", "/")]
        variable.assign(tf.fill(variable.shape, value))
    return model


def plain_cross_entropy(generated, real):
    return -tf.reduce_sum(real * tf.math.log(generated) + (1 - real)
                          * tf.math.log(1 - generated), [1, 2, 3])


@pytest.mark.parametrize("model, settings, broken, cause", [
    (lambda: with_values(VAE(stddev_start=0), w_stddev__Matrix=0.), {},
     "latent_loss inf", "a z_stddev reached 0"),
    (lambda: with_values(VAE(generation_loss=plain_cross_entropy),
                         g_h2__b=200.), {},
     "generation_loss nan|generation_loss inf", "the logarithm of 0"),
    (VAE, {"learning_rate": 1e30}, "loss (nan|inf)",
     "the weights grew too large"),
], ids=["z_stddev", "logarithm", "learning rate"])
def test_the_likely_cause_is_told(model, settings, broken, cause):
    with pytest.raises(FloatingPointError, match=broken) as error:
        list(train(model(), IMAGES, epochs=2, batchsize=10, **settings))
    assert f"Likely cause: {cause}" in str(error.value)
    assert str(error.value).endswith("a smaller learning_rate.")


def test_nothing_is_trained_before_the_first_record_is_asked_for():
    model = VAE()
    train(model, IMAGES, batchsize=10)
    assert not model.variables


def test_nothing_is_printed_away_from_a_terminal(capfd):
    list(Counter(1).train(epochs=2))
    assert capfd.readouterr() == ("", "")


def test_a_program_without_stderr_trains(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", None)
    assert len(list(Counter(1).train(epochs=2))) == 2


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    list(Counter(1).train(epochs=2))
    drawn = sys.stderr.getvalue()
    assert "/2 [" in drawn
    assert drawn.split("\r")[-1].strip() == ""


def test_machine_says_in_one_line_what_the_numbers_were_made_on():
    line = machine()
    assert line.startswith(f"{os.cpu_count()} cores of ")
    assert line.endswith(f"TensorFlow {tf.__version__}")
    assert "\n" not in line


@pytest.mark.skipif(sys.platform != "linux", reason="The peak is Linux's.")
def test_all_training_images_take_less_than_a_gigabyte_and_a_half():
    program = """
import numpy as np
from benchmarks.processes import peak_megabytes
from vae_tf import VAE, train
images = np.random.default_rng(0).random((55_000, 28, 28, 1), np.float32)
next(train(VAE(), images, epochs=1))
print(peak_megabytes())"""
    run = subprocess.run([sys.executable, "-c", program], text=True,
                         cwd=Path(__file__).parents[1], check=True,
                         stdout=subprocess.PIPE)
    assert 2 * 55_000 * 784 * 4 < float(run.stdout) * 2 ** 20 < 1.5e9

"""The training loop: knows a model's loss and arrays, nothing of either."""

import contextlib
import inspect
import json
import os
import platform
import sys
import threading
import time
import types

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

from vae_tf import checks
from vae_tf.checkpoints import Checkpoints
from vae_tf.noise import own_noise

STARTING = threading.RLock()
STEPS_AT_ONCE = 50


def train(model, *arrays, epochs=10, batchsize=100, learning_rate=0.001,
          seed=0, folder=None, optimizer=None):
    """Train `model` with Adam, yielding one record after each pass.

    `arrays` are what `model.loss` takes: images [n, h, w, c] with pixels in
    [0, 1], last, and before them one code [n_z] for each image where the
    model wants codes. A record is {"epoch": 1, "loss": ..., "seconds": ...}
    with every term of the model's loss, averaged over the epoch's batches,
    and the seconds of that epoch alone. The last, incomplete batch of an
    epoch is left out, as in 2016. One seed gives the same bits on the same
    machine, whatever is done between two records: a training draws its random
    numbers from a stream of its own. At its start it sets TensorFlow's global
    seed, so a model that was never used gets its weights from the seed too.

    With a `folder`, a checkpoint is written after each epoch, before its
    record is yielded, to the folder vae_tf-training that `train` makes in it.
    The same call after an interruption takes the weights from it and yields
    only the epochs still to do (`epochs` may grow), to the same bits as
    without the interruption.

    An `optimizer` of Keras takes the place of 2016's Adam, with a learning
    rate of its own. It is copied, so it stays as it was. One that scales the
    loss is refused, and so is a model that holds a layer of Keras.

    Raises TypeError or ValueError, naming the argument, before any training;
    FloatingPointError at the step whose loss is not finite; OSError if a
    checkpoint cannot be written, with the one before intact.
    """
    return run(Alone(), model, *checked(
        model, arrays, epochs, batchsize, learning_rate, seed, folder,
        optimizer))


def fit(model, *arrays, **settings):
    """Train to the end, as `train` does; return the list of its records."""
    return list(train(model, *arrays, **settings))


def checked(model, arrays, epochs, batchsize, learning_rate, seed, folder,
            optimizer):
    """Return what `run` takes of it, or say what is wrong with an argument."""
    check_model(model)
    arrays = check_arrays(model, arrays)
    epochs = checks.integer("epochs", epochs, "train")
    batchsize = checks.integer("batchsize", batchsize, "train",
                               high=len(arrays[-1]))
    learning_rate = checks.positive_number("learning_rate", learning_rate,
                                           "train")
    seed = checks.integer("seed", seed, "train", low=0)
    new_optimizer = check_optimizer(optimizer, learning_rate)
    kept = None if folder is None else Checkpoints(
        folder, arrays, epochs, batchsize=batchsize,
        learning_rate=learning_rate, seed=seed,
        optimizer=described(optimizer))
    return arrays, epochs, batchsize, seed, new_optimizer, kept


class Alone:
    """Where a training takes its steps: in this process, on whole batches."""

    scope = contextlib.nullcontext
    is_chief = True     # writes the checkpoints

    def compile(self, model, optimizer, names, batchsize, arrays):
        """Compile some steps; return the Generators that they draw from."""
        generators = []
        self.run_steps = trace(
            model, lambda batch: train_step(model, optimizer, batch), names,
            batchsize, arrays, generators)
        return generators

    def steps(self, seed, epoch):
        """Return the compiled steps for an epoch."""
        return self.run_steps


def run(place, model, arrays, epochs, batchsize, seed, new_optimizer, kept):
    """Yield the records of `train`, whose arguments are now known good."""
    shuffle = np.random.default_rng(seed).permutation
    n = len(arrays[-1])
    steps = n // batchsize
    arrays = [tf.constant(array) for array in arrays]
    # The seed is the whole process's: one training at a time starts with it.
    with STARTING:
        tf.random.set_seed(seed)
        # The first loss makes the variables.
        first = [array[:batchsize] for array in arrays]
        with place.scope():
            optimizer = new_optimizer()
            names = list(model.loss(*first))
            weights = model.trainable_variables
            stepper = build(optimizer, weights)
        generators = place.compile(model, stepper, names, batchsize, arrays)
        done = kept.resume(model, optimizer, generators, names,
                           first) if kept else 0
    for _ in range(done):
        shuffle(n)
    if done == epochs:
        optimizer.finalize_variable_values(weights)
    for epoch in progress(done + 1, epochs):
        run_steps = place.steps(seed, epoch)
        start, totals = time.perf_counter(), tf.zeros([len(names)])
        order = shuffle(n)[:steps * batchsize].astype(np.int32)
        # A few steps at a time, so that Ctrl-C need not wait for an epoch.
        for i in range(0, steps, STEPS_AT_ONCE):
            batches = order.reshape(steps, batchsize)[i:i + STEPS_AT_ONCE]
            totals, terms, last, sound = run_steps(
                tf.constant(batches), totals, arrays)
            if not sound:
                raise not_finite(f"epoch {epoch}, step {i + last} of {steps}",
                                 dict(zip(names, terms.numpy().tolist())))
        means = (totals / steps).numpy().tolist()
        record = {"epoch": epoch, **dict(zip(names, means)),
                  "seconds": time.perf_counter() - start}
        if kept and place.is_chief:
            kept.save(epoch)
        if epoch == epochs:  # what averages the weights, says them here
            optimizer.finalize_variable_values(weights)
        yield record


def build(optimizer, variables):
    """Make a Keras optimizer's variables; return what applies its steps.

    Some of Keras's optimizers want variables of its own, with a name and a
    path without a slash. These share their values with TensorFlow's.
    """
    of_keras = {v.ref(): tf.keras.Variable(
        v, name=v.name.partition(":")[0].replace("/", "_"))
        for v in variables}
    optimizer.build(list(of_keras.values()))
    return types.SimpleNamespace(
        apply_gradients=lambda pairs: optimizer.apply_gradients(
            [(gradient, of_keras[v.ref()]) for gradient, v in pairs]))


def trace(model, train_batch, names, batchsize, arrays, generators=None):
    """Compile some steps: batches [n, batchsize], totals, arrays -> four.

    They are the terms of the loss added to the `totals`, the terms at the
    last step taken, its number, and whether those terms and the weights are
    finite: the first step that is not is the last. Random numbers come from
    `generators`, else from the global seed.
    """
    @tf.function
    def run_steps(batches, totals, arrays):  # a captured array is never freed
        latest = tf.zeros([len(names)])
        step = 0
        with contextlib.nullcontext() if generators is None else own_noise(
                generators):
            for batch in batches:
                taken = [tf.gather(array, batch) for array in arrays]
                terms = train_batch(taken)
                latest = tf.stack([terms[name] for name in names])
                totals += latest
                step += 1
                if not tf.reduce_all(tf.math.is_finite(latest)):
                    break
        sound = [tf.reduce_all(tf.math.is_finite(tensor))
                 for tensor in [latest, *model.trainable_variables]]
        return totals, latest, step, tf.reduce_all(sound)

    # Not called as it is: of one more tf.function per model TensorFlow warns.
    return run_steps.get_concrete_function(
        tf.TensorSpec([None, batchsize], tf.int32),
        tf.TensorSpec([len(names)]), arrays)


def not_finite(where, terms):
    """Return the error that says where training broke, and likely why."""
    broken = [name for name, value in terms.items()
              if name != "loss" and not np.isfinite(value)]
    cause = {
        ("latent_loss",): "a z_stddev reached 0, where its logarithm is "
        "infinite; start it away from 0 (the stddev_start of VAE), or take",
        ("generation_loss",): "the logarithm of 0, of a generated pixel that "
        "is 0 or 1, or weights that grew too large; take",
    }.get(tuple(broken), "the weights grew too large; take")
    values = ", ".join(f"{name} {value:g}" for name, value in terms.items())
    return FloatingPointError(
        f"Training stopped at {where}, where the loss or the weights became "
        f"NaN or infinite: {values}. Likely cause: {cause} a smaller "
        "learning_rate.")


def train_step(model, optimizer, batch):
    """Take one step of the optimizer and return the terms of the loss.

    `batch` holds the arrays that `model.loss` takes. (Chapter 1)
    """
    with tf.GradientTape() as tape:
        terms = model.loss(*batch)
    variables = model.trainable_variables
    optimizer.apply_gradients(
        zip(tape.gradient(terms["loss"], variables), variables))
    return terms


def check_model(model):
    """Say what is wrong with a model that is none, or not all of whose own."""
    if not (isinstance(model, tf.Module) and hasattr(model, "image_shape")
            and callable(getattr(model, "loss", None))):
        raise TypeError(
            "The 'model' parameter of train must be a tf.Module with an "
            "image_shape and a loss, such as a VAE. "
            f"Got {type(model).__name__} instead.")
    of_keras = tf.keras.layers.Layer, tf.keras.Variable
    for found in model._flatten(predicate=lambda x: isinstance(x, of_keras)):
        raise ValueError(
            "The 'model' parameter of train must have no layer of Keras, "
            "whose weights tf.Module does not know and would not be trained. "
            f"Got {type(found).__name__} {found.name!r} in it.")


def check_arrays(model, arrays):
    """Return codes and images as float32, or say what is wrong with them."""
    if not arrays:
        raise TypeError("The 'arrays' parameter of train must be the images, "
                        "after their codes if the model takes codes. "
                        "Got nothing instead.")
    *codes, images = arrays
    images = checks.images("images", images, "train", model.image_shape)
    codes = [checks.array("codes", z, "train", (None,)) for z in codes]
    for z in codes:
        if len(z) != len(images):
            raise ValueError(
                "The 'codes' parameter of train must have one code for each "
                f"of the {len(images)} images. Got {len(z)} instead.")
    loss = inspect.signature(model.loss)
    try:
        loss.bind(*codes, images)
    except TypeError:
        raise TypeError(
            "The 'arrays' parameter of train must be what the model's loss "
            f"takes, {loss}. Got {len(arrays)} instead.") from None
    return [*codes, images]


def check_optimizer(optimizer, learning_rate):
    """Return the function that makes the optimizer: 2016's, or a copy."""
    if optimizer is None:    # TensorFlow 1's epsilon
        return lambda: tf.keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    if not isinstance(optimizer, tf.keras.optimizers.Optimizer):
        raise TypeError(
            "The 'optimizer' parameter of train must be None or an optimizer "
            f"of tf.keras.optimizers. Got {optimizer!r} instead.")
    if learning_rate != 0.001:
        raise ValueError(
            "The 'learning_rate' parameter of train must be left out where "
            f"an optimizer brings its own. Got {learning_rate:g} as well.")
    if (getattr(optimizer, "loss_scale_factor", None) is not None
            or isinstance(optimizer, tf.keras.optimizers.LossScaleOptimizer)):
        raise ValueError(
            "The 'optimizer' parameter of train must not scale the loss. "
            f"Got {type(optimizer).__name__} instead.")
    return lambda: copy_of(optimizer)


def copy_of(optimizer):
    """Return a new optimizer with the settings of one of Keras's."""
    copy = optimizer.from_config(optimizer.get_config())
    for name, value in vars(optimizer).items():
        if name.startswith("_exclude_from_weight_decay"):  # not in the config
            setattr(copy, name, value)
    return copy


def described(optimizer):
    """Return an optimizer's settings as text, or None if there is none.

    Without its name: Keras counts, and the next one like it is "adam_1".
    """
    if optimizer is None:
        return None
    settings = tf.keras.optimizers.serialize(optimizer)
    del settings["config"]["name"]
    return json.dumps(settings)


def progress(first, epochs):
    """Count from `first` to `epochs`, with a bar where somebody looks on."""
    in_notebook = issubclass(tqdm, notebook_tqdm)
    silent = (bool(os.environ.get("TQDM_DISABLE"))  # tqdm's own setting
              or sys.stderr is None)
    return tqdm(range(first, epochs + 1), unit="epoch", leave=False,
                initial=first - 1, total=epochs,
                disable=silent or (False if in_notebook else None))


def machine():
    """Return one line on what this runs on: processor, cores, TensorFlow."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    name = line.split(":")[1].strip()
    return f"{os.cpu_count()} cores of {name}, TensorFlow {tf.__version__}"

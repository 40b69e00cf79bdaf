"""The training loop: knows a model's loss and arrays, nothing of either."""

import inspect
import os
import platform
import time

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm
from tqdm.notebook import tqdm as notebook_tqdm

from vae_tf import checks


def train(model, *arrays, epochs=10, batchsize=100, learning_rate=0.001,
          seed=0):
    """Train `model` with Adam, yielding one record after each pass.

    `arrays` are what `model.loss` takes: images [n, h, w, c] with pixels in
    [0, 1], last, and before them one code [n_z] for each image where the
    model wants codes. A record is {"epoch": 1, "loss": ..., "seconds": ...}
    with every term of the model's loss, averaged over the epoch's batches,
    and the seconds of that epoch alone. The last, incomplete batch of an
    epoch is left out, as in 2016. One seed gives the same bits on the same
    machine: it sets TensorFlow's global seed, so a model that was never used
    gets its weights from it too.

    Raises TypeError or ValueError, naming the argument, before any training.
    """
    arrays = check_arrays(model, arrays)
    n = len(arrays[-1])
    epochs = checks.integer("epochs", epochs, "train")
    batchsize = checks.integer("batchsize", batchsize, "train", high=n)
    learning_rate = checks.positive_number("learning_rate", learning_rate,
                                           "train")
    seed = checks.integer("seed", seed, "train", low=0)
    return run(model, arrays, epochs, batchsize, learning_rate, seed)


def run(model, arrays, epochs, batchsize, learning_rate, seed):
    """Yield the records of `train`, whose arguments are now known good."""
    tf.random.set_seed(seed)
    shuffle = np.random.default_rng(seed).permutation
    n = len(arrays[-1])
    steps = n // batchsize
    arrays = [tf.constant(array) for array in arrays]
    # TensorFlow 1's epsilon; the first loss makes the variables.
    optimizer = tf.keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    names = list(model.loss(*[array[:batchsize] for array in arrays]))
    optimizer.build(model.trainable_variables)

    @tf.function
    def trace_epoch(batches, arrays):  # a captured array is never freed
        totals = tf.zeros([len(names)])
        for batch in batches:
            taken = [tf.gather(array, batch) for array in arrays]
            terms = train_step(model, optimizer, taken)
            totals += tf.stack([terms[name] for name in names])
        return totals / steps

    # Traced once, here: of one more tf.function per model TensorFlow warns.
    run_epoch = trace_epoch.get_concrete_function(
        tf.TensorSpec([steps, batchsize], tf.int32), arrays)
    for epoch in progress(epochs):
        start = time.perf_counter()
        order = shuffle(n)[:steps * batchsize].astype(np.int32)
        batches = tf.constant(order.reshape(steps, batchsize))
        means = run_epoch(batches, arrays)
        yield {"epoch": epoch, **dict(zip(names, means.numpy().tolist())),
               "seconds": time.perf_counter() - start}


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


def progress(epochs):
    """Count from 1 to `epochs`, with a bar on a terminal or in a notebook."""
    in_notebook = issubclass(tqdm, notebook_tqdm)
    silent = bool(os.environ.get("TQDM_DISABLE"))  # tqdm's own setting
    return tqdm(range(1, epochs + 1), unit="epoch", leave=False,
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

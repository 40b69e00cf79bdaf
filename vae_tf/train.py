"""The training loop: it knows a model's loss and arrays, and no more."""

import threading
import time

import numpy as np
import tensorflow as tf

from vae_tf.support import checks, optimizers, terminal
from vae_tf.support.checkpoints import Checkpoints
from vae_tf.support.randomness import own_random_numbers

STARTING, STEPS_AT_ONCE = threading.RLock(), 50


def train(model, *arrays, epochs=10, batchsize=100, learning_rate=0.001,
          seed=0, folder=None, optimizer=None):
    """Train `model` with Adam, yielding one record after each epoch.

    `arrays` are what `model.loss` takes: images [n, h, w, c] with pixels in
    [0, 1], last, and before them one code [n_z] for each image where the
    model wants codes. A record is {"epoch": 1, "loss": ..., "seconds": ...}
    with every term of the model's loss, averaged over the epoch's batches,
    and the seconds of that epoch alone. The last, incomplete batch of an
    epoch is left out, as in 2016. One seed gives the same bits on the same
    machine, the weights of a model that was never used included.

    With a `folder`, a checkpoint is written to it before each record. The
    same call after an interruption yields only the epochs still to do
    (`epochs` may grow), to the same bits as without it. An `optimizer` of
    Keras takes the place of 2016's Adam; a copy is used.

    Raises TypeError or ValueError, naming the argument; FloatingPointError at
    a step whose loss is not finite; OSError if a checkpoint cannot be written.
    """
    arrays, settings = checks.training(model, arrays, epochs, batchsize,
                                       learning_rate, seed, optimizer)
    checkpoints = folder is not None and Checkpoints(
        folder, arrays, **settings, optimizer=optimizers.described(optimizer))
    return records(model, arrays, checkpoints, optimizer, **settings)


def fit(model, *arrays, **settings):
    """Train to the end, as `train` does; return the list of its records."""
    return list(train(model, *arrays, **settings))


def records(model, arrays, checkpoints, optimizer, epochs, batchsize,
            learning_rate, seed):
    """Yield the records of `train`, whose arguments are known to be good."""
    shuffle = np.random.default_rng(seed).permutation
    arrays = [tf.constant(array) for array in arrays]
    batch, n = [array[:batchsize] for array in arrays], len(arrays[-1])
    steps = n // batchsize
    # The seed is the whole process's: one training at a time starts with it.
    with STARTING:
        tf.random.set_seed(seed)
        optimizer = optimizers.new(optimizer, learning_rate)
        names = list(model.loss(*batch))  # makes the variables
        run_steps, generators = compile_steps(
            model, optimizers.built(optimizer, model.trainable_variables),
            names, batchsize, arrays)
        done = checkpoints.resume(model, optimizer, generators, names,
                                  batch) if checkpoints else 0
    for _ in range(done):
        shuffle(n)
    for epoch in terminal.progress_bar(done, epochs):
        start, totals = time.perf_counter(), tf.zeros([len(names)])
        batches = np.int32(shuffle(n)[:steps * batchsize])
        batches = batches.reshape(steps, batchsize)
        # A few steps at a time, so that Ctrl-C need not wait for an epoch.
        for i in range(0, steps, STEPS_AT_ONCE):
            totals, terms, last, finite = run_steps(
                tf.constant(batches[i:i + STEPS_AT_ONCE]), totals, arrays)
            if not finite:
                raise checks.not_finite(
                    f"epoch {epoch}, step {i + last} of {steps}",
                    dict(zip(names, terms.numpy().tolist())))
        record = {"epoch": epoch, **dict(zip(names, (totals / steps).numpy(
            ).tolist())), "seconds": time.perf_counter() - start}
        if checkpoints:
            checkpoints.save(epoch)
        if epoch == epochs:  # an optimizer that averages the weights does it
            optimizer.finalize_variable_values(model.trainable_variables)
        yield record
    if done == epochs:
        optimizer.finalize_variable_values(model.trainable_variables)


def compile_steps(model, optimizer, names, batchsize, arrays):
    """Compile a few training steps; return them and their random generators.

    batches [n, batchsize], totals [terms], arrays -> new totals, the terms at
    the last step, its number, and whether all is finite (else they stop).
    """
    generators = []

    @tf.function
    def run_steps(batches, totals, arrays):  # a captured array is never freed
        latest, step = tf.zeros([len(names)]), 0
        with own_random_numbers(generators):
            for batch in batches:
                terms = train_step(
                    model, optimizer, [tf.gather(a, batch) for a in arrays])
                latest = tf.stack([terms[name] for name in names])
                totals += latest
                step += 1
                if not tf.reduce_all(tf.math.is_finite(latest)):
                    break
        finite = [tf.reduce_all(tf.math.is_finite(tensor))
                  for tensor in [latest, *model.trainable_variables]]
        return totals, latest, step, tf.reduce_all(finite)

    # Not called as it is: of one more tf.function per model TensorFlow warns.
    return run_steps.get_concrete_function(
        tf.TensorSpec([None, batchsize], tf.int32),
        tf.TensorSpec([len(names)]), arrays), generators


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

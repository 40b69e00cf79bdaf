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
          seed=0, folder=None, strategy=None, optimizer=None):
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

    With a `strategy`, tf.distribute's MirroredStrategy for the devices of one
    machine or MultiWorkerMirroredStrategy for several machines, each of its
    R replicas takes every R-th image of each batch, and the gradients are
    averaged over them. The model must be new. All workers make the same call
    and get the same records, but for the seconds. Of a shared `folder` the
    chief alone writes; random numbers depend on R. (Appendix D)

    An `optimizer` of Keras takes the place of 2016's Adam, with a learning
    rate of its own. It is copied, so it stays as it was. One that scales the
    loss is refused, and so is a model that holds a layer of Keras.

    Raises TypeError or ValueError, naming the argument, before any training;
    FloatingPointError at the step whose loss is not finite; OSError if a
    checkpoint cannot be written, with the one before intact.
    """
    check_model(model)
    arrays = check_arrays(model, arrays)
    n = len(arrays[-1])
    epochs = checks.integer("epochs", epochs, "train")
    batchsize = checks.integer("batchsize", batchsize, "train", high=n)
    learning_rate = checks.positive_number("learning_rate", learning_rate,
                                           "train")
    check_strategy(strategy, model, batchsize)
    seed = checks.integer("seed", seed, "train", low=0)
    new_optimizer = check_optimizer(optimizer, learning_rate)
    kept = None if folder is None else Checkpoints(
        folder, arrays, epochs, batchsize=batchsize,
        learning_rate=learning_rate, seed=seed,
        optimizer=described(optimizer))
    return run(model, arrays, epochs, batchsize, new_optimizer, seed, kept,
               strategy)


def fit(model, *arrays, **settings):
    """Train to the end, as `train` does; return the list of its records."""
    return list(train(model, *arrays, **settings))


def run(model, arrays, epochs, batchsize, new_optimizer, seed, kept,
        strategy):
    """Yield the records of `train`, whose arguments are now known good."""
    shuffle = np.random.default_rng(seed).permutation
    n = len(arrays[-1])
    steps = n // batchsize
    arrays = [tf.constant(array) for array in arrays]
    generators = []
    # The seed is the whole process's: one training at a time starts with it.
    with STARTING:
        tf.random.set_seed(seed)
        # The first loss makes the variables.
        first = [array[:batchsize] for array in arrays]
        with strategy.scope() if strategy else contextlib.nullcontext():
            optimizer = new_optimizer()
            names = list(model.loss(*first))
            weights = model.trainable_variables
            stepper = build(optimizer, weights)
        step = one_step(model, stepper, strategy)
        run_steps = None if strategy else trace(
            model, step, names, batchsize, arrays, generators)
        done = kept.resume(model, optimizer, generators, names,
                           first) if kept else 0
    for _ in range(done):
        shuffle(n)
    if done == epochs:
        optimizer.finalize_variable_values(weights)
    for epoch in progress(done + 1, epochs):
        if strategy and (not run_steps or draws(run_steps)):
            with STARTING:
                tf.random.set_seed(seed_of_epoch(seed, epoch,
                                                 *worker(strategy)))
                run_steps = trace(model, step, names, batchsize, arrays)
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
        if kept and (not strategy or strategy.extended.should_checkpoint):
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


def one_step(model, optimizer, strategy):
    """Return the function that takes a step on a batch: batch -> terms."""
    if not strategy:
        return lambda batch: train_step(model, optimizer, batch)

    def step(batch):
        shares = strategy.run(share_step, (
            model, optimizer, batch, strategy.num_replicas_in_sync))
        return {name: strategy.experimental_local_results(term)[0]
                for name, term in shares.items()}
    return step


def share_step(model, optimizer, batch, replicas):
    """Take one replica's part in a step; return the loss's terms, of all.

    It is given the whole batch and takes its own images. (Appendix D)
    """
    context = tf.distribute.get_replica_context()
    mine = slice(context.replica_id_in_sync_group, None, replicas)
    with tf.GradientTape() as tape:
        terms = model.loss(*[array[mine] for array in batch])
        share = terms["loss"] / replicas    # the optimizer adds them up
    variables = model.trainable_variables
    optimizer.apply_gradients(
        zip(tape.gradient(share, variables), variables))
    return context.all_reduce("mean", terms)


def worker(strategy):
    """Return two numbers that no two workers have in common, if several."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if not resolver:
        return ()
    return resolver.task_id or 0, int(strategy.extended.should_checkpoint)


def draws(function):
    """Return whether a traced function draws random numbers.

    Its kernels keep their place in the stream of numbers where no checkpoint
    reaches it: only tracing anew sets it, at half a second for a VAE.
    """
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(f.node_def for f in graph.library.function)]
    return any("seed2" in node.attr for body in bodies for node in body)


def seed_of_epoch(*numbers):
    """Return a seed for one epoch that no neighbouring seed has in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


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


def check_strategy(strategy, model, batchsize):
    """Say what is wrong with a strategy, or with the model or batch for it."""
    if strategy is None:
        return
    known = tf.distribute.MirroredStrategy, \
        tf.distribute.MultiWorkerMirroredStrategy
    if not isinstance(strategy, known):
        raise TypeError(
            "The 'strategy' parameter of train must be None or a tf.distribute"
            ".MirroredStrategy or MultiWorkerMirroredStrategy. "
            f"Got {type(strategy).__name__} instead.")
    replicas = strategy.num_replicas_in_sync
    if batchsize % replicas:
        raise ValueError(
            "The 'batchsize' parameter of train must be a multiple of the "
            f"strategy's {replicas} replicas. Got {batchsize} instead.")
    if not all(map(strategy.extended.variable_created_in_scope,
                   model.variables)):
        raise ValueError(
            "The 'model' parameter of train must be new, or used under the "
            "strategy's scope alone. Got one with variables made outside "
            "instead.")


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

"""Training on several devices or machines at once, by tf.distribute."""

import time
import types

import numpy as np
import tensorflow as tf

from vae_tf.support import checks, optimizers
from vae_tf.train import train_step

STRATEGIES = (tf.distribute.MirroredStrategy,
              tf.distribute.MultiWorkerMirroredStrategy)


def train(model, images, strategy, epochs=10, batchsize=100, seed=0,
          optimizer=None):
    """Train as `vae_tf.train` does, on several devices or machines.

    Each of the strategy's R replicas takes every R-th image of each batch.
    All workers make the same call and get the same records, but for the
    seconds; random numbers depend on R. The `optimizer`, 2016's Adam or one
    of Keras, is copied. Raises TypeError or ValueError, naming the argument;
    FloatingPointError after an epoch whose loss is not finite.
    """
    if not isinstance(strategy, STRATEGIES):
        raise TypeError(checks.message(
            "strategy", "train", "be a tf.distribute.MirroredStrategy or "
            "MultiWorkerMirroredStrategy", type(strategy).__name__))
    [images], settings = checks.training(
        model, [images], epochs, batchsize, 0.001, seed, optimizer)
    replicas = strategy.num_replicas_in_sync
    if batchsize % replicas:
        raise ValueError(checks.message(
            "batchsize", "train", "be a multiple of the strategy's "
            f"{replicas} replicas", batchsize))
    if model.variables:
        raise ValueError(checks.message(
            "model", "train", "be new", "one that has weights"))
    return records(model, images, strategy, optimizer, **settings)


def records(model, images, strategy, optimizer, epochs, batchsize,
            learning_rate, seed):
    """Yield the records of `train`, whose arguments are known to be good."""
    with strategy.scope():
        optimizer = optimizers.new(optimizer, learning_rate)
    step = compile_step(model, images, strategy, optimizer, seed)
    shuffle = np.random.default_rng(seed).permutation
    for epoch in range(1, epochs + 1):
        start, n = time.perf_counter(), len(images)
        batches = shuffle(n)[:n // batchsize * batchsize]
        terms = [step(tf.constant(batch))
                 for batch in batches.reshape(-1, batchsize)]
        means = {name: float(np.mean([one[name] for one in terms]))
                 for name in terms[0]}
        if not np.isfinite(means["loss"]):
            raise checks.not_finite(f"epoch {epoch}", means)
        yield {"epoch": epoch, **means, "seconds": time.perf_counter() - start}


def compile_step(model, images, strategy, optimizer, seed):
    """Return the function that takes one step: batch -> terms of the loss.

    `batch` holds the numbers of its images, the same on every worker.
    """
    tf.random.set_seed(seed)
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        model.loss(images[:1])      # makes the variables
        optimizer.build(model.trainable_variables)
    # Keras adds the replicas' gradients up; that of the batch is their mean.
    averaging = types.SimpleNamespace(
        apply_gradients=lambda pairs: optimizer.apply_gradients(
            [(gradient / replicas, v) for gradient, v in pairs]))

    def replica_id():
        return tf.distribute.get_replica_context().replica_id_in_sync_group

    def replica_step(batch):
        mine = tf.gather(images, batch[replica_id()::replicas])
        return train_step(model, averaging, [mine])

    @tf.function
    def step(batch):
        terms = strategy.run(replica_step, (batch,))
        return {name: strategy.reduce("MEAN", term, axis=None)
                for name, term in terms.items()}

    [first, *_] = strategy.experimental_local_results(
        tf.function(strategy.run)(replica_id))
    noise = np.random.SeedSequence([seed, int(first)])
    tf.random.set_seed(int(noise.generate_state(1)[0]))    # each worker's own
    return step

"""Training on several devices or machines at once, by tf.distribute."""

import time
import types

import numpy as np
import tensorflow as tf

from vae_tf.support import checks
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
        raise TypeError(
            "The 'strategy' parameter of train must be a tf.distribute"
            ".MirroredStrategy or MultiWorkerMirroredStrategy. "
            f"Got {type(strategy).__name__} instead.")
    images = checks.images("images", images, "train", model.image_shape)
    epochs = checks.integer("epochs", epochs, "train")
    seed = checks.integer("seed", seed, "train", low=0)
    batchsize = checks.integer("batchsize", batchsize, "train",
                               high=len(images))
    if batchsize % strategy.num_replicas_in_sync:
        raise ValueError(
            "The 'batchsize' parameter of train must be a multiple of the "
            f"strategy's {strategy.num_replicas_in_sync} replicas. "
            f"Got {batchsize} instead.")
    optimizer = optimizer or tf.keras.optimizers.Adam(epsilon=1e-8)
    step = compile_step(model, images, strategy, optimizer, seed)
    return run_epochs(step, len(images), epochs, batchsize, seed)


def compile_step(model, images, strategy, optimizer, seed):
    """Return the function that takes one step: batch -> terms of the loss.

    `batch` holds the numbers of its images, the same on every worker.
    """
    tf.random.set_seed(seed)
    with strategy.scope():
        optimizer = optimizer.from_config(optimizer.get_config())
        model.loss(images[:1])      # makes the variables
    if not all(map(strategy.extended.variable_created_in_scope,
                   model.variables)):
        raise ValueError("The 'model' parameter of train must be new. Got one "
                         "with variables made outside the strategy instead.")
    with strategy.scope():
        optimizer.build(model.trainable_variables)
    [replica, *_] = strategy.experimental_local_results(
        tf.function(strategy.run)(replica_id))
    noise = np.random.SeedSequence([seed, int(replica)])
    tf.random.set_seed(int(noise.generate_state(1)[0]))    # each worker's own

    @tf.function
    def step(batch):
        terms = strategy.run(replica_step, (model, optimizer, images, batch))
        return {name: strategy.reduce("MEAN", term, axis=None)
                for name, term in terms.items()}
    return step


def replica_id():
    """Return the number of this replica among those of all workers."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def replica_step(model, optimizer, images, batch):
    """Take one replica's part in a step; return its terms of the loss."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    mine = tf.gather(images, batch[replica_id()::replicas])
    # Keras adds the replicas' gradients up; that of the batch is their mean.
    averaging = types.SimpleNamespace(
        apply_gradients=lambda pairs: optimizer.apply_gradients(
            [(gradient / replicas, v) for gradient, v in pairs]))
    return train_step(model, averaging, [mine])


def run_epochs(step, n, epochs, batchsize, seed):
    """Yield a record of each epoch's mean terms of the loss."""
    shuffle = np.random.default_rng(seed).permutation
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        batches = shuffle(n)[:n // batchsize * batchsize]
        terms = [step(tf.constant(batch))
                 for batch in batches.reshape(-1, batchsize)]
        means = {name: float(np.mean([one[name] for one in terms]))
                 for name in terms[0]}
        if not np.isfinite(means["loss"]):
            raise FloatingPointError(f"Training stopped in epoch {epoch}: the "
                                     "loss became NaN or infinite.")
        yield {"epoch": epoch, **means, "seconds": time.perf_counter() - start}

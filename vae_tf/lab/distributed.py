"""Training on several devices or machines at once, by tf.distribute."""

import numpy as np
import tensorflow as tf

from vae_tf.support import checks
from vae_tf.train import (STARTING, check_model, checked, run, trace,
                          train_step)


def train(model, *arrays, strategy, epochs=10, batchsize=100,
          learning_rate=0.001, seed=0, folder=None, optimizer=None):
    """Train as `vae_tf.train` does, on several devices or machines.

    The `strategy` is tf.distribute's MirroredStrategy for the devices of one
    machine or MultiWorkerMirroredStrategy for several machines. Each of its R
    replicas takes every R-th image of each batch, and the gradients are
    averaged over them. The model must be new. All workers make the same call
    and get the same records, but for the seconds. Of a shared `folder` the
    chief alone writes; random numbers depend on R.

    Raises what `vae_tf.train` raises, and TypeError or ValueError for a
    strategy of another kind, or a model or batch that it cannot share.
    (Appendix D)
    """
    check(strategy, model, batchsize)
    return run(Together(strategy), model, *checked(
        model, arrays, epochs, batchsize, learning_rate, seed, folder,
        optimizer))


class Together:
    """Where a training takes its steps: on the replicas of a strategy."""

    def __init__(self, strategy):
        self.strategy, self.scope = strategy, strategy.scope
        self.is_chief = strategy.extended.should_checkpoint
        self.run_steps = None

    def compile(self, model, optimizer, names, batchsize, arrays):
        """Note what `steps` compiles; its steps draw from no Generator."""
        self.traced = (model, one_step(model, optimizer, self.strategy),
                       names, batchsize, arrays)
        return []

    def steps(self, seed, epoch):
        """Return the steps for an epoch, compiled anew if they draw."""
        if self.run_steps is None or draws(self.run_steps):
            with STARTING:
                tf.random.set_seed(seed_of_epoch(seed, epoch,
                                                 *worker(self.strategy)))
                self.run_steps = trace(*self.traced)
        return self.run_steps


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


def check(strategy, model, batchsize):
    """Say what is wrong with a strategy, or with the model or batch for it."""
    check_model(model)
    batchsize = checks.integer("batchsize", batchsize, "train")
    known = tf.distribute.MirroredStrategy, \
        tf.distribute.MultiWorkerMirroredStrategy
    if not isinstance(strategy, known):
        raise TypeError(
            "The 'strategy' parameter of train must be a tf.distribute"
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

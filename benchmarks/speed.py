"""Time an epoch of each implementation of the VAE, in turns on one core.

`python -m benchmarks.speed` writes book/_data/speed.json and speed.png, which
a page of the book shows.
"""

import pkgutil
import textwrap

import numpy as np

from benchmarks import network
from benchmarks.processes import (Worker, WorkerError, quartiles, take_turns,
                                  usable_cores)
from benchmarks.results import options, save

# Where each class is, and what it stands for. The first is the reference.
IMPLEMENTATIONS = {
    "ours": ("ours:Ours", "one compiled call per epoch (vae_tf.train)"),
    "sub_pixel": ("sub_pixel:SubPixel",
                  "ours, last deconvolution as sub-pixel convolution"),
    "graph_2016": ("graph_2016:Graph2016", "the graph of 2016, feed_dict"),
    "keras_fit": ("keras_models:Fit", "Keras fit"),
    "per_batch": ("keras_models:PerBatch",
                  "one compiled call per batch, tf.data"),
    "pytorch": ("pytorch:PyTorch", "PyTorch, eager, fused Adam"),
    "pytorch_compiled": ("pytorch:Compiled", "PyTorch, torch.compile"),
    "jax_scan": ("jax_scan:Jax", "JAX, scan over the epoch"),
}
BATCHSIZE, IMAGES, TOLERANCE = 100, 20_000, 1e-4


def implementation(name, images, batchsize=BATCHSIZE, n_z=20):
    """Return an implementation with the start weights, to train on images."""
    kind = pkgutil.resolve_name(
        f"benchmarks.implementations.{IMPLEMENTATIONS[name][0]}")
    return kind(images, network.start_weights(n_z), batchsize)


class Decoder:
    """Chapter 1's decoder alone, which takes pictures of other sizes."""

    def __init__(self, side, n):
        from vae_tf import Memorizer, train

        random = np.random.default_rng(0)
        images = np.float32(random.uniform(size=(n, side, side, 1)))
        codes = np.float32(random.normal(size=(n, 20)))
        self.records = train(Memorizer((side, side, 1)), codes, images,
                             epochs=10**6, batchsize=BATCHSIZE)

    def run(self):
        return next(self.records)["loss"]


class MatrixProducts:
    """Products of two large matrices: the peak speed of this machine."""

    side, times = 2048, 10
    operations = 2 * side ** 3 * times

    def __init__(self):
        import tensorflow as tf

        matrix = tf.random.normal([self.side, self.side])
        self.multiply = tf.function(
            lambda: tf.reduce_sum(tf.matmul(matrix, matrix)))
        self.multiply()

    def run(self):
        return sum(float(self.multiply()) for _ in range(self.times))


def main():
    settings = options(__doc__, "speed.json", rounds=(12, 2),
                       growth_rounds=(5, 2), images=(IMAGES, 4 * BATCHSIZE))
    images = training_images()
    result = {"images": settings.images, "batchsize": BATCHSIZE,
              "rounds": settings.rounds,
              "megaflop_per_image": network.operations() / 1e6,
              **compare(images[:settings.images], settings),
              "growth": growth(images, settings)}
    save(result, settings.result)
    draw(result["contenders"], settings.result.with_name("speed.png"))
    for name, why in result["not_measured"].items():
        print(f"{name} was not measured: {why}")


def training_images():
    from vae_tf import data

    return data.mnist()[0].images


def compare(images, settings):
    """Time all implementations in turns and return their table."""
    workers, excluded = start(IMPLEMENTATIONS, images, settings.core)
    workers["peak"] = Worker(MatrixProducts, cores=[settings.core])
    done, failed = take_turns(workers, "run", settings.rounds)
    for worker in workers.values():
        worker.close()
    peak = MatrixProducts.operations / np.array(costs(done.pop("peak"))["cpu"])
    return {"peak_gigaflops": float(np.median(peak)) / 1e9,
            "contenders": summarize(done, peak, len(images)),
            "not_measured": excluded | failed}


def start(names, images, core):
    """Return {name: Worker} of the implementations, and {name: why not}.

    One that does not compute what the first computes is left out.
    """
    noise = np.float32(np.random.default_rng(1).normal(size=(BATCHSIZE, 20)))
    workers, excluded, reference = {}, {}, None
    for name in names:
        print(f"starting {name}", flush=True)
        try:
            worker = Worker(implementation, name, images, cores=[core])
            result, _ = worker.call("loss_and_gradients", images[:BATCHSIZE],
                                    noise)
        except WorkerError as error:
            if reference is None:
                raise
            excluded[name] = str(error)
            continue
        reference = reference or result
        if why := difference(*reference, *result):
            excluded[name] = why
            worker.close()
        else:
            workers[name] = worker
    return workers, excluded


def difference(loss, gradients, other_loss, other_gradients):
    """Say where another loss or its gradients differ, or return None."""
    if not np.isclose(other_loss, loss, rtol=TOLERANCE, atol=0):
        return f"computes the loss {other_loss:.6g}, not {loss:.6g}"
    for name, gradient in gradients.items():
        off = np.linalg.norm(other_gradients[name] - gradient)
        if not off <= 10 * TOLERANCE * np.linalg.norm(gradient):
            return f"computes another gradient of {name}"
    return None


def summarize(done, peak, n):
    """Return each implementation's row: medians of all rounds but the first.

    The first round includes tracing and compiling: the CPU seconds until its
    end, less one epoch, are the start-up.
    """
    ours, rows = costs(done["ours"]), {}
    for name, turns in done.items():
        own = costs(turns)
        cpu = float(np.median(own["cpu"]))
        rates = network.operations() * n / np.array(own["cpu"])
        rows[name] = {
            "what": IMPLEMENTATIONS[name][1], "loss": turns[-1][0],
            "cpu": own["cpu"], "wall": own["wall"],
            "images_per_cpu_second": n / cpu,
            "cpu_against_ours": quartiles(np.divide(own["cpu"], ours["cpu"])),
            "wall_against_ours": quartiles(
                np.divide(own["wall"], ours["wall"])),
            "share_of_peak": quartiles(rates / peak),
            "memory": max(own["memory"]) if own["memory"][0] else None,
            "startup": turns[0][1]["since"] - cpu}
    return rows


def costs(turns):
    """Return {"cpu": [...], "wall": [...], ...} of all turns but the first."""
    return {key: [cost[key] for _, cost in turns[1:]] for key in turns[0][1]}


def variants(images, n):
    """Yield (what, value, threads, n, job): ours with one thing changed.

    Other sizes of picture are for chapter 1's decoder, with fewer of the
    larger ones.
    """
    def ours(n, *settings):
        return n, (implementation, "ours", images[:n], *settings)

    for batchsize in (25, 50, 100, 200, 400):
        yield "batch size", batchsize, 1, *ours(n, batchsize)
    for n_z in (2, 20, 200):
        yield "n_z", n_z, 1, *ours(n, BATCHSIZE, n_z)
    for some in (n // 4, n, min(2 * n, len(images))):
        yield "images", some, 1, *ours(some)
    for threads in (1, 2):
        yield "threads", threads, threads, *ours(n)
    for side in (16, 32, 64, 128):
        few = max(BATCHSIZE, n * 28 ** 2 // side ** 2)
        yield "image side", side, 1, few, (Decoder, side, few)


def growth(images, settings):
    """Return {what is varied: {value: µs and MB that one image costs}}."""
    rows = {}
    for what, value, threads, n, job in variants(images, settings.images):
        cores = usable_cores()[-threads:]
        if len(cores) < threads:
            continue
        print(f"{what} {value}", flush=True)
        worker = Worker(*job, cores=cores)
        own = costs([worker.call("run")
                     for _ in range(settings.growth_rounds)])
        worker.close()
        rows.setdefault(what, {})[value] = {
            "cpu_per_image": 1e6 * float(np.median(own["cpu"])) / n,
            "wall_per_image": 1e6 * float(np.median(own["wall"])) / n,
            "memory": own["memory"][-1]}
    return rows


def draw(rows, path):
    """Draw how much CPU time each takes, against ours, to a PNG."""
    import matplotlib.pyplot as plt

    names = sorted(rows, key=lambda name: rows[name]["cpu_against_ours"][1])
    low, middle, high = np.transpose(
        [rows[name]["cpu_against_ours"] for name in names])
    _, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    ax.barh(range(len(names)), middle, color=[
        "#d55e00" if name == "ours" else "#0072b2" for name in names])
    ax.errorbar(middle, range(len(names)), xerr=[middle - low, high - middle],
                fmt="none", color="black", capsize=3)
    ax.set_yticks(range(len(names)), [
        textwrap.fill(rows[name]["what"], 26) for name in names])
    ax.set_xlabel("CPU time against ours")
    ax.axvline(1, color="#777777", linestyle=":")
    ax.invert_yaxis()
    plt.savefig(path, dpi=200)
    plt.close()


if __name__ == "__main__":
    main()

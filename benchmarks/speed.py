"""Time one epoch of each contender against the others, in turns.

`python -m benchmarks.speed` writes book/_data/speed.json, which a page of the book
shows, and prints the same table.
"""

import argparse
import contextlib
import importlib
import json
import os
import tempfile
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from benchmarks import network
from benchmarks.rounds import Failed, Worker, quartiles, ratios, take_turns

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "book/_data/speed.json"
CONTENDERS = {
    "ours": "one compiled call per epoch (vae_tf.train)",
    "sub_pixel": "ours, last deconvolution as sub-pixel convolution",
    "graph_2016": "the graph of 2016, feed_dict",
    "keras_fit": "Keras fit",
    "per_batch": "one compiled call per batch, tf.data",
    "pytorch": "PyTorch, eager, fused Adam",
    "pytorch_compiled": "PyTorch, torch.compile",
    "jax_scan": "JAX, scan over the epoch",
}
VERSIONS = ("tensorflow", "keras", "numpy", "torch", "jax", "optax")
BATCHSIZE, IMAGES, TOLERANCE = 100, 20_000, 1e-4


class Job:
    """A contender in a process of its own."""

    def __init__(self, name, file, n, batchsize=BATCHSIZE, n_z=20):
        module = importlib.import_module(f"benchmarks.contenders.{name}")
        self.images = np.load(file, mmap_mode="r",
                              allow_pickle=False)[:n].copy()
        self.batchsize, self.n_z = batchsize, n_z
        self.contender = module.Contender(
            self.images, network.start_weights(n_z), batchsize)

    def check(self):
        """Return the loss and its gradients on given weights and noise."""
        samples = np.float32(np.random.default_rng(1).normal(
            size=(self.batchsize, self.n_z)))
        loss, gradients = self.contender.loss_and_gradients(
            self.images[:self.batchsize], samples)
        return float(loss), {k: np.asarray(v) for k, v in gradients.items()}

    def epoch(self):
        return self.contender.train_epoch()


class Decoder:
    """Chapter 1's decoder alone, which takes pictures of other sizes."""

    def __init__(self, size, n, batchsize=BATCHSIZE):
        from vae_tf import Memorizer, train

        random = np.random.default_rng(0)
        images = np.float32(random.uniform(size=(n, size, size, 1)))
        codes = np.float32(random.normal(size=(n, 20)))
        self.records = train(Memorizer((size, size, 1)), codes, images,
                             epochs=10**6, batchsize=batchsize)

    def epoch(self):
        return next(self.records)["loss"]


class Peak:
    """How fast this machine multiplies matrices."""

    side, times = 2048, 10

    def __init__(self):
        import tensorflow as tf

        matrix = tf.random.normal([self.side, self.side])
        self.multiply = tf.function(
            lambda: tf.reduce_sum(tf.matmul(matrix, matrix)))
        self.multiply()

    def epoch(self):
        return sum(float(self.multiply()) for _ in range(self.times))

    @classmethod
    def operations(cls):
        return 2 * cls.side ** 3 * cls.times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--growth-rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--core", type=int, default=max(usable_cores()))
    parser.add_argument("--result", type=Path, default=RESULT)
    settings = parser.parse_args()
    with images_in_a_file() as file:
        results = {"machine": machine(), "images": settings.images,
                   "batchsize": BATCHSIZE, "rounds": settings.rounds,
                   "megaflop_per_image": network.operations() / 1e6,
                   **compare(file, settings),
                   "growth": growth(file, settings)}
    settings.result.write_text(json.dumps(results, indent=1) + "\n")
    draw(results["contenders"], settings.result.with_name("speed.png"))
    for name, row in results["contenders"].items():
        low, middle, high = row["cpu_against_ours"]
        print(f"{name:17} {middle:5.2f} of our CPU time ({low:.2f} to "
              f"{high:.2f})")
    for name, why in results["not_measured"].items():
        print(f"{name:17} not measured: {why}")


def usable_cores():
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count()))


@contextlib.contextmanager
def images_in_a_file():
    """Keep the training images in a file, so that no process makes them."""
    from vae_tf import data

    training, _, _ = data.mnist()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "images.npy")
        np.save(file, training.images)
        del training
        yield file


def machine():
    """Return the processor and the versions of what is installed."""
    import vae_tf

    found = {}
    for name in VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return {"processor": vae_tf.machine().rsplit(", TensorFlow")[0],
            "versions": found}


def compare(file, settings):
    """Run all contenders in turns and return their table."""
    workers, missing = start(
        {name: (Job, name, file, settings.images) for name in CONTENDERS},
        [settings.core])
    wrong = check(workers)
    for name in wrong:
        workers.pop(name).close()
    workers["peak"] = Worker(Peak, cores=[settings.core])
    done, failed = take_turns(workers, "epoch", settings.rounds, say)
    for worker in workers.values():
        worker.close()
    peak = done.pop("peak")
    return {"peak_gigaflops": Peak.operations() / 1e9
            / float(np.median([cost["cpu"] for _, cost in peak])),
            "contenders": summarize(done, peak, settings.images),
            "not_measured": {**missing, **wrong, **failed}}


def start(jobs, cores):
    """Return {name: Worker} of those that started, and why others did not."""
    workers, missing = {}, {}
    for name, job in jobs.items():
        say(f"starting {name}")
        try:
            workers[name] = Worker(*job, cores=cores)
        except Failed as error:
            missing[name] = str(error)
    return workers, missing


def check(workers):
    """Return {name: why} of those that do not compute what ours computes."""
    wrong = {}
    (loss, gradients), _ = workers["ours"].call("check")
    for name, worker in workers.items():
        try:
            (other, others), _ = worker.call("check")
        except Failed as error:
            wrong[name] = str(error)
            continue
        if not np.isclose(other, loss, rtol=TOLERANCE, atol=0):
            wrong[name] = f"computes the loss {other:.6g}, not {loss:.6g}"
        for key, gradient in gradients.items():
            off = np.linalg.norm(others[key] - gradient)
            if not off <= 10 * TOLERANCE * np.linalg.norm(gradient):
                wrong[name] = f"computes another gradient of {key}"
    return wrong


def summarize(done, peak, n):
    """Return each contender's row, medians over the rounds after the first.

    The first round holds what comes once, tracing and compiling: the CPU
    seconds until its end, less one epoch, are the start-up.
    """
    rate = [Peak.operations() / cost["cpu"] for _, cost in peak[1:]]
    ours = costs(done["ours"])
    rows = {}
    for name, turns in done.items():
        own = costs(turns)
        achieved = [network.operations() * n / cpu for cpu in own["cpu"]]
        rows[name] = {
            "what": CONTENDERS.get(name, name), "loss": turns[-1][0],
            "cpu": own["cpu"], "wall": own["wall"],
            "images_per_cpu_second": n / float(np.median(own["cpu"])),
            "cpu_against_ours": ratios(own["cpu"], ours["cpu"]),
            "wall_against_ours": ratios(own["wall"], ours["wall"]),
            "share_of_peak": quartiles(np.divide(achieved, rate)),
            "memory": max(own["memory"]) if own["memory"][0] else None,
            "startup": turns[0][1]["since"] - float(np.median(own["cpu"]))}
    return rows


def costs(turns):
    """Return {"cpu": [...], "wall": [...], ...} of all turns but the first."""
    return {key: [cost[key] for _, cost in turns[1:]] for key in turns[0][1]}


def variants(file, n):
    """Yield (what, value, job, images, threads): what is varied, ours alone.

    Other sizes of image are for chapter 1's decoder, which is not bound to
    28 x 28; there are fewer of the larger ones.
    """
    def ours(n, batchsize=BATCHSIZE, n_z=20):
        return (Job, "ours", file, n, batchsize, n_z), n

    for batchsize in (25, 50, 100, 200, 400):
        yield "batch size", batchsize, *ours(n, batchsize=batchsize), 1
    for n_z in (2, 20, 200):
        yield "n_z", n_z, *ours(n, n_z=n_z), 1
    for images in (n // 4, n, 2 * n):
        yield "images", images, *ours(images), 1
    for threads in (1, 2):
        yield "threads", threads, *ours(n), threads
    for side in (16, 32, 64, 128):
        few = max(BATCHSIZE, n * 28 ** 2 // side ** 2)
        yield "image side", side, (Decoder, side, few), few, 1


def growth(file, settings):
    """Return {what is varied: {value: what one image costs}}."""
    workers, every = {}, list(variants(file, settings.images))
    for what, value, job, _, threads in every:
        cores = usable_cores()[-threads:]
        if len(cores) == threads and (job, threads) not in workers:
            say(f"starting {what} {value}")
            workers[job, threads] = Worker(*job, cores=cores)
    say("rounds of each")
    done, _ = take_turns(workers, "epoch", settings.growth_rounds)
    for worker in workers.values():
        worker.close()
    rows = {}
    for what, value, job, n, threads in every:
        if (job, threads) in done:
            rows.setdefault(what, {})[value] = row(done[job, threads], n)
    return rows


def row(turns, n):
    """Return what one image costs, in microseconds, and the memory in MB."""
    own = costs(turns)
    return {"cpu_per_image": 1e6 * float(np.median(own["cpu"])) / n,
            "wall_per_image": 1e6 * float(np.median(own["wall"])) / n,
            "memory": own["memory"][-1]}


def draw(rows, path):
    """Draw how much CPU time each contender takes, beside ours, to a PNG."""
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


def say(text):
    print(f"\r{text:<72}", end="", flush=True)


if __name__ == "__main__":
    main()

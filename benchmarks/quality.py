"""What test loss two recipes reach, and after how many CPU seconds.

`python -m benchmarks.quality` first trains the quick recipe, and what it is
with one thing changed, and judges all by the validation images; nothing is
timed there. Then the quick recipe and that of 2016 take turns on one core,
seed by seed, and are judged by the test images. It writes book/_data/quality.json
and book/quality.png, which a page of the book shows.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import recipes
from benchmarks.rounds import Worker
from benchmarks.speed import ROOT, machine, say, usable_cores
from vae_tf import data
from vae_tf.lab import evaluate
import tensorflow as tf

RESULT = ROOT / "book/_data/quality.json"
QUICK = "the quick recipe"
CHANGES = {
    QUICK: {},
    "with batches of 100": {"batchsize": 100},
    "with Adam": {"optimizer": "Adam"},
    "with a learning rate of 0.002": {"learning_rate": 0.002},
    "with a learning rate of 0.008": {"learning_rate": 0.008},
    "with one learning rate to the end": {"falling": False},
    "with Adam's usual `beta_1`, 0.9": {"beta_1": 0.9},
    "with Adam's usual `beta_2`, 0.999": {"beta_2": 0.999},
    "with no limit on the gradient": {"clip": None},
    "started as Glorot and Bengio (2010) advise": {"glorot": True},
}


class Training:
    """One recipe at work, in a process of its own."""

    def __init__(self, recipe, seed, part, changes):
        training, validation, test = data.mnist()
        self.judges = {"validation": validation, "test": test}[part].images
        self.begin = lambda: begin(recipe, training.images, seed, **changes)

    def start(self):
        self.model, self.records = self.begin()

    def epoch(self):
        return next(self.records)["loss"]

    def loss(self):
        """Return the negative ELBO of the images that judge, in nats."""
        tf.random.set_seed(0)
        return float(evaluate.negative_elbo(self.model, self.judges).mean())


def begin(recipe, images, seed, glorot=False, **changes):
    """Return a model and its training, by a recipe that may be changed."""
    if "optimizer" in changes:
        changes["optimizer"] = getattr(tf.keras.optimizers,
                                       changes["optimizer"])
    model, records = getattr(recipes, recipe)(images, seed, **changes)
    if glorot:
        start = tf.keras.initializers.GlorotUniform(
            tf.keras.random.SeedGenerator(seed))
        model.loss(images[:1])  # makes the variables
        for variable in model.trainable_variables:
            if len(variable.shape) > 1:
                variable.assign(start(variable.shape))
    return model, records


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--choosing-seeds", type=int, default=3)
    parser.add_argument("--core", type=int, default=max(usable_cores()))
    parser.add_argument("--result", type=Path, default=RESULT)
    settings = parser.parse_args()
    chosen = {name: [chosen_by(name, seed, settings.core)
                     for seed in range(settings.choosing_seeds)]
              for name in CHANGES}
    curves = [side_by_side(seed, settings.core)
              for seed in range(settings.seeds)]
    found = {"machine": machine(), "validation": chosen, "test": curves}
    settings.result.write_text(json.dumps(found, indent=1) + "\n")
    draw(curves, settings.result.with_name("quality.png"))


def chosen_by(name, seed, core):
    """Return the validation loss that the quick recipe ends with, changed."""
    say(f"{name}, seed {seed}")
    worker = Worker(Training, "quick", seed, "validation", CHANGES[name],
                    cores=[core])
    worker.call("start")
    for _ in range(recipes.EPOCHS["quick"]):
        worker.call("epoch")
    loss, _ = worker.call("loss")
    worker.close()
    return loss


def side_by_side(seed, core):
    """Return {recipe: {"cpu": [...], "loss": [...]}} after each epoch.

    CPU seconds are counted from the making of the model, compiling included;
    the loss is that of the test images, in nats. The short training's epochs
    are spread over the long one's, so that the machine is as busy for both.
    """
    workers = {name: Worker(Training, name, seed, "test", {}, cores=[core])
               for name in recipes.EPOCHS}
    curves = {name: {"cpu": [], "loss": []} for name in workers}
    seconds = {name: worker.call("start")[1]["cpu"]
               for name, worker in workers.items()}
    longest = max(recipes.EPOCHS.values())
    for epoch in range(longest):
        for name, worker in workers.items():
            if epoch % (longest // recipes.EPOCHS[name]) == 0:
                say(f"seed {seed}, epoch {epoch + 1}: {name}")
                seconds[name] += worker.call("epoch")[1]["cpu"]
                curves[name]["cpu"].append(seconds[name])
                curves[name]["loss"].append(worker.call("loss")[0])
    for worker in workers.values():
        worker.close()
    return curves


def draw(curves, path):
    """Draw test loss against CPU seconds, a line for each seed, to a PNG."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for name, color, marker, label in (
            ("of_2016", "#0072b2", "o", "2016's recipe, 9 epochs"),
            ("quick", "#d55e00", "s", "the quick recipe, 3 epochs")):
        for number, curve in enumerate(curves):
            ax.plot(curve[name]["cpu"], curve[name]["loss"], f"{marker}-",
                    color=color, markersize=4, linewidth=1,
                    label=label if number == 0 else None)
    ax.set(xlabel="CPU seconds, one core", ylabel="test loss (nats)")
    ax.legend(frameon=False)
    plt.savefig(path, dpi=200)
    plt.close()


if __name__ == "__main__":
    main()

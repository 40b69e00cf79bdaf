"""The loss that two training recipes reach, and in how many CPU seconds.

`python -m benchmarks.compare_recipes` trains the quick recipe, and variants
with one thing changed, and takes their loss on the validation images. Then the
quick recipe and that of 2016 are trained in turns on one core, seed by seed,
and take their loss on the test images. It writes book/_data/quality.json and
quality.png, which a page of the book shows.
"""

import numpy as np

from benchmarks import recipes
from benchmarks.processes import Worker
from benchmarks.results import options, save
from vae_tf import data
from vae_tf.lab import evaluate
import tensorflow as tf

QUICK = "the quick recipe"
CHANGES = {
    QUICK: {},
    "with batches of 100": {"batchsize": 100},
    "with Adam": {"optimizer": tf.keras.optimizers.Adam},
    "with a learning rate of 0.002": {"learning_rate": 0.002},
    "with a learning rate of 0.008": {"learning_rate": 0.008},
    "with one learning rate to the end": {"falling": False},
    "with Adam's usual `beta_1`, 0.9": {"beta_1": 0.9},
    "with Adam's usual `beta_2`, 0.999": {"beta_2": 0.999},
    "with no limit on the gradient": {"clip": None},
    "started as Glorot and Bengio (2010) advise": {"glorot": True},
}


class Training:
    """One training, and the images that its loss is taken on."""

    def __init__(self, recipe, seed, part, images, changes):
        training, validation, test = data.mnist()
        self.images = {"validation": validation, "test": test}[part].images
        self.records = self.train(recipe, training.images[:images], seed,
                                  changes)

    def train(self, recipe, images, seed, changes):
        self.model, records = begin(recipe, images, seed, **changes)
        yield from records

    def epoch(self):
        return next(self.records)["loss"]

    def loss(self):
        """Return the mean negative ELBO, in nats."""
        tf.random.set_seed(0)
        return float(evaluate.negative_elbo(self.model, self.images).mean())


def begin(recipe, images, seed, glorot=False, **changes):
    """Return a model and its training by a recipe, perhaps with changes."""
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
    settings = options(__doc__, "quality.json", seeds=(5, 1),
                       validation_seeds=(3, 1), images=(55_000, 100))
    validation = {name: [validation_loss(name, seed, settings)
                         for seed in range(settings.validation_seeds)]
                  for name in CHANGES}
    curves = [compare(seed, settings) for seed in range(settings.seeds)]
    save({"validation": validation, "test": curves}, settings.result)
    draw(curves, settings.result.with_name("quality.png"))


def validation_loss(name, seed, settings):
    """Return the loss after the quick recipe with the named change."""
    print(f"{name}, seed {seed}", flush=True)
    worker = Worker(Training, "quick", seed, "validation", settings.images,
                    CHANGES[name], cores=[settings.core])
    for _ in range(recipes.EPOCHS["quick"]):
        worker.call("epoch")
    loss, _ = worker.call("loss")
    worker.close()
    return loss


def compare(seed, settings):
    """Return {recipe: {"cpu": [...], "loss": [...]}} after each epoch.

    CPU seconds are counted from the start of the training, compiling
    included; the loss is that of the test images, in nats. The epochs of the
    short training are spread over the long one, so that both find the
    machine equally busy.
    """
    workers = {name: Worker(Training, name, seed, "test", settings.images, {},
                            cores=[settings.core]) for name in recipes.EPOCHS}
    curves = {name: {"cpu": [], "loss": []} for name in workers}
    longest = max(recipes.EPOCHS.values())
    for epoch in range(longest):
        for name, worker in workers.items():
            if epoch % (longest // recipes.EPOCHS[name]) == 0:
                print(f"seed {seed}, epoch {epoch + 1}: {name}", flush=True)
                curves[name]["cpu"].append(worker.call("epoch")[1]["cpu"])
                curves[name]["loss"].append(worker.call("loss")[0])
    for name, worker in workers.items():
        curves[name]["cpu"] = np.cumsum(curves[name]["cpu"]).tolist()
        worker.close()
    return curves


def draw(curves, path):
    """Draw test loss against CPU seconds, a line for each seed, to a PNG."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for name, color, marker, label in (
            ("of_2016", "#0072b2", "o", "2016's recipe, 9 epochs"),
            ("quick", "#d55e00", "s", "the quick recipe, 3 epochs")):
        for seed, curve in enumerate(curves):
            ax.plot(curve[name]["cpu"], curve[name]["loss"], f"{marker}-",
                    color=color, markersize=4, linewidth=1,
                    label=None if seed else label)
    ax.set(xlabel="CPU seconds, one core", ylabel="test loss (nats)")
    ax.legend(frameon=False)
    plt.savefig(path, dpi=200)
    plt.close()


if __name__ == "__main__":
    main()

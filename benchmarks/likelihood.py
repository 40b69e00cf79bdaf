"""The likelihood of the test digits under three networks.

`python -m benchmarks.likelihood` trains the two programs of 2016 and the
network of Burda et al. (2015) on grey pixels and on black and white ones, all
on one core, and estimates the test images' negative log-likelihood. It writes
likelihood.json, likelihood.png, pixels.png and the weights of the network of
Burda et al. to book/_data. Trainings are kept in _build/likelihood: one that
was interrupted resumes.
"""

import io
import json

import numpy as np
from scipy import special

from benchmarks.dense import August, Burda
from benchmarks.processes import Worker, WorkerError
from benchmarks.results import DATA, options, save
from book._tools.files import write
from vae_tf import VAE, cross_entropy, data, sample_z, train
from vae_tf.lab import evaluate
from vae_tf.support import checks
import tensorflow as tf

RUNS = DATA.parents[1] / "_build/likelihood"
WEIGHTS = "burda2015.npz"
GREY, DRAWN, CUT = "grey", "drawn", "cut at 1/2"
BURDA = "Burda et al. 2015"
NETWORKS = {
    "2016, convolutions": lambda: VAE(generation_loss=cross_entropy,
                                      stddev_start=0),
    "2016, August, dense": August,
    BURDA: Burda,
}
ROWS = [*((name, pixels) for pixels in (GREY, DRAWN, CUT)
          for name in list(NETWORKS)[:2]), (BURDA, DRAWN)]
EPOCHS = {BURDA: 500}  # an hour; of the others 9, as in 2016
DRAWS = (1, 5, 50, 500)
MORE_DRAWS = {BURDA: (*DRAWS, 5000)}


def binary(pixels, images):
    """Return images with pixels of the named kind, always the same.

    A `drawn` pixel is white with its grey as the probability, else black.
    """
    if pixels == DRAWN:
        return np.float32(np.random.default_rng(0).random(images.shape)
                          < images)
    return np.float32(images > 0.5) if pixels == CUT else images


# Nats of drawn pixels in papers: Burda et al. 2015, table 1, one layer of
# latent variables (k = 1, 50); Sinha and Dieng 2021.
PUBLISHED = {"Burda et al., as published": 86.76, "their IWAE": 84.78,
             "CR-NVAE": 76.93}


def drawn_anew(model):
    """Let a model's loss draw the pixels of each batch anew."""
    loss = model.loss
    model.loss = lambda images: loss(tf.cast(
        tf.random.uniform(tf.shape(images)) < images, tf.float32))
    return model


def begin(name, pixels, images, folder, epochs, seed=0):
    """Return a new model and the generator of its training.

    The networks of 2016 are trained as they were then. That of Burda et al.
    has their batches of 20 and their Adam, whose learning rate falls in eight
    stages from 0.001 to 0.0001, each three times as long as the one before,
    in fewer epochs.
    """
    model, settings = NETWORKS[name](), {}
    if pixels == DRAWN:
        drawn_anew(model)
    if isinstance(model, Burda):
        stages, steps = np.arange(8), epochs * (len(images) // 20)
        ends = np.cumsum(3 ** stages) / np.sum(3 ** stages) * steps
        rates = tf.keras.optimizers.schedules.PiecewiseConstantDecay(
            [round(end) for end in ends[:-1].tolist()],
            [0.001 * 10 ** (-stage / 7) for stage in stages.tolist()])
        settings = {"batchsize": 20, "optimizer": tf.keras.optimizers.Adam(
            rates, epsilon=1e-4)}
    if pixels == CUT:
        images = binary(CUT, images)
    return model, train(model, images, epochs=epochs, seed=seed,
                        folder=folder, **settings)


class Training:
    """The training of one network on one kind of pixels."""

    def __init__(self, name, pixels, folder, epochs, seed=0):
        training, validation, test = data.mnist()
        images = training.images
        if name == BURDA:  # all 60,000, as there
            images = np.concatenate([validation.images, images])
        self.name, self.pixels = name, pixels
        self.model, self.records = begin(name, pixels, images, folder, epochs,
                                         seed)
        self.test = binary(pixels, test.images)

    def epoch(self):
        """Return the record of the next epoch, or None after the last."""
        return next(self.records, None)

    def sign_ambiguous(self):
        """Return how many z_stddev have either sign on the test images."""
        return evaluate.sign_ambiguous(self.model.recognition(self.test)[1])

    def rounded_weights(self):
        """Round the weights to 16 bits, and return them by name."""
        weights = {variable.name: np.float16(variable)
                   for variable in self.model.trainable_variables}
        for variable in self.model.trainable_variables:
            variable.assign(np.float32(weights[variable.name]))
        return weights

    def evaluate(self, n):
        """Return what the page shows of the trained network, in nats."""
        found = {"active": evaluate.active_units(self.model, self.test),
                 "floor": self.floor(),
                 "negative_elbo": self.mean(evaluate.negative_elbo)}
        if self.pixels != GREY:
            found["nll"] = {str(draws): self.estimate(n, draws)
                            for draws in MORE_DRAWS.get(self.name, DRAWS)}
        if self.name == BURDA:  # for the test of the stored weights
            found["of_hundred"] = self.estimate(100, 50)[0]
        return found

    def floor(self):
        """Return the cross-entropy of the test pixels with themselves."""
        x = np.float64(self.test)
        entropy = special.entr(x) + special.entr(1 - x)
        return float(entropy.sum(axis=(1, 2, 3)).mean())

    def estimate(self, n, draws):
        return self.mean(negative_log_likelihood, n, draws)

    def mean(self, function, n=None, *arguments):
        """Return mean, standard error and number of the images' values."""
        tf.random.set_seed(0)
        values = function(self.model, self.test[:n], *arguments)
        return [float(np.mean(values)),
                float(np.std(values, ddof=1) / len(values) ** 0.5),
                len(values)]


def negative_log_likelihood(model, images, draws=500):
    """Estimate each image's negative log-likelihood by importance sampling.

    images [n, h, w, c], every pixel 0 or 1 -> [n], in nats, for a model with
    `cross_entropy`. Of `draws` codes from an image's cloud each counts by how
    much likelier the unit Gaussian makes it. One draw is a negative ELBO;
    with more the estimate comes down to the truth, in expectation from above.
    Infinite where `negative_elbo` is, for such a cloud holds no code that
    counts. Draws from TensorFlow's global seed. Raises ValueError for grey
    pixels, for which the cross-entropy is no likelihood. (Burda et al. 2015,
    equation 8)
    """
    owner = "negative_log_likelihood"
    draws = checks.integer("draws", draws, owner)
    z_mean, z_stddev = evaluate.posterior_parameters(model, images, owner)
    images = np.float32(images)
    if grey := np.sum((images > 0) & (images < 1)):
        raise ValueError(f"The 'images' parameter of {owner} must have pixels "
                         f"that are 0 or 1. Got {grey} others instead.")

    @tf.function
    def log_weights(images, z_mean, z_stddev):
        z = sample_z(z_mean, z_stddev)
        prior_over_cloud = tf.reduce_sum(
            0.5 * tf.square((z - z_mean) / z_stddev) - 0.5 * tf.square(z)
            + tf.math.log(tf.abs(z_stddev)), 1)
        # In a graph the cross-entropy of a pixel that is 1 takes the log of 0.
        generated_images = tf.minimum(model.generation(z), 1 - 2 ** -24)
        return (prior_over_cloud
                - model.generation_loss(generated_images, images))

    at_once = max(1, 5000 // draws)  # images, so that memory is bounded
    found = []
    for i in range(0, len(images), at_once):
        part = [x[i:i + at_once] for x in (images, z_mean, z_stddev)]
        weights = [log_weights(*[np.repeat(x, min(5000, draws - k), axis=0)
                                 for x in part]).numpy()
                   .reshape(len(part[0]), -1)
                   for k in range(0, draws, 5000)]
        found.append(np.log(draws) - special.logsumexp(
            np.float64(np.concatenate(weights, axis=1)), axis=1))
    return evaluate.infinite_where(
        evaluate.kl_divergence(z_mean, z_stddev), np.concatenate(found), owner)


def stored(path=DATA / WEIGHTS):
    """Return the network of Burda et al. with the weights of its file."""
    model = Burda()
    model.loss(np.zeros([1, 28, 28, 1], np.float32))  # makes the variables
    with np.load(path, allow_pickle=False) as weights:
        for variable in model.trainable_variables:
            variable.assign(np.float32(weights[variable.name]))
    return model


def main():
    settings = options(__doc__, "likelihood.json", epochs=(None, 1),
                       images=(10_000, 2))
    rows = [row(name, pixels, settings) for name, pixels in ROWS]
    save({"images": settings.images, "rows": rows}, settings.result)
    draw(rows, settings.result.with_name("likelihood.png"))
    draw_pixels(settings.result.with_name("pixels.png"))


def row(name, pixels, settings):
    """Train a network on one kind of pixels and return its results.

    They are those of the first seed whose training neither broke nor left a
    `z_stddev` of either sign, as in chapter 9.
    """
    epochs = settings.epochs or EPOCHS.get(name, 9)
    for seed in range(10):
        folder = RUNS / ", ".join([name, pixels.replace("/", " "),
                                   str(epochs), f"seed {seed}"])
        folder.mkdir(parents=True, exist_ok=True)
        worker = Worker(Training, name, pixels, folder / "checkpoints",
                        epochs, seed, cores=[settings.core])
        records = train_to_the_end(worker, folder / "log.jsonl")
        if records and not worker.call("sign_ambiguous")[0]:
            break
        worker.close()
    else:
        raise WorkerError(f"No training of {name} succeeded.")
    if name == BURDA:
        weights = io.BytesIO()
        np.savez_compressed(weights, **worker.call("rounded_weights")[0])
        write(settings.result.with_name(WEIGHTS), weights.getvalue())
    found, _ = worker.call("evaluate", settings.images)
    worker.close()
    every = max(1, epochs // 100)
    return {"network": name, "pixels": pixels, "epochs": epochs, "seed": seed,
            "cpu": sum(record["cpu"] for record in records.values()),
            "losses": {str(n): round(records[n]["loss"], 3)
                       for n in sorted(records) if n % every == 0}, **found}


def train_to_the_end(worker, log):
    """Return {epoch: record}, also of an earlier, interrupted run in the log.

    Returns None if the loss became NaN or infinite.
    """
    try:
        with log.open("a") as file:
            while (done := worker.call("epoch"))[0] is not None:
                print(json.dumps(done[0] | done[1]), file=file, flush=True)
                print(log.parent.name, done[0], flush=True)
    except WorkerError as error:
        if "FloatingPointError" not in str(error):
            raise
        return None
    records = map(json.loads, log.read_text().splitlines())
    return {record["epoch"]: record for record in records}


def draw(rows, path):
    """Draw the estimate of drawn pixels against the draws, to a PNG."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
    for one, color in zip([one for one in rows if one["pixels"] == DRAWN],
                          ("#0072b2", "#d55e00", "#009e73"), strict=True):
        mean, error, _ = zip(*one["nll"].values())
        ax.errorbar(list(map(int, one["nll"])), mean, error, marker="o",
                    color=color, markersize=4, linewidth=1)
        ax.text(1, mean[0] + 0.8, one["network"], color=color)
    for name, value in PUBLISHED.items():
        ax.axhline(value, color="#777777", linewidth=1, linestyle=":")
        ax.text(1, value + 0.3, f"{name}, {value}", color="#555555",
                fontsize=8)
    ax.set(xscale="log", xlabel="draws", ylabel="nats", ylim=(75, 129))
    plt.savefig(path, dpi=200)
    plt.close()


def draw_pixels(path):
    """Draw ten test digits with each kind of pixels, to a PNG."""
    import matplotlib.pyplot as plt

    from vae_tf import plots

    ten = data.mnist()[2].images[:10]
    plots.show_rows({pixels: binary(pixels, ten)
                     for pixels in (GREY, DRAWN, CUT)})
    plt.savefig(path, dpi=200, bbox_inches="tight")
    plt.close()


if __name__ == "__main__":
    main()

"""Train networks to the end, and store them for chapters to measure.

    python -m book._tools.weights                   all of them
    python -m book._tools.weights "VAE, seed 0"     some

As many at a time as there are cores, or --processes, each on one thread. A
network is stored when it has been trained; a run that is killed begins anew
with the networks that it was at.
"""

import argparse
import contextlib
import functools
import io
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from book._tools.execute import THREADS


def recipes():
    """Return {name: arguments of `trained`}, the most needed first."""
    import numpy as np

    from vae_tf import Autoencoder, cross_entropy, data, generation_loss
    from vae_tf.lab import classifier, pictures, variants
    from vae_tf.lab.trained import trained
    from vae_tf.lab.variants import SoftplusVAE
    from vae_tf.lab.vq import VQVAE, Flow, TokenPrior, standardized

    training, validation, _ = data.mnist()
    common = {"arrays": training.images, "validation": validation.images,
              "epochs": 40}
    few = {"arrays": training.images[:2000], "batchsize": 10, "epochs": 3,
           "validation": validation.images[:500], "learning_rate": 0.002}
    found = {"small": few | {"model": Autoencoder(5)},
             "classifier": classifier.recipe(training, validation)}
    for seed in range(3):
        found[f"VAE, seed {seed}"] = common | {
            "model": SoftplusVAE(20, cross_entropy), "seed": seed}
    rng = np.random.default_rng(0)
    some, others = [split.images[rng.permutation(len(split.images))[:1000]]
                    for split in (training, validation)]
    for seed in range(3):
        for on, name in ((False, "neither"), (True, "both")):
            found[f"1,000 images, {name}, seed {seed}"] = {
                "model": variants.SwitchedVAE(noise=on, kl=on),
                "arrays": some, "validation": others, "epochs": 100,
                "batchsize": 50, "learning_rate": 0.003, "seed": seed}
    found["40 latents, 1 epoch"] = common | {
        "model": SoftplusVAE(40, cross_entropy), "epochs": 1}
    told, others_told = [(np.eye(10)[split.labels], split.images)
                         for split in (training, validation)]
    found["conditional"] = common | {
        "model": variants.ConditionalVAE(20, cross_entropy),
        "arrays": told, "validation": others_told}
    pieces, other_pieces = pictures.patches()
    found["patches"] = common | {
        "model": SoftplusVAE(12, image_shape=(32, 32, 3)),
        "arrays": pieces, "validation": other_pieces, "epochs": 30,
        "learning_rate": 0.003}
    for weight in (0.1, 0.3, 3, 10, 784):   # of weight 1 is the VAE, seed 0
        found[f"KL weight {weight}"] = common | {
            "model": variants.WeightedVAE(weight),
            "epochs": 10 if weight == 784 else 40}
    models = {
        "autoencoder": Autoencoder(20),
        "neither noise nor KL": variants.SwitchedVAE(noise=False, kl=False),
        "squared error": SoftplusVAE(20, generation_loss),
        "calibrated": variants.CalibratedVAE(20),
        "noise without KL": variants.SwitchedVAE(noise=True, kl=False),
        "KL without noise": variants.SwitchedVAE(noise=False, kl=True),
        "40 latents": SoftplusVAE(40, cross_entropy),
        "2 latents": variants.DenseVAE(2, cross_entropy)}
    for loss, weights in ((generation_loss, (1, 14)),
                          (cross_entropy, (1, 40))):
        for weight in weights:
            found[f"{loss.__name__}, weight {weight}"] = common | {
                "model": variants.WeightedDenseVAE(weight, 40, loss)}
    found |= {name: common | {"model": model}
              for name, model in models.items()}
    found["VQ-VAE"] = common | {"model": VQVAE(64), "epochs": 10}

    @functools.cache    # the first stage, when the second asks for it
    def tokens():
        first, _ = trained(**found["VQ-VAE"] | {"model": VQVAE(64)}, keep=True)
        return first.tokens

    @functools.cache
    def codes():
        first, _ = trained(**common, keep=True, model=variants.SwitchedVAE(
            noise=True, kl=False))
        return standardized(lambda images: first.recognition(images)[0],
                            training.images[:5000])[0]

    found["tokens"] = common | {
        "model": TokenPrior(lambda images: tokens()(images)), "epochs": 8}
    found["flow"] = common | {
        "model": Flow(lambda images: codes()(images)), "epochs": 24,
        "learning_rate": 0.004}
    return found


def store(name):
    """Train one network, if it is not stored, and say how it went."""
    from vae_tf.lab.trained import trained

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            trained(**recipes()[name], keep=True)
        except FloatingPointError as error:     # the others go on
            print(error)
    return f"{name}: {said.getvalue().strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    wanted = parser.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if unknown := {*wanted.names} - recipes().keys():
        parser.error(f"NAME must be among {', '.join(recipes())}. "
                     f"Got {', '.join(unknown)} instead.")
    with ProcessPoolExecutor(wanted.processes, multiprocessing.get_context(
            "spawn")) as pool:
        for line in pool.map(store, wanted.names or recipes()):
            print(line, flush=True)


if __name__ == "__main__":
    main()

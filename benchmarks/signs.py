"""How often a raw z_stddev ends up with either sign, over many seeds.

`python -m benchmarks.signs` trains the program of 2016 for nine epochs with
each seed, from the bias of z_stddev that it had (0), from the package's, and
from 1, and writes vae_tf/lab/signs.json, which appendix A shows. A training
whose loss stops being a number counts as one that failed.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.results import options, save
import vae_tf
from vae_tf import VAE, cross_entropy, data, fit
from vae_tf.lab import evaluate

STARTS = 0.0, 0.02, 1.0
RESULT = Path(vae_tf.__file__).with_name("lab") / "signs.json"


def run(start, seed, images, test):
    """Return what one training came to: latents of either sign, test loss."""
    model = VAE(generation_loss=cross_entropy, stddev_start=start)
    found = {"start": start, "seed": seed}
    try:
        fit(model, images, epochs=9, seed=seed)
    except FloatingPointError:
        return found | {"stopped": True}
    tf.random.set_seed(0)
    return found | {
        "ambiguous": evaluate.sign_ambiguous(model.recognition(test)[1]),
        "negative_elbo": float(np.mean(evaluate.negative_elbo(model, test)))}


def main():
    wanted = options(__doc__.partition("\n")[0], RESULT, seeds=(20, 1))
    training, _, test = data.mnist()
    done = []
    if wanted.result.exists():     # an interrupted run goes on
        done = json.loads(wanted.result.read_text())["runs"]
    for seed in range(wanted.seeds):
        for start in STARTS:
            if all((one["start"], one["seed"]) != (start, seed)
                   for one in done):
                done.append(run(start, seed, training.images, test.images))
                save({"runs": done}, wanted.result)
                print(done[-1], flush=True)


if __name__ == "__main__":
    main()

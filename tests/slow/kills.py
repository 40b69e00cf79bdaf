"""Kill a training again and again, and report what each kill left behind.

    python -m tests.slow.kills FOLDER KILLS

Every training is a fork of this process, which has imported TensorFlow but
run no op of it: a second each instead of five. Half of the kills come as
soon as a checkpoint is being written, at a seeded moment of some milliseconds
later; the others at seeded moments of the epochs, one in ten of the start.
"""

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np

from vae_tf import train
import tensorflow as tf

IMAGES = np.linspace(0, 1, 6, dtype=np.float32).reshape(6, 1, 1, 1)


class Noisy(tf.Module):
    """A model of one weight whose loss draws random numbers."""

    image_shape = (1, 1, 1)

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(0.)

    @tf.autograph.experimental.do_not_convert
    def loss(self, images):
        noise = tf.random.normal(tf.shape(images))
        return {"loss": tf.reduce_mean((images + noise - self.weight) ** 2)}


def start(folder, epochs):
    """Fork a training; return its process and a pipe of epochs and losses."""
    read, write = os.pipe()
    if process := os.fork():
        os.close(write)
        return process, os.fdopen(read)
    try:
        for record in train(Noisy(), IMAGES, epochs=epochs, batchsize=2,
                            folder=folder):
            os.write(write, f"{record['epoch']} {record['loss']}\n".encode())
        os._exit(0)
    finally:
        os._exit(1)


def settled(folder):
    """Return the epoch of a checkpoint that is alone and whole, or None."""
    names = {path.name for path in folder.glob("vae_tf-training/*")}
    epoch = newest(folder)
    whole = {"settings.json", "checkpoint", f"epoch-{epoch}.index",
             f"epoch-{epoch}.data-00000-of-00001"}
    return epoch if names == whole else None


def newest(folder):
    """Return the epoch that TensorFlow's record of the folder names, or 0."""
    try:
        record = (folder / "vae_tf-training/checkpoint").read_text()
    except FileNotFoundError:
        return 0
    return int(re.match(r'model_checkpoint_path: "epoch-(\d+)"', record)[1])


def names(folder):
    """Return all names under a folder, where any may vanish meanwhile."""
    return {name for _, *of_kind in os.walk(folder)
            for kind in of_kind for name in kind}


def wait(kill, folder, pipe, moments):
    """Wait for the moment of one kill; return the lines read from the pipe."""
    if kill % 2:
        before = names(folder)
        while names(folder) <= before:
            time.sleep(.0002)
        time.sleep(moments.uniform(0, .01))
        return []
    if kill % 10 == 0:
        time.sleep(moments.uniform(0, 1))
        return []
    line = pipe.readline()
    time.sleep(moments.uniform(0, .2))
    return [line]


def main(folder, kills):
    folder = Path(folder)
    moments, losses, half_written, lost = random.Random(0), {}, 0, 0
    for kill in range(kills):
        process, pipe = start(folder, 10**6)
        try:
            lines = wait(kill, folder, pipe, moments)
        finally:    # else it would train on, and hold our output open
            os.kill(process, signal.SIGKILL)
        assert os.waitpid(process, 0)[1] == signal.SIGKILL
        for line in [*lines, *pipe]:
            epoch, loss = line.split()
            losses.setdefault(epoch, set()).add(loss)
            lost += int(epoch) > newest(folder)
        half_written += any(folder.iterdir()) and settled(folder) is None
    epochs = newest(folder) + 2
    for place in (folder, folder.parent / "uninterrupted"):
        process, pipe = start(place, epochs)
        for line in pipe:
            epoch, loss = line.split()
            losses.setdefault(epoch, set()).add(loss)
        assert os.waitpid(process, 0)[1] == 0
    print(json.dumps({"half_written": half_written, "lost": lost,
                      "epochs": epochs, "losses": {
                          epoch: len(seen) for epoch, seen in losses.items()},
                      "left": sorted(os.listdir(folder))}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

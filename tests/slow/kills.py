"""Kill a training again and again, and report what each kill left behind.

    python -m tests.slow.kills FOLDER KILLS

Every training is a fork of this process, which has imported TensorFlow but
run no op of it: a second each instead of five. An epoch is short beside the
writing of its checkpoint, so that most of the kills, which come at seeded
moments, find one half written; one in ten comes at the start.
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


class OneWeight(tf.Module):
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
        for record in train(OneWeight(), IMAGES, epochs=epochs, batchsize=2,
                            folder=folder):
            os.write(write, f"{record['epoch']} {record['loss']}\n".encode())
        os._exit(0)
    finally:
        os._exit(1)


def newest(folder):
    """Return the epoch that TensorFlow's record of the folder names, or 0."""
    try:
        record = (folder / "vae_tf-training/checkpoint").read_text()
    except FileNotFoundError:
        return 0
    return int(re.match(r'model_checkpoint_path: "epoch-(\d+)"', record)[1])


def settled(folder):
    """Return the epoch of a checkpoint that is alone and whole, or None."""
    names = {path.name for path in folder.glob("vae_tf-training/*")}
    epoch = newest(folder)
    whole = {"settings.json", "checkpoint", f"epoch-{epoch}.index",
             f"epoch-{epoch}.data-00000-of-00001"}
    return epoch if names == whole else None


def main(folder, kills):
    folder, moments = Path(folder), random.Random(0)
    losses, half_written, lost = {}, 0, 0

    def note(lines):
        for line in lines:
            epoch, loss = line.split()
            losses.setdefault(int(epoch), set()).add(loss)
            yield int(epoch)

    for kill in range(kills):
        process, pipe = start(folder, 10**6)
        try:
            lines = [pipe.readline()] if kill % 10 else []
            time.sleep(moments.uniform(0, .2 if lines else 1))
        finally:    # else it would train on, and hold our output open
            os.kill(process, signal.SIGKILL)
        assert os.waitpid(process, 0)[1] == signal.SIGKILL
        lost += sum(epoch > newest(folder) for epoch in note([*lines, *pipe]))
        half_written += any(folder.iterdir()) and settled(folder) is None
    epochs = newest(folder) + 2
    for place in (folder, folder.parent / "uninterrupted"):
        process, pipe = start(place, epochs)
        list(note(pipe))
        assert os.waitpid(process, 0)[1] == 0
    print(json.dumps({
        "half_written": half_written, "lost": lost, "epochs": epochs,
        "losses": {epoch: len(seen) for epoch, seen in losses.items()}}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

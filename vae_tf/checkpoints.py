"""Checkpoints of a training: written whole, and only beside each other."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

PREFIX = "vae_tf"
# What TensorFlow makes of that prefix, also when killed; and hidden files.
OURS = re.compile(rf"checkpoint(\.tmp.*)?|{PREFIX}-\d+[._].*|\..*")
SAID = "said/.ATTRIBUTES/VARIABLE_VALUE"


class Checkpoints:
    """The newest checkpoint of one training, in a folder of its own.

    `settings` is what a resumed training must have in common with the one
    that was interrupted. Raises TypeError or ValueError if `folder` is none
    to write checkpoints to, or holds those of another training.
    """

    def __init__(self, folder, arrays, epochs, **settings):
        self.folder = usable(folder)
        self.settings = {**settings, "arrays": [
            f"{list(a.shape)} {digest(a)}" for a in arrays]}
        _, said = newest(self.folder)
        self.compare(said)
        if said and epochs < said["epoch"]:
            self.differs("epochs", f"at least {said['epoch']}", epochs)

    def resume(self, model, optimizer, names):
        """Bring back the newest checkpoint; return its epoch, else 0."""
        self.settings["model"] = {
            "terms": names, "weights": [v.shape.as_list()
                                        for v in model.trainable_variables]}
        path, said = newest(self.folder)
        self.compare(said)
        sweep(self.folder, path)
        self.said = tf.Variable("")
        checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer,
                                         said=self.said)
        if path:
            try:
                checkpoint.restore(path).assert_consumed()
            except Exception as error:    # damage makes TF raise anything
                raise damaged(self.folder) from error
        self.manager = tf.train.CheckpointManager(
            checkpoint, str(self.folder), max_to_keep=1,
            checkpoint_name=PREFIX)
        return said["epoch"] if said else 0

    def save(self, epoch):
        """Write a checkpoint, then delete the one before; or else OSError."""
        self.said.assign(json.dumps({"epoch": epoch, **self.settings}))
        try:
            self.manager.save(checkpoint_number=epoch)
        except (tf.errors.OpError, OSError) as error:
            path, said = newest(self.folder)
            sweep(self.folder, path)
            free = shutil.disk_usage(self.folder).free / 2**20
            older = (f"The checkpoint of epoch {said['epoch']} is whole: "
                     if said else "No checkpoint was there before: ")
            reason = str(error).splitlines()[0]
            raise OSError(
                f"The checkpoint of epoch {epoch} could not be written to "
                f"{str(self.folder)!r}, where {free:.1f} MB are free "
                f"({reason}). {older}make room, and the same call of train "
                "goes on from there.") from error

    def compare(self, said):
        """Raise ValueError if a checkpoint is of other settings."""
        for name, value in self.settings.items() if said else ():
            if said.get(name) != value:
                self.differs(name, said.get(name), value)

    def differs(self, name, kept, came):
        """Raise the ValueError that names the setting."""
        raise ValueError(
            f"The {name!r} parameter of train must be {kept}, as in the "
            f"training that {str(self.folder)!r} holds. Got {came} instead.")


def usable(folder):
    """Return `folder` as a Path, made if need be; or say what is wrong."""
    begin = "The 'folder' parameter of train must be "
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"{begin}None or the path of a folder. "
                        f"Got {folder!r} instead.")
    path = Path(folder).expanduser()
    if set("*?[]\\") & set(str(path)):    # TensorFlow would take a pattern
        raise ValueError(f"{begin}a path without any of *?[]\\. "
                         f"Got {str(path)!r} instead.")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            foreign = sorted(name for name in os.listdir(path)
                             if not OURS.fullmatch(name))
    except OSError as error:
        raise ValueError(f"{begin}a folder that can be written to. Got "
                         f"{str(path)!r} instead: {error.strerror}.") from None
    if foreign:
        raise ValueError(f"{begin}a folder of its own. Got {str(path)!r} "
                         f"with {foreign[0]!r} in it instead.")
    return path


def newest(folder):
    """Return the newest checkpoint's path and what it says, or two Nones."""
    if not (folder / "checkpoint").exists():
        return None, None
    path = tf.train.latest_checkpoint(str(folder))
    try:
        said = json.loads(tf.train.load_checkpoint(path).get_tensor(SAID))
    except Exception as error:
        raise damaged(folder) from error
    return path, said


def damaged(folder):
    """Return the error for a checkpoint that cannot be read."""
    return ValueError(
        "The 'folder' parameter of train must be a folder of whole "
        f"checkpoints written by train. Got {str(folder)!r} instead.")


def sweep(folder, newest):
    """Delete what killed or failed writing left beside the newest."""
    for path in folder.glob(f"{PREFIX}-*"):
        if not newest or not path.name.startswith(Path(newest).name + "."):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.glob("checkpoint.tmp*"):
        path.unlink()


def digest(array):
    """Return 16 letters that tell one array's bytes from another's."""
    array = np.ascontiguousarray(array)
    return hashlib.blake2b(array, digest_size=8).hexdigest()

"""Checkpoints of a training, in a folder that it made and in no other."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from vae_tf.support import checks
from vae_tf.support.randomness import own_random_numbers

FOLDER, PREFIX, SETTINGS = "vae_tf-training", "epoch", "settings.json"
# What TensorFlow writes there, and leaves half done when it is killed.
WRITTEN = re.compile(rf"{PREFIX}-\d+(_temp|\.index|\.data-\d+-of-\d+)"
                     r"(\.tempstate\d+)?|checkpoint\.tmp[0-9a-f]+")


class Checkpoints:
    """The newest checkpoint of one training, kept by TensorFlow's manager.

    `settings` is what a resumed training must have in common with the one
    that was interrupted. Raises TypeError or ValueError if `folder` is none
    to write checkpoints to, or holds those of another training.
    """

    def __init__(self, folder, arrays, epochs, **settings):
        self.folder = check_folder(folder) / FOLDER
        self.settings = {**settings, "arrays": [
            f"{list(a.shape)} {digest(a)}" for a in arrays]}
        self.check_settings()
        if epochs < (done := self.latest_epoch()):
            self.raise_mismatch("epochs", f"at least {done}", epochs)

    def resume(self, model, optimizer, generators, names, batch):
        """Bring back the newest checkpoint; return its epoch, else 0.

        The loss of a first `batch` tells whether the model is still the same.
        Where it is not, ValueError is raised and the weights stay as they
        were.
        """
        self.settings["model"] = {
            "terms": names, "weights": [v.shape.as_list()
                                        for v in model.trainable_variables]}
        self.check_settings()
        self.first_losses = losses_with_fixed_noise(model, names, batch)
        self.losses = tf.Variable(self.first_losses())
        self.checkpoint = tf.train.Checkpoint(
            model=model, optimizer=optimizer, noise=generators,
            losses=self.losses)
        if done := self.latest_epoch():
            before = [v.numpy() for v in model.variables]
            try:
                self.restore(done)
            except ValueError:
                for variable, value in zip(model.variables, before):
                    variable.assign(value)
                raise
        return done

    def restore(self, epoch):
        """Read a checkpoint, and see that the model gives its losses."""
        self.delete_leftovers(epoch)
        try:
            self.checkpoint.restore(
                str(self.folder / f"{PREFIX}-{epoch}")).assert_consumed()
        except Exception as error:    # damage makes TF raise anything
            raise self.corrupt_folder() from error
        kept, came = self.losses.numpy(), self.first_losses().numpy()
        if not np.allclose(kept, came, rtol=1e-4, equal_nan=True):
            self.raise_mismatch(
                "model", "one whose losses of a first batch are "
                f"{kept.tolist()}", came.tolist())

    def save(self, epoch):
        """Write a checkpoint, then delete the one before; or else OSError."""
        try:
            if not self.folder.exists():
                self.make_folder()
            self.losses.assign(self.first_losses())
            tf.train.CheckpointManager(
                self.checkpoint, str(self.folder), 1,
                checkpoint_name=PREFIX).save(checkpoint_number=epoch)
        except (tf.errors.OpError, OSError) as error:
            done = self.latest_epoch()
            self.delete_leftovers(done)
            free = shutil.disk_usage(self.folder.parent).free / 2**20
            older = (f"The checkpoint of epoch {done} is whole: "
                     if done else "No checkpoint was there before: ")
            reason = str(error).splitlines()[0]
            raise OSError(
                f"The checkpoint of epoch {epoch} could not be written to "
                f"{str(self.folder)!r}, where {free:.1f} MB are free "
                f"({reason}). {older}make room, and the same call of train "
                "goes on from there.") from error

    def make_folder(self):
        """Make the folder, with the settings in it from the first moment."""
        made = Path(tempfile.mkdtemp(dir=self.folder.parent,
                                     prefix="." + FOLDER))
        try:
            (made / SETTINGS).write_text(json.dumps(self.settings))
            os.rename(made, self.folder)
        except OSError:
            shutil.rmtree(made)
            raise

    def latest_epoch(self):
        """Return the epoch of the newest checkpoint, or 0."""
        if not (self.folder / "checkpoint").exists():
            return 0
        path = tf.train.latest_checkpoint(str(self.folder))
        found = re.fullmatch(rf"{PREFIX}-(\d+)", Path(path or "").name)
        if not found:
            raise self.corrupt_folder()
        return int(found[1])

    def delete_leftovers(self, epoch):
        """Delete what killed or failed writing left beside an epoch's."""
        for path in self.folder.glob("*"):
            if (WRITTEN.fullmatch(path.name)
                    and not path.name.startswith(f"{PREFIX}-{epoch}.")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def check_settings(self):
        """Raise ValueError if the folder is of another training."""
        if not self.folder.exists():
            return
        try:
            kept = json.loads((self.folder / SETTINGS).read_text())
            settings = {name: kept[name] for name in self.settings}
        except (OSError, ValueError, TypeError, LookupError):
            raise self.corrupt_folder() from None
        for name, value in self.settings.items():
            if settings[name] != value:
                self.raise_mismatch(name, settings[name], value)

    def raise_mismatch(self, name, kept, came):
        """Raise the ValueError that names the setting."""
        raise ValueError(checks.message(
            name, "train", f"be {kept}, as in the training that "
            f"{str(self.folder)!r} holds", came))

    def corrupt_folder(self):
        """Return the error for a folder that cannot be read."""
        return ValueError(checks.message(
            "folder", "train", f"hold no {FOLDER!r}, or one of whole "
            "checkpoints written by train", repr(str(self.folder))))


def losses_with_fixed_noise(model, names, batch):
    """Return a function that gives the losses of a batch, the same noise each.

    It leaves the model as it was.
    """
    generators = []

    @tf.function
    def losses(batch):
        with own_random_numbers(generators):
            terms = model.loss(*batch)
        return tf.stack([terms[name] for name in names])

    compiled = losses.get_concrete_function(batch)
    state = [*(g.state for g in generators),
             *(v for v in model.variables if not v.trainable)]

    def compute():
        before = [variable.numpy() for variable in state]
        for g, start in zip(generators, starts):
            g.state.assign(start)
        found = compiled(batch)
        for variable, value in zip(state, before):
            variable.assign(value)
        return found

    starts = [g.state.numpy() for g in generators]
    return compute


def check_folder(folder):
    """Return `folder` as a Path, made if need be; or say what is wrong."""
    def line(expected, came):
        return checks.message("folder", "train", f"be {expected}", came)

    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(line("None or the path of a folder", repr(folder)))
    if folder == "":    # else the folder that Python runs in
        raise ValueError(line("the path of a folder", "''"))
    path = Path(folder).expanduser()
    if set("*?[]\\") & set(path.as_posix()):  # TensorFlow would see a pattern
        raise ValueError(line("a path without any of *?[]\\",
                              repr(str(path))))
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(line("a folder that can be written to",
                              f"{str(path)!r} ({error.strerror})")) from None
    return path


def digest(array):
    """Return 16 letters that tell one array's bytes from another's."""
    array = np.ascontiguousarray(array)
    return hashlib.blake2b(array, digest_size=8).hexdigest()

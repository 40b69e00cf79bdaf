"""Stored networks: found again, and refused if not the recipe's."""

import json
import subprocess
import sys

import numpy as np
import pytest

from book._tools import execute, weights
from book._tools.toc import ROOT
from tests.test_train import blobs
from vae_tf import VAE, Autoencoder
from vae_tf.lab import trained as module
from vae_tf.lab.trained import WEIGHTS, trained
import tensorflow as tf

IMAGES = blobs(60)
needs_mnist = pytest.mark.skipif(not execute.mnist_is_here(),
                                 reason="MNIST could not be had.")


def run(folder, model=None, images=IMAGES, **changed):
    """Return the weights and the records of a small network."""
    model, records = trained(model or Autoencoder(2), images[:50], images[50:],
                             **{"epochs": 2, "batchsize": 10, **changed},
                             folder=folder)
    return [v.numpy() for v in model.trainable_variables], records


def test_a_network_is_trained_once_and_then_loaded(tmp_path, capsys):
    before = run(tmp_path, keep=True)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("No weights of this recipe are stored: training")
    assert "minutes" in said[1] and ": 2 epochs, " in said[2]
    np.testing.assert_equal(run(tmp_path), before)
    assert capsys.readouterr().out.splitlines() == said[2:]
    assert [record["epoch"] for record in before[1]] == [1, 2]
    assert before[1][1]["validation"] < before[1][0]["validation"]


@pytest.fixture
def begun(monkeypatch):
    """Return the weights that trainings begin with; they go no further."""
    found = []

    def learn(model, arrays, validation, seed, **settings):
        tf.random.set_seed(seed)
        model.loss(*[array[:1] for array in arrays])  # makes the variables
        found.append([v.numpy() for v in model.trainable_variables])
        return {"seconds": 0, "loss": 0, "records": []}

    monkeypatch.setattr(module, "learn", learn)
    return found


@pytest.mark.parametrize("changed", [
    {"epochs": 1}, {"batchsize": 5}, {"learning_rate": .001}, {"seed": 1},
    {"model": Autoencoder(3)}, {"model": VAE(2)}, {"images": IMAGES[::-1]}])
def test_a_changed_argument_trains(begun, tmp_path, changed):
    run(tmp_path, keep=True)
    run(tmp_path)
    assert len(begun) == 1
    run(tmp_path, **changed)
    assert len(begun) == 2


def other_weights(change):
    """Return what changes the weights in a file, under their new digest."""
    def damage(log, packed):
        with np.load(packed) as file:
            np.savez(packed, *map(change, file.values()))
        known = json.loads(log.read_text())
        known["digest"] = module.digest(packed.read_bytes())
        log.write_text(json.dumps(known))
    return damage


@pytest.mark.parametrize("reason, damage", [
    ("No weights", lambda log, _: log.unlink()),
    ("lacks", lambda log, packed: packed.unlink()),
    ("lacks", lambda log, _: log.write_text(log.read_text()[:-9])),
    ("cut short", lambda _, packed: packed.write_bytes(
        packed.read_bytes()[:-9])),
    ("another recipe", lambda log, _: log.write_text(
        log.read_text().replace('"seed": 0', '"seed": 1'))),
    ("another shape", other_weights(lambda array: array[:1])),
    ("another loss", other_weights(lambda array: array + 1)),
    ("allow_pickle", other_weights(lambda array: array.astype(object)))])
def test_what_is_wrong_is_named_and_not_used(begun, tmp_path, capsys, reason,
                                             damage):
    run(tmp_path, keep=True)
    damage(*sorted(tmp_path.iterdir()))
    capsys.readouterr()
    run(tmp_path)
    assert reason in capsys.readouterr().out.splitlines()[0]
    np.testing.assert_equal(*begun)


def used(model):
    model.loss(IMAGES)
    return model


@pytest.mark.parametrize("name, value", [
    ("epochs", 0), ("batchsize", 1.5), ("learning_rate", -1), ("seed", "0"),
    ("batchsize", 51), ("model", 7), ("model", used(Autoencoder(2))),
    ("images", IMAGES * 2)])
def test_bad_input_is_named(tmp_path, name, value):
    with pytest.raises((TypeError, ValueError), match=f"'{name}' parameter"):
        run(tmp_path, **{name: value})
    assert not list(tmp_path.iterdir())


@needs_mnist
def test_all_recipes_are_stored_and_nothing_else(begun):
    recipes, files = weights.recipes(), list(WEIGHTS.iterdir())
    for recipe in recipes.values():
        trained(**recipe)
    assert begun == [] and len(files) == 2 * len(recipes)
    assert sum(file.stat().st_size for file in files) < 8e6


@needs_mnist
def test_a_stored_network_is_found_again_by_training(tmp_path):
    stored, again = [trained(**weights.recipes()["small"], folder=folder)
                     [1][-1]["validation"] for folder in (WEIGHTS, tmp_path)]
    assert again == pytest.approx(stored, rel=0.03)


def test_stored_networks_are_installed_with_the_package(tmp_path):
    subprocess.run([sys.executable, "-c", "import setuptools; "
                    "setuptools.setup()", "-q", "build", "-b", tmp_path],
                   cwd=ROOT, check=True, capture_output=True)
    assert {path.name for path in tmp_path.glob("lib/vae_tf/lab/weights/*")} \
        == {path.name for path in WEIGHTS.iterdir()} != set()

"""All implementations compute the same; costs are counted rightly.

Nothing here is timed.
"""

import base64
import functools
import importlib.util
import json
import operator
import os
import sys
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from benchmarks import (compare_recipes, likelihood, network, processes,
                        recipes, results, speed)
from book._tools import compare, execute
from tests.test_train import blobs
from vae_tf import VAE, cross_entropy
import tensorflow as tf

LIBRARIES = {"pytorch": "torch", "pytorch_compiled": "torch",
             "jax_scan": "optax"}   # in .venv-bench alone
HERE = [name for name in speed.IMPLEMENTATIONS
        if importlib.util.find_spec(LIBRARIES.get(name, "tensorflow"))]
SPEED, QUALITY = (json.loads((results.DATA / name).read_text())
                  for name in ("speed.json", "quality.json"))


def test_all_compute_our_loss_and_gradients_and_train_on_all_images():
    images, reference = blobs(20), None
    noise = np.float32(np.random.default_rng(1).normal(size=(10, 20)))
    for name in HERE:
        made = speed.implementation(name, images, batchsize=10)
        loss, gradients = made.loss_and_gradients(images[:10], noise)
        reference = reference or (loss, gradients)
        assert loss == pytest.approx(reference[0], rel=1e-5)
        assert gradients.keys() == network.shapes().keys()
        for key, expected in reference[1].items():
            scale = np.abs(expected).max()
            assert scale > 0
            np.testing.assert_allclose(gradients[key], expected, rtol=0,
                                       atol=1e-4 * scale, err_msg=name + key)
        losses = [made.run() for _ in range(12)]
        assert losses[0] == pytest.approx(loss, rel=.05)
        assert losses[-1] < .9 * losses[0], name


def test_weights_are_our_models_and_operations_are_counted_by_tensorflow():
    v1 = tf.compat.v1
    for n_z in (2, 20):
        model = VAE(n_z, generation_loss=cross_entropy)
        with tf.Graph().as_default() as graph:
            loss = model.loss(v1.placeholder(tf.float32, [1, 28, 28, 1]))
            variables = list(model.trainable_variables)
            tf.gradients(loss["loss"], variables)
            settings = v1.profiler.ProfileOptionBuilder(
                v1.profiler.ProfileOptionBuilder.float_operation())
            counted = v1.profiler.profile(
                graph, options=settings.with_empty_output().build())
        assert network.shapes(n_z) == {variable.op.name: tuple(variable.shape)
                                       for variable in variables}
        # The gradient of the images is not run: no weight needs it.
        assert network.operations(n_z) == sum(
            node.float_ops for node in counted.children
            if ("conv" in node.name.lower() or "MatMul" in node.name)
            and node.name != "gradients/Conv2D_grad/Conv2DBackpropInput")


def test_workers_take_turns_and_say_what_it_cost_or_why_they_failed():
    workers = {name: processes.Worker(functools.partial, *call)
               for name, call in {
                   "threads": [os.getenv, "OMP_NUM_THREADS"],
                   "dies": [os._exit, 7], "raises": [[1].pop],
                   "large": [operator.mul, b"x", 2**25]}.items()}
    done, failed = processes.take_turns(workers, "__call__", 2)
    for worker in workers.values():
        worker.close()
    assert failed["raises"] == "IndexError: pop from empty list"
    assert "terminated abruptly" in failed["dies"]
    assert [result for result, _ in done["threads"]] == 2 * ["1"]
    (_, first), (result, cost) = done["large"]
    assert result == 2**25 * b"x" and cost["wall"] > 0
    assert 0 < cost["cpu"] <= cost["since"] - first["since"] + 1e-6
    assert sys.platform != "linux" or 32 < cost["memory"] < 500


def test_what_cannot_be_had_or_computes_otherwise_is_not_timed(monkeypatch):
    found = {"ours": (100, 2), "same": (100.001, 2), "loss": (100.1, 2),
             "nan": (np.nan, 2), "gradient": (100, 2.1)}

    def fixed(_, name, images, cores):
        if name == "none":
            raise processes.WorkerError("No module")
        loss, gradient = found[name]
        result = loss, {"w": np.float32([1, gradient])}
        return mock.Mock(call=lambda *_: (result, None))

    monkeypatch.setattr(speed, "Worker", fixed)
    workers, excluded = speed.start([*found, "none"], blobs(1), 0)
    assert list(workers) == ["ours", "same"]
    assert excluded == {"loss": "computes the loss 100.1, not 100",
                        "gradient": "computes another gradient of w",
                        "nan": "computes the loss nan, not 100",
                        "none": "No module"}


def test_rows_leave_out_the_first_round_but_for_the_start_up():
    cpu = {"ours": [9, 1, 2, 4], "jax_scan": [8, 3, 2, 2]}
    turns = {name: [(300. - i, {"cpu": c, "wall": 2 * c, "since": 10. + i,
                                "memory": 100. + i})
                    for i, c in enumerate(each)] for name, each in cpu.items()}
    row = speed.summarize(turns, np.array([.5, 1, 2]), 1000)["jax_scan"]
    assert row["cpu"] == [3, 2, 2] and row["loss"] == 297
    assert row["images_per_cpu_second"] == 500 and row["startup"] == 10 - 2
    assert row["memory"] == 103
    low, middle, high = row["cpu_against_ours"]
    assert middle == 1 and high - low == stats.iqr([3, 1, .5])
    rates = network.operations() * 1000 / np.array([3, 2, 2])
    assert row["share_of_peak"][1] == np.median(rates / [.5, 1, 2])


def test_the_committed_speeds_are_whole_and_say_what_the_page_says():
    rows = SPEED["contenders"]
    assert sorted([*rows, *SPEED["not_measured"]]) == sorted(
        speed.IMPLEMENTATIONS)
    assert SPEED["megaflop_per_image"] * 1e6 == network.operations()
    for row in rows.values():
        assert len(row["cpu"]) == SPEED["rounds"] - 1
        assert row["cpu_against_ours"] == processes.quartiles(
            np.divide(row["cpu"], rows["ours"]["cpu"]))
    middle = {name: row["cpu_against_ours"][1] for name, row in rows.items()}
    assert all(abs(middle[name] - 1) < .05
               for name in ("graph_2016", "per_batch"))
    assert all(middle[name] > 1.2 for name in LIBRARIES)


def test_the_quick_recipe_is_the_best_of_those_tried_and_in_time():
    assert list(QUALITY["validation"]) == list(compare_recipes.CHANGES)
    means = {name: np.mean(losses)
             for name, losses in QUALITY["validation"].items()}
    assert min(means, key=means.get) == compare_recipes.QUICK
    ends = {name: np.transpose([
        [curves[name]["cpu"][-1], curves[name]["loss"][epochs - 1]]
        for curves in QUALITY["test"]])
        for name, epochs in recipes.EPOCHS.items()}
    assert np.median(ends["quick"][0] / ends["of_2016"][0]) <= 1 / 3
    assert ends["quick"][1].mean() <= ends["of_2016"][1].mean()


def test_the_committed_figures_are_drawn_from_the_committed_results(tmp_path):
    speed.draw(SPEED["contenders"], tmp_path / "speed.png")
    compare_recipes.draw(QUALITY["test"], tmp_path / "quality.png")
    found = json.loads((results.DATA / "likelihood.json").read_text())
    likelihood.draw(found["rows"], tmp_path / "likelihood.png")
    if execute.mnist_is_here():
        likelihood.draw_pixels(tmp_path / "pixels.png")
    for file in tmp_path.iterdir():
        drawn, kept = [base64.b64encode(path.read_bytes()).decode()
                       for path in (file, results.DATA / file.name)]
        assert not list(compare.picture_faults(kept, drawn, 0.98)), file.name

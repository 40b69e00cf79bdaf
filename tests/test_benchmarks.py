"""The contenders compute the same; what is measured is counted rightly.

Nothing here is timed.
"""

import base64
import collections
import json
import os
import re
import sys

import numpy as np
import pytest
from scipy import stats

from benchmarks import network, profile, quality, recipes, rounds, speed
from benchmarks.contenders import (graph_2016, keras_fit, ours, per_batch,
                                   sub_pixel)
from book._tools import compare, execute
from tests.clerk import Clerk
from tests.test_train import blobs
from vae_tf import VAE, cross_entropy, ops
import tensorflow as tf

HERE = [graph_2016, keras_fit, per_batch, sub_pixel]
BATCHSIZE, N_Z = 10, 20
IMAGES = blobs(2 * BATCHSIZE)
SAMPLES = np.float32(
    np.random.default_rng(1).normal(size=(BATCHSIZE, N_Z)))
WEIGHTS = network.start_weights(N_Z, seed=3)


def result(module):
    contender = module.Contender(IMAGES, WEIGHTS, BATCHSIZE)
    return contender.loss_and_gradients(IMAGES[:BATCHSIZE], SAMPLES)


@pytest.fixture(scope="module")
def expected():
    return result(ours)


@pytest.mark.parametrize("module", HERE)
def test_contenders_compute_our_loss_and_our_gradients(module, expected):
    (loss, gradients), (our_loss, our_gradients) = result(module), expected
    assert loss == pytest.approx(our_loss, rel=1e-5)
    assert gradients.keys() == our_gradients.keys() == WEIGHTS.keys()
    for name, ours_ in our_gradients.items():
        scale = np.abs(ours_).max()
        assert scale > 0
        np.testing.assert_allclose(gradients[name], ours_, rtol=0,
                                   atol=1e-4 * scale, err_msg=name)


@pytest.mark.parametrize("module", [ours, *HERE])
def test_contenders_train_on_all_images(module):
    contender = module.Contender(IMAGES, network.start_weights(), BATCHSIZE)
    start, _ = contender.loss_and_gradients(IMAGES[:BATCHSIZE], SAMPLES)
    losses = [contender.train_epoch() for _ in range(12)]
    assert losses[0] == pytest.approx(start, rel=.05)
    assert losses[-1] < .9 * losses[0]


@pytest.mark.parametrize("n_z", [2, 20])
def test_the_weights_are_those_of_our_model(n_z):
    model = VAE(n_z, generation_loss=cross_entropy)
    model.loss(IMAGES[:1])
    assert network.shapes(n_z) == {name: tuple(variable.shape) for
                                   name, variable in
                                   model.scope._by_name.items()}


@pytest.mark.parametrize("n_z", [2, 20])
def test_operations_are_those_that_tensorflow_counts(n_z):
    v1 = tf.compat.v1
    model = VAE(n_z, generation_loss=cross_entropy)
    with tf.Graph().as_default() as graph:
        loss = model.loss(v1.placeholder(tf.float32, [1, 28, 28, 1]))["loss"]
        tf.gradients(loss, list(model.scope._by_name.values()))
        options = v1.profiler.ProfileOptionBuilder(
            v1.profiler.ProfileOptionBuilder.float_operation())
        counted = v1.profiler.profile(
            graph, options=options.with_empty_output().build())
    # What no weight's gradient needs is not run.
    total = sum(node.float_ops for node in counted.children
                if ("conv" in node.name.lower() or "MatMul" in node.name)
                and node.name != "gradients/Conv2D_grad/Conv2DBackpropInput")
    assert network.operations(n_z) == total


@pytest.mark.parametrize("features", [1, 3])
def test_the_sub_pixel_form_is_the_deconvolution(features):
    x = tf.random.stateless_normal([2, 14, 14, 16], [0, 1])
    scope, shape = ops.Scope(), [2, 28, 28, features]
    with scope, tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        plain = ops.conv_transpose(x, shape, "g_h2")
        other = sub_pixel.conv_transpose(x, shape, "g_h2")
        weight = tf.random.stateless_normal(shape, [2, 3])
        losses = [tf.reduce_sum(weight * y) for y in (plain, other)]
    np.testing.assert_allclose(other, plain, atol=1e-4)
    sources = [x, *scope._by_name.values()]
    assert len(sources) == 3
    for a, b in zip(*(tape.gradient(loss, sources) for loss in losses)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_sub_pixel_vae_is_the_vae():
    made = []
    for kind in (VAE, sub_pixel.SubPixelVAE):
        tf.random.set_seed(0)
        vae = kind()
        loss = vae.loss(blobs(4))["loss"]
        made.append((loss, vae.generation(tf.ones([2, 20]))))
    for a, b in zip(*made):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_quartiles_and_ratios_are_those_of_scipy():
    a, b = np.random.default_rng(0).uniform(1, 2, (2, 11))
    low, middle, high = rounds.ratios(a, b)
    assert middle == pytest.approx(sorted(a / b)[5])
    assert high - low == pytest.approx(stats.iqr(a / b))


def clerks(*words):
    return {word: rounds.Worker(Clerk, word) for word in words}


def test_workers_take_turns_and_those_that_fail_are_named():
    before, said = dict(os.environ), []
    workers = clerks("a", "raise", "die", "b")
    assert dict(os.environ) == before   # their threads are theirs alone
    done, failed = rounds.take_turns(workers, "work", 3, said.append)
    for worker in workers.values():
        worker.close()
    assert failed == {"raise": "ValueError: told to",
                      "die": "its process ended with exit code 7"}
    assert {name: [result for result, _ in turns]
            for name, turns in done.items()} == {
        word: [(word, i, "1") for i in (1, 2, 3)] for word in "ab"}
    assert [line.split(": ")[1] for line in said] == [
        "a", "raise", "die", "b", "b", "raise", "a", "a", "b"]
    assert not any(worker.process.is_alive() for worker in workers.values())


def test_a_worker_tells_what_its_work_cost():
    worker = rounds.Worker(Clerk, "", cores=[0])
    _, before = worker.call("work")
    _, cost = worker.call("burn", .3)
    worker.close()
    assert cost["cpu"] == pytest.approx(.3, abs=.1)
    assert cost["since"] - before["since"] == pytest.approx(
        cost["cpu"], abs=.1)
    if sys.platform == "linux":
        assert cost["memory"] - before["memory"] == pytest.approx(32, abs=8)


def test_a_contender_that_cannot_be_imported_is_named():
    workers, missing = speed.start(
        {"torch-less": (speed.Job, "no_such", "", 1)}, [0])
    assert not workers
    (why,) = missing.values()
    assert "No module named" in why


class Fixed:
    """Stands for a worker whose check gives these."""

    def __init__(self, loss, **gradients):
        self.answer = loss, {k: np.float32(v) for k, v in gradients.items()}

    def call(self, method):
        return self.answer, None


def test_contenders_that_compute_something_else_are_not_measured():
    wrong = speed.check({
        "ours": Fixed(100, w=[1, 2]), "same": Fixed(100.001, w=[1, 2]),
        "other loss": Fixed(100.1, w=[1, 2]),
        "other gradient": Fixed(100, w=[1, 2.1]),
        "nan": Fixed(np.nan, w=[1, 2])})
    assert wrong == {"other loss": "computes the loss 100.1, not 100",
                     "other gradient": "computes another gradient of w",
                     "nan": "computes the loss nan, not 100"}


def turns(*cpu, since=10.):
    return [(300. - i, {"cpu": c, "wall": 2 * c, "since": since + i,
                        "memory": 100. + i}) for i, c in enumerate(cpu)]


def test_rows_leave_out_the_first_round_but_for_the_start_up():
    peak = turns(1, .5, 1, 2)
    rows = speed.summarize({"ours": turns(9, 1, 2, 4),
                            "other": turns(8, 3, 2, 2)}, peak, 1000)
    other = rows["other"]
    assert other["cpu"] == [3, 2, 2]
    assert other["loss"] == 297
    assert other["images_per_cpu_second"] == 500
    assert other["cpu_against_ours"] == rounds.quartiles([3, 1, .5])
    assert other["startup"] == 10 - 2
    assert other["memory"] == 103
    share = [network.operations() * 1000 / c * p / speed.Peak.operations()
             for c, p in zip([3, 2, 2], [.5, 1, 2])]
    assert other["share_of_peak"] == pytest.approx(rounds.quartiles(share))


def test_growth_varies_one_thing_at_a_time():
    every = list(speed.variants("file", 1000))
    assert len({what for what, *_ in every}) == 5
    for what, value, job, n, threads in every:
        if what != "image side":
            _, name, file, images, batchsize, n_z = job
            assert (name, file, images) == ("ours", "file", n)
            settings = {"batch size": batchsize, "n_z": n_z, "images": n,
                        "threads": threads}
            usual = {"batch size": 100, "n_z": 20, "images": 1000,
                     "threads": 1}
            assert settings == {**usual, what: value}


@pytest.fixture(scope="module")
def committed():
    return json.loads(speed.RESULT.read_text())


def test_the_committed_result_names_every_contender_once(committed):
    names = [*committed["contenders"], *committed["not_measured"]]
    assert sorted(names) == sorted(speed.CONTENDERS)
    assert committed["contenders"]["ours"]["cpu_against_ours"] == [1, 1, 1]
    assert committed["megaflop_per_image"] * 1e6 == network.operations()
    for row in committed["contenders"].values():
        assert len(row["cpu"]) == committed["rounds"] - 1
        assert row["cpu_against_ours"] == rounds.ratios(
            row["cpu"], committed["contenders"]["ours"]["cpu"])


def test_within_tensorflow_little_is_left_to_win(committed):
    """What book/speed.md says of the table."""
    middle = {name: row["cpu_against_ours"][1]
              for name, row in committed["contenders"].items()}
    near = "graph_2016", "per_batch"
    assert all(abs(middle[name] - 1) < .05 for name in near)
    assert all(middle[name] > 1.2 for name in middle
               if name.startswith(("pytorch", "jax")))


def test_the_committed_figure_is_drawn_from_the_committed_result(
        committed, tmp_path):
    speed.draw(committed["contenders"], tmp_path / "speed.png")
    drawn, kept = [base64.b64encode(path.read_bytes()).decode() for path in (
        tmp_path / "speed.png", speed.RESULT.with_name("speed.png"))]
    assert not list(compare.picture_faults(kept, drawn, 0.98))


@pytest.mark.parametrize("recipe, n", [("of_2016", 600), ("quick", 600)])
def test_recipes_train_a_vae_that_gets_better(recipe, n):
    model, records = getattr(recipes, recipe)(blobs(n), seed=0)
    assert isinstance(model, VAE) and model.generation_loss is cross_entropy
    losses = [record["loss"] for record in records]
    assert len(losses) == recipes.EPOCHS[recipe]
    assert losses[-1] < .9 * losses[0]


@pytest.mark.parametrize("name", quality.CHANGES)
def test_every_change_of_the_quick_recipe_changes_its_training(name):
    usual, other = (quality.begin("quick", blobs(400), 0, **changes)[1]
                    for changes in ({}, quality.CHANGES[name]))
    losses = [[record["loss"] for record in records]
              for records in (usual, other)]
    assert (losses[0] == losses[1]) == (name == quality.QUICK)


@pytest.fixture(scope="module")
def compared():
    return json.loads(quality.RESULT.read_text())


def test_the_committed_comparison_is_whole(compared):
    assert list(compared["validation"]) == list(quality.CHANGES)
    assert min(map(len, compared["validation"].values())) >= 3
    assert len(compared["test"]) >= 3
    for curves in compared["test"]:
        for name, epochs in recipes.EPOCHS.items():
            assert len(curves[name]["loss"]) == epochs
            assert np.all(np.diff([0, *curves[name]["cpu"]]) > 0)


def test_the_quick_recipe_is_the_best_of_those_tried_and_in_time(compared):
    means = {name: np.mean(losses)
             for name, losses in compared["validation"].items()}
    assert min(means, key=means.get) == quality.QUICK
    ends = {recipe: {what: np.array([curve[recipe][what][-1]
                                     for curve in compared["test"]])
                     for what in ("loss", "cpu")} for recipe in recipes.EPOCHS}
    slow, quick = ends["of_2016"], ends["quick"]
    assert np.median(quick["cpu"] / slow["cpu"]) <= 1 / 3
    assert np.mean(quick["loss"]) <= np.mean(slow["loss"])


def test_the_committed_curves_are_drawn_from_the_committed_result(
        compared, tmp_path):
    quality.draw(compared["test"], tmp_path / "quality.png")
    drawn, kept = [base64.b64encode(path.read_bytes()).decode() for path in (
        tmp_path / "quality.png", quality.RESULT.with_name("quality.png"))]
    assert not list(compare.picture_faults(kept, drawn, 0.98))


def test_every_convolution_of_a_step_has_its_row_in_the_profile():
    contender = ours.Contender(blobs(400), network.start_weights(), 100)
    found = {name: seconds for name, seconds, _ in profile.events(
        contender.train_epoch) if "/while/" in name}
    rows = profile.table([found], 400, peak=1e12)
    shares = [row["share"] for row in rows]
    assert len(rows) == 13 and sum(shares) == pytest.approx(1)
    assert min(shares) > 0
    assert [row["of_peak"] > 0 for row in rows] == 12 * [True] + [False]
    total = sum(row["of_peak"] * row["share"] for row in rows)
    assert total == pytest.approx(
        network.operations() * 400 / 1e12 / sum(found.values()))
    with pytest.raises(ValueError, match="no row for a/while/last:Conv3D"):
        profile.row_of("a/while/last:Conv3D")


def test_the_graph_of_2016_calls_the_same_kernels():
    """What book/speed.md says of the profile."""
    images, called = blobs(400), []
    for contender in (ours, graph_2016):
        trained = contender.Contender(images, network.start_weights(), 100)
        trained.train_epoch()
        kinds = collections.Counter()
        for name, _, times in profile.events(trained.train_epoch):
            kind = name.rpartition(":")[2].replace("Fused", "")
            if re.search("Conv2D|MatMul", kind):
                kinds[kind] += times
        called.append(kinds)
    assert called[0] == called[1] and called[0].total() == 4 * (11 + 9)

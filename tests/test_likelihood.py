"""The networks and the numbers of the page about likelihood."""

import argparse
import base64
import json
from unittest import mock

import numpy as np
import pytest

from benchmarks import dense, likelihood, rounds
from benchmarks.likelihood import BURDA, CUT, DRAWN, GREY, ROWS
from book._tools import compare, execute
from tests.test_train import blobs
from vae_tf import data
from vae_tf.lab import evaluate
import tensorflow as tf

IMAGES = blobs(100)


@pytest.mark.parametrize("kind, n_z, sizes", [
    (dense.August, 20, [784, 500, 500, 40, 20, 500, 500, 784]),
    (dense.Burda, 50, [784, 200, 200, 100, 50, 200, 200, 784])])
def test_dense_networks_are_those_of_their_papers(kind, n_z, sizes):
    tf.random.set_seed(0)
    model = kind()
    assert np.isfinite(model.loss(IMAGES)["loss"])
    inputs, outputs = sizes[:3] + sizes[4:7], sizes[1:4] + sizes[5:]
    assert sum(tf.size(v) for v in model.trainable_variables) == sum(
        (n + 1) * m for n, m in zip(inputs, outputs))
    z_mean, z_stddev = model.recognition(IMAGES)
    assert z_mean.shape == z_stddev.shape == (100, n_z)
    assert (np.min(z_stddev) > 0) == (kind is dense.Burda)
    assert model.generation(z_mean).shape == IMAGES.shape
    for variable in model.trainable_variables:
        if "/Matrix" in variable.name:
            inputs, outputs = variable.shape
            limit = {20: (3 / inputs) ** 0.5, 50: (6 / (inputs + outputs))
                     ** 0.5}[n_z]
            assert limit * 0.99 < np.max(np.abs(variable)) <= limit
        else:
            assert np.all(variable == 0) == (kind is dense.Burda)


def test_pixels_are_drawn_with_their_grey_as_the_probability():
    greys = np.broadcast_to(np.float32([0, 0.2, 0.5, 0.9, 1]),
                            (20_000, 1, 5))[..., None]
    drawn = likelihood.binary(DRAWN, greys)
    assert set(np.unique(drawn)) == {0, 1}
    assert np.abs(drawn.mean(0) - greys[0]).max() < 0.02
    assert np.array_equal(drawn, likelihood.binary(DRAWN, greys))
    assert np.array_equal(likelihood.binary(CUT, greys), greys > 0.5)
    assert likelihood.binary(GREY, greys) is greys


def test_a_batch_is_drawn_anew_each_time():
    model, seen = dense.Burda(), []
    model.loss = lambda images: seen.append(images.numpy())
    likelihood.drawn_anew(model)
    for _ in range(200):
        model.loss(IMAGES[:1])
    assert set(np.unique(seen)) == {0, 1}
    assert not np.array_equal(seen[0], seen[1])
    assert np.abs(np.mean(seen, axis=0) - IMAGES[:1]).max() < 0.2


def test_the_rate_falls_to_a_tenth_in_stages_three_times_as_long(
        monkeypatch):
    used = {}
    monkeypatch.setattr(likelihood, "train", lambda model, images, **settings:
                        used.update(settings))
    likelihood.begin(BURDA, DRAWN, IMAGES, None, epochs=656)
    adam, found = used["optimizer"], []
    assert used["batchsize"] == 20 and adam.epsilon == 1e-4
    # 3,280 steps in stages of 1, 3, 9 and so on to 2,187.
    for step in (0, 1, 2, 4, 5, 1093, 1094, 3279):
        adam.iterations.assign(step)
        found.append(float(adam.learning_rate))
    assert found == pytest.approx(
        [10 ** (-3 - stage / 7) for stage in (0, 0, 1, 1, 2, 6, 7, 7)])


@pytest.fixture
def few(monkeypatch):
    """Let MNIST be a few blobs."""
    some = data.Split(IMAGES, np.zeros(100, np.int64))
    monkeypatch.setattr(data, "mnist", lambda: (some, some, some))


@pytest.mark.parametrize("name, pixels", ROWS)
def test_a_row_is_trained_and_goes_on_where_it_was(few, tmp_path, name,
                                                   pixels):
    task = name, pixels, tmp_path / "checkpoints"
    first = likelihood.Training(*task, epochs=2)
    assert first.epoch()["epoch"] == 1
    first.records.close()  # as where it is interrupted
    again = likelihood.Training(*task, epochs=2)
    assert again.epoch()["epoch"] == 2 and again.epoch() is None
    judge = likelihood.Training(*task, epochs=2)
    assert judge.epoch() is None
    for a, b in zip(again.model.trainable_variables,
                    judge.model.trainable_variables):
        assert np.array_equal(a, b)
    mean, error, n = judge.bound()
    assert n == 100 and 0 < error < mean
    if pixels != GREY:
        assert judge.floor() == 0
        assert judge.estimate(50, 100)[0] < mean


def test_the_floor_is_the_loss_of_pixels_painted_in_their_own_grey(few,
                                                                   tmp_path):
    work = likelihood.Training(*ROWS[0], tmp_path / "checkpoints", epochs=1)
    own = evaluate_with_itself(IMAGES)
    assert work.floor() == pytest.approx(own, rel=1e-5)


def evaluate_with_itself(images):
    from vae_tf import cross_entropy

    return np.mean(cross_entropy(images, images))


def test_weights_come_back_from_the_file_as_they_were_judged(few, tmp_path):
    work = likelihood.Training(BURDA, DRAWN, tmp_path / "checkpoints", 1)
    work.epoch()
    np.savez(tmp_path / "weights.npz", **work.round())
    model = likelihood.stored(tmp_path / "weights.npz")
    for one, other in zip(model.recognition(IMAGES),
                          work.model.recognition(IMAGES)):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


class OnlyTheThirdIsSound:
    """A worker whose training breaks with seed 0 and is caught with seed 1."""

    def __init__(self, kind, name, pixels, checkpoints, epochs, seed, cores):
        self.seed, self.cores = seed, cores
        self.records = iter([{"epoch": i + 1, "loss": 100. - seed}
                             for i in range(epochs)])

    def call(self, what, *_):
        if what == "epoch" and self.seed == 0:
            raise rounds.Failed("FloatingPointError: Training stopped")
        return {"epoch": lambda: next(self.records, None),
                "caught": lambda: int(self.seed != 2),
                "active": lambda: 7, "floor": lambda: 45.5,
                "bound": lambda: [99., .3, 10]}[what](), {"cpu": 2.0}

    def close(self):
        pass


def test_what_comes_to_grief_makes_room_for_the_next_seed(
        tmp_path, monkeypatch):
    monkeypatch.setattr(likelihood, "KEPT", tmp_path)
    monkeypatch.setattr(likelihood, "Worker", OnlyTheThirdIsSound)
    settings = argparse.Namespace(epochs=3, images=10, core=0, result=tmp_path)
    row = likelihood.row("2016, convolutions", GREY, settings)
    assert row["seed"] == 2 and row["cpu"] == 6
    assert row["losses"] == {"1": 98., "2": 98., "3": 98.}
    assert row["negative_elbo"] == [99., .3, 10] and "nll" not in row
    assert len(list(tmp_path.glob("*/log.jsonl"))) == 3
    assert len(list(tmp_path.glob("*/judged-10.json"))) == 1
    monkeypatch.setattr(OnlyTheThirdIsSound, "call", mock.Mock(
        side_effect=rounds.Failed("MemoryError: no more")))
    with pytest.raises(rounds.Failed, match="MemoryError"):
        likelihood.row("2016, convolutions", CUT, settings)


@pytest.fixture(scope="module")
def found():
    return json.loads(likelihood.RESULT.read_text())


def test_the_committed_result_is_whole(found):
    assert [(one["network"], one["pixels"]) for one in found["rows"]] == ROWS
    assert found["images"] == 10_000
    for one in found["rows"]:
        assert one["epochs"] == likelihood.EPOCHS.get(one["network"], 9)
        assert ("nll" in one) == (one["pixels"] != GREY)
        if "nll" in one:
            assert list(map(int, one["nll"])) == [*likelihood.MORE_DRAWS.get(
                one["network"], likelihood.DRAWS)]


def test_more_draws_find_a_better_likelihood_less_and_less(found):
    """What book/likelihood.md says of its figure and of its table."""
    gaps = []
    for one in found["rows"]:
        if "nll" in one:
            means = [mean for mean, _, _ in one["nll"].values()]
            falls = -np.diff(means)
            assert np.all(falls > 0) and falls[-1] < falls[0]
            assert means[-1] < one["negative_elbo"][0]
            gaps.append(means[0] - means[-1])
            # "most of it within the first fifty draws"
            assert means[0] - means[2] > (means[0] - means[-1]) / 2
    assert max(gaps) > 2 * min(gaps)
    assert all(one["active"] < 10 for one in found["rows"]
               if one["network"] == "2016, August, dense")


def test_grey_pixels_have_a_floor_and_cut_ones_are_cheaper(found):
    rows = {(one["network"], one["pixels"]): one for one in found["rows"]}
    for name in ("2016, convolutions", "2016, August, dense"):
        assert rows[name, GREY]["floor"] > 45
        assert rows[name, DRAWN]["floor"] == rows[name, CUT]["floor"] == 0
        assert (rows[name, CUT]["negative_elbo"][0]
                < rows[name, DRAWN]["negative_elbo"][0])


def test_the_stored_network_is_as_likely_as_the_page_says(found):
    """On the first hundred images."""
    if not execute.mnist_is_here():
        pytest.skip("MNIST could not be had.")
    test = likelihood.binary(DRAWN, data.mnist()[2].images)[:100]
    tf.random.set_seed(0)
    nll = evaluate.negative_log_likelihood(likelihood.stored(), test, 50)
    [row] = [one for one in found["rows"] if one["network"] == BURDA]
    assert nll.mean() == pytest.approx(row["of_hundred"], abs=0.2)


def same_picture(name, folder):
    """Fail unless a figure drawn now is the committed one of that name."""
    drawn, kept = [base64.b64encode((place / name).read_bytes()).decode()
                   for place in (folder, likelihood.RESULT.parent)]
    assert not list(compare.picture_faults(kept, drawn, 0.98))


def test_the_committed_figure_is_drawn_from_the_committed_result(
        found, tmp_path):
    likelihood.draw(found["rows"], tmp_path / "likelihood.png")
    same_picture("likelihood.png", tmp_path)


def test_the_committed_digits_have_the_pixels_of_the_page(tmp_path):
    if not execute.mnist_is_here():
        pytest.skip("MNIST could not be had.")
    likelihood.draw_pixels(tmp_path / "pixels.png")
    same_picture("pixels.png", tmp_path)

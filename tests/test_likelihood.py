"""`make likelihood` trains what it says, on the pixels it says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from benchmarks import dense, likelihood
from benchmarks.likelihood import BURDA, CUT, DRAWN, GREY, ROWS
from tests.test_train import blobs
from vae_tf import data, evaluate
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


def test_the_figure_has_a_line_for_each_row_that_has_a_likelihood(
        tmp_path, monkeypatch):
    monkeypatch.setattr(plt, "close", lambda: None)
    likelihood.draw([
        {"network": BURDA, "pixels": GREY},
        {"network": BURDA, "pixels": DRAWN, "nll": {
            "1": [90., .3, 100], "50": [88., .2, 100]}},
        {"network": BURDA, "pixels": CUT, "nll": {"1": [80., .3, 100]}}],
        tmp_path / "likelihood.png")
    lines = [container[0] for container in plt.gca().containers]
    monkeypatch.undo()
    plt.close()
    assert [line.get_xydata().tolist() for line in lines] == [
        [[1, 90], [50, 88]], [[1, 80]]]
    assert (tmp_path / "likelihood.png").stat().st_size > 1000

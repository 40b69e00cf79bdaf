"""Real workers train what one does, and end clearly when one of them fails."""

import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from vae_tf import workers
from vae_tf.workers import launch

ROOT = Path(__file__).parents[1]
MODELS = """
import contextlib, json, os, signal, sys, time
import numpy as np
import tensorflow as tf
from vae_tf import VAE, Autoencoder, train
from vae_tf.train import one_step
from vae_tf.workers import meet

images = np.random.default_rng(0).uniform(size=(40, 28, 28, 1)).astype("f")


class Ledger(tf.Module):
    image_shape = (1, 1, 1)
    images = np.float32(np.arange(12) / 12).reshape(12, 1, 1, 1)
    weight = None

    def loss(self, images):
        if self.weight is None:
            self.weight = tf.Variable(1.)
            self.seen = tf.Variable(
                tf.zeros([12]), trainable=False,
                aggregation=tf.VariableAggregation.SUM,
                synchronization=tf.VariableSynchronization.ON_READ)
        elif not tf.distribute.in_cross_replica_context():
            numbers = tf.cast(tf.round(images[:, 0, 0] * 12), tf.int32)
            self.seen.assign_add(tf.scatter_nd(
                numbers, tf.ones([images.shape[0]]), [12]))
        return {"loss": 1 * self.weight}


class Dice(tf.Module):
    image_shape = (28, 28, 1)
    weight = None

    def loss(self, images):
        if self.weight is None:
            self.weight = tf.Variable(1.)
            self.drawn = tf.Variable(
                0., trainable=False,
                aggregation=tf.VariableAggregation.SUM,
                synchronization=tf.VariableSynchronization.ON_READ)
        elif not tf.distribute.in_cross_replica_context():
            self.drawn.assign(tf.random.normal([]))
        return {"loss": 1 * self.weight}


def losses(model, images=images, **settings):
    return [record["loss"] for record in train(
        model, images, batchsize=20, **settings)]


def gradient(strategy=None):
    tf.random.set_seed(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model, descent = Autoencoder(), tf.keras.optimizers.SGD(1.)
        model.loss(images[:20])
        descent.build(model.trainable_variables)
    before = [v.numpy() for v in model.trainable_variables]
    tf.function(one_step(model, descent, strategy))([images[:20]])
    return np.concatenate([np.ravel(a - v.numpy()) for a, v in
                           zip(before, model.trainable_variables)])


def apart(strategy):
    whole, shared = gradient(), gradient(strategy)
    return float(np.linalg.norm(shared - whole) / np.linalg.norm(whole))


def local(strategy, variable):
    return [value.numpy().tolist() for value
            in strategy.experimental_local_results(variable)]


def report(strategy, folder):
    ledger, dice = Ledger(), Dice()
    next(train(ledger, ledger.images, batchsize=4, strategy=strategy))
    next(train(dice, images, batchsize=40, strategy=strategy))
    parts = losses(Autoencoder(), epochs=1, strategy=strategy, folder=folder)
    parts += losses(Autoencoder(), epochs=3, strategy=strategy, folder=folder)
    print(json.dumps({
        "plain": losses(Autoencoder(), epochs=3),
        "shared": losses(Autoencoder(), epochs=3, strategy=strategy),
        "parts": parts, "VAE": losses(VAE(), epochs=2, strategy=strategy),
        "apart": apart(strategy), "seen": local(strategy, ledger.seen),
        "dice": local(strategy, dice.drawn)}))
"""
DEVICES = MODELS + """
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2)
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
report(mirrored, sys.argv[1])
used = Autoencoder()
used.loss(images)
for call in (lambda: train(Autoencoder(), images, batchsize=20,
                           strategy="mirrored"),
             lambda: train(Autoencoder(), images, batchsize=20, strategy=
                           tf.distribute.OneDeviceStrategy("CPU:0")),
             lambda: train(Autoencoder(), images, batchsize=5,
                           strategy=mirrored),
             lambda: train(used, images, batchsize=20, strategy=mirrored)):
    try:
        call()
        print("accepted")
    except Exception as error:
        print(type(error).__name__, error)
"""
MET = MODELS + "report(meet(), sys.argv[1])"
HANGS = MODELS + """
strategy = meet()
print(os.getpid(), file=open(sys.argv[1] + f"/pid{os.getpid()}", "w"))
me = strategy.cluster_resolver.task_id
for record in train(Autoencoder(), images, epochs=100_000, batchsize=20,
                    strategy=strategy):
    if me == 1 and record["epoch"] == 3 and sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""
OTHER = """
import json, os, sys
from pathlib import Path
if json.loads(os.environ["TF_CONFIG"])["task"]["index"]:
    sys.path.insert(0, sys.argv[1])
from vae_tf.workers import meet
meet()
"""


def python(source, *arguments, **settings):
    return subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}, **settings)


def alive(pid):
    """Return whether a process runs (a zombie does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    run = python(DEVICES, tmp_path_factory.mktemp("devices"))
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.fixture(scope="module", params=["devices", "workers"])
def reports(request, devices, tmp_path_factory):
    """Return what each process reports: one of two devices, two of one."""
    if request.param == "devices":
        return [json.loads(devices[0])]
    folder = tmp_path_factory.mktemp("workers")
    return [json.loads(output) for output in launch(MET, 2, folder)]


def test_two_train_what_one_does(reports):
    for report in reports:
        assert report["shared"] == pytest.approx(report["plain"], rel=1e-4)
        assert report["shared"][2] < report["shared"][0]


def test_the_gradient_is_that_of_the_whole_batch(reports):
    for report in reports:      # Adam would hide a multiple of it
        assert report["apart"] < 1e-4


def test_all_report_the_same(reports):
    for name in ("shared", "parts", "VAE"):
        assert all(report[name] == reports[0][name] for report in reports)


def test_an_epoch_gives_each_image_to_one(reports):
    pages = [page for report in reports for page in report["seen"]]
    assert [sum(page) for page in pages] == [6, 6]
    assert list(map(sum, zip(*pages))) == [1] * 12


def test_each_draws_its_own_random_numbers(reports):
    drawn = [number for report in reports for number in report["dice"]]
    assert len(drawn) == len(set(drawn)) == 2


def test_a_resumed_training_goes_on_as_if_unbroken(reports):
    for report in reports:
        assert report["parts"] == pytest.approx(report["shared"], rel=1e-4)
        assert len(report["parts"]) == 3


@pytest.mark.parametrize("line, message", [
    (1, "TypeError The 'strategy' parameter of train must .* Got str instead"),
    (2, "TypeError The 'strategy' parameter .* Got OneDeviceStrategy"),
    (3, "ValueError The 'batchsize' .* multiple .* 2 replicas. Got 5 instead"),
    (4, "ValueError The 'model' parameter of train must be new")])
def test_what_a_strategy_cannot_do_is_named(devices, line, message):
    assert re.match(message, devices[line])


def test_a_killed_worker_ends_all_of_them(tmp_path):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="Worker 1 of 2 was killed by "
                       "SIGKILL; all have ended"):
        launch(HANGS, 2, tmp_path, "die")
    assert time.monotonic() - start < 60
    pids = [path.name[3:] for path in tmp_path.glob("pid*")]
    assert len(pids) == 2 and not any(map(alive, pids))


@pytest.mark.parametrize("victim", [0, 1])
def test_without_a_launcher_the_other_ends_by_itself(tmp_path, victim):
    addresses = [f"127.0.0.1:{port}" for port in workers.free_ports(2)]
    program = HANGS.replace("me == 1", f"me == {victim}")
    pair = [subprocess.Popen(
        [sys.executable, "-c", program, tmp_path, "die"], cwd=ROOT,
        stderr=subprocess.DEVNULL, env={
            **workers.environment(addresses, i, str(tmp_path)),
            workers.ENDS_WITH: ""}) for i in range(2)]
    try:
        assert pair[victim].wait(60) == -signal.SIGKILL
        assert pair[1 - victim].wait(30) == 1
    finally:
        for worker in pair:
            worker.kill()
            worker.wait()


def test_workers_end_with_a_launcher_that_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(HANGS)
    launcher = subprocess.Popen(
        [sys.executable, "-m", "vae_tf.workers", "2", tmp_path / "program.py",
         tmp_path, "live"], cwd=ROOT)
    end = time.monotonic() + 60
    while len(pids := list(tmp_path.glob("pid*"))) < 2:
        assert launcher.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    end = time.monotonic() + 10
    while any(alive(pid.name[3:]) for pid in pids):
        assert time.monotonic() < end, "orphans"
        time.sleep(0.1)


def test_other_code_is_told(tmp_path):
    copy = tmp_path / "vae_tf"
    copy.mkdir()
    for file in (ROOT / "vae_tf").glob("*.py"):
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "losses.py").write_text(
        (copy / "losses.py").read_text() + "\n# other\n")
    with pytest.raises(RuntimeError, match=r"It said: .*workers \[1\] run "
                       "other code than worker 0"):
        launch(OTHER, 2, tmp_path)


def run_met(config, seconds=2):
    """Run a worker that is to meet the others, and return how it ended."""
    with mock.patch.dict(os.environ, TF_CONFIG=json.dumps(config)):
        return python("from vae_tf.workers import meet; "
                      f"meet(seconds={seconds})", timeout=60)


def two(mine, other):
    return {"cluster": {"worker": [f"127.0.0.1:{mine}",
                                   f"127.0.0.1:{other}"]},
            "task": {"type": "worker", "index": 0}}


def test_a_worker_that_never_appears_is_told_within_a_minute():
    mine, other = workers.free_ports(2)
    run = run_met(two(mine, other))
    assert run.returncode == 1
    assert re.search(f"TimeoutError: Worker 1 did not appear at 127.0.0.1:"
                     f"{other} within 2 seconds", run.stderr)
    assert workers.meet.__defaults__[0] <= 45


@pytest.mark.parametrize("says", [
    b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"worker\n", b"worker one x\n",
    b"worker 0 x\n", bytes(range(128, 256)) * 9])
def test_who_listens_there_and_is_not_that_worker_is_told(says):
    stranger = socket.create_server(("127.0.0.1", 0))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                lines.append(stranger.accept()[0])
                lines[-1].sendall(says)

    lines, addresses = [], [("127.0.0.1", port) for port in (
        *workers.free_ports(1), stranger.getsockname()[1])]
    with stranger:
        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(TimeoutError, match="Worker 1 did not appear at"):
            workers.greet(addresses, 0, "x", 1)
        assert lines
        stranger.shutdown(socket.SHUT_RDWR)
    for line in lines:
        line.close()


def test_strangers_who_call_do_no_harm():
    addresses = [("127.0.0.1", port) for port in workers.free_ports(3)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(workers.greet, addresses, 0, "x", 20)
        for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 1000):
            until(lambda: knock(addresses[0], words))
        others = [pool.submit(workers.greet, addresses, i, word, 20)
                  for i, word in ((1, "x"), (2, "y"))]
        for future in (first, *others):
            assert future.result() == {0: "x", 1: "x", 2: "y"}


def knock(address, words):
    with contextlib.suppress(ConnectionRefusedError), \
            socket.create_connection(address, timeout=1) as line:
        line.sendall(words)
        return True


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_answers_but_never_calls_is_told():
    addresses = [("127.0.0.1", port) for port in workers.free_ports(2)]
    with workers.desk(addresses[1][1], b"worker 1 x\n"), \
            pytest.raises(TimeoutError, match="Worker 1 answered at .* did "
                          "not call within 1 seconds"):
        workers.greet(addresses, 0, "x", 1)


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"^Port {port}, this worker's by "
                           "TF_CONFIG, cannot be listened at: "):
            workers.greet([("127.0.0.1", port)], 0, "x", 1)


GOOD = {"cluster": {"worker": ["a:1", "b:2"]},
        "task": {"type": "worker", "index": 1}}


@pytest.mark.parametrize("config", [
    None, "", "{", "[]", "3", "null", "{}", json.dumps({**GOOD, "task": {}}),
    json.dumps({**GOOD, "cluster": {}}),
    json.dumps({**GOOD, "cluster": {"worker": ["a", "b"]}}),
    json.dumps({**GOOD, "cluster": {"worker": ["a:x", "b:y"]}}),
    json.dumps({**GOOD, "cluster": {**GOOD["cluster"], "ps": ["c:3"]}}),
    json.dumps({**GOOD, "task": {"type": "worker", "index": 2}}),
    json.dumps({**GOOD, "task": {"type": "ps", "index": 0}})])
def test_a_missing_or_malformed_tf_config_is_named(config, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match="variable TF_CONFIG must") as error:
        workers.meet()
    assert str(error.value).endswith(f"Got {config or 'nothing'} instead.")


def test_a_good_tf_config_is_understood(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    assert workers.task() == ([("a", 1), ("b", 2)], 1)
    chief = {"cluster": {"worker": ["b:2"], "chief": ["a:1"]},
             "task": {"type": "chief", "index": "0"}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(chief))
    assert workers.task() == ([("a", 1), ("b", 2)], 0)


def test_outputs_come_back_in_order_and_arguments_go_in():
    program = ("import json, os, sys; print(sys.argv[1:], json.loads("
               "os.environ['TF_CONFIG'])['task']['index'])")
    assert launch(program, 3, "a", 1) == [
        f"['a', '1'] {i}\n" for i in range(3)]


def test_workers_import_from_where_their_launcher_does(tmp_path, monkeypatch):
    (tmp_path / "found_here_alone.py").write_text("word = 'found'")
    monkeypatch.syspath_prepend(tmp_path)  # as a standalone notebook does
    assert launch("from found_here_alone import word; print(word)", 2) \
        == ["found\n"] * 2


def test_what_a_killed_worker_leaves_behind_is_removed(tmp_path):
    program = ("import os, signal, sys, tempfile\n"
               "print(tempfile.mkstemp()[1], file=open(sys.argv[1], 'w'))\n"
               "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RuntimeError, match="killed by SIGKILL"):
        launch(program, 1, tmp_path / "told")
    left = Path((tmp_path / "told").read_text().strip())
    assert left.is_absolute() and not left.parent.exists()


def test_a_failing_worker_is_named_with_its_last_words():
    program = ("import json, os, time\nif json.loads(os.environ['TF_CONFIG'])"
               "['task']['index']: raise SystemExit('so long')\n"
               "time.sleep(60)")
    with mock.patch.object(workers, "GRACE", 0.2), \
            pytest.raises(RuntimeError, match="Worker 1 of 2 ended with exit "
                          "status 1; all have ended. It said: so long"):
        launch(program, 2)


def test_who_never_ends_is_stopped(tmp_path):
    program = ("import os, sys, time; open(f'{sys.argv[1]}/{os.getpid()}', "
               "'w').close(); time.sleep(60)")
    with pytest.raises(TimeoutError, match="within 2 seconds"):
        launch(program, 2, tmp_path, seconds=2)
    pids = [path.name for path in tmp_path.iterdir()]
    assert len(pids) == 2 and not any(map(alive, pids))


def test_the_command_ends_non_zero_with_the_message(tmp_path):
    (tmp_path / "program.py").write_text("raise SystemExit('so long')")
    command = [sys.executable, "-m", "vae_tf.workers"]
    run = subprocess.run([*command, "1", tmp_path / "program.py"], cwd=ROOT,
                         capture_output=True, text=True)
    assert run.returncode == 1
    assert "Worker 0 of 1 ended with exit status 1" in run.stderr
    (tmp_path / "program.py").write_text("print('well')")
    run = subprocess.run([*command, "2", tmp_path / "program.py"], cwd=ROOT,
                         capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "well\nwell\n")

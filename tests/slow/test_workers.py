"""Real workers train what one does, and end clearly when one of them fails."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from vae_tf import Autoencoder
from vae_tf.lab import distributed, workers
from vae_tf.lab.workers import launch

ROOT = Path(__file__).parents[2]
GOOD = {"cluster": {"worker": ["a:1", "[::1]:2"]},
        "task": {"type": "worker", "index": 1}}
MODELS = """
import json, os, signal, sys
import numpy as np
import tensorflow as tf
import vae_tf
from vae_tf import VAE, Autoencoder
from vae_tf.lab.distributed import train
from vae_tf.lab.workers import multi_worker_strategy

images = np.random.default_rng(0).uniform(size=(40, 28, 28, 1)).astype("f")

class Noise(tf.Module):
    image_shape, weight = (28, 28, 1), None

    def loss(self, images):
        if self.weight is None:
            self.weight = tf.Variable(1.)
        return {"loss": tf.random.normal([]) + 0 * self.weight}

def losses(train, model=Autoencoder, epochs=3, **settings):
    # Not Adam, which hides a multiple.
    return [record["loss"] for record in train(
        model(), images, epochs=epochs, batchsize=20,
        optimizer=tf.keras.optimizers.SGD(1e-3), **settings)]

def report(strategy):
    print(json.dumps({
        "one": losses(vae_tf.train),
        "shared": losses(train, strategy=strategy),
        "VAE": losses(train, VAE, strategy=strategy),
        "noise": losses(train, Noise, 200, strategy=strategy)}))
"""
DEVICES = MODELS + """
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2)
report(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
"""
HANGS = MODELS + """
strategy = multi_worker_strategy()
print(os.getpid(), file=open(sys.argv[1] + f"/pid{os.getpid()}", "w"))
victim = strategy.cluster_resolver.task_id == int(sys.argv[2])
for record in train(Autoencoder(), images, strategy, 100_000, batchsize=20):
    if victim and record["epoch"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def running(folder):
    """Count processes that left their number there (a zombie is gone)."""
    paths = [Path("/proc", pid.name[3:], "status")
             for pid in folder.glob("pid*")]
    assert len(paths) == 2
    return sum("\nState:\tZ" not in path.read_text()
               for path in paths if path.exists())


def free_address():
    """Return an address that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@pytest.mark.parametrize("kind", ["devices", "workers"])
def test_two_train_what_one_does(kind):
    reports = list(map(json.loads, launch(
        MODELS + "report(multi_worker_strategy())", 2) if kind == "workers"
        else [subprocess.check_output(
            [sys.executable, "-c", DEVICES], cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"})]))
    for report in reports:
        assert report["shared"] == pytest.approx(report["one"], rel=1e-4)
        assert report["shared"][2] < report["shared"][0]
        for name in ("shared", "VAE"):
            assert report[name] == reports[0][name]
        # Two draw different numbers: means of 4 vary by half a deviation.
        assert np.std(report["noise"]) == pytest.approx(.5, abs=.1)


def test_what_a_strategy_cannot_do_is_named():
    images, used = np.zeros([9, 28, 28, 1], "f"), Autoencoder()
    used.loss(images)
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    for strategy, message in [
            (tf.distribute.OneDeviceStrategy("CPU:0"),
             "'strategy' parameter of train must .* Got OneDeviceStrategy"),
            (mock.Mock(spec=one, num_replicas_in_sync=2),
             "'batchsize' .* multiple of the strategy's 2 rep.* Got 9 "),
            (one, "'model' parameter of train must be new")]:
        with pytest.raises((TypeError, ValueError), match=message):
            distributed.train(used, images, strategy, batchsize=9)


def test_a_killed_worker_ends_all_of_them(tmp_path):
    with pytest.raises(RuntimeError, match="Worker 1 of 2 was killed by "
                       "SIGKILL; all have been stopped"):
        launch(HANGS, 2, tmp_path, 1)
    assert not running(tmp_path)


def test_workers_end_with_a_launcher_that_is_killed(tmp_path):
    launcher = subprocess.Popen([sys.executable, "-c", (
        "from vae_tf.lab.workers import launch\n"
        f"launch({HANGS!r}, 2, {str(tmp_path)!r}, -1)")], cwd=ROOT)
    end = time.monotonic() + 300
    while len(list(tmp_path.glob("pid*"))) < 2 and time.monotonic() < end:
        time.sleep(.1)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    time.sleep(5)
    assert not running(tmp_path)


def test_who_never_ends_is_stopped_and_leaves_nothing(tmp_path):
    program = ("import os, sys, tempfile, time\nprint(tempfile.mkstemp()[1], "
               "file=open(f'{sys.argv[1]}/pid{os.getpid()}', 'w'), flush=True)"
               "\ntime.sleep(60)")
    with pytest.raises(TimeoutError, match="within 2 seconds"):
        launch(program, 2, tmp_path, seconds=2)
    assert not running(tmp_path)
    for told in tmp_path.iterdir():
        left = Path(told.read_text().strip())
        assert left.is_absolute() and not left.parent.exists()


def test_a_launch_returns_the_outputs_or_says_who_failed_and_why():
    program = ("import json, os, sys, time\n"
               "i = json.loads(os.environ['TF_CONFIG'])['task']['index']\n")
    assert launch(program + "print(i, sys.argv[1:])", 3, "a", 1) == [
        f"{i} ['a', '1']\n" for i in range(3)]
    with pytest.raises(RuntimeError, match="Worker 1 of 3 ended with exit "
                       "status 1; all have been stopped. It said: so long$"):
        launch(program + "if i == 1: sys.exit('so long')\ntime.sleep(99)", 3)


def test_other_code_is_told(tmp_path, monkeypatch):
    copy, same = tmp_path / "vae_tf", workers.code_digest([])
    shutil.copytree(ROOT / "vae_tf", copy)
    monkeypatch.setattr(workers, "__file__", str(copy / "lab/workers.py"))
    assert workers.code_digest([]) == same
    (copy / "losses.py").write_text("# other\n")
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    monkeypatch.setattr(workers, "barrier", lambda *_: [
        same, workers.code_digest([]), same])
    with pytest.raises(RuntimeError, match=r"workers \[1\] run other code th"):
        workers.multi_worker_strategy()


def test_who_does_not_come_is_named_and_strangers_do_no_harm():
    addresses = [free_address() for _ in range(3)]
    message = "Worker {0} did not appear in time at port {2} of {1}"
    with pytest.raises(TimeoutError, match=message.format(1, *addresses[1])):
        workers.barrier(addresses, 0, "aa", 1)
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(workers.barrier, addresses, i, f"{i}a", 20)
                   for i in (0, 1)]
        time.sleep(1)
        for says in (b"", b"\xff" * 999, b"SSH-2.0\r\n", b"9 bb\n"):
            with socket.create_connection(addresses[0]) as stranger:
                stranger.sendall(says)
        waiting.append(pool.submit(workers.barrier, addresses, 2, "2a", 20))
        assert all(one.result() == ["0a", "1a", "2a"] for one in waiting)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        addresses[0] = mute.getsockname()
        with pytest.raises(TimeoutError,
                           match=message.format(0, *addresses[0])):
            workers.barrier(addresses, 1, "aa", .3)
        with pytest.raises(OSError, match=f"^Port {addresses[0][1]}, this "
                           "worker's by TF_CONFIG, cannot be listened at: "):
            workers.barrier(addresses, 0, "aa", 1)


def test_a_good_tf_config_is_understood_and_others_are_named(monkeypatch):
    chief = {"cluster": {"worker": ["[::1]:2"], "chief": ["a:1"]},
             "task": {"type": "chief", "index": "0"}}
    for config, mine in [(GOOD, 1), (chief, 0)]:
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert workers.read_tf_config() == ([("a", 1), ("::1", 2)], mine)
    bad = [{"task": {"type": "worker", "index": 2}},
           {"cluster": {**GOOD["cluster"], "ps": ["c:3"]}},
           *({"cluster": {"worker": ["a:1", address]}} for address in (
               "b", "b:y", "b:65536", ":2", "::1:2", "[::1]2", 2))]
    for config in ["", "{", "[]", *(json.dumps({**GOOD, **b}) for b in bad)]:
        monkeypatch.setenv("TF_CONFIG", config)
        with pytest.raises(ValueError, match="TF_CONFIG must") as error:
            workers.multi_worker_strategy()
        assert str(error.value).endswith(f"Got {config or 'nothing'} instead.")


def test_the_code_of_contributing_trains():
    [code] = re.findall(r"(?s)```python\n(.+?)```",
                        (ROOT / "CONTRIBUTING.md").read_text())
    records = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT,
                                      text=True).splitlines()
    assert sum(record.startswith("{'epoch': 3") for record in records) == 2

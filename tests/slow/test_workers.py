"""Real workers train what one does, and end clearly when one of them fails."""

import contextlib
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

ROOT, WORD, OTHER = Path(__file__).parents[2], 16 * "a", 16 * "b"
try:
    socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    LOOP, HOST = "::1", "[::1]"
except OSError:     # a container without IPv6
    LOOP = HOST = "127.0.0.1"
MODELS = """
import json, os, signal, sys
import numpy as np
import tensorflow as tf
import vae_tf
from vae_tf import VAE, Autoencoder
from vae_tf.lab.distributed import train
from vae_tf.lab.workers import meet

images = np.random.default_rng(0).uniform(size=(40, 28, 28, 1)).astype("f")

class Ledger(tf.Module):
    image_shape, weight = (1, 1, 1), None
    images = np.float32(np.arange(12) / 12).reshape(12, 1, 1, 1)

    def loss(self, images):
        if self.weight is None:
            self.weight = tf.Variable(1.)
            self.seen, self.drawn = [tf.Variable(
                tf.zeros(shape), trainable=False,
                aggregation=tf.VariableAggregation.SUM,
                synchronization=tf.VariableSynchronization.ON_READ)
                for shape in ([12], [])]
        elif not tf.distribute.in_cross_replica_context():
            numbers = tf.cast(tf.round(images[:, 0, 0] * 12), tf.int32)
            self.seen.assign_add(tf.scatter_nd(
                numbers, tf.ones([images.shape[0]]), [12]))
            self.drawn.assign(tf.random.normal([]))
        return {"loss": 1 * self.weight}

def losses(model=Autoencoder, epochs=3, **settings):
    run = train if "strategy" in settings else vae_tf.train
    return [record["loss"] for record in run(
        model(), images, epochs=epochs, batchsize=20, **settings)]

def report(strategy, folder):
    ledger, descent = Ledger(), tf.keras.optimizers.SGD(1e-3)
    next(train(ledger, ledger.images, batchsize=4, strategy=strategy))
    seen, drawn = [[one.numpy().tolist() for one in
                    strategy.experimental_local_results(variable)]
                   for variable in (ledger.seen, ledger.drawn)]
    parts = losses(epochs=1, strategy=strategy, folder=folder)
    parts += losses(strategy=strategy, folder=folder)
    print(json.dumps({
        "plain": losses(), "shared": losses(strategy=strategy),
        "plain SGD": losses(optimizer=descent),
        "shared SGD": losses(optimizer=descent, strategy=strategy),
        "parts": parts, "VAE": losses(VAE, 2, strategy=strategy),
        "seen": seen, "drawn": drawn}))
"""
DEVICES = MODELS + """
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2)
report(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), sys.argv[1])
"""
HANGS = MODELS + """
strategy = meet()
print(os.getpid(), file=open(sys.argv[1] + f"/pid{os.getpid()}", "w"))
victim = strategy.cluster_resolver.task_id == int(sys.argv[2])
for record in train(Autoencoder(), images, epochs=100_000, batchsize=20,
                    strategy=strategy):
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


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def knock(address, words):
    with contextlib.suppress(ConnectionRefusedError), \
            socket.create_connection(address, timeout=1) as line:
        return not line.sendall(words)


@pytest.mark.parametrize("kind", ["devices", "workers"])
def test_two_train_what_one_does(kind, tmp_path):
    reports = list(map(json.loads, launch(
        MODELS + "report(meet(), sys.argv[1])", 2, tmp_path)
        if kind == "workers" else [subprocess.check_output(
            [sys.executable, "-c", DEVICES, tmp_path], cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"})]))
    for report in reports:
        for one, two in [("plain", "shared"), ("shared", "parts"),
                         ("plain SGD", "shared SGD")]:  # Adam hides a multiple
            assert report[two] == pytest.approx(report[one], rel=1e-4)
            assert len(report[two]) == 3 and report[two][2] < report[two][0]
        for name in ("shared", "parts", "VAE"):
            assert report[name] == reports[0][name]
    # Each image of an epoch goes to one, and each draws its own numbers.
    pages, drawn = [sum((report[name] for report in reports), [])
                    for name in ("seen", "drawn")]
    assert [sum(page) for page in pages] == [6, 6]
    assert list(map(sum, zip(*pages))) == [1] * 12
    assert len(drawn) == len(set(drawn)) == 2


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
            distributed.train(used, images, batchsize=9, strategy=strategy)


def test_a_killed_worker_ends_all_of_them(tmp_path):
    with pytest.raises(RuntimeError, match="Worker 1 of 2 was killed by "
                       "SIGKILL; all have ended"):
        launch(HANGS, 2, tmp_path, 1, seconds=60)
    assert not running(tmp_path)


@pytest.mark.parametrize("victim", [0, 1])
def test_without_a_launcher_the_other_ends_by_itself(tmp_path, victim):
    addresses = [f"{HOST}:{port}" for port in workers.free_ports(2)]
    pair = [subprocess.Popen(
        [sys.executable, "-c", HANGS, tmp_path, str(victim)], cwd=ROOT,
        stderr=subprocess.DEVNULL,
        env=workers.environment(addresses, i, str(tmp_path), ""))
        for i in range(2)]
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
        [sys.executable, "-m", "vae_tf.lab.workers", "2",
         tmp_path / "program.py", tmp_path, "-1"], cwd=ROOT)
    until(lambda: len(list(tmp_path.glob("pid*"))) == 2, 60)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    until(lambda: not running(tmp_path))


def test_other_code_is_told(tmp_path, monkeypatch):
    copy, same = tmp_path / "vae_tf", workers.code()
    shutil.copytree(ROOT / "vae_tf", copy)
    monkeypatch.setattr(workers, "__file__", str(copy / "lab/workers.py"))
    assert workers.code() == same and re.fullmatch("[0-9a-f]{16}", same)
    (copy / "losses.py").write_text("# other\n")
    codes = {0: same, 2: same, 1: workers.code()}
    monkeypatch.setattr(workers, "greet", lambda *_: codes)
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    with pytest.raises(RuntimeError, match=r"workers \[1\] run other code th"):
        workers.meet()


SAYS = [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"worker\n", b"worker one a\n",
        b"worker 1 x\n", f"worker 0 {WORD}\n".encode(),
        b"GET / HTTP/1.1\r\n\r\n", bytes(range(128, 256)) * 9]


def test_who_listens_there_and_is_not_that_worker_is_told():
    with ThreadPoolExecutor() as pool:
        for says in SAYS:
            with socket.create_server(("127.0.0.1", 0)) as stranger:
                addresses = [(LOOP, *workers.free_ports(1)),
                             stranger.getsockname()]
                told = pool.submit(workers.greet, addresses, 0, WORD, 0.3)
                with stranger.accept()[0] as line, pytest.raises(
                        TimeoutError, match="Worker 1 did not appear at 127.0."
                        r"0.1:\d+ within 0.3 seconds"):
                    line.sendall(says)
                    told.result()
    assert workers.meet.__defaults__[0] <= 45


@pytest.mark.parametrize("secret, other", [("", "else"), ("1cafe", "worker")])
def test_strangers_who_call_do_no_harm(secret, other, monkeypatch):
    monkeypatch.setenv(workers.LAUNCHED, secret)
    addresses = list(zip(["127.0.0.1", LOOP], workers.free_ports(2)))
    answer = f"{secret or 'worker'} 1 {WORD}\n".encode()
    strangers = [*SAYS, f"{other} 1 {WORD}\n".encode()]
    with ThreadPoolExecutor() as pool:
        with workers.desk(addresses, 1, answer):
            first = pool.submit(workers.greet, addresses, 0, WORD, 2)
            for words in strangers:
                until(lambda: knock(addresses[0], words))
            with pytest.raises(TimeoutError, match=(
                    f"Worker 1 answered at {re.escape(HOST)}:\\d+, but did "
                    "not call within 2 seconds")):
                first.result()
        first = pool.submit(workers.greet, addresses, 0, WORD, 20)
        for words in strangers:
            until(lambda: knock(addresses[0], words))
        second = pool.submit(workers.greet, addresses, 1, OTHER, 20)
        assert first.result() == second.result() == {0: WORD, 1: OTHER}


def test_a_port_is_open_to_those_alone_who_have_to_reach_it():
    everyone = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"
    for hosts, heard in [(["127.0.0.1", "::1"], "127.0.0.1"),
                         ([LOOP, "localhost"], LOOP),
                         (["127.0.0.1", "10.1.2.3"], everyone),
                         (["a-host", "127.0.0.1"], everyone)]:
        [port] = workers.free_ports(1)
        with workers.listening([(host, port) for host in hosts], 0) as one:
            assert one.getsockname()[:2] == (heard, port)
            assert heard != everyone or knock(("127.0.0.1", port), b"")
            with pytest.raises(OSError, match=f"^Port {port}, this worker's "
                               "by TF_CONFIG, cannot be listened at: "):
                workers.greet([(heard, port), ("a-host", 1)], 0, WORD, 1)


GOOD = {"cluster": {"worker": ["a:1", "[::1]:2"]},
        "task": {"type": "worker", "index": 1}}


def test_a_good_tf_config_is_understood_and_others_are_named(monkeypatch):
    chief = {"cluster": {"worker": ["[::1]:2"], "chief": ["a:1"]},
             "task": {"type": "chief", "index": "0"}}
    for config, mine in [(GOOD, 1), (chief, 0)]:
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert workers.task() == ([("a", 1), ("::1", 2)], mine)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    tasks = [{}, {"type": "worker", "index": 2}, {"type": "ps", "index": 0}]
    clusters = [{}, {**GOOD["cluster"], "ps": ["c:3"]}, *(
        {"worker": ["a:1", address]} for address in (
            "b", "b:y", "b:0", "b:65536", ":2", "[]:2", "::1:2", "[::1]2", 2))]
    for config in [None, "", "{", "[]", "3", "null", "{}",
                   *(json.dumps({**GOOD, "task": task}) for task in tasks),
                   *(json.dumps({**GOOD, "cluster": c}) for c in clusters)]:
        if config is not None:
            monkeypatch.setenv("TF_CONFIG", config)
        with pytest.raises(ValueError, match="TF_CONFIG must") as error:
            workers.meet()
        assert str(error.value).endswith(f"Got {config or 'nothing'} instead.")


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


def test_the_command_ends_with_the_outputs_or_with_the_last_words(tmp_path):
    (tmp_path / "found_here_alone.py").write_text("word = 'found'")
    program = ("import json, os, sys, time; from found_here_alone import word"
               "\ni = json.loads(os.environ['TF_CONFIG'])['task']['index']\n")
    for more, code, out, said in [
            ("if i == 1: raise SystemExit('so long')\ntime.sleep(300)", 1, "",
             "Worker 1 of 3 ended with exit status 1; all have ended. "
             "It said: so long\n"),
            ("print(word, i, sys.argv[1:])", 0, "".join(
                f"found {i} ['a', '1']\n" for i in range(3)), "")]:
        (tmp_path / "program.py").write_text(program + more)
        run = subprocess.run(
            [sys.executable, "-m", "vae_tf.lab.workers", "3",
             tmp_path / "program.py", "a", "1"], cwd=ROOT, timeout=200,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True, text=True)
        assert (run.returncode, run.stdout) == (code, out)
        assert run.stderr.endswith(said)

"""The MNIST loader against faults of servers, files, folders and disks.

It must end in the genuine data (small arrays, declared to be so) or in one
message that says what was wrong. Nothing of the reader's may have changed, and
nothing may have been unpickled.
"""

import contextlib
import gzip
import multiprocessing
import os
import re
import resource
import socketserver
import subprocess
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.test_data import GENUINE, SMALL, home, is_genuine, packed
from vae_tf.support import download

__all__ = ["home"]
KEPT = "vae_tf-mnist.npz"


class Trap:
    """What leaves a mark where the loader runs if it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def changed(**arrays):
    return packed({**SMALL, **arrays}, np.savez_compressed)


def idx(array):
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(
        array.shape, ">i4").tobytes() + array.tobytes())


def http(status, body=b"", *headers):
    return "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""]).encode() \
        + body


HTML = b"<!DOCTYPE html><title>Log in to this network</title>"
HUGE, OTHER = np.zeros(10**8, np.uint8), ~SMALL["x_test"]
TRAPS = [b"cposix\nmkdir\n(Vunpickled\ntR.",
         changed(x_test=np.array([Trap()]))]
BAD = dict.fromkeys([
    b"", HTML, *TRAPS, GENUINE[:-100], changed(x_train=HUGE),
    packed({"x_train": SMALL["x_train"]})],
    "cannot be read as an .npz file of MNIST's") | {
        changed(x_test=OTHER): "its x_test is not MNIST's",
        changed(x_test=np.float32(OTHER)): "its x_test is not MNIST's"}
IDX = {download.IDX[name]: idx(array) for name, array in SMALL.items()}
TEST = IDX[download.IDX["x_test"]]
ANSWER = http(200, GENUINE, f"Content-Length: {len(GENUINE)}")
# What servers send, with seconds to wait in between, and what is said of it.
SERVERS = {
    "html": ([http(200, HTML)], "b'<!DOCTYPE html>"),
    "error": ([http(503, HTML)], "503"),
    "a-file": ([http(302, b"", "Location: file:///etc/hosts")], "not allowed"),
    "a-stop": ([ANSWER[:900], 99], "timed out"),
    "endless": ([http(200), *99 * [bytes(2**20)]], "cannot be read"),
    # Folders of IDX files, of which the last is not good.
    "idx-cut": ([http(200, TEST[:-9])], "EOFError"),
    "idx-empty": ([http(200, gzip.compress(b""))], "IndexError"),
    "idx-huge": ([http(200, idx(HUGE))], "its x_test is not MNIST's"),
    "good": ([ANSWER], None), "idx-good": ([http(200, TEST)], None),
    "drip": ([step for byte in ANSWER for step in (bytes([byte]), .1)], None),
}


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(Exception):
            _, fault, file = self.request.recv(4096).split()[1].split(b"/")
            steps = SERVERS[fault.decode()][0]
            if file.decode() in IDX and b"t10k-images" not in file:
                steps = [http(200, IDX[file.decode()])]
            for step in steps:
                if isinstance(step, bytes):
                    self.request.sendall(step)
                else:
                    self.server.closing.wait(step)


@pytest.fixture(scope="module")
def address():
    """Return a function from a server's name to its address."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.closing = True, threading.Event()
        threading.Thread(target=server.serve_forever, args=[.01]).start()
        yield lambda name: "http://127.0.0.1:{}/{}/{}".format(
            server.server_address[1], name,
            "" if name.startswith("idx") else "mnist.npz")
        server.closing.set()
        server.shutdown()


def load(monkeypatch, home, named, addresses):
    """Return what the loader came to, and its warnings."""
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("VAE_TF_DATA", named)
    monkeypatch.setattr(download, "ADDRESSES", addresses)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            assert is_genuine(download.load())
            said = "genuine"
        except download.MNISTNotFound as error:
            said = str(error)
    return said, [str(warning.message) for warning in warned]


def test_faults_on_the_way(home, monkeypatch, address, capfd):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "SECONDS_PER_ANSWER", .5)
    bad = {address(name): why for name, (_, why) in SERVERS.items() if why} | {
        "http://nowhere.invalid/": "gaierror",
        address("good").replace("http", "https", 1): "SSL"}
    said, _ = load(monkeypatch, home, "", [*bad])
    first, *lines, ways_out = said.splitlines()
    assert first == "MNIST could not be had. Tried:"
    assert lines[:2] == [f"  {str(home / 'datasets' / name)!r}: no such file"
                         for name in ("mnist.npz", KEPT)]
    for line, (place, why) in zip(lines[2:], bad.items(), strict=True):
        assert re.match(f"  {re.escape(place)}: .*{why}", line)
    assert ways_out.startswith("Three ways out: ")
    for folder, addresses in ((home, [*bad, address("good")]), (home, []),
                              (home / "new", [address("idx-good")])):
        assert load(monkeypatch, folder, "", addresses) == ("genuine", [])
        assert os.listdir(folder / "datasets") == [KEPT]
    assert capfd.readouterr() == ("", "")


def test_all_ends_in_time(home, monkeypatch, address):
    assert download.SECONDS_IN_ALL <= 50
    monkeypatch.setattr(download, "SECONDS_IN_ALL", 1)
    said, _ = load(monkeypatch, home, "", [address("drip"), address("good")])
    assert said.count("not done after 1 s in all") == 2
    assert not os.listdir(home / "datasets")


# Files in a home, and what is said without a network: None where all is well.
CONTENTS = {
    "good": GENUINE, "other": changed(x_test=OTHER), "packed": changed(),
    "more": changed(notes=np.array([Trap()])),
    "flat": changed(**{n: a.reshape(len(a), -1) for n, a in SMALL.items()}),
    **{f"bad{i}": bad for i, bad in enumerate(BAD)}}
# What is done in that home, then what VAE_TF_DATA names.
DONE = {
    "cp good $K; cp other $OWN": None, "ln -s ../good $OWN": None,
    "mkfifo $K": "it is not a file", "ln -s gone $K": "no such file",
    "ln -s /proc/self/mem $K": "Input/output error",
    "ln -s ../other $OWN": "is not MNIST's",
    "rmdir datasets; echo notes > datasets": "Not a directory",
    "cp good $K; chmod 0 $K": "Permission denied",
    "chmod 500 datasets": "no such file"}
NAMED = {f"{{}}/{name}": BAD.get(CONTENTS[name]) for name in CONTENTS} | {
    "{}/mine": None, "{}/god": "no such file", "/dev/zero": "it is not a file"}


def seen(home):
    """Return every path of a folder, with what shows a change."""
    return {path: (*path.lstat()[:2], path.is_dir() or path.lstat().st_mtime)
            for path in home.rglob("*")}


@pytest.mark.parametrize("do, named, why", [
    *((do, "", why) for do, why in DONE.items()),
    *(("mkdir mine; cp good mine/mnist.npz", named, why)
      for named, why in NAMED.items())])
def test_faults_on_this_machine(do, named, why, home, monkeypatch, address):
    if "chmod" in do and os.geteuid() == 0:
        pytest.skip("Root may read and write anything.")
    for name, content in CONTENTS.items():
        (home / name).write_bytes(content)
    names = f"K=datasets/mnist.npz; OWN=datasets/{KEPT};"
    subprocess.run(["sh", "-ec", names + do], cwd=home, check=True)
    monkeypatch.chdir(home)
    named, before = named.format(home), seen(home)
    said, warned = load(monkeypatch, home, named, [])
    assert load(monkeypatch, home, named, [address("good")])[0] == "genuine"
    now = seen(home)
    assert {path.name for path in {*before, *now}
            if before.get(path) != now.get(path)} <= {KEPT}
    if why is None:
        assert (said, warned) == ("genuine", [])
        return
    assert re.search(f": .*{why}", said)
    assert bool(warned) == bool(named or "$" in do)
    for warning in warned:
        assert re.fullmatch(f".* is not used as MNIST: .*{why}.*", warning)
        assert not named or "(VAE_TF_DATA)" in warning


def test_a_full_disk_four_at_once_and_a_kill(home, monkeypatch, address):
    def save_slowly(path, **arrays):
        save(path)
        time.sleep(seconds)
        save(path, **arrays)

    folder, good = home / "datasets", [address("good")]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limit[1]))
    full = load(monkeypatch, home, "", good)
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert full == ("genuine", []) and not os.listdir(folder)

    save, seconds = np.savez_compressed, 99
    monkeypatch.setattr(np, "savez_compressed", save_slowly)
    killed = multiprocessing.get_context("fork").Process(target=download.load)
    killed.start()
    while not list(folder.glob("*/part.npz")):
        time.sleep(.01)
    killed.kill()
    killed.join()
    assert len(os.listdir(folder)) == 1
    seconds = .5
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: download.load(), range(4)))
    assert all(map(is_genuine, found))
    assert KEPT in os.listdir(folder) and len(os.listdir(folder)) == 2
    assert load(monkeypatch, home, "", []) == ("genuine", [])

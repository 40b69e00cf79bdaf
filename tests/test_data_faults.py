"""The MNIST loader against faults of servers, files, folders and disks.

It runs in processes of its own, without the superuser's powers, and within a
minute must end in the genuine data (small arrays, declared to be so) or in one
message that says what was wrong. Nothing of the reader's may have changed, and
nothing may have been unpickled.
"""

import contextlib
import gzip
import json
import os
import re
import socketserver
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.test_data import GENUINE, HASHES, SMALL, packed
from vae_tf.support import download

CHILD = '''
import importlib.util, json, os, socket, sys, time, warnings

def look_up(host, *rest, known=socket.getaddrinfo, **more):
    return time.sleep(99) if host == "asleep" else known(host, *rest, **more)

def save(path, **arrays):
    if seconds:
        save_now(path)
        time.sleep(seconds)
    save_now(path, **arrays)

# The file alone: the package would bring TensorFlow, which takes its time.
spec = importlib.util.spec_from_file_location("data", sys.argv[1])
data = importlib.util.module_from_spec(spec)
spec.loader.exec_module(data)
seconds, settings, runs = json.loads(sys.argv[2])
save_now, data.np.savez_compressed = data.np.savez_compressed, save
socket.getaddrinfo, found = look_up, []
for home, named, addresses in runs:
    os.environ.update(KERAS_HOME=home, VAE_TF_DATA=named)
    vars(data).update(settings, ADDRESSES=addresses)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            said = data.load() and "genuine"
        except data.MNISTNotFound as error:
            said = str(error)
    found.append([said, [str(warning.message) for warning in warned]])
print(json.dumps(found))
'''
KEPT = "vae_tf-mnist.npz"
HTML = b"<!DOCTYPE html><title>Log in to this network</title>"
NOWHERE = ["http://127.0.0.1:1/mnist.npz"]
# Root may read and write anything, unless it has no capabilities.
PLAIN_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] \
    if os.geteuid() == 0 else []


class Trap:
    """What leaves a mark where the loader runs if it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def changed(**arrays):
    return packed({**SMALL, **arrays}, np.savez_compressed)


def idx(array):
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(
        array.shape, ">i4").tobytes() + array.tobytes())


HUGE = np.zeros(10**8, np.uint8)
TRAPS = [b"cposix\nmkdir\n(Vunpickled\ntR.",
         changed(x_test=np.array([Trap()]))]
UNREADABLE = [
    b"", HTML, b"version https://git-lfs.github.com/spec/v1", b"PK notes",
    b"PK\3\4 notes", 512 * b"mnist/\0", *TRAPS, GENUINE[:-100], changed(
        x_test=np.zeros(1, [(f"{i:99}", "u1") for i in range(200)])),
    changed(x_train=HUGE), packed({"x_train": SMALL["x_train"]}),
    GENUINE[GENUINE.index(b"\x93NUMPY"):],
    GENUINE.replace(b"(6, 28, 28)", b"(9999999, )"),
    GENUINE.replace(b"PK\1\2-\3-\0\0\0\0", b"PK\1\2-\3-\0\0\0\x63"),
    GENUINE[:500] + bytes([GENUINE[500] ^ 1]) + GENUINE[501:]]
OTHERS = [changed(x_test=change(SMALL["x_test"]))
          for change in (np.float32, np.transpose, np.invert)]
BAD = dict.fromkeys(UNREADABLE, "cannot be read as an .npz file of MNIST's") \
    | dict.fromkeys(OTHERS, "its x_test is not MNIST's")
IDX = {download.IDX[name]: idx(array) for name, array in SMALL.items()}
TEST = download.IDX["x_test"]


# Servers: what they send, with seconds to wait in between, and what is said.

def http(status, body=b"", *headers):
    return "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""]).encode() \
        + body


ANSWER = http(200, GENUINE, f"Content-Length: {len(GENUINE)}")
SERVERS = {
    **{f"bad{i}": ([http(200, bad)], BAD[bad]) for i, bad in enumerate(BAD)},
    "error": ([http(503, HTML)], "503"),
    "login": ([http(302, b"", "Location: /bad1/")], "b'<!DOCTYPE html>"),
    "a-file": ([http(302, b"", "Location: file:///etc/hosts")], "not allowed"),
    "cut": ([ANSWER[:-900]], "cannot be read"),
    "chunks": ([http(200, b"zz", "Transfer-Encoding: chunked")], "Incomplete"),
    "no-answer": ([99], "timed out"),
    "a-stop": ([ANSWER[:900], 99], "timed out"),
    "nothing-said": ([], "closed"),
    "no-http": ([b"220 mail server ready\r\n\r\n"], "BadStatusLine"),
    "endless": ([http(200), *99 * [bytes(2**20)]], "cannot be read"),
    "endless-header": ([b"HTTP/1.1 200 x\r\nA: ", bytes(2**20)], "got more"),
    # Folders of IDX files, of which the last is not good.
    **{f"idx-{pack.__name__}-{i}": ([http(200, pack(bad))], ".")
       for i, bad in enumerate(BAD) for pack in (bytes, gzip.compress)},
    "idx-none": ([http(404)], "404"),
    "idx-other": ([http(200, IDX[download.IDX["x_train"]])], "its x_test is not"),
    "idx-cut": ([http(200, IDX[TEST][:-9])], "EOFError"),
    "idx-huge": ([http(200, idx(HUGE))], "its x_test is not"),
    "good": ([ANSWER], None), "idx-good": ([http(200, IDX[TEST])], None),
    "slow": ([ANSWER[:900], .4, ANSWER[900:]], None),
    "drip": ([step for byte in ANSWER for step in (bytes([byte]), .1)], None),
}


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(Exception):
            _, fault, file = self.request.recv(4096).split()[1].split(b"/")
            steps = SERVERS[fault.decode()][0]
            if file.decode() in IDX.keys() - {TEST}:
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


def start(home, *runs, prefix=(), slow_disk=0, **settings):
    """Start the loader; a run is its (home, VAE_TF_DATA, addresses)."""
    settings = {"SHA256": HASHES, "SECONDS_PER_ANSWER": .5, **settings}
    return subprocess.Popen(
        [*PLAIN_USER, *prefix, sys.executable, "-c", CHILD, download.__file__,
         json.dumps([slow_disk, settings, runs], default=str)], cwd=home,
        env={**os.environ, "no_proxy": "*"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process):
    """Return what each run came to, and its warnings."""
    said, heard = process.communicate(timeout=60)
    assert (process.returncode, heard) == (0, "")
    assert "pickle" not in said
    return json.loads(said)


def seen(home):
    """Return every path of a folder, with what shows a change."""
    return {path: (info.st_mode, info.st_ino, path.is_dir()
                   or info.st_mtime_ns)
            for path in home.rglob("*") if (info := path.lstat())}


def test_faults_on_the_way(tmp_path, address):
    bad = {address(name): why for name, (_, why) in SERVERS.items() if why} | {
        "http://127.0.0.1:1/": "refused", "gopher://127.0.0.1/": "unknown url",
        "http://nowhere.invalid/": "gaierror",
        address("good").replace("http", "https", 1): "SSL"}
    [said, _], *rest = end(start(
        tmp_path, (tmp_path, "", [*bad]),
        (tmp_path, "", [*bad, address("good")]), (tmp_path, "", NOWHERE),
        (tmp_path / "new", "", [address("idx-good")])))
    first, *lines, ways_out = said.splitlines()
    assert first == "MNIST could not be had. Tried:"
    assert lines[:2] == [
        f"  {str(tmp_path / 'datasets' / name)!r}: no such file"
        for name in ("mnist.npz", KEPT)]
    for line, (place, why) in zip(lines[2:], bad.items(), strict=True):
        assert re.match(f"  {re.escape(place)}: .*{why}", line)
    assert ways_out.startswith("Three ways out: ")
    assert rest == 3 * [["genuine", []]]
    assert {*os.listdir(tmp_path)} == {"datasets", "new"}
    assert os.listdir(tmp_path / "datasets") == [KEPT]


@pytest.mark.parametrize("slow, limits", [
    ("drip", {"SECONDS_IN_ALL": 1}), ("asleep", {"SECONDS_IN_ALL": 1}),
    ("drip", {"SECONDS_PER_ANSWER": download.SECONDS_PER_ANSWER})])
def test_all_ends_in_time(tmp_path, address, slow, limits):
    # After a minute `end` fails: the last case has the loader's own limits.
    slow = address(slow) if slow == "drip" else "http://asleep/mnist.npz"
    [[said, _]] = end(start(
        tmp_path, (tmp_path, "", [slow, address("good")]), **limits))
    assert len(re.findall("not done after [0-9]+ s in all", said)) == 2
    assert not os.listdir(tmp_path)


# What is done in a home with files of several contents, what VAE_TF_DATA then
# names, and what is said of it without a network: None where all is well.
CONTENTS = {
    "good": GENUINE, "other": OTHERS[0], "packed": changed(),
    "more": changed(notes=np.array([Trap()])),
    "flat": changed(**{n: a.reshape(len(a), -1) for n, a in SMALL.items()}),
    "columns": changed(**{n: a.copy("F") for n, a in SMALL.items()}),
    **{f"bad{i}": bad for i, bad in enumerate(BAD)}}
LOCAL = [
    *(("", "{}/" + name, BAD.get(CONTENTS[name])) for name in CONTENTS),
    ("mkdir mine; cp good mine/mnist.npz", "{}/mine", None),
    ("cp other $K", "{}/good", None),
    ("cp good $K; cp other $OWN", "", None),
    ("ln -s ../good $OWN", "", None),
    ("mkdir $K", "", "it is not a file"),
    ("mkfifo $K", "", "it is not a file"),
    ("cp good $K; chmod 0 $K", "", "Permission denied"),
    ("ln -s mnist.npz $K", "", "symbolic links"),
    ("ln -s gone $K", "", "no such file"),
    ("mkdir $OWN", "", "it is not a file"),
    ("ln -s ../other $OWN", "", "is not MNIST's"),
    ("mkdir $OWN-half; head -c 900 good > $OWN", "", "cannot be read"),
    ("rmdir datasets; echo notes > datasets", "", "Not a directory"),
    ("chmod 500 datasets", "", "no such file"),
    ("chmod 0 datasets", "", "Permission denied"),
    ("rmdir datasets; mkdir away; ln -s away datasets", "", "no such file"),
    ("mkdir mine; cp good mine/mnist.npz; chmod 0 mine", "{}/mine",
     "Permission denied"),
    ("ln -s gone link", "{}/link", "no such file"),
    ("mkdir idx; touch idx/train-images-idx3-ubyte", "{}/idx", "no such file"),
    *(("", name, "no such file") for name in (
        "{}/god", "{}/good\n", "{}", " ", "~no-such-user/mnist.npz",
        "https://localhost/mnist.npz")),
    ("", "{}/good/mnist.npz", "Not a directory"),
    ("", "/dev/zero", "it is not a file"),
    ("", "{}/" + 300 * "a", "too long"),
]


def test_faults_on_this_machine(tmp_path, address):
    runs, before = [], []
    for i, (do, named, _) in enumerate(LOCAL):
        (home := tmp_path / str(i)).mkdir()
        for name, content in CONTENTS.items():
            (home / name).write_bytes(content)
        subprocess.run(
            ["sh", "-ec", "K=datasets/mnist.npz OWN=datasets/" + KEPT
             + ";mkdir datasets;" + do], cwd=home, check=True)
        before.append(seen(home))
        runs += [(home, named.format(home), addresses)
                 for addresses in (NOWHERE, [address("good")])]
    found = iter(end(start(tmp_path, *runs)))
    for (do, named, why), then, (home, *_) in zip(LOCAL, before, runs[::2]):
        [said, warned], [genuine, _] = next(found), next(found)
        now = seen(home)
        assert genuine == "genuine"
        assert {path.name for path in {*then, *now}
                if then.get(path) != now.get(path)} <= {KEPT}
        if why is None:
            assert (said, warned) == ("genuine", [])
            continue
        assert re.search(f": .*{why}", said), (do, named, said)
        assert bool(warned) == bool(named or "$" in do), (do, warned)
        for warning in warned:
            assert re.fullmatch(f".* is not used as MNIST: .*{why}.*", warning)
            assert not named or "(VAE_TF_DATA)" in warning
    assert not (tmp_path / "unpickled").exists()


def test_data_that_cannot_be_written(tmp_path, address):
    limit = ["sh", "-c", 'ulimit -f 4 && exec "$@"', "sh"]
    assert end(start(tmp_path, (tmp_path, "", [address("good")]),
                     prefix=limit)) == [["genuine", []]]
    assert not os.listdir(tmp_path / "datasets")


def test_four_at_once_and_a_kill(tmp_path, address):
    run, four = (tmp_path, "", [address("slow")]), []
    killed = start(tmp_path, run, slow_disk=99)
    for _ in range(4):
        four.append(start(tmp_path, run, slow_disk=1))
        time.sleep(.4)
    assert [end(process) for process in four] == 4 * [[["genuine", []]]]
    killed.kill()
    killed.communicate()
    left = {*os.listdir(tmp_path / "datasets")}
    assert KEPT in left and len(left) == 2
    assert end(start(tmp_path, (tmp_path, "", NOWHERE))) == [["genuine", []]]


@pytest.mark.parametrize("trap", TRAPS)
def test_the_traps_do_act_where_things_are_unpickled(tmp_path, trap):
    (tmp_path / "trap").write_bytes(trap)
    subprocess.run(
        [sys.executable, "-c", "import numpy; numpy.load('trap', "
         "allow_pickle=True)['x_test']"], cwd=tmp_path, capture_output=True)
    assert (tmp_path / "unpickled").is_dir()

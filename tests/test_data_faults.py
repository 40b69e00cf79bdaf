"""The MNIST loader against faults of servers, files, folders and disks.

Each fault meets the loader in a process of its own, without the superuser's
powers: first with no other source of the data, then with a good address after
the bad one. Within a minute that must end in the genuine data (small arrays,
declared to be so) or in one message that says what was wrong, with nothing of
the reader's changed and nothing unpickled.
"""

import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import os
import re
import resource
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests import test_data
from tests.test_data import GENUINE, HTML, SMALL, idx, packed
from vae_tf import data

CHILD = '''
import hashlib, importlib.util, io, json, socket, sys, time

def look_up(host, *rest, known=socket.getaddrinfo, **more):
    if host == "asleep.invalid":
        time.sleep(99)
    return known(host, *rest, **more)

socket.getaddrinfo = look_up
# The file alone: the package would bring TensorFlow, which takes its time.
spec = importlib.util.spec_from_file_location("data", sys.argv[1])
data = importlib.util.module_from_spec(spec)
spec.loader.exec_module(data)
settings = json.loads(sys.argv[2])
slow_disk = settings.pop("slow_disk", 0)

def save(file, save=data.np.savez_compressed, **arrays):
    whole = io.BytesIO()
    save(whole, **arrays)
    file.write(whole.getvalue()[:900])
    file.flush()
    time.sleep(slow_disk)
    file.write(whole.getvalue()[900:])

if slow_disk:
    data.np.savez_compressed = save
found = []
for addresses in settings.pop("runs"):
    vars(data).update(settings, ADDRESSES=addresses)
    try:
        arrays = data.load()
    except data.MNISTNotFound as error:
        found.append(str(error))
    else:
        found.append({name: hashlib.sha256(array).hexdigest()
                      for name, array in arrays.items()})
print(json.dumps(found))
'''
HASHES = {name: hashlib.sha256(a).hexdigest() for name, a in SMALL.items()}
KEPT = "datasets/vae_tf-mnist.npz"
NOWHERE = "http://127.0.0.1:1/mnist.npz"
# Root may read and write anything, unless it has no capabilities.
PLAIN_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] \
    if os.geteuid() == 0 else []
SMALL_DISK = ["unshare", "--map-root-user", "--mount", "sh", "-c",
              'mount -t tmpfs -o size=4k none "$0" && "$@" && ls -A "$0" >&2']
CAN_MOUNT = bool(shutil.which("unshare")) and not subprocess.run(
    [*PLAIN_USER, *SMALL_DISK, "/mnt", "true"], capture_output=True).returncode


class Trap:
    """What leaves a mark where the loader runs if it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


TRAP = b"cposix\nmkdir\n(Vunpickled\ntR."
BAD = {
    **test_data.BAD,
    "a pickle that acts": TRAP,
    "pickled objects that act": packed(
        {name: np.array([Trap()]) for name in SMALL}),
    "pixels as floats": packed({n: np.float32(a) for n, a in SMALL.items()}),
    "images turned": packed({n: a.T for n, a in SMALL.items()}),
    "a bomb": packed({**SMALL, "x_train": np.zeros(10**8, np.uint8)},
                     np.savez_compressed),
    "a size that is a lie": GENUINE.replace(b"(6, 28, 28)", b"(9999999, )"),
}


def why(bad):
    """Return a pattern of what is said of a bad content."""
    return {"another data set": ".*is not MNIST's", "a bomb": ".*more than",
            "pixels as floats": ".*is not MNIST's",
            "images turned": ".*is not MNIST's",
            "labels missing": ".*y_train"}.get(bad, ".*(Error|BadZipFile)")


IDX = {data.IDX[name]: idx(array) for name, array in SMALL.items()}
IDX_BOMB = idx(np.zeros([10**8], np.uint8))


# Servers: what they send, with seconds to wait in between.

def http(status, body=b"", *headers):
    return "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""]).encode() \
        + body


def slowly(content, size, seconds):
    for i in range(0, len(content), size):
        yield content[i:i + size]
        yield seconds


def idx_or(otherwise, *good):
    """Return what serves good IDX files of some arrays, else `otherwise`."""
    good = [data.IDX[name] for name in good]
    return lambda file: [http(200, IDX[file]) if file in good else otherwise]


RESET = object()
LENGTH = f"Content-Length: {len(GENUINE)}"
ANSWER = http(200, GENUINE, LENGTH)
HEADERS = http(200, b"", *90 * ["A: " + 60 * "b"])
SERVERS = {
    **{str(status): (lambda file, status=status: [http(status, HTML)],
                     str(status))
       for status in (401, 403, 404, 429, 500, 503)},
    "a redirect to a login page": (
        lambda file: [http(302, b"", f"Location: /login/{file}")], "Error"),
    "a redirect in circles": (
        lambda file: [http(302, b"", "Location: ./again")], "infinite loop"),
    "a redirect to a file": (
        lambda file: [http(302, b"", "Location: file:///etc/passwd")],
        "not allowed"),
    "cut": (lambda file: [ANSWER[:-900]], "zip"),
    "bad chunks": (lambda file: [
        http(200, b"zz\r\n", "Transfer-Encoding: chunked")],
        "IncompleteRead"),
    "no answer": (lambda file: [99], "timed out"),
    "a stop midway": (lambda file: [ANSWER[:900], 99], "timed out"),
    "a reset": (lambda file: [RESET], "reset"),
    "a reset midway": (lambda file: [ANSWER[:900], .2, RESET], "reset"),
    "nothing said": (lambda file: [], "closed"),
    "no HTTP": (lambda file: [b"220 mail server ready\r\n\r\n"],
                "BadStatusLine"),
    "an endless answer": (
        lambda file: itertools.chain([http(200)],
                                     itertools.repeat(bytes(2**20))),
        "more than .* bytes"),
    "an endless header": (
        lambda file: itertools.chain([b"HTTP/1.1 200 x\r\nA: "],
                                     itertools.repeat(bytes(2**10))),
        "got more than"),
    "one IDX file missing": (
        idx_or(http(404), "x_train", "y_train", "y_test"), "404"),
    "one IDX file of others": (
        idx_or(http(200, IDX[data.IDX["x_train"]]), "x_train", "y_train",
               "y_test"), "its x_test is not MNIST's"),
    "one IDX file cut": (
        idx_or(http(200, IDX[data.IDX["x_test"]][:-9]), "x_train", "y_train",
               "y_test"), "EOFError"),
    "one IDX file a bomb": (
        idx_or(http(200, IDX_BOMB), "x_train", "y_train", "y_test"),
        "more than .* bytes"),
    # These use up the time of the next address too.
    "a slow drip": (lambda file: slowly(ANSWER, 9, .05), "not done after"),
    "a slow drip of headers": (lambda file: slowly(HEADERS, 3, .05),
                               "not done after"),
}
GOOD = {
    "good": lambda file: [ANSWER],
    "in two seconds": lambda file: slowly(ANSWER, len(ANSWER) // 9, .2),
    "login": lambda file: [http(200, HTML)],
}
ADDRESSES = {
    "nobody there": (NOWHERE, "refused"),
    "no such name": ("http://nowhere.invalid/mnist.npz", "gaierror"),
    "no such protocol": ("gopher://127.0.0.1/mnist.npz", "unknown url type"),
    "no TLS where it should be": ("https://{}/good/mnist.npz", "SSL"),
    "a name that is never found": ("http://asleep.invalid/mnist.npz",
                                   "not done after"),
    "packets that are lost": ("http://{deaf}/mnist.npz", "timed out"),
}


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        path = self.request.recv(2**12).split(b" ")[1].decode()
        fault, file = path[1:].replace("%20", " ").split("/")
        answers = GOOD.get(fault) or (SERVERS.get(fault) or [None])[0] \
            or (lambda file: [http(200, BAD[fault])])
        with contextlib.suppress(OSError):
            for step in answers(file):
                self.send(step)

    def send(self, step):
        if step is RESET:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
            self.request.close()
        elif isinstance(step, bytes):
            self.request.sendall(step)
        elif self.server.closing.wait(step):
            raise OSError("the test is over")


@pytest.fixture(scope="module")
def address():
    """Return what fills in the host of an address."""
    with (socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server,
          socket.create_server(("127.0.0.1", 0), backlog=0) as deaf,
          contextlib.ExitStack() as waiting):
        for _ in range(4):  # a full queue: who comes now is not heard
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        server.daemon_threads, server.closing = True, threading.Event()
        threading.Thread(target=server.serve_forever, args=[.01]).start()
        hosts = [f"{host}:{port}" for host, port in (server.server_address,
                                                     deaf.getsockname())]
        yield lambda text: text.format(hosts[0], deaf=hosts[1])
        server.closing.set()
        server.shutdown()


# Files and folders of the reader's, made in an empty home.

def file(content, name="datasets/mnist.npz"):
    def make(home):
        (home / name).write_bytes(content)
    return make


def link(target, name):
    def make(home):
        (home / "elsewhere").mkdir()
        (home / "elsewhere/mine.npz").write_bytes(GENUINE)
        if (home / name).is_dir():
            (home / name).rmdir()
        (home / name).symlink_to(home / target)
    return make


def read_only(home):
    (home / "datasets").chmod(0o500)


def unreadable(home):
    file(GENUINE)(home)
    (home / "datasets/mnist.npz").chmod(0)


def closed_folder(home):
    (home / "mine").mkdir()
    file(GENUINE, "mine/mnist.npz")(home)
    (home / "mine").chmod(0)


def no_folder(home):
    (home / "datasets").rmdir()
    file(b"notes", "datasets")(home)


def killed(home):
    """Leave what a run leaves that was killed while it wrote."""
    file(b"PK\3\4", KEPT + "abcd1234.part")(home)
    file(GENUINE[:-900], KEPT)(home)


# What is there, VAE_TF_DATA, and what is said without a good address.
LOCAL = {
    **{f"a file: {name}": (file(content), None, f"not used: {why(name)}")
       for name, content in BAD.items()},
    "a folder in place of the file": (
        lambda home: (home / "datasets/mnist.npz").mkdir(), None,
        "it is not a file"),
    "a pipe in place of the file": (
        lambda home: os.mkfifo(home / "datasets/mnist.npz"), None,
        "it is not a file"),
    "a device named": (lambda home: None, "/dev/zero", "it is not a file"),
    "a file that may not be read": (unreadable, None, "PermissionError"),
    "a folder that may not be read": (closed_folder, "{}/mine",
                                      "PermissionError"),
    "a link to nothing": (link("gone", "datasets/mnist.npz"), None,
                          "no such file"),
    "a link to itself": (link("datasets/mnist.npz", "datasets/mnist.npz"),
                         None, "symbolic links"),
    "a name too long": (lambda home: None, "{}/" + 300 * "a", "too long"),
    "the home of nobody": (lambda home: None, "~no-such-user/mnist.npz",
                           "no such file"),
    "a file in place of the folder": (no_folder, None, "NotADirectory"),
    "a folder in place of our own file": (
        lambda home: (home / KEPT).mkdir(), None, "it is not a file"),
    "what a killed run left": (killed, None, "not used: "),
    "a link to another data set in place of our own file": (
        lambda home: (file(BAD["another data set"], "mine.npz")(home),
                      (home / KEPT).symlink_to(home / "mine.npz")), None,
        "is not MNIST's"),
    "a home that may not be written": (read_only, None, "no such file"),
    # The data, in places and forms of the reader's own.
    "a linked cache": (link("elsewhere", "datasets"), None, "no such file"),
    "a linked file": (link("elsewhere/mine.npz", "datasets/mnist.npz"), None,
                      None),
    "a reader's own container": (file(packed(
        {n: a.reshape(len(a), -1) for n, a in SMALL.items()},
        np.savez_compressed)), None, None),
    "a reader's own with more in it": (
        file(packed({**SMALL, "notes": np.array([Trap()])}), "mine.npz"),
        "{}/mine.npz", None),
}


@pytest.fixture
def home(tmp_path):
    (tmp_path / "datasets").mkdir()
    yield tmp_path
    for folder in tmp_path.glob("*/"):
        folder.chmod(0o700)


def command(runs, prefix=(), **settings):
    """Return how to start the loader in its own process."""
    settings = {"SHA256": HASHES, "SECONDS_PER_ANSWER": 1,
                "SECONDS_IN_ALL": 15, **settings, "runs": runs}
    return [*PLAIN_USER, *prefix, sys.executable, "-c", CHILD, data.__file__,
            json.dumps(settings)]


def surroundings(home, named=None):
    """Return where a process of the loader runs and what it sees."""
    named = {"VAE_TF_DATA": named.format(home)} if named else {}
    rest = {name: value for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and name != "VAE_TF_DATA"}
    return {"cwd": home, "text": True,
            "env": {**rest, **named, "KERAS_HOME": str(home)}}


def load(home, *runs, named=None, prefix=(), limit=None, **settings):
    """Return what the loader found, in a minute, for each run's addresses."""
    run = subprocess.run(
        command(runs, prefix, **settings), **surroundings(home, named),
        capture_output=True, timeout=60, preexec_fn=limit)
    assert run.returncode == 0, run.stderr
    # Nothing but the warnings, each with the line that it comes from.
    assert all("is not used as MNIST" in line for line in
               run.stderr.splitlines()[::2]), run.stderr
    return json.loads(run.stdout)


def seen(home):
    """Return every path of a folder, with what would show a change."""
    def what(path):
        info = path.lstat()
        if path.is_dir() and not path.is_symlink():
            return info.st_mode
        content = (os.readlink(path) if path.is_symlink()
                   else path.read_bytes() if path.is_file() else None)
        return info.st_mode, info.st_ino, info.st_mtime_ns, content

    return {path.relative_to(home).as_posix(): what(path)
            for path in sorted(home.rglob("*"))}


def check(home, before, message, genuine, reason, kept=True):
    """Check how two runs ended, and that nothing else was changed."""
    if reason is None:
        assert message == genuine == HASHES
    else:
        assert re.search(reason, message), message
        assert message.startswith("MNIST could not be had. Tried:\n")
        if "not done after" in reason:
            assert genuine.count("not done after") == 2
        else:
            assert genuine == HASHES
    after = seen(home)
    changed = {path for path in {*before, *after}
               if before.get(path) != after.get(path)}
    if reason is None or "not done after" in reason or not kept:
        assert changed == set()
    else:
        assert {Path(path).name for path in changed} == {Path(KEPT).name}
        with np.load(home / KEPT, allow_pickle=False) as arrays:
            assert all(np.array_equal(arrays[n], a) for n, a in SMALL.items())


GOOD_ADDRESS = "http://{}/good/mnist.npz"
CANNOT_BE_KEPT = {"a home that may not be written",
                  "a file in place of the folder",
                  "a folder in place of our own file"}
promise = pytest.mark.promise("MNIST loader: injected faults")


@promise
@pytest.mark.parametrize("fault", [
    *SERVERS, *(f"{bad} (served)" for bad in BAD), *ADDRESSES])
def test_a_fault_on_the_way(home, address, fault):
    file = "" if "IDX" in fault else "mnist.npz"
    path, reason = ADDRESSES.get(fault, (None, None))
    if fault in SERVERS:
        path, reason = f"http://{{}}/{fault}/{file}", SERVERS[fault][1]
    elif not path:
        name = fault.removesuffix(" (served)")
        path, reason = f"http://{{}}/{name}/mnist.npz", why(name)
    bad, good = address(path).replace(" ", "%20"), address(GOOD_ADDRESS)
    before = seen(home)
    seconds = {"SECONDS_IN_ALL": 2} if "not done" in reason else {}
    message, genuine = load(home, [bad], [bad, good], **seconds)
    check(home, before, message, genuine, f"{re.escape(bad)}: .*{reason}")


@promise
@pytest.mark.parametrize("fault", LOCAL)
def test_a_fault_on_this_machine(home, address, fault):
    make, named, reason = LOCAL[fault]
    make(home)
    before = seen(home)
    message, genuine = load(home, [NOWHERE], [address(GOOD_ADDRESS)],
                            named=named)
    check(home, before, message, genuine, reason,
          kept=fault not in CANNOT_BE_KEPT)


@promise
@pytest.mark.parametrize("disk", ["a full disk", "a file size limit"])
def test_data_that_cannot_be_written(home, address, disk):
    # Where nothing may be mounted, the limit stands in for the full disk.
    runs, before = [[address(GOOD_ADDRESS)]], seen(home)
    if disk == "a full disk" and CAN_MOUNT:
        run = subprocess.run(
            command(runs, [*SMALL_DISK, home / "datasets"]),
            **surroundings(home), capture_output=True, timeout=60)
        assert run.stderr == "" and json.loads(run.stdout) == [HASHES]
    else:
        (genuine,) = load(home, *runs, limit=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (4096, 4096)))
        assert genuine == HASHES
    assert seen(home) == before


@promise
@pytest.mark.parametrize("seconds", [0, 1, 2, 2.5, 3])
def test_two_at_once(home, address, seconds):
    runs = [[address("http://{}/in two seconds/mnist.npz".replace(
        " ", "%20"))]]
    two = []
    for wait in (seconds, 0):
        two.append(subprocess.Popen(
            command(runs, slow_disk=1), **surroundings(home),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        time.sleep(wait)
    said = [process.communicate(timeout=60) for process in two]
    assert [json.loads(out) for out, _ in said] == [[HASHES]] * 2, said
    assert [warned for _, warned in said] == ["", ""]
    assert os.listdir(home / "datasets") == [Path(KEPT).name]
    assert load(home, [NOWHERE]) == [HASHES]


@promise
def test_a_kill_while_the_data_are_kept(home, address):
    process = subprocess.Popen(
        command([[address(GOOD_ADDRESS)]], slow_disk=99),
        **surroundings(home), stdout=subprocess.PIPE)
    end = time.monotonic() + 60
    while not (left := os.listdir(home / "datasets")):
        assert time.monotonic() < end
        time.sleep(.01)
    process.kill()
    process.communicate()
    assert load(home, [address(GOOD_ADDRESS)]) == [HASHES]
    assert load(home, [NOWHERE]) == [HASHES]
    assert sorted(os.listdir(home / "datasets")) \
        == [Path(KEPT).name, *left] and left[0].endswith(".part")


@pytest.fixture(scope="module", autouse=True)
def with_the_real_limits(request, tmp_path_factory, address):
    """Start the loader, with its own limits, where every address drips."""
    if not any("real_limits" in item.name for item in request.session.items):
        yield
        return
    home = tmp_path_factory.mktemp("home")
    drips = address("http://{}/a slow drip of headers/").replace(" ", "%20")
    limits = {name: getattr(data, name) for name in (
        "SECONDS_PER_ANSWER", "SECONDS_IN_ALL", "MOST_BYTES")}
    runs = [drips + "mnist.npz", drips, address("http://{deaf}/")]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        yield pool.submit(load, home, runs, **limits)


@promise
@pytest.mark.parametrize("bad", ["pickled objects that act",
                                 "a pickle that acts"])
def test_the_traps_do_act_where_things_are_unpickled(tmp_path, bad):
    (tmp_path / "bad.npz").write_bytes(BAD[bad])
    subprocess.run(
        [sys.executable, "-c", "import numpy; x = numpy.load('bad.npz', "
         "allow_pickle=True); x['x_train']"], cwd=tmp_path,
        capture_output=True)
    assert (tmp_path / "unpickled").is_dir()


@promise
def test_with_its_real_limits_all_ends_in_a_minute(with_the_real_limits):
    # It has run while the others did; after 60 s it would have been ended.
    (message,) = with_the_real_limits.result()
    assert message.count(f"not done after {data.SECONDS_IN_ALL} s") == 3

"""Several workers for tf.distribute: started here, met, and ended together.

On one machine `launch` starts them; on a cluster its own tools do. Either
way a worker's program calls `meet` before it uses TensorFlow.
"""

import contextlib
import hashlib
import ipaddress
import json
import os
import re
import secrets
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import tensorflow as tf

EXAMPLE = ('{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
           '"task": {"type": "worker", "index": 0}}')
LAUNCHED = "VAE_TF_LAUNCHED"    # a secret of those whom one call launched
GRACE = 5       # seconds that the others get to end by themselves


def meet(seconds=40):
    """Return a MultiWorkerMirroredStrategy of workers who are all there.

    Raises ValueError if TF_CONFIG is missing or malformed, OSError if its
    port is taken, TimeoutError if a worker does not appear within `seconds`,
    RuntimeError if the workers do not run the same code. To be called before
    TensorFlow computes anything. Launched workers listen on this machine
    alone and know a secret. Others believe every greeting of the right form,
    so as TensorFlow's own, their ports must be closed to strangers.
    """
    if os.environ.get(LAUNCHED):
        threading.Thread(target=end_with_launcher, daemon=True).start()
    codes = greet(*task(), code(), seconds)
    if other := [i for i, one in sorted(codes.items()) if one != codes[0]]:
        raise RuntimeError(
            f"The workers {other} run other code than worker 0: another "
            "vae_tf, TensorFlow, Keras or program. Install the same on all.")
    return tf.distribute.MultiWorkerMirroredStrategy()


def task():
    """Return all workers' addresses and the place of this one, by TF_CONFIG.

    Raises ValueError if the variable is none that TensorFlow can use.
    """
    text = os.environ.get("TF_CONFIG")
    try:
        config = json.loads(text or "nothing")
        cluster, own = config["cluster"], config["task"]
        if not set(cluster) <= {"chief", "worker"}:
            raise KeyError
        addresses = [(kind, i, split(address))
                     for kind in ("chief", "worker")
                     for i, address in enumerate(cluster.get(kind, []))]
        places = [place[:2] for place in addresses]
        return ([place[2] for place in addresses],
                places.index((own["type"], int(own["index"]))))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            "The environment variable TF_CONFIG must name every worker and "
            f"say which one this is, as in {EXAMPLE}. "
            f"Got {text or 'nothing'} instead.") from None


def split(address):
    """Return host and port of "host:port", or of "[host]:port" by IPv6."""
    host, port = re.fullmatch(r"(\[.+\]|[^][:]+):(\d+)", address).groups()
    if not 0 < int(port) < 2**16:
        raise ValueError(address)
    return host.strip("[]"), int(port)


def greet(addresses, mine, word, seconds):
    """Return {worker: its word}, once each has heard from each other.

    Left alone with a worker who does not come, or with a port at which
    something else listens, TensorFlow waits for longer than anybody would.
    """
    heard, greeting = {mine: word}, f"{first_word()} {mine} {word}\n".encode()
    end = time.monotonic() + seconds
    with desk(addresses, mine, greeting) as callers:
        callers.add(mine)
        while missing := set(range(len(addresses))) - (heard.keys() & callers):
            if time.monotonic() > end:
                i = min(missing)
                raise absent(i, addresses[i], i in heard, seconds)
            for i in missing - heard.keys():
                said = call(addresses[i], greeting)
                if said and said[0] == i:
                    heard[i] = said[1]
            time.sleep(0.05)
    return heard


@contextlib.contextmanager
def desk(addresses, mine, greeting):
    """Tell all who call at this worker's port; yield the set of workers."""
    class Caller(socketserver.StreamRequestHandler):
        timeout = 1

        def handle(self):
            with contextlib.suppress(OSError):
                if said := understood(self.rfile):
                    self.wfile.write(greeting)
                    callers.add(said[0])

    callers, listener = set(), listening(addresses, mine)
    with socketserver.ThreadingTCPServer(None, Caller, False) as server:
        server.socket.close()           # one of its own, not yet bound
        server.socket, server.daemon_threads = listener, True
        threading.Thread(target=server.serve_forever, args=[0.05],
                         daemon=True).start()
        try:
            yield callers
        finally:
            server.shutdown()


def listening(addresses, mine):
    """Return a socket at a worker's port, for as few as have to reach it.

    Where all workers are on this machine, it is that of their address alone.
    """
    host, port = addresses[mine]
    if not all(local(address[0]) for address in addresses):
        host = ""
    v6 = ":" in host or not host and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if v6 else socket.AF_INET,
            dualstack_ipv6=v6 and not host)
    except OSError as error:
        raise OSError(f"Port {port}, this worker's by TF_CONFIG, cannot be "
                      f"listened at: {error}") from None


def local(host):
    """Return whether a host is this machine by its very name."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def first_word():
    """Return how a greeting must begin."""
    return os.environ.get(LAUNCHED) or "worker"


def call(address, greeting):
    """Return who answers there and its word, or None."""
    with contextlib.suppress(OSError), \
            socket.create_connection(address, timeout=1) as line, \
            line.makefile("rb") as file:
        line.sendall(greeting)
        return understood(file)


def understood(file):
    """Return the worker's number and word that a greeting holds, or None."""
    words = file.readline(100).decode(errors="replace").split()
    if len(words) == 3 and words[0] == first_word() and words[1].isdecimal() \
            and re.fullmatch("[0-9a-f]{16}", words[2]):
        return int(words[1]), words[2]


def absent(i, address, heard, seconds):
    """Return the error that says why a worker was waited for in vain."""
    host, port = address
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if heard:
        return TimeoutError(
            f"Worker {i} answered at {place}, but did not call within "
            f"{seconds} seconds. Has it this worker's address?")
    return TimeoutError(
        f"Worker {i} did not appear at {place} within {seconds} seconds. Is "
        "it running, is that its address, and is the port open and its own?")


def code():
    """Return a word that tells one worker's code from another's."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program and Path(program).exists():
        files.append(Path(program))
    found = hashlib.blake2b(digest_size=8)
    for part in [tf.__version__.encode(), tf.keras.__version__.encode(),
                 *(file.read_bytes() for file in files)]:
        found.update(hashlib.blake2b(part).digest())
    return found.hexdigest()


def end_with_launcher():
    """End this process when the launcher, who holds the pipe, is gone."""
    os.read(0, 1)
    os._exit(1)


def launch(program, n, *arguments, seconds=300):
    """Run Python source as `n` workers on this machine; return their outputs.

    Each process imports from where this one does and gets its TF_CONFIG, the
    `arguments` in sys.argv[1:], and no GPU, of which there may be fewer.
    Raises RuntimeError with the cause when one of them fails or is killed,
    TimeoutError after `seconds`; no process and no file is left in any case.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(n)]
    secret = secrets.token_hex(8)
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.ExitStack() as stack:
        files = [[stack.enter_context(open(Path(folder, f"{i}{kind}"), "w+"))
                  for kind in ("out", "err")] for i in range(n)]
        command = [sys.executable, "-c", program, *map(str, arguments)]
        workers = []
        stack.callback(end, workers)
        for i, (out, err) in enumerate(files):
            workers.append(subprocess.Popen(
                command, env=environment(addresses, i, folder, secret),
                stdout=out, stderr=err, stdin=subprocess.PIPE))
        failed = watch(workers, seconds)
        end(workers)
        if failed is not None:
            raise RuntimeError(
                f"Worker {failed} of {n} {fate(workers[failed].returncode)}; "
                f"all have ended.{last_words(files[failed][1])}")
        return [read(out) for out, _ in files]


def environment(addresses, i, folder, secret):
    """Return what the environment of worker `i` is to be.

    Its temporary files go to `folder`, as a killed one does not remove them.
    """
    config = {"cluster": {"worker": addresses},
              "task": {"type": "worker", "index": i}}
    return {**os.environ, "TF_CONFIG": json.dumps(config), LAUNCHED: secret,
            "PYTHONPATH": os.pathsep.join(sys.path),    # imports as we do
            "TMPDIR": folder,
            "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2",
            "TQDM_DISABLE": "1", "no_grpc_proxy": "127.0.0.1"}


def free_ports(n):
    """Return `n` ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(socket.create_server(
            ("127.0.0.1", 0))).getsockname()[1] for _ in range(n)]


def watch(workers, seconds):
    """Wait for all to end well; return the first that does not, or None."""
    end, failed = time.monotonic() + seconds, None
    while any(worker.poll() is None for worker in workers):
        if time.monotonic() > end:
            if failed is None:
                raise TimeoutError(f"The workers did not end within {seconds} "
                                   "seconds; they have been stopped.")
            break
        if failed is None and (failed := first_bad(workers)) is not None:
            end = time.monotonic() + GRACE
        time.sleep(0.05)
    return first_bad(workers) if failed is None else failed


def first_bad(workers):
    """Return who has failed, one who was killed rather than one who said."""
    bad = [i for i, worker in enumerate(workers) if worker.poll()]
    return min(bad, key=lambda i: workers[i].returncode > 0, default=None)


def end(workers):
    """Kill those who still run, and wait until they are gone."""
    for worker in workers:
        worker.kill()
        worker.wait()
        worker.stdin.close()


def fate(returncode):
    """Say how a process ended."""
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with exit status {returncode}"


def last_words(file):
    """Return the last line that a process wrote, after " It said: "."""
    lines = [line for line in read(file).splitlines() if line.strip()]
    return f" It said: {lines[-1]}" if lines else ""


def read(file):
    """Return all that was written to a file."""
    file.seek(0)
    return file.read()


def main(n, path, *arguments):
    """Run the program in a file as `n` workers, and print their outputs."""
    try:
        outputs = launch(Path(path).read_text(encoding="utf-8"), int(n),
                         *arguments)
    except (RuntimeError, TimeoutError) as error:
        sys.exit(str(error))
    print(*outputs, sep="", end="")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Use: python -m vae_tf.lab.workers 2 program.py "
                 "[its arguments]")
    main(*sys.argv[1:])

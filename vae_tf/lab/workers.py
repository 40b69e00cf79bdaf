"""Several workers for tf.distribute: start them, and wait until all are there.

On one machine `launch` starts them; on a cluster its own tools do. Either way
a worker's program gets its strategy from `multi_worker_strategy`.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import urlsplit

import tensorflow as tf

LAUNCHED = "VAE_TF_LAUNCHED"


def multi_worker_strategy(seconds=40):
    """Return a MultiWorkerMirroredStrategy once all workers are there.

    To be called before TensorFlow computes anything. Raises ValueError if
    TF_CONFIG is missing or malformed, OSError if its port is taken,
    TimeoutError if a worker does not appear within `seconds`, RuntimeError if
    the workers do not run the same code. On a cluster the workers' ports must
    be closed to strangers, whom TensorFlow would believe.
    """
    if LAUNCHED in os.environ:
        threading.Thread(target=exit_with_launcher, daemon=True).start()
    addresses, index = read_tf_config()
    digests = barrier(addresses, index, code_digest(addresses), seconds)
    if other := [i for i, one in enumerate(digests) if one != digests[0]]:
        raise RuntimeError(
            f"The workers {other} run other code than worker 0: another "
            "vae_tf, TensorFlow, Keras, program or TF_CONFIG.")
    return tf.distribute.MultiWorkerMirroredStrategy()


def exit_with_launcher():
    """End this process when the launcher, who holds the pipe, is gone."""
    os.read(0, 1)
    os._exit(1)


def read_tf_config():
    """Return the (host, port) of all workers, and the index of this one."""
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        cluster = resolver.cluster_spec().as_dict()
        own = cluster[resolver.task_type][resolver.task_id]
        workers = cluster.pop("chief", []) + cluster.pop("worker", [])
        parts = [urlsplit(f"//{address}") for address in workers]
        addresses = [(part.hostname, part.port) for part in parts]
        if cluster or not all(map(all, addresses)):
            raise ValueError
        return addresses, workers.index(own)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            "The environment variable TF_CONFIG must name every worker and "
            'this one, as in {"cluster": {"worker": ["host1:2222", '
            '"host2:2222"]}, "task": {"type": "worker", "index": 0}}. Got '
            f"{os.environ.get('TF_CONFIG') or 'nothing'} instead.") from None


def code_digest(addresses):
    """Return a digest of TensorFlow, vae_tf, the program and the workers."""
    digest = hashlib.blake2b(str(addresses).encode(), digest_size=8)
    digest.update((tf.version.VERSION + tf.keras.__version__).encode())
    program = getattr(sys.modules["__main__"], "__file__", __file__)
    for file in [program, *sorted(Path(__file__).parents[1].rglob("*.py"))]:
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()


def barrier(addresses, index, digest, seconds):
    """Wait until all workers are there; return the digests of their code.

    Left alone with a worker who does not come, or with a port at which
    something else listens, TensorFlow waits for longer than anybody would. So
    all workers greet worker 0, which answers once it can reach them all.
    """
    end, port = time.monotonic() + seconds, addresses[index][1]
    both = socket.has_dualstack_ipv6()
    try:    # at all of this machine's addresses, as TensorFlow will
        server = socket.create_server(
            ("", port), family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both)
    except OSError as error:
        raise OSError(f"Port {port}, this worker's by TF_CONFIG, cannot be "
                      f"listened at: {error}") from None
    with server:
        if index == 0:
            return answer_all(server, addresses, digest, end)
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(OSError, ValueError), \
                    socket.create_connection(addresses[0], left) as connection:
                stream = connection.makefile("rw")
                print(index, digest, file=stream, flush=True)
                digests = stream.readline().split()
                if digest in digests:
                    return digests
            time.sleep(0.1)
    raise did_not_appear(0, addresses)


def answer_all(server, addresses, digest, end):
    """Answer the greetings of all workers together; return their digests."""
    digests, streams = {0: digest}, []
    server.settimeout(0.1)
    with contextlib.ExitStack() as stack:
        while missing := {*range(len(addresses))} - digests.keys():
            if time.monotonic() > end:
                raise did_not_appear(min(missing), addresses)
            with contextlib.suppress(OSError, ValueError, IndexError):
                connection = stack.enter_context(server.accept()[0])
                connection.settimeout(1)
                streams.append(connection.makefile("rw"))
                i, greeting = streams[-1].readline(99).split()
                socket.create_connection(addresses[int(i)], 1).close()
                digests[int(i)] = greeting
        answer = [digests[i] for i in range(len(addresses))]
        for stream in streams:
            with contextlib.suppress(OSError):   # a stranger who has left
                print(*answer, file=stream, flush=True)
    return answer


def did_not_appear(i, addresses):
    """Return the error that says which worker was waited for in vain."""
    host, port = addresses[i]
    return TimeoutError(
        f"Worker {i} did not appear in time at port {port} of {host}. Is it "
        "running, is that its address, and is the port open and its own?")


def launch(program, n, *arguments, seconds=300):
    """Run Python source as `n` workers on this machine; return their outputs.

    Each process imports from where this one does and gets its TF_CONFIG, the
    `arguments` in sys.argv[1:], and no GPU, of which there may be fewer.
    Raises RuntimeError when one of them fails or is killed, with the last line
    that it wrote to stderr, and TimeoutError after `seconds`; no process and
    no file is left in any case.
    """
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.ExitStack() as stack, ThreadPoolExecutor(n) as pool:
        alive, held = os.pipe()
        stack.callback(os.close, alive)
        stack.callback(os.close, held)
        workers = [subprocess.Popen(
            command, env=environment, stdin=alive, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace")
            for environment in environments(n, folder)]
        runs = [pool.submit(worker.communicate, timeout=seconds)
                for worker in workers]
        try:
            for run in as_completed(runs):
                run.result()
                raise_if_failed(workers, runs)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"The workers did not end within {seconds} "
                               "seconds; they have been stopped.") from None
        finally:
            for worker in workers:
                worker.kill()
        return [run.result()[0] for run in runs]


def environments(n, folder):
    """Return the environment of each of `n` workers on this machine.

    Their temporary files go to `folder`, as a killed one removes none.
    """
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                   for _ in range(n)]
        workers = [f"127.0.0.1:{server.getsockname()[1]}"
                   for server in servers]
    shared = {**os.environ, LAUNCHED: "1", "TMPDIR": folder,
              "PYTHONPATH": os.pathsep.join(sys.path),
              "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2",
              "no_grpc_proxy": "127.0.0.1"}
    return [{**shared, "TF_CONFIG": json.dumps({
        "cluster": {"worker": workers},
        "task": {"type": "worker", "index": i}})} for i in range(n)]


def raise_if_failed(workers, runs):
    """Raise RuntimeError, saying who and why, if a worker has failed."""
    codes = [worker.poll() for worker in workers]
    code = min(filter(None, codes), default=0)  # of a killed one, if any
    if code:
        i = codes.index(code)
        how = (f"was killed by {signal.Signals(-code).name}" if code < 0
               else f"ended with exit status {code}")
        said = runs[i].result()[1].strip() or "nothing"
        raise RuntimeError(f"Worker {i} of {len(workers)} {how}; all have been "
                           f"stopped. It said: {said.splitlines()[-1]}")

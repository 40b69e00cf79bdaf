"""MNIST's arrays, verified: from this machine or from the network."""

import contextlib
import gzip
import hashlib
import io
import os
import tempfile
import threading
import urllib.request
import warnings

import numpy as np

# SHA-256 of each array's bytes, so any container of the genuine data will do.
SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba1"
               "84c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b286"
               "6434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3"
              "932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c862"
              "39a3a1b7d37da0c3716a7a683c852ff5",
}
IDX = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
# One address is one file of all arrays (.npz) or a folder of IDX files.
ADDRESSES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# With reading and verifying, all ends within a minute.
SECONDS_PER_ANSWER, SECONDS_IN_ALL, MOST_BYTES = 10, 50, 64 * 2**20


class MNISTNotFound(FileNotFoundError):
    """MNIST is neither on this machine nor to be downloaded."""


def load():
    """Return MNIST's four uint8 arrays by name, from the first good source."""
    tried, named = {}, path_from_environment()
    for path in filter(None, [named, *cached_paths()]):
        try:
            return verify_checksums(read_file(path))
        except FileNotFoundError:
            why = "no such file"
        except Exception as error:
            why = str(error)
        place = repr(path) + " (VAE_TF_DATA)" * (path == named)
        tried[place] = why
        if path == named or os.path.lexists(path):
            warnings.warn(f"{place} is not used as MNIST: {why}",
                          stacklevel=3)
    arrays = download(tried)
    if arrays:
        save_to_cache(arrays)
        return arrays
    raise MNISTNotFound(
        "MNIST could not be had. Tried:\n"
        + "".join(f"  {place}: {why}\n" for place, why in tried.items())
        + "Three ways out: set the environment variable VAE_TF_DATA to a "
        f"copy of mnist.npz; put that file into {keras_cache()}; or connect "
        "to the network and run again.")


def path_from_environment():
    """Return the file that VAE_TF_DATA names, "" if it is empty or not set."""
    path = os.path.expanduser(os.environ.get("VAE_TF_DATA", ""))
    return os.path.join(path, "mnist.npz") if os.path.isdir(path) else path


def cached_paths():
    """Return Keras's own file and the one where a download is kept."""
    return [os.path.join(keras_cache(), name)
            for name in ("mnist.npz", "vae_tf-mnist.npz")]


def keras_cache():
    """Return the folder where Keras keeps its data sets."""
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")
    if home.startswith("~"):  # there is no home: Keras takes this, too
        home = "/tmp/.keras"
    return os.path.join(home, "datasets")


def read_file(path):
    """Return the arrays of an .npz file."""
    # To open a pipe would be to wait for its other end.
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError("it is not a file")
    with open(path, "rb") as file:
        return read_npz(file)


def read_npz(file):
    """Return the arrays of an open .npz file; nothing is ever unpickled."""
    start = file.read(16)
    try:
        with np.lib.npyio.NpzFile(file, allow_pickle=False) as arrays:
            if MOST_BYTES < sum(arrays.zip.getinfo(name + ".npy").file_size
                                for name in SHA256):
                raise ValueError
            return {name: arrays[name] for name in SHA256}
    except Exception as error:  # damage makes NumPy raise anything
        raise ValueError(
            "it cannot be read as an .npz file of MNIST's arrays "
            f"({type(error).__name__}); it begins with {start}") from error


def verify_checksums(arrays):
    """Return MNIST's arrays if these are it to the byte, else ValueError."""
    genuine = {}
    for name, expected in SHA256.items():
        content = arrays[name].tobytes()
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ValueError(f"its {name} is not MNIST's (SHA-256 {found})")
        # Some copies are flat: the bytes are what was verified.
        genuine[name] = np.frombuffer(content, np.uint8).reshape(
            [-1, 28, 28] if name[0] == "x" else -1)
    return genuine


# Not pooch, which (1.9, measured) replaces a reader's file of the same name,
# waits for a drip of bytes without end, and gives no data on a full disk.
def download(tried):
    """Return the arrays of the first good address, or None; say why in tried.

    In a thread, which is left to itself after SECONDS_IN_ALL: urllib's own
    timeout holds for one wait of many, and not at all for finding a name.
    """
    def work():
        for address in ADDRESSES:
            try:
                found.append(verify_checksums(fetch_arrays(address)))
                return
            except Exception as error:
                ours = isinstance(error, ValueError)
                tried[address] = str(error) if ours else repr(error)

    found = []
    tried.update(dict.fromkeys(
        ADDRESSES, f"not done after {SECONDS_IN_ALL} s in all"))
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SECONDS_IN_ALL)
    return found[0] if found else None


def fetch_arrays(address):
    """Return the arrays found at one address."""
    if address.endswith(".npz"):
        return read_npz(io.BytesIO(fetch(address)))
    return {name: read_idx(fetch(address + file))
            for name, file in IDX.items()}


def fetch(address):
    """Return the bytes at `address`, or the first MOST_BYTES of them."""
    with urllib.request.urlopen(address, timeout=SECONDS_PER_ANSWER) as answer:
        return answer.read(MOST_BYTES)


def read_idx(packed):
    """Return the values of an IDX file, which follow magic and lengths."""
    with gzip.open(io.BytesIO(packed)) as file:
        raw = file.read(MOST_BYTES)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])


def save_to_cache(arrays):
    """Write the arrays beside Keras's, whole or not at all; never insist."""
    with contextlib.suppress(OSError):
        os.makedirs(keras_cache(), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=keras_cache(),
                                         prefix="vae_tf-") as folder:
            part = os.path.join(folder, "part.npz")
            np.savez_compressed(part, **arrays)
            os.replace(part, cached_paths()[1])

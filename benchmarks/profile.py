"""Where a training step's time goes, kernel by kernel.

`python -m benchmarks.profile` trains an epoch of ours under TensorFlow's
profiler, on one core, writes book/_data/profile.json, which a page of the book
shows, and prints the same table.
"""

import collections
import json
import re
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import network, speed
from benchmarks.rounds import Failed, Worker, take_turns

RESULT = speed.ROOT / "book/_data/profile.json"
ROUNDS = 5
DENSE = "w_mean/Matrix", "w_stddev/Matrix", "z_matrix/Matrix"
# What an operation's name ends in, as TensorFlow makes it from the calls of
# the forward pass and their gradients: {ending: (what, weights, passes)}.
KERNELS = {
    "while/add:.*Conv2D": ("first convolution", ["d_h1/w"], 1),
    "Conv2DBackpropFilter_1:.*":
        ("first convolution, gradient of the weights", ["d_h1/w"], 1),
    "while/add_2:.*Conv2D": ("second convolution", ["d_h2/w"], 1),
    "while/Conv2DBackpropFilter:.*":
        ("second convolution, gradient of the weights", ["d_h2/w"], 1),
    "while/Conv2DBackpropInput:.*":
        ("second convolution, gradient of the input", ["d_h2/w"], 1),
    "while/conv2d_transpose:.*": ("first deconvolution", ["g_h1/w"], 1),
    "conv2d_transpose/Conv2DBackpropFilter:.*":
        ("first deconvolution, gradient of the weights", ["g_h1/w"], 1),
    "conv2d_transpose/Conv2D:.*":
        ("first deconvolution, gradient of the input", ["g_h1/w"], 1),
    "while/conv2d_transpose_1:.*": ("last deconvolution", ["g_h2/w"], 1),
    "conv2d_transpose_1/Conv2DBackpropFilter:.*":
        ("last deconvolution, gradient of the weights", ["g_h2/w"], 1),
    "conv2d_transpose_1/Conv2D:.*":
        ("last deconvolution, gradient of the input", ["g_h2/w"], 1),
    ":.*MatMul": ("products of the dense layers", DENSE, 3),
}
REST = "all else: activations, losses, draws, Adam, copies"


class Profiled:
    """An epoch of ours, and what its kernels took."""

    def __init__(self, file, n):
        self.job = speed.Job("ours", file, n)
        for _ in range(3):
            self.job.epoch()

    def epoch(self):
        """Return {operation: seconds} of what ran in the training loop."""
        return {name: seconds for name, seconds, _ in events(self.job.epoch)
                if "/while/" in name}


def events(epoch):
    """Return (name, seconds, times) of all that ran, by TensorFlow's names."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            epoch()
        [file] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    seconds, times = collections.Counter(), collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                seconds[name] += event.duration_ps / 1e12
                times[name] += 1
    return [(name, seconds[name], times[name]) for name in seconds]


def main():
    core = [max(speed.usable_cores())]
    with speed.images_in_a_file() as file:
        workers = {"ours": Worker(Profiled, file, speed.IMAGES, cores=core),
                   "peak": Worker(speed.Peak, cores=core)}
        done, failed = take_turns(workers, "epoch", ROUNDS)
        for worker in workers.values():
            worker.close()
    if failed:
        raise Failed(failed)
    peak = speed.Peak.operations() / np.median(
        [cost["cpu"] for _, cost in done["peak"][1:]])
    rows = table([found for found, _ in done["ours"]], speed.IMAGES, peak)
    RESULT.write_text(json.dumps(
        {"machine": speed.machine(), "rows": rows}, indent=1) + "\n")
    for row in rows:
        of_peak = row["of_peak"]
        print(f"{row['what']:50} {row['share']:4.0%} of the time"
              + (f", {of_peak:.0%} of the peak" if of_peak else ""))


def table(rounds, n, peak):
    """Return what each kernel takes of the time, and reaches of the peak.

    `rounds` are {operation: seconds} of an epoch of n images, `peak` is in
    operations a second. Raises ValueError where a convolution has no row.
    """
    seconds = collections.Counter()
    for name in rounds[0]:
        seconds[row_of(name)] += float(np.median(
            [found[name] for found in rounds]))
    rows = []
    for what, weights, passes in [*KERNELS.values(), (REST, [], 0)]:
        operations = n * passes * sum(map(network.operations_of, weights))
        rows.append({"what": what, "share": seconds[what] / seconds.total(),
                     "of_peak": operations / seconds[what] / peak})
    return rows


def row_of(name):
    """Return the row that an operation of the training loop belongs to."""
    for ending, (what, _, _) in KERNELS.items():
        if re.search(ending, name):
            return what
    if "Conv" in name.rpartition(":")[2]:
        raise ValueError(f"no row for {name}: see KERNELS")
    return REST


if __name__ == "__main__":
    main()

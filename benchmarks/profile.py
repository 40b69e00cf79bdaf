"""Where a training step's time goes, kernel by kernel.

`python -m benchmarks.profile` trains an epoch of ours under TensorFlow's
profiler, on one core, and writes book/_data/profile.json, which a page of the
book shows.
"""

import collections
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import network, speed
from benchmarks.processes import Worker, WorkerError, take_turns
from benchmarks.results import options, save

WEIGHTS, INPUT = ", gradient of the weights", ", gradient of the input"
# The names that TensorFlow gives to the convolutions in the training loop.
CONVOLUTIONS = {
    "Conv2D": ("first convolution", "d_h1/w"),
    "Conv2DBackpropFilter_1": ("first convolution" + WEIGHTS, "d_h1/w"),
    "Conv2D_1": ("second convolution", "d_h2/w"),
    "Conv2DBackpropFilter": ("second convolution" + WEIGHTS, "d_h2/w"),
    "Conv2DBackpropInput": ("second convolution" + INPUT, "d_h2/w"),
    "conv2d_transpose": ("first deconvolution", "g_h1/w"),
    "conv2d_transpose/Conv2DBackpropFilter":
        ("first deconvolution" + WEIGHTS, "g_h1/w"),
    "conv2d_transpose/Conv2D": ("first deconvolution" + INPUT, "g_h1/w"),
    "conv2d_transpose_1": ("last deconvolution", "g_h2/w"),
    "conv2d_transpose_1/Conv2DBackpropFilter":
        ("last deconvolution" + WEIGHTS, "g_h2/w"),
    "conv2d_transpose_1/Conv2D": ("last deconvolution" + INPUT, "g_h2/w"),
}
# With oneDNN, which TensorFlow takes on processors that suit it, one kernel
# also adds the bias, and has the addition's name.
FUSED = {"add": "Conv2D", "add_2": "Conv2D_1"}
DENSE = "products of the dense layers"
REST = "all else: activations, losses, draws, Adam, copies"


class Profiled:
    """Ours under TensorFlow's profiler."""

    def __init__(self, images):
        self.ours = speed.implementation("ours", images)
        for _ in range(3):
            self.ours.run()

    def run(self):
        """Return {operation: seconds} of an epoch's training loop."""
        return {name: seconds for name, (seconds, _)
                in events(self.ours.run).items() if "/while/" in name}


def events(run):
    """Return {operation: (seconds, times)} of all that runs."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            run()
        [file] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    found = collections.defaultdict(lambda: (0, 0))
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            seconds, times = found[name]
            found[name] = seconds + event.duration_ps / 1e12, times + 1
    return found


def main():
    settings = options(__doc__, "profile.json", rounds=(5, 2),
                       images=(speed.IMAGES, speed.BATCHSIZE))
    cores, images = [settings.core], speed.training_images()
    workers = {"ours": Worker(Profiled, images[:settings.images], cores=cores),
               "peak": Worker(speed.MatrixProducts, cores=cores)}
    done, failed = take_turns(workers, "run", settings.rounds)
    for worker in workers.values():
        worker.close()
    if failed:
        raise WorkerError(failed)
    peak = speed.MatrixProducts.operations / np.median(
        speed.costs(done["peak"])["cpu"])
    save({"rows": table([seconds for seconds, _ in done["ours"]],
                        settings.images, peak)}, settings.result)


def table(rounds, n, peak):
    """Return each kernel's share of the time, and of the peak speed.

    `rounds` are {operation: seconds} of an epoch of n images, `peak` is in
    operations a second. Raises ValueError for an unknown convolution.
    """
    seconds = collections.Counter()
    for name in rounds[0]:
        seconds[row_of(name)] += float(np.median(
            [found[name] for found in rounds]))
    operations = {what: network.layer_operations(weight)
                  for what, weight in CONVOLUTIONS.values()}
    operations |= {DENSE: 3 * sum(map(network.layer_operations, (
        "w_mean/Matrix", "w_stddev/Matrix", "z_matrix/Matrix"))), REST: 0}
    return [{"what": what, "share": seconds[what] / seconds.total(),
             "of_peak": n * each / seconds[what] / peak}
            for what, each in operations.items()]


def row_of(name):
    """Return the row that an operation of the training loop belongs to."""
    node, _, kernel = name.rpartition("while/")[2].partition(":")
    if "MatMul" in kernel:
        return DENSE
    if "Conv" not in kernel:
        return REST
    if (node := FUSED.get(node, node)) not in CONVOLUTIONS:
        raise ValueError(f"No row for {name}: see CONVOLUTIONS.")
    return CONVOLUTIONS[node][0]


if __name__ == "__main__":
    main()

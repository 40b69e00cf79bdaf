"""Imports have no cycle; importing is quiet, and needs nobody to listen."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What Python says meanwhile, as here a thread that counts, is not muted.
QUIET = '''
import itertools, sys, threading, time
def say():
    while not done:
        time.sleep(print(next(count), file=sys.stderr) or .01)
done, count = [], itertools.count()
(thread := threading.Thread(target=say)).start()
import vae_tf, numpy as np, tensorflow as tf
done.append(thread), thread.join()
tf.function(lambda x: 2 * x, jit_compile=True)(tf.zeros(1))
list(vae_tf.train(vae_tf.VAE(), np.ones([100, 28, 28, 1], "f"), epochs=1))
print(next(count), {"skimage", "vae_tf.data"} & sys.modules.keys())
'''


def test_imports_point_one_way():
    graph = {".".join(path.relative_to(ROOT).with_suffix("").parts): {
        f"{node.module}.{alias.name}".rsplit(".", i)[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names for i in (0, 1)}
        for path in ROOT.glob("vae_tf/**/*.py")}
    graphlib.TopologicalSorter(graph).prepare()
    for name, imported in graph.items():    # the program needs no instrument
        assert "vae_tf.lab" in name or "vae_tf.lab" not in str(imported), name


def test_importing_and_training_print_nothing_but_what_python_says():
    run = subprocess.run([sys.executable, "-E", "-c", QUIET], cwd=ROOT,
                         text=True, capture_output=True)
    said = [int(number) for number in run.stderr.split()]
    assert said == [*range(len(said))]
    assert run.stdout == f"{len(said)} set()\n"


def test_importing_needs_no_stderr():
    muted = "import runpy\nwith runpy.run_path(" \
        "'vae_tf/support/quiet.py')['muted'](): pass"
    for closed, code in (
            ("0<&- 1>&- 2>&-", "import vae_tf"), ("2>&-", muted),
            ("", "import sys; sys.stderr.close()\n" + muted),
            ("", "import sys; sys.stderr = sys.__stderr__ = None\n" + muted)):
        subprocess.check_call(["sh", "-c", f'exec "$0" -c "{code}" {closed}',
                               sys.executable], cwd=ROOT)

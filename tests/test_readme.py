"""The code in the README runs, also where MNIST cannot be had."""

import os
import re
import subprocess
import sys

from book._tools.toc import ROOT

CODE = re.findall(r"(?ms)^```python\n(.*?)^```",
                  (ROOT / "README.md").read_text())
NOWHERE = "http://127.0.0.1:1"


def test_the_code_runs_in_order_without_mnist_and_without_a_network(tmp_path):
    assert CODE and max(map(len, "".join(CODE).splitlines())) <= 79
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg",
        "KERAS_HOME": str(tmp_path), "VAE_TF_DATA": "",
        "https_proxy": NOWHERE, "http_proxy": NOWHERE}
    run = subprocess.run([sys.executable, "-c", "\n".join(CODE)],
                         cwd=tmp_path, env=environment, capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr

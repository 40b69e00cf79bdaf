"""The code in the README and of a page of answers runs, without MNIST too."""

import os
import re
import subprocess
import sys

import pytest

from book._tools.toc import ROOT

PAGES = "README.md", "book/when_it_goes_wrong.md"
NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("page", PAGES)
def test_the_code_runs_in_order_without_mnist_and_without_a_network(
        page, tmp_path):
    code = re.findall(r"(?ms)^```python\n(.*?)^```",
                      (ROOT / page).read_text())
    assert code and max(map(len, "".join(code).splitlines())) <= 79
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg",
        "KERAS_HOME": str(tmp_path), "VAE_TF_DATA": "",
        "https_proxy": NOWHERE, "http_proxy": NOWHERE}
    run = subprocess.run([sys.executable, "-c", "\n".join(code)],
                         cwd=tmp_path, env=environment, capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr

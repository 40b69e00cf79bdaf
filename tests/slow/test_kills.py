"""A training that is killed a hundred times loses nothing it had finished."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.slow.kills import settled
from tests.test_checkpoints import tensors

ROOT = Path(__file__).parents[2]


def test_a_hundred_kills_lose_nothing_that_was_finished(tmp_path):
    (tmp_path / "killed").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.slow.kills", tmp_path / "killed", "100"],
        cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["lost"] == 0
    assert report["half_written"] >= 30
    assert len(report["losses"]) == report["epochs"] > 20
    assert set(report["losses"].values()) == {1}    # however often computed
    assert settled(tmp_path / "killed") == report["epochs"]
    killed = tensors(tmp_path / "killed")
    unbroken = tensors(tmp_path / "uninterrupted")
    del killed["save_counter/.ATTRIBUTES/VARIABLE_VALUE"]
    del unbroken["save_counter/.ATTRIBUTES/VARIABLE_VALUE"]
    np.testing.assert_equal(killed, unbroken)

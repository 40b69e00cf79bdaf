"""The workflows call make, have the time for it, and may do little."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FLOWS = {path.name: yaml.safe_load(path.read_text())
         for path in (ROOT / ".github/workflows").glob("*")}
JOBS = {(flow, name): job for flow in FLOWS
        for name, job in FLOWS[flow]["jobs"].items()}
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", " ")
TARGETS = re.search(r"(?m)^\.PHONY: (.*)$", MAKEFILE)[1].split()
# What runs all chapters, with or without the tests.
WHOLE = {"make test", "make newest", "make colab-check",
         "make test-now TESTS=book"}


def commands(job):
    """Return what a job runs, but for the report of a failure."""
    return [step["run"] for step in job["steps"]
            if "run" in step and "gh issue" not in step["run"]]


@pytest.mark.parametrize("job", JOBS.values(), ids=map("/".join, JOBS))
def test_a_job_only_calls_make_and_has_the_time(job):
    called = [re.fullmatch(r'make ([a-z-]+)( [A-Z]+=([\w/]+|"[\w/ ]+"))*', one)
              for one in commands(job)]
    assert all(call and call[1] in TARGETS for call in called)
    minutes = int(re.search(r"(\d+) minutes for the second",
                            (ROOT / "README.md").read_text())[1])
    if WHOLE & {*commands(job)}:
        assert job["timeout-minutes"] >= 1.5 * minutes
    assert job["timeout-minutes"] <= 360  # GitHub's own limit


@pytest.mark.parametrize("name", sorted(FLOWS.keys() - {"ci.yml"}))
def test_a_weekly_failure_of_any_job_is_reported(name):
    flow = FLOWS[name]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", flow[True]["schedule"][0]["cron"])
    report = flow["jobs"].pop("report")
    assert {*flow["jobs"]} == {*([report["needs"]] if isinstance(
        report["needs"], str) else report["needs"])}
    for job in flow["jobs"]:
        assert f"needs.{job}.result != 'success'" in report["if"]


def test_zizmor_finds_nothing():
    run = subprocess.run(
        [Path(sys.executable).with_name("zizmor"), "--persona=auditor",
         "--offline", "--no-config", "--quiet", "--color=never",
         "--strict-collection", ROOT / ".github/workflows"],
        capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_make_on_windows_takes_the_folder_and_the_names_of_windows(tmp_path):
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    run = subprocess.run(
        ["make", "--dry-run", "OS=Windows_NT", "test-now", "TESTS=book"],
        cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "pip sync --python .venv/Scripts/python.exe" in run.stdout
    assert ".venv/Scripts/python -m pytest book " in run.stdout
    assert ".venv/bin" not in run.stdout

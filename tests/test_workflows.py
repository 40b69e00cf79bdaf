"""The workflows call make, have the time for it, and may do little."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from book._tools.toc import ROOT

FLOWS = {path.name: yaml.safe_load(path.read_text())
         for path in (ROOT / ".github/workflows").glob("*")}
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", " ")
TARGETS = re.search(r"(?m)^\.PHONY: (.*)$", MAKEFILE)[1].split()
# What runs all chapters, with or without the tests.
WHOLE = {"make test", "make newest", "make colab-check",
         "make test TESTS=book"}


def test_a_job_only_calls_make_and_has_the_time():
    for job in [job for flow in FLOWS.values()
                for name, job in flow["jobs"].items() if name != "report"]:
        commands = {step["run"] for step in job["steps"] if "run" in step}
        for command in commands:
            called = re.fullmatch(
                r'make ([a-z-]+)( [A-Z]+=([\w/]+|"[\w/ ]+"))*', command)
            assert called and called[1] in TARGETS, command
        least = 60 if WHOLE & commands else 0
        assert least <= job["timeout-minutes"] <= 360  # GitHub's own limit


def test_a_weekly_failure_of_any_job_is_reported():
    for name in FLOWS.keys() - {"ci.yml"}:
        cron = FLOWS[name][True]["schedule"][0]["cron"]
        assert re.fullmatch(r"\d+ \d+ \* \* \d", cron)
        jobs = dict(FLOWS[name]["jobs"])
        report = jobs.pop("report")
        assert {*jobs} == {*([report["needs"]] if isinstance(
            report["needs"], str) else report["needs"])}
        assert all(f"needs.{job}.result != 'success'" in report["if"]
                   for job in jobs)


def test_zizmor_finds_nothing():
    run = subprocess.run(
        [Path(sys.executable).with_name("zizmor"), "--persona=auditor",
         "--offline", "--no-config", "--quiet", "--color=never",
         "--strict-collection", ROOT / ".github/workflows"],
        capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr

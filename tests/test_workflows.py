"""The workflows only call make, pin what they use and may do little.

zizmor looks for the rest. What each check must find is planted in a copy of
the workflows, to see that it does.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ".github/workflows"
FLOWS = sorted(path.name for path in (ROOT / FOLDER).glob("*"))
WEEKLY = ["colab.yml", "links.yml", "newest.yml", "platforms.yml"]
ZIZMOR = Path(sys.executable).with_name("zizmor")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
CALL = re.compile(
    r'make ([a-z-]+)(?: [A-Z_]+=(?:[\w/.]+|"[\w/. ]+"))*|\.ci/run')


def faults(root, name):
    """Yield what is wrong with a workflow."""
    text = (root / FOLDER / name).read_text()
    flow = yaml.safe_load(text)
    if flow["permissions"] != {}:
        yield "permissions for all"
    for used in re.findall(r"uses: *(.*)", text):
        if not PINNED.fullmatch(used):
            yield f"not pinned: {used}"
    for job in flow["jobs"].values():
        yield from job_faults(root, job)
    if name in WEEKLY:
        yield from weekly_faults(flow)


def job_faults(root, job):
    """Yield what is wrong with a job: limits, rights, commands."""
    if "timeout-minutes" not in job:
        yield "no timeout"
    writes = {right for right, how in job["permissions"].items()
              if how == "write"}
    for step in job["steps"]:
        kept = step.get("with", {}).get("persist-credentials", True)
        if "actions/checkout@" in step.get("uses", "") and kept:
            yield "keeps the credentials"
        if writes and not reports(job) and "deploy-pages" not in str(step):
            yield f"{writes} for a job that runs {step}"
        if "run" in step and not reports(job):
            yield from command_faults(root, step["run"])


def command_faults(root, command):
    """Yield that a command is no target of the Makefile."""
    call = CALL.fullmatch(command.strip())
    if not call:
        yield f"not make: {command}"
    elif call[1] and call[1] not in targets(root):
        yield f"no target: {call[1]}"


def targets(root):
    """Return what the Makefile calls its targets."""
    text = (root / "Makefile").read_text().replace("\\\n", " ")
    (names,) = re.findall(r"(?m)^\.PHONY: (.*)$", text)
    return names.split()


def reports(job):
    """Return whether all that a job does is to open an issue."""
    return job["permissions"] == {"issues": "write"} \
        and len(job["steps"]) == 1 and job["steps"][0].keys() == {"run"} \
        and "make" not in job["steps"][0]["run"]


def weekly_faults(flow):
    """Yield that a workflow is not weekly or may fail unseen."""
    (when,) = flow[True]["schedule"]  # YAML 1.1 reads `on` as true
    if not re.fullmatch(r"\d+ \d+ \* \* \d", when["cron"]):
        yield f"not weekly: {when}"
    reporting = [job for job in flow["jobs"].values() if reports(job)]
    if not reporting:
        yield "opens no issue"
    for name, job in flow["jobs"].items():
        if not reports(job) and not any(hears(one, name) for one in reporting):
            yield f"{name} fails unseen"


def hears(job, name):
    """Return whether a job is run when another one did not succeed."""
    needs = job["needs"]
    return name in ([needs] if isinstance(needs, str) else needs) \
        and "always()" in job["if"] \
        and f"needs.{name}.result != 'success'" in job["if"]


def zizmor(root):
    """Return the exit code of zizmor's strictest look and what it says."""
    run = subprocess.run(
        [ZIZMOR, "--persona=auditor", "--offline", "--no-config", "--quiet",
         "--color=never", "--strict-collection", root / FOLDER],
        capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


@pytest.fixture
def copied(tmp_path):
    """Return a folder with the workflows and the Makefile."""
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def replace(root, name, old, new):
    """Change a workflow, or plant a fault in it."""
    path = root / FOLDER / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_has_no_fault(name):
    assert list(faults(ROOT, name)) == []


def test_the_weekly_ones_are_there():
    assert {*WEEKLY, "ci.yml"} == {*FLOWS}


@pytest.mark.parametrize("name, old, new, found", [
    ("ci.yml", "permissions: {}", "permissions: write-all",
     "permissions for all"),
    ("ci.yml", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5",
     "not pinned: actions/checkout@v5"),
    ("ci.yml", " # v5.0.0", "", "not pinned: actions/checkout@08c69"),
    ("ci.yml", "    timeout-minutes: 60\n", "", "no timeout"),
    ("ci.yml", "persist-credentials: false", "fetch-depth: 1",
     "keeps the credentials"),
    ("ci.yml", "contents: read", "contents: write", "{'contents'} for a job"),
    ("ci.yml", "make html", "make htm", "no target: htm"),
    ("ci.yml", "make html", "make html; curl x", "not make: make html; curl"),
    ("ci.yml", "make html", "make html X=1;curl", "not make: make html X=1;"),
    ("newest.yml", "* * 1", "* * *", "not weekly"),
    ("newest.yml", "!= 'success'", "== 'success'", "newest fails unseen"),
    ("newest.yml", "issues: write", "issues: read", "opens no issue"),
    ("platforms.yml", "[macos, windows]", "macos", "windows fails unseen"),
])
def test_a_planted_fault_is_found(copied, name, old, new, found):
    replace(copied, name, old, new)
    assert any(fault.startswith(found) for fault in faults(copied, name))


def test_zizmor_finds_nothing():
    assert zizmor(ROOT) == (0, "No findings to report. Good job!\n")


@pytest.mark.parametrize("old, new, found", [
    ("persist-credentials: false", "fetch-depth: 1", "artipacked"),
    ("make test\n", "make test ${{ github.head_ref }}\n",
     "template-injection"),
    ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
    ("pages: write # to publish", "pages: write", "undocumented-permissions"),
])
def test_zizmor_finds_a_planted_fault(copied, old, new, found):
    assert zizmor(copied)[0] == 0
    replace(copied, "ci.yml", old, new)
    code, said = zizmor(copied)
    assert code != 0 and f"[{found}]" in said


GH = """#!/bin/sh
case "$1 $2" in
"issue list") printf '%s\\n' "$OPEN" ;;
"issue create") echo "$@" ;;
*) exit 1
esac
"""


@pytest.mark.parametrize("name", WEEKLY)
@pytest.mark.parametrize("already, opened", [
    ("", True), ("Another\nThe weekly run failed: The flow, twice", True),
    ("Another\nThe weekly run failed: The flow", False)])
def test_an_issue_is_opened_unless_there_is_one(tmp_path, name, already,
                                                opened):
    flow = yaml.safe_load((ROOT / FOLDER / name).read_text())
    [step] = [job["steps"][0]["run"] for job in flow["jobs"].values()
              if reports(job)]
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    run = subprocess.run(
        ["bash", "-e", "-c", step], capture_output=True, text=True, env={
            "PATH": f"{tmp_path}:/usr/bin:/bin", "OPEN": already,
            "GITHUB_WORKFLOW": "The flow", "GITHUB_RUN_ID": "7",
            "GITHUB_SERVER_URL": "https://host", "GITHUB_REPOSITORY": "a/b"})
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == opened * (
        "issue create --title The weekly run failed: The flow "
        "--body https://host/a/b/actions/runs/7\n")


def test_make_on_windows_takes_the_folder_and_the_names_of_windows(copied):
    for name in ("requirements.lock", "pyproject.toml", "_toc.yml"):
        shutil.copy(ROOT / name, copied)
    run = subprocess.run(
        ["make", "--dry-run", "OS=Windows_NT", "test-now", "TESTS=book"],
        cwd=copied, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "pip sync --python .venv/Scripts/python.exe" in run.stdout
    assert ".venv/Scripts/python -m pytest book " in run.stdout
    assert ".venv/bin" not in run.stdout

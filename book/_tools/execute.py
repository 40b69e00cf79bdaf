"""Run chapters side by side, for whoever wants them run: a pytest plugin.

nbval runs the cells and pytest-xdist the chapters, as many at a time as there
are cores, each on one thread, the longest first. `make test` compares what
they give with their committed outputs; `make book`, other seeds and other
processors' settings keep it (--outputs=keep) in the folder --kept.
"""

import collections
import functools
import json
import os
import time
from pathlib import Path
from queue import Empty
from unittest import mock

import nbformat
import numpy as np
import pytest
from nbval import kernel, plugin

from book._tools import compare
from book._tools.toc import ROOT, notebooks

# Within one operation, between operations, in NumPy and in scikit-learn: the
# bits do not depend on the number of cores, and neighbours do not quarrel.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
           "OMP_NUM_THREADS")
# Run in each kernel: a check that fails says its numbers and ends no cell.
CHECKS = Path(__file__).with_name("checks.py").read_text(encoding="utf-8")
STOPPED = ("**This chapter stopped at the cell above**, which {}. What "
           "follows it was not run.")


def pytest_addoption(parser):
    group = parser.getgroup("chapters")
    group.addoption("--outputs", choices=["compare", "keep"],
                    default="compare", help="what is done with the outputs")
    group.addoption("--kept", default="_build/executed", metavar="FOLDER",
                    help="where the executed chapters are left")
    group.addoption("--first", default="", metavar="CODE",
                    help="Python to run in each kernel before its chapter")
    group.addoption("--kernel-env", action="append", default=[],
                    metavar="NAME=VALUE", help="a variable of each kernel's")


def environment(config):
    """Return the variables of a kernel: nothing is left to a reader's own."""
    changed = {**dict.fromkeys(THREADS, "1"), "TQDM_DISABLE": "1",
               "IPYTHONDIR": str(ROOT / "_build/ipython")}
    if data := os.environ.get("VAE_TF_DATA"):  # from where pytest started
        changed["VAE_TF_DATA"] = str(Path(
            config.invocation_params.dir, os.path.expanduser(data)))
    changed.update(one.split("=", 1) for one in config.option.kernel_env)
    return {name: value for name, value in {**os.environ, **changed}.items()
            if name != "MPLBACKEND"}


class Kernel(kernel.RunningKernel):
    """A kernel that numbers its cells and whose death is noticed at once."""

    def execute_cell_input(self, cell_input, allow_stdin=None):
        # With history, unlike nbval, or a last `;` would be ignored.
        return self.kc.execute(cell_input, allow_stdin=allow_stdin,
                               stop_on_error=False)

    def prepare(self, code):
        """Run code that is no cell of the chapter and shows nothing."""
        ran = self.kc.execute_interactive(code, silent=True, timeout=120)
        if ran["content"]["status"] != "ok":
            raise RuntimeError("\n".join(ran["content"]["traceback"]))

    def await_reply(self, msg_id, timeout=None):
        end = time.monotonic() + (timeout or np.inf)
        while True:
            try:
                return super().await_reply(msg_id, timeout=1)
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("The kernel died.") from None
                if time.monotonic() > end:
                    raise


class Chapter(plugin.IPyNbFile):
    """A notebook, run in a kernel of its own and kept in a folder."""

    stopped = None

    def collect(self):
        # No tag or comment switches anything off: nbval's options are empty.
        self.cells = [Cell.from_parent(
            self, name=item.name, cell_num=item.cell_num, cell=item.cell,
            options=collections.defaultdict(bool))
            for item in super().collect()]
        return self.cells

    def setup(self):
        self.began = time.monotonic()
        self.comparing = (self.config.option.outputs == "compare"
                          and mnist_is_here())
        with mock.patch.dict(os.environ, environment(self.config),
                             clear=True):
            super().setup()
        if self.config.option.nbval_current_env:   # else it has no pytest
            self.kernel.prepare(CHECKS + self.config.option.first)

    def teardown(self):
        super().teardown()
        if (self.config.option.outputs == "keep"
                or all(cell.has_run for cell in self.cells)):
            nb = compare.executed(self.nb, [
                cell.test_outputs or [] for cell in self.cells])
            unfold_failed(nb)
            if self.stopped is not None:
                nb = cut(nb, *self.stopped)
            nb.metadata["seconds"] = round(time.monotonic() - self.began)
            nb.metadata["processor"] = compare.processor()
            compare.write(nb, kept(self.config, self.nodeid))


def kept(config, name):
    """Return where a chapter is left when it has run."""
    return config.rootpath / config.option.kept / name


def unfold_failed(nb):
    """Let the page show a failed check, also in a cell that is folded."""
    for cell, _ in compare.code_cells(nb):
        if any(map(compare.is_failed_check, cell.outputs)):
            cell.metadata["tags"] = [
                "hide-input" if tag == "hide-cell" else tag
                for tag in cell.metadata.get("tags", [])]


def cut(nb, number, why):
    """Return a notebook up to the code cell where it stopped, and why.

    Its last paragraph stays, which the next chapter's page shows.
    """
    codes = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    last = [cell for cell in nb.cells[codes[number] + 1:]
            if cell.cell_type == "markdown"][-1:]
    nb.cells[codes[number] + 1:] = [
        nbformat.v4.new_markdown_cell(STOPPED.format(why)), *last]
    return nb


class Cell(plugin.IPyNbCell):
    """A code cell, whose outputs must be those it is committed with."""

    has_run = False

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.output_timeout = 30
        # The source alone, so that nbval itself compares no outputs.
        self.cell = nbformat.v4.new_code_cell(self.cell.source)

    def setup(self):
        if self.parent.stopped is not None:
            pytest.skip("an earlier cell of the chapter failed")

    def runtest(self):
        self.parent.stopped = self.cell_num, "did not end"
        try:
            super().runtest()
        except plugin.NbCellError:
            if not self.parent.timed_out:
                self.parent.stopped = self.cell_num, "failed"
            raise
        if self.parent.timed_out or not self.parent.kernel.is_alive():
            self.parent.stopped = self.cell_num, "did not end"
            self.raise_cell_error("The cell did not end in time.")
        self.parent.stopped = None
        self.has_run = True
        if self.config.option.outputs == "keep":
            return
        nb = self.parent.nb
        cell, count = compare.code_cells(nb)[self.cell_num]
        if faults := compare.all_faults(
                cell, count, self.test_outputs,
                self.parent.comparing and not compare.is_of_another(cell, nb)):
            self.raise_cell_error("\n".join(faults))

    def repr_failure(self, excinfo):
        line = self.cell.source.strip().partition("\n")[0]
        trace = getattr(excinfo.value, "inner_traceback", None) or ""
        return (f"{self.parent.nodeid}, {self.name}: {line}\n"
                f"{excinfo.value}\n{trace}")


plugin.RunningKernel = Kernel


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collectors = yield
    return [Chapter.from_parent(parent, path=file_path)
            if isinstance(collector, plugin.IPyNbFile) else collector
            for collector in collectors]


def pytest_collection_modifyitems(items):
    """Put the chapters first, the longest before all others."""
    items.sort(key=lambda item: -(
        1 + item.parent.nb.metadata.get("seconds", 0)
        if isinstance(item, Cell) else 0))


@functools.cache
def mnist_is_here():
    """Return whether the chapters run on MNIST, not on the stand-in digits."""
    try:
        from vae_tf import data

        return bool(data.load())
    except Exception:  # not to be had; a broken package fails in the chapters
        return False


MNIST = "MNIST; their outputs were compared with the committed ones"
STAND_IN = ("the stand-in digits, as MNIST could not be had; their own checks "
            "ran, output values were NOT compared")
OTHER = ("{} cells of {} show what the kind of processor decides; this is "
         "another ({}), their values were NOT compared")


class Report:
    """A line for each chapter when it ends, and the last lines of all."""

    def __init__(self, config):
        self.config, self.left, self.seconds = config, {}, {}
        self.failed, self.began = collections.Counter(), time.time()

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition("::")[0]
        if report.when == "setup" or not name.endswith(".ipynb"):
            return
        self.seconds[name] = self.seconds.get(name, 0) + report.duration
        self.failed[name] += report.failed
        if report.when == "teardown":
            left = self.left.setdefault(name, len(code_cells_of(
                self.config.rootpath / name))) - 1
            self.left[name] = left
            if not left:
                self.say(f"{name:36} {self.seconds[name]:4.0f} s"
                         + "  failed" * bool(self.failed[name]))

    def say(self, line):
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        reporter.ensure_newline()
        reporter.write_line(line)

    def pytest_report_teststatus(self, report):
        if ".ipynb::" not in report.nodeid:
            return None
        if report.when != "call" and report.passed:
            return "", "", ""
        kind = ("error" if report.when != "call" and report.failed
                else report.outcome)
        return kind, "", kind.upper()    # no letter: each has its line below

    def pytest_sessionfinish(self, session):
        root = self.config.rootpath
        given = {Path(name).absolute() for name in self.config.args}
        listed = notebooks(root) if (root / "_toc.yml").exists() else []
        wanted = {*self.seconds, *(
            name for name in listed
            if given & {root / name, (root / name).parent})}
        ran = {name for name in wanted if self.has_run(name)}
        if wanted > ran and session.exitstatus == 0:
            session.exitstatus = 1
        self.lines = [f"{name} did not run to its end"
                      for name in sorted(wanted - ran)]
        if wanted and self.config.option.outputs == "compare":
            self.lines.append(f"{len(ran)} of {len(wanted)} chapters ran on "
                              + (MNIST if mnist_is_here() else STAND_IN))
            self.lines += self.not_compared(sorted(ran))

    def has_run(self, name):
        path = kept(self.config, name)
        return path.exists() and path.stat().st_mtime > self.began and not (
            self.config.option.outputs == "keep" and self.failed[name])

    def not_compared(self, names):
        for name in names:
            nb = nbformat.read(self.config.rootpath / name, as_version=4)
            if n := sum(compare.is_of_another(cell, nb)
                        for cell, _ in compare.code_cells(nb)):
                yield OTHER.format(n, name, compare.processor())

    def pytest_unconfigure(self):
        for line in getattr(self, "lines", ()):
            print(line)


def code_cells_of(path):
    return compare.code_cells(nbformat.read(path, as_version=4))


def pytest_configure(config):
    if config.option.nbval and not config.option.collectonly \
            and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(config), "chapters")

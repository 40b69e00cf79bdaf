"""A pytest plugin that runs chapters side by side, the longest first.

nbval runs the cells and pytest-xdist the chapters, each in a kernel of its own
and on one thread. `make test` compares the outputs with the committed ones;
`make book` and book/_tools/again.py only save them (--no-compare).
"""

import ast
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
from book._tools.toc import ROOT

# Within one operation, between operations, in NumPy and in scikit-learn: the
# bits do not depend on the number of cores, and neighbours do not quarrel.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
           "OMP_NUM_THREADS")
CHECKS = Path(__file__).with_name("checks.py").read_text(encoding="utf-8")
STOPPED = ("**This chapter stopped at the cell above**, which {}. What "
           "follows it was not run.")
MNIST = "MNIST; their outputs were compared with the committed ones"
STAND_IN = ("the stand-in digits, as MNIST could not be had; their own checks "
            "ran, output values were NOT compared")


def pytest_addoption(parser):
    group = parser.getgroup("chapters")
    group.addoption("--no-compare", action="store_true",
                    help="save the outputs without comparing them")
    group.addoption("--executed", default="_build/executed", metavar="FOLDER",
                    help="where the executed chapters are saved")
    group.addoption("--kernel-code", default="", metavar="CODE",
                    help="Python to run in each kernel before its chapter")
    group.addoption("--kernel-env", action="append", default=[],
                    metavar="NAME=VALUE", help="a variable of each kernel's")


def environment(config):
    """Return the variables of a kernel, none of them a reader's setting."""
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
        reply = self.kc.execute_interactive(code, silent=True, timeout=120)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))

    def value(self, expression):
        """Return what a Python expression is in the kernel, as JSON can."""
        reply = self.kc.execute_interactive("", silent=True, user_expressions={
            "json": f"__import__('json').dumps({expression})"}, timeout=120)
        [found] = reply["content"]["user_expressions"].values()
        return json.loads(ast.literal_eval(found["data"]["text/plain"]))

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
    """A notebook that is run in a kernel of its own, then saved."""

    stopped = 0, "did not start"  # a code cell's number and why, or None

    def collect(self):
        # No tag or comment switches anything off: nbval's options are empty.
        self.cells = [Cell.from_parent(
            self, name=item.name, cell_num=item.cell_num, cell=item.cell,
            options=collections.defaultdict(bool))
            for item in super().collect()]
        return self.cells

    def setup(self):
        self.started = time.monotonic()
        self.compares_values = (not self.config.option.no_compare
                                and mnist_is_here())
        with mock.patch.dict(os.environ, environment(self.config),
                             clear=True):
            super().setup()
        if self.config.option.nbval_current_env:   # else it has no pytest
            self.kernel.prepare(CHECKS + self.config.option.kernel_code)
        self.stopped = None

    def teardown(self):
        is_checked = self.config.option.nbval_current_env and not self.stopped
        margins = self.kernel.value("__margins__") if is_checked else {}
        super().teardown()
        nb = compare.executed(self.nb, [
            cell.test_outputs or [] for cell in self.cells])
        nb.metadata["seconds"] = round(time.monotonic() - self.started)
        nb.metadata["margins"] = margins
        is_complete = all(cell.has_run for cell in self.cells)
        if is_complete or self.config.option.no_compare:
            show_failed_checks(nb)
            if self.stopped:
                cut(nb, *self.stopped)
            compare.write(nb, self.config.rootpath
                          / self.config.option.executed / self.nodeid)
        self.cells[-1].user_properties.append(("chapter", (
            self.nodeid, nb.metadata["seconds"], is_complete)))


def show_failed_checks(nb):
    """Let a page show a failed check, also in a cell that is folded."""
    for cell, _ in compare.code_cells(nb):
        if any(map(compare.is_failed_check, cell.outputs)):
            cell.metadata["tags"] = [
                "hide-input" if tag == "hide-cell" else tag
                for tag in cell.metadata.get("tags", [])]


def cut(nb, number, why):
    """End a notebook at the code cell where it stopped, and say why.

    Its last paragraph stays, which the next chapter's page shows.
    """
    codes = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    last = [cell for cell in nb.cells[codes[number] + 1:]
            if cell.cell_type == "markdown"][-1:]
    nb.cells[codes[number] + 1:] = [
        nbformat.v4.new_markdown_cell(STOPPED.format(why)), *last]


class Cell(plugin.IPyNbCell):
    """A code cell, whose outputs must be those it is committed with."""

    has_run = False

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.output_timeout = 30
        # The source alone, so that nbval itself compares no outputs.
        self.cell = nbformat.v4.new_code_cell(self.cell.source)

    def setup(self):
        if self.parent.stopped:
            pytest.skip("an earlier cell of the chapter failed")

    def runtest(self):
        self.execute()
        if not self.config.option.no_compare:
            nb = self.parent.nb
            cell, count = compare.code_cells(nb)[self.cell_num]
            if faults := compare.all_faults(cell, count, self.test_outputs,
                                            self.parent.compares_values):
                self.raise_cell_error("\n".join(faults))

    def execute(self):
        """Run the cell; what it does not survive stops its chapter."""
        self.parent.stopped = self.cell_num, "did not end"
        try:
            super().runtest()
        except plugin.NbCellError:
            if not self.parent.timed_out:
                self.parent.stopped = self.cell_num, "failed"
            raise
        if self.parent.timed_out or not self.parent.kernel.is_alive():
            self.raise_cell_error("The cell did not end in time.")
        self.parent.stopped, self.has_run = None, True

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


class Report:
    """Prints a line for each chapter when it ends, and the last lines."""

    def __init__(self, config):
        self.config, self.chapters = config, []
        self.terminal = config.pluginmanager.get_plugin("terminalreporter")

    def pytest_runtest_logreport(self, report):
        properties = dict(report.user_properties)
        if report.when == "teardown" and "chapter" in properties:
            name, seconds, is_complete = properties["chapter"]
            self.chapters.append(properties["chapter"])
            self.terminal.ensure_newline()
            self.terminal.write_line(f"{name:36} {seconds:4.0f} s"
                                     + "  stopped" * (not is_complete))

    def pytest_terminal_summary(self):
        for name, _, is_complete in sorted(self.chapters):
            if not is_complete:
                self.terminal.write_line(f"{name} did not run to its end")
        if self.chapters and not self.config.option.no_compare:
            complete = sum(is_complete for _, _, is_complete
                           in self.chapters)
            self.terminal.write_line(
                f"{complete} of {len(self.chapters)} chapters ran on "
                + (MNIST if mnist_is_here() else STAND_IN))


@pytest.hookimpl(trylast=True)  # after pytest's own terminal
def pytest_configure(config):
    if config.option.nbval and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(config), "chapters")

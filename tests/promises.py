"""What the tests show, counted: a pytest plugin.

A test marked `promise("what is promised")` counts for that promise; one of
many parameters counts once for each. A run of the whole suite writes how many
of how many passed to _build/promises.json, and fails if the committed table,
which a page of the book shows, says anything else.
"""

import json
from pathlib import Path

import pytest

FINISHED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
WRITTEN, COMMITTED = "_build/promises.json", "book/promises.json"
STALE = (f"{COMMITTED} is not what this run counted ({WRITTEN}): "
         "make accept takes it over")


class Promises:
    """Counts the marked tests of one run."""

    def __init__(self):
        self.names, self.passed, self.whole = {}, set(), True
        self.stale = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        wanted = {config.rootpath / path
                  for path in config.getini("testpaths")}
        asked = {Path(config.invocation_params.dir, arg).absolute()
                 for arg in config.args}
        narrowed = [option for option in ("lf", "ignore", "ignore_glob")
                    if getattr(config.option, option, None)]
        self.whole &= bool(wanted) and wanted <= asked and not narrowed
        if self.whole:
            (config.rootpath / WRITTEN).unlink(missing_ok=True)
        for item in items:
            for mark in item.iter_markers("promise"):
                self.names[item.nodeid] = mark.args[0]

    def pytest_deselected(self):
        self.whole = False

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
        elif report.failed:
            self.passed.discard(report.nodeid)

    def counted(self):
        """Return {promise: [passed, all]}, in the order of the alphabet."""
        table = {}
        for test, name in self.names.items():
            passed, of = table.get(name, (0, 0))
            table[name] = [passed + (test in self.passed), of + 1]
        return dict(sorted(table.items()))

    def pytest_sessionfinish(self, session):
        if not self.whole or session.config.option.collectonly \
                or session.exitstatus not in FINISHED:
            return
        root, text = session.config.rootpath, written(self.counted())
        (root / WRITTEN).parent.mkdir(exist_ok=True)
        (root / WRITTEN).write_text(text)
        committed = root / COMMITTED
        self.stale = not committed.exists() or committed.read_text() != text
        if self.stale and session.exitstatus == 0:
            session.exitstatus = 1

    def pytest_unconfigure(self):
        if self.stale:
            print(STALE)


def written(table):
    """Return the table as JSON, one promise a line."""
    lines = [f"  {json.dumps(name)}: {json.dumps(counts)}"
             for name, counts in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "promise(name): counts in the table of the book")
    config.pluginmanager.register(Promises(), "promises-counted")

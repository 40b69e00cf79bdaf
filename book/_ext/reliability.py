"""The table of what the tests have counted."""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList


class Promises(Directive):
    """`{promises}`: what was tested, and how many of the tests passed."""

    def run(self):
        env = self.state.document.settings.env
        path = Path(env.srcdir, "book/promises.json")
        env.note_dependency(str(path))
        counted = json.loads(path.read_text(encoding="utf-8"))
        node = nodes.Element()
        self.state.nested_parse(StringList(rows(counted), env.docname), 0,
                                node)
        return node.children


def rows(counted):
    """Return the lines of the table: how many of how many, by promise."""
    return ["| what is tested | passed |", "|---|---|",
            *(f"| {name} | {passed:,} of {of:,} |"
              for name, (passed, of) in counted.items())]


def setup(app):
    app.add_directive("promises", Promises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

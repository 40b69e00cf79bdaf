"""Where code in a table may break: after a mark, not within a word."""

import re

from docutils import nodes

AFTER_A_MARK = re.compile(r"(?<=[_.(,=/\[])(?=\w)")


def may_break(app, doctree):
    """Let the code in every table's cells break after its marks."""
    for cell in doctree.findall(nodes.entry):
        for code in cell.findall(nodes.literal):
            first, *others = AFTER_A_MARK.split(code.astext())
            code.children = []
            code += nodes.Text(first)
            for piece in others:
                code += [nodes.raw("", "<wbr>", format="html"),
                         nodes.Text(piece)]


def setup(app):
    app.connect("doctree-read", may_break)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

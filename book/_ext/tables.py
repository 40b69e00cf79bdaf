"""Where code in a table may break: after a mark, not within a word."""

import re

from docutils import nodes

SHORTEST = 4
AFTER_A_MARK = re.compile(r"(?<=[_.(,=/\[])(?<!\d\.)(?=\w)")


def may_break(app, doctree):
    """Let the code in every table's cells break after its marks."""
    for cell in doctree.findall(nodes.entry):
        for code in cell.findall(nodes.literal):
            first, *others = pieces(code.astext())
            code.children = []
            code += nodes.Text(first)
            for piece in others:
                code += [nodes.raw("", "<wbr>", format="html"),
                         nodes.Text(piece)]


def pieces(code):
    """Return code cut after its marks, each piece of four letters or more.

    What is shorter goes with what follows. A number is not cut.
    """
    found = [""]
    for piece in AFTER_A_MARK.split(code):
        if len(found[-1]) < SHORTEST:
            found[-1] += piece
        else:
            found.append(piece)
    if len(found) > 1 and len(found[-1]) < SHORTEST:
        found[-2:] = ["".join(found[-2:])]
    return found


def setup(app):
    app.connect("doctree-read", may_break)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The glossary, made from the word tables that end the chapters."""

import json
import re
from pathlib import Path

from claims import title
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

from book._tools.toc import chapters

HEAD = "| the article's word | the field's word | in the code |"
SILENT = "(not in the article)"


class Glossary(Directive):
    """`{words}`: every row of every chapter's table, with links."""

    def run(self):
        env = self.state.document.settings.env
        root = Path(env.srcdir)
        rows = []
        for name in chapters(root):
            env.note_dependency(str(root / name))
            notebook = json.loads((root / name).read_text(encoding="utf-8"))
            link = f"[{title(notebook)}]({Path(name).name})"
            rows += [(*row, link) for row in table(notebook)]
        lines = StringList(page(rows).splitlines(), env.docname)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node, match_titles=True)
        return node.children


def table(notebook):
    """Yield the rows (article's word, field's word, in the code)."""
    for cell in notebook["cells"]:
        _, found, rows = "".join(cell["source"]).partition(HEAD)
        if found and cell["cell_type"] == "markdown":
            rows = rows.split("\n\n")[0].strip().splitlines()[1:]
            yield from (split(row) for row in rows)


def split(row):
    """Return the cells of a row of a Markdown table."""
    return tuple(cell.strip() for cell in row.strip("| ").split("|"))


def page(rows):
    """Return two lists in MyST: words of the article, words of the field."""
    said = sorted((row for row in rows if row[0] != SILENT),
                  key=lambda row: letters(row[0]))
    unsaid = sorted((row for row in rows if row[0] == SILENT),
                    key=lambda row: letters(row[1]))
    return "\n".join([
        "## Words of the article", "",
        *(f"{word}\n: {field} · {code} · {link}\n"
          for word, field, code, link in said),
        "## Words that it does without", "",
        *(f"{field}\n: {code} · {link}\n"
          for _, field, code, link in unsaid)])


def letters(text):
    """Return what a word is sorted by: no case, no brackets, no signs.

    A Greek letter is sorted by its name, and what stands in brackets before a
    word is no part of it.
    """
    text = re.sub(r"^\(.*\) |\$", "", text.lower()).replace("β", "beta")
    return re.sub(r"[^a-z ]", "", text)


def setup(app):
    app.add_directive("words", Glossary)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The glossary, made from the word tables that end the chapters."""

import re
from pathlib import Path

import nbformat
from sphinx.util.docutils import SphinxDirective

from book._tools.toc import chapters

HEAD = "| the article's word | the field's word | in the code |"
NO_WORD = "(not in the article)"


class Glossary(SphinxDirective):
    """`{words}`: every row of every chapter's table, with links."""

    def run(self):
        rows = []
        for name in chapters(self.env.srcdir):
            path = Path(self.env.srcdir, name)
            self.env.note_dependency(str(path))
            rows += read_rows(nbformat.read(path, as_version=4), path.name)
        return self.parse_text_to_nodes(definitions(rows),
                                        allow_section_headings=True)


def read_rows(notebook, name):
    """Yield (article's word, field's word, in the code, link to chapter)."""
    prose = [cell.source for cell in notebook.cells
             if cell.cell_type == "markdown"]
    title = prose[0].splitlines()[0].lstrip("# ")
    for text in prose:
        table = text.partition(HEAD)[2].split("\n\n")[0]
        for row in table.strip().splitlines()[1:]:
            words = [cell.strip() for cell in row.strip("| ").split("|")]
            yield *words, f"[{title}]({name})"


def definitions(rows):
    """Return two lists in MyST: words of the article, words of the field."""
    named = sorted([(word, f"{field} · {code} · {link}")
                    for word, field, code, link in rows if word != NO_WORD],
                   key=sort_key)
    unnamed = sorted([(field, f"{code} · {link}")
                      for word, field, code, link in rows if word == NO_WORD],
                     key=sort_key)
    return "\n".join(["## Words of the article", "",
                      *(f"{word}\n: {rest}\n" for word, rest in named),
                      "## Words that it does without", "",
                      *(f"{word}\n: {rest}\n" for word, rest in unnamed)])


def sort_key(entry):
    """Return a word's letters: no case, no signs, no brackets before it.

    A Greek letter is sorted by its name.
    """
    text = entry[0].lower().replace("β", "beta")
    return re.sub(r"^\(.*\) |[^a-z ]", "", text)


def setup(app):
    app.add_directive("words", Glossary)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

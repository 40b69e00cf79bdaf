"""What stands around a chapter's title, and what a link to a page shows.

Before the title: the chapter's number. Under it: the question that the chapter
before has left, and how long this one takes, to read and to run.
"""

import textwrap
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.utils.smartquotes import smartyPants

from book._tools.toc import chapters

WORDS_A_MINUTE = 200


def open_chapter(app, doctree):
    """Add the number, the question and the times to the title of a chapter.

    The notebook's own link to Colab goes: the page has a button for it.
    """
    root, files = Path(app.srcdir), chapters(app.srcdir)
    path = Path(app.env.doc2path(app.env.docname))
    name = path.relative_to(root).as_posix()
    if name not in files:
        return
    lines = [nodes.paragraph("", times(path, count_words(doctree)),
                             classes=["times"])]
    for before in files[:files.index(name)][-1:]:
        app.env.note_dependency(str(root / before))
        question = nodes.reference(
            "", smartyPants(last_paragraph(root / before), "q"),
            internal=True, refuri=Path(before).stem + ".html")
        lines.insert(0, nodes.paragraph("", "", question,
                                        classes=["question"]))
    section = next(doctree.findall(nodes.section))
    for child in section.children[:]:
        if child.astext() == "Open in Colab":
            section.remove(child)
    section[1:1] = lines
    number = path.name.partition("_")[0].lstrip("0").upper()  # 5, A2
    section[0].insert(0, nodes.Text(f"{number} · "))


def last_paragraph(path):
    """Return the last paragraph of a notebook."""
    prose = [cell.source for cell in nbformat.read(path, as_version=4).cells
             if cell.cell_type == "markdown"]
    return prose[-1].strip().split("\n\n")[-1]


def count_words(doctree):
    """Count the words of prose, also of what the run has written.

    Not those of an alt text, which `astext` of a paragraph would include.
    """
    folded = {paragraph for box in doctree.findall(nodes.container)
              if {"folded", "tag_hide-cell"} & {*box["classes"]}
              for paragraph in box.findall(nodes.paragraph)}
    return sum(len("".join(paragraph.findall(nodes.Text)).split())
               for paragraph in doctree.findall(nodes.paragraph)
               if paragraph not in folded)


def times(path, words):
    """Return the times as text; the notebook has that of its last run."""
    metadata = nbformat.read(path, as_version=4).metadata
    ran = f"; ran in {metadata['seconds']} s" if "seconds" in metadata else ""
    return f"{max(1, round(words / WORDS_A_MINUTE))} minutes of prose{ran}"


def describe(app, pagename, templatename, context, doctree):
    """Give the template a page's first paragraph, for those who link to it.

    A page of measurements has no button that opens it elsewhere: its data are
    only in the repository.
    """
    if doctree is None:
        return
    first = next((p.astext() for p in doctree.findall(nodes.paragraph)
                  if not p["classes"]), "")
    context["description"] = textwrap.shorten(first, 200, placeholder=" …")
    path = Path(app.env.doc2path(pagename)).relative_to(app.srcdir)
    if path.as_posix() not in chapters(app.srcdir):
        context["header_buttons"] = [
            button for button in context["header_buttons"]
            if button.get("label") != "launch-buttons"]


def setup(app):
    # Before Sphinx collects the titles, for menus and the like.
    app.connect("doctree-read", open_chapter, priority=400)
    app.connect("html-page-context", describe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""What stands around a chapter's title, and what is shown where it is linked.

Before the title: the chapter's number. Under it: the question that the chapter
before has left, and how long this one takes, to read and to run. The
notebook's own link to Colab is left out: the page has a button for it.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from docutils.utils.smartquotes import smartyPants

from book._tools.toc import chapters

WORDS_A_MINUTE = 200
DESCRIPTION = 200


def around_title(app, doctree):
    """Put the number, the question and the times to the title of a chapter."""
    env, root = app.env, Path(app.srcdir)
    files = chapters(root)
    name = Path(env.doc2path(env.docname)).relative_to(root).as_posix()
    if name not in files:
        return
    lines = [nodes.paragraph("", times(root / name, words(doctree)),
                             classes=["times"])]
    for before in files[:files.index(name)][-1:]:
        env.note_dependency(str(root / before))
        question = nodes.reference(
            "", smartyPants(question_of(root / before), "q"),
            internal=True, refuri=Path(before).stem + ".html")
        lines.insert(0, nodes.paragraph("", "", question,
                                        classes=["question"]))
    section = next(doctree.findall(nodes.section))
    for badge in [child for child in section.children if is_badge(child)]:
        section.remove(badge)
    section[1:1] = lines
    section[0].insert(0, nodes.Text(f"{number(name)} \u00b7 "))


def number(name):
    """Return what the text calls a chapter: A2 for a2_…, 5 for 05_…."""
    return Path(name).name.partition("_")[0].lstrip("0").upper()


def is_badge(node):
    """Return whether a node only opens Colab: a page has a button for it."""
    return (isinstance(node, nodes.paragraph)
            and node.astext() == "Open in Colab")


def question_of(notebook):
    """Return the last paragraph of a notebook."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
    return "".join(prose[-1]["source"]).strip().split("\n\n")[-1]


def words(doctree):
    """Count the words of prose, also of what the run has written."""
    folded = {paragraph for box in doctree.findall(nodes.container)
              if "folded" in box["classes"]
              for paragraph in box.findall(nodes.paragraph)}
    return sum(len(paragraph.astext().split())
               for paragraph in doctree.findall(nodes.paragraph)
               if paragraph not in folded)


def times(notebook, count):
    """Return the times in words; the notebook has that of its last run."""
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    ran = f"; ran in {metadata['seconds']} s" if "seconds" in metadata else ""
    return f"{max(1, round(count / WORDS_A_MINUTE))} minutes of prose{ran}"


def describe(app, pagename, templatename, context, doctree):
    """Add the tags that search engines and previews of links read."""
    if doctree is None:
        return
    first = next((p.astext() for p in doctree.findall(nodes.paragraph)
                  if not p["classes"]), "")
    book, base = app.config.html_title, app.config.html_baseurl
    said = {"description": shortened(" ".join(first.split())),
            "twitter:card": "summary_large_image"}
    shared = {"og:title": plain(context["title"]), "og:site_name": book,
              "og:type": "article", "og:description": said["description"],
              "og:url": f"{base}{pagename}.html",
              "og:image": f"{base}_static/preview.png",
              "og:image:alt": "The book's title, and digits drawn by two "
                              "networks: grey smears above, digits below"}
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta {kind}="{key}" content="{html.escape(value)}" />'
        for kind, tags in [("name", said), ("property", shared)]
        for key, value in tags.items())


def plain(title):
    """Return a rendered title without its tags."""
    return html.unescape(re.sub("<[^>]*>", "", title))


def shortened(text):
    """Return whole words, DESCRIPTION characters at most."""
    if len(text) <= DESCRIPTION:
        return text
    return text[:DESCRIPTION].rsplit(" ", 1)[0] + " …"


def setup(app):
    # Before Sphinx collects the titles, for menus and the like.
    app.connect("doctree-read", around_title, priority=400)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The page of claims, made from what the chapters recorded when they ran."""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.util import logging

from book._tools import toc


class Claims(Directive):
    """`{claims}`: every record of every chapter, with a summary before."""

    def run(self):
        env = self.state.document.settings.env
        chapters = read(Path(env.srcdir))
        for name in chapters:
            env.note_dependency(str(Path(env.srcdir, name)))
        # Contradictions are shown on the page: a run of the reader's own, or
        # on the stand-in digits, may have them. `make test` refuses them.
        for fault in gaps(chapters):
            logging.getLogger(__name__).warning(
                fault, location=(env.docname, self.lineno))
        lines = StringList(page(chapters).splitlines(), env.docname)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node, match_titles=True)
        return node.children


def read(source):
    """Return {chapter: (title, its records with their texts)}."""
    notebooks = {name: json.loads((source / name).read_text(encoding="utf-8"))
                 for name in toc.chapters(source)}
    return {name: (title(notebook), records(notebook))
            for name, notebook in notebooks.items()}


def title(notebook):
    """Return the first heading of a notebook."""
    return next("".join(cell["source"]).splitlines()[0].lstrip("# ")
                for cell in notebook["cells"]
                if cell["cell_type"] == "markdown")


def records(notebook):
    """Return the claims that a notebook's outputs record, with their texts."""
    return [(output["metadata"]["vae_tf"],
             "".join(output["data"]["text/markdown"]))
            for cell in notebook["cells"] for output in cell.get("outputs", [])
            if "vae_tf" in output.get("metadata", {})]


def gaps(chapters):
    """Yield which claims are judged by no chapter, or twice."""
    where = {}
    for name, record in every(chapters):
        number = record["number"]
        if number in where:
            yield f"claim {number} is judged by {where[number]} and {name}"
        where[number] = name
    total = max((record["of"] for _, record in every(chapters)), default=1)
    for number in sorted(set(range(1, total + 1)) - where.keys()):
        yield f"claim {number} is judged by no chapter"


def contradictions(chapters):
    """Yield which verdicts are not what their own numbers say."""
    for name, record in every(chapters):
        if record["found"] != record["verdict"]:
            yield (f"claim {record['number']} is said to be "
                   f"{record['verdict']!r} in {name}, but its numbers say "
                   f"{record['found']!r}")


def every(chapters):
    """Yield each record with its chapter's name."""
    for name, (_, recorded) in chapters.items():
        for record, _ in recorded:
            yield name, record


def page(chapters):
    """Return the page in MyST: how many of each verdict, then by chapter."""
    verdicts = {}
    for _, record in every(chapters):
        verdicts.setdefault(record["found"], []).append(record["number"])
    # Under a heading too: what stands under none would come after all.
    lines = ["## In short", "",
             "| verdict | number | claims |", "|---|---|---|"]
    for verdict in ("holds", "holds in part", "does not hold"):
        found = sorted(verdicts.get(verdict, []))
        lines.append(f"| {verdict} | {len(found)} | "
                     f"{', '.join(map(str, found))} |")
    for name, (heading, recorded) in chapters.items():
        if recorded:
            lines += ["", f"## [{heading}]({Path(name).name})"]
        for _, text in sorted(recorded, key=lambda one: one[0]["number"]):
            lines += ["", text]
    return "\n".join(lines)


def setup(app):
    app.add_directive("claims", Claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

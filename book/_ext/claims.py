"""The page of claims, made from what the chapters recorded when they ran."""

import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.util import logging


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
        text = page(chapters, seeds(Path(env.srcdir)))
        lines = StringList(text.splitlines(), env.docname)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node, match_titles=True)
        return node.children


def read(source):
    """Return {chapter: (title, its records with their texts)}."""
    chapters = {}
    toc = yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))
    for entry in toc["chapters"]:
        if entry["file"].endswith(".ipynb"):
            notebook = json.loads(
                (source / entry["file"]).read_text(encoding="utf-8"))
            chapters[entry["file"]] = title(notebook), records(notebook)
    return chapters


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
    """Yield which claims are judged by no chapter, twice, or unmeasured."""
    where = {}
    for name, record in every(chapters):
        number = record["number"]
        if number in where:
            yield f"claim {number} is judged by {where[number]} and {name}"
        where[number] = name
        if not record["measured"]:
            yield f"claim {number} has no measurement in {name}"
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


def seeds(source):
    """Return what `make seeds` has left, or None."""
    path = source / "book/seeds.json"
    return (json.loads(path.read_text(encoding="utf-8")) if path.exists()
            else None)


def steadiness(found):
    """Say what other seeds make of the verdicts, in MyST."""
    claims = {number: one for number, one in found["claims"].items()
              if one["committed"] != "framing"}
    steady = [one for one in claims.values() if one["same"] == one["runs"]]
    other = [f"{number} ({one['verdict']})" for number, one in claims.items()
             if one["verdict"] != one["committed"]]
    failed = [run["failed"] for chapter in found["chapters"].values()
              for run in chapter["runs"].values()]
    return (
        f"`{found['command']}` has judged {len(claims)} of these verdicts "
        f"again, in {len(failed)} runs of {len(found['chapters'])} of "
        f"{found['of']} chapters with every seed moved; a line in italics "
        "under a claim says what they and the committed run found. "
        f"{len(steady)} came out the same in every run. All runs together, "
        "where above and below mean by more than three standard deviations, "
        "give another verdict on "
        + (f"claims {', '.join(other)}" if other else "no claim")
        + f". Of the cells with checks {sum(failed)} failed in "
        f"{sum(map(bool, failed))} of these runs. (On {found['machine']}.)")


def add_seeds(app, doctree):
    """Add to each judged claim what other seeds have made of it."""
    found = seeds(Path(app.srcdir))
    if found is None:
        return
    for quote in doctree.findall(nodes.block_quote):
        number = re.match(r"Claim (\d+)\.", quote.astext())
        if number and number[1] in found["claims"]:
            one = found["claims"][number[1]]
            app.env.note_dependency(str(Path(app.srcdir, "book/seeds.json")))
            quote += nodes.paragraph("", "", nodes.emphasis("", (
                f"With {one['runs']} other seeds as well: {one['verdict']}. "
                f"{one['text']} (mean ± standard deviation).")),
                classes=["seeds"])


def page(chapters, other_seeds=None):
    """Return the page in MyST: how many of each verdict, then by chapter."""
    verdicts = {}
    for _, record in every(chapters):
        verdicts.setdefault(record["found"], []).append(record["number"])
    # Under a heading too: what stands under none would come after all.
    lines = ["## In short", "",
             "| verdict | number | claims |", "|---|---|---|"]
    for verdict in ("holds", "holds in part", "does not hold", "framing"):
        found = sorted(verdicts.get(verdict, []))
        lines.append(f"| {verdict} | {len(found)} | "
                     f"{', '.join(map(str, found))} |")
    if other_seeds:
        lines += ["", steadiness(other_seeds)]
    for name, (heading, recorded) in chapters.items():
        if recorded:
            lines += ["", f"## [{heading}]({Path(name).name})"]
        for _, text in sorted(recorded, key=lambda one: one[0]["number"]):
            lines += ["", text]
    return "\n".join(lines)


def setup(app):
    app.add_directive("claims", Claims)
    app.connect("doctree-read", add_seeds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

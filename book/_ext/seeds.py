"""What other seeds have found, put beside what the chapters show."""

import hashlib
import json
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

SUMMARY = "book/_data/seeds.json"
BESIDE = """:::{{container}} folded
<details class="seeds">
<summary>With {} other seeds as well</summary>

{}

*Mean ± standard deviation of {} runs, this one counted in.*

</details>
:::"""
WIDEST = 7  # columns that a phone has room for
TABLE = re.compile(r"(?:^\|.*\|$\n?)+", re.MULTILINE)
FAILED = "*With other seeds this cell failed in {} of {} runs.*"


class Seeds(Directive):
    """`{seeds}`: what other seeds make of the verdicts and the checks."""

    def run(self):
        env = self.state.document.settings.env
        if (found := read(env)) is None:
            return []
        lines = StringList([steadiness(found)], env.docname)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node)
        return node.children


def read(env):
    """Return what `make seeds` has left, of chapters still the same."""
    path = Path(env.srcdir, SUMMARY)
    if not path.exists():
        return None
    env.note_dependency(str(path))
    found = json.loads(path.read_text(encoding="utf-8"))
    found["chapters"] = {
        name: one for name, one in found["chapters"].items()
        if one["sources"] == sources(Path(env.srcdir, name))}
    found["claims"] = {
        number: claim for number, claim in found["claims"].items()
        if claim["chapter"] in found["chapters"]}
    return found


def sources(path):
    """Return what the code cells of a notebook hold, as a short hash."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = json.dumps(["".join(cell["source"]) for cell in cells
                       if cell["cell_type"] == "code"])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def steadiness(found):
    """Say what other seeds make of the verdicts and the checks, in MyST."""
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
        f"{found['of']} chapters with every seed moved. Under a claim a line "
        "in italics says what they and the committed run together found (a time "
        "is that of the committed run); in the chapters the same is folded "
        "under tables and sentences with numbers. "
        f"{len(steady)} came out the same in every run. All runs together, "
        "where above and below mean by more than three standard deviations, "
        "give another verdict on "
        + (f"claims {', '.join(other)}" if other else "no claim")
        + f". In {sum(map(bool, failed))} of these runs a check failed or a "
        f"cell broke off, {sum(map(len, failed))} cells in all; the chapters "
        f"say which. (On {found['machine']}.)")


def add_to_claims(app, doctree):
    """Add to each judged claim what other seeds have made of it."""
    if (found := read(app.env)) is None:
        return
    for quote in doctree.findall(nodes.block_quote):
        number = re.match(r"Claim (\d+)\.", quote.astext())
        if number and number[1] in found["claims"]:
            one = found["claims"][number[1]]
            quote += nodes.paragraph("", "", nodes.emphasis("", (
                f"With {one['runs']} other seeds as well: {one['verdict']}. "
                f"{one['text']} (mean ± standard deviation).")),
                classes=["seeds"])


def add_to_cells(app, docname, source):
    """Add to a chapter's cells what other seeds have made of them."""
    name = Path(app.env.doc2path(docname)).relative_to(
        app.srcdir).as_posix()
    found = read(app.env) if name.endswith(".ipynb") else None
    if found and name in found["chapters"]:
        notebook = json.loads(source[0])
        notebook["cells"] = [cell for one in notebook["cells"] for cell in (
            one, *beside(one, **found["chapters"][name]))]
        source[0] = json.dumps(notebook)


def beside(cell, runs, beside, **_):
    """Yield the Markdown cells that stand after a cell."""
    count = cell.get("execution_count")
    failed = sum(count in run["failed"] for run in runs.values())
    if failed:
        yield markdown(f"failed-{count}", FAILED.format(failed, len(runs)))
    if str(count) in beside:
        yield markdown(f"beside-{count}",
                       BESIDE.format(
                           len(runs), TABLE.sub(upright, beside[str(count)]),
                           len(runs) + 1))


def upright(table):
    """Return the text of a matched table, wide ones with columns as rows."""
    rows = [line.strip("|").split("|") for line in table[0].splitlines()]
    if len(rows[0]) <= WIDEST:
        return table[0]
    first, *others = zip(rows[0], *rows[2:])
    ruled = [first, ["---"] * len(first), *others]
    return "".join(f"|{'|'.join(row)}|\n" for row in ruled)


def markdown(name, text):
    """Return a notebook's cell of Markdown."""
    return {"cell_type": "markdown", "id": name, "metadata": {},
            "source": text}


def setup(app):
    app.add_directive("seeds", Seeds)
    app.connect("source-read", add_to_cells)
    app.connect("doctree-read", add_to_claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

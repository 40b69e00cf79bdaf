"""The table of the settings that the chapters were run under, and held."""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

SUMMARY = "book/portability.json"


class Portability(Directive):
    """`{portability}`: what the last `make portability` has found."""

    def run(self):
        env = self.state.document.settings.env
        path = Path(env.srcdir, SUMMARY)
        env.note_dependency(str(path))
        text = (page(json.loads(path.read_text(encoding="utf-8")))
                if path.exists() else "*No run has been kept yet.*")
        lines = StringList(text.splitlines(), env.docname)
        node = nodes.Element()
        self.state.nested_parse(lines, 0, node)
        return node.children


def page(summary):
    """Return a summary in MyST: a row per setting, and where it was made."""
    not_run = (["", f"Not run: {', '.join(summary['not_run'])}."]
               if summary["not_run"] else [])
    versions = ", ".join(f"{name} {version}" for name, version
                         in summary["versions"].items())
    return "\n".join([
        "| setting | environment | chapters | cells | with other bits "
        "| out of tolerance | of those left out | checks failed "
        "| claims changed "
        "| furthest number | least alike picture |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(row(name, summary["chapters"], **setting)
          for name, setting in summary["settings"].items()),
        *not_run,
        "", f"By `{summary['command']}` on {summary['machine']}; {versions}."])


def row(name, most, environment, chapters):
    """Return a setting's row: counts over its chapters, and the extremes."""
    def count(what):
        return sum(len(result[what]) for result in chapters.values())

    def total(what):
        return sum(result[what] for result in chapters.values())

    variables = " ".join(f"`{k}={v}`" for k, v in environment.items())
    cells = [
        name, variables or "unchanged", f"{len(chapters)} of {most}",
        total("cells"), count("other_bits"),
        f"{count('out_of_tolerance')} of {total('compared')}",
        f"{count('left_out')} of {total('cells') - total('compared')}",
        f"{count('checks_failed')} of {total('checks')}",
        f"{count('claims_changed')} of {total('claims')}",
        extreme(chapters, "worst_rtol", max, "{:.1%} off"),
        extreme(chapters, "lowest_ssim", min, "SSIM {:.2f}")]
    return f"| {' | '.join(map(str, cells))} |"


def extreme(chapters, what, choose, form):
    """Return the extreme of a value and the chapter that has it."""
    name = choose(chapters, key=lambda name: chapters[name][what])
    number = Path(name).name.partition("_")[0].lstrip("0")
    kind = "chapter" if number.isdigit() else "appendix"
    return (f"{form.format(chapters[name][what])} "
            f"({kind} {number.upper()})")


def setup(app):
    app.add_directive("portability", Portability)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

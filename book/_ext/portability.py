"""The table of the settings that the chapters were run under, and held."""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

SUMMARY = "book/_data/portability.json"


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
    rows = [row(name, summary["chapters"], **setting)
            for name, setting in summary["settings"].items()]
    return "\n".join([
        "| setting | chapters | with other bits | out of tolerance "
        "| of those left out |",
        "|---|---|---|---|---|", *(first for first, _ in rows), "",
        "| setting | checks failed | claims changed | furthest number "
        "| least alike picture |",
        "|---|---|---|---|---|", *(second for _, second in rows), *not_run,
        "", f"By `{summary['command']}` on {summary['machine']}; {versions}."])


def row(name, most, environment, chapters):
    """Return a setting's rows: counts over its chapters, and the extremes."""
    def count(what):
        return sum(len(result[what]) for result in chapters.values())

    def total(what):
        return sum(result[what] for result in chapters.values())

    variables = "".join(f" `{k}={v}`" for k, v in environment.items())
    cells, compared = total("cells"), total("compared")
    return (
        f"| {name}{variables} | {len(chapters)} of {most} "
        f"| {count('other_bits')} of {cells} "
        f"| {count('out_of_tolerance')} of {compared} "
        f"| {count('left_out')} of {cells - compared} |",
        f"| {name} | {count('checks_failed')} of {total('checks')} "
        f"| {count('claims_changed')} of {total('claims')} "
        f"| {extreme(chapters, 'worst_rtol', max, '{:.1%} off')} "
        f"| {extreme(chapters, 'lowest_ssim', min, 'SSIM {:.2f}')} |")


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

"""The tables of how fast each program trains, as `make bench` measured it."""

import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

RESULT = "book/speed.json"
UNITS = {"image side": "{} pixels", "threads": "{}", "images": "{:,}"}


class Speed(Directive):
    """`{speed}`: what the last `make bench` has measured."""

    def run(self):
        env = self.state.document.settings.env
        path = Path(env.srcdir, RESULT)
        env.note_dependency(str(path))
        text = page(json.loads(path.read_text(encoding="utf-8")))
        node = nodes.Element()
        self.state.nested_parse(
            StringList(text.splitlines(), env.docname), 0, node,
            match_titles=True)
        return node.children


def page(found):
    """Return the result of a benchmark in MyST: two tables, and where."""
    machine = found["machine"]
    best = max(one["share_of_peak"][1] for one in found["contenders"].values())
    versions = ", ".join(f"{name} {version}" for name, version
                         in machine["versions"].items())
    # Under a heading: what stands under none would come after all.
    return "\n".join([
        "## Beside other programs", "",
        "CPU time is that of an epoch against ours, images are those of a CPU "
        "second, peak is the share of the peak that is reached, start-up is "
        "what loading and compiling take before the first epoch, in CPU "
        "seconds, and MB is the memory that was held.", "",
        "| program | CPU time | images | peak | start-up | MB |",
        "|---|---|---|---|---|---|",
        *(row(**one) for one in sorted(
            found["contenders"].values(),
            key=lambda one: one["cpu_against_ours"][1])),
        "", *(f"Not measured: {name}, because {why}."
              for name, why in found["not_measured"].items()),
        "", f"Medians of {found['rounds'] - 1} rounds of {found['images']:,} "
        f"images in batches of {found['batchsize']}, in brackets the middle "
        f"half, on one of {machine['processor']}; {versions}. An image costs "
        f"{found['megaflop_per_image']:.2f} million multiplications and "
        "additions, forward and backward; the peak is what a product of two "
        f"large matrices reached in the same rounds, "
        f"{found['peak_gigaflops']:.0f} thousand million a second. The best "
        f"program comes to {best:.0%} of it: these are small convolutions, of "
        "one to thirty-two channels.",
        "", "## How the cost grows", "",
        "Ours alone. One thing is changed at a time; the rest is as above, "
        "but that sizes of images are those of chapter 1's decoder alone.", "",
        "| what changes | to | CPU time per image | wall time | memory |",
        "|---|---|---|---|---|",
        *(growth_row(what, value, **one)
          for what, values in found["growth"].items()
          for value, one in values.items())])


def row(what, cpu_against_ours, images_per_cpu_second, share_of_peak, startup,
        memory, **_):
    """Return one program's row."""
    low, middle, high = cpu_against_ours
    held = f"{memory:,.0f}" if memory else ""
    return (f"| {what} | {middle:.2f} ({low:.2f} to {high:.2f}) "
            f"| {images_per_cpu_second:,.0f} | {share_of_peak[1]:.0%} "
            f"| {startup:.0f} s | {held} |")


def growth_row(what, value, cpu_per_image, wall_per_image, memory):
    """Return the row of one size."""
    to = UNITS.get(what, "{}").format(int(value))
    held = f"{memory:,.0f} MB" if memory else ""
    return (f"| {what} | {to} | {cpu_per_image:.0f} µs "
            f"| {wall_per_image:.0f} µs | {held} |")


def setup(app):
    app.add_directive("speed", Speed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

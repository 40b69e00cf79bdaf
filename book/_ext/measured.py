"""Tables of what benchmarks have left: how fast, and how likely."""

import json
from math import isfinite, log
from pathlib import Path
from statistics import mean, median, stdev

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

UNITS = {"image side": "{}\u00a0pixels", "threads": "{}", "images": "{:,}"}


class Measured(Directive):
    """What a benchmark has left in a file, as the text of a function."""

    def run(self):
        env = self.state.document.settings.env
        path = Path(env.srcdir, "book/_data", self.file)
        env.note_dependency(str(path))
        text = self.text(json.loads(path.read_text(encoding="utf-8")))
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
        "", remarks(found["contenders"].values()),
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
    return (f"| {what} | {middle:.2f} ({low:.2f}\u2013\u2060{high:.2f}) "
            f"| {images_per_cpu_second:,.0f} | {share_of_peak[1]:.0%} "
            f"| {startup:.0f}\u00a0s | {held} |")


def remarks(contenders):
    """Say which programs wait by the clock, and whose training broke."""
    slow = [f"{one['what']} took {one['wall_against_ours'][1]:.2f} times as "
            "long as ours" for one in contenders
            if one["wall_against_ours"][1] > 1.2 * one["cpu_against_ours"][1]]
    broken = [one["what"] for one in contenders if not isfinite(one["loss"])]
    return ("By the clock all take what they take of the CPU" + (
        f", but these, which wait: {'; '.join(slow)}." if slow else ".") + (
        f" In the end the loss of {', '.join(broken)} was no number; all "
        "rounds are counted." if broken else ""))


def growth_row(what, value, cpu_per_image, wall_per_image, memory):
    """Return the row of one size."""
    to = UNITS.get(what, "{}").format(int(value))
    held = f"{memory:,.0f}\u00a0MB" if memory else ""
    return (f"| {what} | {to} | {cpu_per_image:,.0f}\u00a0µs "
            f"| {wall_per_image:,.0f}\u00a0µs | {held} |")


def profile(found):
    """Return where a step's time goes, in MyST, and what that leaves."""
    rows, machine = found["rows"], found["machine"]
    *kernels, _ = rows
    needed = sum(row["share"] for row in kernels)
    reached = sum(row["share"] * row["of_peak"] for row in kernels)
    slow = max(kernels, key=lambda row: row["share"] * (1 - row["of_peak"]))
    return "\n".join([
        "| part of a step | share of its time | reaches of the peak |",
        "|---|---|---|",
        *(f"| {row['what']} | {row['share']:.1%} | "
          + (f"{row['of_peak']:.0%} |" if row["of_peak"] else "|")
          for row in rows), "",
        f"TensorFlow's profiler, one of {machine['processor']}, TensorFlow "
        f"{machine['versions']['tensorflow']}. The convolutions and products, "
        f"for which the graph of 2016 calls the same kernels, are "
        f"{needed:.0%} of the time: were all the rest free, a step would be "
        f"{1 / needed:.2f} times as fast. Together they reach {reached:.0%} "
        f"of the peak. What costs most of it is one kernel, the "
        f"{slow['what']}, with {slow['share']:.0%} of the time at "
        f"{slow['of_peak']:.0%} of the peak: it has a single channel to make."
    ])


def reached(found):
    """Return in MyST what both recipes end with, seed by seed."""
    slow, quick, *cpu = ends(found["test"])
    share = median(b / a for a, b in zip(*cpu))
    rows = [f"| {seed} | {a:.1f} | {b:.1f} | {c:.0f}\u00a0s | {d:.0f}\u00a0s |"
            for seed, (a, b, c, d) in enumerate(zip(slow, quick, *cpu))]
    return "\n".join([
        "| seed | 2016, nats | quick, nats | 2016, CPU | quick, CPU |",
        "|---|---|---|---|---|", *rows, "",
        f"The quick recipe takes **{share:.0%}** of the CPU time. It ends at "
        f"**{mean(quick):.2f}** nats ({spread(quick)}), that of 2016 at "
        f"**{mean(slow):.2f}** ({spread(slow)}): the quick one is "
        f"{verdict(mean(quick), mean(slow))} in the mean, and "
        f"{verdict(median(quick), median(slow))} in the median. "
        f"{jumps(found['test'])} (Losses of the test images, one core of "
        f"{found['machine']['processor']}.)"])


def ends(curves):
    """Return the last losses of both recipes, then their CPU seconds."""
    return [[curve[name][what][-1] for curve in curves]
            for what in ("loss", "cpu") for name in ("of_2016", "quick")]


def spread(losses):
    return (f"mean of {len(losses)} seeds, standard deviation "
            f"{stdev(losses):.2f}, median {median(losses):.2f}")


def verdict(quick, slow):
    """Say how much better or worse the quick recipe's number is."""
    better = "better" if quick < slow else "worse"
    return f"{abs(quick - slow):.2f} nats {better}"


def jumps(curves):
    """Say how often an epoch of 2016's recipe has undone earlier ones."""
    losses = [curve["of_2016"]["loss"] for curve in curves]
    worse = sum(any(after > before + 1 for before, after in zip(one, one[1:]))
                for one in losses)
    if not worse:
        return "No epoch of 2016's made the loss worse by a nat or more."
    return (f"In {worse} of the {len(losses)} seeds an epoch of 2016's made "
            "the loss worse by more than a nat.")


def choosing(found):
    """Return in MyST what a change of the quick recipe would have cost."""
    rows = [f"| {name} | {mean(losses):.1f} "
            f"| {', '.join(f'{loss:.1f}' for loss in losses)} |"
            for name, losses in found["validation"].items()]
    return "\n".join(["| recipe | mean, nats | seeds |", "|---|---|---|",
                      *rows])


BURDA, BURDA_ACTIVE, BURDA_EPOCHS = 86.76, 19, 3280
# Who has drawn the pixels how, with how many draws of the code: nats.
PUBLISHED = (
    ("[Burda et al. (2015)](https://arxiv.org/abs/1509.00519)",
     "drawn anew in each batch", 5000, BURDA),
    ("Rezende and Mohamed (2015), run again by "
     "[pythae](https://huggingface.co/clementchadebec/reproduced_vae)",
     "drawn once", 200, 89.78),
    ("[Altosaar](https://github.com/jaanli/variational-autoencoder), 128 "
     "latent variables", "drawn once", None, 97.10),
)
# The density of a Gaussian of variance 2 with the constant of variance 1.
TOO_MUCH = 50 * log(2) / 2
DOUBTFUL = (
    ("[iwae](https://github.com/andrecavalcante/iwae), k = 1000", 77.317,
     "Grey pixels. The exponent of the prior is $-h^2/4$ with the constant "
     "of $-h^2/2$, so that over 50 latent variables it integrates to "
     "$2^{25}$. With the right constant the same network has "
     f"{77.317 + TOO_MUCH:.1f}."),
    ("[IWAE-tensorflow](https://github.com/abdulfatir/IWAE-tensorflow), "
     "k = 1", 90.26,
     "Grey pixels. How well a code explains the image is averaged over the "
     "draws before they are weighed, and the exponents of both Gaussians lack "
     "a factor of two."),
)


def nats(values):
    """Return a mean with its standard error, in words."""
    return f"{values[0]:.2f} ± {values[1]:.2f}"


def best(row):
    """Return (draws, values) of a row's estimate with the most draws."""
    draws = max(row["nll"], key=int)
    return int(draws), row["nll"][draws]


def likelihood(found):
    """Return in MyST what each network reaches on each kind of pixels."""
    rows = [f"| {one['network']} | {one['pixels']} "
            f"| {nats(one['negative_elbo'])} | {estimate(one)} "
            f"| {one['active']} | {one['seed']} |" for one in found["rows"]]
    minutes = sorted(one["cpu"] / 60 for one in found["rows"])
    return "\n".join([
        "| network | pixels | bound, nats | estimate, nats (draws) "
        "| latent variables in use | seed |", "|---|---|---|---|---|---|",
        *rows, "",
        f"Means over the {found['images']:,} test images ± the standard "
        "error of such a mean; smaller is better. One training each, from the "
        "first seed whose training neither broke nor left a latent variable "
        "caught between two signs, as in [chapter 9](09_mnist.ipynb). The "
        f"trainings took from {minutes[0]:.0f} to {minutes[-1]:.0f} CPU "
        f"minutes on one of {found['machine']['processor']}."])


def estimate(row):
    """Return a row's estimate with the most draws, in words, or nothing."""
    if "nll" not in row:
        return ""
    draws, values = best(row)
    return f"{nats(values)} ({draws:,})"


def floor(found):
    """Say in MyST how low the loss of grey pixels can be, and is."""
    grey = [one for one in found["rows"] if one["pixels"] == "grey"]
    return (f"On the test images that is **{grey[0]['floor']:.2f}** nats, of "
            + " and ".join(f"the {one['negative_elbo'][0]:.1f} of "
                           f"\"{one['network']}\"" for one in grey)
            + " in the table below.")


def beside(found):
    """Return in MyST our estimates and others', the smallest first."""
    ours = [(f"**{one['network']}**, here", "drawn anew in each batch",
             draws, values[0], f"**{nats(values)}**")
            for one in found["rows"] if one["pixels"] == "drawn"
            for draws, values in [best(one)]]
    theirs = [(*one, f"{one[-1]:.2f}") for one in PUBLISHED]
    rows = [f"| {who} | {pixels} | {f'{draws:,}' if draws else 'not said'} "
            f"| {text} |" for who, pixels, draws, _, text
            in sorted(ours + theirs, key=lambda one: one[3])]
    return "\n".join(["| network | pixels | draws | nats |",
                      "|---|---|---|---|", *rows])


def doubtful(_):
    """Return in MyST numbers of others that are no likelihoods, and why."""
    return "\n".join(["| program | says | but |", "|---|---|---|", *(
        f"| {who} | {number:.2f} | {why} |" for who, number, why in DOUBTFUL)])


def distance(found):
    """Say in MyST how far the network of Burda et al. is from its paper."""
    [row] = [one for one in found["rows"]
             if one["network"].startswith("Burda")]
    _, values = best(row)
    off = values[0] - BURDA
    return (f"Here it ends at **{nats(values)}** nats, {abs(off):.2f} "
            f"{'more' if off > 0 else 'less'} than the {BURDA} of the paper, "
            f"and has {row['active']} of its 50 latent variables in use, the "
            f"paper's {BURDA_ACTIVE}. It was shown the 60,000 images "
            f"{row['epochs']:,} times, in {row['cpu'] / 60:.0f} minutes of "
            f"one core; the paper's {BURDA_EPOCHS:,} times.")


def seeds(found):
    """Say what other seeds make of the claims and of the checks."""
    runs = [(chapter, one) for run in found["seeds"]["runs"].values()
            for chapter, one in run.items()]
    changed = sorted({(int(number), verdict) for _, one in runs
                      for number, verdict in one["claims"].items()})
    failed = sorted({number_of(chapter) for chapter, one in runs
                     if one["failed"]})
    return (
        f"The chapters were run {len(found['seeds']['runs'])} times more, "
        "with every seed moved. "
        + ("No claim got another verdict. " if not changed else
           "Another verdict was once given on "
           + ", ".join(f"claim {number} ({verdict})"
                       for number, verdict in changed) + ". ")
        + f"A check failed or a cell broke off in "
        f"{sum(bool(one['failed']) for _, one in runs)} of these {len(runs)} "
        "runs of a chapter"
        + f" ({', '.join(failed)})" * bool(failed)
        + f". ({found['seeds']['date']}, on {found['seeds']['machine']}.)")


def processors(found):
    """Return what other settings change, a row for each, in MyST."""
    rows = ["| setting | chapters | cells out of tolerance | failed "
            "| claims changed |", "|---|---|---|---|---|"]
    for name, run in found["processors"]["runs"].items():
        counted = [sum(len(one[key]) for one in run.values())
                   for key in ("out", "failed", "claims")]
        cells, judged = (sum(one[key] for one in run.values())
                         for key in ("compared", "judged"))
        rows.append(f"| {name} | {len(run)} | {counted[0]} of {cells} "
                    f"| {counted[1]} | {counted[2]} of {judged} |")
    return "\n".join([*rows, "", f"On {found['processors']['date']}, on "
                      f"{found['processors']['machine']}."])


def number_of(chapter):
    """Return what the text calls a chapter: A2 for a2_…, 5 for 05_…."""
    return Path(chapter).name.partition("_")[0].lstrip("0").upper()


DIRECTIVES = {
    "seeds": ("again.json", seeds), "processors": ("again.json", processors),
    "speed": ("speed.json", page), "profile": ("profile.json", profile),
    "reached": ("quality.json", reached),
    "choosing": ("quality.json", choosing),
    **{text.__name__: ("likelihood.json", text)
       for text in (floor, likelihood, distance, beside, doubtful)}}


def setup(app):
    for name, (file, text) in DIRECTIVES.items():
        app.add_directive(name, type(name.capitalize(), (Measured,), {
            "file": file, "text": staticmethod(text)}))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

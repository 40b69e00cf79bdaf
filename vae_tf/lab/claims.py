"""The article's claims, and the one call with which a chapter judges one."""

import math
import numbers
import operator
import statistics

CLAIMS = {
    1: "they can also be thought of as a data structure that holds "
       "information",
    2: "We set the input to always be a vector of ones.",
    3: "we can train the network to reduce the mean squared error between "
       "itself and one target image",
    4: "The \"data\" for that image is now contained within the network's "
       "parameters.",
    5: "Instead of a vector of ones, we'll use a one-hot vector for the "
       "input.",
    6: "This works, but we can only store up to 4 images.",
    7: "Using a longer vector means adding in more and more parameters so "
       "the network can memorize the different images.",
    8: "To fix this, we use a vector of real numbers instead of a one-hot "
       "vector.",
    9: "Choosing the latent variables randomly, like I did above, is "
       "obviously a bad idea.",
    10: "we add in another component that takes in the original images and "
        "encodes them into vectors for us",
    11: "We can train our network on as many images as we want.",
    12: "If we save the encoded vector of an image, we can reconstruct it "
        "later by passing it into the decoder portion.",
    13: "We can't generate anything yet, since we don't know how to create "
        "latent vectors other than encoding them from images.",
    14: "We add a constraint on the encoding network, that forces it to "
        "generate latent vectors that roughly follow a unit gaussian",
    15: "It is this constraint that separates a variational autoencoder from "
        "a standard one.",
    16: "Generating new images is now easy: all we need to do is sample a "
        "latent vector from the unit gaussian and pass it into the decoder.",
    17: "there's a tradeoff between how accurate our network can be and how "
        "close its latent variables can match the unit gaussian",
    18: "We let the network decide this itself.",
    19: "generation_loss = mean(square(generated_image - real_image))",
    20: "loss = generation_loss + latent_loss",
    21: "In order to optimize the KL divergence, we need to apply a simple "
        "reparameterization trick",
    22: "it will generate a vector of means and a vector of standard "
        "deviations",
    23: "This lets us calculate KL divergence as follows",
    24: "we can just sample from the standard deviations and add the mean, "
        "and use that as our latent vector",
    25: "this constraint also improves the generalization of our network",
    26: "We can essentially encode infinite information this way",
    27: "the original number could have been anywhere around [4.4 ~ 6.4]",
    28: "The greater standard deviation on the noise added, the less "
        "information we can pass using that one variable.",
    29: "The more efficiently we can encode the original image, the higher "
        "we can raise the standard deviation on our gaussian until it "
        "reaches one.",
    30: "This constraint forces the encoder to be very efficient, creating "
        "information-rich latent variables.",
    31: "latent variables that we either randomly generated, or we got from "
        "encoding non-training images, will produce a nicer result",
    32: "I ran a few tests to see how well a variational autoencoder would "
        "work on the MNIST handwriting dataset.",
    33: "left: 1st epoch, middle: 9th epoch, right: original",
    34: "After only 15 minutes on my laptop w/o a GPU, it's producing some "
        "nice results on MNIST.",
    35: "we can compare generated images directly to the originals, which is "
        "not possible when using a GAN",
    36: "it uses direct mean squared error instead of an adversarial network",
    37: "the network tends to produce more blurry images",
}
VERDICTS = ("holds", "holds in part", "does not hold", "framing")
RELATIONS = {"below": operator.lt, "above": operator.gt, "equal": operator.eq}


def claim(number, verdict, *measured, seeds=()):
    """Judge one of the article's claims, by measurements, and show it.

    `measured` are tuples: (what, value, unit) shows a number; (what, value,
    "below", other, unit), with "above" or "equal" likewise, is a comparison
    that is true if the claim is. A value that is a list has one number for
    each of the `seeds`; then "below" and "above" mean by more than three
    standard deviations of the difference, "equal" means for every seed. The
    verdict is "holds" if all comparisons are true, "does not hold" if none
    is, "holds in part" if some are, and "framing" without any. If these
    measurements bear out another verdict, the page says so. (Claims)
    """
    if number not in CLAIMS:
        raise ValueError("The 'number' parameter of claim must be an int in "
                         f"the range [1, {len(CLAIMS)}]. Got {number!r} "
                         "instead.")
    if verdict not in VERDICTS:
        raise ValueError(f"The 'verdict' parameter of claim must be one of "
                         f"{VERDICTS}. Got {verdict!r} instead.")
    from IPython.display import Markdown, display

    record = {"number": number, "of": len(CLAIMS), "claim": CLAIMS[number],
              "verdict": verdict, "seeds": [int(seed) for seed in seeds],
              "measured": [measurement(m, len(seeds)) for m in measured]}
    record["found"] = found(record["measured"])
    display(Markdown(text(record)), metadata={"vae_tf": record})


def measurement(given, n_seeds):
    """Return a measurement as a dict of plain numbers, or say what is wrong.

    Raises ValueError for anything but the two forms that `claim` takes.
    """
    if not isinstance(given, tuple) or len(given) not in (3, 5) or (
            len(given) == 5 and given[2] not in RELATIONS):
        raise ValueError(
            "The 'measured' parameters of claim must be (what, value, unit) "
            "or (what, value, 'below', 'above' or 'equal', other, unit). "
            f"Got {' '.join(repr(given).split())} instead.")
    what, value, *relation, unit = given
    one = {"what": what, "value": plain(value, n_seeds), "unit": unit}
    if relation:
        one["relation"], one["other"] = relation[0], plain(relation[1],
                                                           n_seeds)
    return one


def plain(value, n_seeds):
    """Return a number, or a list of one per seed, to six digits."""
    value = bare(value)
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, n_seeds or 1) or not all(
            isinstance(v, numbers.Real) and math.isfinite(v) for v in values):
        raise ValueError(
            "The 'measured' parameters of claim must have a number, or a list "
            f"of one for each of {n_seeds} seeds. Got {value!r} instead.")
    values = [int(v) if isinstance(v, numbers.Integral) else
              float(v if v == round(v) else f"{float(v):.6g}") for v in values]
    return values if len(values) > 1 else values[0]


def bare(value):
    """Return what an array, a tensor or a NumPy scalar holds, else itself."""
    if isinstance(value, (list, tuple)):
        return [bare(v) for v in value]
    return value.__array__().tolist() if hasattr(value, "__array__") else value


def found(measured):
    """Return the verdict that measurements bear out."""
    truths = [true(one) for one in measured if "relation" in one]
    if not truths:
        return "framing"
    if all(truths):
        return "holds"
    return "holds in part" if any(truths) else "does not hold"


def true(one):
    """Return whether a comparison is true, over seeds as `claim` says."""
    value, other = one["value"], one["other"]
    n = max(len(v) if isinstance(v, list) else 1 for v in (value, other))
    if n == 1:
        return RELATIONS[one["relation"]](value, other)
    value, other = [v if isinstance(v, list) else n * [v]
                    for v in (value, other)]
    if one["relation"] == "equal":
        return value == other
    differences = [a - b for a, b in zip(value, other)]
    mean, deviation = (statistics.mean(differences),
                       statistics.stdev(differences))
    return (abs(mean) > 3 * deviation
            and RELATIONS[one["relation"]](mean, 0))


def text(record):
    """Return a record as Markdown: quotation, verdict, numbers, seeds."""
    seeds = record["seeds"]
    if record["found"] != record["verdict"]:
        record = {**record, "verdict": f"{record['found']} in this run"}
    lines = [f"**Claim {record['number']}.** \"{record['claim']}\"",
             f"**{record['verdict'].capitalize()}.** "
             + "; ".join(map(phrase, record["measured"]))
             + (f" (seed{'s' * (len(seeds) > 1)} "
                f"{', '.join(map(str, seeds))})." if seeds else ".")]
    return "> " + "\n>\n> ".join(lines)


def phrase(one):
    """Return a measurement in words."""
    value, unit = figure(one["value"]), one["unit"] and f" {one['unit']}"
    if "relation" not in one:
        return f"{one['what']}: {value}{unit}"
    over_seeds = any(isinstance(one[v], list) for v in ("value", "other"))
    clearly = "clearly " if over_seeds and one["relation"] != "equal" else ""
    relation = {"equal": "equal to"}.get(one["relation"], one["relation"])
    return (f"{one['what']}: {value} is {'' if true(one) else 'not '}"
            f"{clearly}{relation} {figure(one['other'])}{unit}")


def figure(value):
    """Return a number with three digits, or mean and range of a list."""
    if isinstance(value, list):
        return (f"{figure(statistics.mean(value))} "
                f"({figure(min(value))} to {figure(max(value))})")
    if isinstance(value, int):
        return f"{value:,}"
    if value and abs(value) < 0.001:
        return f"{value:.2e}"
    return f"{value:#.3g}" if abs(value) < 99.95 else f"{value:,.1f}"

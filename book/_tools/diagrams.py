"""Draw the network of each chapter, with what is new in colour.

    python -m book._tools.diagrams

writes book/_static/diagrams from diagrams.yml, which says what stands where,
and diagrams.css. A slab is a layer of one of vae_tf's models: its height and
depth are pixels, its thickness counts features. Photographs come from
vae_tf.data, digits from what chapters 5 and 9 left. Each drawing is as wide as
the column of a phone and stands on a ground of its own, light or dark.
"""

import base64
import functools
import io
import math
import re

import nbformat
import numpy as np
import tensorflow as tf
import yaml
from PIL import Image

from book._tools import files
from book._tools.toc import ROOT
from vae_tf import VAE, Memorizer, data, networks
from vae_tf.lab.classifier import Classifier
from vae_tf.ops import Scope

HERE = ROOT / "book/_tools"
FOLDER = ROOT / "book/_static/diagrams"
WIDTH, SHOWN = 360, 540
# Places of codes in a plane, from -1 to 1.
CODES = ((-.9, -.6), (.7, -.9), (-.2, .1), (.9, .3), (-.7, .8), (.2, .9),
         (0, -.7))


class Diagram:
    """A drawing to which parts are added.

    Their `kind` is a class of diagrams.css, mostly "new" or nothing.
    """

    def __init__(self, height, parts):
        self.height, self.svgs = height, []
        for part in parts:
            [(name, arguments)] = part.items()
            getattr(self, name)(*arguments)

    def add(self, tag, kind="", content=None, **attributes):
        """Add an element; numbers are rounded to a tenth."""
        written = "".join(
            f' {name}="{value if isinstance(value, str) else tenth(value)}"'
            for name, value in attributes.items())
        kind = f' class="{kind.strip()}"' if kind.strip() else ""
        end = "/>" if content is None else f">{content}</{tag}>"
        self.svgs.append(f"<{tag}{kind}{written}{end}")

    def path(self, kind, *points, closed=False):
        way = "L".join(f"{tenth(x)} {tenth(y)}" for x, y in points)
        self.add("path", kind, d=f"M{way}{'z' * closed}")

    def text(self, x, y, words, kind=""):
        self.add("text", kind, words, x=x, y=y)

    def sizes(self, y, *layers_and_places):
        """Write the sizes of layers: a name and its x for each."""
        for name, x in zip(layers_and_places[::2], layers_and_places[1::2]):
            self.text(x, y, "×".join(map(str, layers(name)[0])), "name new")

    def slabs(self, x, y, name, pixel=1.43, feature=.5, gap=4, kind=""):
        """Draw layers side by side, as boxes seen from the left."""
        for h, w, features in layers(name):
            h, thick = h * pixel, features * feature
            dx, dy = .3 * w * pixel, .18 * w * pixel
            right, top = x + thick, y - (h - dy) / 2
            self.path(f"front {kind}", (x, top), (right, top),
                      (right, top + h), (x, top + h), closed=True)
            self.path(f"top {kind}", (x, top), (x + dx, top - dy),
                      (right + dx, top - dy), (right, top), closed=True)
            self.path(f"side {kind}", (right, top), (right + dx, top - dy),
                      (right + dx, top - dy + h), (right, top + h),
                      closed=True)
            x = right + dx + gap

    def picture(self, x, y, size, name):
        self.add("image", x=x, y=y - size / 2, width=size, height=size,
                 href=thumbnail(name))

    def cell(self, x, y, width, height, word, kind):
        """Draw one number of a code; x and y are its corner."""
        self.add("rect", kind, x=x, y=y, width=width, height=height)
        if word is not None:
            self.text(x + width / 2, y + height / 2 + 4.2, word)

    def cells(self, x, y, width, height, words, kind=""):
        """Draw numbers one below the other."""
        top = y - height * len(words) / 2
        for i, word in enumerate(words):
            self.cell(x, top + i * height, width, height, word, f"top {kind}")

    def vector(self, x, y, width, height, kind=""):
        """Draw a code of as many numbers as the VAE has latent variables."""
        self.cells(x, y, width, height, [None] * VAE().n_z, kind)

    def code(self, x, y, words, lit):
        """Draw numbers side by side, one of them or all in colour."""
        width = 28 if lit == "all" else 17
        for i, word in enumerate(words):
            kind = {i: "front new", "all": "top new"}.get(lit, "top")
            self.cell(x + i * width, y - 9, width, 18, word, kind)

    def line(self, *numbers_and_kind):
        numbers, kind = parted(numbers_and_kind)
        self.path(f"way {kind}", *zip(numbers[::2], numbers[1::2]))

    def arrow(self, *numbers_and_kind):
        """Draw a line through points, with a head at the last."""
        numbers, kind = parted(numbers_and_kind)
        *_, x, y, x1, y1 = numbers
        u, v = unit(x, y, x1, y1)
        self.line(*numbers[:-2], x1 - 5 * u, y1 - 5 * v, kind)
        self.path(f"head {kind}", (x1, y1), *(
            (x1 - 7 * u + side * v, y1 - 7 * v - side * u)
            for side in (3.6, -3.6)), closed=True)

    def curve(self, x, y, x1, y1, kind=""):
        """Draw an arrow from one height to another that ends level."""
        middle, end = (x + x1 - 6) / 2, x1 - 6
        self.add("path", f"way {kind}", d=f"M{x} {y}C{middle} {y} {middle} "
                                          f"{y1} {end} {y1}")
        self.arrow(x1 - 8, y1, x1, y1, kind)

    def ways(self, x, y, x1, y1, gradient=None):
        """Draw the way of the numbers, and beside it that of a gradient."""
        u, v = (4 * length for length in unit(x, y, x1, y1))
        self.arrow(x + v, y - u, x1 + v, y1 - u)
        if gradient:
            self.arrow(x1 - v, y1 + u, x - v, y + u, "new")

    def compare(self, x, x1, y, bottom):
        """Draw the loss that compares two pictures."""
        middle = (x + x1) / 2
        self.text(middle, bottom + 4, "generation_loss", "name")
        for end, start in ((x, middle - 62), (x1, middle + 62)):
            self.arrow(start, bottom, end, bottom, end, y, "dashed")

    def frame(self, x, y, width, height, kind=""):
        self.add("rect", f"way dashed {kind}", x=x, y=y, width=width,
                 height=height, rx=8)

    def disc(self, x, y, r, kind=""):
        self.add("circle", f"top {kind}", cx=x, cy=y, r=r)

    def node(self, x, y, sign, kind=""):
        """Draw an operation."""
        self.disc(x, y, 9, kind)
        self.text(x, y + 4.5, sign, kind)

    def bell(self, x, y, stddev, height, kind=""):
        """Draw the density of a Gaussian that stands on y."""
        self.path(f"top {kind}", *(
            (x + t * stddev, y - height * math.exp(-t * t / 2))
            for t in np.linspace(-2.8, 2.8, 45)), closed=True)

    def switch(self, x, y, name, on):
        kind = "new" if on else ""
        self.add("rect", f"top {kind}", x=x, y=y - 7, width=26, height=14,
                 rx=7)
        self.add("circle", f"side {kind}", cx=x + (19 if on else 7), cy=y, r=5)
        self.text(x + 32, y + 4.5, name, f"left {kind}")

    def network(self, x, y, where, what):
        """Draw an encoder, its codes in a plane, and a decoder."""
        reach, r = (27, 4) if where == "apart" else (12, 8)
        self.slabs(x, y, "encoder", .9, .3, 3)
        self.arrow(x + 26, y, x + 38, y)
        self.add("rect", "top", x=x + 41, y=y - 32, width=64, height=64, rx=4)
        for a, b in CODES:
            self.add("circle", "cloud new" if what == "clouds" else "point",
                     cx=x + 73 + reach * a, cy=y + reach * b,
                     r=r if what == "clouds" else 2.4)
        if where == "together":
            self.add("circle", "way dashed new", cx=x + 73, cy=y, r=20)
        self.arrow(x + 107, y, x + 119, y)
        self.slabs(x + 122, y, "decoder", .9, .3, 3)

    def svg(self):
        """Return the whole as text."""
        css = re.sub(r"/\*.*?\*/|\n\s*", "", (HERE / "diagrams.css").read_text(
            encoding="utf-8"), flags=re.DOTALL)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{SHOWN}" '
                f'height="{SHOWN * self.height / WIDTH:g}" '
                f'viewBox="0 0 {WIDTH} {self.height}">\n<style>{css}</style>\n'
                f'<rect class="ground" width="{WIDTH}" height="{self.height}" '
                'rx="12"/>\n' + "\n".join(self.svgs) + "\n</svg>\n")


def tenth(number):
    """Return a number as text, with one digit after the point at most."""
    return f"{number:.1f}".removesuffix(".0")


def unit(x, y, x1, y1):
    """Return the direction from one point to another."""
    long = math.hypot(x1 - x, y1 - y)
    return (x1 - x) / long, (y1 - y) / long


def parted(numbers_and_kind):
    """Return the numbers, and the words as one."""
    words = [one for one in numbers_and_kind if isinstance(one, str)]
    return numbers_and_kind[:len(numbers_and_kind) - len(words)], " ".join(
        words)


# What is drawn: sizes of layers, and pictures.

@functools.cache
def layers(name):
    """Return the sizes of a network's layers, or of one: "encoder 1"."""
    name, _, number = name.partition(" ")
    if number:
        return [layers(name)[int(number) - 1]]
    if name == "code":
        return [[VAE().n_z]]
    if name == "picture":
        return [VAE().image_shape]
    function, *shape = {
        "cat": (Memorizer((64, 64, 3)).generation, 1, 8),
        "encoder": (VAE().recognition, 1, *VAE().image_shape),
        "decoder": (VAE().generation, 1, VAE().n_z),
        "classifier": (Classifier().features, 1, *VAE().image_shape),
        "discriminator": (networks.features, 1, *VAE().image_shape)}[name]
    with Scope():
        graph = tf.function(function).get_concrete_function(
            tf.zeros(shape)).graph
    made = [op.outputs[0].shape[1:].as_list() for op in graph.get_operations()
            if op.type in ("Conv2D", "Conv2DBackpropInput", "Reshape")]
    # The picture at a decoder's end is drawn as what it shows.
    return [one for one in made if len(one) == 3
            and (name == "cat" or one != [*VAE().image_shape])]


@functools.cache
def thumbnail(name):
    """Return a small PNG as a data URI."""
    file = io.BytesIO()
    image(name).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(
        file.getvalue()).decode()


def image(name):
    """Return a photograph, a digit of chapter 9, or one drawn in chapter 5."""
    photographs, names = data.pictures()
    if name in names:
        photograph = photographs[names.index(name)]
        return Image.fromarray(np.uint8(np.rint(255 * photograph))).quantize(
            64)
    if name == "drawn":
        return Image.open(ROOT / "book/_static/icon.png").resize((28, 28))
    kind, number = name.split()
    return Image.fromarray(digits()[kind][int(number)].reshape(28, 28))


@functools.cache
def digits():
    """Return test digits of chapter 9, and the same after its last epoch."""
    notebook = nbformat.read(ROOT / "book/09_mnist.ipynb", as_version=4)
    found = {page["name"]: page["contents"] for cell in notebook.cells
             for output in cell.get("outputs", [])
             if (page := output.get("metadata", {}).get("vae_tf_page"))}
    originals, pictures = [
        np.frombuffer(base64.b64decode(packed["base64"]), packed["dtype"])
        .reshape(packed["shape"]) for packed in map(
            found["epochs"].get, ("originals", "pictures"))]
    return {"digit": originals, "rebuilt": pictures[-1]}


def drawn():
    """Yield the name of each chapter and its diagram as text."""
    described = (HERE / "diagrams.yml").read_text(encoding="utf-8")
    for name, diagram in yaml.safe_load(described).items():
        yield name, Diagram(**diagram).svg()


def main():
    for name, svg in drawn():
        files.write(FOLDER / f"{name}.svg", svg)


if __name__ == "__main__":
    main()

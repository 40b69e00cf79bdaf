"""Each chapter shows its diagram, which is what the program draws."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from book._tools import diagrams
from book._tools.toc import ROOT, chapters
from vae_tf import VAE

EMBEDDED = re.compile(r"data:image/png;base64,([\w+/=]+)")
COMMITTED = {path.stem: path.read_text(encoding="utf-8")
             for path in diagrams.FOLDER.iterdir()}
every_diagram = pytest.mark.parametrize("name", COMMITTED)


def test_what_is_committed_is_what_is_drawn():
    drawn = dict(diagrams.drawn())
    names = [chapter[5:-6] for chapter in chapters(ROOT)]
    assert list(drawn) == [*names[:10], "g_still_everywhere"]
    assert drawn.keys() == COMMITTED.keys()
    for name, svg in drawn.items():
        assert EMBEDDED.sub("", svg) == EMBEDDED.sub("", COMMITTED[name])
        for pair in zip(*map(EMBEDDED.findall, (svg, COMMITTED[name]))):
            files = map(io.BytesIO, map(base64.b64decode, pair))
            a, b = [np.float32(Image.open(f).convert("RGB")) for f in files]
            assert np.abs(a - b).mean() < 2, name


@every_diagram
def test_it_is_small_and_legible_and_asks_no_host(name):
    svg = COMMITTED[name]
    assert len(svg) <= 30_000
    assert re.findall(r"//[\w./]*", EMBEDDED.sub("", svg)) == [
        "//www.w3.org/2000/svg"]
    assert 'viewBox="0 0 360 ' in svg  # a phone's column, pixel by pixel
    assert min(map(float, re.findall(r"font: ([\d.]+)px", svg))) >= 11


def test_the_sizes_are_those_of_the_models():
    vae = VAE()
    vae.loss(np.full([1, 28, 28, 1], .5, np.float32))
    last = {v.name: v.shape[-1] for v in vae.trainable_variables}
    written = re.findall(r'"name new"[^>]*>([\d×]+)<', COMMITTED["09_mnist"])
    assert [int(size.split("×")[-1]) for size in written] == [
        1, last["d_h1/b:0"], last["d_h2/b:0"], *3 * [vae.n_z],
        last["z_matrix/Matrix:0"] // 49, last["g_h1/b:0"], last["g_h2/b:0"]]


@every_diagram
def test_its_chapter_shows_it_at_the_top(name):
    for suffix in ("md", "ipynb"):
        text = (ROOT / f"book/{name}.{suffix}").read_text(encoding="utf-8")
        assert re.findall(
            r"!\[[^]]{100,}\]\(\S*_static/diagrams/(\S+)\)",
            text.partition("import vae_tf")[0]) == [f"{name}.svg"]

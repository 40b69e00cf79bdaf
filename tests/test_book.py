"""What the chapters must be, found without running them."""

import ast
import functools
import itertools
import re
import statistics
from pathlib import Path

import jupytext
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from book.hero import hero, write
from tests.validate import cell_faults, chapters, code_cells

# How many cells show measured times, whose outputs nothing is compared with.
TIMING = {"01_one_image": 1, "02_one_hot": 1, "03_latent_codes": 1,
          "04_autoencoder": 1, "05_unit_gaussian": 1,
          "06_reparameterization": 1, "07_noisy_channel": 1,
          "08_generalization": 1, "09_mnist": 2, "10_blur": 1,
          "d_many_machines": 2}

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = chapters(ROOT)
MODULES = ("ops", "networks", "losses", "train", "plots", "models")
HEADINGS = ["What it cannot do", "Checks", "Summary", "Exercises"]
MYST = re.compile(r"(?m):::|```\{|\{[\w:-]+\}`|^\([\w-]+\)=$|^\+\+\+")
MEGABYTE = 2 ** 20


@functools.cache
def read(chapter):
    return nbformat.read(ROOT / chapter, as_version=4)


def cells(chapter, cell_type="code"):
    return [c for c in read(chapter).cells if c.cell_type == cell_type]


def lines(cell):
    """Return the lines of a cell that are not blank."""
    return [line for line in cell.source.splitlines() if line.strip()]


def tags(cell):
    return cell.metadata.get("tags", [])


def report(faults):
    """Fail with a line for each fault."""
    if faults := list(faults):
        pytest.fail("\n".join(faults), pytrace=False)


every_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def test_toc_names_every_page_once():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    named = re.findall(r"^(?: *- file|root): *(\S+)", toc, re.MULTILINE)
    named = [name if Path(name).suffix else name + ".md" for name in named]
    pages = {path.relative_to(ROOT) for suffix in ("ipynb", "md")
             for path in (ROOT / "book").glob(f"*.{suffix}")}
    pairs = {Path(chapter).with_suffix(".md") for chapter in CHAPTERS}
    assert sorted(named) == sorted(map(str, pages - pairs))
    assert pairs <= pages


@every_chapter
def test_notebook_and_text_hold_the_same_cells(chapter):
    text = jupytext.read((ROOT / chapter).with_suffix(".md"))
    report(itertools.islice(pair_faults(read(chapter), text), 1))


def pair_faults(nb, text):
    """Yield how a notebook's cells differ from those of its paired text."""
    for i, (a, b) in enumerate(itertools.zip_longest(
            map(essence, nb.cells), map(essence, text.cells))):
        if a != b:
            yield f"cell {i} of all is\n{a} in the notebook,\n{b} in the .md"


def essence(cell):
    """Return what a cell must have in common with its pair."""
    return cell.cell_type, cell.source, {
        key: cell.metadata[key] for key in ("tags", "vae_tf", "mystnb")
        if key in cell.metadata}


@every_chapter
def test_committed_outputs_are_whole_and_harmless(chapter):
    report(f"{chapter}, Cell {i}: {fault}"
           for i, (cell, count) in enumerate(code_cells(read(chapter)))
           for fault in cell_faults(cell, count))


@every_chapter
def test_only_the_listed_cells_are_timed(chapter):
    timed = [cell.source for cell in cells(chapter) if "timing" in tags(cell)]
    assert len(timed) == TIMING.get(Path(chapter).stem, 0), timed
    assert all("seconds" in source for source in timed)


@every_chapter
def test_cells_are_short(chapter):
    sizes = [len(lines(cell)) for cell in cells(chapter)]
    assert statistics.median(sizes) <= 6
    report(f"{size} lines: {cell.source}"
           for size, cell in zip(sizes, cells(chapter)) if size > 20)
    report(f"longer than 79: {line}" for cell in cells(chapter)
           for line in lines(cell) if len(line) > 79)


@every_chapter
def test_prose_stands_between_code(chapter):
    every = read(chapter).cells
    report(f"the third code cell in a row: {three[2].source}"
           for three in zip(every, every[1:], every[2:])
           if {cell.cell_type for cell in three} == {"code"})


@every_chapter
def test_code_in_a_chapter_is_the_package_s(chapter):
    package = {name: code for module in MODULES for name, code in
               definitions((ROOT / f"vae_tf/{module}.py").read_text()).items()}
    report(f"not the package's {name}:\n{code}\n\nbut\n{package[name]}"
           for cell in cells(chapter)
           for name, code in definitions(cell.source).items()
           if code != package.get(name, code))


@every_chapter
def test_a_tag_names_what_its_cell_defines(chapter):
    for cell in cells(chapter):
        for tag in tags(cell):
            if match := re.fullmatch(r"vae_tf\.(\w+)\.(\w+)", tag):
                module, name = match.groups()
                source = (ROOT / f"vae_tf/{module}.py").read_text()
                assert name in definitions(source), tag
                assert name in definitions(cell.source), tag


def definitions(source):
    """Return the functions and classes of a source, without docstrings."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    for node in ast.walk(tree):
        if isinstance(node, DEFINITION) and ast.get_docstring(node):
            del node.body[0]
    return {node.name: ast.unparse(node) for node in tree.body
            if isinstance(node, DEFINITION)}


DEFINITION = ast.FunctionDef | ast.ClassDef


@every_chapter
def test_prose_is_plain_markdown_as_colab_knows_no_myst(chapter):
    report(f"{found[0]!r} in: {cell.source}"
           for cell in cells(chapter, "markdown")
           if (found := MYST.search(cell.source)))


@every_chapter
def test_every_figure_has_alt_text(chapter):
    figures = [cell for cell in cells(chapter) for output in cell.outputs
               if "image/png" in output.get("data", {})]
    report(f"no alt text: {cell.source}" for cell in figures if not
           cell.metadata.get("mystnb", {}).get("image", {}).get("alt"))


@every_chapter
def test_every_chapter_ends_alike(chapter):
    prose = "\n".join(cell.source for cell in cells(chapter, "markdown"))
    headings = re.findall(r"^#+ (.*)", prose, re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS


@every_chapter
def test_the_kernel_is_everybody_s(chapter):
    metadata = read(chapter).metadata
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata.get("language_info", {})


@every_chapter
def test_notebooks_are_small(chapter):
    assert (ROOT / chapter).stat().st_size < 1.5 * MEGABYTE
    report(f"an output of {len(str(output))} characters: {cell.source}"
           for cell in cells(chapter) for output in cell.outputs
           if len(str(output)) > MEGABYTE)


def test_the_first_picture_is_the_one_that_chapter_5_drew(tmp_path):
    write(read("book/05_unit_gaussian.ipynb"), tmp_path)
    for made in tmp_path.iterdir():
        committed = ROOT / "book/_static" / made.name
        assert committed.read_bytes() == made.read_bytes(), made.name

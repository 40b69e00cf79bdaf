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
from markdown_it import MarkdownIt

from book._tools import hero
from book._tools.compare import (SPREAD, TOLERANCES, cell_faults, code_cells,
                                 contents, is_short, is_timing, number_faults,
                                 number_pairs, unit, value)
from book._tools.toc import chapters, notebooks

# How many cells show measured times, whose outputs nothing is compared with.
TIMING = {"01_one_image": 1, "02_one_hot": 1, "03_latent_codes": 1,
          "04_autoencoder": 1, "05_unit_gaussian": 1,
          "06_reparameterization": 1, "07_noisy_channel": 1,
          "08_generalization": 1, "09_mnist": 2, "10_blur": 1,
          "a_tf1_to_tf2": 1, "a2_is_this_loss_right": 1,
          "b_tensorflow_probability": 1, "c_going_further": 1,
          "c2_rate_and_distortion": 1, "c3_between_digits": 1,
          "d_many_machines": 2}
# How many show what a kind of processor decides, and are compared only on it.
PROCESSOR = {
    "02_one_hot": 2, "03_latent_codes": 2, "04_autoencoder": 1,
    "05_unit_gaussian": 2, "06_reparameterization": 4, "07_noisy_channel": 2,
    "08_generalization": 4, "09_mnist": 2, "a_tf1_to_tf2": 2,
    "a2_is_this_loss_right": 1, "b_tensorflow_probability": 8,
    "c_going_further": 10}

# How many print a number of too few digits for its rtol that a processor may
# move, and so state by how many units. All others must not move at all.
UNITS = {"01_one_image": 1, "02_one_hot": 1, "03_latent_codes": 1,
         "05_unit_gaussian": 4, "07_noisy_channel": 1,
         "a2_is_this_loss_right": 1, "c2_rate_and_distortion": 1}

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS, NOTEBOOKS = chapters(ROOT), notebooks(ROOT)
MODULES = ("ops", "networks", "losses", "train", "plots", "models",
           "lab/distributed")
HEADINGS = ["What it cannot do", "Checks", "Summary", "Exercises"]
# What a renderer leaves in the text that knows no MyST, or of broken Markdown.
RAW = re.compile(r"(?m):::|```|\{[\w:-]+\}|^\([\w-]+\)=|^\+\+\+|^%|^#"
                 r"|\]\(|\]\[|\*\*|(?<!\w)__?(?=\w)|\$|^\||^ *[-*>] ")
MATH = re.compile(r"(?s)\$\$.+?\$\$|(?<![\\$])\$(?! )[^$\n]+?(?<! )\$")
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
# Pages of measurements too, which need no exercises and fold all their code.
every_notebook = pytest.mark.parametrize("chapter", NOTEBOOKS)


def test_toc_names_every_page_once():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    named = re.findall(r"^(?: *- file|root): *(\S+)", toc, re.MULTILINE)
    named = [name if Path(name).suffix else name + ".md" for name in named]
    pages = {path.relative_to(ROOT) for suffix in ("ipynb", "md")
             for path in (ROOT / "book").glob(f"*.{suffix}")}
    pairs = {Path(notebook).with_suffix(".md") for notebook in NOTEBOOKS}
    assert sorted(named) == sorted(map(str, pages - pairs))
    assert pairs <= pages


@every_notebook
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


@every_notebook
def test_committed_outputs_are_whole_and_harmless(chapter):
    report(f"{chapter}, Cell {i}: {fault}"
           for i, (cell, count) in enumerate(code_cells(read(chapter)))
           for fault in cell_faults(cell, count))


@every_notebook
def test_only_the_listed_cells_are_timed(chapter):
    timed = [cell.source for cell in cells(chapter) if "timing" in tags(cell)]
    assert len(timed) == TIMING.get(Path(chapter).stem, 0), timed
    assert all("seconds" in source for source in timed)


@every_notebook
def test_only_the_listed_cells_belong_to_a_processor(chapter):
    decided = [cell for cell in cells(chapter) if "processor" in tags(cell)]
    assert len(decided) == PROCESSOR.get(Path(chapter).stem, 0)
    if decided:
        assert read(chapter).metadata["processor"]
        assert "kind of processor" in "\n".join(
            cell.source for cell in cells(chapter, "markdown"))


@every_notebook
def test_only_the_listed_cells_let_a_short_number_move(chapter):
    moving = [cell for cell in cells(chapter) if any(moves(cell))]
    stated = [cell for cell in cells(chapter)
              if "units" in cell.metadata.get("vae_tf", {})]
    assert [cell.source for cell in moving] == [c.source for c in stated]
    assert len(moving) == UNITS.get(Path(chapter).stem, 0)


def moves(cell):
    """Yield which short numbers of a cell one more unit is no fault of."""
    allowed = {**TOLERANCES, **cell.metadata.get("vae_tf", {})}
    texts = [text for output in cell.outputs if not is_timing(cell)
             for mime, text in contents(output).items() if "image" not in mime]
    for words, number, _ in itertools.chain.from_iterable(
            number_pairs(text, text) for text in texts):
        rtol = SPREAD - 1 if words.endswith("±") else allowed["rtol"]
        more = str(value(number) + unit(number))
        yield is_short(number, rtol) and not [
            *number_faults(number, more, rtol, allowed["units"])]


@every_notebook
def test_cells_are_short(chapter):
    sizes = [len(lines(cell)) for cell in cells(chapter)]
    if chapter in CHAPTERS:
        assert statistics.median(sizes) <= 6
    report(f"{size} lines: {cell.source}"
           for size, cell in zip(sizes, cells(chapter)) if size > 20)
    report(f"longer than 79: {line}" for cell in cells(chapter)
           for line in lines(cell) if len(line) > 79)


@every_notebook
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
            if match := re.fullmatch(r"vae_tf\.([\w.]+)\.(\w+)", tag):
                module, name = match.groups()
                source = (ROOT / "vae_tf" / (
                    module.replace(".", "/") + ".py")).read_text()
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


@every_notebook
def test_prose_is_plain_markdown_as_colab_knows_no_myst(chapter):
    report(f"{fault} in: {text}" for text in prose(chapter)
           for fault in markup_faults(text, ROOT / chapter))


def prose(chapter):
    """Yield the Markdown of a chapter, its own and what its run displays."""
    for cell in read(chapter).cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            if text := output.get("data", {}).get("text/markdown"):
                yield text


def markup_faults(text, path):
    """Yield what a plain renderer shows raw, or a link that leads nowhere.

    Plain is CommonMark with tables and formulas, as Colab, GitHub and
    JupyterLab have them.
    """
    tokens = MarkdownIt().enable("table").parse(MATH.sub("formula", text))
    for token in tokens:
        if token.type == "html_block":
            yield f"HTML: {token.content!r}"
        if token.type == "fence" and not re.fullmatch(r"\w*", token.info):
            yield f"a directive: {token.info!r}"
        for child in token.children or []:
            yield from inline_faults(child, path)


def inline_faults(token, path):
    """Yield what is wrong with a piece of a paragraph."""
    if token.type == "text" and (found := RAW.search(token.content)):
        yield f"raw {found[0]!r}"
    if token.type == "html_inline":
        yield f"HTML: {token.content!r}"
    address = token.attrGet("href") or token.attrGet("src")
    if address is not None and not address.startswith("https://"):
        file, _, anchor = address.partition("#")
        target = path.parent / file if file else path
        if not target.is_file():
            yield f"a broken link: {address!r}"
        elif anchor and anchor not in anchors(target):
            yield f"no such heading: {address!r}"


def anchors(path):
    """Return the anchors that the headings of a page have."""
    headings = re.findall(r"(?m)^#+ (.+)$", "\n".join(
        cell.source for cell in jupytext.read(path).cells
        if cell.cell_type == "markdown"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in headings}


@pytest.mark.parametrize("text", [
    "```{note}\nx\n```", ":::{note}\nx\n:::", "see {ref}`x`", "(label)=",
    "+++", "a {term}`word`", "**a *b** c** d", "[a] (b)[c](", "# a\n#b",
    "<b>a</b>", "<div>\na\n</div>", "$ 5 and $ 6", "a\n| b | c |",
    "[a](nowhere.ipynb)", "[a](glossary.md#nothing)", "![a](no.png)",
    "[a](http://example.org)", "[a][b]"])
def test_planted_markup_is_found(text):
    assert list(markup_faults(text, ROOT / CHAPTERS[0]))


@pytest.mark.parametrize("text", [
    "# a\n\n*b* **c** `{d}` $x_{1}$ and $y^{**}$ [e](claims.md)",
    "| a | b |\n|---|---|\n| $c_1$ | d |", "- a\n- b\n\n1. c\n\n> d",
    "```python\nx = {1}\n```", "[a](../README.md#the-package)",
    "$$\na_{b}\n$$", "[0, 1]^n (so) x < y, snake_case, 5 % of *n*"])
def test_plain_markdown_is_not(text):
    assert list(markup_faults(text, ROOT / CHAPTERS[0])) == []


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


@every_notebook
def test_the_kernel_is_everybody_s(chapter):
    metadata = read(chapter).metadata
    assert metadata["kernelspec"]["name"] == "python3"
    assert "version" not in metadata.get("language_info", {})


@every_notebook
def test_notebooks_are_small(chapter):
    assert (ROOT / chapter).stat().st_size < 1.5 * MEGABYTE
    report(f"an output of {len(str(output))} characters: {cell.source}"
           for cell in cells(chapter) for output in cell.outputs
           if len(str(output)) > MEGABYTE)


def test_the_first_picture_is_the_one_that_chapter_5_drew(tmp_path):
    hero.write(ROOT / hero.CHAPTER, tmp_path)
    for made in tmp_path.iterdir():
        committed = ROOT / "book/_static" / made.name
        assert committed.read_bytes() == made.read_bytes(), made.name

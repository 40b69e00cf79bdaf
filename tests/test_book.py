"""What notebooks and chapters must be, found without running them.

A chapter's file name begins with a number or a letter code, such as 05_ or
a2_; rules about chapters are not for the other notebooks.
"""

import ast
import itertools
import re
import statistics
from pathlib import Path

import jupytext
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from jupytext.compare import NotebookDifference, compare_notebooks
from markdown_it import MarkdownIt

from book._tools import hero, toc
from book._tools.fold import fold
from book._tools.compare import (SPREAD, TOLERANCES, cell_faults, code_cells,
                                 contents, is_short, is_timing, number_faults,
                                 number_pairs, unit, value)

ROOT = toc.ROOT
NOTEBOOKS = {name: nbformat.read(ROOT / name, as_version=4)
             for name in toc.notebooks(ROOT)}
CHAPTERS = {name: NOTEBOOKS[name] for name in toc.chapters(ROOT)}
# How many cells of the whole book may be compared less strictly than others.
MOST = {"timing": 20, "units": 10}
HEADINGS = ["What it cannot do", "Checks", "Summary", "Exercises"]
# What a renderer leaves in the text that knows no MyST, or of broken Markdown.
RAW = re.compile(r"(?m):::|```|\{[\w:-]+\}|^\([\w-]+\)=|^\+\+\+|^%|^#"
                 r"|\]\(|\]\[|\*\*|(?<!\w)__?(?=\w)|\$|^\||^ *[-*>] ")
MATH = re.compile(r"(?s)\$\$.+?\$\$|(?<![\\$])\$(?! )[^$\n]+?(?<! )\$")
MEGABYTE = 2 ** 20


def cells(nb, cell_type="code"):
    return [cell for cell in nb.cells if cell.cell_type == cell_type]


def markdown(nb):
    return "\n".join(cell.source for cell in cells(nb, "markdown"))


def tags(cell):
    return cell.metadata.get("tags", [])


def report(rule, notebooks=NOTEBOOKS):
    """Fail with a line for each fault that a rule finds in the notebooks."""
    if faults := [f"{name}: {fault}" for name, nb in notebooks.items()
                  for fault in rule(name, nb)]:
        pytest.fail("\n".join(faults), pytrace=False)


# Rules for every notebook.

def test_toc_names_every_page_once():
    named = [name if Path(name).suffix else f"{name}.md"
             for name in toc.pages(ROOT)]
    files = {path.relative_to(ROOT) for suffix in ("ipynb", "md")
             for path in (ROOT / "book").glob(f"*.{suffix}")}
    pairs = {Path(name).with_suffix(".md") for name in NOTEBOOKS}
    assert sorted(named) == sorted(map(str, files - pairs))
    assert pairs <= files and 5 < len(CHAPTERS)


def test_chapters_are_found_in_every_format_of_a_toc(tmp_path):
    for text in (
            "chapters: [{file: a.ipynb, sections: [{file: b}]}, {file: c.md}]",
            "parts: [{chapters: [{file: a.ipynb}, {url: 'https://x'}]}, "
            "{chapters: [{title: B, sections: [{file: c.md}], file: b}]}]",
            "subtrees: [{entries: [{file: a.ipynb, subtrees: [{entries: "
            "[{file: b.ipynb}]}]}]}, {entries: [{file: c.md}]}]"):
        (tmp_path / "a.ipynb").touch()
        (tmp_path / "b.ipynb").touch()
        (tmp_path / "_toc.yml").write_text(f"{text}\nroot: i\n")
        assert toc.notebooks(tmp_path) == ["a.ipynb", "b.ipynb"]
        assert set(toc.pages(tmp_path)) == {"i", "a.ipynb", "b.ipynb", "c.md"}


def test_notebook_and_text_hold_the_same_cells_and_folds():
    def rule(name, nb):
        text = fold(jupytext.read((ROOT / name).with_suffix(".md")))
        try:
            compare_notebooks(text, nb, fmt="md:myst")
        except NotebookDifference as difference:
            yield difference

    report(rule)


def test_committed_outputs_are_whole_and_harmless():
    report(lambda name, nb: (
        f"Cell {i}: {fault}" for i, (cell, count) in enumerate(code_cells(nb))
        for fault in cell_faults(cell, count)))


def test_few_cells_are_compared_less_strictly_and_none_without_need():
    counts = dict.fromkeys(MOST, 0)

    def rule(name, nb):
        for cell in cells(nb):
            states_units = "units" in cell.metadata.get("vae_tf", {})
            counts["timing"] += "timing" in tags(cell)
            counts["units"] += states_units
            if "timing" in tags(cell) and "seconds" not in cell.source:
                yield f"tagged `timing`, times nothing: {cell.source}"
            if any(moves(cell)) != states_units:
                yield f"units: stated or not, against its need: {cell.source}"

    report(rule)
    assert all(counts[kind] <= MOST[kind] for kind in MOST), counts


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


def test_notebooks_are_small_and_their_kernel_is_everybody_s():
    def rule(name, nb):
        if (ROOT / name).stat().st_size > 1.5 * MEGABYTE:
            yield "larger than 1.5 MB"
        if (nb.metadata["kernelspec"]["name"] != "python3"
                or "version" in nb.metadata.get("language_info", {})):
            yield f"the kernel of one machine: {nb.metadata}"
        for cell in cells(nb):
            if len(str(cell.outputs)) > MEGABYTE:
                yield f"more than 1 MB of output: {cell.source}"

    report(rule)


def test_every_figure_has_alt_text():
    def rule(name, nb):
        for cell in cells(nb):
            options = cell.metadata.get("mystnb", {}).get("image", {})
            if any("image/png" in output.get("data", {})
                   for output in cell.outputs) and not options.get("alt"):
                yield f"no alt text: {cell.source}"
            if options.keys() - {"alt", "classes"}:     # would do nothing
                yield f"unknown options {[*options]}: {cell.source}"

    report(rule)


def test_code_keeps_to_79_columns():
    report(lambda name, nb: (
        f"longer than 79: {line}" for cell in cells(nb)
        for line in cell.source.splitlines() if len(line) > 79), NOTEBOOKS)


# Rules for chapters.

def test_cells_are_short_and_prose_stands_between_them():
    def rule(name, nb):
        sources = [[line for line in cell.source.splitlines() if line.strip()]
                   for cell in cells(nb)]
        if statistics.median(map(len, sources)) > 6:
            yield "half of its code cells are longer than 6 lines"
        for lines in sources:
            if len(lines) > 20:
                yield f"{len(lines)} lines: {lines[0]}"
        for three in zip(nb.cells, nb.cells[1:], nb.cells[2:]):
            if {cell.cell_type for cell in three} == {"code"}:
                yield f"the third code cell in a row: {three[2].source}"

    report(rule, CHAPTERS)


def test_chapters_end_alike():
    def rule(name, nb):
        headings = re.findall(r"(?m)^#+ (.*)", markdown(nb))
        if [one for one in headings if one in HEADINGS] != HEADINGS:
            yield f"its last headings are not {HEADINGS}"

    report(rule, CHAPTERS)


def test_code_in_a_chapter_is_the_package_s_and_a_tag_names_it():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts):
               definitions(path.read_text())
               for path in (ROOT / "vae_tf").rglob("*.py")}
    program = {name: code for module, names in modules.items()
               if "lab" not in module and module != "vae_tf.data"
               for name, code in names.items()}
    package = {f"{module}.{name}": code for module, names in modules.items()
               for name, code in names.items()}

    def rule(chapter, nb):
        for cell in cells(nb):
            defined = definitions(cell.source)
            yield from (f"not the package's {name}:\n{code}"
                        for name, code in defined.items()
                        if code != program.get(name, code))
            for tag in tags(cell):
                module, _, name = tag.rpartition(".")
                if module and package.get(tag) != defined.get(name, "none"):
                    yield f"tagged {tag}, which it does not define so"

    report(rule, CHAPTERS)


def definitions(source):
    """Return a source's functions, classes and methods, named Class.method.

    They are without docstrings.
    """
    kinds = ast.FunctionDef | ast.ClassDef
    tree = ast.parse(TransformerManager().transform_cell(source))
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node):
            del node.body[0]
    found = {node.name: node for node in tree.body if isinstance(node, kinds)}
    found |= {f"{name}.{part.name}": part for name, node in found.items()
              if isinstance(node, ast.ClassDef) for part in node.body
              if isinstance(part, ast.FunctionDef)}
    return {name: ast.unparse(node) for name, node in found.items()}


def test_prose_is_plain_markdown_as_colab_knows_no_myst():
    report(lambda name, nb: (
        f"{fault} in: {text}" for text in prose(nb)
        for fault in markup_faults(text)), CHAPTERS)


def prose(nb):
    """Yield the Markdown of a notebook, its own and what its run displays."""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        for output in cell.get("outputs", []):
            if text := output.get("data", {}).get("text/markdown"):
                yield text


def markup_faults(text):
    """Yield what a plain renderer shows raw, and links that only a book has.

    Plain is CommonMark with tables and formulas, as Colab, GitHub and
    JupyterLab have them. That links lead somewhere, the renderer checks.
    """
    tokens = MarkdownIt().enable("table").parse(MATH.sub("formula", text))
    for token in tokens:
        if token.type == "fence" and not re.fullmatch(r"\w*", token.info):
            yield f"a directive: {token.info!r}"
        for part in [token, *(token.children or ())]:
            if part.type in ("html_block", "html_inline"):
                yield f"HTML: {part.content!r}"
            if part.type == "text" and (raw := RAW.search(part.content)):
                yield f"raw {raw[0]!r}"
            address = part.attrGet("href") or part.attrGet("src") or ""
            if not re.match(r"https://|#|[^:#]+\.(ipynb|md|svg)",
                            address or "#"):
                yield f"an address that is no https nor page: {address!r}"


def test_planted_markup_is_found_and_plain_markdown_is_not():
    for text in (
            "```{note}\nx\n```", ":::{note}\nx\n:::", "see {ref}`x`",
            "(label)=", "+++", "a {term}`word`", "**a *b** c** d",
            "[a] (b)[c](", "# a\n#b", "<b>a</b>", "<div>\na\n</div>",
            "$ 5 and $ 6", "a\n| b | c |", "![a](no.png)",
            "[a](http://example.org)", "[a][b]"):
        assert list(markup_faults(text)), text
    for text in (
            "# a\n\n*b* **c** `{d}` $x_{1}$ and $y^{**}$ [e](claims.md)",
            "| a | b |\n|---|---|\n| $c_1$ | d |", "- a\n- b\n\n1. c\n\n> d",
            "```python\nx = {1}\n```", "[a](../README.md#the-package)",
            "$$\na_{b}\n$$",
            "[0, 1]^n (so) x < y, snake_case, 5 % of *n*"):
        assert list(markup_faults(text)) == [], text


def test_the_first_picture_is_the_one_that_chapter_5_drew(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / hero.CHAPTER).symlink_to(ROOT / hero.CHAPTER)
    hero.write_hero(tmp_path)
    name = "book/_static/hero.png"
    assert (ROOT / name).read_bytes() == (tmp_path / name).read_bytes()

"""The book as a PDF: whole, in order, and with nothing that fails on paper."""

import re
import subprocess
import sys
import unicodedata

import pytest
from pypdf import PdfReader

from tests.pages.conftest import HTML
from tests.pages.test_pages import CHAPTERS, READ, soup

ROOT = HTML.parents[1]


@pytest.fixture(scope="module")
def pdf():
    """Print the rendered pages and return the PDF."""
    subprocess.run([sys.executable, ROOT / "book/_tools/pdf.py"], check=True)
    return PdfReader(ROOT / "_build/book.pdf")


@pytest.fixture(scope="module")
def texts(pdf):
    return [page.extract_text() for page in pdf.pages]


@pytest.fixture(scope="module")
def starts(pdf):
    """Return {title: index of its page} of the outline's upper level."""
    return {entry.title: pdf.get_destination_page_number(entry)
            for entry in pdf.outline if not isinstance(entry, list)}


def articles():
    return [soup(name).select_one("article.bd-article") for name in READ]


def titles():
    return [article.h1.get_text().strip("# \n") for article in articles()]


def bare(text):
    """Return a text without spaces and ligatures, as a PDF may have either."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def test_the_outline_is_the_table_of_contents(starts):
    assert list(starts) == ["Contents", *titles()]


def test_the_pages_are_in_order_and_as_many_as_a_book_has(pdf, starts):
    places = [*starts.values(), len(pdf.pages)]
    lengths = [end - start for start, end in zip(places, places[1:])]
    assert all(1 <= length <= 40 for length in lengths)
    assert 5 * len(CHAPTERS) < len(pdf.pages) < 400


def test_every_title_is_where_the_outline_says(texts, starts):
    assert all(bare(title) in bare(texts[page])
               for title, page in starts.items())


def test_the_contents_have_the_numbers_of_the_pages(texts, starts):
    contents = texts[starts["Contents"]]
    wanted = [str(starts[title] + 1) for title in titles()]
    assert re.findall(r"(?m)(\d+)$", contents)[:len(wanted)] == wanted
    assert all(re.search(rf"(?m)^{page + 1}$", texts[page])
               for page in starts.values())


def links(pdf):
    """Yield the action or destination of every link."""
    for page in pdf.pages:
        for note in page.get("/Annots", []):
            note = note.get_object()
            if note["/Subtype"] == "/Link":
                yield note.get("/Dest") or note["/A"]


def test_links_lead_into_the_book_or_to_the_web(pdf):
    places, count = pdf.named_destinations, 0
    for link in links(pdf):
        if isinstance(link, str):
            assert link in places
        elif isinstance(link, list):
            assert link[0].get_object() in pdf.pages
        elif link["/S"] == "/GoTo":
            assert link["/D"] in places
        else:
            assert re.match("https?://", link["/URI"])
            continue
        count += 1
    assert count > 5 * len(READ)


def fonts(pdf):
    """Yield every font of every page."""
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            yield font.get_object()


def test_every_font_is_in_the_file(pdf):
    drawn = 0
    for font in fonts(pdf):
        inner = font.get("/DescendantFonts", [font])[0].get_object()
        if font["/Subtype"] == "/Type3":  # MathJax's: drawings in the file
            drawn += len(font["/CharProcs"])
        else:
            assert {"/FontFile", "/FontFile2", "/FontFile3"} \
                & inner["/FontDescriptor"].get_object().keys()
    assert drawn > 100


def pictures(page):
    """Return how many pictures are on a page."""
    drawn = page["/Resources"].get("/XObject", {})
    return sum(one.get_object()["/Subtype"] == "/Image"
               for one in drawn.values())


def test_no_page_is_blank(pdf, texts):
    for number, (page, text) in enumerate(zip(pdf.pages, texts), 1):
        said = re.sub(rf"\n?{number}$", "", text.strip())
        assert said or pictures(page), number


def test_every_picture_is_there(pdf):
    wanted = sum(len(article.select("img")) for article in articles())
    assert wanted > 2 * len(CHAPTERS)
    assert sum(map(pictures, pdf.pages)) >= wanted


def test_nothing_that_only_a_screen_has_is_printed(texts):
    whole = "\n".join(texts)
    for text in ("Show the code", "Hide the code", "Show the solution",
                 "Where JavaScript runs", "as this page runs it", "file://",
                 r"\frac", r"\mathcal", r"\("):
        assert text not in whole
    assert "A solution:" in whole

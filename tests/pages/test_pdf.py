"""The book as a PDF: whole, in order, and with nothing that fails on paper."""

import re
import subprocess
import sys
import unicodedata

import pytest
from pypdf import PdfReader

from book._tools.toc import ROOT
from tests.pages.test_pages import READ, soup

SCREEN_ONLY = ("Show the code", "Hide the code", "Show the solution",
               "Where JavaScript runs", "as this page runs it", "file://",
               r"\frac", r"\mathcal", r"\(")


@pytest.fixture(scope="module")
def pdf():
    """Print the rendered pages and return the PDF."""
    subprocess.run([sys.executable, "-m", "book._tools.pdf"], check=True,
                   cwd=ROOT)
    return PdfReader(ROOT / "_build/book.pdf")


def bare(text):
    """Return a text without spaces and ligatures, as a PDF may have either."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def count_pictures(page):
    drawn = page["/Resources"].get("/XObject", {})
    return sum(one.get_object()["/Subtype"] == "/Image"
               for one in drawn.values())


def test_the_pages_are_all_there_in_the_order_of_the_contents(pdf):
    articles = [soup(name).select_one("article.bd-article") for name in READ]
    titles = [article.h1.get_text().strip("# \n") for article in articles]
    texts = [page.extract_text() for page in pdf.pages]
    starts = {entry.title: pdf.get_destination_page_number(entry)
              for entry in pdf.outline if not isinstance(entry, list)}
    assert list(starts) == ["Contents", *titles]
    places = [*starts.values(), len(texts)]
    assert all(1 <= end - start <= 40
               for start, end in zip(places, places[1:]))
    for title, page in starts.items():
        assert bare(title) in bare(texts[page])
        assert re.search(rf"(?m)^{page + 1}$", texts[page])
    wanted = [str(starts[title] + 1) for title in titles]
    numbers = re.findall(r"(?m)(\d+)$", texts[starts["Contents"]])
    assert numbers[:len(wanted)] == wanted
    pictures = list(map(count_pictures, pdf.pages))
    assert sum(pictures) >= sum(len(article.select("img"))
                                for article in articles) > 30
    for number, (text, drawn) in enumerate(zip(texts, pictures), 1):
        assert text.strip().removesuffix(str(number)).strip() or drawn, number
    whole = "\n".join(texts)
    assert "A solution:" in whole
    assert [text for text in SCREEN_ONLY if text in whole] == []


def test_links_lead_into_the_book_or_to_the_web(pdf):
    places, inside = pdf.named_destinations, 0
    notes = [note.get_object() for page in pdf.pages
             for note in page.get("/Annots", [])]
    for note in notes:
        if note["/Subtype"] != "/Link":
            continue
        link = note.get("/Dest") or note["/A"]
        if isinstance(link, list):
            assert link[0].get_object() in pdf.pages
        elif isinstance(link, str) or link["/S"] == "/GoTo":
            assert (link if isinstance(link, str) else link["/D"]) in places
        else:
            assert re.match("https?://", link["/URI"])
            continue
        inside += 1
    assert inside > 5 * len(READ)

"""Print the rendered pages as one PDF, through headless Chromium.

What is folded on the pages is left out, except solutions of exercises, and so
are figures that answer: the pictures that they stand on stay.
"""

import io
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin, urlparse

from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

from book._tools.files import write
from book._tools.toc import ROOT, pages

HTML = ROOT / "_build/html"
CSS = ROOT / "book/_static/print.css"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]
FOOTER = ('<div style="width: 100%; font: 8pt DejaVu Sans, sans-serif; '
         'text-align: center"><span class="pageNumber"></span></div>')


def main():
    if not (HTML / "index.html").exists():
        sys.exit("Nothing is rendered yet: make html")
    articles = [article(f"{name.partition('.')[0]}.html")
                for name in pages(ROOT)]
    # Once to learn on which page a chapter begins, once to say so.
    draft = printed(book(articles, [0] * len(articles)))
    pdf = ROOT / "_build/book.pdf"
    write(pdf, printed(book(articles, chapter_starts(draft))))
    print(f"The book: {pdf.as_uri()}")


def article(page):
    """Return what stands on a page, as a part of the whole book."""
    soup = BeautifulSoup((HTML / page).read_text("utf-8"), "html.parser")
    part = soup.select_one("article.bd-article")
    for node in part.select("script, button, a.headerlink, .figure-place, "
                            "details.figure-code, p.times"):
        node.decompose()
    for fold in part.select("details"):
        unfold(fold)
    for node in part.select("[id]"):
        node["id"] = anchor(page, node["id"])
    for picture in part.select("img[src]"):
        picture["src"] = urljoin((HTML / page).as_uri(), picture["src"])
        del picture["loading"]  # paper has no later
    for link in part.select("a[href]"):
        link["href"] = inside(page, link["href"])
    part.name, part["class"], part["id"] = "section", "page", anchor(page)
    return part


def unfold(fold):
    """Open a solution, drop every other fold."""
    if "solution" not in fold.summary.get_text():
        fold.decompose()
        return
    fold.name = "div"
    fold.summary.string = "A solution:"
    fold.summary.name = "em"


def anchor(page, name=""):
    """Return the name of a place in the whole book."""
    return f"{Path(page).stem}--{name}"


def inside(page, href):
    """Return a link as it is in the whole book; others stay as they are."""
    url = urlparse(href)
    if url.scheme or url.netloc:
        return href
    return f"#{anchor(url.path or page, url.fragment)}"


def book(articles, starts):
    """Return the whole book in HTML; `starts` are the numbers of pages."""
    title = articles[0].h1.get_text(strip=True)
    return (
        '<!doctype html><html lang="en" data-theme="light"><head>'
        f'<meta charset="utf-8"><title>{title}</title>{styles()}</head>'
        f'<body class="tex2jax_ignore"><div id="title"><p>{title}</p>'
        f"{articles[0].img}<p>After the article by Kevin Frans, 2016</p></div>"
        f'<nav id="contents"><h1>Contents</h1>{contents(articles, starts)}'
        f"</nav>{''.join(map(str, articles))}</body></html>")


def styles():
    """Return the styles, and MathJax as the pages have it."""
    static = f"{HTML.as_uri()}/_static"
    return (
        f'<link rel="stylesheet" href="{static}/basic.css">'
        f'<link rel="stylesheet" href="{static}/pygments.css">'
        f"<style>{CSS.read_text('utf-8')}</style><script>window.MathJax = "
        '{"options": {"processHtmlClass": "math"}}</script>'
        f'<script defer src="{static}/mathjax/tex-chtml.js"></script>')


def contents(articles, starts):
    """Return the table of contents."""
    entries = (
        f'<li><a href="#{part["id"]}">{part.h1.get_text(strip=True)}</a>'
        f"<span>{start}</span></li>"
        for part, start in zip(articles, starts, strict=True))
    return f"<ol>{''.join(entries)}</ol>"


def printed(text):
    """Return the PDF of a page, as bytes."""
    with (tempfile.TemporaryDirectory() as folder,
          sync_playwright() as playwright):
        file = Path(folder, "book.html")
        file.write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM,
                                             args=FLAGS)
        page = browser.new_page()
        page.goto(file.as_uri())
        page.evaluate("() => MathJax.startup.promise.then(() => true)")
        pdf = page.pdf(
            format="A4", outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<span></span>",
            footer_template=FOOTER,
            margin={"top": "20mm", "bottom": "20mm", "left": "22mm",
                    "right": "22mm"})
        browser.close()
    return pdf


def chapter_starts(pdf):
    """Return on which page of paper each page of the book begins."""
    reader = PdfReader(io.BytesIO(pdf))
    top = [entry for entry in reader.outline if not isinstance(entry, list)]
    return [reader.get_destination_page_number(entry) + 1
            for entry in top[1:]]  # the first is that of the contents


if __name__ == "__main__":
    main()

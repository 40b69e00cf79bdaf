"""Every rendered page, on a phone and on a desktop, by day and by night."""

import gzip
import io
import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from PIL import Image
from playwright.sync_api import expect

from book._tools.address import current, in_binder, in_colab
from book._tools.toc import ROOT, chapters, pages
from tests.pages.browser import WIDTHS, barred, cut, unsaid, wide
from tests.pages.conftest import HTML

READ = [f"{name.partition('.')[0]}.html" for name in pages(ROOT)]
PAGES = [*READ, "search.html"]
CHAPTERS = [name.replace(".ipynb", ".html") for name in chapters(ROOT)]

every_page = pytest.mark.parametrize("name", PAGES)
every_read_page = pytest.mark.parametrize("name", READ)
every_chapter = pytest.mark.parametrize("name", CHAPTERS)
every_width = pytest.mark.parametrize("width", WIDTHS)
every_mode = pytest.mark.parametrize("mode", ["light", "dark"])
every_scheme = pytest.mark.parametrize("scheme", ["file", "http"])


def test_no_page_is_left_out():
    rendered = {str(path.relative_to(HTML)) for path in HTML.rglob("*.html")
                if "_static" not in path.parts}
    assert rendered == {"index.html", *PAGES}


@every_mode
@every_width
@every_page
def test_a_page_from_a_file(open_page, name, width, mode):
    page, faults = open_page("file", name, width, mode)
    assert faults == []
    assert wide(page) == []
    assert unsaid(page) == []
    assert cut(page, "div.math", ".pst-scrollable-table-container") == []
    if width == "desktop":
        assert cut(page, "pre") == []


@every_mode
@every_width
@every_page
def test_a_page_over_http_for_everyone(open_page, name, width, mode):
    page, faults = open_page("http", name, width, mode)
    assert faults == []  # before axe, whose own requests are not the page's
    assert wide(page) == []
    assert barred(page) == []


@every_mode
@every_read_page
def test_a_page_has_its_colours_before_its_scripts_run(contexts, bases, name,
                                                       mode):
    page = contexts["phone", mode].new_page()
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(bases["file"] + name)
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    page.close()


@pytest.mark.parametrize("come", [
    lambda page: page.mouse.wheel(0, 100),
    lambda page: page.mouse.move(9, 9),
    lambda page: page.keyboard.press("Shift"),
    lambda page: page.set_viewport_size({"width": 390, "height": 99_999}),
], ids=["scrolling", "pointing", "a key", "on the screen"])
def test_formulas_are_set_when_a_reader_comes(contexts, bases, come):
    page = contexts["phone", "light"].new_page()
    page.goto(bases["file"] + "book/a_tf1_to_tf2.html")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("MathJax.version") is None
    come(page)
    page.locator(".math > mjx-container").last.wait_for()
    page.close()


@pytest.mark.parametrize("name, most", [
    (READ[0], 500_000), *((name, 1_500_000) for name in CHAPTERS)])
def test_a_page_with_all_it_loads_is_light(open_page, name, most):
    sent = []
    page, _ = open_page("http", name, before=lambda page: page.on(
        "response", lambda response: sent.append(response)))
    for place in page.locator(".figure-place").all():
        place.scroll_into_view_if_needed()
        place.locator(".figure-live").wait_for()
    weights = [min(len(body), len(gzip.compress(body)))
               for body in (response.body() for response in sent)]
    assert len(weights) > 10
    assert sum(weights) < most


@every_mode
def test_a_plot_lies_on_the_page_s_own_colour(open_page, mode):
    page, _ = open_page("file", CHAPTERS[4], mode=mode)
    plot = page.locator("main img.plot").first
    plot.scroll_into_view_if_needed()
    plot.evaluate("plot => plot.decode()")
    with Image.open(io.BytesIO(plot.screenshot())) as shot:
        shot = shot.convert("RGB")
        colours = shot.getcolors(shot.width * shot.height)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ground = list(map(int, re.findall(r"\d+", ground)))
    assert abs(ground[0] - (255 if mode == "light" else 18)) < 10
    assert np.abs(np.array(max(colours)[1]) - ground).max() <= 1
    digits = page.locator(".bd-article img:not(.plot)").first
    assert digits.evaluate("e => getComputedStyle(e).filter") == "none"


def test_every_icon_that_a_page_may_draw_is_in_a_font():
    css = (HTML / "_static/pages.css").read_text()
    icons = {ord(letter) for letter in css if "\ue000" <= letter <= "\uf8ff"}
    fonts = [HTML / "_static" / path for path in re.findall(
        r"url\(([^()]*/webfonts/[^()]*)\)", css)]
    drawn = [set(TTFont(font).getBestCmap()) for font in fonts]
    assert len(icons) > 20 and icons <= set().union(*drawn)
    assert sum(font.stat().st_size for font in fonts) < 10_000


def soup(name):
    return BeautifulSoup((HTML / name).read_text(), "html.parser")


@every_page
def test_a_page_loads_no_script_twice(name):
    scripts = [script.get("src") or script.get_text()
               for script in soup(name).select("script")]
    assert len(scripts) == len(set(scripts)) > 5


@every_chapter
def test_the_rocket_opens_the_notebook_of_the_page(name):
    chapter = name.replace(".html", ".ipynb")
    launch = [link["href"] for link in soup(name).select(
        ".dropdown-launch-buttons a[href]")]
    url, branch = current(HTML.parents[1])
    assert launch == [in_binder(url, branch, chapter),
                      in_colab(url, branch, chapter)]
    assert "Open in Colab" not in soup(name).article.get_text()


@every_read_page
def test_a_link_to_a_page_has_a_preview(name):
    page = soup(name)
    said = {tag.get("name") or tag.get("property"): tag.get("content")
            for tag in page.select("meta")}
    assert said["og:title"] == page.select_one("article h1") \
        .get_text().strip("# \n")
    assert 50 < len(said["description"]) <= 202
    assert said["og:url"].endswith("/" + name)
    [place] = re.findall(r"/(_static/\S+)", said["og:image"])
    assert (HTML / place).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("before, name", [*zip(CHAPTERS, CHAPTERS[1:])])
def test_a_chapter_opens_with_the_question_of_the_last(before, name):
    notebook = HTML.parents[1] / before.replace(".html", ".ipynb")
    prose = [cell for cell in json.loads(notebook.read_text())["cells"]
             if cell["cell_type"] == "markdown"]
    link = soup(name).select_one("article h1 + p.question a")
    question = link.get_text().replace("’", "'")
    assert question.endswith("?") and "'" not in link.get_text()
    assert "".join(prose[-1]["source"]).endswith(question)
    assert "book/" + link["href"] == before


def test_every_chapter_has_the_number_that_the_first_page_gives_it():
    rows = [[cell.get_text() for cell in row.select("td")]
            for row in soup(READ[0]).select("#the-steps tbody tr")]
    assert [soup(name).h1.get_text() for name in CHAPTERS] == [
        f"{number} · {title}" for number, title, _ in rows]


@every_chapter
def test_a_chapter_says_how_long_it_is(name):
    article = soup(name).select_one("article")
    minutes, _ = map(int, re.fullmatch(
        r"(\d+) minutes of prose; ran in (\d+) s",
        article.select_one("p.times").text).groups())
    read = [p.text for p in article.select("p:not(.times, .question)")
            if not p.find_parent("details")]
    assert minutes == pytest.approx(len(" ".join(read).split()) / 200, abs=1)


def test_the_glossary_has_every_word_of_every_chapter():
    glossary = soup("book/glossary.html")
    links = [link["href"] for link in glossary.select("dd a")]
    rows = sum(len(table.select("tbody tr")) for name in CHAPTERS
               for table in soup(name).select("table")
               if "the article’s word" in table.text)
    assert {"book/" + link for link in links} == set(CHAPTERS)
    assert rows == len(links) == len(glossary.select("dt")) > 30


@every_scheme
def test_the_address_of_the_book_leads_to_its_first_page(open_page, scheme):
    page, faults = open_page(scheme, "book/index.html")
    page.wait_for_load_state("networkidle")  # its icon comes last
    page.goto(page.url.replace("book/index.html", "index.html"))
    page.wait_for_url("**/book/index.html")
    assert faults == []


@every_scheme
@pytest.mark.parametrize("name", [READ[0], CHAPTERS[-1]])
def test_the_menu_of_a_phone_opens_leads_on_and_closes(
        open_page, scheme, name):
    page, faults = open_page(scheme, name, "phone")
    menu = page.locator("#pst-primary-sidebar")
    assert not menu.is_visible()
    for close in (lambda: page.keyboard.press("Escape"),
                  lambda: page.mouse.click(380, 400)):
        page.tap("button.primary-toggle")
        link = page.locator("#pst-primary-sidebar-modal a, "
                            "#pst-primary-sidebar a").filter(visible=True)
        assert link.count() >= len(READ) - 1
        close()
        expect(link).to_have_count(0)
    page.tap("button.primary-toggle")
    link.nth(3).tap()
    page.wait_for_url(lambda url: not url.endswith(name))
    assert faults == []


def only_there(name):
    """Return a word of a page that no other page has, nor a form of it."""
    texts = {other: (HTML / other).read_text().lower() for other in READ}
    others = " ".join(text for other, text in texts.items() if other != name)
    prose = re.sub(r"(?s)<(pre|script|nav).*?</\1>|<[^>]*>", " ", texts[name])
    return next(word for word in re.findall(r"\b[a-z]{9,}\b", prose)
                if word[:6] not in others)


@every_width
@every_scheme
def test_search_finds_what_only_one_chapter_has(open_page, scheme, width):
    name = CHAPTERS[2]
    page, faults = open_page(scheme, READ[0], width)
    page.locator(".search-button-field, .search-button__button") \
        .filter(visible=True).first.click()
    page.keyboard.type(only_there(name))
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    expect(page.locator(".search-summary")).to_contain_text("found 1 page")
    assert [name in link.get_attribute("href") for link in found.all()] \
        == [True]
    found.first.click()
    page.wait_for_url(f"**/{name}*")
    assert faults == []


@every_scheme
def test_next_and_previous_lead_through_the_book(open_page, scheme):
    page, faults = open_page(scheme, READ[0])
    ways = [*(("right-next", name) for name in READ[1:]),
            *(("left-prev", name) for name in READ[-2::-1])]
    for way, name in ways:
        # The way to the link would begin to load pictures, and cut them off;
        # formulas ask for their fonts as they are set.
        page.evaluate("for (const i of document.images) i.loading = 'eager'")
        page.wait_for_function("[...document.images].every(i => i.complete)")
        page.evaluate("async () => { await setFormulas(); "
                      "await document.fonts.ready }")
        page.click(f".prev-next-footer a.{way}")
        page.wait_for_url("**/" + name)
    assert faults == []

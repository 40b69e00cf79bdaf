"""Every rendered page, on a phone and on a desktop, by day and by night."""

import gzip
import io
import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import expect

from book._tools.address import current, in_binder, in_colab
from book._tools.toc import ROOT, chapters, pages
from tests.pages.browser import (WIDTHS, barred, cut, set_formulas,
                                 start_figures, unsaid, wide)
from tests.pages.conftest import HTML

READ = [f"{name.partition('.')[0]}.html" for name in pages(ROOT)]
PAGES = [*READ, "search.html"]
CHAPTERS = [name.replace(".ipynb", ".html") for name in chapters(ROOT)]
SCHEMES = {"phone": "file", "desktop": "http"}
MODES = "light", "dark"
FIRST_BYTES, CHAPTER_BYTES = 500_000, 1_750_000

every_page = pytest.mark.parametrize("name", PAGES)
every_scheme = pytest.mark.parametrize("scheme", ["file", "http"])


def test_no_page_is_left_out():
    rendered = {str(path.relative_to(HTML)) for path in HTML.rglob("*.html")
                if "_static" not in path.parts}
    assert rendered == {"index.html", *PAGES}


@pytest.mark.parametrize("width", WIDTHS)
@every_page
def test_a_page_is_whole_light_and_for_everyone(visit, name, width):
    sent = []
    page = visit(name, SCHEMES[width], width, before=lambda page: page.on(
        "response", lambda response: sent.append(response)))
    set_formulas(page)
    start_figures(page)
    page.wait_for_timeout(400)
    assert page.faults == []  # before axe, whose requests are not the page's
    assert wide(page) == []
    assert unsaid(page) == []
    assert cut(page, "div.math", ".pst-scrollable-table-container") == []
    if width == "desktop":
        assert cut(page, "pre") == []
        bodies = [response.body() for response in sent]
        most = FIRST_BYTES if name == READ[0] else CHAPTER_BYTES
        assert len(bodies) > 10 and most > sum(
            min(len(body), len(gzip.compress(body))) for body in bodies)
    page.add_style_tag(content="* { transition: none !important }")
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        page.locator(f"html[data-theme={mode}]").wait_for()
        assert barred(page) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_page_has_its_colours_before_its_scripts_run(visit, mode):
    for name in (READ[0], CHAPTERS[0], PAGES[-1]):
        page = visit(name, spoiled=True, color_scheme=mode, before=lambda
                     page: page.route("**/*.js*", lambda route: route.abort()))
        assert page.evaluate("document.documentElement.dataset.theme") == mode


@pytest.mark.parametrize("come", [
    lambda page: page.mouse.wheel(0, 100),
    lambda page: page.mouse.move(9, 9),
    lambda page: page.keyboard.press("Shift"),
    lambda page: page.set_viewport_size({"width": 390, "height": 99_999}),
], ids=["scrolling", "pointing", "a key", "on the screen"])
def test_formulas_are_set_when_a_reader_comes(visit, come):
    page = visit("book/b_is_this_loss_right.html", width="phone")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("MathJax.version") is None
    come(page)
    page.locator(".math > mjx-container").last.wait_for()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("mode", MODES)
def test_a_plot_lies_on_the_page_s_own_colour_and_digits_stay(visit, mode):
    page = visit(CHAPTERS[4], color_scheme=mode)
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


def soup(name):
    return BeautifulSoup((HTML / name).read_text(), "html.parser")


@every_page
def test_a_page_loads_no_script_twice_and_says_what_it_is(name):
    page = soup(name)
    scripts = [script.get("src") or script.get_text()
               for script in page.select("script")]
    assert len(scripts) == len(set(scripts)) > 5
    if name not in READ:
        return
    images = page.select("article img[src*='_images/']")
    assert all(image.get("width") and image.get("height") for image in images)
    said = {tag.get("name") or tag.get("property"): tag.get("content")
            for tag in page.select("meta")}
    assert said["og:title"] == page.select_one("article h1") \
        .get_text().strip("# \n")
    assert 50 < len(said["description"]) <= 202
    assert said["og:url"].endswith("/" + name)
    [place] = re.findall(r"/(_static/\S+)", said["og:image"])
    assert (HTML / place).read_bytes().startswith(b"\x89PNG")
    opened = [link["href"] for link in page.select(
        ".dropdown-launch-buttons a[href]")]
    chapter, at = name.replace(".html", ".ipynb"), current(HTML.parents[1])
    assert opened == [open_in(*at, chapter) for open_in in (
        in_binder, in_colab) if name in CHAPTERS]
    assert "Open in Colab" not in page.article.get_text() \
        or name == READ[0]


def test_chapters_open_with_number_times_and_the_question_of_the_last():
    rows = [[cell.get_text() for cell in row.select("td")]
            for row in soup(READ[0]).select("#the-chapters tbody tr")]
    assert len(rows) == 10
    assert [soup(name).h1.get_text() for name in CHAPTERS[:10]] == [
        f"{number} · {title}" for number, title, _ in rows]
    for before, name in zip([None, *CHAPTERS], CHAPTERS):
        article = soup(name).article
        minutes, _ = map(int, re.fullmatch(
            r"(\d+) minutes of prose; ran in (\d+) s",
            article.select_one("p.times").text).groups())
        read = [p.text for p in article.select("p:not(.times, .question)")
                if not p.find_parent("details")]
        assert abs(minutes - len(" ".join(read).split()) / 200) <= 1
        if before:
            link = article.select_one("h1 + p.question a")
            assert link["href"] == before.removeprefix("book/")
            assert last_words(before).endswith(
                link.get_text().replace("’", "'"))


def last_words(name):
    notebook = json.loads((ROOT / name.replace("html", "ipynb")).read_text())
    return "".join([cell["source"] for cell in notebook["cells"]
                    if cell["cell_type"] == "markdown"][-1])


def test_the_glossary_has_every_word_of_every_chapter():
    glossary = soup("book/glossary.html")
    links = [link["href"] for link in glossary.select("dd a")]
    rows = sum(len(table.select("tbody tr")) for name in CHAPTERS
               for table in soup(name).select("table")
               if "the article’s word" in table.text)
    assert {"book/" + link for link in links} == set(CHAPTERS)
    assert rows == len(links) == len(glossary.select("dt")) > 30


@every_scheme
def test_the_menu_of_a_phone_opens_leads_on_and_closes(visit, scheme):
    page = visit("index.html", scheme, "phone")
    page.wait_for_url("**/book/index.html")
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
    page.wait_for_url(lambda url: not url.endswith("index.html"))


def only_there(name):
    """Return a word of a page that no other page has, nor a form of it."""
    texts = {other: (HTML / other).read_text().lower() for other in READ}
    others = " ".join(text for other, text in texts.items() if other != name)
    prose = re.sub(r"(?s)<(pre|script|nav).*?</\1>|<[^>]*>", " ", texts[name])
    return next(word for word in re.findall(r"\b[a-z]{9,}\b", prose)
                if word[:6] not in others)


@pytest.mark.parametrize("width", WIDTHS)
@every_scheme
def test_search_finds_what_only_one_chapter_has(visit, scheme, width):
    name = CHAPTERS[2]
    page = visit(READ[0], scheme, width)
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

"""Faults planted in a page are found, each by what looks for it."""

import pytest

from tests.pages.browser import barred, unsaid, wide

PAGE = "book/index.html"
ARTICLE = '<article class="bd-article">'
PIXEL = ("data:image/gif;base64,"
         "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")


@pytest.fixture
def planted(open_page):
    """Return a function that opens the first page with a piece of HTML."""
    def planted(html):
        def plant(route):
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace(
                ARTICLE, ARTICLE + html, 1))
        return open_page("http", PAGE,
                         before=lambda page: page.route("**/index.html",
                                                        plant))
    return planted


def test_a_sound_addition_is_no_fault(planted):
    page, faults = planted("<p>Nothing is wrong with this.</p>")
    assert "wrong with this" in page.inner_text("main")
    assert faults == []
    assert (wide(page), unsaid(page), barred(page)) == ([], [], [])


def test_a_too_wide_element(planted):
    page, _ = planted('<p class="planted" style="width: 3000px">wide</p>')
    assert any("planted" in tag for tag, _ in wide(page))


@pytest.mark.parametrize("script, fault", [
    ("console.error('lost')", "error: lost"),
    ("console.warn('late')", "warning: late"),
    ("throw new Error('gone')", "uncaught: gone")])
def test_a_complaint(planted, script, fault):
    _, faults = planted(f"<script>{script}</script>")
    assert faults == [fault]


def test_a_picture_from_another_host(planted):
    address = "http://localhost:1/a.png"
    _, faults = planted(f'<img alt="a map of the town" src="{address}">')
    assert f"foreign: {address}" in faults and f"failed: {address}" in faults


def test_a_picture_that_is_not_there(planted):
    _, faults = planted('<img alt="a map of the town" src="map.png">')
    assert any(fault.startswith("404") for fault in faults)


@pytest.mark.parametrize("attributes", [
    f'src="{PIXEL}"', f'src="{PIXEL}" alt=""', 'src="_static/hero.png" '
    'alt="hero"', 'src="_static/hero.png" alt="_static/hero.png"'])
def test_a_picture_whose_alt_text_says_nothing(planted, attributes):
    page, _ = planted(f"<img {attributes}>")
    assert len(unsaid(page)) == 1


def test_an_alt_text_that_repeats_the_caption(planted):
    page, _ = planted(f'<figure><img src="{PIXEL}" alt="Ten new digits.">'
                      "<figcaption>Ten new digits</figcaption></figure>")
    assert len(unsaid(page)) == 1


@pytest.mark.parametrize("html, rule", [
    (f'<img src="{PIXEL}">', "image-alt"),
    ('<p style="color: #ccc; background: #fff">pale</p>', "color-contrast"),
    ('<button></button>', "button-name")])
def test_a_barrier(planted, html, rule):
    page, _ = planted(html)
    assert rule in {found[0] for found in barred(page)}

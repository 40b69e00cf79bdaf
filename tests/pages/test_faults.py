"""Faults planted in a page are found, each by what looks for it."""

import pytest

from tests.pages.browser import barred, unsaid, wide

ARTICLE = '<article class="bd-article">'
PIXEL = ("data:image/gif;base64,"
         "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")


@pytest.fixture
def planted(visit):
    """Return a function that opens the first page with a piece of HTML."""
    def planted(html):
        def plant(route):
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace(
                ARTICLE, ARTICLE + html, 1))
        return visit("book/index.html", "http", spoiled=True, before=lambda
                     page: page.route("**/index.html", plant))
    return planted


def test_a_sound_addition_is_no_fault(planted):
    page = planted("<p>Nothing is wrong with this.</p>")
    assert "wrong with this" in page.inner_text("main")
    assert (page.faults, wide(page), unsaid(page), barred(page)) \
        == ([], [], [], [])


@pytest.mark.parametrize("html, fault", [
    ("<script>console.error('lost')</script>", "error: lost"),
    ("<script>console.warn('late')</script>", "warning: late"),
    ("<script>throw new Error('gone')</script>", "uncaught: gone"),
    ('<img alt="a map" src="http://localhost:1/a.png">',
     "foreign: http://localhost:1/a.png"),
    ('<img alt="a map" src="map.png">', "404: ")])
def test_a_complaint(planted, html, fault):
    assert any(found.startswith(fault) for found in planted(html).faults)


@pytest.mark.parametrize("html", [
    f'<img src="{PIXEL}">', f'<img src="{PIXEL}" alt="">',
    '<img src="_static/hero.png" alt="hero">',
    '<img src="_static/hero.png" alt="_static/hero.png">',
    f'<figure><img src="{PIXEL}" alt="Ten new digits."><figcaption>'
    "Ten new digits</figcaption></figure>"])
def test_a_picture_whose_alt_text_says_nothing_new(planted, html):
    assert len(unsaid(planted(html))) == 1


def test_barriers_and_what_is_too_wide(planted):
    page = planted(f'<img src="{PIXEL}"><button></button>'
                   '<p style="color: #ccc; background: #fff">pale</p>'
                   '<p class="planted" style="width: 3000px">wide</p>')
    assert any("planted" in tag for tag, _ in wide(page))
    assert {"image-alt", "color-contrast", "button-name"} \
        <= {rule for rule, *_ in barred(page)}

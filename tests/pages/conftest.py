"""A browser, and the rendered pages over file:// and over http."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.pages import browser

HTML = Path(__file__).resolve().parents[2] / "_build/html"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def bases():
    """Return the addresses of the rendered pages: {"file": …, "http": …}."""
    if not (HTML / "index.html").exists():
        pytest.exit("Nothing is rendered yet: make html", returncode=1)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(
            QuietHandler, directory=HTML)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"file": HTML.as_uri() + "/",
               "http": f"http://127.0.0.1:{server.server_port}/"}
        server.shutdown()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(chromium, bases):
    """Return a function that opens a page in a context of its own.

    In the end no page may have complained, but those that tests have spoiled.
    """
    contexts, watched = [], []

    def visit(name, scheme="file", width="desktop", before=None,
              spoiled=False, **options):
        contexts.append(chromium.new_context(
            viewport={"width": browser.WIDTHS[width], "height": 844},
            has_touch=width == "phone", **options))
        page = contexts[-1].new_page()
        page.faults = browser.watch(page, bases[scheme])
        if not spoiled:
            watched.append(page.faults)
        if before:
            before(page)
        page.goto(bases[scheme] + name)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert sum(watched, []) == []

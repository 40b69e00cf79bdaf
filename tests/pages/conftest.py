"""A browser, and the rendered pages over file:// and over http."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.pages import browser

HTML = Path(__file__).resolve().parents[2] / "_build/html"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def bases():
    """Return the addresses of the rendered pages: {"file": …, "http": …}."""
    if not (HTML / "index.html").exists():
        pytest.exit("Nothing is rendered yet: make html", returncode=1)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(
            Quiet, directory=HTML)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"file": HTML.as_uri() + "/",
               "http": f"http://127.0.0.1:{server.server_port}/"}
        server.shutdown()


@pytest.fixture(scope="session")
def contexts():
    """Return one browser context per (width, mode): widths by name."""
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        yield {(name, mode): chromium.new_context(
                    viewport={"width": width, "height": 844},
                    color_scheme=mode, has_touch=name == "phone")
               for name, width in browser.WIDTHS.items()
               for mode in ("light", "dark")}
        chromium.close()


@pytest.fixture
def open_page(contexts, bases):
    """Return a function that opens a page and watches it."""
    opened = []

    def open_page(scheme, name, width="desktop", mode="light", before=None):
        page = contexts[width, mode].new_page()
        opened.append(page)
        faults = browser.watch(page, bases[scheme])
        if before:
            before(page)
        browser.go(page, bases[scheme] + name)
        return page, faults

    yield open_page
    for page in opened:
        page.close()

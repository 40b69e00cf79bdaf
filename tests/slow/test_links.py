"""`make links` finds a link that leads nowhere, on a small book."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from book._ext.dois import where_registered
from tests.slow.test_building import FIRST, book, make, write  # noqa: F401


class There(BaseHTTPRequestHandler):
    """A site with one page."""

    def do_GET(self):
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    """Return the address of a site that is there."""
    with ThreadingHTTPServer(("127.0.0.1", 0), There) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_link_that_leads_nowhere_is_named_and_no_other(book, site):
    good = f"[a]({site}/there), [b](https://github.com/-OWNER-/vae-explained)"
    write(book, "book/index.md", f"# A book\n\n{good}, [c]({FIRST[5:]})\n")
    code, said = make(book, "links")
    assert code == 0, said
    write(book, "book/index.md", f"# A book\n\n{good}, [d]({site}/gone)\n")
    code, said = make(book, "links")
    assert code != 0
    assert said.count("broken link: ") == 1
    assert f"broken link: {site}/gone" in said


def test_a_doi_is_looked_up_where_it_is_registered():
    assert where_registered(None, "https://doi.org/10.1007/BF00992696") \
        == "https://doi.org/api/handles/10.1007/BF00992696"
    assert where_registered(None, "https://arxiv.org/abs/1312.6114") is None

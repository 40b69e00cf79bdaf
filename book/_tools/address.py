"""Give the repository another address.

    python -m book._tools.address https://github.com/OWNER/NAME

_config.yml holds the address. Wherever else it must stand as a whole, in the
set-up cells, the badges, the README and the address of the pages, it is
changed with it. So are the diagrams' addresses: Colab opens a notebook without
the files beside it, and so takes them from the pages once those have an owner.
"""

import re
import sys
from pathlib import Path

from book._tools.files import write

ROOT = Path(__file__).resolve().parents[2]
CONFIG = "_config.yml"
OTHERS = ["README.md", "CITATION.cff", "book/*.md", "book/*.ipynb"]
GITHUB = re.compile(
    r"https://github\.com/((?:[A-Za-z0-9](?:-?[A-Za-z0-9])*|-OWNER-)"
    r"/[\w.-]+(?<!\.git)(?<!\.))", re.ASCII)
DIAGRAM = re.compile(r"(?<=\]\()(?:https://[^\s()]*)?(?=_static/diagrams/)")


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else ""
    if not GITHUB.fullmatch(url):
        sys.exit("The URL must be https://github.com/OWNER/NAME, of a "
                 f"repository on GitHub, as Colab opens it. Got {url!r} "
                 "instead.")
    print(f"{change(ROOT, url)} addresses are those of {url} now.")


def current(root):
    """Return (the repository's URL, its branch) as _config.yml has them."""
    text = (root / CONFIG).read_text(encoding="utf-8")
    return re.search(r"(?m)^repository: \{url: (\S+), branch: (\S+)\}$",
                     text).groups()


def pages(url):
    """Return where GitHub publishes the pages of a repository."""
    owner, name = GITHUB.fullmatch(url)[1].split("/")
    host = f"{owner}.github.io"
    return f"https://{host}/" + (name + "/") * (name.lower() != host.lower())


def in_colab(url, branch, notebook):
    """Return the address that opens a notebook of the repository in Colab."""
    return ("https://colab.research.google.com/github/"
            f"{GITHUB.fullmatch(url)[1]}/blob/{branch}/{notebook}")


def in_binder(url, branch, path):
    """Return the address that opens a path of it in JupyterLab on Binder."""
    return (f"https://mybinder.org/v2/gh/{GITHUB.fullmatch(url)[1]}/{branch}"
            f"?urlpath=lab/tree/{path}")


def change(root, url):
    """Give all files another address; return how many addresses changed.

    _config.yml comes last: what is interrupted is completed the next time.
    """
    old, count, texts = current(root)[0], 0, {}
    for pattern in [*OTHERS, CONFIG]:
        for path in sorted(root.glob(pattern)):
            texts[path], n = changed(path.read_text(encoding="utf-8"),
                                     old, url)
            count += n
    for path, text in texts.items():
        write(path, text)
    return count


def changed(text, old, new):
    """Return a text with another address, and in how many places."""
    a, b = GITHUB.fullmatch(old)[1], GITHUB.fullmatch(new)[1]
    text, n = re.subn(
        r"(github\.com/|google\.com/github/|mybinder\.org/v2/gh/)"
        rf"{re.escape(a)}(?!\.?[\w-])", lambda match: match[1] + b, text)
    text, m = re.subn(rf"(?<![\w./-]){re.escape(pages(old))}",
                      lambda _: pages(new), text)
    published = "" if "-OWNER-" in new else pages(new)
    return DIAGRAM.sub(published, text), n + m


if __name__ == "__main__":
    main()

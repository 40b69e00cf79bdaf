"""The one reader of _toc.yml: its parts, chapters, sections and subtrees."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def chapters(root):
    """Return the notebooks with a number or letter, as 05_… or a2_….

    The others are pages of measurements.
    """
    return [name for name in notebooks(root)
            if re.match(r"\d|[a-z]\d?_", Path(name).name)]


def notebooks(root):
    """Return the notebooks that a folder's _toc.yml names, in its order."""
    return [name for name in pages(root) if name.endswith(".ipynb")]


def pages(root):
    """Return all files that a folder's _toc.yml names, its root first."""
    text = Path(root, "_toc.yml").read_text(encoding="utf-8")
    return [f"{name}.ipynb" if Path(root, f"{name}.ipynb").exists() else name
            for name in files(yaml.safe_load(text))]


def files(entry):
    """Yield the files of an entry, or of a list of entries, in their order."""
    if isinstance(entry, list):
        for one in entry:
            yield from files(one)
    elif isinstance(entry, dict):
        yield from [entry[key] for key in ("root", "file") if key in entry]
        yield from files(list(entry.values()))


if __name__ == "__main__":
    print(*notebooks(ROOT), sep="\n")

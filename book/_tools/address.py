"""The addresses that are made of the repository's, which _config.yml has."""

import yaml

GITHUB, COLAB, BINDER = (
    "https://github.com", "https://colab.research.google.com/github",
    "https://mybinder.org/v2/gh")


def current(root):
    """Return (the repository's URL, its branch) as _config.yml has them."""
    repository = yaml.safe_load(
        (root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return repository["url"], repository["branch"]


def in_colab(url, branch, notebook):
    """Return the address that opens a notebook of the repository in Colab."""
    return f"{url.replace(GITHUB, COLAB)}/blob/{branch}/{notebook}"


def in_binder(url, branch, path):
    """Return the address that opens a path of it in JupyterLab on Binder."""
    return f"{url.replace(GITHUB, BINDER)}/{branch}?urlpath=lab/tree/{path}"

"""Every address names the repository of _config.yml, also after a change."""

import re
import shutil
import subprocess
from pathlib import Path

import jupytext
import yaml

from book._tools.address import GITHUB, current, in_binder, in_colab
from tests.test_book import CHAPTERS, ROOT

FILES = ("_config.yml", "*.md", "*.cff", "book/*.md", "book/*.ipynb")
# What of an address names a repository: Colab's, Binder's, pip's, a page's.
NAMED = re.compile(
    r"google\.com/github/([^/]+/[^/]+)|mybinder\.org/v2/gh/([^/]+/[^/?]+)"
    r"|git\+https://github\.com/([^/]+/[\w.-]+)"
    r"|github\.com/(-OWNER-/[\w-]+)|https://(-OWNER-)\.github\.io")
# All that may stand before: TensorFlow reads it when it is imported.
QUIET = """import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # a session's remarks

"""
COMMAND = re.search(r"(?m)^ *(perl -pi .*)$",
                    (ROOT / "CONTRIBUTING.md").read_text())[1]


def faults(root):
    """Yield each address of a tree that is not its repository's."""
    url, branch = current(root)
    owner, name = url.removeprefix(f"{GITHUB}/").split("/")
    for path in [path for one in FILES for path in root.glob(one)]:
        for found in re.finditer(NAMED, path.read_text(encoding="utf-8")):
            if found[found.lastindex] not in (f"{owner}/{name}", owner):
                yield f"{path.name}: another repository's: {found[0]}"
    config = yaml.safe_load((root / "_config.yml").read_text())
    if config["html"]["baseurl"] != f"https://{owner}.github.io/{name}/":
        yield f"_config.yml: baseurl: {config['html']['baseurl']}"
    if f"]({in_binder(url, branch, 'book')})" not in (
            root / "README.md").read_text():
        yield "README.md does not open the chapters on Binder"
    for chapter in CHAPTERS:
        for path in root / chapter, (root / chapter).with_suffix(".md"):
            title, setup = jupytext.read(path).cells[:2]
            if title.source.splitlines()[1:4] != [
                    "", f"[Open in Colab]({in_colab(url, branch, chapter)})",
                    ""]:
                yield f"{path.name} does not open itself in Colab"
            if setup.source.removeprefix(QUIET).splitlines()[:4] != [
                    "try:", "    import vae_tf",
                    "except ModuleNotFoundError:  # a fresh runtime, as in "
                    "Colab", f"    %pip install -q git+{url}"]:
                yield f"{path.name} does not install the package"


def test_every_address_is_the_repository_s():
    assert list(faults(ROOT)) == []


def test_one_command_changes_it_everywhere(tmp_path):
    for path in [path for one in FILES for path in ROOT.glob(one)]:
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    subprocess.run(COMMAND.replace("me$1vae-explained", "me$1some.fork"),
                   shell=True, check=True, cwd=tmp_path)
    assert current(tmp_path) == (f"{GITHUB}/me/some.fork", "main")
    assert list(faults(tmp_path)) == []
    for path in sorted(CHAPTERS)[0], "README.md":
        shutil.copy(ROOT / path, tmp_path / path)
        assert Path(path).name in "".join(faults(tmp_path))

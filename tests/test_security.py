"""Nothing unpickles, and no script is there that is not known.

The code is searched as syntax, not as text: in the package, the chapters, the
tests and the scripts. What must be found is planted to see that it is.
"""

import ast
import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from book._tools.compare import ACTIVE, ALLOWED, contents
from book._tools.toc import chapters

ROOT = Path(__file__).resolve().parent.parent
PICKLES = {"pickle", "cPickle", "_pickle", "pickletools", "dill", "joblib",
           "cloudpickle", "shelve", "marshal"}
# These can run what a file says: Keras's and TensorFlow's models, NumPy's
# and pandas' objects, PyTorch's anything.
LOADERS = {"load_model", "read_pickle", "model_from_json", "saved_model",
           "model_from_config", "unsafe_load", "full_load", "unpickle"}
NUMPYS = {"np.load", "numpy.load"}
# The scripts and pages of our own that a browser runs, each as it was
# reviewed: {"widgets/figures.js": "(sha256sum of it)"}
KNOWN = {
    "fit.js":
        "2e8d6e107f2f217d7cfa6aee8633d6673c26c421cab47b4878726aa03d1a4822",
    "widgets/channel.js":
        "03f29050c5e52d9f06852037ccdbba7fffed7c215d528cf794f02fb8ff58d863",
    "widgets/draw-a-digit.js":
        "9b5be98d4813f7b33c141020c8eabe14ca1519e5ffd2733f80139bae9d027258",
    "widgets/epochs.js":
        "526796a2485c0f5f2eaf90d0219bb70ddcfa7a9be4b930a200c830bc3c55d5a8",
    "widgets/figures.js":
        "65e9f19c636879b6330e50a9db33171de8b0d964df0a68945beab3db1b4dda05",
    "widgets/latent-explorer.js":
        "2cd01f6b8815c7db34cd68e0f64afc6393fc2071ce63eaef16ce6ebaa0bad598",
    "widgets/loss-scale.js":
        "7400372f9e74ab65d675af7785fbd28a3e1bce345852d8de62450b152a0ac43b",
    "widgets/moving-scale.js":
        "d898dec66cadbcc9f38f775e34cd721fddaab95a68b7588266069931d0596bda",
    "widgets/network.js":
        "f6c0b0fb1bc78a8d82bd750f936afb14fcfbdca6c289c4c13bb30c7523056ec5",
    "widgets/noisy-channel.js":
        "9f71b0e3269740e5a307527c9601492fa0862a8c165a355c4c605bb5f9a6d1e8",
    "widgets/plane.js":
        "370be5a1f12819835b83afee7d6772de122a036b462816990842261ee2375e2d",
}
HARMLESS = {".css", ".png", ".jpg", ".ico", ".woff2"}


def sources():
    """Return {name: code} of all Python of the tree, cells by chapter."""
    files = [path for path in ROOT.rglob("*.py")
             if not any(part.startswith((".", "_build", "build"))
                        for part in path.relative_to(ROOT).parts)]
    named = {path.relative_to(ROOT).as_posix(): path.read_text()
             for path in files}
    for name in chapters(ROOT):
        text = Path(name).with_suffix(".md").as_posix()
        named[name] = code(nbformat.read(ROOT / name, as_version=4))
        named[text] = code(jupytext.read(ROOT / text))
    return named


def code(notebook):
    """Return the code of a notebook as one source, without its magics."""
    return "\n".join(TransformerManager().transform_cell(cell.source)
                     for cell in notebook.cells if cell.cell_type == "code")


def loading(source):
    """Yield what in a source would let a file run code, with its line."""
    tree, seen = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for fault in unpickling(node):
                yield f"line {node.lineno}: {fault}"
            seen.add(node.func)
    for node in ast.walk(tree):
        for name in names(node):
            parts = set(name.split("."))
            if parts & (PICKLES | LOADERS) or (
                    name in NUMPYS and node not in seen):
                yield f"line {node.lineno}: {name}"


def unpickling(call):
    """Yield how a call allows pickles: NumPy's and PyTorch's `load`."""
    given = {keyword.arg: ast.unparse(keyword.value)
             for keyword in call.keywords}
    called = ast.unparse(call.func)
    if given.get("allow_pickle", "False") != "False":
        yield f"allow_pickle={given['allow_pickle']}"
    elif called in NUMPYS and "allow_pickle" not in given:
        yield f"{called} without allow_pickle=False"
    if called == "torch.load" and given.get("weights_only") != "True":
        yield "torch.load without weights_only=True"


def names(node):
    """Return the dotted names that a node imports, uses or asks for."""
    if isinstance(node, ast.Import):
        # Under another name, numpy.load would not be found.
        return [alias.name if alias.asname in (None, "np") or alias.name
                != "numpy" else "numpy.load" for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, (ast.Attribute, ast.Name)):
        dotted = ast.unparse(node)
        return [dotted if re.fullmatch(r"[\w.]+", dotted) else node.attr]
    called = isinstance(node, ast.Call) and ast.unparse(node.func)
    if called in ("__import__", "importlib.import_module", "getattr"):
        return [argument.value for argument in node.args
                if isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)]
    return []


def scripts(folder, known):
    """Yield the files that a browser may run and that are not as known."""
    found = {path.relative_to(folder).as_posix():
             hashlib.sha256(path.read_bytes()).hexdigest()
             for path in sorted(folder.rglob("*")) if path.is_file()
             and path.suffix not in HARMLESS}
    for name, digest in found.items():
        if known.get(name) != digest:
            yield f"{name} is not known as it is: {digest}"
    for name in known.keys() - found.keys():
        yield f"{name} is known but not there"


def active(notebook):
    """Yield active content in the prose and the outputs of a notebook."""
    for cell in notebook.cells:
        texts = [] if cell.cell_type == "code" else [cell.source]
        for output in cell.get("outputs", []):
            for mime, text in contents(output).items():
                if mime not in ALLOWED:
                    yield mime
                elif mime != "image/png":
                    texts.append(text)
        yield from (found[0] for text in texts
                    for found in ACTIVE.finditer(text))


def test_nothing_in_the_tree_unpickles_or_loads_a_model():
    every = sources()
    assert {"vae_tf/data.py", "book/_tools/run.py", "book/_ext/claims.py",
            "tests/test_security.py", *chapters(ROOT)} <= every.keys()
    assert [f"{name}, {fault}" for name, source in every.items()
            for fault in loading(source)] == []


def test_pages_and_committed_outputs_are_not_active():
    notebooks = {name: nbformat.read(ROOT / name, as_version=4)
                 for name in chapters(ROOT)}
    for page in [*ROOT.glob("*.md"), *ROOT.glob("book/*.md")]:
        notebooks[page.name] = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(page.read_text())])
    assert [f"{name}: {found}" for name, notebook in notebooks.items()
            for found in active(notebook)] == []


def test_every_script_of_the_pages_is_known_by_its_hash():
    assert list(scripts(ROOT / "book/_static", KNOWN)) == []


PLANTED = """
import pickle
import joblib as j
from dill import loads
from numpy import load
import numpy as n
import importlib; importlib.import_module("cloudpickle")
__import__("shelve")
np.load("x.npz")
np.load("x.npz", None, True)
np.load("x.npz", allow_pickle=True)
np.load("x.npz", allow_pickle=1 > 0)
np.load("x.npz", **settings)
read = np.load
numpy.load(file)
functools.partial(np.load, allow_pickle=True)
tf.keras.models.load_model("x.keras")
from keras.models import load_model
getattr(keras.saving, "load_model")
tf.saved_model.load("x")
pd.read_pickle("x")
torch.load("x.pt")
yaml.unsafe_load(text)
""".strip().splitlines()
FINE = """
np.load("x.npz", allow_pickle=False)
numpy.load(file, allow_pickle=False)["x"]
json.loads(text); json.load(file); yaml.safe_load(text); data.load()
checkpoint = tf.train.Checkpoint(model=model).restore(path)
model.load_weights("x.weights.h5")
np.savez("x.npz", x=x)
said = "pickle.load, np.load and load_model in a text"
# pickle.loads(x)
import numpy as np, numpy
""".strip().splitlines()


@pytest.mark.parametrize("line", PLANTED)
def test_a_planted_loader_is_found(line):
    assert list(loading(f"x = 1\nif x:\n    {line}"))


@pytest.mark.parametrize("line", FINE)
def test_what_only_looks_alike_is_not(line):
    assert list(loading(line)) == []


@pytest.mark.parametrize("cell", [
    nbformat.v4.new_markdown_cell("Hi <script src='x.js'></script>"),
    nbformat.v4.new_markdown_cell("<iframe src=https://example.org>"),
    nbformat.v4.new_markdown_cell("[a](javascript:x())"),
    *(nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output(
        "display_data", {mime: text})]) for mime, text in [
            ("text/html", "<table><td onclick=x()></table>"),
            ("text/markdown", "<svg onload='x()'>"),
            ("image/svg+xml", "<svg/>"), ("application/javascript", "x()"),
            ("application/vnd.jupyter.widget-view+json", "{}")])])
def test_planted_active_content_is_found(cell):
    assert list(active(nbformat.v4.new_notebook(cells=[cell])))


@pytest.mark.parametrize("change", ["a new one", "one byte", "a new suffix",
                                    "one gone"])
def test_a_planted_script_is_found(tmp_path, change):
    (tmp_path / "widgets").mkdir()
    script, style = tmp_path / "widgets/a.js", tmp_path / "book.css"
    script.write_text("x()"), style.write_text("p {}")
    known = {"widgets/a.js": hashlib.sha256(b"x()").hexdigest()}
    assert list(scripts(tmp_path, known)) == []
    if change == "a new one":
        (tmp_path / "b.svg").write_text("<svg onload='x()'/>")
    elif change == "one byte":
        script.write_text("y()")
    elif change == "a new suffix":
        script.rename(script.with_suffix(".txt"))
    else:
        script.unlink()
    assert list(scripts(tmp_path, known))

"""Code in a table breaks after its marks, and reads and copies as before."""

import importlib.util
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document

spec = importlib.util.spec_from_file_location(
    "tables", Path(__file__).resolve().parent.parent / "book/_ext/tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)


@pytest.mark.parametrize("code, pieces", [
    ("z_mean", ["z_mean"]),
    ("tf.nn.conv2d(x, w)", ["tf.nn.", "conv2d(", "x, w)"]),
    ("strides=[1,2]", ["strides=[", "1,2]"]),
    ("Adam(0.001)", ["Adam(", "0.001)"]), ("at(tf.x, 1)", ["at(tf.", "x, 1)"]),
    ("placeholder(tf.float32)", ["placeholder(", "tf.float32)"]),
    ("name/b", ["name/b"]),
    ("generation_loss", ["generation_", "loss"]),
    ("images", ["images"]),
    ("f(…)", ["f(…)"])])
def test_code_in_a_cell_breaks_after_its_marks_only(code, pieces):
    document = new_document("page")
    inside, outside = nodes.literal("", code), nodes.literal("", code)
    document += [nodes.entry("", nodes.paragraph("", "", inside)),
                 nodes.paragraph("", "", outside)]
    tables.may_break(None, document)
    breaks = [child for child in inside.children
              if isinstance(child, nodes.raw)]
    texts = [child.astext() for child in inside.children
             if isinstance(child, nodes.Text)]
    assert texts == pieces and "".join(texts) == code
    assert [raw.astext() for raw in breaks] == (len(pieces) - 1) * ["<wbr>"]
    assert all(raw["format"] == "html" for raw in breaks)
    assert outside.children == [nodes.Text(code)]

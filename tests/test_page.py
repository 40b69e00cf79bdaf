"""What a chapter exports arrives whole on its page."""

import base64
import json
import re
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pytest

from book._ext import figures
from vae_tf.lab import page

ROOT = Path(__file__).resolve().parent.parent

ARRAYS = {"half": np.float16([[0.1, -2, 3], [65504, 6e-8, 0]]),
          "single": np.float32([[[1 / 3]]]), "double": np.array([5.43, 5.44]),
          "bytes": np.arange(256, dtype=np.uint8)}


def exported(name, contents):
    """Return the record of one call and the text it displays."""
    with mock.patch("IPython.display.display") as display:
        page.export(name, contents)
    [[markdown], metadata] = display.call_args
    return metadata["metadata"]["vae_tf_page"], markdown.data


def unpacked(packed):
    numbers = np.frombuffer(base64.b64decode(packed["base64"]),
                            np.dtype(packed["dtype"]).newbyteorder("<"))
    return numbers.reshape(packed["shape"])


@pytest.mark.parametrize("key", ARRAYS)
def test_an_array_arrives_bit_by_bit(key):
    record, _ = exported("a-figure", ARRAYS)
    again = unpacked(json.loads(json.dumps(record))["contents"][key])
    assert str(again.dtype) == str(ARRAYS[key].dtype)
    assert np.array_equal(again, ARRAYS[key])


def test_the_order_of_bytes_and_of_axes_is_not_the_machine_s():
    foreign = np.asfortranarray([[1.0, 2], [3, 4]]).astype(">f4")
    record, _ = exported("a-figure", {"x": foreign})
    assert np.array_equal(unpacked(record["contents"]["x"]), foreign)


def test_a_list_of_strings_goes_as_it_is_and_a_sentence_is_shown():
    record, text = exported("noisy-channel", {"names": ["fig", "plum"]})
    assert record == {"name": "noisy-channel",
                      "contents": {"names": ["fig", "plum"]}}
    assert "figure" in text


@pytest.mark.parametrize("name, contents, error, message", [
    ("", ARRAYS, ValueError, "'name'.*Got ''"),
    ("../up", ARRAYS, ValueError, "'name'.*Got '../up'"),
    ("up/..", ARRAYS, ValueError, "'name'.*Got 'up/..'"),
    (None, ARRAYS, ValueError, "'name'.*Got None"),
    ("a-figure", {}, TypeError, "'contents'.*Got {}"),
    ("a-figure", [1], TypeError, "'contents'.*Got [1]"),
    ("a-figure", np.eye(2), TypeError, "Got array([[1., 0.], [0., 1.]])"),
    ("a-figure", {"x": 3}, TypeError, "'x'.*Got int"),
    ("a-figure", {"x": [1.0]}, TypeError, "'x'.*Got list"),
    ("a-figure", {"x": np.arange(3)}, TypeError, "'x'.*Got int64"),
    ("a-figure", {"x": np.array(["a"])}, TypeError, "'x'.*Got str32"),
    ("a-figure", {"x": np.zeros(0)}, ValueError, "'x'.*Got [0]"),
    ("a-figure", {"x": np.array([np.nan])}, ValueError, "'x'.*NaN"),
    ("a-figure", {"x": np.float16([np.inf])}, ValueError, "'x'.*infinity")])
def test_bad_input_is_named_and_nothing_is_shown(
        name, contents, error, message):
    pattern = ".*".join(map(re.escape, message.split(".*")))
    with mock.patch("IPython.display.display") as display:
        with pytest.raises(error, match=pattern):
            page.export(name, contents)
    display.assert_not_called()


# What the extension makes of it.

def cell(*outputs):
    return {"outputs": [
        {"data": {"image/png": ""}} if output == "picture" else
        {"data": {}, "metadata": {"vae_tf_page": {"name": output}}}
        for output in outputs]}


@pytest.mark.parametrize("outputs, fault", [
    (["picture", "epochs"], None),
    (["picture", "epoch"], "no figure is called 'epoch'"),
    (["epochs"], "after a picture"),
    (["epochs", "picture"], "last output")])
def test_a_figure_needs_a_picture_before_it(outputs, fault):
    found = list(figures.find_faults(cell(*outputs)))
    assert len(found) == bool(fault) and (not fault or fault in found[0])
    if not fault:
        assert figures.find_export(cell(*outputs))


def test_data_are_written_as_a_script_with_nothing_lost(tmp_path):
    record, _ = exported("epochs", ARRAYS)
    figures.write_data(tmp_path, "book/09_mnist", **record)
    [path] = tmp_path.glob("_figures/*.js")
    begin, _, json_text = path.read_text().partition("=")
    assert begin == 'exported["epochs"]'
    assert json.loads(json_text.rstrip(";\n")) == record["contents"]


def test_each_script_is_loaded_once_and_listed_once():
    loaded = set()
    first = figures.figure("book/09_mnist", "draw-a-digit", loaded)
    second = figures.figure("book/09_mnist", "epochs", loaded)
    first, second = [" ".join(node.astext() for node in nodes)
                     for nodes in (first, second)]
    assert first.count("widgets/figures.js") == 1
    assert "function generation" in first
    assert "figures.js" not in second and "widgets/epochs.js" in second


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_has_its_scripts_and_one_page(name):
    scripts, _ = figures.FIGURES[name]
    for script in scripts:
        assert (figures.STATIC / script).is_file()
    sources = [path.read_text() for path in (ROOT / "book").glob("*.md")]
    begins = f'page.export("{name}"', f"```{{borrowed-figure}} {name} "
    assert sum(source.count(begin) for begin in begins
               for source in sources) == 1


def test_every_export_is_committed_with_its_data():
    for path in (ROOT / "book").glob("*.ipynb"):
        for one in nbformat.read(path, as_version=4).cells:
            if "page.export(" in one.source:
                assert figures.find_export(one), f"{path.name}: {one.source}"
                assert not list(figures.find_faults(one))

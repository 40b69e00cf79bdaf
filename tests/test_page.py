"""What a chapter exports arrives whole on its page."""

import base64
import importlib.util
import json
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pytest

from vae_tf.lab import page

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "figures", ROOT / "book/_ext/figures.py")
figures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(figures)

ARRAYS = {"half": np.float16([[0.1, -2, 3], [65504, 6e-8, 0]]),
          "single": np.float32([[[1 / 3]]]), "double": np.array([5.43, 5.44]),
          "bytes": np.arange(256, dtype=np.uint8),
          "foreign": np.asfortranarray([[1.0, 2], [3, 4]]).astype(">f4")}


def exported(name, contents):
    """Return the record of one call and the text it displays."""
    with mock.patch("IPython.display.display") as display:
        page.export(name, contents)
    [[markdown], metadata] = display.call_args
    return metadata["metadata"]["vae_tf_page"], markdown.data


def test_arrays_arrive_bit_by_bit_and_strings_as_they_are(tmp_path):
    record, text = exported("epochs", {**ARRAYS, "names": ["fig", "plum"]})
    assert record["name"] == "epochs" and "figure" in text
    figures.write_data(tmp_path, "book/09_mnist", **record)
    [path] = tmp_path.glob("_figures/*.js")
    begin, _, text = path.read_text().partition("=")
    assert begin == 'exported["epochs"]'
    contents = json.loads(text.rstrip(";\n"))
    assert contents.pop("names") == ["fig", "plum"]
    for key, packed in contents.items():
        again = np.frombuffer(
            base64.b64decode(packed["base64"]),
            np.dtype(packed["dtype"]).newbyteorder("<"))
        assert np.array_equal(again.reshape(packed["shape"]), ARRAYS[key])
        assert packed["dtype"] == ARRAYS[key].dtype.name


def test_bad_input_is_named_and_nothing_is_shown():
    for name, contents, error, part, got in [
            ("", ARRAYS, ValueError, "'name'", "Got ''"),
            ("../up", ARRAYS, ValueError, "'name'", "Got '../up'"),
            ("up/..", ARRAYS, ValueError, "'name'", "Got 'up/..'"),
            (None, ARRAYS, ValueError, "'name'", "Got None"),
            ("a-figure", {}, TypeError, "'contents'", "Got {}"),
            ("a-figure", [1], TypeError, "'contents'", "Got [1]"),
            ("a-figure", np.eye(2), TypeError, "", "Got array([[1., 0.], [0"),
            ("a-figure", {"x": 3}, TypeError, "'x'", "Got int"),
            ("a-figure", {"x": [1.0]}, TypeError, "'x'", "Got list"),
            ("a-figure", {"x": np.arange(3)}, TypeError, "'x'", "Got int64"),
            ("a-figure", {"x": np.array(["a"])}, TypeError, "'x'", "Got str"),
            ("a-figure", {"x": np.zeros(0)}, ValueError, "'x'", "Got [0]"),
            ("a-figure", {"x": np.array([np.nan])}, ValueError, "'x'", "NaN"),
            ("a-figure", {"x": np.float16([np.inf])}, ValueError, "'x'",
             "infinity")]:
        with mock.patch("IPython.display.display") as display, \
                pytest.raises(error) as raised:
            page.export(name, contents)
        assert part in str(raised.value) and got in str(raised.value)
        display.assert_not_called()


def test_a_figure_needs_a_picture_before_it():
    for outputs, fault in [
            (["picture", "epochs"], None),
            (["picture", "epoch"], "no figure is called 'epoch'"),
            (["epochs"], "after a picture"),
            (["epochs", "picture"], "last output")]:
        cell = {"outputs": [
            {"data": {"image/png": ""}} if output == "picture" else
            {"data": {}, "metadata": {"vae_tf_page": {"name": output}}}
            for output in outputs]}
        found = list(figures.find_faults(cell))
        assert len(found) == bool(fault) and (not fault or fault in found[0])
        assert fault or figures.find_export(cell)


def test_every_figure_has_its_scripts_and_one_page():
    sources = [path.read_text() for path in (ROOT / "book").glob("*.md")]
    for name, (scripts, _) in figures.FIGURES.items():
        assert all((figures.STATIC / script).is_file() for script in scripts)
        begins = f'page.export("{name}"', f"```{{borrowed-figure}} {name} "
        assert sum(source.count(begin) for begin in begins
                   for source in sources) == 1


def test_every_export_is_committed_with_its_data():
    for path in (ROOT / "book").glob("*.ipynb"):
        for one in nbformat.read(path, as_version=4).cells:
            if "page.export(" in one.source:
                assert figures.find_export(one), f"{path.name}: {one.source}"
                assert not list(figures.find_faults(one))

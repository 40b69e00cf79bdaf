"""Every claim of the article is judged once, and as its numbers say."""

import copy
import importlib.util
import json
import re
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from docutils import nodes

from vae_tf.lab import claims
from vae_tf.lab.claims import claim

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "claims_page", ROOT / "book/_ext/claims.py")
claims_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims_page)

CHAPTERS = claims_page.read(ROOT)
RECORDED = [pytest.param(record, text, id=f"{record['number']} in {name}")
            for name, (_, recorded) in CHAPTERS.items()
            for record, text in recorded]


def shown(*arguments, **seeds):
    """Return the record of one call and the text it displays."""
    with mock.patch("IPython.display.display") as display:
        claim(*arguments, **seeds)
    [[markdown], metadata] = display.call_args
    return metadata["metadata"]["vae_tf"], markdown.data


def faults(chapters):
    return [*claims_page.gaps(chapters), *claims_page.contradictions(chapters)]


def test_the_chapters_judge_every_claim_once_and_as_measured():
    assert faults(CHAPTERS) == []
    assert len(RECORDED) == len(claims.CLAIMS) == 37


@pytest.mark.parametrize("record, text", RECORDED)
def test_a_committed_record_is_what_its_numbers_say(record, text):
    assert record["claim"] == claims.CLAIMS[record["number"]]
    assert record["found"] == claims.judge([
        claims.Measurement(**one) for one in record["measured"]])
    assert text == claims.text(record)
    assert record["measured"] and all(one["what"]
                                      for one in record["measured"])


@pytest.mark.parametrize("value, relation, other, verdict", [
    (1, "below", 2, "holds"), (2, "below", 2, "does not hold"),
    (3, "above", 2, "holds"), (1, "above", 2, "does not hold"),
    (2, "equal", 2, "holds"), (2, "equal", 2.01, "does not hold")])
def test_a_comparison_is_what_it_says(value, relation, other, verdict):
    record, text = shown(1, verdict, ("size", value, relation, other, "cm"))
    assert record["found"] == verdict
    assert f"is {'' if verdict == 'holds' else 'not '}{relation}" in text
    assert text.endswith(" cm.")


def test_verdicts_follow_from_all_comparisons_together():
    true, false = ("a", 1, "below", 2, ""), ("b", 1, "above", 2, "")
    number = ("c", 3, "nats")
    assert shown(1, "holds", true, true, number)[0]["found"] == "holds"
    assert shown(1, "holds", true, false)[0]["found"] == "holds in part"
    assert shown(1, "holds", false)[0]["found"] == "does not hold"
    assert shown(1, "framing", number)[0]["found"] == "framing"


@pytest.mark.parametrize("values, verdict, shown_range", [
    # 1 below 2, deviation 0.1
    ([1.0, 1.1, 0.9], "holds", "error: 1.00 (0.900 to 1.10) is"),
    # below on average, but not clearly
    ([1.0, 2.0, 0.9], "does not hold", "error: 1.30 (0.900 to 2.00) is not"),
    ([3.0, 3.1, 2.9], "does not hold", "error: 3.00 (2.90 to 3.10) is not")])
def test_over_seeds_a_difference_needs_three_deviations(values, verdict,
                                                        shown_range):
    measured = ("error", values, "below", 2.0, "nats")
    record, text = shown(1, verdict, measured, seeds=(0, 1, 2))
    assert record["found"] == verdict
    assert "clearly below 2.00 nats (seeds 0, 1, 2)." in text
    assert shown_range in text


@pytest.mark.parametrize("value, relation, other, verdict", [
    ([4, 4, 4], "equal", 4, "holds"), (4, "equal", (4, 4.0, 4), "holds"),
    ([4, 4, 5], "equal", 4, "does not hold"), ([4], "equal", (4.,), "holds"),
    ([1, 2, 3], "equal", np.array([1, 2, 3]), "holds"),
    ([1, 2, 3], "equal", [1, 3, 2], "does not hold"),
    (np.float32([.1, .2, .3]), "equal", [.1, .2, .3], "holds"),
    ([np.bool_(True)] * 3, "equal", True, "holds"),
    ([1_234_567] * 3, "equal", np.full(3, 1_234_567.), "holds"),
    ([4, 4, 4], "above", [3, 3, 3], "holds"),   # without any deviation
    ([4, 4, 4], "below", 4, "does not hold"),
    (np.array([1., 2, 3]), "below", np.array([2., 3, 4]), "holds"),
    (np.array([5]), "above", np.int64(4), "holds"),
    (Fraction(1, 3), "below", tf.constant([.4, .5, .6]), "does not hold")])
def test_over_seeds_every_kind_of_list_is_compared(value, relation, other,
                                                   verdict):
    measured = ("images kept", value, relation, other, "")
    record, text = shown(1, verdict, measured, seeds=(0, 1, 2))
    assert record["found"] == verdict and "in this run" not in text
    assert json.loads(json.dumps(record)) == record
    assert "clearly equal" not in text


def test_seeds_are_compared_pair_by_pair():
    # Far apart from seed to seed, but always by the same difference.
    first, second = [1.0, 5.0, 9.0], [2.0, 6.0, 10.1]
    record, _ = shown(1, "holds", ("e", first, "below", second, ""),
                      seeds=(0, 1, 2))
    assert record["found"] == "holds"


def test_the_text_shows_quotation_verdict_numbers_unit_and_seeds():
    _, text = shown(37, "holds", ("sharpness", 0.0123456, "below", 0.2,
                                  "squared pixels"),
                    ("images", 1000, ""), seeds=[4])
    assert text == (
        '> **Claim 37.** "the network tends to produce more blurry images"\n'
        ">\n> **Holds.** sharpness: 0.0123 is below 0.200 squared pixels; "
        "images: 1,000 (seed 4).")


def test_a_contradicted_verdict_is_shown_as_such():
    _, text = shown(1, "holds", ("size", 3, "below", 2, "cm"))
    assert "**Does not hold in this run.**" in text


@pytest.mark.parametrize("arguments, seeds, message", [
    ((0, "holds"), (), "'number'.*range [1, 37]. Got 0"),
    (("1", "holds"), (), "'number'.*Got '1'"),
    ((1, "maybe"), (), "'verdict'.*'holds in part'.*Got 'maybe'"),
    ((1, "holds", ("a", 1)), (), "'measured'.*Got ('a', 1)"),
    ((1, "holds", ("a", 1, "<", 2, "cm")), (), "'below', 'above' or 'equal'"),
    ((1, "holds", ("a", "one", "cm")), (), "a number.*Got 'one'"),
    ((1, "holds", ("a", float("nan"), "cm")), (), "a number.*Got nan"),
    ((1, "holds", ("a", [], "cm")), (), "a number.*Got []"),
    ((1, "holds", ("a", np.eye(2), "cm")), (0, 1), "Got [[1.0, 0.0], [0.0"),
    ((1, "holds", ("a", np.ones(3), "cm")), (0, 1), "each of 2 seeds"),
    ((1, "holds", ("a", np.ones(2), "cm")), (), "a number.*Got [1.0, 1.0]"),
    ((1, "holds", ("a", np.eye(2))), (), "'measured'.*Got ('a', array("),
    ((1, "holds", ("a", 1, "equal", [1, None], "cm")), (0, 1), "Got [1, Non"),
    ((1, "holds", ("a", [1.0, 2.0], "cm")), (0, 1, 2), "each of 3 seeds")])
def test_bad_input_is_named(arguments, seeds, message):
    pattern = ".*".join(map(re.escape, message.split(".*")))
    with pytest.raises(ValueError, match=pattern) as error:
        shown(*arguments, seeds=seeds)
    assert "\n" not in str(error.value)


def planted(change):
    """Return the faults of the chapters after a change to a copy of them."""
    chapters = copy.deepcopy(CHAPTERS)
    [(name, recorded)] = [(name, recorded) for name, (_, recorded)
                          in chapters.items()
                          if any(r["number"] == 10 for r, _ in recorded)]
    [tenth] = [one for one in recorded if one[0]["number"] == 10]
    change(recorded, tenth)
    return "\n".join(faults(chapters))


def test_a_claim_without_a_measurement_is_a_fault():
    assert planted(lambda all, tenth: all.remove(tenth)) == (
        "claim 10 is judged by no chapter")


def test_a_claim_judged_twice_is_a_fault():
    assert "claim 10 is judged by" in planted(
        lambda all, tenth: all.append(tenth))


def test_a_record_without_a_number_is_a_fault():
    def empty(_, tenth):
        tenth[0]["measured"] = []

    assert "claim 10 has no measurement" in planted(empty)


def test_a_verdict_that_its_numbers_contradict_is_a_fault():
    def contradict(_, tenth):
        tenth[0]["verdict"] = "does not hold"

    assert "claim 10 is said to be 'does not hold'" in planted(contradict)


def test_the_page_counts_verdicts_and_names_every_claim_with_its_chapter():
    page = claims_page.page(CHAPTERS)
    for name, (title, recorded) in CHAPTERS.items():
        if recorded:
            assert f"[{title}]({Path(name).name})" in page
    for number, quotation in claims.CLAIMS.items():
        assert f'**Claim {number}.** "{quotation}"' in page
    counts = re.findall(r"^\| [a-z ]+ \| (\d+) \|", page, re.MULTILINE)
    assert sum(map(int, counts)) == 37

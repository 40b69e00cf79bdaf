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

from vae_tf.lab import claims

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "claims_page", ROOT / "book/_ext/claims.py")
claims_page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims_page)
CHAPTERS = claims_page.read(ROOT)
TENTH = next(record for _, record in claims_page.every(CHAPTERS)
             if record["number"] == 10)


def shown(*arguments, seeds=()):
    """Return the record of one call and the text it displays."""
    with mock.patch("IPython.display.display") as display:
        claims.claim(*arguments, seeds=seeds)
    [[markdown], metadata] = display.call_args
    return metadata["metadata"]["vae_tf"], markdown.data


def faults(chapters):
    return [*claims_page.gaps(chapters), *claims_page.contradictions(chapters)]


def test_the_chapters_judge_every_claim_once_and_as_measured():
    assert faults(CHAPTERS) == []
    recorded = [one for _, records in CHAPTERS.values() for one in records]
    assert len(recorded) == len(claims.CLAIMS) == 14
    for record, text in recorded:
        measured = [claims.Measurement(**one) for one in record["measured"]]
        assert record["claim"] == claims.CLAIMS[record["number"]]
        assert record["found"] == claims.judge(measured)
        assert text == claims.text(record)
        assert all(one.what for one in measured)


def test_a_comparison_of_numbers_or_of_lists_over_seeds_is_what_it_says():
    for value, relation, other, holds in [
            (1, "below", 2, True), (2, "below", 2, False),
            (3, "above", 2, True), (2, "above", 2, False),
            ([1.0, 1.1, 0.9], "below", 2.0, True),      # by ten deviations
            ([1.0, 2.0, 0.9], "below", 2.0, False),     # by one
            ([1.0, 5.0, 9.0], "below", [2.0, 6.0, 10.1], True),  # in each pair
            ([4, 4, 4], "above", [3, 3, 3], True),      # without a deviation
            (np.float32([.1, .2, .3]), "below", (.2, .3, .4), True),
            (Fraction(1, 3), "below", tf.constant([.4, .5, .6]), False)]:
        verdict = "holds" if holds else "does not hold"
        record, text = shown(1, verdict, ("a", value, relation, other, "cm"),
                             seeds=(0, 1, 2))
        assert record["found"] == verdict and "in this run" not in text
        assert json.loads(json.dumps(record)) == record
        clearly = "clearly " * any(
            isinstance(record["measured"][0][side], list)
            for side in ("value", "other"))
        assert f" cm, {'' if holds else 'not '}{clearly}{relation} " in text


def test_verdicts_follow_from_all_comparisons_together():
    true, false = ("a", 1, "below", 2, ""), ("b", 1, "above", 2, "")
    number = ("c", 3, "nats")
    for verdict, *measured in [
            ("holds", true, true, number), ("holds in part", true, false),
            ("does not hold", false)]:
        assert shown(1, verdict, *measured)[0]["found"] == verdict
    assert "> **Does not hold in this run.** b" in shown(1, "holds", false)[1]


def test_the_text_shows_quotation_verdict_numbers_unit_and_seeds():
    quotation = ('> **Claim 9.** "this constraint also improves the '
                 'generalization of our network"\n>\n> **Holds.** ')
    measured = ("sharpness", 0.0123456, "below", 0.2, "squared pixels")
    error = "error", [1.0, 1.1, 0.9], "below", 2.0, "nats"
    assert shown(9, "holds", measured, error, seeds=(0, 1, 2))[1] \
        == quotation + ("sharpness: 0.0123 squared pixels, below 0.200; "
                        "error: 1.00 (0.900 to 1.10) nats, clearly below "
                        "2.00 (seeds 0, 1, 2).")


def test_bad_input_is_named():
    for arguments, seeds, parts in [
            ((0, "holds"), (), ["'number'", "range [1, 14]. Got 0"]),
            ((1, "maybe"), (), ["'verdict'", "'holds in part'", "Got 'may"]),
            ((1, "holds", ("a", 1)), (), ["'measured'", "Got ('a', 1)"]),
            ((1, "holds", ("a", 1, "<", 2, "")), (), ["'below' or 'above'"]),
            ((1, "holds", ("a", "one", "")), (), ["a number", "Got 'one'"]),
            ((1, "holds", ("a", float("nan"), "")), (), ["Got nan"]),
            ((1, "holds", ("a", np.ones(3), "")), (0, 1), ["each of 2 seeds"]),
            ((1, "holds", ("a", 1, "below", [1, None], "")), (0, 1),
             ["Got [1, None]"]),
            ((1, "holds", ("a", 1, "")), (), ["comparison. Got none"])]:
        with pytest.raises(ValueError) as error:
            shown(*arguments, seeds=seeds)
        assert all(part in str(error.value) for part in parts)
        assert "\n" not in str(error.value)


def test_the_page_names_faults_of_the_chapters():
    for change, fault in [
            (lambda all, i: all.pop(i), "claim 10 is judged by no chapter"),
            (lambda all, i: all.append(all[i]), "claim 10 is judged by "),
            (lambda all, i: all[i][0].update(verdict="does not hold"),
             "claim 10 is said to be 'does not hold'")]:
        chapters = copy.deepcopy(CHAPTERS)
        [(records, i)] = [
            (records, i) for _, records in chapters.values()
            for i, (record, _) in enumerate(records) if record == TENTH]
        change(records, i)
        assert fault in "\n".join(faults(chapters))


def test_the_page_counts_verdicts_and_names_every_claim_with_its_chapter():
    page = claims_page.page(CHAPTERS)
    for name, (title, recorded) in CHAPTERS.items():
        assert not recorded or f"[{title}]({Path(name).name})" in page
    for number, quotation in claims.CLAIMS.items():
        assert f'**Claim {number}.** "{quotation}"' in page
    counts = re.findall(r"^\| [a-z ]+ \| (\d+) \|", page, re.MULTILINE)
    assert sum(map(int, counts)) == 14

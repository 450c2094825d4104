"""Strings with signs: what is written is what the strings say."""

import re

import numpy as np
import pytest

from lenet_sklearn import load_dataset
from pipelines import DrawnLines
from pipelines.drawing.signs import add_clutter, draw_signed_texts, part_signs
from pipelines.forms.notation import SIGNS


@pytest.fixture(scope="module")
def texts():
    return draw_signed_texts(3000, "0123456789", np.random.default_rng(0))


def test_every_sign_is_there_often_enough_to_be_learned(texts):
    shares = {sign: np.mean([sign in text for text in texts]) for sign in SIGNS}
    assert min(shares.values()) > 0.01
    assert set("".join(texts)) == set("0123456789" + SIGNS)


def test_amounts_decimals_dates_times_and_fillers_are_written(texts):
    for pattern in (
        r"\d+[.,]\d\d",
        r"\d{1,3}(,\d{3})+/-",
        r"-\d+",
        r"\d\d?/\d\d?/\d{4}",
        r"\d\d?:\d\d",
        r"\*+\d.*",
        r"\d+xx/100",
    ):
        assert any(re.fullmatch(pattern, text) for text in texts), pattern


def test_no_two_signs_are_one_without_a_gap(texts):
    # The same sign twice is drawn with paper between, as it is read.
    assert not any(".." in text or ",," in text for text in texts)


def test_parted_strings_are_put_together_again(texts):
    for text in texts[:200]:
        digits, signs = part_signs(text)
        pieces = [signs.get(n, "") + digit for n, digit in enumerate(digits)]
        assert "".join(pieces) + signs.get(len(digits), "") == text


def test_clutter_leaves_the_signs_in_their_places():
    signs = {0: "-", 2: ".", 4: "/-"}
    rng = np.random.default_rng(0)
    for _ in range(200):
        marks = add_clutter(signs, 4, rng)
        kept = {
            place: "".join(mark for mark in own if mark in SIGNS)
            for place, own in marks.items()
        }
        assert {place: own for place, own in kept.items() if own} == signs
    assert signs == {0: "-", 2: ".", 4: "/-"}


@pytest.mark.slow  # each of three artists practises anew
def test_lines_with_signs_are_drawn_when_they_are_asked_for():
    digits, labels = (part[:300] for part in load_dataset("digits"))
    drawn = [
        DrawnLines(digits, labels, n_lines=20, signs=True, random_state=3)
        for _ in range(2)
    ]
    assert drawn[0].signs == SIGNS
    assert drawn[0].texts == drawn[1].texts
    for n in range(20):
        np.testing.assert_array_equal(drawn[0][n], drawn[1][n])
    without = DrawnLines(digits, labels, n_lines=20, random_state=3)
    assert without.signs == ""
    assert all(text.isdigit() for text in without.texts if text)


def test_a_minus_is_inked_before_its_number():
    digits, labels = (part[:300] for part in load_dataset("digits"))
    lines = DrawnLines(digits, labels, n_lines=200, signs=True, random_state=0)
    places = [n for n, text in enumerate(lines.texts) if text == "-"]
    assert all(lines[n].max() > 100 for n in places)

"""Lengths and masks."""

import pytest

from lenet_sklearn.strings.decoding import make_constraint

DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("lengths", "allowed"), [(2, [2]), (range(1, 3), [1, 2]), ({0, 4}, [0, 4])]
)
def test_lengths_are_a_number_or_a_collection(lengths, allowed):
    rule = make_constraint(DIGITS, lengths, None)
    assert [n for n in range(6) if rule.allows((7,) * n)] == allowed


def test_a_mask_and_lengths_that_exclude_each_other_allow_nothing():
    rule = make_constraint(DIGITS, 3, "20##")
    assert not rule.allows((2, 0, 1, 1))
    assert not rule.allows((2, 0, 1))
    assert not rule.admits(2, 0)


@pytest.mark.parametrize("lengths", [-1, 2.5, {1, -2}, "2"])
def test_lengths_of_another_kind_are_refused(lengths):
    with pytest.raises(ValueError, match="lengths must be an integer or a collection"):
        make_constraint(DIGITS, lengths, None)


def test_a_mask_of_unknown_characters_is_refused():
    with pytest.raises(ValueError, match=r"mask '2x' has \['x'\]"):
        make_constraint(DIGITS, None, "2x")

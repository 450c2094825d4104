"""Strings that a field allows: their probabilities are those of counting them all."""

from itertools import product

import numpy as np
import pytest

from lenet_sklearn.strings.boxes import BoxPosteriors, score_filling
from pipelines.forms.allowed import (
    allowed_share,
    list_allowed,
    list_fillings,
    sum_allowed,
)
from pipelines.forms.check_digits import Weights
from pipelines.forms.field import Field

MARKS = "0123456789_"


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).dirichlet(np.full(11, 0.4), size=4)


@pytest.fixture(scope="module")
def counted(rows):
    """All fillings of four boxes, by the string that they read."""
    texts = {}
    for columns in product(range(11), repeat=len(rows)):
        text = "".join(MARKS[n] for n in columns).strip("_")
        chance = rows[np.arange(len(rows)), columns].prod()
        texts[text] = texts.get(text, 0.0) + chance
    return texts


RULES = [
    {"check_digit": "luhn"},
    {"check_digit": "damm", "length": 4},
    {"check_digit": "verhoeff", "minimum": 120},
    {"check_digit": "mod97-10"},
    {"check_digit": "mod11,10", "length": (2, 3)},
    {"check_digit": Weights(weights=(3, 1), modulus=10), "mask": "1##"},
    {"minimum": 7, "maximum": 1203},
    {"maximum": 0},
    {"minimum": 0, "length": 3},
    {"minimum": -5, "maximum": 99},
    {"mask": "2#7"},
    {"choices": ("12", "7", "0345", "345", "12")},
    {"date": "MMYY"},
    {"date": "DDMM", "mask": "#1##", "check_digit": "luhn"},
    {"date": "MMYY", "earliest": "2019-03-05", "latest": "2021-11-30"},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_the_sum_over_what_is_allowed_is_that_of_all_strings(rows, counted, rules):
    field = Field(name="a", digits=4, **rules)
    allowed = {t: p for t, p in counted.items() if t and not field.check(t)}
    assert sum_allowed(rows, field) == pytest.approx(sum(allowed.values()), rel=1e-9)
    best = max(allowed, key=allowed.get)
    listed = list_allowed(rows, field, 3)
    if field.choices or field.date:
        assert max(listed, key=listed.get) == best
        assert listed[best] == pytest.approx(allowed[best])
    else:
        assert listed == {}


def test_the_most_probable_fillings_are_listed(rows, counted):
    listed = list_fillings(rows, 11**4)
    wanted = {t: p for t, p in counted.items() if t in listed}
    assert listed == pytest.approx(wanted, abs=1e-7)
    assert sum(listed.values()) == pytest.approx(1, abs=1e-5)
    few = list_fillings(rows, 20)
    best = sorted(counted, key=counted.get, reverse=True)[:5]
    assert list(few)[:5] == list(listed)[:5] == best
    boxes = BoxPosteriors(rows, tuple("0123456789"))
    assert listed[best[0]] == pytest.approx(score_filling(boxes, best[0]))
    # Where it begins further to the left it is too improbable for the shorter list.
    assert 0.99 * listed[best[0]] < few[best[0]] < listed[best[0]]


@pytest.mark.parametrize(
    ("rules", "share"),
    [
        ({"check_digit": "luhn"}, 0.1),
        ({"length": (1, 3)}, 1.0),
        ({"mask": "20##"}, 0.01),
        ({"maximum": 399}, 0.04),
        ({"choices": ("07", "12")}, 0.02),
        ({"date": "DDMM"}, 0.0366),
        ({"check_digit": "mod97-10", "length": 5}, 0.01031),
    ],
)
def test_the_share_of_strings_that_a_field_allows(rules, share):
    field = Field(name="a", kind="line", **rules)
    assert allowed_share(field, 4) == pytest.approx(share)


def test_a_long_list_of_choices_is_searched_at_once():
    rng = np.random.default_rng(0)
    numbers = [f"{n:09}" for n in rng.choice(10**9, size=100_000, replace=False)]
    rows = np.full((9, 11), 1e-3)
    rows[np.arange(9), [int(digit) for digit in numbers[77]]] = 0.99
    rows[4] = 1 / 11
    field = Field(name="a", digits=9, choices=tuple(numbers))
    [best] = list_allowed(rows, field, 1)
    assert best == numbers[77]

"""Sums: the probabilities are those of counting all combinations of values."""

from itertools import product

import numpy as np
import pytest

from lenet_sklearn.strings import Hypothesis
from pipelines import Sum
from pipelines.forms.allowed import Beliefs
from pipelines.forms.summing import weigh_sums


def beliefs_in(shares):
    best = max(shares, key=shares.get)
    return Beliefs(shares, Hypothesis(best, shares[best]))


def number(text):
    return None if text == "other" or "_" in text else int(text or 0)


def weight(values, sums):
    """How much more common a combination is than if fields were not to add up."""
    total = 1.0
    for rule in sums:
        parts = [number(values[name]) for name in rule.parts]
        whole = None if values[rule.total] == "" else number(values[rule.total])
        if whole is not None and None not in parts:
            total *= 0.99 / gains[rule.total] if whole == sum(parts) else 0.01
    return total


gains = {}


def counted(beliefs, sums):
    """Sum over all combinations of strings, ``other`` being all that are not named."""
    for name, own in beliefs.items():
        most = max(len(str(int(t))) for t in own.shares if t.isdecimal())
        gains[name] = max(1 / 30, 0.1**most)
    shares = {
        name: own.shares | {"other": 1 - sum(own.shares.values())}
        for name, own in beliefs.items()
    }
    found = {name: dict.fromkeys(own, 0.0) for name, own in shares.items()}
    for texts in product(*shares.values()):
        values = dict(zip(shares, texts, strict=True))
        chance = weight(values, sums)
        for name, text in values.items():
            chance *= shares[name][text]
        for name, text in values.items():
            found[name][text] += chance
    total = sum(found[next(iter(found))].values())
    return {
        name: {text: own[text] / total for text in beliefs[name].shares}
        for name, own in found.items()
    }


ROWS = Sum(total="sum_1", parts=("a", "b")), Sum(total="sum_2", parts=("c", "d"))
COLUMNS = Sum(total="left", parts=("a", "c")), Sum(total="right", parts=("b", "d"))


@pytest.mark.parametrize(
    "sums",
    [
        [Sum(total="c", parts=("a", "b"))],
        [Sum(total="c", parts=("a", "b")), Sum(total="left", parts=("c", "d"))],
        pytest.param([*ROWS, *COLUMNS], marks=pytest.mark.slow),  # many combinations
        [*ROWS, Sum(total="left", parts=("sum_1", "sum_2"))],
    ],
    ids=["sum", "chain", "table", "tree"],
)
def test_beliefs_are_those_of_all_combinations(sums):
    rng = np.random.default_rng(0)
    names = ["a", "b", "c", "sum_1", "d", "left", "sum_2", "right"]
    used = {name for rule in sums for name in (rule.total, *rule.parts)}
    beliefs = {}
    for name in filter(used.__contains__, names):
        texts = ["", "2", "02", "1_4"] if name in "abcd" else ["", "4", "2"]
        shares = rng.dirichlet(np.full(len(texts) + 1, 0.5)).tolist()
        beliefs[name] = beliefs_in(dict(zip(texts, shares, strict=False)))
    ruled = weigh_sums(beliefs, sums)
    for name, expected in counted(beliefs, sums).items():
        assert ruled[name].shares == pytest.approx(expected, abs=1e-12)
        assert ruled[name].own == beliefs[name].own


def test_a_sum_with_a_field_that_is_not_there_is_passed_over():
    beliefs = {"a": beliefs_in({"3": 0.6, "8": 0.4}), "total": beliefs_in({"8": 1.0})}
    rule = Sum(total="total", parts=("a", "b"))
    assert weigh_sums(beliefs, [rule]) == beliefs


def test_a_field_that_is_twice_among_the_parts_counts_twice():
    beliefs = {"a": beliefs_in({"3": 0.6, "4": 0.4}), "total": beliefs_in({"8": 1.0})}
    ruled = weigh_sums(beliefs, [Sum(total="total", parts=("a", "a"))])
    assert ruled["a"].best == "4"


def test_a_long_column_is_added_up():
    rng = np.random.default_rng(0)
    values = rng.integers(1000, size=40).tolist()
    beliefs = {f"n{i}": beliefs_in({f"{v}": 0.999}) for i, v in enumerate(values)}
    many = {f"{n}": 0.001 for n in range(1000)}  # it is wholly blotted
    beliefs["n7"] = beliefs_in(many)
    beliefs["total"] = beliefs_in({f"{sum(values)}": 0.999})
    rule = Sum(total="total", parts=tuple(f"n{i}" for i in range(40)))
    ruled = weigh_sums(beliefs, [rule])["n7"]
    assert ruled.best == str(values[7])
    # Some other may be misread, and then nothing is known of this one.
    assert 0.3 < ruled.shares[ruled.best] < 0.5

"""Prefix beam search: the most probable strings, with all of their paths."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from test_ctc import draw_posteriors, sum_over_paths

from lenet_sklearn.strings.ctc import score_strings
from lenet_sklearn.strings.decoding import make_constraint, search_beam


def best_of(expected, n_best):
    return sorted(expected.items(), key=lambda item: -item[1])[:n_best]


@pytest.mark.parametrize("seed", range(5))
def test_the_n_best_are_those_of_a_walk_over_all_paths(seed):
    field = draw_posteriors(6, 3, seed)
    expected = best_of(sum_over_paths(field), 7)
    found = search_beam(field, n_best=7, beam_width=100)
    assert [string for string, _ in found] == [string for string, _ in expected]
    assert_allclose([np.exp(p) for _, p in found], [p for _, p in expected])


@pytest.mark.parametrize(
    ("lengths", "mask"), [(2, None), ({0, 3}, None), (None, "1#"), (range(2), None)]
)
def test_constraints_leave_the_probabilities_as_they_are(lengths, mask):
    field = draw_posteriors(6, 3)
    rule = make_constraint("01", lengths, mask)
    allowed = {s: p for s, p in sum_over_paths(field).items() if rule.allows(s)}
    found = search_beam(field, n_best=3, constraint=rule, beam_width=100)
    assert [string for string, _ in found] == [s for s, _ in best_of(allowed, 3)]
    assert_allclose([np.exp(p) for _, p in found], [p for _, p in best_of(allowed, 3)])


def sure_field(path, n_columns=11, doubt=1e-7):
    return np.log(np.eye(n_columns)[path] * (1 - n_columns * doubt) + doubt)


def test_a_length_the_network_does_not_believe_in_is_read_all_the_same():
    field = sure_field([10, 3, 10, 10, 4, 10, 5, 10])
    for length in (2, 4):
        rule = make_constraint("0123456789", length, None)
        [(string, score)] = search_beam(field, constraint=rule)
        assert len(string) == length
        assert score < np.log(1e-5)


@pytest.mark.parametrize("doubt", [0.0, 1e-12, 1e-6])
def test_equal_symbols_stay_apart_however_sure_the_blank_between_them(doubt):
    with np.errstate(divide="ignore"):
        field = sure_field([10, 5, 10, 0, 10, 10, 0, 10, 0], doubt=doubt)
    [(string, score)] = search_beam(field.astype(np.float32))
    assert string == (5, 0, 0, 0)
    assert score > np.log(0.99)


def test_a_field_without_room_for_the_constraint_says_nothing():
    rule = make_constraint("0123456789", 5, None)
    assert search_beam(sure_field([1, 2]), constraint=rule) == []


def test_probabilities_do_not_sum_to_more_than_one():
    for seed in range(5):
        found = search_beam(draw_posteriors(30, 11, seed), n_best=20, beam_width=40)
        assert sum(np.exp(score) for _, score in found) <= 1
        assert len({string for string, _ in found}) == 20


def test_very_improbable_paths_do_not_vanish():
    field = draw_posteriors(800, 11)
    (string, score), *_ = search_beam(field)
    assert np.isfinite(score)
    assert score <= score_strings([field], [string])[0] + 1e-6

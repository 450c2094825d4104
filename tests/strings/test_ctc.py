"""Paths and strings: everything is compared with a walk over all paths."""

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional

from lenet_sklearn.strings.ctc import (
    align,
    positions_needed,
    score_strings,
)


def draw_posteriors(n_positions, n_columns, seed=0):
    logits = np.random.default_rng(seed).normal(size=(n_positions, n_columns))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def collapse(path, blank):
    merged = [symbol for symbol, _ in itertools.groupby(path)]
    return tuple(symbol for symbol in merged if symbol != blank)


def sum_over_paths(posteriors):
    """Probability of every string, by a walk over all paths."""
    n_positions, n_columns = posteriors.shape
    found = {}
    for path in itertools.product(range(n_columns), repeat=n_positions):
        string = collapse(path, n_columns - 1)
        chance = np.exp(posteriors[range(n_positions), path].sum())
        found[string] = found.get(string, 0.0) + chance
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_score_of_a_string_is_the_sum_over_its_paths(seed):
    posteriors = draw_posteriors(5, 3, seed)
    expected = sum_over_paths(posteriors)
    scores = score_strings([posteriors] * len(expected), list(expected))
    assert_allclose(np.exp(scores), list(expected.values()), atol=1e-9)


def test_a_string_without_room_has_no_probability():
    assert score_strings([draw_posteriors(3, 3)], [(0, 0, 1)]) == [-np.inf]


@pytest.mark.parametrize(
    ("symbols", "n_positions"), [((), 0), ((1, 2), 2), ((1, 1, 1), 5)]
)
def test_equal_neighbours_need_a_blank_between_them(symbols, n_positions):
    assert positions_needed(symbols) == n_positions


def test_alignment_follows_the_best_path_of_the_string():
    path = [2, 0, 0, 2, 0, 1, 1, 1, 2]
    field = np.log(np.eye(3)[path] * 0.97 + 0.01)
    assert align(field, (0, 0, 1)) == pytest.approx([1.5, 4.0, 6.0])


@pytest.mark.parametrize("seed", range(5))
def test_the_aligned_path_is_the_best_of_all_paths_of_the_string(seed):
    field = draw_posteriors(6, 3, seed)
    paths = itertools.product(range(3), repeat=6)
    right = [path for path in paths if collapse(path, 2) == (0, 1)]
    best = max(right, key=lambda path: field[range(6), path].sum())
    zero, one = align(field, (0, 1))
    assert best[round(zero)] == 0
    assert best[round(one)] == 1


def test_long_strings_are_aligned_too():
    path = [0, 2, 1, 2] * 100
    positions = align(np.log(np.eye(3)[path] * 0.97 + 0.01), (0, 1) * 100)
    assert positions == pytest.approx(range(0, 400, 2))


def test_alignment_refuses_a_string_without_room():
    with pytest.raises(ValueError, match="no room in 2 positions"):
        align(draw_posteriors(2, 3), (1, 1))


def test_scores_are_those_of_torchs_loss():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, 40)
    fields = [draw_posteriors(n, 11, seed=n).astype(np.float32) for n in lengths]
    strings = [tuple(rng.integers(10, size=rng.integers(0, 9))) for _ in fields]
    scores = score_strings(fields, strings)
    for field, string, score in zip(fields, strings, scores, strict=True):
        loss = functional.ctc_loss(
            torch.from_numpy(field).double()[:, None],
            torch.tensor([string], dtype=torch.int64),
            torch.tensor([len(field)]),
            torch.tensor([len(string)]),
            blank=10,
            reduction="sum",
        )
        assert score == pytest.approx(-float(loss), rel=1e-6)


def test_a_field_of_many_positions_leaves_no_range_of_floats():
    field = draw_posteriors(4000, 11).astype(np.float32)
    [score] = score_strings([field], [(1, 2, 3)])
    assert np.isfinite(score)
    assert score < -4000


def test_no_strings_have_no_scores():
    assert score_strings([], []).shape == (0,)

"""Rows are given to pages: the best way of all, and how probable each part of it is."""

from itertools import product

import numpy as np
import pytest

from pipelines.scoring.assignment import Claims, assign_rows, share_rows


def _claims(odds):
    """Claims of every page on every row, in the order of the rows."""
    odds = np.array(odds, dtype=np.float64)
    n_pages, n_rows = odds.shape
    rows = np.tile(np.arange(n_rows), (n_pages, 1))
    return Claims(rows, odds, np.zeros(n_pages), n_rows)


def _try_all(odds):
    """Return the best way to give rows away, and the probability of each pair."""
    odds = np.column_stack([odds, np.ones(len(odds))])
    n_pages, none = len(odds), odds.shape[1] - 1
    shares, best, most = np.zeros_like(odds), None, 0.0
    for way in product(range(none + 1), repeat=n_pages):
        given = [row for row in way if row != none]
        if len(set(given)) < len(given):
            continue
        weight = odds[np.arange(n_pages), way].prod()
        shares[np.arange(n_pages), way] += weight
        if weight > most:
            best, most = way, weight
    best = [-1 if row == none else row for row in best]
    return best, shares[:, :-1] / shares[0].sum()


@pytest.mark.parametrize("seed", range(20))
def test_the_best_way_is_found(seed):
    odds = np.exp(np.random.default_rng(seed).normal(0, 2, (4, 3)))
    assert assign_rows(_claims(odds)).tolist() == _try_all(odds)[0]


@pytest.mark.parametrize(
    "odds",
    [
        [[5.0]],
        [[8.0, 0.5, 2.0]],
        [[8.0], [1.0], [3.0]],
        [[9.0, 4.0, 0.0], [0.0, 2.0, 7.0], [0.0, 0.0, 3.0]],  # in no circle
    ],
)
def test_probabilities_are_exact_where_claims_run_in_no_circle(odds):
    shares = share_rows(_claims(odds))
    np.testing.assert_allclose(shares.claims, _try_all(odds)[1], atol=1e-6)
    np.testing.assert_allclose(shares.none, 1 - shares.claims.sum(axis=1))


def test_elsewhere_what_is_called_certain_is_hardly_less():
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(300):
        odds = np.exp(rng.normal(0, 5, (3, 3)))
        shares = share_rows(_claims(odds)).claims
        pairs += zip(shares.ravel(), _try_all(odds)[1].ravel(), strict=True)
    called, exact = np.array([pair for pair in pairs if pair[0] > 0.9]).T
    assert len(called) > 200
    assert abs((called - exact).mean()) < 0.01


def test_two_pages_that_are_both_certain_share_a_row():
    shares = share_rows(_claims([[1e30], [1e20]]))
    np.testing.assert_allclose(shares.claims, 0.5)


def test_a_row_is_left_to_the_page_that_has_no_other():
    claims = _claims([[90.0, 80.0], [90.0, 0.0]])
    assert assign_rows(claims).tolist() == [1, 0]
    assert share_rows(claims).claims.round(2).tolist() == [[0.01, 0.98], [0.98, 0.0]]


def test_rows_that_are_less_probable_than_none_are_not_given_away():
    assert assign_rows(_claims([[0.9, 0.5], [0.1, 0.2]])).tolist() == [-1, -1]


def test_rows_that_are_not_among_the_claims_count_together():
    claims = Claims(np.array([[3]]), np.array([[6.0]]), np.array([5.0]), 10)
    shares = share_rows(claims)
    assert (shares.claims[0, 0], shares.none[0]) == (0.5, 1 / 12)
    assert claims.alone()[0, 0] == 0.5


def test_no_pages_claim_nothing():
    claims = _claims(np.empty((0, 2)))
    assert share_rows(claims).claims.shape == (0, 2)
    assert assign_rows(claims).tolist() == []

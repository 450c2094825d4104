"""Share the rows of a list among pages: each page has one or none, no row two pages."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

# Greater odds than these are as good as certain, and smaller ones of a rival lost in
# the arithmetic.
_MOST_ODDS: Final = 1e12

# Messages are sent until they change by less than this, or so many times.
_TOLERANCE: Final = 1e-9
_MOST_ROUNDS: Final = 2000


@dataclass(frozen=True)
class Claims:
    """How probable it is that pages belong to rows, before rivals are looked at.

    Attributes
    ----------
    rows : ndarray of shape (n_pages, n_claims), dtype int64
        The rows that fit each page best, the best first; each once.

    odds : ndarray of shape (n_pages, n_claims), dtype float64
        How many times more probable it is that the page belongs to that row than that
        it belongs to none.

    others : ndarray of shape (n_pages,), dtype float64
        The same for all other rows together.

    n_rows : int
        Length of the list.
    """

    rows: NDArray[np.int64]
    odds: NDArray[np.float64]
    others: NDArray[np.float64]
    n_rows: int

    def alone(self) -> NDArray[np.float64]:
        """Return the probability of each claim if no other page were there.

        Returns
        -------
        probabilities : ndarray of shape (n_pages, n_claims), dtype float64
        """
        odds = _capped(self.odds)
        return odds / (1 + self.others + odds.sum(axis=1))[:, None]


@dataclass(frozen=True)
class Shares:
    """How probable it is that pages belong to rows, each of which has one page at most.

    Attributes
    ----------
    claims : ndarray of shape (n_pages, n_claims), dtype float64
        Of the rows of `Claims.rows`.

    none : ndarray of shape (n_pages,), dtype float64
        Of no row at all.
    """

    claims: NDArray[np.float64]
    none: NDArray[np.float64]


def share_rows(claims: Claims) -> Shares:
    """Compute how probable each claim is beside those of other pages.

    Parameters
    ----------
    claims : Claims
        What fits each page by itself.

    Returns
    -------
    shares : Shares

    Notes
    -----
    Over all ways to give each page one row or none and no row two pages, each as
    probable as the product of its odds. Sums over them are permanents; here pages and
    rows send each other messages until these do not change [1]_, which is exact where
    claims run in no circle, and close to it elsewhere. Each round takes time in
    proportion to the number of claims.

    References
    ----------
    .. [1] J. L. Williams, R. Lau, "Approximate evaluation of marginal association
           probabilities with belief propagation", IEEE Transactions on Aerospace and
           Electronic Systems 50(4), pp. 2942-2959, 2014.

    Examples
    --------
    Two pages claim one row, the first with greater odds:

    >>> import numpy as np
    >>> from pipelines.scoring.assignment import Claims, share_rows
    >>> claims = Claims(np.array([[0], [0]]), np.array([[8.0], [1.0]]), np.zeros(2), 1)
    >>> shares = share_rows(claims)
    >>> shares.claims.round(3).tolist(), shares.none.round(3).tolist()
    ([[0.8], [0.1]], [0.2, 0.9])
    """
    odds = _capped(claims.odds)
    rest = 1 + claims.others[:, None]
    free = np.ones_like(odds)  # what rows answer: how far no other page has them
    for _ in range(_MOST_ROUNDS):
        offers = odds * free
        asked = odds / np.maximum(rest, rest + offers.sum(axis=1)[:, None] - offers)
        sums = np.bincount(claims.rows.ravel(), asked.ravel(), minlength=claims.n_rows)
        answers = 1 / (1 + np.maximum(0, sums[claims.rows] - asked))
        change = np.abs(answers - free).max(initial=0)
        free = answers
        if change < _TOLERANCE:
            break
    offers = odds * free
    total = rest + offers.sum(axis=1)[:, None]
    return Shares(offers / total, 1 / total[:, 0])


def assign_rows(claims: Claims) -> NDArray[np.int64]:
    """Give each page one row or none, so that all together are most probable.

    Parameters
    ----------
    claims : Claims
        What fits each page by itself.

    Returns
    -------
    rows : ndarray of shape (n_pages,), dtype int64
        No row twice; -1 for a page that belongs to none.

    Notes
    -----
    The assignment problem of ``scipy.optimize.linear_sum_assignment``, solved in
    its sparse form: only rows that are more probable than none can be given away, and
    memory grows with their number, not with pages times rows.

    Examples
    --------
    The first page leaves its best row to the second, which has no other:

    >>> import numpy as np
    >>> from pipelines.scoring.assignment import Claims, assign_rows
    >>> rows, odds = np.array([[0, 1], [0, 1]]), np.array([[9.0, 8.0], [9.0, 0.1]])
    >>> assign_rows(Claims(rows, odds, np.zeros(2), 2)).tolist()
    [1, 0]
    """
    n_pages = len(claims.rows)
    if not n_pages:
        return np.empty(0, np.int64)
    page, place = np.nonzero(claims.odds > 1)
    wanted, column = np.unique(claims.rows[page, place], return_inverse=True)
    # Beside the rows, each page has a column of its own, which stands for none. A
    # weight of 0 would be no pair at all, so there is one more for everybody.
    weights = np.r_[np.log(_capped(claims.odds[page, place])), np.zeros(n_pages)] + 1
    pages = np.arange(n_pages)
    places = np.r_[page, pages], np.r_[column.ravel(), len(wanted) + pages]
    shape = (n_pages, len(wanted) + n_pages)
    table = coo_array((weights, places), shape=shape).tocsr()
    _, given = min_weight_full_bipartite_matching(table, maximize=True)
    rows = np.full(n_pages, -1)
    has_row = given < len(wanted)
    rows[has_row] = wanted[given[has_row]]
    return rows


def _capped(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(odds, _MOST_ODDS)

"""Which of several blank pages a page is of, by what is printed on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.pages.placement import Registration
from pipelines.pages.prepared import PreparedBlank, PreparedPage
from pipelines.pages.register import register_flat, register_prepared, score_print

# A first look, at 45 dpi for a letter page, decides the order of trying: it takes three
# milliseconds, and two for each blank, where a registration takes sixty or more.
_LOOK_SIDE: Final = 500
_N_LOOKED: Final = 500
_RATIO: Final = 0.8  # as for a registration

# Blanks with fewer matches than this share of the most are not tried, nor more than so
# many. Where flat paper fits none, paper that bends and SIFT's features are tried on
# the few that come nearest.
_LEAST_LOOK: Final = 0.5
_MOST_TRIED: Final = 8
_MOST_TRIED_HARD: Final = 3

# Two blanks are rivals, such as editions of one form, if so much of the one's print is
# on the other; where a page shows a part of it only, so much of that part.
_RIVAL: Final = 0.5

# A patch of print is on a page from this correlation on; if it is below that on a blank
# page, it is surely not there.
_SEEN: Final = 0.4
_UNSEEN: Final = 0.3

# What is on one of two rivals only tells whose a page is: fewer patches than these, or
# a balance between them that is less clear, tell nothing.
_FEWEST_TELLING: Final = 3
_LEAST_BALANCE: Final = 0.34


@dataclass(frozen=True, eq=False)
class Fit:
    """Which blank page a page is of.

    Attributes
    ----------
    number : int or None
        Which of the blanks, counted from 0; None for none of them, and where several
        fit about equally well.

    score : float
        Share in [0, 1] of the print of the best one that was found on the page.

    registration : Registration or None
        Where that blank is on the page; None where `number` is.

    rivals : tuple of int
        The blanks that fit about equally well, where it cannot be told which it is.
    """

    number: int | None
    score: float
    registration: Registration | None = None
    rivals: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class _Comparison:
    """What of a blank's print another has: the share of it, and which patches not."""

    share: float
    only_here: NDArray[np.bool_]


class _Tries:
    """Registrations of a page onto several blanks, each made once.

    Parameters
    ----------
    page : PreparedPage
        The page.

    blanks : sequence of PreparedBlank
        The blanks, which are asked for by their numbers.
    """

    def __init__(self, page: PreparedPage, blanks: Sequence[PreparedBlank]) -> None:
        self._page, self._blanks = page, blanks
        self._flat: dict[int, Registration] = {}
        self._full: dict[int, Registration] = {}

    def flat(self, number: int) -> Registration:
        """Register the page as if it were flat."""
        if number not in self._flat:
            self._flat[number] = register_flat(self._page, self._blanks[number])
        return self._flat[number]

    def full(self, number: int) -> Registration:
        """Register the page with all that there is."""
        if number not in self._full:
            flat = self.flat(number)
            self._full[number] = (
                flat
                if flat.is_flat
                else register_prepared(self._page, self._blanks[number])
            )
        return self._full[number]


class BlankPages:
    """Several blank pages, and what tells them apart.

    Parameters
    ----------
    blanks : sequence of PreparedBlank
        From :func:`pipelines.prepare_blank`.

    Notes
    -----
    What tells two editions of one form apart is found out when the first page of one of
    them comes. A page of a form that is none of these, but has most of the print of one
    of them, is taken for it.

    Examples
    --------
    >>> from pipelines import prepare_blank
    >>> from pipelines.drawing.piles import draw_layout
    >>> from pipelines.pages.fitting import BlankPages
    >>> from pipelines.pages.prepared import prepare_page
    >>> sheets = [draw_layout("Form", n, {"id": 5}, dpi=100).page for n in (1, 2)]
    >>> blanks = BlankPages([prepare_blank(sheet) for sheet in sheets])
    >>> blanks.fit(prepare_page(sheets[1])).number
    1
    """

    def __init__(self, blanks: Sequence[PreparedBlank]) -> None:
        self.blanks = blanks
        self._looks = [_look(blank.reduced) for blank in blanks]
        self._compared: dict[tuple[int, int], _Comparison] = {}

    def fit(self, page: PreparedPage, among: Sequence[int] | None = None) -> Fit:
        """Find the blank page that a page is of.

        Parameters
        ----------
        page : PreparedPage
            From :func:`pipelines.pages.prepared.prepare_page`.

        among : sequence of int, default=None
            Numbers of the blanks that come into question; None for all.

        Returns
        -------
        fit : Fit
        """
        order = self._order(page, range(len(self.blanks)) if among is None else among)
        tries = _Tries(page, self.blanks)
        best, registration = _first_good(tries, order)
        if best is None:
            return Fit(None, registration.quality)
        good = {best: registration}
        for rival in self._rivals(page, best, registration, order):
            # Where one fits a page that is flat, a rival is not sought on a bent one.
            other = (tries.flat if registration.is_flat else tries.full)(rival)
            good |= {rival: other} if other.is_good else {}
        left = [number for number in good if not self._is_beaten(page, number, good)]
        if len(left) != 1:
            return Fit(None, registration.quality, rivals=tuple(left or good))
        registration = tries.full(left[0])
        return Fit(left[0], registration.quality, registration)

    def _rivals(
        self,
        page: PreparedPage,
        best: int,
        registration: Registration,
        order: Sequence[int],
    ) -> list[int]:
        """List the blanks that have much of what a page shows of the one it fits."""
        if len(order) < 2:
            return []
        scores = score_print(page, self.blanks[best], registration)
        in_view = 1 - np.isnan(scores).mean()
        others = (number for number in order if number != best)
        return [n for n in others if self._compare(best, n).share >= _RIVAL * in_view]

    def _is_beaten(
        self, page: PreparedPage, number: int, good: Mapping[int, Registration]
    ) -> bool:
        """Return whether what tells two blanks apart speaks clearly for another."""
        own = number, good[number]
        rivals = ((rival, good[rival]) for rival in good if rival != number)
        return any(
            self._balance(page, rival, own) >= _LEAST_BALANCE for rival in rivals
        )

    def _order(self, page: PreparedPage, among: Sequence[int]) -> list[int]:
        """List the blanks that a page may be of, the most alike first."""
        look = _look(page.reduced)
        alike = {number: _count_matches(self._looks[number], look) for number in among}
        least = _LEAST_LOOK * max(alike.values(), default=0)
        order = sorted(alike, key=lambda number: -alike[number])
        return [number for number in order if alike[number] >= least][:_MOST_TRIED]

    def _compare(self, one: int, other: int) -> _Comparison:
        """Tell what of a blank's print another has."""
        if (one, other) not in self._compared:
            blank, rival = self.blanks[one], self.blanks[other]
            image = PreparedPage(rival.reduced, rival.to_reduced)
            found = register_flat(image, blank)
            scores = np.nan_to_num(score_print(image, blank, found))
            self._compared[one, other] = _Comparison(found.quality, scores < _UNSEEN)
        return self._compared[one, other]

    def _balance(
        self,
        page: PreparedPage,
        one: tuple[int, Registration],
        other: tuple[int, Registration],
    ) -> float:
        """Weigh by what only one of two has: 1 if all speaks for `one`, else to -1."""
        votes = []
        for sign, mine, rival in ((1, one, other), (-1, other, one)):
            telling = self._compare(mine[0], rival[0]).only_here
            scores = score_print(page, self.blanks[mine[0]], mine[1])[telling]
            seen = scores[~np.isnan(scores)] >= _SEEN  # of those in the picture
            votes += [sign if one_seen else -sign for one_seen in seen]
        return float(np.mean(votes)) if len(votes) >= _FEWEST_TELLING else 0.0


def _first_good(tries: _Tries, order: Sequence[int]) -> tuple[int | None, Registration]:
    """Register a page onto one blank after the other, until it fits."""
    best = Registration(np.full((3, 3), np.nan), 0.0)
    for register in (tries.flat, tries.full):
        for number in order:
            found = register(number)
            if found.is_good:
                return number, found
            best = max(best, found, key=lambda one: one.quality)
        order = sorted(order, key=lambda number: -tries.flat(number).quality)
        order = order[:_MOST_TRIED_HARD]
    return None, best


def _look(reduced: Image) -> NDArray[np.uint8]:
    """Describe the strongest features of a small copy of a page."""
    scale = min(1.0, _LOOK_SIDE / max(reduced.shape))
    small = cv2.resize(reduced, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, found = cv2.ORB.create(_N_LOOKED).detectAndCompute(small, None)
    return np.empty((0, 32), np.uint8) if found is None else np.asarray(found, np.uint8)


def _count_matches(blank: NDArray[np.uint8], page: NDArray[np.uint8]) -> int:
    """Count the features of a page that one of a blank clearly resembles."""
    if min(len(blank), len(page)) < 2:
        return 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(page, blank, 2)
    return sum(a.distance < _RATIO * b.distance for a, b in pairs)

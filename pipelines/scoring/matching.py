"""Match the pages of a batch with a list: who each page is of, and who has none."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.outputs import check_free, write_rows
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.outcomes import FieldReading, ReasonKind, show_confidence
from pipelines.scans.find import printable
from pipelines.scoring.assignment import Claims, Shares, assign_rows, share_rows
from pipelines.scoring.claims import Evidence, find_evidence, weigh_claims
from pipelines.scoring.roster import Roster
from pipelines.scoring.table import PageResult, counts_line, document_cell, error_cell

MatchStatus = Literal["matched", "unlisted", "conflict", "rejected", "unread"]

_STATUSES: Final = ("matched", "unlisted", "conflict", "rejected", "unread")

# The columns of the table of matches.
MATCH_COLUMNS: Final = (
    "document",
    "page",
    "status",
    "error",
    "number",
    "confidence",
    "suggestions",
)

_N_SUGGESTIONS: Final = 3

# A page from which nothing is taken unseen: what was read may be another field, or a
# part of one. (Which way up a page lies is settled by a number that is listed.)
_DOUBTFUL: Final = {
    ReasonKind.SEVERAL,
    ReasonKind.UNSUITED,
    ReasonKind.DAMAGED,
}

# A row whose number is missing may be that of a page to which it fits as well as this.
_LEAST_HINT: Final = 0.01

# A row that is more probable than all else, were no other page there.
_CLAIM: Final = 0.5

# What a summary or a reason lists of one kind.
_MOST_SHOWN: Final = 5


@dataclass(frozen=True)
class Match:
    """Which number of a list a page bears.

    Attributes
    ----------
    document : str
        The scan file, as it was given or found.

    page : int
        Number of the page in it, counted from 1.

    status : {"matched", "unlisted", "conflict", "rejected", "unread"}
        What to do with the page: it is of `number`; it bears none that is listed; look
        at it, for another page bears the same number; look at it, for it is not
        certain; or no number was found on it.

    number : str
        That of the list; empty unless it is matched.

    confidence : float
        Probability, in [0, 1], that this is right: of the number where it is matched,
        of none where it is unlisted, else of what fits best.

    reason : str
        Why the page must be looked at, or bears no number; for people.

    suggestions : tuple of Hypothesis
        The numbers that fit best, where it is not matched, each with the `probability`
        that the page is of it.
    """

    document: str
    page: int
    status: MatchStatus
    number: str
    confidence: float
    reason: str = ""
    suggestions: tuple[Hypothesis, ...] = ()

    @property
    def name(self) -> str:
        """The page, as messages call it."""
        return f"{self.document} page {self.page}"


@dataclass(frozen=True)
class Matching:
    """A batch of pages beside a list; its string is a summary.

    Attributes
    ----------
    matches : tuple of Match
        One for each page, in their order.

    roster : Roster
        The list.

    Examples
    --------
    >>> from pipelines import Match, Matching, Roster
    >>> match = Match("a.png", 1, "matched", "1998", 0.99)
    >>> matching = Matching((match,), Roster(("0451", "1998")))
    >>> matching.absent
    ('0451',)
    >>> print(matching)
    1 page: 1 matched
    1 of 2 on the list without a page
    """

    matches: tuple[Match, ...]
    roster: Roster

    @property
    def conflicts(self) -> dict[str, tuple[Match, ...]]:
        """The pages that claim each number which more than one page claims."""
        claims: dict[str, tuple[Match, ...]] = {}
        for match in self.matches:
            if match.status == "conflict":
                number = match.suggestions[0].text
                claims[number] = (*claims.get(number, ()), match)
        return claims

    @property
    def absent(self) -> tuple[str, ...]:
        """The numbers that no page is matched with, and no two pages claim."""
        taken = {match.number for match in self.matches} | set(self.conflicts)
        return tuple(number for number in self.roster.numbers if number not in taken)

    def __str__(self) -> str:
        counts: Counter[str] = Counter(match.status for match in self.matches)
        n_listed = len(self.roster.numbers)
        conflicts = [
            printable(f"conflict: {number}: {', '.join(each.name for each in pages)}")
            for number, pages in self.conflicts.items()
        ]
        more = len(conflicts) - _MOST_SHOWN
        return "\n".join(
            [
                counts_line("page", counts, _STATUSES),
                f"{len(self.absent)} of {n_listed} on the list without a page",
                *conflicts[:_MOST_SHOWN],
                *([f"and {more} more conflicts"] if more > 0 else []),
            ]
        )


def match_pages(
    results: Iterable[PageResult],
    roster: Roster,
    field: str,
    *,
    threshold: float = 0.9,
) -> Matching:
    """Match pages with a list of numbers, each with one number or none.

    Parameters
    ----------
    results : iterable of PageResult
        What :func:`pipelines.score_documents` yields: the whole batch.

    roster : Roster
        The numbers that are expected, each on one page at most.

    field : str
        Name of the field that the number is written in.

    threshold : float, default=0.9
        Confidence below which a page is to be looked at.

    Returns
    -------
    matching : Matching
        One match for each page, in their order.

    Raises
    ------
    ValueError
        If pages were read without that field, or `threshold` is not in [0, 1].

    Notes
    -----
    Every number of the list is scored by what each box may hold, not by the string that
    was read; and so are numbers that are not on the list, which are taken to be like
    those that are. Numbers are given to pages so that all together are most probable,
    and the confidence is a probability over all ways to do so. Two pages that would be
    matched with one number if they were alone are both to be looked at, however much
    better one fits: somebody may have written on two sheets, or copied a number.

    10,000 pages and 20,000 numbers take about half a minute and half a gigabyte.

    Examples
    --------
    A doubtful digit is settled by the list:

    >>> from lenet_sklearn.strings import Hypothesis
    >>> from pipelines import FieldReading, PageReading, PageResult, Roster, match_pages
    >>> guesses = Hypothesis("1993", 0.6), Hypothesis("1998", 0.4)
    >>> reading = FieldReading("1993", "rejected", 0.6, candidates=guesses)
    >>> pages = [PageResult("a.png", 1, PageReading({"id": reading}))]
    >>> matching = match_pages(pages, Roster(("0451", "1998")), "id")
    >>> matching.matches[0].status, matching.matches[0].number
    ('matched', '1998')
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold expects a number in [0, 1]. Got {threshold}.")
    listed = list(results)
    _check_field(listed, field)
    read: list[tuple[int, FieldReading, Evidence]] = []
    matches: list[Match] = []
    for n, result in enumerate(listed):
        reading = result.reading.fields.get(field)
        evidence = None if reading is None else find_evidence(reading)
        if reading is not None and evidence is not None:
            read.append((n, reading, evidence))
        matches.append(_unread(result, reading))
    names = [matches[n].name for n, *_ in read]
    judge = _Judge([evidence for *_, evidence in read], names, roster, threshold)
    for place, (n, reading, _) in enumerate(read):
        matches[n] = judge.decide(place, listed[n], reading)
    return Matching(tuple(matches), roster)


class _Judge:
    """Decides what becomes of each page, once all have been weighed."""

    def __init__(
        self,
        pages: Sequence[Evidence],
        names: Sequence[str],
        roster: Roster,
        threshold: float,
    ) -> None:
        self._names = names
        self._numbers = roster.numbers
        self._threshold = threshold
        self._claims: Claims = weigh_claims(pages, roster.numbers)
        self._shares: Shares = share_rows(self._claims)
        self._assigned: NDArray[np.int64] = assign_rows(self._claims)
        # What fits best, and how well it would if no other page were there.
        self._best = self._claims.rows[:, 0]
        self._alone = self._claims.alone()[:, 0]

    def decide(self, page: int, result: PageResult, reading: FieldReading) -> Match:
        """Judge one page."""
        match = partial(Match, result.document, result.page)
        share, none = self._share(page), float(self._shares.none[page])
        if rivals := self._rivals(page):
            claimed = self._suggest(page, first=int(self._best[page]))
            reason = f"also claimed by {_listing(rivals)}"
            return match("conflict", "", claimed[0].probability, reason, claimed)
        nearest = self._suggest(page)
        most = max(none, nearest[0].probability)
        doubt = reading.reason
        if doubt is not None and doubt.kind in _DOUBTFUL:
            return match("rejected", "", most, doubt.text, nearest)
        if self._assigned[page] >= 0 and share >= self._threshold:
            return match("matched", self._numbers[self._assigned[page]], share)
        keeper = self._keeper(page)
        if keeper is not None:
            fits = self._numbers[self._best[page]]
            reason = f"{fits} fits best, but is given to {keeper}"
            return match("rejected", "", most, reason, nearest)
        if doubt is not None and doubt.kind is ReasonKind.ORIENTATION:
            return match("rejected", "", most, doubt.text, nearest)
        if none >= self._threshold:
            return match("unlisted", "", none, "", nearest)
        reason = f"confidence below {self._threshold:g}"
        return match("rejected", "", most, reason, nearest)

    def _share(self, page: int) -> float:
        """Return the probability of the row that the page is given, if any."""
        given = self._claims.rows[page] == self._assigned[page]
        return float(self._shares.claims[page][given].sum())

    def _rivals(self, page: int) -> list[str]:
        """Name the other pages that would be matched with the same row, as this."""
        is_claimed = self._alone >= max(self._threshold, _CLAIM)
        if not is_claimed[page]:
            return []
        claiming = np.flatnonzero(is_claimed & (self._best == self._best[page]))
        return [self._names[other] for other in claiming.tolist() if other != page]

    def _keeper(self, page: int) -> str | None:
        """Name the page that has the row which fits this one best, by itself."""
        if self._alone[page] < _CLAIM:
            return None
        keepers = np.flatnonzero(self._assigned == self._best[page]).tolist()
        return next((self._names[other] for other in keepers if other != page), None)

    def _suggest(self, page: int, first: int | None = None) -> tuple[Hypothesis, ...]:
        """List the rows that fit best, beside all other pages."""
        rows, shares = self._claims.rows[page], self._shares.claims[page]
        order = np.argsort(-shares, kind="stable")
        if first is not None:
            order = np.r_[order[rows[order] == first], order[rows[order] != first]]
        return tuple(
            Hypothesis(self._numbers[rows[n]], float(shares[n]))
            for n in order[:_N_SUGGESTIONS]
        )


def write_matches(
    path: str | Path, matching: Matching, *, overwrite: bool = False
) -> None:
    """Write the table of matches: a row for each page, then those without a page.

    Parameters
    ----------
    path : str or Path
        The CSV file.

    matching : Matching
        What :func:`match_pages` returns.

    overwrite : bool, default=False
        Replace a file that exists.

    Raises
    ------
    OutputError
        If the table cannot be written, or exists.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pipelines import Match, Matching, Roster, write_matches
    >>> match = Match("a.png", 1, "matched", "1998", 0.99)
    >>> matching = Matching((match,), Roster(("0451", "1998")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "matches.csv")
    ...     write_matches(path, matching)
    ...     print(path.read_text().strip())
    document,page,status,error,number,confidence,suggestions
    a.png,1,matched,,1998,0.9900,
    ,,absent,,0451,,
    """
    if not overwrite:
        check_free([Path(path)])
    write_rows(Path(path), MATCH_COLUMNS, _rows(matching))


def _rows(matching: Matching) -> Iterator[list[str]]:
    """Write pages, and then the numbers that have none, as rows of the table."""
    for match in matching.matches:
        confidence = show_confidence(match.confidence, 4)
        page = [document_cell(match.document), str(match.page), match.status]
        suggestions = " ".join(
            f"{one.text} ({show_confidence(one.probability, 2)})"
            for one in match.suggestions
        )
        error = error_cell(match.reason)
        yield [*page, error, match.number, confidence, suggestions]
    hints: dict[str, list[str]] = {}
    for match in matching.matches:
        for one in match.suggestions:
            if one.probability >= _LEAST_HINT:
                hints.setdefault(one.text, []).append(match.name)
    for number in matching.absent:
        perhaps = f"perhaps {_listing(hints[number])}" if number in hints else ""
        yield ["", "", "absent", perhaps, number, "", ""]


def _check_field(results: Sequence[PageResult], field: str) -> None:
    for result in results:
        names = result.reading.fields
        if names and field not in names:
            raise ValueError(
                f"{result.document}: page {result.page} was read without a field"
                f" {field!r}. It has {', '.join(map(repr, names))}."
            )


def _unread(result: PageResult, reading: FieldReading | None) -> Match:
    reason = result.reading.error or "nothing is written"
    if reading is not None and reading.reason is not None:
        reason = reading.reason.text
    return Match(result.document, result.page, "unread", "", 0.0, reason)


def _listing(names: Sequence[str]) -> str:
    """Name some pages, and how many there are besides."""
    more = len(names) - _MOST_SHOWN
    shown = ", ".join(names[:_MOST_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown

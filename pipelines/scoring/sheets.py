"""Sheets of a mixed pile: pages that belong together, and a ledger of all pages."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipelines.forms.pile import Pile, PiledForm
from pipelines.outcomes import PageReading
from pipelines.scoring.table import (
    PageResult,
    document_cell,
    error_cell,
    result_header,
    result_row,
)

LEDGER_COLUMNS: Final = (
    *("document", "page", "form", "form_page", "how", "score", "row", "problem"),
)
"""The columns of the ledger, which has a row for each page."""

# The columns of results.csv that are of the page, and those of each field.
_OF_PAGE: Final = 4
_OF_FIELD: Final = 3

# Statuses of a page, the worst first; a row has the worst of its pages.
_WORST_FIRST: Final = ("failed", "review", "ok", "empty")


@dataclass
class NotedPage:
    """What is kept of a page until all pages are known.

    Attributes
    ----------
    document, page, n_pages : str, int, int
        As of a :class:`PageResult`.

    form, form_page : str, int
        As of an :class:`Assignment`.

    how, score : str, float or None
        As of an :class:`Assignment`; ``failed`` for a page that could not be read.

    status, error : str
        As in a table of results.

    cells : dict of str to list of str
        Value, status and confidence of each of its fields.

    key : str
        What the field that joins pages says; empty where that is not accepted.

    problem : str
        What is wrong with it as a page of the pile.

    row : int
        Its row in the table of its form, counted from 1; 0 where it is in none.

    number : int
        How many pages come before it that are not empty.
    """

    document: str
    page: int
    n_pages: int
    form: str
    form_page: int
    how: str
    score: float | None
    status: str
    error: str
    cells: dict[str, list[str]] = field(default_factory=dict)
    key: str = ""
    problem: str = ""
    row: int = 0
    number: int = 0

    @property
    def place_cells(self) -> list[str]:
        """Where it is, as the two cells of a table."""
        return [document_cell(self.document), str(self.page)]

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.document} page {self.page}"


class Sheet(NamedTuple):
    """A row of the table of a form: the pages that belong together.

    Attributes
    ----------
    pages : tuple of NotedPage
        In the order of the form, at least one.

    problem : str
        What is wrong with it, such as a page that is missing.
    """

    pages: tuple[NotedPage, ...]
    problem: str = ""


@dataclass(frozen=True)
class Ledger:
    """What became of all pages of a pile.

    Attributes
    ----------
    pile : Pile
        Its forms.

    pages : tuple of NotedPage
        All of them, in their order.

    sheets : dict of str to tuple of Sheet
        The rows of the table of each form, by its name.
    """

    pile: Pile
    pages: tuple[NotedPage, ...]
    sheets: dict[str, tuple[Sheet, ...]]

    def header(self, name: str) -> list[str]:
        """Return the columns of the table of a form.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        header : list of str
            As of results.csv; where the form has several pages, with the document and
            page of each further one before the fields: ``document.2``, ``page.2``.
        """
        form = self._form(name)
        known = result_header(form.fields)
        numbers = range(2, len(form.pages) + 1)
        further = [f"{what}.{n}" for n in numbers for what in ("document", "page")]
        return [*known[:_OF_PAGE], *further, *known[_OF_PAGE:]]

    def rows(self, name: str) -> Iterator[list[str]]:
        """Return the rows of the table of a form.

        Parameters
        ----------
        name : str
            Its name.

        Yields
        ------
        row : list of str
            Its first page is the first that is there.
        """
        form = self._form(name)
        for sheet in self.sheets[name]:
            cells: dict[str, list[str]] = {}
            for page in reversed(sheet.pages):
                cells |= page.cells
            places = {page.form_page: page.place_cells for page in sheet.pages}
            row = [*sheet.pages[0].place_cells, _worst(sheet)]
            row.append(error_cell(_reasons(sheet)))
            for number in range(2, len(form.pages) + 1):
                row += places.get(number, ["", ""])
            for field_name in form.fields:
                row += cells.get(field_name, [""] * _OF_FIELD)
            yield row

    def lines(self) -> Iterator[list[str]]:
        """Return the rows of the ledger.

        Yields
        ------
        row : list of str
            The columns are `LEDGER_COLUMNS`.
        """
        for page in self.pages:
            yield [
                *page.place_cells,
                page.form,
                str(page.form_page or ""),
                page.how,
                "" if page.score is None else f"{page.score:.4f}",
                str(page.row or ""),
                error_cell(page.problem),
            ]

    def check(self) -> None:
        """Make sure that no page is lost.

        Raises
        ------
        RuntimeError
            If one is in no row and not said to be in none, or in two.
        """
        counts = self._counts()
        in_rows = [id(page) for page in self._joined()]
        if len(self.pages) != sum(counts.values()) or len(set(in_rows)) != len(in_rows):
            raise RuntimeError(
                f"{len(self.pages)} pages came in, and the ledger has {dict(counts)}."
                " This is a mistake of lenet-sklearn: please report it"
            )

    def _joined(self) -> list[NotedPage]:
        sheets = [sheet for rows in self.sheets.values() for sheet in rows]
        return [page for sheet in sheets for page in sheet.pages]

    def _counts(self) -> Counter[str]:
        """Count the pages by what became of them."""
        n_rows = sum(map(len, self.sheets.values()))
        without = Counter(page.how for page in self.pages if not page.row)
        return Counter(
            {
                "rows": n_rows,
                "joined to them": len(self._joined()) - n_rows,
                "empty": without["empty"],
                "of no form": without["none"],
                "failed": without["failed"],
            }
        )

    def __str__(self) -> str:
        known = " + ".join(f"{n} {what}" for what, n in self._counts().items())
        lines = [f"{len(self.pages)} pages in = {known}"]
        for form in self.pile.forms:
            rows = self.sheets[form.name]
            n_pages = sum(len(sheet.pages) for sheet in rows)
            bad = Counter(_kind(sheet.problem) for sheet in rows if sheet.problem)
            said = "".join(f", {n} {kind}" for kind, n in bad.items())
            lines.append(f"{form.name}: {n_pages} pages in {len(rows)} rows{said}")
        return "\n".join(lines)

    def _form(self, name: str) -> PiledForm:
        return next(form for form in self.pile.forms if form.name == name)


class Sheets:
    """Notes the pages of a mixed pile as they go by, and joins them at the end.

    Parameters
    ----------
    pile : Pile
        Its forms.
    """

    def __init__(self, pile: Pile) -> None:
        self._pile = pile
        self._forms = {form.name: form for form in pile.forms}
        self._pages: list[NotedPage] = []
        self._n_filled = 0

    def add(self, result: PageResult) -> None:
        """Note a page.

        Parameters
        ----------
        result : PageResult
            What it gave, in the order of the pile.
        """
        noted = self._note(result)
        noted.number = self._n_filled
        self._n_filled += noted.how != "empty"
        self._pages.append(noted)

    def join(self) -> Ledger:
        """Join the pages that were noted.

        Returns
        -------
        ledger : Ledger
            All pages are in it, as is made sure.
        """
        sheets = {}
        for name, form in self._forms.items():
            pages = [page for page in self._pages if page.form == name]
            sheets[name] = tuple(_join(form, pages))
            for number, sheet in enumerate(sheets[name], start=1):
                for page in sheet.pages:
                    page.row, page.problem = number, sheet.problem
        ledger = Ledger(self._pile, tuple(self._pages), sheets)
        ledger.check()
        return ledger

    def _note(self, result: PageResult) -> NotedPage:
        reading = result.reading
        names = list(reading.fields)
        row = result_row(result, names)
        cells = {
            name: row[start : start + _OF_FIELD]
            for name, start in zip(
                names, range(_OF_PAGE, len(row), _OF_FIELD), strict=True
            )
        }
        assigned = reading.assigned
        noted = NotedPage(
            result.document,
            result.page,
            result.n_pages,
            *("", 0, "failed", None),
            status=reading.status,
            error=row[3],
            problem=reading.error,
        )
        if assigned is None:
            return noted
        if not reading.error:
            noted.how, noted.problem = assigned.how, assigned.problem
        noted.form, noted.form_page = assigned.form, assigned.page
        noted.score, noted.cells = assigned.score, cells
        if assigned.form:
            noted.key = _key_of(self._forms[assigned.form], reading, assigned.page)
        return noted


def _key_of(form: PiledForm, reading: PageReading, page: int) -> str:
    """Return which sheet a page says it is of, if that is certain."""
    own = reading.fields.get(form.join) if form.join else None
    if own is None or own.status != "accepted":
        return ""
    fields = {field.name: field for field in form.pages[page - 1].fields}
    return fields[str(form.join)].key_of(own.value) or ""


def _join(form: PiledForm, pages: Sequence[NotedPage]) -> list[Sheet]:
    """Join the pages of a form, in the order of their first pages."""
    if form.join is not None:
        return list(_join_by_key(form, pages))
    if len(form.pages) == 1:
        return [Sheet((page,)) for page in pages]
    return [_sheet(form, group) for group in _follow(pages)]


def _join_by_key(form: PiledForm, pages: Sequence[NotedPage]) -> Iterator[Sheet]:
    """Join pages of which the same field says the same."""
    known = defaultdict(list)
    for page in pages:
        known[page.key].append(page)
    for page in pages:
        group = known[page.key]
        if not page.key:
            alone = len(form.pages) == 1
            why = f"cannot be joined: {form.join} is not certain"
            yield Sheet((page,), "" if alone else why)
        elif len({each.form_page for each in group}) < len(group):
            yield Sheet((page,), _describe_double(form, page, group))
        elif page is group[0]:
            yield _sheet(form, group)


def _follow(pages: Iterable[NotedPage]) -> Iterator[list[NotedPage]]:
    """Group pages that follow each other as in the form."""
    group: list[NotedPage] = []
    for page in pages:
        if group and not _follows(group[-1], page):
            yield group
            group = []
        group.append(page)
    if group:
        yield group


def _follows(one: NotedPage, other: NotedPage) -> bool:
    """Return whether a page may be a later one of the same sheet."""
    is_single = one.n_pages == other.n_pages == 1  # a file for each page
    is_near = is_single or one.document == other.document
    is_next = other.number == one.number + 1  # but for the empty backs of sheets
    return is_near and is_next and one.form_page < other.form_page


def _sheet(form: PiledForm, group: Sequence[NotedPage]) -> Sheet:
    """Make a row of pages, and say which ones it lacks."""
    there = {page.form_page for page in group}
    missing = [n for n in range(1, len(form.pages) + 1) if n not in there]
    numbers = " and ".join(map(str, missing))
    problem = f"missing: page {numbers} of {form.name}" if missing else ""
    return Sheet(tuple(sorted(group, key=lambda page: page.form_page)), problem)


def _describe_double(
    form: PiledForm, page: NotedPage, group: Sequence[NotedPage]
) -> str:
    """Say which other pages a page must not be joined with, nor without."""
    others = ", ".join(each.place for each in group if each is not page)
    return f"doubled: {form.join} {page.key} is also on {others}"


def _kind(problem: str) -> str:
    """Return what kind of problem it is: what it begins with."""
    return problem.partition(":")[0]


def _worst(sheet: Sheet) -> str:
    statuses = {page.status for page in sheet.pages}
    if sheet.problem:
        statuses.add("review")
    return next(status for status in _WORST_FIRST if status in statuses)


def _reasons(sheet: Sheet) -> str:
    listed = [sheet.problem, *(page.error for page in sheet.pages)]
    return "; ".join(filter(None, listed))

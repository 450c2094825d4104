"""Count what a stack gave, and compare it with what was written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from pipelines.outcomes import FieldReading
from pipelines.scoring.table import PageResult

Unit = Literal["page", "field"]

# In the order in which they are counted.
_STATUSES: Final = (
    "accepted",
    "rejected",
    "invalid",
    "blank",
    "unlocated",
    "failed",
)

_NOT_READ = FieldReading("", "unlocated", 0.0)


class Summary:
    """Counts of what a stack gave, kept while it is read.

    Parameters
    ----------
    unit : {"page", "field"}, default="page"
        What each result is; of fields that come one by one no pages are counted.

    Attributes
    ----------
    pages : Counter of str
        Number of pages of each status.

    fields : Counter of str
        Number of fields of each status.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading, PageReading
    >>> from pipelines.scoring.summary import Summary
    >>> from pipelines.scoring.table import PageResult
    >>> summary = Summary()
    >>> page = PageReading({"id": FieldReading("042", "accepted", 0.99)})
    >>> summary.add(PageResult("a.png", 1, page))
    >>> summary.add(PageResult("b.png", 1, PageReading(error="b.png: is empty")))
    >>> print(summary)
    2 pages: 1 ok, 1 failed
    1 field: 1 accepted
    failed: b.png: is empty
    """

    # The reasons of so many failed pages are listed: their table has the others. That
    # of single fields has no column for them.
    _MOST_REASONS = 5

    def __init__(self, unit: Unit = "page") -> None:
        self.unit = unit
        self.pages: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        self._reasons: list[str] = []

    def add(self, result: PageResult) -> None:
        """Count one page.

        Parameters
        ----------
        result : PageResult
            What it gave.
        """
        self.pages[result.reading.status] += 1
        self.fields.update(field.status for field in result.reading.fields.values())
        if result.reading.error:
            self._reasons.append(_with_document(result))

    def __str__(self) -> str:
        lines = self._count_lines()
        most = self._MOST_REASONS if self.unit == "page" else len(self._reasons)
        lines += [f"failed: {text}" for text in self._reasons[:most]]
        more = len(self._reasons) - most
        return "\n".join([*lines, f"and {more} more failed"] if more > 0 else lines)

    def _count_lines(self) -> list[str]:
        if self.unit == "field":
            # An image that could not be read was to be one field.
            failed = Counter(failed=self.pages["failed"])
            return [_counts("field", self.fields + failed, _STATUSES)]
        lines = [
            _counts("page", self.pages, ["ok", "review", "failed"]),
            _counts("field", self.fields, _STATUSES),
        ]
        if 0 < self.fields.total() == self.fields["unlocated"]:
            lines.append("no field was found on any page; the column error says why")
        return lines


def truth_table(
    results: Iterable[PageResult], truth: Mapping[str, Mapping[str, str]]
) -> str:
    """Set what was read beside what was written.

    Parameters
    ----------
    results : iterable of PageResult
        What each page gave.

    truth : mapping of str to mapping of str to str
        For each name of a file (without its folder), the value of each field.

    Returns
    -------
    table : str
        A line for each page, with ``-`` for a blank field and ``?`` for one that
        was not read; below it the truth of the values that are wrong; and the
        share that was read correctly.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading, PageReading
    >>> from pipelines.scoring.summary import truth_table
    >>> from pipelines.scoring.table import PageResult
    >>> fields = {"id": FieldReading("042", "accepted", 0.99)}
    >>> fields["room"] = FieldReading("7", "rejected", 0.41)
    >>> page = PageResult("in/a.png", 1, PageReading(fields))
    >>> print(truth_table([page], {"a.png": {"id": "042", "room": "17"}}))
    page       id   room
    a.png      042  7
      written       17
    1 of 2 fields read correctly (50.0 %); of 1 accepted, 0 are wrong
    """
    names = list(dict.fromkeys(name for values in truth.values() for name in values))
    rows = [["page", *names]]
    n_right = n_fields = n_accepted = n_wrong = 0
    for result in results:
        page = Path(result.document).name
        fields = [result.reading.fields.get(name, _NOT_READ) for name in names]
        written = [truth[page].get(name, "") for name in names]
        right = [_is_right(f, text) for f, text in zip(fields, written, strict=True)]
        rows.append([page, *map(_cell, fields)])
        if not all(right):
            cells = zip(written, right, strict=True)
            rows.append(
                ["  written", *("" if ok else text or "-" for text, ok in cells)]
            )
        accepted = [field.status == "accepted" for field in fields]
        n_fields, n_right = n_fields + len(names), n_right + sum(right)
        n_accepted += sum(accepted)
        n_wrong += sum(a and not r for a, r in zip(accepted, right, strict=True))
    share = 100 * n_right / max(n_fields, 1)
    return (
        f"{_aligned(rows)}\n{n_right} of {n_fields} fields read correctly"
        f" ({share:.1f} %); of {n_accepted} accepted, {n_wrong} are wrong"
    )


def _is_right(field: FieldReading, written: str) -> bool:
    return field.value == written and field.status != "unlocated"


def _cell(field: FieldReading) -> str:
    return "?" if field.status == "unlocated" else field.value or "-"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Set cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _with_document(result: PageResult) -> str:
    """Return why a page failed, with its file unless the reason names it."""
    error = result.reading.error
    if error.startswith(result.document):
        return error
    return f"{result.document}: page {result.page}: {error}"


def _counts(noun: str, counts: Counter[str], order: Sequence[str]) -> str:
    """Write how many there are, and of which status."""
    total = counts.total()
    known = [f"{counts[status]} {status}" for status in order if counts[status]]
    nouns = noun if total == 1 else noun + "s"
    return f"{total} {nouns}" + (": " + ", ".join(known) if known else "")

"""What a stack of scans gives: rows of the table, and a summary."""

import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from pipelines.outcomes import FieldReading, PageReading, ReasonKind, show_confidence
from pipelines.scans.find import printable

# The columns of values.csv, the table of single fields.
VALUE_COLUMNS = ("file", "value", "status", "confidence")

# A cell that begins so is computed by spreadsheets [1], in full width too.
# [1] OWASP, "CSV Injection".
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

# What a page that failed has in the columns of each field.
_NO_CELLS = ("", "", "")


@dataclass(frozen=True)
class PageResult:
    """What one page of a stack gave.

    Attributes
    ----------
    document : str
        The scan file, as it was given or found.

    page : int
        Number of the page in it, counted from 1.

    reading : PageReading
        Its fields, or the reason why it could not be read.

    n_pages : int, default=1
        Number of pages of the document.

    seconds : float, default=0.0
        Time that decoding and reading it took; it does not count where two results
        are compared.

    sha256 : str, default=""
        Hash of the document's content, in hexadecimal, where that is known.
    """

    document: str
    page: int
    reading: PageReading
    n_pages: int = 1
    seconds: float = dataclasses.field(default=0.0, compare=False)
    sha256: str = dataclasses.field(default="", compare=False)


def result_header(names: Iterable[str], raws: Collection[str] = ()) -> list[str]:
    """Return the columns of results.csv.

    Parameters
    ----------
    names : iterable of str
        Names of the form's fields, in its order.

    raws : collection of str, default=()
        Those whose values have another form than what is written.

    Returns
    -------
    header : list of str
        Four columns for the page, and three for each field, or four.

    Examples
    --------
    >>> from pipelines.scoring.table import result_header
    >>> ",".join(result_header(["id"]))
    'document,page,status,error,id,id.status,id.confidence'
    """
    columns = ("{}", "{}.status", "{}.confidence")
    fields = []
    for name in names:
        fields += [column.format(name) for column in columns]
        fields += [f"{name}.raw"] if name in raws else []
    return ["document", "page", "status", "error", *fields]


def result_row(
    result: PageResult, names: Iterable[str], raws: Collection[str] = ()
) -> list[str]:
    """Return the row of results.csv for one page.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    names : iterable of str
        Names of the form's fields, in its order.

    raws : collection of str, default=()
        As of :func:`result_header`.

    Returns
    -------
    row : list of str
        Values are text, and confidences are never rounded up. The cells of fields
        that were not read are empty. The error of a page that was read is what
        :func:`review_reason` returns for its fields.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind
    >>> from pipelines.scoring.table import PageResult, result_row
    >>> reason = Reason(ReasonKind.NOT_FOUND, "no comb of 9 boxes")
    >>> field = FieldReading("", "unlocated", 0.0, reason=reason)
    >>> page = PageResult("a.png", 1, PageReading({"id": field}))
    >>> ",".join(result_row(page, ["id"]))
    'a.png,1,review,id: no comb of 9 boxes,,unlocated,0.0000'
    """
    reading = result.reading
    error = error_cell(_error_of(reading))
    document = document_cell(result.document)
    row = [document, str(result.page), reading.status, error]
    fields = {} if reading.status == "empty" else reading.fields
    for name in names:
        row += _cells(fields.get(name))
        row += [raw_cell(fields.get(name))] if name in raws else []
    return row


def value_row(result: PageResult, *, raw: bool = False) -> list[str]:
    """Return the row of values.csv for one image of a field.

    Parameters
    ----------
    result : PageResult
        What the image gave: one field, or an error.

    raw : bool, default=False
        Whether what is written stands behind it, character by character.

    Returns
    -------
    row : list of str
        File, value, status and confidence; ``failed`` for an image that could
        not be read.
    """
    for field in result.reading.fields.values():
        written = [raw_cell(field)] if raw else []
        return [document_cell(result.document), *_cells(field), *written]
    return [document_cell(result.document), "", "failed", "", *([""] if raw else [])]


def to_dicts(results: Iterable[PageResult]) -> list[dict[str, Any]]:
    """List what pages gave, as rows of results.csv.

    Parameters
    ----------
    results : iterable of PageResult
        What :func:`pipelines.score_documents` or :func:`pipelines.score_fields` yield.

    Returns
    -------
    rows : list of dict
        The columns of the table by their names. Pages are int, confidences float, the
        rest is str. What a page has nothing of is "", and a confidence None.

    Examples
    --------
    >>> from pipelines import FieldReading, PageReading, PageResult, to_dicts
    >>> page = PageReading({"id": FieldReading("042", "accepted", 0.99)})
    >>> [row] = to_dicts([PageResult("a.png", 1, page)])
    >>> row["document"], row["status"], row["id"], row["id.confidence"]
    ('a.png', 'ok', '042', 0.99)
    """
    listed = list(results)
    names = dict.fromkeys(name for result in listed for name in result.reading.fields)
    rows = []
    for result in listed:
        row = dict(zip(result_header(names), result_row(result, names), strict=True))
        confidences = {
            f"{name}.confidence": _confidence(result.reading, name) for name in names
        }
        known = {"document": result.document, "page": result.page}
        error = {"error": _error_of(result.reading)}
        rows.append({**row, **known, **error, **confidences})
    return rows


def to_frame(results: Iterable[PageResult]) -> Any:
    """Make a DataFrame of what pages gave; needs pandas.

    Parameters
    ----------
    results : iterable of PageResult
        What :func:`pipelines.score_documents` or :func:`pipelines.score_fields` yield.

    Returns
    -------
    frame : pandas.DataFrame
        A row for each page, as of :func:`to_dicts`. Values are strings.

    Raises
    ------
    ImportError
        If pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas, which is not installed. Install it with"
            " pip install pandas, or take to_dicts."
        ) from error
    rows = to_dicts(results)
    return pandas.DataFrame(rows, columns=None if rows else result_header([]))


def _confidence(reading: PageReading, name: str) -> float | None:
    """Return the confidence of a field; None where the page has no cells of it."""
    field = reading.fields.get(name)
    return None if field is None else field.confidence


def document_cell(name: str) -> str:
    """Write the name of a file so that no spreadsheet takes it for a formula.

    Parameters
    ----------
    name : str
        As it was given or found.

    Returns
    -------
    cell : str
        Another name of the same file.

    Examples
    --------
    >>> from pipelines.scoring.table import document_cell
    >>> document_cell("=1+2.png"), document_cell("scans/=1+2.png")
    ('./=1+2.png', 'scans/=1+2.png')
    """
    return f"./{name}" if name.startswith(_FORMULA) else name


def error_cell(text: str) -> str:
    """Write an error so that no spreadsheet takes it for a formula.

    Parameters
    ----------
    text : str
        What went wrong.

    Returns
    -------
    cell : str
        With an apostrophe before it where it needs one, as spreadsheets mark text.

    Examples
    --------
    >>> from pipelines.scoring.table import error_cell
    >>> error_cell("=1.png: is empty"), error_cell("a.png: is empty")
    ("'=1.png: is empty", 'a.png: is empty')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def review_reason(field: FieldReading) -> str:
    """Return why a value must be reviewed, where its status does not explain it.

    Parameters
    ----------
    field : FieldReading
        What was read.

    Returns
    -------
    reason : str
        Empty for a field that is settled, and for one that is rejected for its
        confidence: the cell beside its status shows that.

    Examples
    --------
    >>> from pipelines.outcomes import settle
    >>> from pipelines.scoring.table import review_reason
    >>> review_reason(settle("042", 0.5, 0.9)), review_reason(settle("0_2", 0.5, 0.9))
    ('', 'no digit in a box between two others')
    """
    reason = field.reason
    if field.is_settled or reason is None or reason.kind is ReasonKind.UNCERTAIN:
        return ""
    return reason.in_full


def _error_of(reading: PageReading) -> str:
    problem = reading.assigned.problem if reading.assigned else ""
    return reading.error or problem or _review_reasons(reading)


def _review_reasons(reading: PageReading) -> str:
    reasons = {name: review_reason(field) for name, field in reading.fields.items()}
    if (len(reasons) > 1 or reading.status == "empty") and len(
        set(reasons.values())
    ) == 1:
        return next(iter(reasons.values()))  # of the page, not of a field
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)


def _cells(field: FieldReading | None) -> Sequence[str]:
    """Return value, status and confidence of a field as text."""
    if field is None:
        return _NO_CELLS
    value = value_cell(field.value)
    return value, field.status, show_confidence(field.confidence, 4)


def value_cell(value: str) -> str:
    """Write a value so that no spreadsheet takes it for a formula.

    Parameters
    ----------
    value : str
        A number, or what a code or free writing says.

    Returns
    -------
    cell : str
        A negative number is left as it is: spreadsheets take it for that.

    Examples
    --------
    >>> from pipelines.scoring.table import value_cell
    >>> value_cell("-3.50"), value_cell("=1+2"), value_cell("-1-2")
    ('-3.50', "'=1+2", "'-1-2")
    """
    return value if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", value) else error_cell(value)


def raw_cell(field: FieldReading | None) -> str:
    """Write what stands in a field, character by character.

    Parameters
    ----------
    field : FieldReading or None
        None where the page has no such field.

    Returns
    -------
    cell : str
        As of :func:`value_cell`.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading
    >>> from pipelines.scoring.table import raw_cell
    >>> raw_cell(FieldReading("42", "accepted", 0.99)), raw_cell(None)
    ('42', '')
    """
    return "" if field is None else value_cell(field.raw)


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

    doubts : Counter of str
        Number of fields that must be looked at for each reason.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading, PageReading
    >>> from pipelines.scoring.table import Summary
    >>> from pipelines.scoring.table import PageResult
    >>> summary = Summary()
    >>> page = PageReading({"id": FieldReading("042", "accepted", 0.99)})
    >>> summary.add(PageResult("a.png", 1, page))
    >>> summary.add(PageResult("b.png", 1, PageReading(error="b.png: is empty")))
    >>> print(summary)
    2 pages: 1 ok, 1 failed
    1 field: 1 accepted
    failed: b.png: is empty

    Of fields that must be looked at, the most frequent reasons are listed, and of pages
    those that took longest, if that was unusually long.
    """

    # The reasons of so many failed pages are listed: their table has the others. That
    # of single fields has no column for them.
    _MOST_REASONS = 5

    # Reasons, and slow pages, that are listed; a page takes a tenth of a second.
    _MOST_SHOWN = 3
    _LONG = 5.0

    def __init__(self, unit: Unit = "page") -> None:
        self.unit = unit
        self.pages: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        self._reasons: list[str] = []
        self._hints: list[str] = []
        self.doubts: Counter[str] = Counter()
        self._slow: list[tuple[float, str]] = []

    def add(self, result: PageResult) -> None:
        """Count one page.

        Parameters
        ----------
        result : PageResult
            What it gave.
        """
        self.pages[result.reading.status] += 1
        fields = result.reading.fields.values()
        if self.unit == "field":
            unsuited = [f.reason for f in fields if _is_unsuited(f)]
            self._hints += [f"{result.document}: {reason}" for reason in unsuited]
        if result.reading.status != "empty":
            self.fields.update(field.status for field in fields)
            self.doubts.update(str(f.reason) for f in fields if _is_doubted(f))
        if result.seconds >= self._LONG:
            slow = (result.seconds, f"{result.document} page {result.page}")
            self._slow = nlargest(self._MOST_SHOWN, [*self._slow, slow])
        if result.reading.error:
            self._reasons.append(printable(_with_document(result)))

    def __str__(self) -> str:
        lines = [*self._count_lines(), *self._most_lines()]
        most = self._MOST_REASONS if self.unit == "page" else len(self._reasons)
        lines += [f"failed: {text}" for text in self._reasons[:most]]
        lines += [f"hint: {printable(hint)}" for hint in self._hints]
        more = len(self._reasons) - most
        return "\n".join([*lines, f"and {more} more failed"] if more > 0 else lines)

    def _most_lines(self) -> list[str]:
        """List what somebody would change first: doubts, and pages that take long."""
        doubts = self.doubts.most_common(self._MOST_SHOWN)
        lines = [f"to review: {', '.join(f'{n} {what}' for what, n in doubts)}"]
        slow = ", ".join(f"{name} ({seconds:.0f} s)" for seconds, name in self._slow)
        lines.append(printable(f"slowest: {slow}"))
        return [line for line in lines if not line.endswith(": ")]

    def _count_lines(self) -> list[str]:
        if self.unit == "field":
            # An image that could not be read was to be one field.
            failed = Counter(failed=self.pages["failed"])
            return [counts_line("field", self.fields + failed, _STATUSES)]
        lines = [
            counts_line("page", self.pages, ["ok", "review", "empty", "failed"]),
            counts_line("field", self.fields, _STATUSES),
        ]
        if 0 < self.fields.total() == self.fields["unlocated"]:
            lines.append("no field was found on any page; the column error says why")
        return lines


def counts_line(noun: str, counts: Counter[str], order: Sequence[str]) -> str:
    """Write how many there are, and of which status.

    Parameters
    ----------
    noun : str
        What is counted, if it is one.

    counts : Counter of str
        How many have each status.

    order : sequence of str
        The statuses, as they are to be listed.

    Returns
    -------
    line : str

    Examples
    --------
    >>> from collections import Counter
    >>> from pipelines.scoring.table import counts_line
    >>> counts_line("page", Counter(ok=2, failed=1), ["ok", "review", "failed"])
    '3 pages: 2 ok, 1 failed'
    """
    total = counts.total()
    known = [f"{counts[status]} {status}" for status in order if counts[status]]
    nouns = noun if total == 1 else noun + "s"
    return f"{total} {nouns}" + (": " + ", ".join(known) if known else "")


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
    >>> from pipelines.scoring.table import truth_table
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
        f"{aligned(rows)}\n{n_right} of {n_fields} fields read correctly"
        f" ({share:.1f} %); of {n_accepted} accepted, {n_wrong} are wrong"
    )


def _is_doubted(field: FieldReading) -> bool:
    return field.reason is not None and not field.is_settled


def _is_unsuited(field: FieldReading) -> bool:
    return field.reason is not None and field.reason.kind is ReasonKind.UNSUITED


def _is_right(field: FieldReading, written: str) -> bool:
    return field.value == written and field.status != "unlocated"


def _cell(field: FieldReading) -> str:
    return "?" if field.status == "unlocated" else field.value or "-"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Set cells in columns.

    Parameters
    ----------
    rows : sequence of n_rows sequences of n_columns str
        At least one row.

    Returns
    -------
    text : str
        A line for each row, without spaces at its end.

    Examples
    --------
    >>> from pipelines.scoring.table import aligned
    >>> print(aligned([["field", "wrong"], ["total", "0"]]))
    field  wrong
    total  0
    """
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

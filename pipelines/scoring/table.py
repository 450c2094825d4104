"""Rows of tables: what pages and fields gave, as text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.outcomes import FieldReading, PageReading, ReasonKind, show_confidence

# The columns of values.csv, the table of single fields.
VALUE_COLUMNS = ("file", "value", "status", "confidence")

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
    """

    document: str
    page: int
    reading: PageReading


def result_header(names: Iterable[str]) -> list[str]:
    """Return the columns of results.csv.

    Parameters
    ----------
    names : iterable of str
        Names of the form's fields, in its order.

    Returns
    -------
    header : list of str
        Four columns for the page, and three for each field.

    Examples
    --------
    >>> from pipelines.scoring.table import result_header
    >>> ",".join(result_header(["id"]))
    'document,page,status,error,id,id.status,id.confidence'
    """
    columns = ("{}", "{}.status", "{}.confidence")
    fields = [column.format(name) for name in names for column in columns]
    return ["document", "page", "status", "error", *fields]


def result_row(result: PageResult, names: Iterable[str]) -> list[str]:
    """Return the row of results.csv for one page.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    names : iterable of str
        Names of the form's fields, in its order.

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
    error = reading.error or _review_reasons(reading)
    row = [result.document, str(result.page), reading.status, error]
    for name in names:
        row += _cells(reading.fields.get(name))
    return row


def value_row(result: PageResult) -> list[str]:
    """Return the row of values.csv for one image of a field.

    Parameters
    ----------
    result : PageResult
        What the image gave: one field, or an error.

    Returns
    -------
    row : list of str
        File, value, status and confidence; ``failed`` for an image that could
        not be read.
    """
    for field in result.reading.fields.values():
        return [result.document, *_cells(field)]
    return [result.document, "", "failed", ""]


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
    settled = field.status in ("accepted", "blank")
    reason = field.reason
    if settled or reason is None or reason.kind is ReasonKind.UNCERTAIN:
        return ""
    return reason.text


def _review_reasons(reading: PageReading) -> str:
    reasons = {name: review_reason(field) for name, field in reading.fields.items()}
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))  # of the page, not of a field
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)


def _cells(field: FieldReading | None) -> Sequence[str]:
    """Return value, status and confidence of a field as text."""
    if field is None:
        return _NO_CELLS
    return field.value, field.status, show_confidence(field.confidence, 4)

"""The long table: a row for each field, with all that is known of it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from lenet_sklearn.outputs import ResultFile
from pipelines.outcomes import N_CANDIDATES, FieldReading, show_confidence
from pipelines.scoring.table import PageResult, document_cell, error_cell

_PLACES: Final = 4
_N_CORNERS: Final = 4

LONG_COLUMNS: Final = (
    *("document", "page", "field", "value", "status", "confidence"),
    *("reason", "decided_by"),
    *(f"{name}_{n}" for n in range(1, N_CANDIDATES + 1) for name in ("best", "p")),
    *(f"{name}{n}" for n in range(1, _N_CORNERS + 1) for name in ("x", "y")),
)
"""The columns of the long table."""


def long_rows(result: PageResult) -> list[list[str]]:
    """Return the rows of the long table for one page.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    Returns
    -------
    rows : list of list of str
        One for each field, with the most probable strings and their probabilities,
        which are never rounded up, and the corners of the field on the page in pixels,
        clockwise from the upper left one as the writing runs. A page that failed or is
        empty has one row, without a field.

    Examples
    --------
    >>> from lenet_sklearn.strings.decoding import Hypothesis
    >>> from pipelines import FieldReading, PageReading, PageResult
    >>> from pipelines.scoring.long import long_rows
    >>> guesses = (Hypothesis("042", 0.75), Hypothesis("047", 0.2))
    >>> field = FieldReading("042", "rejected", 0.75, candidates=guesses)
    >>> [row] = long_rows(PageResult("a.png", 1, PageReading({"id": field})))
    >>> ",".join(row[:12])
    'a.png,1,id,042,rejected,0.7500,,,042,0.7500,047,0.2000'
    """
    reading = result.reading
    page = [document_cell(result.document), str(result.page)]
    if reading.error or reading.status == "empty":
        reasons = [f.reason for f in reading.fields.values() if f.reason is not None]
        reason = reading.error or "; ".join(dict.fromkeys(map(str, reasons)))
        row = [*page, "", "", reading.status, "", error_cell(reason)]
        return [row + [""] * (len(LONG_COLUMNS) - len(row))]
    return [[*page, name, *_cells(field)] for name, field in reading.fields.items()]


def _cells(field: FieldReading) -> list[str]:
    best = [""] * (2 * N_CANDIDATES)
    for n, one in enumerate(field.candidates[:N_CANDIDATES]):
        best[2 * n : 2 * n + 2] = one.text, show_confidence(one.probability, _PLACES)
    corners = [""] * (2 * _N_CORNERS)
    if field.quad is not None:
        corners = [f"{number:.1f}" for number in np.ravel(field.quad)]
    return [
        *(field.value, field.status, show_confidence(field.confidence, _PLACES)),
        *(error_cell(str(field.reason or "")), field.decided_by),
        *best,
        *corners,
    ]


def note_fields(path: Path, results: Iterable[PageResult]) -> Iterator[PageResult]:
    """Write the long table while results go by.

    Parameters
    ----------
    path : Path
        The CSV file. Until it is whole it is called ``<path>.part``.

    results : iterable of PageResult
        A whole batch.

    Yields
    ------
    result : PageResult
        The same.

    Raises
    ------
    OutputError
        If the table cannot be written.
    """
    with ResultFile(path, LONG_COLUMNS) as file:
        for result in results:
            for row in long_rows(result):
                file.write(row)
            yield result

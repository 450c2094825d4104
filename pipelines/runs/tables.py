"""Tables of a run, in the format that the name of the file says."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, TypeAlias

import numpy as np

from lenet_sklearn.outputs import (
    OutputError,
    as_text,
    check_free,
    check_writable,
    open_whole,
)
from pipelines.forms.form import Form
from pipelines.outcomes import (
    N_CANDIDATES,
    FieldReading,
    MarkReading,
    PageReading,
    show_confidence,
)
from pipelines.scans.find import printable
from pipelines.scoring.table import (
    VALUE_COLUMNS,
    PageResult,
    Summary,
    Unit,
    document_cell,
    error_cell,
    raw_cell,
    result_header,
    result_row,
    value_cell,
    value_row,
)

_PLACES: Final = 4
_N_CORNERS: Final = 4

# Where the numbers of a run come from: the same in all its rows, but for the hash.
_PROVENANCE: Final = ("form", "model", "rule", "release")

LONG_COLUMNS: Final = (
    *("document", "page", "field", "value", "status", "confidence"),
    *("reason", "decided_by"),
    *(f"{name}_{n}" for n in range(1, N_CANDIDATES + 1) for name in ("best", "p")),
    *(f"{name}{n}" for n in range(1, _N_CORNERS + 1) for name in ("x", "y")),
    *("raw", "sha256", *_PROVENANCE),
)
"""The columns of all tables with a row for each field."""

# Of these columns, those that are numbers where a format knows numbers.
_NUMBERS: Final = frozenset(
    [
        "confidence",
        *(f"p_{n}" for n in range(1, N_CANDIDATES + 1)),
        *(f"{name}{n}" for n in range(1, _N_CORNERS + 1) for name in ("x", "y")),
    ]
)

# Rows that Excel has room for, with the header.
_MOST_ROWS_OF_EXCEL: Final = 1_048_576

# Rows that are turned into columns at a time.
_ROWS_AT_ONCE: Final = 10_000

Write: TypeAlias = Callable[[PageResult], None]
Note: TypeAlias = Callable[[Path, str], None]


@dataclass(frozen=True)
class TableSource:
    """What the tables of a run are of.

    Attributes
    ----------
    names : tuple of str
        The fields, in the order of the form.

    unit : {"page", "field"}
        What each result is.

    form, model, rule, release : str
        What was read, by which networks, accepted by which rule, and by which version
        of this package; each with a hash of its content where it has one.

    forms : mapping of str to str
        What `form` is for the pages of each form, where there are several.

    raws : frozenset of str
        The fields whose values have another form than what is written.
    """

    names: tuple[str, ...]
    unit: Unit = "page"
    form: str = ""
    model: str = ""
    rule: str = ""
    release: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)
    raws: frozenset[str] = frozenset()

    @classmethod
    def of_form(cls, form: Form) -> Self:
        """Name the fields of a form, and nothing of what read them.

        Parameters
        ----------
        form : Form

        Returns
        -------
        source : TableSource
        """
        raws = frozenset(f.name for f in form.fields if f.has_own_form)
        return cls(tuple(field.name for field in form.fields), raws=raws)

    def provenance(self, reading: PageReading) -> list[str]:
        """Return the cells of the last columns.

        Parameters
        ----------
        reading : PageReading
            Of the page that the row is of.

        Returns
        -------
        cells : list of str
        """
        form, *others = [getattr(self, name) for name in _PROVENANCE]
        if reading.assigned is not None:
            form = self.forms.get(reading.assigned.form, "")
        return [form, *others]


def check_formats(paths: Sequence[Path]) -> None:
    """Find out before the work whether tables of these names can be written.

    Parameters
    ----------
    paths : sequence of Path
        The files.

    Raises
    ------
    ImportError
        If a package is missing that a format needs; says which extra has it.
    """
    for path in paths:
        needed = {".parquet": "pyarrow", ".xlsx": "openpyxl"}.get(path.suffix.lower())
        if needed is None:
            continue
        try:
            import_module(needed)
        except ImportError:
            extra = {"pyarrow": "parquet", "openpyxl": "excel"}[needed]
            raise ImportError(
                f"{path} needs {needed}, which is not installed. Install it with pip"
                f' install "lenet-sklearn[{extra}]", or name a .csv or .jsonl file'
            ) from None


@contextmanager
def open_tables(
    paths: Sequence[Path], source: TableSource, note: Note | None = None
) -> Iterator[Write]:
    """Open tables, which are there as a whole when the ``with`` block ends well.

    Parameters
    ----------
    paths : sequence of Path
        A name that ends in ``.long.csv``, ``.parquet`` or ``.xlsx`` is of a table with
        a row for each field, ``.jsonl`` of one with an object for each page, any other
        of a CSV file with a row for each page.

    source : TableSource
        What they are of.

    note : callable, default=None
        Is given the path and the SHA-256 hash of each, before it takes its place.

    Yields
    ------
    write : callable
        Adds one result to each of them.

    Raises
    ------
    OutputError
        If one cannot be written.
    """
    with ExitStack() as stack:
        writers = []
        for path in paths:
            try:
                file = stack.enter_context(open_whole(path))
            except OSError as error:
                raise OutputError(
                    f"{path} cannot be written: {error.strerror}"
                ) from error
            if note:
                stack.enter_context(_noted(file, path, note))
            writers.append(stack.enter_context(_opener_of(path)(file, path, source)))

        def write(result: PageResult) -> None:
            for writer in writers:
                writer(result)

        yield write


@contextmanager
def _noted(file: BinaryIO, path: Path, note: Note) -> Iterator[None]:
    yield
    file.flush()
    with open(file.fileno(), "rb", closefd=False) as content:
        content.seek(0)
        note(path, hashlib.file_digest(content, "sha256").hexdigest())


def write_table(
    path: str | Path,
    results: Iterable[PageResult],
    form: Form,
    *,
    overwrite: bool = False,
) -> Summary:
    """Write results as a table of ``lenet score``.

    Parameters
    ----------
    path : str or Path
        The table: a CSV file with a row for each page, or another format that ``-o``
        of ``lenet score`` knows by its name. It is there as a whole, when all results
        are.

    results : iterable of PageResult
        What :func:`score_documents` yields.

    form : Form
        What was read: its fields are the columns.

    overwrite : bool, default=False
        Replace a file that exists.

    Returns
    -------
    summary : Summary
        How many pages and fields there are of each status; prints as ``lenet score``
        prints it.

    Raises
    ------
    OutputError
        If the table cannot be written, or exists.

    See Also
    --------
    to_dicts, to_frame : The same rows, in memory.

    Examples
    --------
    >>> import tempfile
    >>> from pipelines import Form, score_documents, write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = score_documents("nowhere.png", reader=None)
    ...     form = Form.from_combs({"id": 9})
    ...     print(write_table(f"{folder}/r.csv", results, form).pages["failed"])
    1
    """
    path = Path(path)
    check_writable(path)
    if not overwrite:
        check_free([path])
    summary = Summary()
    with open_tables([path], TableSource.of_form(form)) as write:
        for result in results:
            summary.add(result)
            write(result)
    return summary


def is_wide(path: Path) -> bool:
    """Return whether a table of this name has a column for each field.

    Parameters
    ----------
    path : Path

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> is_wide(Path("results.csv")), is_wide(Path("results.long.csv"))
    (True, False)
    """
    return _opener_of(path) is _wide_csv


def _opener_of(path: Path) -> Callable[[BinaryIO, Path, TableSource], Any]:
    name = path.name.lower()
    if name.endswith(".long.csv"):
        return _long_csv
    openers = {".jsonl": _json_lines, ".parquet": _parquet, ".xlsx": _excel}
    return openers.get(path.suffix.lower(), _wide_csv)


@contextmanager
def _wide_csv(file: BinaryIO, _path: Path, source: TableSource) -> Iterator[Write]:
    """Write a row for each page, or each image of a field."""
    with as_text(file) as text:
        rows = csv.writer(text, lineterminator="\n")
        if source.unit == "field":
            raw = bool(source.raws)
            rows.writerow([*VALUE_COLUMNS, *(["raw"] if raw else [])])
            yield lambda result: rows.writerow(value_row(result, raw=raw))
            return
        of_fields = source.names, source.raws
        rows.writerow(result_header(*of_fields))
        yield lambda result: rows.writerow(result_row(result, *of_fields))


@contextmanager
def _long_csv(file: BinaryIO, _path: Path, source: TableSource) -> Iterator[Write]:
    with as_text(file) as text:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(LONG_COLUMNS)
        yield lambda result: rows.writerows(long_rows(result, source))


@contextmanager
def _json_lines(file: BinaryIO, _path: Path, source: TableSource) -> Iterator[Write]:
    """Write an object for each page, in ASCII."""

    def write(result: PageResult) -> None:
        reading = result.reading
        constant = zip(_PROVENANCE, source.provenance(reading), strict=True)
        assigned = {"assigned": asdict(reading.assigned)} if reading.assigned else {}
        page = {
            "document": result.document,
            "page": result.page,
            "status": reading.status,
            "error": reading.error,
            "fields": {name: _as_object(f) for name, f in reading.fields.items()},
            "sha256": result.sha256,
            **dict(constant),
            **assigned,
        }
        file.write(json.dumps(page).encode("ascii") + b"\n")

    yield write


@contextmanager
def _parquet(file: BinaryIO, _path: Path, source: TableSource) -> Iterator[Write]:
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    kinds = {"page": pyarrow.int32(), **dict.fromkeys(_NUMBERS, pyarrow.float64())}
    schema = pyarrow.schema([(n, kinds.get(n, pyarrow.string())) for n in LONG_COLUMNS])
    waiting: list[list[str]] = []

    def flush() -> None:
        columns = zip(LONG_COLUMNS, zip(*waiting, strict=True), strict=True)
        cells = [_as_column(name, column) for name, column in columns]
        writer.write_table(pyarrow.table(cells, schema=schema))
        waiting.clear()

    def write(result: PageResult) -> None:
        waiting.extend(long_rows(result, source))
        if len(waiting) >= _ROWS_AT_ONCE:
            flush()

    with parquet.ParquetWriter(file, schema) as writer:
        yield write
        if waiting:
            flush()


@contextmanager
def _excel(file: BinaryIO, path: Path, source: TableSource) -> Iterator[Write]:
    """Write all cells as text: a spreadsheet would take away leading zeros."""
    book = import_module("openpyxl").Workbook(write_only=True)
    sheet = book.create_sheet("fields")
    sheet.append(list(LONG_COLUMNS))
    n_rows = 1

    def write(result: PageResult) -> None:
        nonlocal n_rows
        for row in long_rows(result, source):
            n_rows += 1
            if n_rows > _MOST_ROWS_OF_EXCEL:
                raise OutputError(
                    f"{path} cannot be written: a sheet of Excel has room for"
                    f" {_MOST_ROWS_OF_EXCEL} rows. Name a .csv or .parquet file"
                )
            # It refuses what cannot be seen.
            sheet.append([printable(cell) or None for cell in row])

    yield write
    book.save(file)


def long_rows(result: PageResult, source: TableSource) -> list[list[str]]:
    """Return the rows of one page in a table with a row for each field.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    source : TableSource
        What the table is of.

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
    >>> from pipelines.runs.tables import TableSource, long_rows
    >>> guesses = (Hypothesis("042", 0.75), Hypothesis("047", 0.2))
    >>> field = FieldReading("042", "rejected", 0.75, candidates=guesses)
    >>> page = PageResult("a.png", 1, PageReading({"id": field}))
    >>> [row] = long_rows(page, TableSource(("id",)))
    >>> ",".join(row[:12])
    'a.png,1,id,042,rejected,0.7500,,,042,0.7500,047,0.2000'
    """
    reading = result.reading
    page = [document_cell(result.document), str(result.page)]
    end = [result.sha256, *source.provenance(reading)]
    if reading.error or reading.status == "empty" or not reading.fields:
        reasons = [f.reason for f in reading.fields.values() if f.reason is not None]
        problem = reading.assigned.problem if reading.assigned else ""
        reason = reading.error or problem or "; ".join(dict.fromkeys(map(str, reasons)))
        row = [*page, "", "", reading.status, "", error_cell(reason)]
        return [row + [""] * (len(LONG_COLUMNS) - len(row) - len(end)) + end]
    return [[*page, name, *_cells(f), *end] for name, f in reading.fields.items()]


def _cells(field: FieldReading) -> list[str]:
    best = [""] * (2 * N_CANDIDATES)
    for n, one in enumerate(field.candidates[:N_CANDIDATES]):
        best[2 * n : 2 * n + 2] = one.text, show_confidence(one.probability, _PLACES)
    corners = [""] * (2 * _N_CORNERS)
    if field.quad is not None:
        corners = [f"{number:.1f}" for number in np.ravel(field.quad)]
    return [
        *(value_cell(field.value), field.status),
        show_confidence(field.confidence, _PLACES),
        *(error_cell(str(field.reason or "")), field.decided_by),
        *best,
        *corners,
        raw_cell(field),
    ]


def _as_object(field: FieldReading) -> dict[str, Any]:
    """Write a field as JSON has it, with numbers that are never rounded up."""
    return {
        "value": field.value,
        "raw": field.raw,
        "status": field.status,
        "confidence": float(show_confidence(field.confidence, _PLACES)),
        "reason": str(field.reason or ""),
        "decided_by": field.decided_by,
        "candidates": [
            {
                "value": one.text,
                "probability": float(show_confidence(one.probability, _PLACES)),
            }
            for one in field.candidates
        ],
        "quad": None if field.quad is None else field.quad.round(1).tolist(),
        **(
            {"marks": [_mark_object(mark) for mark in field.marks]}
            if field.marks
            else {}
        ),
    }


def _mark_object(mark: MarkReading) -> dict[str, Any]:
    likely = {
        state: float(show_confidence(p, _PLACES)) for state, p in mark.likely.items()
    }
    return {"value": mark.value, "state": mark.state, "likely": likely}


def _as_column(name: str, cells: Sequence[str]) -> list[Any]:
    """Turn cells into numbers or valid text; an empty one is missing."""
    if name == "page":
        return [int(cell) for cell in cells]
    if name in _NUMBERS:
        return [float(cell) if cell else None for cell in cells]
    # Names of files need not be valid UTF-8.
    known = (os.fsencode(cell).decode("utf-8", "backslashreplace") for cell in cells)
    return list(known)

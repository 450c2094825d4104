"""Corrections: what people who have looked at fields say is written in them."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args

from lenet_sklearn.outputs import Row, read_rows
from lenet_sklearn.strings.boxes import GAP
from pipelines.forms.notation import SIGNS, is_number
from pipelines.forms.options import is_ticked_value
from pipelines.review.exports import read_export
from pipelines.scans.find import printable
from pipelines.scoring.comparing import page_number
from pipelines.scoring.table import document_cell, error_cell

Verdict: TypeAlias = Literal["confirmed", "corrected", "unreadable"]

COLUMNS: Final = (
    *("batch", "document", "page", "field", "read", "value", "verdict"),
    *("sampled", "settles", "who", "when"),
)
"""The columns of a file of corrections."""

_VERDICTS: Final = get_args(Verdict)
_YES: Final = "yes"

# No field is that long: what is, is another column or a file that is damaged.
_MOST_DIGITS: Final = 200


@dataclass(frozen=True)
class Correction:
    """What a person says of one field.

    Attributes
    ----------
    batch : str
        The run that read it, by its id.

    document : str
        The scan file, as the table of results has its name.

    page : int
        Number of the page in it, counted from 1.

    field : str
        Name of the field.

    read : str
        The value that was read.

    value : str
        What is written; empty if nothing is, or if nobody can tell.

    verdict : {"confirmed", "corrected", "unreadable"}
        Whether the value was read right, was not, or cannot be told.

    sampled : bool
        Whether the field was accepted, and drawn at random to be looked at.

    settles : bool
        Whether the person looked at it because others differ.

    who : str
        Name of the person; may be empty.

    when : str
        In UTC, by ISO 8601, such as ``2026-11-28T04:05:06Z``.

    file : str, default=""
        Where it stands; it does not count where two are compared.

    line : int, default=0
        The line of that file, if it has any.

    Examples
    --------
    >>> from pipelines import Correction
    >>> one = Correction(
    ...     *("run", "a.png", 1, "id", "042", "047", "corrected", False, False),
    ...     *("anna", "2026-11-28T04:05:06Z"),
    ... )
    >>> one.value, one.person
    ('047', 'anna')
    """

    batch: str
    document: str
    page: int
    field: str
    read: str
    value: str
    verdict: Verdict
    sampled: bool = False
    settles: bool = False
    who: str = ""
    when: str = "1970-01-01T00:00:00Z"
    file: str = dataclasses.field(default="", compare=False)
    line: int = dataclasses.field(default=0, compare=False)

    @property
    def cell(self) -> tuple[str, int, str]:
        """Which field of which page it is of."""
        return self.document, self.page, self.field

    @property
    def person(self) -> str:
        """Whose it is: a file in which nobody is named counts as a person."""
        # Not its name alone: browsers call the files of all people alike.
        return self.who or printable(self.file)

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.when)

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.file}, line {self.line}" if self.line else self.file

    def row(self) -> list[str]:
        """Return its row in a file of corrections.

        Returns
        -------
        row : list of str
            A cell for each of the columns.
        """
        return [
            *(self.batch, self.document, str(self.page), self.field),
            *(self.read, self.value, self.verdict),
            *(_YES * self.sampled, _YES * self.settles),
            *(error_cell(self.who), self.when),
        ]


def document_key(document: str) -> str:
    r"""Write the name of a scan as files of corrections have it.

    Parameters
    ----------
    document : str
        As it was given or found; it need not be valid UTF-8.

    Returns
    -------
    key : str
        Valid text, which no spreadsheet takes for a formula. Two names may have one
        key, if one has backslashes where the other is no valid UTF-8.

    Examples
    --------
    >>> from pipelines.review.corrections import document_key
    >>> document_key("=1+2.png"), document_key("caf\udce9.png")
    ('./=1+2.png', 'caf\\xe9.png')
    """
    return document_cell(os.fsencode(document).decode("utf-8", "backslashreplace"))


def read_corrections(path: str | Path) -> list[Correction]:
    r"""Read a file of corrections, also one that a spreadsheet has saved.

    Parameters
    ----------
    path : str or Path
        CSV file, as the page of a review saves it: UTF-8, with a comma, a semicolon or
        a tab between its columns. Or what Label Studio exports as JSON of the tasks of
        a review, whose name ends in ``.json``.

    Returns
    -------
    corrections : list of Correction
        In the order of the file.

    Raises
    ------
    ValueError
        If the file cannot be read, has other columns, or a row that cannot be; says
        which line. A value that has lost its leading zeros cannot be told.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pipelines import read_corrections
    >>> names = "batch,document,page,field,read,value,verdict,sampled,settles,who,when"
    >>> row = "4f,a.png,1,id,042,047,corrected,,,anna,2026-11-28T04:05:06Z"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "anna.csv")
    ...     _ = file.write_text(f"{names}\n{row}\n")
    ...     [correction] = read_corrections(file)
    >>> correction.field, correction.read, correction.value
    ('id', '042', '047')
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        return [
            _parse_row(cells, int(cells["page"]), path, place)
            for place, cells in read_export(path)
        ]
    names, rows = read_rows(path)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(
            f"{path} is no file of corrections: it has no column {missing[0]!r}. The"
            " page of a review saves such files"
        )
    return list(_parse_rows(path, rows))


def _parse_rows(path: Path, rows: Iterable[tuple[int, Row]]) -> Iterator[Correction]:
    for line, row in rows:
        # Spreadsheets save empty rows behind the last one.
        if not any(row.values()):
            continue
        if None in row.values() or None in row:
            raise ValueError(
                f"{path}, line {line} has more or fewer cells than there are columns."
                " Write one for each"
            )
        cells = {name: (row[name] or "").strip() for name in COLUMNS}
        # A name of a file may have spaces at its ends.
        cells["document"] = row["document"] or ""
        page = page_number(path, line, row)
        yield _parse_row(cells, page, path, f"{path}, line {line}", line)


def _parse_row(
    cells: dict[str, str], page: int, path: Path, place: str, line: int = 0
) -> Correction:
    """Check what the cells of a row say."""
    try:
        verdict, value = _parse_verdict(cells)
        settles, sampled = (_parse_mark(cells, name) for name in ("settles", "sampled"))
        _check_moment(cells["when"])
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    return Correction(
        batch=cells["batch"],
        document=cells["document"],
        page=page,
        field=cells["field"],
        read=cells["read"],
        value=value,
        verdict=verdict,
        sampled=sampled,
        settles=settles,
        who=cells["who"],
        when=cells["when"],
        file=str(path),
        line=line,
    )


def _parse_verdict(cells: dict[str, str]) -> tuple[Verdict, str]:
    """Check what a person says, and whether it can be."""
    verdict, value = cells["verdict"].lower(), cells["value"]
    if verdict not in _VERDICTS:
        raise ValueError(
            f"the verdict is {cells['verdict']!r}. Write one of {', '.join(_VERDICTS)}"
        )
    if verdict == "unreadable":
        return "unreadable", ""
    # Where gaps are ordinary, a value has some, and signs too; the form says where.
    digits = "".join(character for character in value if character not in GAP + SIGNS)
    is_value = is_number(digits) or is_ticked_value(value)
    if value and not (is_value and len(value) <= _MOST_DIGITS):
        shown = value if len(value) <= _MOST_DIGITS else f"{value[:20]}..."
        raise ValueError(
            f"the value is {shown!r}. Values are digits only, at most {_MOST_DIGITS},"
            " with signs where a field has some, or the options that are ticked, and"
            " empty where nothing is written"
        )
    if verdict == "confirmed" and value != cells["read"]:
        raise ValueError(
            f"confirmed says that {cells['read']!r} was read right, and the value is"
            f" {value!r}. Write corrected if that is what is written"
        )
    return cast(Verdict, verdict), value


def _parse_mark(cells: dict[str, str], name: str) -> bool:
    if cells[name].lower() not in ("", _YES):
        raise ValueError(f"{name} is {cells[name]!r}. Write {_YES}, or nothing")
    return bool(cells[name])


def _check_moment(text: str) -> None:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        raise ValueError(
            f"when is {text!r}. Write it in UTC, such as 2026-11-28T04:05:06Z"
        )

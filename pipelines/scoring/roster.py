"""Lists of numbers that pages may bear, such as the students of an exam."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lenet_sklearn.outputs import Row, read_rows
from pipelines.forms.notation import is_number
from pipelines.scans.find import printable

# Columns that a message names.
_MOST_NAMES = 8


@dataclass(frozen=True)
class Roster:
    """The numbers that pages are expected to bear, each once.

    Parameters
    ----------
    numbers : tuple of str
        Digits, leading zeros among them.

    Raises
    ------
    TypeError
        If a number is not text: as an integer, it has lost its leading zeros.

    ValueError
        If there is none, or one is there twice or is not of digits.

    Examples
    --------
    >>> from pipelines import Roster
    >>> Roster(("0451", "1998")).numbers
    ('0451', '1998')
    """

    numbers: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", tuple(self.numbers))
        if not self.numbers:
            raise ValueError("Roster expects at least one number. Got none.")
        seen: set[str] = set()
        for number in self.numbers:
            if not isinstance(number, str):
                raise TypeError(
                    f"Roster expects numbers as text. Got {number!r}, which may have"
                    " lost its leading zeros. Read the table as text, as with"
                    " pandas.read_csv(path, dtype=str)."
                )
            if not is_number(number):
                raise ValueError(f"Roster expects digits only. Got {number!r}.")
            if number in seen:
                raise ValueError(
                    f"Roster expects each number once. Got {number!r} twice."
                )
            seen.add(number)

    @classmethod
    def from_file(cls, path: str | Path, column: str) -> Self:
        r"""Read the numbers in one column of a table.

        Parameters
        ----------
        path : str or Path
            CSV file in UTF-8, with a comma, a semicolon or a tab between its columns.
            Its first line names them.

        column : str
            Name of the column with the numbers. The others are not looked at.

        Returns
        -------
        roster : Roster
            In the order of the file; rows that are all empty are passed over.

        Raises
        ------
        ValueError
            If the file cannot be read, has no such column or has it twice, or a row has
            no number, one that is not of digits, or that of another row; says which.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pipelines import Roster
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "students.csv")
        ...     _ = path.write_text("name;student_number\nAda;0451\nBob;1998\n")
        ...     Roster.from_file(path, "student_number").numbers
        ('0451', '1998')
        """
        names, rows = read_rows(Path(path))
        if names.count(column) != 1:
            raise ValueError(_no_column(path, names, column))
        lines: dict[str, int] = {}
        for line, row in rows:
            if not _is_empty(row):
                number = _read_number(f"{path}, line {line}", row[column], column)
                if number in lines:
                    raise ValueError(
                        f"{path}, line {line} has the {column} {number} of line"
                        f" {lines[number]}. Keep one row for each."
                    )
                lines[number] = line
        if not lines:
            raise ValueError(f"{path} has no rows. Write one for each {column}.")
        return cls(tuple(lines))

    def doubts(self, n_boxes: int) -> list[str]:
        """List what may be wrong with numbers that are written into boxes.

        Parameters
        ----------
        n_boxes : int
            Digits that there is room for.

        Returns
        -------
        doubts : list of str
            A line for numbers that are too long to be written there, and one for those
            that are shorter where others are not: spreadsheets drop leading zeros.

        Examples
        --------
        >>> from pipelines import Roster
        >>> Roster(("451", "1998")).doubts(4)
        ['1 of 2 numbers has under 4 digits, such as 451: are zeros lost in front?']
        """
        doubts = []
        n_numbers = len(self.numbers)
        longer = [number for number in self.numbers if len(number) > n_boxes]
        shorter = [number for number in self.numbers if len(number) < n_boxes]
        if longer:
            have = "has" if len(longer) == 1 else "have"
            doubts.append(
                f"{len(longer)} of {n_numbers} numbers {have} over {n_boxes} digits,"
                f" such as {longer[0]}: no page can be of that"
            )
        if 0 < len(shorter) < n_numbers:
            have = "has" if len(shorter) == 1 else "have"
            doubts.append(
                f"{len(shorter)} of {n_numbers} numbers {have} under {n_boxes} digits,"
                f" such as {shorter[0]}: are zeros lost in front?"
            )
        return doubts


def _no_column(path: str | Path, names: list[str], column: str) -> str:
    """Say that a table has not the one column that is asked for."""
    if column in names:
        return f"{path} has {names.count(column)} columns {column!r}. Rename the others"
    shown = ", ".join(map(repr, names[:_MOST_NAMES])) or "none"
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return printable(f"{path} has no column {column!r}. It has {shown}{more}")


def _is_empty(row: Row) -> bool:
    """Tell whether a row is one that a spreadsheet has left below its table."""
    return not any(cell.strip() for cell in row.values() if isinstance(cell, str))


def _read_number(place: str, cell: str | None, column: str) -> str:
    number = (cell or "").strip()
    if not number:
        raise ValueError(f"{place} has no {column}. Fill it in, or delete the row.")
    if not is_number(number):
        raise ValueError(
            f"{place} has the {column} {number!r}. Numbers are digits only: save the"
            " column as text."
        )
    return number

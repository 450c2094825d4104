"""Compare tables of results with what was written."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.metrics import error_interval
from lenet_sklearn.outputs import Row, read_rows
from lenet_sklearn.strings.boxes import GAP
from pipelines.scans.find import printable
from pipelines.scoring.table import VALUE_COLUMNS, aligned

# How the one field of a row of values.csv is called.
_VALUE: Final = "value"

# Columns of a truth that are no fields.
_KEYS: Final = ("document", "file", "page")

# Pairs of digits that the report lists.
_N_CONFUSIONS: Final = 10


@dataclass(frozen=True)
class ComparedField:
    """What was read in a field, and what was written there.

    Attributes
    ----------
    document : str
        The scan file, as the table of results names it.

    page : int
        Number of the page in it, counted from 1.

    name : str
        Of the field.

    value : str
        What was read.

    status : str
        Of the field, or ``failed`` for a page that could not be read.

    confidence : float
        That the value is right, in [0, 1].

    written : str
        What was written; empty where nothing was.

    group : str
        What it is not independent of: its page, or what the truth says.

    is_explained : bool
        Whether the table has another reason than the confidence for its status.
    """

    document: str
    page: int
    name: str
    value: str
    status: str
    confidence: float
    written: str
    group: str
    is_explained: bool = False

    @property
    def is_right(self) -> bool:
        """Whether the value is what was written."""
        return self.value == self.written

    @property
    def is_false_blank(self) -> bool:
        """Whether something is written in a field that is called blank."""
        return self.status == "blank" and bool(self.written)

    @property
    def hangs_on_confidence(self) -> bool:
        """Whether a threshold decides if the value is accepted."""
        if self.status == "rejected":
            return bool(self.value) and GAP not in self.value and not self.is_explained
        return self.status == "accepted"


@dataclass(frozen=True)
class Tally:
    """How many fields are of which outcome.

    Attributes
    ----------
    n_fields : int
        All fields.

    n_accepted : int
        Of these, accepted.

    n_wrong : int
        Of the accepted, wrong.

    n_blank : int
        Of all, called blank.

    n_written : int
        Of all, with something written.

    n_false_blanks : int
        Of these, called blank.

    Examples
    --------
    >>> from pipelines.scoring.comparing import Tally
    >>> tally = Tally(200, 150, 3, 10, 190, 1)
    >>> tally.read_rate, tally.error_rate, tally.n_rejected, tally.reject_rate
    (0.75, 0.02, 40, 0.2)
    """

    n_fields: int
    n_accepted: int
    n_wrong: int
    n_blank: int
    n_written: int
    n_false_blanks: int

    @classmethod
    def of(cls, fields: Sequence[ComparedField]) -> "Tally":
        """Count fields.

        Parameters
        ----------
        fields : sequence of ComparedField
            Any.

        Returns
        -------
        tally : Tally
        """
        accepted = [field for field in fields if field.status == "accepted"]
        return cls(
            n_fields=len(fields),
            n_accepted=len(accepted),
            n_wrong=sum(not field.is_right for field in accepted),
            n_blank=sum(field.status == "blank" for field in fields),
            n_written=sum(bool(field.written) for field in fields),
            n_false_blanks=sum(field.is_false_blank for field in fields),
        )

    @property
    def n_rejected(self) -> int:
        """Fields that are to be looked at: neither accepted nor blank."""
        return self.n_fields - self.n_accepted - self.n_blank

    @property
    def read_rate(self) -> float:
        """Accepted / all fields."""
        return self.n_accepted / max(self.n_fields, 1)

    @property
    def reject_rate(self) -> float:
        """To be looked at / all fields."""
        return self.n_rejected / max(self.n_fields, 1)

    @property
    def error_rate(self) -> float:
        """Substitution error rate: wrong / accepted."""
        return self.n_wrong / max(self.n_accepted, 1)

    @property
    def error_interval(self) -> tuple[float, float]:
        """95 % interval of the error rate, by Clopper and Pearson."""
        return error_interval(self.n_wrong, self.n_accepted)

    def to_dict(self) -> dict[str, Any]:
        """Return counts and rates as JSON holds them."""
        return {
            "fields": self.n_fields,
            "accepted": self.n_accepted,
            "wrong": self.n_wrong,
            "rejected": self.n_rejected,
            "blank": self.n_blank,
            "written": self.n_written,
            "false_blanks": self.n_false_blanks,
            "read_rate": self.read_rate,
            "error_rate": self.error_rate,
            "error_interval": list(self.error_interval),
            "reject_rate": self.reject_rate,
        }


@dataclass(frozen=True)
class Comparison:
    """Results beside what was written.

    Attributes
    ----------
    fields : sequence of ComparedField
        What both tables have.

    n_untold : int
        Pages of the results that the truth does not name.

    n_unread : int
        Rows of the truth that are not in the results.

    Examples
    --------
    >>> from pipelines.scoring.comparing import ComparedField, Comparison
    >>> one = ComparedField("a.png", 1, "id", "42", "accepted", 0.97, "47", "a.png")
    >>> comparison = Comparison([one])
    >>> comparison.total.error_rate, dict(comparison.confusions)
    (1.0, {('7', '2'): 1})
    """

    fields: Sequence[ComparedField]
    n_untold: int = 0
    n_unread: int = 0

    @property
    def total(self) -> Tally:
        """Of all fields."""
        return Tally.of(self.fields)

    @property
    def by_name(self) -> dict[str, Tally]:
        """Of each field of the form, in its order."""
        named: dict[str, list[ComparedField]] = {}
        for one in self.fields:
            named.setdefault(one.name, []).append(one)
        return {name: Tally.of(fields) for name, fields in named.items()}

    @property
    def confusions(self) -> Counter[tuple[str, str]]:
        """How often each digit was read as which other, accepted or not.

        In values that have as many digits as were written.
        """
        return Counter(
            (digit, guess)
            for one in self.fields
            if len(one.value) == len(one.written)
            for digit, guess in zip(one.written, one.value, strict=True)
            if digit != guess
        )

    @property
    def n_other_length(self) -> int:
        """Values with more digits than were written, or fewer; blanks aside."""
        return sum(
            bool(one.value) and len(one.value) != len(one.written)
            for one in self.fields
        )

    def labelled(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str]]:
        """Return what an acceptance rule is fitted to.

        Returns
        -------
        confidences : ndarray of shape (n,), dtype float64
            Of the values that a threshold decides on.

        right : ndarray of shape (n,), dtype bool
            Whether each is what was written.

        groups : list of n str
            What each belongs to.
        """
        decided = [one for one in self.fields if one.hangs_on_confidence]
        return (
            np.array([one.confidence for one in decided], dtype=np.float64),
            np.array([one.is_right for one in decided], dtype=np.bool_),
            [one.group for one in decided],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON holds it.

        Returns
        -------
        content : dict
            Counts and rates of all fields and of each name, and the confusions.
        """
        return {
            **self.total.to_dict(),
            "pages_without_truth": self.n_untold,
            "truth_without_pages": self.n_unread,
            "confusions": [
                {"written": written, "read": read, "count": count}
                for (written, read), count in self.confusions.most_common()
            ],
            "other_length": self.n_other_length,
            "by_field": {name: tally.to_dict() for name, tally in self.by_name.items()},
        }

    def __str__(self) -> str:
        return "\n".join(
            [*self._rates(), *self._rows_of_names(), *self._confusion_lines()]
        )

    def _rates(self) -> list[str]:
        total = self.total
        low, high = (100 * limit for limit in total.error_interval)
        every = f"of all {total.n_fields})"
        read, rejected = _share(total.read_rate), _share(total.reject_rate)
        wrong = f"error rate {_share(total.error_rate)} of the {total.n_accepted}"
        blank = f"false: {total.n_false_blanks} of {total.n_written} that are written"
        interval = f"95 % interval {low:.1f} to {high:.1f} %"
        lines = [
            f"{total.n_fields} fields compared",
            f"accepted    {total.n_accepted} (read rate {read} {every}",
            f"wrong       {total.n_wrong} ({wrong} accepted; {interval})",
            f"to look at  {total.n_rejected} (reject rate {rejected} {every}",
            f"blank       {total.n_blank} ({blank})",
        ]
        if self.n_untold:
            lines.append(f"not compared: {self.n_untold} pages that the truth lacks")
        if self.n_unread:
            lines.append(f"not read: {self.n_unread} rows of the truth")
        return lines

    def _rows_of_names(self) -> list[str]:
        tallies = self.by_name
        if len(tallies) < 2:
            return []
        rows = [["field", "all", "accepted", "wrong", "to look at", "false blanks"]]
        for name, each in tallies.items():
            counts = (
                each.n_fields,
                each.n_accepted,
                each.n_wrong,
                each.n_rejected,
                each.n_false_blanks,
            )
            rows.append([printable(name), *map(str, counts)])
        return ["", *aligned(rows).split("\n")]

    def _confusion_lines(self) -> list[str]:
        most = self.confusions.most_common(_N_CONFUSIONS)
        lines = [f"  {written} read as {read}: {n}" for (written, read), n in most]
        if self.n_other_length:
            lines.append(f"  more or fewer digits than written: {self.n_other_length}")
        return ["", "confusions, accepted or not", *lines] if lines else []


def compare_results(
    results: str | Path, truth: str | Path, *, groups: str | None = None
) -> Comparison:
    r"""Compare a table of results with what was written.

    Parameters
    ----------
    results : str or Path
        What ``lenet score`` or ``lenet read`` wrote.

    truth : str or Path
        CSV file with a row for each page: a column ``document`` or ``file``, one
        ``page`` where documents have several, and one for each field, under its name;
        for a table of ``lenet read`` that is ``value``. Other columns are let be. A
        file is named as in the results, or without its folder. An empty cell is a
        field with nothing written in it.

    groups : str, default=None
        Column of the truth with what fields have in common that are not independent,
        such as their writer; None for their page.

    Returns
    -------
    comparison : Comparison
        Of the pages and fields that both have; its string is the report to print.

    Raises
    ------
    ValueError
        If a table cannot be read, or they have nothing in common; says what to do.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pipelines import compare_results
    >>> read = "file,value,status,confidence\nin/a.png,42,accepted,0.9731\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     values, truth = Path(folder, "values.csv"), Path(folder, "truth.csv")
    ...     _ = values.write_text(read), truth.write_text("file,value\na.png,42\n")
    ...     print(str(compare_results(values, truth)).splitlines()[1])
    accepted    1 (read rate 100.0 % of all 1)
    """
    table, known = _Results(Path(results)), Truth(Path(truth), groups)
    names = [name for name in table.names if name in known.names]
    if not names:
        raise ValueError(
            f"{truth} has no column of a field of {results}. Name one"
            f" {' or '.join(map(repr, table.names[:3]))}."
        )
    several = Counter(document for _, document, _, _ in table.pages)
    found: set[int] = set()
    fields: list[ComparedField] = []
    n_untold = 0
    for line, document, page, row in table.pages:
        at = known.find(document, page, is_alone=several[document] == 1)
        if at is None:
            n_untold += 1
            continue
        if at in found:
            raise ValueError(
                f"{results}, line {line}: {document} is a second file of that name."
                f" Name files in {truth} as here."
            )
        found.add(at)
        group = known.group(at) or f"{document}:{page}"
        for name in names:
            one = table.read(row, document, page, name)
            fields.append(replace(one, written=known.value(at, name), group=group))
    if not fields:
        raise ValueError(
            f"{truth} names no page of {results}. Name files as there, or without"
            " their folder."
        )
    return Comparison(fields, n_untold, len(known) - len(found))


class _Results:
    """The rows of a table of results, and the names of its fields."""

    def __init__(self, path: Path) -> None:
        # Names of files need not be valid UTF-8, and results have them as they are.
        columns, rows = read_rows(path, errors="surrogateescape")
        self.is_of_fields = set(VALUE_COLUMNS) <= set(columns)
        self.names = [_VALUE] if self.is_of_fields else _field_names(columns)
        if not self.names or not (self.is_of_fields or "document" in columns):
            raise ValueError(
                f"{path} is no table of results. Give one that lenet score or lenet"
                " read wrote: the .csv file with a row for each page or image, no"
                " .long.csv."
            )
        self._path = path
        self.pages = [
            (line, row[key] or "", self._page(line, row), row)
            for key in ("file" if self.is_of_fields else "document",)
            for line, row in rows
        ]

    def _page(self, line: int, row: Row) -> int:
        return 1 if self.is_of_fields else page_number(self._path, line, row)

    def read(self, row: Row, document: str, page: int, name: str) -> ComparedField:
        """Read one field of a row; what was written is filled in later."""
        prefix = "" if self.is_of_fields else f"{name}."
        status = row[f"{prefix}status"] or ""
        if not status:  # the row of a page that has no fields
            status = "blank" if row["status"] == "empty" else "failed"
        error = "" if self.is_of_fields else row["error"] or ""
        try:
            confidence = float(row[f"{prefix}confidence"] or 0)
        except ValueError as wrong:
            raise ValueError(
                f"{self._path}: {document} has no confidence that is a number in the"
                f" column {prefix}confidence. Give the table as it was written."
            ) from wrong
        return ComparedField(
            document=document,
            page=page,
            name=name,
            value=row[name] or "",
            status=status,
            confidence=confidence,
            written="",
            group="",
            is_explained=_explains(error, name, self.names),
        )


class Truth:
    """What was written on each page, by the names of its files.

    Parameters
    ----------
    path : Path
        CSV file, as for :func:`compare_results`.

    groups : str or None
        Column with what pages share that are not independent.

    Attributes
    ----------
    names : list of str
        The columns that may be fields.
    """

    def __init__(self, path: Path, groups: str | None) -> None:
        columns, rows = read_rows(path)
        key = next((name for name in _KEYS[:2] if name in columns), None)
        if key is None:
            raise ValueError(
                f"{path} has no column 'document' or 'file'. Its first line must name"
                " the columns, such as file,value"
            )
        if groups is not None and groups not in columns:
            raise ValueError(f"{path} has no column {groups!r} to group by.")
        self.names = [n for n in columns if n not in (*_KEYS, groups)]
        self._groups = groups
        self._path = path
        self._has_pages = "page" in columns
        self._rows = rows
        self._by_path: dict[tuple[str, int], int] = {}
        self._by_name: dict[tuple[str, int], list[int]] = {}
        for at, (line, row) in enumerate(rows):
            document = _plain(row[key] or "")
            page = page_number(path, line, row) if self._has_pages else 1
            if not document or (document, page) in self._by_path:
                what = "names no file" if not document else f"names {document} again"
                raise ValueError(f"{path}, line {line} {what}. Keep one row a page.")
            self._by_path[document, page] = at
            self._by_name.setdefault((Path(document).name, page), []).append(at)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, document: str, page: int, *, is_alone: bool) -> int | None:
        """Find the row of a page: by the path of its file, else by its name.

        Parameters
        ----------
        document : str
            Path of the file.

        page : int
            Number of the page in it, from 1.

        is_alone : bool
            Whether it is the only one.

        Returns
        -------
        at : int or None
            Number of the row; None if there is none.

        Raises
        ------
        ValueError
            If the file has several pages, and the rows do not tell them apart.
        """
        page = page if self._has_pages else 1
        plain = _plain(document)
        named = self._by_name.get((Path(plain).name, page), [])
        at = self._by_path.get((plain, page), named[0] if len(named) == 1 else None)
        if at is not None and not (is_alone or self._has_pages):
            raise ValueError(
                f"{document} has several pages. Number them in a column 'page' of"
                f" {self._path}."
            )
        return at

    def value(self, at: int, name: str) -> str:
        """Return what was written in a field.

        Parameters
        ----------
        at : int
            Number of the row.

        name : str
            Of the field.

        Returns
        -------
        text : str

        Raises
        ------
        ValueError
            If the cell is missing.
        """
        line, row = self._rows[at]
        value = row[name]
        if value is None:
            raise ValueError(
                f"{self._path}, line {line} has no cell for {name}. Write one, which is"
                " empty for a field with nothing written in it."
            )
        return value.strip()

    def group(self, at: int) -> str:
        """Return what a row belongs to; empty where no column says it.

        Parameters
        ----------
        at : int
            Number of the row.

        Returns
        -------
        group : str

        Raises
        ------
        ValueError
            If the cell is empty.
        """
        if self._groups is None:
            return ""
        line, row = self._rows[at]
        group = (row[self._groups] or "").strip()
        if not group:
            raise ValueError(f"{self._path}, line {line}: {self._groups} is empty.")
        return group


def _field_names(columns: Sequence[str]) -> list[str]:
    """Name the fields of a results table: they have a status and a confidence."""
    known = set(columns)
    return [n for n in columns if {f"{n}.status", f"{n}.confidence"} <= known]


def page_number(path: Path, line: int, row: Row) -> int:
    """Return the number of the page that a row of a table is of.

    Parameters
    ----------
    path : Path
        The table, for the message.

    line : int
        The line of the row, for the message.

    row : dict of str to str or None
        As of :func:`lenet_sklearn.outputs.read_rows`; its column ``page`` counts.

    Returns
    -------
    number : int

    Raises
    ------
    ValueError
        If it has none.
    """
    number = (row.get("page") or "").strip()
    if not number.isdecimal():
        raise ValueError(f"{path}, line {line}: {number!r} is no number of a page.")
    return int(number)


def _plain(document: str) -> str:
    return document.strip().removeprefix("./")


def _explains(error: str, name: str, names: Iterable[str]) -> bool:
    """Tell whether the error of a page is about a field: it names it, or none."""

    def is_named(field: str) -> bool:
        return bool(re.search(rf"(^|; ){re.escape(field)}: ", error))

    return bool(error) and (is_named(name) or not any(map(is_named, names)))


def _share(rate: float) -> str:
    return f"{100 * rate:.1f} %"

"""Compare two tables of results, cell by cell, and print what differs.

    python examples/benchmarks/compare_tables.py before/results.csv after/results.csv
    python examples/benchmarks/compare_tables.py before/values.csv after/values.csv

The tables are those that `lenet score` and `lenet read` write. Rows are matched by
document and page, or by file, whatever their order. Confidences may differ by the
tolerance; all else has to be the same.

Exit status: 0 the tables are the same, 1 they differ, 2 misuse.
"""

import argparse
import csv
import sys
from collections.abc import Collection, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from pipelines.scans.find import printable

# The columns that name a row: of results.csv, of values.csv.
_KEYS = (("document", "page"), ("file",))

# Of values.csv, and of a field of results.csv.
_CONFIDENCES = ("confidence", ".confidence")

Row = dict[str, str]


class Table(NamedTuple):
    """The columns of a table, and its rows by what names them."""

    columns: tuple[str, ...]
    rows: dict[str, Row]


def load_table(path: Path) -> Table:
    """Read a table, which must have the columns that name its rows."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        columns, listed = tuple(reader.fieldnames or ()), list(reader)
    keys = next((names for names in _KEYS if set(names) <= set(columns)), None)
    if keys is None:
        raise ValueError(
            f"{path}: expected a table of `lenet score` or `lenet read`, with the"
            " columns document and page, or file. Got the columns"
            f" {', '.join(columns) or '(none)'}"
        )
    rows: dict[str, Row] = {}
    for number, row in enumerate(listed, 1):
        if None in row or None in row.values():
            raise ValueError(
                f"{path}: row {number} does not have a cell for each column"
            )
        # "./" is put before names that a spreadsheet would take for formulas.
        name = ", page ".join(row[key].removeprefix("./") for key in keys)
        if name in rows:
            raise ValueError(f"{path}: there are two rows for {name}")
        rows[name] = row
    return Table(columns, rows)


def compare_tables(before: Table, after: Table, *, tolerance: Decimal) -> Iterator[str]:
    """Describe in a line each the columns, rows and cells that differ."""
    for ordinal, here, there in (("first", before, after), ("second", after, before)):
        for column in _only_in(here.columns, there.columns):
            yield f"column {column}: only in the {ordinal} table"
        for name in _only_in(here.rows, there.rows):
            yield f"{name}: only in the {ordinal} table"
    shared = [column for column in before.columns if column in after.columns]
    for name, row in before.rows.items():
        other = after.rows.get(name, row)
        for column in shared:
            cells = row[column], other[column]
            if not _are_alike(column, *cells, tolerance):
                yield f"{name}: {column}: {cells[0]!r} became {cells[1]!r}"


def _only_in(names: Collection[str], others: Collection[str]) -> list[str]:
    return [name for name in names if name not in others]


def _are_alike(column: str, before: str, after: str, tolerance: Decimal) -> bool:
    """Return whether two cells are the same, confidences to a tolerance."""
    if before == after:
        return True
    if not column.endswith(_CONFIDENCES):
        return False
    try:
        # Decimal: as floats, 0.9998 and 0.9997 differ by more than 0.0001.
        return abs(Decimal(before) - Decimal(after)) <= tolerance
    except InvalidOperation:  # one of them is empty
        return False


def _tolerance(word: str) -> Decimal:
    try:
        tolerance = Decimal(word)
    except InvalidOperation:
        tolerance = Decimal(-1)
    if not (tolerance.is_finite() and tolerance >= 0):
        raise argparse.ArgumentTypeError(f"expected a number from 0 on. Got {word!r}")
    return tolerance


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="the first table, a CSV file")
    parser.add_argument("after", type=Path, help="the second table, of the same kind")
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default="1e-4",
        metavar="T",
        help="by how much confidences may differ (default: %(default)s)",
    )
    args = parser.parse_args()
    try:
        before, after = load_table(args.before), load_table(args.after)
    except (OSError, ValueError, csv.Error) as error:
        parser.error(str(error))
    differences = list(compare_tables(before, after, tolerance=args.tolerance))
    for difference in differences:
        print(printable(difference))
    rows = f"{len(before.rows)} and {len(after.rows)} rows"
    print(f"{rows}; differences: {len(differences)}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

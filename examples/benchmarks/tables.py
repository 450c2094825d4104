"""Tables of measures: their rows, their command line."""

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from pipelines import ScanError

ROOT = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    bar: str


Measures = Mapping[str, Callable[[Path], Iterator[Row]]]


def table_parser(doc: str, measures: Measures) -> argparse.ArgumentParser:
    """Make the command line that all tables share."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of the data sets and scans, which are not part of the project",
    )
    parser.add_argument(
        "--only", nargs="+", choices=measures, metavar="NAME", help=", ".join(measures)
    )
    parser.add_argument("--page", type=Path, help="file to write the table into")
    return parser


def add_models(parser: argparse.ArgumentParser) -> None:
    """Let the command line name the folder that keeps what is fitted."""
    parser.add_argument(
        "--models",
        type=Path,
        help="folder that keeps the networks; take another when their fitting changes",
    )


@contextmanager
def models_folder(models: Path | None) -> Iterator[Path]:
    """Make the folder that keeps what is fitted, or one for this run alone."""
    with tempfile.TemporaryDirectory() as folder:
        kept = models or Path(folder)
        kept.mkdir(exist_ok=True)
        yield kept


def parse_table_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line; a table on a page is a whole one."""
    args = parser.parse_args()
    if args.only and args.page:
        parser.error("--page wants the whole table, so not --only")
    args.data = args.data.resolve()
    return args


def take_measures(
    measures: Measures, names: Iterable[str] | None, data: Path
) -> Iterator[Row]:
    """Take some measures, or all; one that lacks its data gives a row that says so."""
    for name in names or measures:
        print(f"{name}...", file=sys.stderr)
        try:
            yield from measures[name](data)
        except (FileNotFoundError, ScanError) as error:
            yield Row(name, f"not measured: {error}", "")


def as_table(rows: Iterable[Row], packages: Iterable[str]) -> str:
    """Write rows as Markdown, with the versions of what was measured."""
    lines = ["| what | measured | bar |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    lines += ["", f"Python {platform.python_version()}, {versions}; one thread.", ""]
    return "\n".join(lines)


def folder_of(data: Path, name: str) -> Path:
    """Return the folder of a data set, which must be there."""
    if not (data / name).is_dir():
        raise FileNotFoundError(f"there is no folder {data / name}")
    return data / name

"""``lenet apply``: what goes on with a review of results."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import say, use_one_thread
from pipelines.cli.options import Corrections, Force, NewTable, ReviewedResults
from pipelines.cli.runs import finish, run_folder
from pipelines.cli.tables import check_free_tables
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.review.applying import Review
    from pipelines.runs.folder import RunFolder
    from pipelines.scoring.table import PageResult


def apply(
    results: ReviewedResults,
    corrections: Corrections,
    output: NewTable,
    force: Force = False,
) -> None:
    """Put the corrections of people into a new table of results.

    CORRECTIONS are the files that the page of a review saves, of one person or of
    several. A field that was reviewed has the value of the person, confidence 1, and
    "review" as what decided it. What is unreadable stays as it was.

    CORRECTED.changes.csv lists all that was reviewed. Where people differ, the field
    is rejected, and their rows are in CORRECTED.differing.csv.

    Exit status: 0 done, 1 pages of the run have failed, 5 people differ.
    """
    use_one_thread()
    from pipelines.forms.form import Form
    from pipelines.review.applying import Review
    from pipelines.review.corrections import read_corrections

    folder = open_run(results)
    settings = {**folder.settings, "reviewed": True}
    form = Form.model_validate(settings["form"]) if settings["form"] else None
    stem = output[0].stem.removesuffix(".long")
    changes, differing = (
        output[0].with_name(f"{stem}.{what}.csv") for what in ("changes", "differing")
    )
    _refuse_inputs([*output, changes, differing], folder, [results, *corrections])
    check_free_tables(
        output, [changes, differing], folder, settings=settings, force=force
    )
    rows = [row for path in corrections for row in read_corrections(path)]
    review = Review(rows, form, batch=folder.parts.run)
    with folder.locked():
        folder.check_whole()
        finish(
            folder,
            output,
            folder.results(),
            settings,
            matcher=_Applying(review, changes, differing),
        )


def open_run(results: Path) -> "RunFolder":
    """Open the run that a table of results is of.

    Parameters
    ----------
    results : Path
        The table, or the folder of the run itself.

    Returns
    -------
    folder : RunFolder

    Raises
    ------
    typer.BadParameter
        If there is no run.
    """
    from pipelines.runs.folder import RunFolder

    folder = RunFolder(results if results.is_dir() else run_folder([results]))
    if not folder.has_plan:
        raise typer.BadParameter(
            f"{folder.path} is no folder of a run. What lenet score has read is there,"
            " and the table alone does not do: leave the folder beside it, or name it"
        )
    return folder


class _Applying:
    """Applies corrections while the table is written, then writes what was reviewed."""

    def __init__(self, review: "Review", changes: Path, differing: Path) -> None:
        self._review = review
        self._changes = changes
        self._differing = differing

    def watch(self, results: Iterable["PageResult"]) -> Iterator["PageResult"]:
        """Put the values of people in the place of what was read."""
        return self._review.watch(results)

    def finish(self, note: Callable[[Path, str], None]) -> None:
        """Write what was reviewed, and print the report."""
        from pipelines.review.applying import CHANGE_COLUMNS
        from pipelines.review.corrections import COLUMNS

        changes = [one.row() for one in self._review.changes]
        _write_noted(self._changes, CHANGE_COLUMNS, changes, note)
        say(f"{self._review}\nChanges: {self._changes}")
        differing = [row.row() for row in self._review.differing]
        if not differing:
            # Of an earlier time, when people differed.
            self._differing.unlink(missing_ok=True)
            return
        _write_noted(self._differing, COLUMNS, differing, note)
        say(f"Differing: {self._differing}")
        raise typer.Exit(ExitCode.INCOMPLETE)


def _write_noted(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    note: Callable[[Path, str], None],
) -> None:
    """Write a table as a whole, and note before what it will hold."""
    from lenet_sklearn.outputs import write_whole

    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    content = text.getvalue().encode("utf-8")
    note(path, hashlib.sha256(content).hexdigest())
    write_whole(path, content)


def _refuse_inputs(
    written: Sequence[Path], folder: "RunFolder", read: Sequence[Path]
) -> None:
    """Refuse to write over what is read, and over the tables of the run itself."""
    inputs = {real_path(path) for path in read}
    for path in written:
        is_own = real_path(run_folder([path])) == real_path(folder.path)
        if is_own or real_path(path) in inputs:
            raise typer.BadParameter(
                f"{path} is one of the files to read, or a table of the run itself, and"
                " would be written over. Name another file for the corrected table"
            )

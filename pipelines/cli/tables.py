"""Files that a run writes, and what they must not be."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.settings import hash_deciding
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.runs.folder import RunFolder


def check_free_tables(
    outputs: Sequence[Path],
    written: Sequence[Path],
    folder: "RunFolder",
    *,
    settings: Mapping[str, Any] | None = None,
    force: bool,
) -> None:
    """Refuse to write over what is there and is not as a run wrote it.

    Parameters
    ----------
    outputs : sequence of Path
        The tables.

    written : sequence of Path
        Other files that the command writes.

    folder : RunFolder
        Of the run that they are of.

    settings : mapping of str to object, default=None
        What decides what they say; None for the settings of the run.

    force : bool
        Whether the user wants files replaced that exist.

    Raises
    ------
    OutputError
        If one cannot be written, or is there and is not to be replaced.

    typer.BadParameter
        If two of them are one file, or a format needs a package that is missing.
    """
    from lenet_sklearn.outputs import check_free, check_writable
    from pipelines.runs.tables import check_formats

    places = [real_path(path) for path in [*outputs, *written]]
    if len(set(places)) < len(places):
        twice = next(path for path in places if places.count(path) > 1)
        raise typer.BadParameter(
            f"{twice} would be written twice. Name each table once"
        )
    for path in outputs:
        check_writable(path)
    try:
        check_formats(outputs)
    except ImportError as error:
        raise typer.BadParameter(str(error)) from None
    if not force:
        # What a run has written, and nobody has changed, it may write again.
        known = folder.settings if folder.has_plan else None
        decided_by = hash_deciding(settings or known or {})
        there = [p for p in [*outputs, *written] if not folder.wrote(p, decided_by)]
        check_free(there)


def check_log(log: Path | None, others: Iterable[Path | None]) -> None:
    """Refuse a log that would be written into another file.

    Parameters
    ----------
    log : Path or None
        What ``--log`` names.

    others : iterable of Path or None
        Files that the command reads or writes.

    Raises
    ------
    typer.BadParameter
        If it is one of them, or holds something else than a log.

    OutputError
        If it cannot be written.
    """
    from lenet_sklearn.outputs import check_writable

    if log is None:
        return
    if not log.parent.is_dir():
        check_writable(log)
    if real_path(log) in {real_path(path) for path in others if path is not None}:
        raise typer.BadParameter(f"--log {log} is another file of this command")
    if log.is_file():
        with log.open("rb") as file:
            is_log = file.read(1) in (b"", b"{")
        if not is_log:
            raise typer.BadParameter(f"--log {log} holds something else. Name another")


def write_noted(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    note: Callable[[Path, str], None],
) -> None:
    """Write a table as a whole, and note before what it will hold.

    Parameters
    ----------
    path : Path
        The CSV file.

    header : sequence of str
        Its columns.

    rows : iterable of sequences of str
        Their cells.

    note : callable
        Is given the path and the SHA-256 hash of the table, before it is written.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    from lenet_sklearn.outputs import as_text, write_whole

    content = io.BytesIO()
    with as_text(content) as text:
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
    note(path, hashlib.sha256(content.getvalue()).hexdigest())
    write_whole(path, content.getvalue())

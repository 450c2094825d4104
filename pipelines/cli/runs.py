"""Runs of ``lenet score`` and ``lenet read``, and what goes on with their folders."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import say, say_rules, warn
from pipelines.cli.options import ReadingOptions
from pipelines.cli.piles import PileTables, single_tables
from pipelines.cli.settings import hash_deciding, pile_of, source_of
from pipelines.cli.shards import parse_shard

if TYPE_CHECKING:
    from pipelines.runs.folder import RunFolder
    from pipelines.runs.plan import Shard
    from pipelines.runs.tables import Note
    from pipelines.scoring.batch import Answering, Reader, Worker
    from pipelines.scoring.ruled import RuledBatch
    from pipelines.scoring.table import PageResult, Summary


# Files that may have many pages.
_OF_MANY_PAGES: Final = frozenset({".pdf", ".tif", ".tiff"})

# Files for which another process is started: one that cannot be forked imports for two
# seconds or three before it reads.
_WORTH_A_PROCESS: Final = 12


@dataclass(frozen=True)
class Job:
    """What a command is to read, and how.

    Attributes
    ----------
    files : sequence of Path
        The scans.

    reader : Reader
        Reads one of their pages.

    settings : dict of str to object
        All that changes a result: the run of other settings is another run.

    dpi : float
        Resolution at which PDF pages are rendered.

    overlay : Path or None
        Folder for pictures.

    batch : RuledBatch or None
        The acceptance rules.
    """

    files: Sequence[Path]
    reader: "Reader"
    settings: dict[str, Any]
    dpi: float = 200.0
    overlay: Path | None = None
    batch: "RuledBatch | None" = field(default=None, kw_only=True)


def run_of(outputs: Sequence[Path]) -> "RunFolder":
    """Open the folder of the run that writes some tables.

    Parameters
    ----------
    outputs : sequence of Path
        The tables.

    Returns
    -------
    folder : RunFolder
        Beside the first of them; there need be no run yet.
    """
    from pipelines.runs.folder import RunFolder

    return RunFolder(run_folder(outputs))


def run_folder(outputs: Sequence[Path]) -> Path:
    """Name the folder of the run that writes some tables.

    Parameters
    ----------
    outputs : sequence of Path
        The tables.

    Returns
    -------
    folder : Path

    Examples
    --------
    >>> from pipelines.cli.runs import run_folder
    >>> run_folder([Path("out/results.long.csv")]).as_posix()
    'out/results.run'
    """
    stem = outputs[0].name.removesuffix(outputs[0].suffix).removesuffix(".long")
    return outputs[0].with_name(f"{stem}.run")


def execute(
    job: Job,
    folder: "RunFolder",
    outputs: Sequence[Path],
    options: ReadingOptions,
    companions: "Sequence[Companion]" = (),
) -> None:
    """Read what a run lacks, and write its tables when all is there.

    Parameters
    ----------
    job : Job
        What is to be done.

    folder : RunFolder
        Where it is kept.

    outputs : sequence of Path
        The tables.

    options : ReadingOptions
        What the user wants.

    companions : sequence of Companion, default=()
        As for :func:`finish`.

    Raises
    ------
    typer.Exit
        With the status of the command, unless that is 0.
    """
    from lenet_sklearn.outputs import make_folder
    from pipelines.scoring.batch import Worker

    shard = parse_shard(options.shard, os.environ) if options.shard else None
    if job.overlay:
        make_folder(job.overlay)
    with folder.locked(shard):
        if job.overlay:
            folder.note_pictures(job.overlay)
        with _hire(Worker(job.reader, job.dpi), job.files, options) as processes:
            _read(folder, job, processes, options, shard)
        if shard:
            _report_shard(folder, shard, outputs[0])
            return
        with _kept(folder):
            finish(
                folder,
                outputs,
                folder.results(),
                folder.settings,
                batch=job.batch,
                companions=companions,
                pictures=job.overlay,
            )


def _report_shard(folder: "RunFolder", shard: "Shard", output: Path) -> None:
    n_pages, _, n_failed = folder.count_pages(shard)
    say(
        f"Shard {shard}: {n_pages} pages are in {folder.path}, {n_failed} of them"
        f" failed. When all shards are read: lenet merge {folder.path} -o {output}"
    )
    if n_failed:
        raise typer.Exit(ExitCode.FAILED)


def _hire(
    worker: "Worker", files: Sequence[Path], options: ReadingOptions
) -> AbstractContextManager["Answering"]:
    """Start what reads pages: processes here, or the workers of a cluster."""
    limits = options.limits()
    if options.dask is None:
        from pipelines.scoring.processes import Processes

        jobs = options.jobs or _count_processes(files)
        return Processes(worker, jobs=jobs, limits=limits)
    if options.jobs is not None:
        raise typer.BadParameter("--jobs is for this machine, and --dask for others")
    from pipelines.scoring.cluster import Cluster

    try:
        return Cluster(worker, options.dask, limits=limits)
    except ImportError as error:
        raise typer.BadParameter(str(error)) from None


def _count_processes(files: Sequence[Path]) -> int:
    """Take one process for each core, where there is work for them."""
    from joblib import effective_n_jobs

    if any(file.suffix.lower() in _OF_MANY_PAGES for file in files):
        return -1
    return min(1 + len(files) // _WORTH_A_PROCESS, effective_n_jobs(-1))


def _read(
    folder: "RunFolder",
    job: Job,
    processes: "Answering",
    options: ReadingOptions,
    shard: "Shard | None",
) -> None:
    """Plan a run, or take its plan over, and read what it lacks."""
    from pipelines.runs.progress import Progress
    from pipelines.runs.reading import plan_run, read_missing
    from pipelines.scoring.batch import Bar

    # None: no bar where stderr is no terminal.
    bar = Bar(total=len(job.files), desc="looking at files", leave=False, disable=None)
    with folder.planning(warn) as known, bar:
        plan = plan_run(job.files, job.settings, known, processes, bar.update)
        if shard and known:
            folder.join(plan)
        else:
            folder.begin(plan, anew=options.force and not shard)
    unit = folder.settings["unit"]
    with Progress(options.log, unit=unit) as progress, _kept(folder):
        n_pages, n_read, n_failed = folder.count_pages(shard)
        progress.begin(n_pages, n_read - n_failed)
        read_missing(
            folder,
            processes,
            overlay=job.overlay,
            shard=shard,
            watch=progress.watch,
        )


@contextmanager
def _kept(folder: "RunFolder") -> Iterator[None]:
    """Let an error say that what was read is not lost."""
    try:
        yield
    except BaseException as error:
        error.add_note(
            f"what was read is kept in {folder.path}: the same command goes on"
        )
        raise


class Companion(Protocol):
    """What looks at the results of a table, and then writes more, as a matcher does."""

    def watch(self, results: Iterable["PageResult"]) -> Iterator["PageResult"]:
        """Take results as they go by, and give them on."""

    def finish(self, note: "Note") -> None:
        """Write what is known when all have gone by."""


def finish(
    folder: "RunFolder",
    outputs: Sequence[Path],
    results: Iterable["PageResult"],
    settings: Mapping[str, Any],
    *,
    batch: "RuledBatch | None" = None,
    companions: "Sequence[Companion]" = (),
    pictures: Path | None = None,
) -> None:
    """Write the tables of a run that is whole, and report.

    Parameters
    ----------
    folder : RunFolder
        Locked.

    outputs : sequence of Path
        The tables.

    results : iterable of PageResult
        Those of the folder, or what was made of them.

    settings : mapping of str to object
        What decided them.

    batch : RuledBatch, default=None
        The acceptance rules.

    companions : sequence of Companion, default=()
        Such as what matches the pages with a list, or puts corrections into them.

    pictures : Path, default=None
        Where pictures of the pages are.

    Raises
    ------
    typer.Exit
        If pages failed.
    """
    from pipelines.runs.tables import open_tables
    from pipelines.scoring.table import Summary

    source, decided_by = source_of(settings), hash_deciding(settings)
    if pile := pile_of(settings):
        companions = [*companions, PileTables(pile, outputs)]
    tables = single_tables(outputs, settings)

    def note(path: Path, sha256: str) -> None:
        folder.note_table(path, sha256, decided_by)

    summary = Summary(source.unit)
    results = batch.watch(results) if batch else results
    for companion in companions:
        results = companion.watch(results)
    with open_tables(tables, source, note) as write:
        for result in results:
            summary.add(result)
            write(result)
    _report(summary, batch, tables, folder.path, pictures)
    for companion in companions:
        companion.finish(note)
    if summary.pages["failed"]:
        raise typer.Exit(ExitCode.FAILED)


def _report(
    summary: "Summary",
    batch: "RuledBatch | None",
    tables: Sequence[Path],
    folder: Path,
    pictures: Path | None,
) -> None:
    """Print what was read, what the rules promise, and where it is written."""
    say(summary)
    say_rules(batch)
    for table in tables:
        say(f"Table: {table}")
    if pictures:
        say(f"Pictures: {pictures}")
    say(f"Run: {folder}")

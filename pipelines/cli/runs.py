"""Runs of ``lenet score`` and ``lenet read``, and what goes on with their folders."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import say, say_rules
from pipelines.cli.options import ReadingOptions

if TYPE_CHECKING:
    from pipelines.cli.matching import PageMatcher
    from pipelines.forms.form import Form
    from pipelines.runs.cluster import Cluster
    from pipelines.runs.folder import RunFolder
    from pipelines.runs.plan import Shard
    from pipelines.runs.tables import Source
    from pipelines.scoring.batch import Reader, Worker
    from pipelines.scoring.processes import Processes
    from pipelines.scoring.ruled import RuledBatch
    from pipelines.scoring.table import Summary, Unit

# Letters of a hash that tell two contents apart.
_OF_HASH: Final = 12

# Where engines say which task of an array this is, and which number is the first.
_ARRAYS: Final = {
    "SLURM_ARRAY_TASK_ID": "SLURM_ARRAY_TASK_MIN",
    "JOB_COMPLETION_INDEX": "",
    "AWS_BATCH_JOB_ARRAY_INDEX": "",
}


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

    matcher : PageMatcher or None
        Matches the pages with a list.
    """

    files: Sequence[Path]
    reader: "Reader"
    settings: dict[str, Any]
    dpi: float = 200.0
    overlay: Path | None = None
    batch: "RuledBatch | None" = field(default=None, kw_only=True)
    matcher: "PageMatcher | None" = field(default=None, kw_only=True)


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


def execute(job: Job, outputs: Sequence[Path], options: ReadingOptions) -> None:
    """Read what a run lacks, and write its tables when all is there.

    Parameters
    ----------
    job : Job
        What is to be done.

    outputs : sequence of Path
        The tables.

    options : ReadingOptions
        What the user wants.

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
    folder = run_of(outputs)
    with folder.locked(shard):
        with _hire(Worker(job.reader, job.dpi), options) as processes:
            _read(folder, job, processes, options, shard)
        if shard:
            n_parts = len(shard.of(folder.plan.parts)) if folder.plan else 0
            say(
                f"Shard {shard}: {n_parts} parts are in {folder.path}. When all shards"
                f" are read: lenet merge {folder.path} -o {outputs[0]}"
            )
            return
        with _kept(folder):
            finish(folder, outputs, job.batch, job.matcher, pictures=job.overlay)


def _hire(worker: "Worker", options: ReadingOptions) -> "Cluster[Any] | Processes[Any]":
    """Start what reads pages: processes here, or the workers of a cluster."""
    limits = options.limits()
    if options.dask is None:
        from pipelines.scoring.processes import Processes

        return Processes(worker, jobs=options.jobs or -1, limits=limits)
    if options.jobs is not None:
        raise typer.BadParameter("--jobs is for this machine, and --dask for others")
    from pipelines.runs.cluster import Cluster

    try:
        return Cluster(worker, options.dask, limits=limits)
    except ImportError as error:
        raise typer.BadParameter(str(error)) from None


def _read(
    folder: "RunFolder",
    job: Job,
    processes: "Cluster[Any] | Processes[Any]",
    options: ReadingOptions,
    shard: "Shard | None",
) -> None:
    """Plan a run, or take its plan over, and read what it lacks."""
    from pipelines.runs.progress import Progress
    from pipelines.runs.reading import plan_run, read_missing
    from pipelines.scoring.batch import Bar

    # None: no bar where stderr is no terminal.
    bar = Bar(total=len(job.files), desc="looking at files", leave=False, disable=None)
    with folder.planning(), bar:
        plan = plan_run(job.files, job.settings, folder.plan, processes, bar.update)
        if folder.plan and shard:
            plan = folder.keep_unread(plan)
        folder.begin(plan, anew=options.force)
    unit = folder.settings["unit"]
    with Progress(options.log, unit=unit) as progress, _kept(folder):
        progress.begin(*folder.count_pages(shard))
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


def finish(
    folder: "RunFolder",
    outputs: Sequence[Path],
    batch: "RuledBatch | None",
    matcher: "PageMatcher | None",
    *,
    pictures: Path | None = None,
    anew: "tuple[Form | None, Mapping[str, Any]] | None" = None,
) -> None:
    """Write the tables of a run that is whole, and report.

    Parameters
    ----------
    folder : RunFolder
        Locked.

    outputs : sequence of Path
        The tables.

    batch : RuledBatch or None
        The acceptance rules.

    matcher : PageMatcher or None
        Matches the pages with a list.

    pictures : Path, default=None
        Where pictures of the pages are.

    anew : tuple of (form, settings), default=None
        The form, if any, by whose rules all is decided anew, and the settings that
        decide; None to leave it as the run has it.

    Raises
    ------
    typer.Exit
        If pages failed.
    """
    from pipelines.runs.again import decide_anew
    from pipelines.runs.tables import open_tables
    from pipelines.scoring.table import Summary

    source = source_of(anew[1] if anew else folder.settings)
    summary = Summary(source.unit)
    results = folder.results()
    if anew:
        results = decide_anew(results, anew[0], anew[1]["threshold"])
    results = batch.watch(results) if batch else results
    results = matcher.watch(results) if matcher else results
    with open_tables(outputs, source, folder.note_table) as write:
        for result in results:
            summary.add(result)
            write(result)
    _report(summary, batch, outputs, folder.path, pictures)
    if matcher:
        matcher.finish(folder.note_table)
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


def check_free_tables(
    outputs: Sequence[Path],
    written: Sequence[Path],
    folder: "RunFolder",
    *,
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
    from pipelines.scans.find import real_path

    if len({real_path(path) for path in outputs}) < len(outputs):
        raise typer.BadParameter("-o names one table twice. Name each once")
    for path in outputs:
        check_writable(path)
    try:
        check_formats(outputs)
    except ImportError as error:
        raise typer.BadParameter(str(error)) from None
    if not force:
        # What a run has written, and nobody has changed, it may write again.
        check_free([path for path in [*outputs, *written] if not folder.wrote(path)])


def describe_job(
    model: str, threshold: float, batch: "RuledBatch | None", unit: "Unit" = "page"
) -> dict[str, Any]:
    """Collect what changes a result, but for the form and the pages.

    Parameters
    ----------
    model : str
        What ``--model`` names.

    threshold : float
        Confidence below which a value is rejected.

    batch : RuledBatch or None
        The acceptance rules.

    unit : {"page", "field"}, default="page"
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    return {
        "unit": unit,
        "release": version("lenet-sklearn"),
        "form": None,
        "model": model,
        "networks": describe_networks(model),
        "threshold": threshold,
        "rules": pack_rules(batch),
    }


def describe_form(path: Path | None, form: "Form") -> dict[str, Any]:
    """Collect the settings of a run that lie in its form.

    Parameters
    ----------
    path : Path or None
        Its file; None for combs that the command names.

    form : Form
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    blank = form.blank and hashlib.sha256(form.blank.read_bytes()).hexdigest()
    content = form.model_dump(mode="json")
    return {"form_file": path and str(path), "form": content, "blank": blank}


def source_of(settings: Mapping[str, Any]) -> "Source":
    """Say what the tables of a run are of.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    source : Source
    """
    from pipelines.runs.tables import Source

    form, rules = settings["form"], settings["rules"]
    threshold = f"threshold {settings['threshold']:g}"
    return Source(
        names=tuple(each["name"] for each in form["fields"]) if form else ("value",),
        unit=settings["unit"],
        form=f"{settings['form_file'] or 'combs'} {hash_of(form)}" if form else "",
        model=f"{settings['model']} {settings['networks'][:_OF_HASH]}",
        rule=f"rule {hash_of(rules)}" if rules else threshold,
        release=settings["release"],
    )


def pack_rules(batch: "RuledBatch | None") -> dict[str, Any] | None:
    """Turn acceptance rules into what JSON can hold.

    Parameters
    ----------
    batch : RuledBatch or None
        None where a threshold decides.

    Returns
    -------
    rules : dict or None
    """
    if batch is None:
        return None
    kinds = {"combs": batch.combs, "lines": batch.lines}
    return {kind: rule and rule.to_dict() for kind, rule in kinds.items()}


def restore_rules(settings: Mapping[str, Any]) -> "RuledBatch | None":
    """Make the acceptance rules of a run anew.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    batch : RuledBatch or None
    """
    from lenet_sklearn.acceptance import AcceptanceRule
    from pipelines.scoring.ruled import RuledBatch

    packed = settings["rules"]
    if packed is None:
        return None
    combs, lines = (
        packed[kind] and AcceptanceRule.from_dict(packed[kind])
        for kind in ("combs", "lines")
    )
    return RuledBatch(combs, combs if packed["combs"] == packed["lines"] else lines)


def describe_networks(model: str) -> str:
    """Hash the networks that a command may read with.

    Parameters
    ----------
    model : str
        What ``--model`` names.

    Returns
    -------
    letters : str
    """
    from lenet_sklearn.models.files import (
        model_path,
        shipped_models,
        shipped_recognizers,
        shipped_segmenters,
    )

    names = [*shipped_models(), *shipped_recognizers(), *shipped_segmenters(), model]
    content = hashlib.sha256()
    for path in map(model_path, names):
        if path.is_file():  # vote is the name of two
            content.update(path.read_bytes())
    return content.hexdigest()


def hash_of(content: object) -> str:
    """Hash what JSON can hold, to tell two contents apart.

    Parameters
    ----------
    content : object

    Returns
    -------
    letters : str
    """
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_OF_HASH]


def parse_shard(text: str, environment: Mapping[str, str]) -> "Shard":
    """Read which share of a run is wanted.

    Parameters
    ----------
    text : str
        ``K/N``; or ``auto/N``, or ``auto`` alone in a job array of Slurm: the number
        is then that of this task, which the engine says in its environment.

    environment : mapping of str to str
        Variables of the environment.

    Returns
    -------
    shard : Shard

    Raises
    ------
    typer.BadParameter
        If there is no such share.

    Examples
    --------
    >>> from pipelines.cli.runs import parse_shard
    >>> str(parse_shard("3/8", {}))
    '3/8'
    >>> str(parse_shard("auto/8", {"JOB_COMPLETION_INDEX": "0"}))
    '1/8'
    """
    from pipelines.runs.plan import Shard

    found = re.fullmatch(r"(\d+|auto)(?:/(\d+))?", text)
    number, n_shards = found.groups() if found else ("", None)
    if number == "auto":
        number = _task_number(environment)
        n_shards = n_shards or environment.get("SLURM_ARRAY_TASK_COUNT")
    if not number or not n_shards or not 1 <= int(number) <= int(n_shards):
        raise typer.BadParameter(
            f"--shard expects K/N, such as 3/8, with K from 1 to N. Got {text}"
            + (f", which is task {number or 'of no array'} here" * ("auto" in text))
        )
    return Shard(int(number), int(n_shards))


def _task_number(environment: Mapping[str, str]) -> str:
    """Return the number of this task in a job array, counted from 1."""
    for name, first in _ARRAYS.items():
        number, least = environment.get(name, ""), environment.get(first, "0")
        if number.isdecimal() and least.isdecimal():
            return str(int(number) - int(least) + 1)
    return ""

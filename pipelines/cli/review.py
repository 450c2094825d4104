"""``lenet review`` and ``apply``: what people look at, and what they say of it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import check_outputs, say, use_one_thread, warn
from pipelines.cli.matching import find_matcher
from pipelines.cli.options import (
    Corrections,
    Force,
    KnownTruth,
    NewTable,
    ReadingJobs,
    ReadingOptions,
    ReviewedResults,
    ReviewOptions,
    ReviewPage,
    RosterOptions,
    group_options,
)
from pipelines.cli.piles import refuse_pile
from pipelines.cli.runs import Companion, finish, run_folder
from pipelines.cli.shards import parse_shard
from pipelines.cli.tables import check_free_tables, write_noted
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.review.applying import Review
    from pipelines.review.composing import ComposedReview
    from pipelines.review.queue import Queue
    from pipelines.review.remarks import Key, Remark
    from pipelines.runs.folder import RunFolder
    from pipelines.scoring.table import PageResult


@group_options
def review(
    results: ReviewedResults,
    output: ReviewPage,
    *,
    wanted: ReviewOptions,
    listed: RosterOptions,
    truth: KnownTruth = None,
    jobs: ReadingJobs = None,
    force: Force = False,
) -> None:
    """Make a page of HTML on which a person reviews what was not accepted.

    The page is one file that needs no network: open it in a browser, or mail it.
    Digits that were read alike stand side by side, so that a wrong one is seen at a
    glance; the fields that remain come one by one, the least certain first. It
    remembers what was done when it is closed. Its button Save corrections gives a file
    for `lenet apply`.

    Some accepted fields are looked at too, chosen by chance and not marked: they tell
    how often what is accepted is wrong.

    If the name ends in .json, tasks with predictions for Label Studio are written
    instead, one for each page, and beside them the labelling configuration (.xml).
    """
    use_one_thread()
    if output.suffix.lower() == ".json":
        _refuse_for_tasks(output, wanted, listed, truth)
        _write_tasks(results, output, wanted.shard, jobs, force)
        return
    check_outputs(output, force=force)
    folder = open_run(results)
    folder.check_whole()
    share = parse_shard(wanted.shard, {}) if wanted.shard else None
    differing = _read_differing(wanted.differing, folder) if wanted.differing else None
    from lenet_sklearn.outputs import write_whole
    from pipelines.review.composing import N_SAMPLED, compose_review

    composed = compose_review(
        folder,
        n_sampled=N_SAMPLED if wanted.sample is None else wanted.sample,
        share=share,
        differing=differing,
        listed=_match(listed, folder, output),
        curve=_curve(results, truth) if truth else (),
        jobs=-1 if jobs is None else jobs,
    )
    write_whole(output, composed.page)
    _report(composed, output)


def _read_differing(path: Path, folder: "RunFolder") -> "dict[Key, Remark]":
    """Read what people say who differ."""
    from pipelines.review.corrections import read_corrections
    from pipelines.review.remarks import remarks_of_people

    rows = read_corrections(path)
    if not rows or {row.batch for row in rows} != {folder.parts.run}:
        raise typer.BadParameter(f"{path} has no corrections of the run {folder.path}")
    return remarks_of_people(rows)


def _match(
    listed: RosterOptions, folder: "RunFolder", output: Path
) -> "dict[Key, Remark] | None":
    """Match the pages of a run with a list, if one is named."""
    from pipelines.forms.form import Form
    from pipelines.review.remarks import remarks_of_list

    if listed.roster is None and listed.match is None:
        return None
    settings = folder.settings
    if settings["form"] is None:
        raise typer.BadParameter("--roster is of pages, and this run is of fields")
    form = Form.model_validate(settings["form"])
    matcher = find_matcher(listed, form, output, settings["threshold"])
    if matcher is None:
        return None
    for _ in matcher.watch(folder.results()):
        pass
    return remarks_of_list(matcher.match().matches, matcher.field)


def _refuse_for_tasks(
    output: Path, wanted: ReviewOptions, listed: RosterOptions, truth: Path | None
) -> None:
    """Refuse options that tasks for Label Studio do not know."""
    refused = {
        "--sample": wanted.sample,
        "--differing": wanted.differing,
        "--truth": truth,
        "--roster": listed.roster,
    }
    for option, value in refused.items():
        if value is not None:
            raise typer.BadParameter(
                f"{option} is for the page of a review, not for Label Studio."
                f" Leave it out, or name a page: -o {output.stem}.html"
            )


def _write_tasks(
    results: Path, output: Path, shard: str | None, jobs: int | None, force: bool
) -> None:
    """Write tasks for Label Studio, and the labelling configuration beside them."""
    from lenet_sklearn.outputs import open_whole, write_whole
    from pipelines.review.composing import compose_tasks

    configuration = output.with_suffix(".xml")
    check_outputs(output, [configuration], force=force)
    folder = open_run(results)
    share = parse_shard(shard, {}) if shard else None
    folder.check_whole()
    with open_whole(output) as file:
        composed = compose_tasks(
            folder, file, share=share, jobs=-1 if jobs is None else jobs
        )
    write_whole(configuration, composed.configuration.encode("utf-8"))
    queue, unplaced = composed.queue, composed.unplaced
    say(
        f"To review: {len(queue.items)} fields on {len(queue.pages)} pages\n"
        f"Tasks: {output} ({output.stat().st_size / 1e6:.1f} MB)\n"
        f"Labelling configuration: {configuration}"
    )
    if unplaced:
        warn(
            f"warning: no regions of {len(unplaced)} of {len(queue.items)} fields, such"
            f" as {unplaced[0].name}: they were not found on the page. Draw them there"
        )
    if composed.missing:
        _warn_missing(composed.missing, queue, "tasks")


def find_reviews(folder: "RunFolder", options: ReadingOptions) -> Sequence[Companion]:
    """Return what makes the page of a review, if one is wanted.

    Parameters
    ----------
    folder : RunFolder
        The run.

    options : ReadingOptions
        What the user wants.

    Returns
    -------
    companions : sequence of one Companion, or of none

    Raises
    ------
    typer.BadParameter
        If the run is read in shards.
    """
    if options.review is None:
        return ()
    if options.shard:
        raise typer.BadParameter(
            "--review needs all pages: give them to lenet review when the shards are"
            " merged"
        )
    return (_ReviewOfRun(folder, options.review, options.jobs),)


class _ReviewOfRun:
    """Makes the page of a review when all pages of a run are read."""

    def __init__(self, folder: "RunFolder", output: Path, jobs: int | None) -> None:
        self._folder = folder
        self._output = output
        self._jobs = -1 if jobs is None else jobs

    def watch(self, results: Iterable["PageResult"]) -> Iterator["PageResult"]:
        """Take results as they go by, and give them on."""
        yield from results

    def finish(self, note: Callable[[Path, str], None]) -> None:
        """Make the page, and print what is on it."""
        from lenet_sklearn.outputs import write_whole
        from pipelines.review.composing import compose_review

        composed = compose_review(self._folder, jobs=self._jobs)
        note(self._output, hashlib.sha256(composed.page).hexdigest())
        write_whole(self._output, composed.page)
        _report(composed, self._output)


def apply(
    results: ReviewedResults,
    corrections: Corrections,
    output: NewTable,
    force: Force = False,
) -> None:
    """Put the corrections of people into a new table of results.

    CORRECTIONS are the files that the page of a review saves, of one person or of
    several, or what Label Studio exports as JSON of the tasks of a review. A field that
    was reviewed has the value of the person, confidence 1, and "review" as what decided
    it. What is unreadable is rejected.

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
            companions=[_Applying(review, changes, differing)],
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
        If there is no run, or it is of a mixed pile.
    """
    from pipelines.runs.folder import RunFolder

    folder = RunFolder(results if results.is_dir() else run_folder([results]))
    if not folder.has_plan:
        raise typer.BadParameter(
            f"{folder.path} is no folder of a run. What lenet score has read is there,"
            " and the table alone does not do: leave the folder beside it, or name it"
        )
    refuse_pile(folder.settings, "reviewing")
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
        write_noted(self._changes, CHANGE_COLUMNS, changes, note)
        say(f"{self._review}\nChanges: {self._changes}")
        # Whoever is not named is called by the file, here and on the page to settle.
        named = [replace(row, who=row.person) for row in self._review.differing]
        differing = [row.row() for row in named]
        if not differing:
            # Of an earlier time, when people differed.
            self._differing.unlink(missing_ok=True)
            return
        write_noted(self._differing, COLUMNS, differing, note)
        say(f"Differing: {self._differing}")
        raise typer.Exit(ExitCode.INCOMPLETE)


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


def _report(composed: "ComposedReview", page: Path) -> None:
    """Print what is on a page of review, and warn of pictures that are missing."""
    queue, missing = composed.queue, composed.missing
    n_sampled = sum(item.is_sampled for item in queue.items)
    n_digits = sum(len(item.glyphs) for item in queue.items)
    n_open = len(queue.items) - n_sampled
    say(
        f"To review: {n_open} field{'s' * (n_open != 1)}, and {n_sampled} accepted,"
        f" chosen by chance; {n_digits} boxes and digits in all"
    )
    say(f"Review: {page} ({len(composed.page) / 1e6:.1f} MB)")
    if missing:
        _warn_missing(missing, queue, "pictures")


def _warn_missing(missing: Sequence[str], queue: "Queue", what: str) -> None:
    """Warn of pages whose pictures could not be made."""
    warn(
        f"warning: no {what} of {len(missing)} of {len(queue.pages)} pages, such as"
        f" {missing[0]}. The scans must lie where they were read, seen from this folder"
    )


def _curve(results: Path, truth: Path) -> list[tuple[float, float]]:
    """Compute how many of the accepted are wrong, for thresholds from high to low."""
    if results.is_dir():
        raise typer.BadParameter("--truth needs the table: name it, not the run")
    from lenet_sklearn.metrics import error_reject_curve
    from pipelines.scoring.comparing import compare_results

    confidences, right, _ = compare_results(results, truth).labelled()
    if not len(right):
        return []
    curve = error_reject_curve([True] * len(right), right, confidences)
    accepted = 1 - curve.reject_rates
    return list(zip(accepted.tolist(), curve.error_rates.tolist(), strict=True))

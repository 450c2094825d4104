"""Make the page of a review for a run that was read, or tasks for Label Studio."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from pipelines.forms.form import Form
from pipelines.review.label_studio import (
    TaskSource,
    make_configuration,
    make_task,
    request_pages,
)
from pipelines.review.page import Subject, make_review, request_pictures
from pipelines.review.pictures import PagePictures, PageRequest, Photographer
from pipelines.review.queue import Item, Queue, make_queue, make_queue_of
from pipelines.review.remarks import Key, Remark
from pipelines.runs.folder import RunFolder
from pipelines.runs.plan import Shard
from pipelines.scoring.batch import Bar
from pipelines.scoring.processes import Lost, PageLimits, Processes
from pipelines.scoring.table import PageResult, Summary

# Accepted fields that are looked at besides. If none of so many is wrong, at most 3 %
# of all are, with 95 % confidence.
N_SAMPLED: Final = 100


@dataclass(frozen=True)
class ComposedReview:
    """A page of review.

    Attributes
    ----------
    queue : Queue
        The fields on it.

    page : bytes
        HTML, which needs no other file.

    missing : tuple of str
        Why pages have no pictures, one reason for each of these.
    """

    queue: Queue
    page: bytes
    missing: tuple[str, ...]


def compose_review(
    folder: RunFolder,
    *,
    n_sampled: int = N_SAMPLED,
    share: Shard | None = None,
    differing: Mapping[Key, Remark] | None = None,
    listed: Mapping[Key, Remark] | None = None,
    curve: Sequence[tuple[float, float]] = (),
    jobs: int = 1,
    limits: PageLimits | None = None,
) -> ComposedReview:
    """Make a page of HTML on which a person reviews what a run has read.

    Parameters
    ----------
    folder : RunFolder
        With all pages read. The scans must be where they were.

    n_sampled : int, default=100
        Accepted fields that are chosen by chance and looked at too.

    share : Shard, default=None
        Of the pages, those that this page is of; None for all of them.

    differing : mapping of tuple to Remark, default=None
        What people say who differ: only these fields are on the page, to be settled.

    listed : mapping of tuple to Remark, default=None
        What a list says of the fields that bear its numbers.

    curve : sequence of tuples of two floats, default=()
        As for :class:`pipelines.review.page.Subject`.

    jobs : int, default=1
        Number of processes that cut pictures; -1 for one a core.

    limits : PageLimits, default=None
        What a page may cost; None for ``PageLimits()``.

    Returns
    -------
    review : ComposedReview

    Raises
    ------
    IncompleteError
        If pages were not read yet.

    RunError
        If the run is damaged.

    ValueError
        If people differ over what the run does not have.
    """
    settings, summary = folder.settings, Summary(folder.settings["unit"])
    form = Form.model_validate(settings["form"]) if settings["form"] else None
    results = _watch(folder.results(), summary, share)
    batch = folder.parts.run
    seed = f"{batch} {share}"
    if differing:
        queue = make_queue_of(results, form, differing)
    else:
        queue = make_queue(
            results, form, n_sampled=n_sampled, seed=seed, remarks=listed
        )
    title = folder.path.stem
    subject = Subject(title, batch, form, summary, bool(differing), curve)
    requests = request_pictures(queue, folder.plan)
    pictures = list(_photograph(requests, folder, jobs, limits))
    page = make_review(queue, pictures, subject)
    missing = tuple(each.error for each in pictures if each.error)
    return ComposedReview(queue, page.encode("utf-8"), missing)


@dataclass(frozen=True)
class ComposedTasks:
    """What is said of tasks for Label Studio beside them.

    Attributes
    ----------
    queue : Queue
        The fields that are reviewed.

    configuration : str
        The labelling configuration, as XML.

    unplaced : tuple of Item
        Fields on pages with a task that have no region, as it is not known where they
        lie.

    missing : tuple of str
        Why pages have no task, one reason for each of these.
    """

    queue: Queue
    configuration: str
    unplaced: tuple[Item, ...]
    missing: tuple[str, ...]


def compose_tasks(
    folder: RunFolder,
    file: BinaryIO,
    *,
    share: Shard | None = None,
    jobs: int = 1,
    limits: PageLimits | None = None,
) -> ComposedTasks:
    """Write tasks on which a person reviews what a run has read in Label Studio.

    Parameters
    ----------
    folder : RunFolder
        With all pages read. The scans must be where they were.

    file : binary file
        Takes a JSON list, with one task for each page on which a field is to be looked
        at and whose picture can be made.

    share, jobs, limits
        As for :func:`compose_review`.

    Returns
    -------
    tasks : ComposedTasks

    Raises
    ------
    IncompleteError
        If pages were not read yet.

    RunError
        If the run is damaged.
    """
    settings, missing, unplaced = folder.settings, [], []
    form = Form.model_validate(settings["form"]) if settings["form"] else None
    results = _watch(folder.results(), Summary(settings["unit"]), share)
    queue = make_queue(results, form, n_sampled=0, seed="")
    source = TaskSource(folder.parts.run, settings["release"], settings["unit"])
    items_of: list[list[Item]] = [[] for _ in queue.pages]
    for item in queue.items:
        items_of[item.page].append(item)
    pictures = _photograph(request_pages(queue, folder.plan), folder, jobs, limits)
    separator = b"[\n"
    for result, items, picture in zip(queue.pages, items_of, pictures, strict=True):
        if picture.error:
            missing.append(picture.error)
            continue
        task = make_task(result, items, picture, source)
        file.write(separator + json.dumps(task).encode("ascii"))
        unplaced += [item for item in items if not source.knows_place(item.reading)]
        separator = b",\n"
    file.write(b"\n]\n" if separator == b",\n" else b"[]\n")
    names = [field.name for field in form.fields] if form else ["value"]
    configuration = f"{make_configuration(names)}\n"
    return ComposedTasks(queue, configuration, tuple(unplaced), tuple(missing))


def _watch(
    results: Iterator[PageResult], summary: Summary, share: Shard | None
) -> Iterator[PageResult]:
    """Count all pages, and yield those of a share."""
    for n, result in enumerate(results):
        summary.add(result)
        if share is None or n % share.n_shards == share.number - 1:
            yield result


def _photograph(
    requests: Sequence[PageRequest],
    folder: RunFolder,
    jobs: int,
    limits: PageLimits | None,
) -> Iterator[PagePictures]:
    """Cut the pictures of all pages, within limits."""
    work = Photographer(folder.settings.get("dpi", 200.0))
    # None: no bar where stderr is no terminal.
    bar = Bar(total=len(requests), desc="cutting pictures", leave=False, disable=None)
    with Processes(work, jobs=jobs, limits=limits or PageLimits()) as processes, bar:
        for answer in processes.map(requests):
            bar.update()
            is_lost = isinstance(answer, Lost)
            yield PagePictures([], error=answer.reason) if is_lost else answer

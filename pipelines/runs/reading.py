"""Read what a run lacks, part by part."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from pipelines.runs.folder import RunFolder
from pipelines.runs.plan import Part, Place, Plan, Shard
from pipelines.scans.identity import Document, Identify, file_version
from pipelines.scans.remote import as_path
from pipelines.scoring.batch import (
    Answering,
    Task,
    picture_names,
    picture_of,
    read_tasks,
)
from pipelines.scoring.processes import Lost
from pipelines.scoring.table import PageResult

# What is told of each page that was read.
Watch: TypeAlias = Callable[[PageResult], None]


def plan_run(
    files: Sequence[Path],
    settings: dict[str, Any],
    known: Plan | None,
    processes: Answering,
    watch: Callable[[], object] | None = None,
) -> Plan:
    """Identify all files of a run.

    Parameters
    ----------
    files : sequence of Path
        The scans, in the order of the table.

    settings : dict of str to object
        What changes a result.

    known : Plan or None
        An earlier plan. Of a file that has the same size and was written at the same
        time, the content is taken to be what it was.

    processes : Answering
        Their work is a :class:`pipelines.scoring.batch.Worker`.

    watch : callable, default=None
        Is called for each file that was hashed.

    Returns
    -------
    plan : Plan
    """
    before = {document.path: document for document in known or ()}
    documents: list[Document | None] = []
    unknown: list[Path] = []
    for file in files:
        document = before.get(str(file))
        if document and document.version and document.version == file_version(file):
            documents.append(document)
            continue
        documents.append(None)
        unknown.append(file)
    found = _identify(unknown, processes, watch)
    return Plan(settings, tuple(each or next(found) for each in documents))


def _identify(
    files: Sequence[Path], processes: Answering, watch: Callable[[], object] | None
) -> Iterator[Document]:
    answers = processes.map(map(Identify, files))
    for file, answer in zip(files, answers, strict=True):
        if watch:
            watch()
        if isinstance(answer, Lost):
            answer = Document(str(file), error=answer.reason)
        yield answer


def read_missing(
    folder: RunFolder,
    processes: Answering,
    *,
    overlay: Path | None = None,
    shard: Shard | None = None,
    watch: Watch | None = None,
) -> None:
    """Read the pages of a run that were not read yet, and those that failed.

    Parameters
    ----------
    folder : RunFolder
        Locked, and with a plan.

    processes : Answering
        Their work is a :class:`pipelines.scoring.batch.Worker`.

    overlay : Path, default=None
        Folder for pictures of the pages.

    shard : Shard, default=None
        The share of the parts to read; None for all.

    watch : callable, default=None
        Is given each result as it comes.

    Raises
    ------
    RunError
        If a part that is there is damaged.

    OSError
        If a part cannot be written.

    Notes
    -----
    A part is written when all its pages are there. Where the reading is interrupted,
    the pages of the part that is at work are written too.
    """
    reading = _Reading(folder, overlay, shard)
    try:
        for result in read_tasks(reading.tasks(), processes):
            reading.add(result)
            if watch:
                watch(result)
    except BaseException:
        with suppress(OSError):  # such as a full disk, which is the error that is told
            reading.write_open()
        raise


@dataclass
class _Open:
    """A part of which pages are missing."""

    part: Part
    n_missing: int
    results: dict[Place, PageResult]


@dataclass
class _Reading:
    """Hands out pages, and puts their results into parts."""

    folder: RunFolder
    overlay: Path | None
    shard: Shard | None
    _open: deque[_Open] = field(default_factory=deque, init=False)
    _places: deque[Place] = field(default_factory=deque, init=False)

    def tasks(self) -> Iterator[Task]:
        """List the pages to read, in the order of the table."""
        plan = self.folder.plan or Plan({}, ())
        parts = self.shard.of(plan.parts) if self.shard else plan.parts
        stems = picture_names([as_path(d.path) for d in plan]) if self.overlay else {}
        for part in parts:
            if self.folder.is_done(part):
                continue
            known = {
                place: result
                for place, result in self.folder.read_part(part).items()
                if result.reading.status != "failed"
            }
            missing = [p for p in plan.pages_of(part) if p not in known]
            self._open.append(_Open(part, len(missing), known))
            for place in missing:
                self._places.append(place)
                yield self._task(plan.documents[place.document], place.page, stems)

    def _task(self, document: Document, index: int, stems: dict[Path, str]) -> Task:
        file = as_path(document.path)
        picture = None
        if self.overlay:
            picture = self.overlay / picture_of(stems[file], index)
        task = Task(file, index, document.n_pages, picture, version=document.version)
        if document.error:
            return replace(task, error=f"{file}: {document.error}")
        if not document.sha256 and file_version(file) and self.shard:
            why = "could not be opened when the run was planned"
            return replace(task, error=f"{file}: {why}. Read it without --shard")
        return task

    def add(self, result: PageResult) -> None:
        """Take the result of the page that was handed out first."""
        place, current = self._places.popleft(), self._open[0]
        current.results[place] = result
        current.n_missing -= 1
        if not current.n_missing:
            self.folder.write_part(current.part, current.results)
            self._open.popleft()

    def write_open(self) -> None:
        """Write the parts that lack pages still."""
        for current in self._open:
            if current.results:
                self.folder.write_part(current.part, current.results)

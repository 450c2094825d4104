"""Read what a run lacks, part by part."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from pipelines.runs.folder import RunFolder
from pipelines.runs.plan import Part, Place, Plan, Shard
from pipelines.scans.identity import Document, Identify, file_touched, file_version
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

# Work that a power cut may take, where pages take long.
_SECONDS_UNWRITTEN: Final = 30.0

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
        An earlier plan. A file that was not touched since is not hashed again.

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
        if document and _is_as_it_was(document, file):
            documents.append(document)
            continue
        documents.append(None)
        unknown.append(file)
    found = _identify(unknown, processes, watch)
    return Plan(settings, tuple(each or next(found) for each in documents))


def _is_as_it_was(document: Document, file: Path) -> bool:
    """Return whether nothing was done to a file since it was hashed."""
    return bool(document.sha256) and (
        (document.version, document.touched) == (file_version(file), file_touched(file))
    )


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
        Folder for pictures of the pages. A page without a picture is read again.

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
    A part is written when all its pages are there, and every half minute before.
    Where the reading is interrupted, the pages of the part that is at work are written
    too.
    """
    reading = _Reading(folder, overlay, shard)
    try:
        for result in read_tasks(reading.tasks(), processes):
            reading.add(result)
            if watch:
                watch(result)
    except BaseException:
        # Such as a full disk, which is the error that is told.
        with _uninterrupted(), suppress(OSError):
            reading.write_open()
        raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let nobody who is impatient interrupt what takes a moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    _written: float = field(default_factory=time.monotonic, init=False)

    def tasks(self) -> Iterator[Task]:
        """List the pages to read, in the order of the table."""
        plan, parts = self.folder.plan, self.folder.parts
        stems = picture_names([as_path(d.path) for d in plan]) if self.overlay else {}
        for part in self.shard.of(plan.parts) if self.shard else plan.parts:
            tasks = {
                place: self._task(plan.documents[place.document], place.page, stems)
                for place in plan.pages_of(part)
            }
            head = parts.head(part)
            is_read = head.pages == len(tasks) and not head.failed
            if is_read and all(map(_has_picture, tasks.values())):
                continue
            known = {
                place: result
                for place, result in parts.read(part).items()
                if result.reading.status != "failed" and _has_picture(tasks[place])
            }
            missing = [place for place in tasks if place not in known]
            self._open.append(_Open(part, len(missing), known))
            for place in missing:
                self._places.append(place)
                yield tasks[place]

    def _task(self, document: Document, page: int, stems: dict[Path, str]) -> Task:
        file = as_path(document.path)
        picture = None
        if self.overlay:
            picture = self.overlay / picture_of(stems[file], page)
        task = Task(file, page, document.n_pages, picture, version=document.version)
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
        now = time.monotonic()
        if not current.n_missing or now - self._written > _SECONDS_UNWRITTEN:
            self.folder.parts.write(current.part, current.results)
            self._written = now
        if not current.n_missing:
            self._open.popleft()

    def write_open(self) -> None:
        """Write the parts that lack pages still."""
        for current in self._open:
            if current.results:
                self.folder.parts.write(current.part, current.results)


def _has_picture(task: Task) -> bool:
    return task.overlay is None or task.overlay.exists()

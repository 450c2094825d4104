"""Read a stack of scans: one row for each page, whatever happens to the others."""

import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sklearn.pipeline import Pipeline
from tqdm import tqdm

from pipelines.fields.combs import Frame
from pipelines.forms.deciding import decide
from pipelines.forms.form import Field, Form
from pipelines.images import Image
from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind, distrust
from pipelines.pages.cleaning import is_light_on_dark
from pipelines.readers.base import clean_images, split_reader
from pipelines.readers.form import LIGHT_ON_DARK
from pipelines.scans.find import as_paths
from pipelines.scans.identity import Identify, file_version, identify
from pipelines.scans.read import Scan, ScanError, is_from_system, open_scan
from pipelines.scans.remote import fetched
from pipelines.scoring.overlay import write_overlay
from pipelines.scoring.processes import Lost, PageLimits, Processes
from pipelines.scoring.table import (
    PageResult,
)

# Bytes of a picture's name before the number of the page: file systems allow 255.
_LONGEST_STEM = 240

# A larger image than this that is so high for its width is hardly one of a field: of an
# A4 page at 75 dpi, the shorter side has 620 pixels.
_SIDE_OF_PAGE = 600
_HEIGHT_OF_PAGE = 0.5


class Reader(Protocol):
    """What reads a page: a ``FormReader``, or anything with its `read`."""

    def read(self, page: Image, /) -> PageReading:
        """Read the fields of one page."""


@dataclass(frozen=True)
class Task:
    """One page to read.

    Attributes
    ----------
    file : Path
        The scan file.

    index : int
        Number of the page in it, counted from 0.

    n_pages : int
        Pages of the file.

    overlay : Path or None
        Where its picture goes, if anywhere.

    error : str
        Why it cannot be read, where that is known before.

    version : tuple of two int, default=None
        What :func:`pipelines.scans.identity.file_version` returned for the file; one
        that has changed since is not read. None to read it as it is.
    """

    file: Path
    index: int
    n_pages: int
    overlay: Path | None
    error: str = ""
    version: tuple[int, int] | None = None


class Timed(NamedTuple):
    """What one page gave, and the seconds that it took."""

    reading: PageReading
    seconds: float


def score_documents(
    files: str | Path | Iterable[str | Path],
    reader: Reader,
    *,
    dpi: float = 200.0,
    jobs: int = 1,
    overlay: Path | None = None,
    limits: PageLimits | None = None,
) -> Iterator[PageResult]:
    """Read every page of scan files, in order, one result for each.

    Parameters
    ----------
    files : str, Path, or iterable of them
        Scan files, as :func:`pipelines.find_scans` lists them.

    reader : Reader
        Reads one page: ``reader.read(page)`` returns a `PageReading`.

    dpi : float, default=200.0
        Resolution at which PDF pages are rendered, in pixels per inch.

    jobs : int, default=1
        Number of processes, each of them with one thread; -1 for one a core.

    overlay : Path, default=None
        Folder to write a picture of each page into, with what was read drawn
        on it, named after the file and the page: ``exam-p3.png``.

    limits : PageLimits, default=None
        What a page may cost in time and memory. With limits, files are opened in
        another process than this one, which is ended where a page exceeds them; that
        page has an error then, and those after it are read. None has no limits where
        there is one job, which is this process, and those of ``PageLimits()`` with
        more.

    Yields
    ------
    result : PageResult
        As soon as it is there. A file that cannot be opened gives one result,
        as if of its page 1; whatever goes wrong with a page is its `error`.

    Notes
    -----
    Pages are read when they are due, at most two a process ahead, so that
    memory does not grow with their number.

    Examples
    --------
    >>> from pipelines.scoring.batch import score_documents
    >>> [result] = score_documents("nowhere.png", reader=None)
    >>> result.page, result.reading.status, result.reading.error
    (1, 'failed', 'nowhere.png: no such file')
    """
    files = as_paths(files)
    worker = Worker(reader, dpi)
    if jobs == 1 and limits is None:
        with worker:
            for task in _list_tasks(files, overlay, worker.answer_here):
                yield _result(task, worker.answer_here(task))
        return
    with Processes(worker, jobs=jobs, limits=limits or PageLimits()) as processes:
        tasks = _list_tasks(files, overlay, processes.ask)
        yield from read_tasks(tasks, processes)


class Answering(Protocol):
    """What answers requests in their order, such as ``Processes``."""

    def map(self, requests: Iterable[Any], /) -> Iterator[Any]:
        """Answer requests, each by what it gave or by a `Lost`."""


def read_tasks(tasks: Iterable[Task], processes: Answering) -> Iterator[PageResult]:
    """Read pages in processes, in their order.

    Parameters
    ----------
    tasks : iterable of Task
        Asked for one by one, when a process is free.

    processes : Answering
        Their work is a :class:`Worker`.

    Yields
    ------
    result : PageResult
        One for each task.
    """
    asked: deque[Task] = deque()

    def noted() -> Iterator[Task]:
        for task in tasks:
            asked.append(task)
            yield task

    for answer in processes.map(noted()):
        yield _result(asked.popleft(), answer)


def score_fields(
    files: str | Path | Iterable[str | Path],
    reader: Pipeline,
    *,
    jobs: int = 1,
    limits: PageLimits | None = None,
) -> Iterator[PageResult]:
    """Read images of single fields, in order, one result for each.

    Parameters
    ----------
    files : str, Path, or iterable of them
        Image files. Each page of a file with several is a field.

    reader : Pipeline
        As :func:`pipelines.make_field_reader` makes it.

    jobs : int, default=1
        Number of processes; -1 for one a core.

    limits : PageLimits, default=None
        As for :func:`score_documents`.

    Yields
    ------
    result : PageResult
        Its reading has one field, named ``value``, or an error. White writing on
        black, and what is as large as a page, is rejected with a reason.
    """
    yield from score_documents(files, OneField(reader), jobs=jobs, limits=limits)


def _list_tasks(
    files: Sequence[Path], overlay: Path | None, ask: Callable[[Path], Any]
) -> Iterator[Task]:
    """List the pages of all files; one page for a file that cannot be opened."""
    pictures = picture_names(files)
    for file in files:
        counted = ask(file)
        if isinstance(counted, Lost):
            yield Task(file, 0, 1, None, error=f"{file}: {counted.reason}")
            continue
        for index in range(counted):
            picture = picture_of(pictures[file], index)
            place = None if overlay is None else overlay / picture
            yield Task(file, index, counted, place)


def _result(task: Task, answer: Timed | Lost) -> PageResult:
    if isinstance(answer, Lost):
        where = f"{task.file}: page {task.index + 1}"
        answer = Timed(PageReading(error=f"{where}: {answer.reason}"), 0.0)
    return PageResult(
        str(task.file), task.index + 1, answer.reading, task.n_pages, answer.seconds
    )


class Bar(tqdm):
    """A progress bar without a thread: with one, processes could not be forked."""

    monitor_interval = 0


def list_first_pictures(files: Sequence[Path], overlay: Path) -> list[Path]:
    """List where the pictures of the first pages go.

    Parameters
    ----------
    files : sequence of Path
        Scan files.

    overlay : Path
        As for :func:`score_documents`.

    Returns
    -------
    pictures : list of Path
        One for each file; whether they are there or not.
    """
    names = picture_names(files)
    return [overlay / picture_of(names[file], 0) for file in files]


def picture_of(stem: str, index: int) -> str:
    """Name the picture of a page.

    Parameters
    ----------
    stem : str
        Of its file, as :func:`picture_names` has it.

    index : int
        Number of the page, counted from 0.

    Returns
    -------
    name : str
    """
    return f"{stem}-p{index + 1}.png"


def picture_names(files: Sequence[Path]) -> dict[Path, str]:
    """Name each file's pictures by its path below the folder common to all.

    Parameters
    ----------
    files : sequence of Path
        Scan files.

    Returns
    -------
    stems : dict of Path to str
        No two are alike, and none is longer than file systems allow.
    """
    absolute = [Path(os.path.abspath(file)) for file in files]
    parents = [file.parent for file in absolute]
    root = os.path.commonpath(parents) if len({p.anchor for p in parents}) == 1 else ""
    whole = [os.path.relpath(file, root or file.parent) for file in absolute]
    stems = [
        name.removesuffix(file.suffix)
        for name, file in zip(whole, absolute, strict=True)
    ]
    # a.pdf beside a.png: the suffix tells them apart, and from a.pdf.png.
    taken = Counter([*stems, *set(whole)])
    return {
        file: _shorten(stem if taken[stem] == 1 else name)
        for file, stem, name in zip(files, stems, whole, strict=True)
    }


def _shorten(name: str) -> str:
    """Cut a name that leaves no room for the number of a page, but tell it apart."""
    path = Path(name)
    letters = os.fsencode(path.name)
    if len(letters) <= _LONGEST_STEM:
        return name
    mark = "-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    kept = letters[: _LONGEST_STEM - len(mark)].decode(errors="ignore")
    return str(path.with_name(kept + mark))


class OneField:
    """Reads a field image as if it were a page with one field on it.

    Parameters
    ----------
    reader : Pipeline
        As :func:`pipelines.make_field_reader` makes it.

    field : Field, default=None
        What is known of it, if it is free writing; it is called ``value``.
    """

    def __init__(self, reader: Pipeline, field: Field | None = None) -> None:
        self._reader = reader
        self._form = None if field is None else Form(fields=(field,))

    def read(self, page: Image) -> PageReading:
        """Read the only field of one page."""
        steps, reader = split_reader(self._reader)
        images = clean_images(steps, [page])
        if self._form is None:
            [field] = reader.read(images)
        else:
            height, width = page.shape
            whole = Frame(0, 0, width, height, 0, ruled=False)
            [read] = reader.read(images, [whole], self._form.fields)
            field = decide(self._form, {"value": read}, reader.threshold)["value"]
        return PageReading({"value": _doubt_image(page, field)})


def _doubt_image(image: Image, field: FieldReading) -> FieldReading:
    """Accept nothing, not even that it is empty, of what is no image of a field."""
    if is_light_on_dark(image):
        text = LIGHT_ON_DARK
    elif field.status != "accepted" and _is_like_a_page(image):
        text = "it is as large as a page: lenet score reads pages"
    else:
        return field
    reason = Reason(ReasonKind.UNSUITED, text)
    return replace(field, status="rejected", reason=reason, veto=reason)


def _is_like_a_page(image: Image) -> bool:
    height, width = image.shape
    return min(image.shape) >= _SIDE_OF_PAGE and height > _HEIGHT_OF_PAGE * width


class Worker:
    """Counts, hashes and reads pages, and keeps the file it read last open.

    Parameters
    ----------
    reader : Reader
        Reads one page.

    dpi : float
        Resolution at which PDF pages are rendered, in pixels per inch.
    """

    def __init__(self, reader: Reader, dpi: float) -> None:
        self._reader = reader
        self._dpi = dpi
        self._files = ExitStack()
        self._file: Path | None = None
        self._scan: Scan | None = None

    def __call__(self, request: Path | Identify | Task) -> Any:
        """Count the pages of a file, identify it, or read one page."""
        if isinstance(request, Path):
            return self._count(request)
        if isinstance(request, Identify):
            return identify(request.file, self._count_surely)
        if request.error:
            return Timed(PageReading(error=request.error), 0.0)
        begun = time.perf_counter()
        # Nothing that one page does may cost the others their rows.
        try:
            reading = self._read(request)
        except MemoryError:
            raise
        except Exception as error:
            reading = PageReading(error=_one_line(error))
        return Timed(reading, time.perf_counter() - begun)

    def answer_here(self, request: Path | Task) -> Any:
        """Answer in this process, which outlives a lack of memory."""
        try:
            return self(request)
        except MemoryError:
            return Lost("needs more memory than there is")

    def _count(self, file: Path) -> int:
        """Count the rows a file will give: its pages, or 1 if it cannot be opened."""
        try:
            return self._count_surely(file)
        except OSError:
            return 1

    def _count_surely(self, file: Path) -> int:
        """Count them, and raise what the system has against opening the file."""
        try:
            return len(self._open(file))
        except ScanError as error:
            if is_from_system(error.__cause__):
                raise OSError(str(error)) from error
            return 1

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def load(self, task: Task) -> tuple[Image, str]:
        """Decode one page.

        Parameters
        ----------
        task : Task

        Returns
        -------
        page : ndarray of shape (height, width), dtype uint8

        damage : str
            What is wrong with it; empty where all of it could be decoded.

        Raises
        ------
        ScanError
            If it cannot be read, or its file has changed.
        """
        if task.version not in (None, file_version(task.file)):
            raise ScanError(f"{task.file}: has changed since this run began")
        scan = self._open(task.file)
        page = self._decode(scan, task)
        return page, scan.damage

    def _read(self, task: Task) -> PageReading:
        page, damage = self.load(task)
        reading = self._reader.read(page)
        if damage:
            reading = distrust(reading, damage)
        if task.overlay is None:
            return reading
        try:
            write_overlay(page, reading, task.overlay)
        except Exception as error:  # what was read is worth more than its picture
            reason = f"{task.overlay} cannot be written: {_one_line(error)}"
            return replace(reading, error=reading.error or reason)
        return reading

    def _decode(self, scan: Scan, task: Task) -> Image:
        try:
            return scan.read(task.index)
        except ScanError as error:  # it names the copy of a file behind a URL
            text = str(error).replace(str(scan.path), str(task.file))
            raise ScanError(text) from error

    def _open(self, file: Path) -> Scan:
        if self._scan is None or self._file != file:
            self._close()
            self._file = file
            self._scan = self._files.enter_context(opened(file, self._dpi))
        return self._scan

    def _close(self) -> None:
        self._scan = None
        self._files.close()


@contextmanager
def opened(file: Path, dpi: float) -> Iterator[Scan]:
    """Open a scan, wherever it is; its errors name it as it was given.

    Parameters
    ----------
    file : Path
        On a disk, or behind a URL.

    dpi : float
        Resolution at which PDF pages are rendered, in pixels per inch.

    Yields
    ------
    scan : Scan

    Raises
    ------
    ScanError
        If it cannot be opened.
    """
    with ExitStack() as stack:
        try:
            local = stack.enter_context(fetched(file))
        except OSError as error:
            raise ScanError(f"{file}: {error.strerror}") from error
        try:
            scan = stack.enter_context(open_scan(local, dpi=dpi))
        except ScanError as error:
            text = str(error).replace(str(local), str(file))
            raise ScanError(text) from error.__cause__
        yield scan


def _one_line(error: Exception) -> str:
    """Return the reason of an error, with its kind if it is no known one."""
    text = " ".join(str(error).split())
    if isinstance(error, ScanError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

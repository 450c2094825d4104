"""Write results: a CSV file that is there as a whole or not at all."""

import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pipelines.outcomes import FieldReading, PageReading, ReasonKind, show_confidence

if sys.platform != "win32":
    import fcntl

# The columns of values.csv, the table of single fields.
VALUE_COLUMNS = ("file", "value", "status", "confidence")

# What a page that failed has in the columns of each field.
_NO_CELLS = ("", "", "")


class OutputError(ValueError):
    """A place to write results to cannot be written; says which, and why."""


@dataclass(frozen=True)
class PageResult:
    """What one page of a stack gave.

    Attributes
    ----------
    document : str
        The scan file, as it was given or found.

    page : int
        Number of the page in it, counted from 1.

    reading : PageReading
        Its fields, or the reason why it could not be read.
    """

    document: str
    page: int
    reading: PageReading


def result_header(names: Iterable[str]) -> list[str]:
    """Return the columns of results.csv.

    Parameters
    ----------
    names : iterable of str
        Names of the form's fields, in its order.

    Returns
    -------
    header : list of str
        Four columns for the page, and three for each field.

    Examples
    --------
    >>> from pipelines.scoring.table import result_header
    >>> ",".join(result_header(["id"]))
    'document,page,status,error,id,id.status,id.confidence'
    """
    columns = ("{}", "{}.status", "{}.confidence")
    fields = [column.format(name) for name in names for column in columns]
    return ["document", "page", "status", "error", *fields]


def result_row(result: PageResult, names: Iterable[str]) -> list[str]:
    """Return the row of results.csv for one page.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    names : iterable of str
        Names of the form's fields, in its order.

    Returns
    -------
    row : list of str
        Values are text, and confidences are never rounded up. The cells of fields
        that were not read are empty. The error of a page that was read is what
        :func:`review_reason` returns for its fields.

    Examples
    --------
    >>> from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind
    >>> from pipelines.scoring.table import PageResult, result_row
    >>> reason = Reason(ReasonKind.NOT_FOUND, "no comb of 9 boxes")
    >>> field = FieldReading("", "unlocated", 0.0, reason=reason)
    >>> page = PageResult("a.png", 1, PageReading({"id": field}))
    >>> ",".join(result_row(page, ["id"]))
    'a.png,1,review,id: no comb of 9 boxes,,unlocated,0.0000'
    """
    reading = result.reading
    error = reading.error or _review_reasons(reading)
    row = [result.document, str(result.page), reading.status, error]
    for name in names:
        row += _cells(reading.fields.get(name))
    return row


def value_row(result: PageResult) -> list[str]:
    """Return the row of values.csv for one image of a field.

    Parameters
    ----------
    result : PageResult
        What the image gave: one field, or an error.

    Returns
    -------
    row : list of str
        File, value, status and confidence; ``failed`` for an image that could
        not be read.
    """
    for field in result.reading.fields.values():
        return [result.document, *_cells(field)]
    return [result.document, "", "failed", ""]


def review_reason(field: FieldReading) -> str:
    """Return why a value must be reviewed, where its status does not explain it.

    Parameters
    ----------
    field : FieldReading
        What was read.

    Returns
    -------
    reason : str
        Empty for a field that is settled, and for one that is rejected for its
        confidence: the cell beside its status shows that.

    Examples
    --------
    >>> from pipelines.outcomes import settle
    >>> from pipelines.scoring.table import review_reason
    >>> review_reason(settle("042", 0.5, 0.9)), review_reason(settle("0_2", 0.5, 0.9))
    ('', 'no digit in a box between two others')
    """
    settled = field.status in ("accepted", "blank")
    reason = field.reason
    if settled or reason is None or reason.kind is ReasonKind.UNCERTAIN:
        return ""
    return reason.text


def _review_reasons(reading: PageReading) -> str:
    reasons = {name: review_reason(field) for name, field in reading.fields.items()}
    if len(reasons) > 1 and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))  # of the page, not of a field
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)


def _cells(field: FieldReading | None) -> Sequence[str]:
    """Return value, status and confidence of a field as text."""
    if field is None:
        return _NO_CELLS
    return field.value, field.status, show_confidence(field.confidence, 4)


class ResultFile:
    r"""A CSV file that is there as a whole or not at all.

    Rows go to ``<path>.part`` and each is on its way to the disk when
    :meth:`write` returns. When the ``with`` block ends well the file takes its
    name; when it does not, or the program is killed, what was at `path` before
    is untouched and the rows so far stay in the ``.part`` file, until another run
    has a row for it. The error that ended the block gets a note that says so.

    Parameters
    ----------
    path : Path
        The file to write. Its folder must exist. Of a link, the file it leads to is
        replaced.

    header : sequence of str
        The names of the columns.

    Attributes
    ----------
    part : Path
        The file that the rows go to.

    n_rows : int
        Number of rows written.

    Raises
    ------
    OutputError
        On entering the ``with`` block, if the file cannot be written, is no regular
        file, or (except on Windows) another run is writing it.

    Examples
    --------
    >>> from pipelines.scoring.table import ResultFile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "results.csv")
    ...     with ResultFile(path, ["id"]) as results:
    ...         results.write(["007"])
    ...         path.exists()
    ...     path.read_text()
    False
    'id\n007\n'
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path
        self._target = replaced_file(path)
        # Beside the file that it becomes: files are not moved between disks.
        self.part = self._target.with_name(self._target.name + ".part")
        self.n_rows = 0
        self._header = header
        self._begun = False

    def __enter__(self) -> "ResultFile":
        try:
            check_regular(self.path)
            check_regular(self.part)
            self._lock = _lock(self.part)
        except BlockingIOError as error:
            raise OutputError(
                f"another run is writing {self.path}, by way of {self.part}. Wait for"
                " its end, or name another file"
            ) from error
        except OSError as error:
            raise OutputError(_cannot_write(self._target, error)) from error
        try:
            # Names of files need not be valid UTF-8; they come out as they are.
            # The rows of an earlier run stay until there is one to replace them.
            self._file = self.part.open(
                "a", encoding="utf-8", errors="surrogateescape", newline=""
            )
        except OSError as error:
            _unlock(self._lock)
            raise OutputError(_cannot_write(self._target, error)) from error
        self._rows = csv.writer(self._file, lineterminator="\n")
        return self

    def _begin(self) -> None:
        """Write the header in place of what an earlier run has left."""
        if not self._begun:
            self._file.truncate(0)
            self._rows.writerow(self._header)
            self._begun = True

    def write(self, row: Sequence[str]) -> None:
        """Append one row.

        Parameters
        ----------
        row : sequence of str
            A cell for each column.
        """
        self._begin()
        self._rows.writerow(row)
        self._file.flush()
        self.n_rows += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Unlocked last: who locks the rows next must not find them moved away.
        try:
            self._end(error)
        finally:
            _unlock(self._lock)

    def _end(self, error: BaseException | None) -> None:
        """Give the rows their name, or say in a note where they are left."""
        if error is None:
            self._begin()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.part.replace(self._target)
            return
        with suppress(OSError):  # a disk that is full refuses this too
            self._file.close()
        if not self.n_rows:
            with suppress(OSError):  # the first error is the one to be told
                if self._begun or not self.part.stat().st_size:
                    self.part.unlink()
            return
        left = "is as it was" if self.path.exists() else "was not made"
        error.add_note(f"{self.n_rows} rows are in {self.part}, and {self.path} {left}")


def replaced_file(path: Path) -> Path:
    """Return the file that writing to a path replaces.

    Parameters
    ----------
    path : Path
        It need not be there.

    Returns
    -------
    file : Path
        The path itself, or where it leads to if it is a symbolic link.
    """
    try:
        return Path(os.path.realpath(path)) if path.is_symlink() else path
    except OSError:  # what is wrong with it is said by whoever opens it
        return path


def check_regular(path: Path) -> None:
    """Refuse to replace what is there and is no file that holds what is written.

    Parameters
    ----------
    path : Path
        It need not be there. Links are followed.

    Raises
    ------
    OSError
        If it is a folder, or a device, a pipe or the like.
    """
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder. Name a file")
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no regular file. Name another")


def _lock(path: Path) -> int | None:
    """Open a file, made if need be, that no other run may lock until it is closed.

    The system closes it for a run that is killed. Processes that a run starts do not
    have it open: they are programs of their own, not forks.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who had it may have ended between the two: what is open is its table then.
        free = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        free = False
    except OSError:  # a file system without locks
        free = True
    if not free:
        os.close(descriptor)
        raise BlockingIOError(f"{path} is locked")
    return descriptor


def _unlock(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder that files can be written into, before there is one to write.

    Parameters
    ----------
    path : Path
        The folder. Its parents are made too.

    Raises
    ------
    OutputError
        If it cannot be made, or nothing can be written into it.
    """
    try:
        if path.exists() and not path.is_dir():
            raise FileExistsError(0, "it is a file. Name a folder")
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error


def _cannot_write(path: Path, error: OSError) -> str:
    """Say why a file cannot be written; a missing folder is the usual reason."""
    if not path.parent.is_dir():
        return f"{path} cannot be written: the folder {path.parent} does not exist"
    return f"{path} cannot be written: {error.strerror or error}"

"""Files: only regular ones are read; what is written is there as a whole or not."""

import csv
import errno
import io
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

if sys.platform != "win32":
    import fcntl


# Letters of its name that a draft is called by; each has four bytes at most.
_OF_NAME: Final = 50

# Seconds between two attempts to lock a file.
_PAUSE: Final = 0.05

# A row of a table, by the names of its columns.
Row = dict[str, str | None]


class OutputError(OSError):
    """A place to write results to cannot be written; says which, and why."""


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Parameters
    ----------
    path : str or path
        As for :func:`open_whole`.

    content : bytes
        What the file is to hold.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    with open_whole(path) as file:
        file.write(content)


@contextmanager
def open_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes its place as a whole, when the ``with`` block ends well.

    Parameters
    ----------
    path : str or path
        File to write. One that exists is replaced as a whole or not at all; of a
        symbolic link, the file that it leads to.

    Yields
    ------
    file : binary file
        To write to.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.

    Notes
    -----
    The bytes go to a temporary file in the same folder, which takes the name of the
    file once they are on the disk: whoever reads it sees the old content or the new
    one, even after a loss of power.

    Examples
    --------
    >>> from lenet_sklearn.outputs import open_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "table.txt")
    ...     with open_whole(path) as file:
    ...         _ = file.write(b"007")
    ...         path.exists()
    ...     path.read_bytes()
    False
    b'007'
    """
    target = replaced_file(Path(path))
    # A part of the name, which may be as long as names can be.
    prefix = f".{target.name[:_OF_NAME]}."
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=prefix)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # Only its owner may read a temporary file; a new file is as the umask says.
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(draft)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(target)  # a full disk does not say which file it is
        raise


def replaced_file(path: Path) -> Path:
    """Return the file that writing to a path replaces.

    Parameters
    ----------
    path : Path
        It need not exist.

    Returns
    -------
    file : Path
        The path itself, or where it leads to if it is a symbolic link.
    """
    try:
        return Path(os.path.realpath(path)) if path.is_symlink() else path
    except OSError:  # whoever opens it says what is wrong with it
        return path


def check_readable(path: str | os.PathLike[str]) -> None:
    """Refuse to open what would be waited for: only regular files are read.

    Parameters
    ----------
    path : str or path
        What is to be opened. Links are followed.

    Raises
    ------
    OSError
        If it is not there, or is a folder, a pipe, a device or the like. The reason
        is its `strerror`.

    Examples
    --------
    >>> from lenet_sklearn.outputs import check_readable
    >>> check_readable("/dev/null")
    Traceback (most recent call last):
      ...
    OSError: [Errno 22] it is a device, not a regular file: '/dev/null'
    """
    try:
        mode = os.stat(path).st_mode
    except ValueError as error:  # such as a zero byte
        raise OSError(errno.EINVAL, f"no file has such a name ({error})") from error
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(
            errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path)
        )
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    reason = f"it is {kind}, not a regular file"
    raise OSError(errno.EINVAL, reason, os.fspath(path))


def read_rows(
    path: Path, *, errors: str = "strict"
) -> tuple[list[str], list[tuple[int, Row]]]:
    r"""Read a CSV file as spreadsheets of all countries write it.

    Parameters
    ----------
    path : Path
        Text in UTF-8; a comma, a semicolon or a tab stands between its columns.

    errors : str, default="strict"
        What is done about bytes that are not UTF-8, as for :func:`open`.

    Returns
    -------
    names : list of str
        Of the columns, without spaces around them.

    rows : list of tuple of (int, dict of str to str or None)
        The number of the line on which each ends, and its cells by the names of their
        columns; None for one that is missing.

    Raises
    ------
    ValueError
        If the file cannot be read; says which.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lenet_sklearn.outputs import read_rows
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "truth.csv")
    ...     _ = path.write_text("file;value\na.png;0451\n")
    ...     read_rows(path)
    (['file', 'value'], [(2, {'file': 'a.png', 'value': '0451'})])
    """
    try:
        check_readable(path)
        with path.open(newline="", encoding="utf-8-sig", errors=errors) as file:
            # Spreadsheets of many countries write semicolons.
            head = file.readline()
            delimiter = next((mark for mark in ",;\t" if mark in head), ",")
            file.seek(0)
            table = csv.DictReader(file, delimiter=delimiter)
            names = table.fieldnames = [name.strip() for name in table.fieldnames or ()]
            return names, [(table.line_num, row) for row in table]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read: it is not text in UTF-8. Save it as UTF-8, which"
            " spreadsheets call CSV UTF-8."
        ) from error
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path} cannot be read: {reason}") from error


def check_writable(path: Path) -> None:
    """Find out before the work whether its result can be kept.

    Parameters
    ----------
    path : Path
        File that is to be written; of a symbolic link, the file that it leads to.

    Raises
    ------
    OutputError
        If it cannot be written, or is there and is not a regular file.
    """
    target = replaced_file(path)
    try:
        _check_regular(path)
        # To ask for permission is not enough: to root, everything is permitted.
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OutputError(_cannot_write(target, error)) from None


def check_free(paths: Iterable[Path]) -> None:
    """Refuse, before any work, to write over what is there.

    Parameters
    ----------
    paths : iterable of Path
        Files that are to be written.

    Raises
    ------
    OutputError
        If one of them exists.
    """
    for path in paths:
        if path.exists():  # a link to nothing loses nothing
            raise OutputError(
                f"{path} exists, and would be written over. Name another, or replace"
                " it with --force (overwrite=True)"
            )


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


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    r"""Write a CSV file that is there as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write. Its folder must exist. Of a link, the file it leads to is
        replaced.

    header : sequence of str
        The names of the columns.

    rows : iterable of sequences of str
        A cell for each column.

    Raises
    ------
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> from lenet_sklearn.outputs import write_rows
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rows(Path(folder, "results.csv"), ["id"], [["007"]])
    ...     Path(folder, "results.csv").read_text()
    'id\n007\n'
    """
    check_writable(path)
    try:
        with open_whole(path) as file, as_text(file) as text:
            csv.writer(text, lineterminator="\n").writerows([header, *rows])
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error


@contextmanager
def as_text(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Write text to a binary file, as the tables have it.

    Parameters
    ----------
    file : binary file
        It stays open.

    Yields
    ------
    text : text file
        UTF-8. Names of files that are no valid UTF-8 come out as they are.
    """
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    yield text
    text.detach()


def _check_regular(path: Path) -> None:
    """Refuse to replace a folder, a device, a pipe or the like. Links are followed."""
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder. Name a file")
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a regular file. Name another")


@contextmanager
def lock_file(
    path: Path, *, shared: bool = False, patience: float = 2.0
) -> Iterator[None]:
    """Keep other processes out for as long as the ``with`` block takes.

    Parameters
    ----------
    path : Path
        File that stands for what is locked; it is made if need be, and stays.

    shared : bool, default=False
        Let others in who share it too.

    patience : float, default=2.0
        Seconds to wait until it is free: the processes of a run that has just been
        killed take a while to end.

    Raises
    ------
    BlockingIOError
        If another process has locked it.

    OSError
        If it cannot be opened.

    Notes
    -----
    The system frees the lock of a process that is killed. On Windows, and on file
    systems without locks, nobody is kept out.

    Examples
    --------
    >>> from lenet_sklearn.outputs import lock_file
    >>> with tempfile.TemporaryDirectory() as folder, lock_file(Path(folder, "lock")):
    ...     Path(folder, "lock").exists()
    True
    """
    late = time.monotonic() + patience
    while True:
        try:
            descriptor = _lock(path, shared=shared)
            break
        except BlockingIOError:
            if time.monotonic() >= late:
                raise
            time.sleep(_PAUSE)
    try:
        yield
    finally:
        _unlock(descriptor)


def _lock(path: Path, *, shared: bool = False) -> int | None:
    """Open a file, made if need be, that no other run may lock until it is closed.

    The system closes it for a run that is killed, and for its processes, which end
    with it.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
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
        # Closing it would not do: processes that were forked have it open, too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> str:
    """Return why a file cannot be written: usually its folder does not exist."""
    if not path.parent.is_dir():
        return f"{path} cannot be written: the folder {path.parent} does not exist"
    return f"{path} cannot be written: {error.strerror or error}"


def _umask() -> int:
    """Return the mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

"""Which file a scan is: its size, its content, the number of its pages."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lenet_sklearn.outputs import check_readable
from pipelines.scans.remote import RemotePath, fetched, remote_version


@dataclass(frozen=True, slots=True)
class Document:
    """A scan file as it was when it was looked at.

    Attributes
    ----------
    path : str
        As it was given or found.

    n_pages : int
        Rows that it gives: its pages, or 1 if it cannot be opened.

    size : int
        In bytes; -1 if it cannot be looked at.

    modified : int
        When it was written, in nanoseconds.

    sha256 : str
        Hash of its content, in hexadecimal; empty if it could not be read.

    error : str
        What ended the process that opened it; empty where none was.

    touched : int
        When its content, name or rights were changed last, in nanoseconds: not even
        what restores files can set that.
    """

    path: str
    n_pages: int = 1
    size: int = -1
    modified: int = 0
    sha256: str = ""
    error: str = ""
    touched: int = 0

    @property
    def version(self) -> tuple[int, int] | None:
        """As of :func:`file_version`; None where it could not be read."""
        return (self.size, self.modified) if self.sha256 else None


class Identify(NamedTuple):
    """A request to identify a file."""

    file: Path


def file_touched(file: Path) -> int:
    """Return when a file was changed last, in any way.

    Parameters
    ----------
    file : Path

    Returns
    -------
    touched : int
        In nanoseconds; 0 where that is not known.
    """
    try:
        return 0 if isinstance(file, RemotePath) else file.stat().st_ctime_ns
    except (OSError, ValueError):
        return 0


def file_version(file: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written to.

    Parameters
    ----------
    file : Path
        Links are followed.

    Returns
    -------
    version : tuple of (size, modified), or None
        Bytes, and nanoseconds; None where there is no such file.
    """
    try:
        if isinstance(file, RemotePath):
            return remote_version(file)
        status = file.stat()
    except Exception:  # of a remote file it may be any; reading it says why
        return None
    return status.st_size, status.st_mtime_ns


def identify(file: Path, count: Callable[[Path], int]) -> Document:
    """Hash a file and count its pages.

    Parameters
    ----------
    file : Path
        It may be anything, or not be there.

    count : callable
        Returns the number of rows that the file gives, or raises an OSError where the
        system refuses to open it.

    Returns
    -------
    document : Document

    Examples
    --------
    >>> from pathlib import Path
    >>> from pipelines.scans.identity import identify
    >>> identify(Path("nowhere.png"), lambda file: 1).sha256
    ''
    """
    # Before its content, so that what is written meanwhile is noticed the next time.
    version, touched = file_version(file), file_touched(file)
    try:
        with fetched(file) as local:
            check_readable(local)
            with local.open("rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        n_pages = count(file)
    except OSError:  # reading its page says why
        return Document(str(file))
    size, modified = version or (-1, 0)
    return Document(str(file), n_pages, size, modified, sha256, touched=touched)

"""Scans behind a URL, such as in a bucket of S3: named as paths, fetched when read."""

import errno
import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

# A scheme has two letters at least: a single one is a drive of Windows.
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)

# Schemes whose paths begin at a root, not at a host or a bucket.
_ROOTED: Final = frozenset({"file:", "local:"})

# What may differ between two versions of a file; file systems know different ones.
_VERSIONS: Final = (
    "ETag",
    "etag",
    "mtime",
    "LastModified",
    "md5",
    "md5Hash",
    "created",
)


class RemotePath(type(Path())):  # type: ignore[misc]
    """The path of a file behind a URL, whose string is the URL.

    Nothing of the local file system is asked for it: it does not exist there.

    Examples
    --------
    >>> from pipelines.scans.remote import RemotePath
    >>> path = RemotePath("s3://exams/2026/p1.pdf")
    >>> str(path), path.name
    ('s3://exams/2026/p1.pdf', 'p1.pdf')
    """

    def __str__(self) -> str:
        scheme, *rest = self.parts
        slashes = ":///" if scheme in _ROOTED else "://"
        return scheme.removesuffix(":") + slashes + "/".join(rest)


def as_path(path: str | Path) -> Path:
    """Make a path of what may be a URL.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    path : Path
        A :class:`RemotePath` for a URL.

    Examples
    --------
    >>> from pipelines.scans.remote import as_path
    >>> as_path("scans/a.png").name, type(as_path("s3://b/a.png")).__name__
    ('a.png', 'RemotePath')
    """
    return RemotePath(path) if _URL.match(str(path)) else Path(path)


def list_remote(path: RemotePath) -> list[RemotePath]:
    """List the files that a URL stands for.

    Parameters
    ----------
    path : RemotePath
        Of a file, a folder, or a pattern.

    Returns
    -------
    files : list of RemotePath
        Of a folder, all that lie below it.

    Raises
    ------
    OSError, ValueError
        If there is none, or it cannot be looked at.

    ImportError
        If a package is missing.
    """
    system, place = _open_system(path)
    if re.search(r"[*?\[]", place):
        names = system.glob(place)
    else:
        names = system.find(place) if system.isdir(place) else [place]
    return [RemotePath(system.unstrip_protocol(name)) for name in names]


def remote_version(path: RemotePath) -> tuple[int, int]:
    """Return what changes when a file behind a URL is written to.

    Parameters
    ----------
    path : RemotePath

    Returns
    -------
    version : tuple of (size, modified)
        Bytes, -1 where they are not known; and a number.

    Raises
    ------
    OSError, ValueError
        If there is no such file.
    """
    system, place = _open_system(path)
    info = system.info(place)
    known = repr([str(info[key]) for key in _VERSIONS if key in info])
    number = int(hashlib.sha256(known.encode()).hexdigest()[:12], 16)
    return int(info.get("size") or -1), number


@contextmanager
def fetched(path: Path) -> Iterator[Path]:
    """Copy a file behind a URL for as long as the ``with`` block takes.

    Parameters
    ----------
    path : Path
        Any other than a `RemotePath` is there already.

    Yields
    ------
    file : Path
        On this machine.

    Raises
    ------
    OSError
        If it cannot be fetched.
    """
    if not isinstance(path, RemotePath):
        yield path
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder, path.name)
        try:
            system, place = _open_system(path)
            system.get_file(place, str(file))
        except Exception as error:  # each file system has errors of its own
            text = f"cannot be fetched: {type(error).__name__}: {error}"
            raise OSError(errno.EIO, text) from error
        yield file


def _open_system(path: RemotePath) -> tuple[Any, str]:
    """Return the file system of a URL, and the place of the file in it."""
    try:
        core = import_module("fsspec.core")
    except ImportError as error:
        raise ImportError(
            f"{path} is a URL: to read it, install fsspec with pip install"
            ' "lenet-sklearn[remote]"'
        ) from error
    system, place = core.url_to_fs(str(path))
    return system, str(place)

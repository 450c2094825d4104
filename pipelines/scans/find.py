"""Which scan files the paths of a command stand for."""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

SCAN_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pdf", ".png", ".tif", ".tiff", ".webp"}
)

# Images of a kind that cannot be read, and what may be one without saying so.
_OTHER_IMAGES = frozenset({"", ".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl"})


class ScanError(ValueError):
    """A scan file, or one page of it, cannot be read; says which, and why."""


def find_scans(
    paths: Iterable[str | Path], *, exclude: Path | None = None
) -> list[Path]:
    """List the scan files that files, folders and globs stand for.

    Parameters
    ----------
    paths : iterable of str or Path
        A file is taken whatever its name. A folder stands for the files in it
        and in its sub-folders whose names end as scans do, except hidden ones,
        in natural order (``page_2`` before ``page_10``). Links to folders are
        followed, to each folder once for a path. A pattern (``*``,
        ``?``, ``[...]``) that no shell has expanded is expanded here; ``**``
        crosses folders.

    exclude : Path, default=None
        A folder whose files are left out, even if it lies below `paths`:
        where pictures of an earlier run are, which are no scans.

    Returns
    -------
    files : list of Path
        Each file once, as it was given or found, in the order of `paths`.

    Raises
    ------
    ScanError
        If a path does not exist, a folder cannot be listed, holds no scan or lies
        in the one whose files are left out, a pattern matches nothing, or nothing
        is left.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pipelines.scans.find import find_scans
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("p10.png", "p2.png", "notes.txt"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in find_scans([folder])]
    ['p2.png', 'p10.png']
    """
    first: dict[str, Path] = {}
    for path in map(Path, paths):
        if path.is_dir() and _lies_in(path, exclude):
            raise ScanError(f"{path}: pictures are written to {exclude}, no scans")
        for file in _expand(path):  # perhaps named before, by itself or by its folder
            if not _lies_in(file, exclude):
                # Two links to one file are two names, though: both were asked for.
                first.setdefault(os.path.abspath(file), file)
    if exclude is not None and not first:
        raise ScanError(f"all scans lie in {exclude}, where pictures are written")
    return list(first.values())


def _lies_in(path: Path, folder: Path | None) -> bool:
    if folder is None or not folder.is_dir():
        return False
    return path.resolve().is_relative_to(folder.resolve())


def find_other_images(paths: Iterable[str | Path]) -> list[Path]:
    """List what lies in folders and may be a scan, but is of a kind that is not read.

    Parameters
    ----------
    paths : iterable of str or Path
        As for :func:`find_scans`. What is named by itself is read whatever it is.

    Returns
    -------
    files : list of Path
        In natural order.
    """
    return [
        file
        for path in map(Path, paths)
        if path.is_dir()
        for file in _files_under(path, _OTHER_IMAGES)
    ]


def _expand(path: Path) -> list[Path]:
    """List the scans that one path of the command line stands for."""
    if path.is_dir():
        files = _files_under(path)
        if not files:
            known = " ".join(sorted(SCAN_SUFFIXES))
            raise ScanError(f"{path}: no scans in this folder ({known})")
        return files
    if path.exists() or not glob.has_magic(str(path)):
        if not path.exists():
            raise ScanError(f"{path}: no such file or folder")
        return [path]
    matches = sorted(map(Path, glob.glob(str(path), recursive=True)), key=_natural)
    files = [
        file
        for match in matches
        for file in (_files_under(match) if match.is_dir() else [match])
    ]
    if not files:
        raise ScanError(f"{path}: no file matches this pattern")
    return files


def _files_under(folder: Path, suffixes: frozenset[str] = SCAN_SUFFIXES) -> list[Path]:
    """List the files of a kind in a folder and below it, in natural order."""
    files = [
        Path(parent, name)
        for parent, names in _walk(folder)
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() in suffixes
    ]
    return sorted(files, key=_natural)


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and those below it, each once, with the names of their files."""
    # Links come last, so that a folder that lies here keeps its own name.
    waiting, seen = [str(folder)], set()
    while waiting:
        for parent, folders, names in os.walk(waiting.pop(0), onerror=_refuse):
            real = os.path.realpath(parent)
            if real in seen:  # links may also lead in circles
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = [os.path.join(parent, name) for name in folders]
            waiting += filter(os.path.islink, below)
            yield parent, names


def _refuse(error: OSError) -> None:
    """Name the folder that cannot be listed, or nobody would miss its scans."""
    raise ScanError(
        f"{error.filename}: this folder cannot be listed: {error.strerror}."
        " Make it readable, or move it away"
    ) from error


def _natural(path: Path) -> list[list[tuple[int, str]]]:
    """Sort key by which ``page_2`` comes before ``page_10``."""
    return [
        [
            (int(piece), "") if piece.isdecimal() else (-1, piece)
            for piece in re.split(r"(\d+)", part.casefold())
        ]
        for part in path.parts
    ]

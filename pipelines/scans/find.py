"""Which scan files the paths of a command stand for."""

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pipelines.scans.remote import RemotePath, as_path, list_remote

SCAN_SUFFIXES = frozenset(
    [
        ".bmp",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pdf",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]
)

# Images of a kind that cannot be read.
_OTHER_IMAGES = frozenset({".avif", ".gif", ".heic", ".heif", ".jp2", ".jxl"})

# A PDF must say that it is one within so many bytes (PDF 1.7, annex H, 3.4.1).
HEAD: Final = 1024

# What a file is, by its first bytes: what is read, and what only can be named.
_READ: Final = {
    "BMP": rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}",
    "JPEG": rb"\xff\xd8\xff",
    "PDF": rb".{0,1019}%PDF-",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "PNM": rb"P[1-6]\s+[#\d]",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WebP": rb"RIFF.{4}WEBP",
}
_NOT_READ: Final = {
    "AVIF": rb".{4}ftypavi[fs]",
    "DjVu": rb"AT&TFORM",
    "GIF": rb"GIF8",
    "HEIC": rb".{4}ftyp(?:he[ivm][cxms]|mif1|msf1)",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "PostScript": rb"%!PS",
    "Photoshop": rb"8BPS",
}


class ScanError(ValueError):
    """A scan file, or one page of it, cannot be read; says which, and why."""


class Passed(NamedTuple):
    """Files in folders that are not read, though they may be scans.

    Attributes
    ----------
    other_kinds : list of Path
        Images of a kind that is not read, and what may be a scan by its content but not
        by its name.

    not_regular : list of Path
        Pipes, devices, and links that lead in a circle.
    """

    other_kinds: list[Path]
    not_regular: list[Path]


def find_scans(
    paths: str | Path | Iterable[str | Path], *, exclude: Path | None = None
) -> list[Path]:
    """List the scan files that files, folders and globs stand for.

    Parameters
    ----------
    paths : str, Path, or iterable of them
        A file is taken whatever its name. A folder stands for the files in it
        and in its sub-folders whose names end as scans do, or that have no suffix
        and begin as scans do, except hidden ones,
        in natural order (``page_2`` before ``page_10``). Links to folders are
        followed, to each folder once for a path. A pattern (``*``,
        ``?``, ``[...]``) that no shell has expanded is expanded here; ``**``
        crosses folders. A URL, such as ``s3://exams/2026/``, is looked at by fsspec.

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
    for path in as_paths(paths):
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
    return real_path(path).is_relative_to(real_path(folder))


def real_path(path: str | os.PathLike[str]) -> Path:
    """Follow all links of a path; unlike `Path.resolve`, also those in a circle.

    Parameters
    ----------
    path : str or Path
        It need not exist.

    Returns
    -------
    path : Path
        Absolute; a link that leads in a circle stays as it is.
    """
    return Path(os.path.realpath(path))


def as_paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """Make a list of one path or of several.

    Parameters
    ----------
    paths : str, Path, or iterable of them
        A string is one path.

    Returns
    -------
    paths : list of Path
    """
    return [as_path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]


def find_passed(paths: str | Path | Iterable[str | Path]) -> Passed:
    """List what lies in folders and is not read, though it may be a scan.

    Parameters
    ----------
    paths : str, Path, or iterable of them
        As for :func:`find_scans`. What is named by itself is read whatever it is.

    Returns
    -------
    passed : Passed
        In natural order.
    """
    folders = [path for path in as_paths(paths) if path.is_dir()]
    return Passed(
        *(
            [file for folder in folders for file in _files_under(folder, sort)]
            for sort in ("other", "special")
        )
    )


def printable(text: object) -> str:
    r"""Make a name safe to print: one line, without what steers a terminal.

    Parameters
    ----------
    text : object
        Such as the path of a file, or a message that names one.

    Returns
    -------
    text : str
        What cannot be seen is written as Python writes it: ``\x1b`` for an escape.

    Examples
    --------
    >>> from pipelines.scans.find import printable
    >>> print(printable("a\x1b[2J\n.png"))
    a\x1b[2J\n.png
    """
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text)
    )


def name_content(head: bytes) -> tuple[str, bool]:
    """Tell from its first bytes what a file is, if it is an image or a PDF.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes, or all there are.

    Returns
    -------
    kind : str
        Its name; empty if it is nothing that is known.

    is_read : bool
        Whether such files are read.

    Examples
    --------
    >>> from pipelines.scans.find import name_content
    >>> name_content(b"%PDF-1.4"), name_content(b"GIF89a"), name_content(b"Dear Sir")
    (('PDF', True), ('GIF', False), ('', False))
    """
    for kinds, is_read in ((_READ, True), (_NOT_READ, False)):
        for kind, pattern in kinds.items():
            if re.match(pattern, head, re.DOTALL):
                return kind, is_read
    return "", False


def _expand(path: Path) -> list[Path]:
    """List the scans that one path of the command line stands for."""
    if isinstance(path, RemotePath):
        return _expand_remote(path)
    if path.is_dir():
        files = _files_under(path)
        if not files:
            known = " ".join(sorted(SCAN_SUFFIXES))
            raise ScanError(f"{path}: no scans in this folder ({known})")
        return files
    # A link to nothing is there: a row says of it that it cannot be opened.
    if os.path.lexists(path) or not glob.has_magic(str(path)):
        if not os.path.lexists(path):
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


def _expand_remote(path: RemotePath) -> list[Path]:
    """List the scans that a URL stands for: one that names a file, whatever it is."""
    try:
        files = list_remote(path)
    except Exception as error:  # each file system has errors of its own
        raise ScanError(f"{path}: cannot be looked at: {error}") from error
    scans = [file for file in files if file.suffix.lower() in SCAN_SUFFIXES]
    if not scans and files != [path]:
        raise ScanError(f"{path}: no scans there")
    return sorted(scans or files, key=_natural)


Sort = Literal["scan", "other", "special", ""]


def _files_under(folder: Path, sort: Sort = "scan") -> list[Path]:
    """List the files of a sort in a folder and below it, in natural order."""
    files = [
        Path(parent, name)
        for parent, names in _walk(folder)
        for name in names
        if not name.startswith(".") and _sort(Path(parent, name)) == sort
    ]
    return sorted(files, key=_natural)


def _sort(path: Path) -> Sort:
    """Tell scans in a folder from what may be one, and from the rest."""
    suffix = path.suffix.lower()
    may_be_scan = suffix in SCAN_SUFFIXES | _OTHER_IMAGES | {""}
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:  # a link to nothing: a page is missing
        if suffix in SCAN_SUFFIXES:
            return "scan"
        is_regular = False
    except OSError:  # links in a circle
        is_regular = False
    if not is_regular:
        return "special" if may_be_scan else ""
    if suffix in SCAN_SUFFIXES:
        return "scan"
    kind, is_read = name_content(_read_head(path))
    if not suffix and is_read:
        return "scan"
    return "other" if may_be_scan or kind else ""


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


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


def _natural(path: Path) -> str:
    """Sort key by which ``page_2`` comes before ``page_10``, and a folder before both.

    One string for each of many files: a list of its pieces takes ten times the room.
    """
    parts = str(path).casefold().replace(os.sep, "\0")
    return re.sub(r"\d+", _as_sorted, parts)


def _as_sorted(number: re.Match[str]) -> str:
    """Write a number so that a longer one comes later."""
    digits = str(int(number[0]))
    return f"\1{len(digits):03d}{digits}"

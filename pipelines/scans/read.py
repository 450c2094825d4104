"""Read scan files into grey pages, one at a time."""

import errno
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import PIL.Image
import pypdfium2
import pypdfium2.raw as pdfium

from lenet_sklearn.outputs import check_readable
from pipelines.images import Image, to_grey
from pipelines.scans.damage import (
    find_jpeg_damage,
    find_pdf_damage,
    find_png_damage,
    listen_to_decoder,
)
from pipelines.scans.find import HEAD, ScanError, find_scans, name_content

__all__ = ["Scan", "ScanError", "find_scans", "open_scan", "read_pages"]

# Pillow logs what is wrong with a file, too; the errors of this module say it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# What Pillow may try; its other decoders are no scans, and some start programs.
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

# An A4 page at 1200 dpi has 139 megapixels. Pillow itself stops at 179.
_MAX_MEGAPIXELS = 150.0

# PDF lengths are in points, 72 to the inch (ISO 32000-1, 8.3.2.3).
_POINTS_PER_INCH = 72.0

# No form is longer than A2 paper, 594 mm. A PDF page that says it is, was made of
# a photograph whose pixels were taken for points.
_LONGEST_POINTS = 1684.0

# PDFium keeps the stream of every page it has rendered until the document is
# closed; opening it again after so many keeps memory flat, and costs nothing.
_PAGES_AT_ONCE = 14

_PDF_ERRORS = {
    pdfium.FPDF_ERR_PASSWORD: "is encrypted; save a copy without the password",
    pdfium.FPDF_ERR_SECURITY: "is encrypted in a way that is not known here",
}

# What to do with a file of a kind that is not read, other than saving it as PNG.
_REMEDIES = {
    "HEIC": "Save it as JPEG; to have an iPhone take JPEGs, choose Settings, Camera,"
    " Formats, Most Compatible",
    "PostScript": "Save it as PDF",
}

# Sides of a pixel that differ by less than this share are taken for equal: a fine fax
# is of 204 x 196 dpi, and as good as it is. Coarse ones are of 204 x 98 dpi, and the
# finest of 204 x 391 (ITU-T T.4); what is further from square is a mistake in the file.
_SQUARE = 0.1
_LONGEST_PIXEL = 2.5

# The EXIF tag that says how a camera was held.
_ORIENTATION = 274

# What makes the stored rows and columns upright (EXIF 2.3, 4.6.4, Orientation).
_UPRIGHT: dict[int, Callable[[Image], Image]] = {
    2: np.fliplr,
    3: lambda page: np.rot90(page, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda page: np.rot90(page, -1),
    7: lambda page: np.rot90(page, 2).T,
    8: np.rot90,
}

# Those that make columns of the stored rows.
_ON_SIDE = (5, 6, 7, 8)


class Scan(ABC):
    """An open scan file: a number of pages, each of them read on its own.

    Made by :func:`open_scan`. A page that cannot be read raises from
    :meth:`read` and leaves the others within reach. Nothing but the page that
    was read last is kept in memory.

    Parameters
    ----------
    path : Path
        The file.

    max_megapixels : float
        Largest size of a page; a larger one is refused before it is decoded.

    Attributes
    ----------
    path : Path
        The file.

    damage : str
        What of the page that was read last could not be decoded, in words; empty
        where all of it was, as far as decoders say. What is there was read.

    See Also
    --------
    open_scan : Open a file.
    read_pages : All pages in turn, where one damaged page may end the loop.
    """

    def __init__(self, path: Path, max_megapixels: float) -> None:
        self.path = path
        self.damage = ""
        self._max_megapixels = max_megapixels

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _decode(self, index: int) -> Image: ...

    @abstractmethod
    def close(self) -> None:
        """Close the file; pages can no longer be read."""

    def read(self, index: int) -> Image:
        """Read one page.

        Parameters
        ----------
        index : int
            Which page, counted from 0.

        Returns
        -------
        page : ndarray of shape (height, width), dtype uint8
            The page in grey, upright as its file says, dark ink on light paper.

        Raises
        ------
        IndexError
            If there is no such page.

        ScanError
            If the page is damaged, or larger than `max_megapixels`.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path} has {len(self)} pages. Got index {index}.")
        self.damage = ""
        with _explained(f"{self.path}: page {index + 1}"):
            return self._decode(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_size(self, width: float, height: float) -> None:
        """Refuse a page from its header, before any of it is decoded."""
        megapixels = width * height / 1e6
        if megapixels > self._max_megapixels:
            raise ScanError(
                f"would decode to {megapixels:.0f} megapixels"
                f" ({width:.0f} x {height:.0f}), more than the"
                f" {self._max_megapixels:g} allowed; scan it at a lower resolution"
            )


class _ImageScan(Scan):
    def __init__(self, path: Path, max_megapixels: float) -> None:
        super().__init__(path, max_megapixels)
        self._image = PIL.Image.open(path, formats=_FORMATS)
        try:
            self._n_pages = _count_frames(self._image)
        except OSError:
            self._image.close()
            raise

    def __len__(self) -> int:
        return self._n_pages

    def _decode(self, index: int) -> Image:
        self._image.seek(index)
        size, height = self._image.size, _pixel_height(self._image)
        self._check_size(size[0] * max(1.0, 1 / height), size[1] * max(1.0, height))
        orientation = _orientation(self._image)
        if self._image.format == "TIFF":  # Pillow turns these by itself
            with listen_to_decoder() as complaints:
                page = to_grey(self._image)
            self.damage = "; ".join(complaints[:1])
            return _square(page, 1 / height if orientation in _ON_SIDE else height)
        self.damage = _find_damage(self._image.format, self.path)
        page = _square(to_grey(self._image), height)
        if orientation not in _UPRIGHT:
            return page
        return np.ascontiguousarray(_UPRIGHT[orientation](page))

    def close(self) -> None:
        self._image.close()


def _find_damage(image_format: str | None, path: Path) -> str:
    # A photograph with a preview is an MPO, to Pillow.
    finders = {
        "PNG": find_png_damage,
        "JPEG": find_jpeg_damage,
        "MPO": find_jpeg_damage,
    }
    find = finders.get(image_format or "")
    return find(path) if find else ""


class _PdfScan(Scan):
    def __init__(self, path: Path, max_megapixels: float, dpi: float) -> None:
        super().__init__(path, max_megapixels)
        self._scale = dpi / _POINTS_PER_INCH
        self._document = open_pdf(path)
        self._n_read = 0
        self._n_pages = len(self._document)

    def __len__(self) -> int:
        return self._n_pages

    def _decode(self, index: int) -> Image:
        self._n_read += 1
        if self._n_read % _PAGES_AT_ONCE == 0:
            self._document.close()
            self._document = open_pdf(self.path)
        page = self._document.get_page(index)
        try:
            width, height = page.get_size()
            scale = self._scale * min(1.0, _LONGEST_POINTS / max(width, height))
            self._check_size(width * scale, height * scale)
            bitmap = page.render(scale=scale, grayscale=True)
            grey: Image = bitmap.to_numpy().copy()  # the bitmap is freed
            bitmap.close()
            self.damage = find_pdf_damage(page)
        finally:
            page.close()
        return grey if grey.ndim == 2 else grey[..., 0]

    def close(self) -> None:
        self._document.close()


def open_scan(
    source: str | Path, *, dpi: float = 200.0, max_megapixels: float = _MAX_MEGAPIXELS
) -> Scan:
    """Open a scan file, whatever its name ends in.

    Parameters
    ----------
    source : str or Path
        A PNG, JPEG, WebP, BMP, PNM, TIFF (of any number of pages) or PDF file. What
        it is, is told from its first bytes.

    dpi : float, default=200.0
        Resolution at which PDF pages are rendered, in pixels per inch. Images
        are read at the resolution they have; one whose file says that its pixels
        are not square, as those of a fax, is stretched until they are. A PDF page
        that says it is longer than A2 paper (594 mm) is rendered as if it were just
        that long.

    max_megapixels : float, default=150.0
        A page with more pixels than this is refused before it is decoded.
        Images have a second limit, Pillow's own, at twice
        ``PIL.Image.MAX_IMAGE_PIXELS`` (179 megapixels unless it was changed).

    Returns
    -------
    scan : Scan
        The open file: ``len(scan)`` pages, ``scan.read(index)``, and a context
        manager that closes it.

    Raises
    ------
    ScanError
        If the file is missing, empty, damaged, encrypted, without pages, or
        no scan at all. A damaged page raises only when it is read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import PIL.Image
    >>> from pipelines.scans.read import open_scan
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     PIL.Image.new("RGB", (30, 20), "white").save(Path(folder, "a.png"))
    ...     with open_scan(Path(folder, "a.png")) as scan:
    ...         len(scan), scan.read(0).shape
    (1, (20, 30))
    """
    path = Path(source)
    with _explained(str(path)):
        kind, is_read = name_content(_first_bytes(path))
        if kind == "PDF":
            return _PdfScan(path, max_megapixels, dpi)
        if kind and not is_read:
            raise ScanError(
                f"is a file of the kind {kind}, which is not read."
                f" {_REMEDIES.get(kind, 'Save it as PNG')}"
            )
        return _ImageScan(path, max_megapixels)


def read_pages(
    source: str | Path, *, dpi: float = 200.0, max_megapixels: float = _MAX_MEGAPIXELS
) -> Iterator[Image]:
    """Read the pages of a scan file, one at a time.

    Whatever the file holds (colour, transparency, a palette, CMYK, 16 bits,
    floats, one bit) comes out grey, and turned upright if its EXIF tag says
    so. Transparent parts are paper.

    Parameters
    ----------
    source : str or Path
        A PNG, JPEG, WebP, BMP, PNM, TIFF (of any number of pages) or PDF file.

    dpi : float, default=200.0
        Resolution at which PDF pages are rendered, in pixels per inch.

    max_megapixels : float, default=150.0
        A page with more pixels than this is refused before it is decoded.

    Yields
    ------
    page : ndarray of shape (height, width), dtype uint8
        One page, dark ink on light paper.

    Raises
    ------
    ScanError
        If the file or the page that is due cannot be read. To pass over a
        damaged page, use :func:`open_scan`.

    Notes
    -----
    One page is held at a time, so that memory does not grow with their number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import PIL.Image
    >>> from pipelines.scans.read import read_pages
    >>> sheets = [PIL.Image.new("1", (30, 20), shade) for shade in (0, 1)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "two.tif")
    ...     sheets[0].save(path, save_all=True, append_images=sheets[1:])
    ...     [int(page.mean()) for page in read_pages(path)]
    [0, 255]
    """
    with open_scan(source, dpi=dpi, max_megapixels=max_megapixels) as scan:
        for index in range(len(scan)):
            yield scan.read(index)


def is_from_system(error: BaseException | None) -> bool:
    """Tell what the system refuses from what is wrong with a file.

    Parameters
    ----------
    error : BaseException or None
        What came of reading a file.

    Returns
    -------
    answer : bool
        True where the same file may be read another time, such as after a lost
        connection to its disk.

    Examples
    --------
    >>> from pipelines.scans.read import is_from_system
    >>> is_from_system(OSError(5, "Input/output error"))
    True
    >>> is_from_system(OSError("image file is truncated"))
    False
    """
    # A file that says that something lies before its beginning is an invalid argument.
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def open_pdf(path: Path) -> pypdfium2.PdfDocument:
    """Open a PDF file, its form ready to be drawn.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    document : PdfDocument
        To be closed.

    Raises
    ------
    ScanError
        If it is damaged, encrypted or has no pages.
    """
    # PdfDocument(path) takes a PDF of no pages for whatever PDFium failed at last.
    name = str(path).encode("utf-8", errors="surrogateescape") + b"\0"
    handle = pdfium.FPDF_LoadDocument(name, None)
    if not handle:
        reason = _PDF_ERRORS.get(pdfium.FPDF_GetLastError(), "is a damaged PDF")
        raise ScanError(reason)
    document = pypdfium2.PdfDocument(handle)
    if not len(document):
        document.close()
        raise ScanError("has no pages")
    document.init_forms()  # else the widgets of a form are not drawn
    return document


def _first_bytes(path: Path) -> bytes:
    """Return the head of a file, within which a PDF must say that it is one."""
    if path.is_dir():
        raise ScanError("is a folder, not a file")
    check_readable(path)
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ScanError("is empty (0 bytes)")
    return head


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a ScanError that says what it was in."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata, and of sizes that are checked here.
            warnings.simplefilter("ignore")
            yield
    except MemoryError:
        raise  # which says nothing about the file
    # Decoders raise nearly anything on damaged data, from SyntaxError to KeyError.
    except Exception as error:
        raise ScanError(f"{what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Explain in plain words why a file or a page could not be read."""
    if isinstance(error, ScanError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PIL.UnidentifiedImageError):
        return "is no image and no PDF, or is damaged"
    if isinstance(error, PIL.Image.DecompressionBombError):
        limit = 2 * (PIL.Image.MAX_IMAGE_PIXELS or 0) / 1e6
        return f"would decode to more than {limit:.0f} megapixels"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened: {error.strerror}"
    return f"is damaged ({str(error) or type(error).__name__})"


def _count_frames(image: PIL.Image.Image) -> int:
    """Count the pages of an image file; only those of a TIFF are pages."""
    # Other frames are an animation's, or the previews in a camera's JPEG.
    if image.format != "TIFF":
        return 1
    n_frames = 0
    try:
        while True:
            image.seek(n_frames)
            n_frames += 1
    except EOFError:
        return n_frames
    except Exception as error:
        if is_from_system(error):
            raise
        # A broken directory: reading that last page will say what is wrong.
        return n_frames + 1


def _orientation(image: PIL.Image.Image) -> int:
    """Return the EXIF orientation of an image, 1 (upright) if it has none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1  # a damaged EXIF block is no reason to refuse the page


def _pixel_height(image: PIL.Image.Image) -> float:
    """Height of a pixel in widths of one, by the file; 1 where it does not say."""
    try:
        across, down = (float(dpi) for dpi in image.info["dpi"])
        height = across / down
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 1.0
    longest = max(height, 1 / height) if height > 0 else np.inf
    return height if 1 + _SQUARE < longest <= _LONGEST_PIXEL else 1.0


def _square(page: Image, height: float) -> Image:
    """Stretch a page whose pixels have this height in widths until they are square."""
    if height == 1:
        return page
    n_rows, n_columns = page.shape
    wanted = (
        max(n_columns, round(n_columns / height)),
        max(n_rows, round(n_rows * height)),
    )
    squared = cv2.resize(page, wanted, interpolation=cv2.INTER_LINEAR)
    return np.asarray(squared, dtype=np.uint8)

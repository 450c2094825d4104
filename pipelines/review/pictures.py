"""Pictures of fields, of single digits and of pages, cut from scans anew."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, shrink
from pipelines.scans.find import ScanError
from pipelines.scans.identity import Document, file_version, identify
from pipelines.scoring.batch import opened

Points = NDArray[np.float64]

# Height of a field in pictures, in pixels, and what is shown round it, of its height.
_FIELD_HEIGHT: Final = 40
_MARGIN: Final = 0.3
_LONGEST: Final = 1600

# Side of the picture of a digit, and what is shown round it, of its own place.
CELL: Final = 36
_CELL_MARGIN: Final = 0.12

# WebP's quality, from 0 to 100.
_QUALITY: Final = 40
_PAGE_QUALITY: Final = 25


class Place(NamedTuple):
    """Where a field lies on its page.

    Attributes
    ----------
    quad : ndarray of shape (4, 2), dtype float64, or None
        Its corners in pixels; None for all of the page.

    n_boxes : int
        Equal parts that it is divided into; 0 for none.

    digit_quads : sequence of ndarrays of shape (4, 2), dtype float64
        Where its digits lie, if it is not divided into equal parts.
    """

    quad: Points | None
    n_boxes: int = 0
    digit_quads: Sequence[Points] = ()


@dataclass(frozen=True)
class PageRequest:
    """What is to be cut from one page.

    Attributes
    ----------
    file : Path
        The scan file.

    index : int
        Number of the page in it, counted from 0.

    places : sequence of Place or None
        The fields; None for one that was not found.

    document : Document or None
        The file as it was when it was read; None to take it as it is.

    side : int
        Of the picture of the page, its longer one in pixels; 0 for no picture.

    quality : int
        Of the picture of the page, WebP's from 0 to 100.
    """

    file: Path
    index: int
    places: Sequence[Place | None]
    document: Document | None = None
    side: int = 0
    quality: int = _PAGE_QUALITY


@dataclass(frozen=True, eq=False)
class FieldPicture:
    """A field, upright.

    Attributes
    ----------
    content : bytes
        A WebP file.

    size : tuple of (width, height)
        In pixels.

    spans : tuple of (left, right)
        The columns of each digit in it, in pixels.

    cells : ndarray of shape (n, CELL, CELL), dtype uint8
        The digits, each in the middle of a square.
    """

    content: bytes
    size: tuple[int, int]
    spans: tuple[tuple[float, float], ...]
    cells: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PagePictures:
    """What was cut from one page.

    Attributes
    ----------
    fields : list of FieldPicture or None
        In the order of the places that were asked for.

    content : bytes
        The page as a WebP file; empty where it was not asked for.

    size : tuple of (width, height)
        Of the page as it was read, in pixels.

    content_size : tuple of (width, height)
        Of its picture.

    error : str
        Why there are no pictures; empty where there are.
    """

    fields: list[FieldPicture | None]
    content: bytes = b""
    size: tuple[int, int] = (0, 0)
    content_size: tuple[int, int] = (0, 0)
    error: str = ""


class Photographer:
    """Cuts pictures from pages, and keeps the file it opened last.

    Parameters
    ----------
    dpi : float
        Resolution at which PDF pages were rendered when they were read.
    """

    def __init__(self, dpi: float) -> None:
        self._dpi = dpi
        self._files = ExitStack()
        self._file: Path | None = None
        self._scan: Any = None

    def __call__(self, request: PageRequest) -> PagePictures:
        """Cut the pictures of one page."""
        try:
            page = self._read(request)
        except ScanError as error:
            return PagePictures([], error=" ".join(str(error).split()))
        height, width = page.shape
        fields = [place and cut_field(page, place) for place in request.places]
        if not request.side:
            return PagePictures(fields, b"", (width, height))
        small = shrink(page, min(1.0, request.side / max(page.shape)))
        content = _encode(small, request.quality)
        shown = (small.shape[1], small.shape[0])
        return PagePictures(fields, content, (width, height), shown)

    def _read(self, request: PageRequest) -> Image:
        if self._scan is None or self._file != request.file:
            self._files.close()
            self._file, self._scan = request.file, None
            _check_unchanged(request.file, request.document)
            self._scan = self._files.enter_context(opened(request.file, self._dpi))
        page: Image = self._scan.read(request.index)
        return page


def _check_unchanged(file: Path, document: Document | None) -> None:
    """Refuse a file with another content; a copy of it will do."""
    version = file_version(file)
    if version is None:
        raise ScanError(f"{file}: is no longer there")
    if document is None or document.version in (None, version):
        return
    if identify(file, lambda _: 1).sha256 != document.sha256:
        raise ScanError(f"{file}: has changed since it was read")


def cut_field(page: Image, place: Place) -> FieldPicture:
    """Cut a field from its page, upright, and the digits in it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page, as it was read.

    place : Place
        Where the field lies.

    Returns
    -------
    picture : FieldPicture
        With a margin; as high as 40 pixels allow to see digits, or as it is on the
        page where that is lower.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.review.pictures import Place, cut_field
    >>> page = np.full((300, 400), 255, dtype=np.uint8)
    >>> quad = np.array([[50, 100], [350, 100], [350, 150], [50, 150.0]])
    >>> picture = cut_field(page, Place(quad, n_boxes=6))
    >>> picture.size, picture.cells.shape
    ((264, 64), (6, 36, 36))
    """
    height, width = page.shape
    quad = place.quad
    if quad is None:
        quad = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    across = float(np.linalg.norm(quad[1] - quad[0] + quad[2] - quad[3])) / 2
    down = float(np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1])) / 2
    margin = 0.0 if place.quad is None else _MARGIN * down
    scale = min(1.0, _FIELD_HEIGHT / max(down, 1.0), _LONGEST / max(across, 1.0))
    size = [max(1, round(side + 2 * margin)) for side in (across, down)]
    inside = np.array([[0, 0], [across, 0], [across, down], [0, down]]) + margin
    matrix = cv2.getPerspectiveTransform(
        quad.astype(np.float32), inside.astype(np.float32)
    )
    upright = cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    spans = _spans(place, matrix, (margin, margin + across))
    reach = (1 - _MARGIN / 2) * margin
    rows = slice(round(reach), round(size[1] - reach))
    cells = [_cut_cell(upright[rows], span) for span in spans]
    small = shrink(upright, scale)
    return FieldPicture(
        _encode(small, _QUALITY),
        (small.shape[1], small.shape[0]),
        tuple((scale * left, scale * right) for left, right in spans),
        np.array(cells, np.uint8).reshape(-1, CELL, CELL),
    )


def _spans(
    place: Place, matrix: NDArray[Any], ends: tuple[float, float]
) -> list[tuple[float, float]]:
    """Find the columns of each digit in the upright field."""
    if place.n_boxes:
        walls = np.linspace(*ends, place.n_boxes + 1)
        return list(zip(walls[:-1].tolist(), walls[1:].tolist(), strict=True))
    spans = []
    for quad in place.digit_quads:
        corners = cv2.perspectiveTransform(quad[None].astype(np.float64), matrix)[0]
        spans.append((float(corners[:, 0].min()), float(corners[:, 0].max())))
    return spans


def _cut_cell(field: Image, span: tuple[float, float]) -> Image:
    """Cut one digit, and put it into the middle of a square."""
    left, right = span
    pad = _CELL_MARGIN * (right - left)
    first = min(max(0, round(left - pad)), field.shape[1] - 1)
    last = max(first + 1, round(right + pad))
    digit = field[:, first:last]
    scale = CELL / max(digit.shape)
    size = [max(1, round(scale * side)) for side in digit.shape[::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(digit, size, interpolation=how)
    cell = np.full((CELL, CELL), np.median(small), np.uint8)
    top, side = ((CELL - n) // 2 for n in small.shape)
    cell[top : top + small.shape[0], side : side + small.shape[1]] = small
    return cell


def join_cells(cells: NDArray[np.uint8], n_columns: int) -> bytes:
    """Put pictures of digits into one, row by row.

    Parameters
    ----------
    cells : ndarray of shape (n, CELL, CELL), dtype uint8
        The digits.

    n_columns : int
        How many stand in a row.

    Returns
    -------
    content : bytes
        A WebP file, white where the last row has none.
    """
    n_rows = -(-len(cells) // n_columns)
    sheet = np.full((n_rows * n_columns, CELL, CELL), 255, np.uint8)
    sheet[: len(cells)] = cells
    rows = sheet.reshape(n_rows, n_columns, CELL, CELL).transpose(0, 2, 1, 3)
    return _encode(rows.reshape(n_rows * CELL, n_columns * CELL), _QUALITY)


def _encode(image: Image, quality: int) -> bytes:
    _, content = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return bytes(content)

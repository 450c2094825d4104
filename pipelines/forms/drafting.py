"""Draft a form from its blank page: fields that are found, named and drawn."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from lenet_sklearn.outputs import check_writable, write_whole
from pipelines.fields.boxes import WritingBox, find_boxes, in_reading_order
from pipelines.fields.ticks import find_marks
from pipelines.forms.files import draft_images
from pipelines.forms.form import Field, Form, FormError
from pipelines.images import Image, check_image
from pipelines.outcomes import ArraysCompare
from pipelines.pages.upright import deskew, estimate_skew
from pipelines.scans.find import real_path
from pipelines.scans.read import open_scan

# A page that is less skewed is left as it is, pixel for pixel: the estimate has
# steps of 0.1 degree, and over the width of a comb this is less than a wall.
MIN_SKEW: Final = 0.25

# A comb that is tilted on a straight page has no upright box that could be cut
# into digits once its ends differ in height by this share of it.
_MAX_RISE = 0.2

# Frames and names in the picture: dark enough on white, and told apart by
# lightness too.
_COLOURS = {
    "comb": (200, 0, 30),
    "box": (0, 70, 190),
    "mark": (0, 120, 50),
    "choice": (0, 120, 50),
}

# Letters as high as 10-point print on A4, less where boxes are smaller.
_TEXT_OF_PAGE = 1 / 84
_SMALLEST_TEXT = 9  # pixels; below that no digit can be told from another


@dataclass(frozen=True, eq=False)
class Draft(ArraysCompare):
    """The fields found on a blank page.

    Attributes
    ----------
    fields : tuple of Field
        In reading order, named ``field_01``, ``field_02``...

    page : ndarray of shape (height, width), dtype uint8
        The blank page, straightened if it was skewed. The boxes are on this.

    places : tuple of WritingBox
        Where each field was found, tilted ones too.
    """

    fields: tuple[Field, ...]
    page: Image
    places: tuple[WritingBox, ...]


def draft_form(page: Image) -> Draft:
    """Find and name the fields of a blank page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper, not filled in.

    Returns
    -------
    draft : Draft
        A comb that is tilted though the page is straight has no `box`: it is
        looked for on every page.

    Raises
    ------
    FormError
        If nothing on the page looks like a comb or a box.

    TypeError, ValueError
        If `page` is not an image.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> page = np.full((1100, 800), 255, dtype=np.uint8)
    >>> for left in (100, 140, 180):
    ...     page = cv2.rectangle(page, (left, 300), (left + 40, 350), 120, 2)
    >>> [field] = draft_form(page).fields
    >>> field.name, field.kind, field.digits, field.box
    ('field_01', 'comb', 3, (300, 100, 50, 120))
    """
    check_image(page, caller="draft_form")
    draft = find_fields(page)
    if not draft.fields:
        raise FormError(
            "no field found on this page: no row of equal boxes, no single box, and"
            " none to tick."
            " Is it the blank of the form, at 150 to 400 dpi, and the right way up?"
        )
    return draft


def find_fields(page: Image) -> Draft:
    """Find the fields of a blank page that may have none.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        As for :func:`draft_form`.

    Returns
    -------
    draft : Draft
        Its `page` is the one given, and not a copy of it, if that was straight.
    """
    angle = estimate_skew(page)
    if abs(angle) >= MIN_SKEW:
        page = deskew(page, angle)
    return name_fields(page)


def name_fields(page: Image) -> Draft:
    """Find the fields of a blank page that lies straight.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        As for :func:`draft_form`.

    Returns
    -------
    draft : Draft
        Its `page` is the one given, and not a copy of it.
    """
    places = find_places(page)
    n_digits = max(2, len(str(len(places))))
    fields = [
        _as_field(place, f"field_{number:0{n_digits}}", page)
        for number, place in enumerate(places, 1)
    ]
    return Draft(tuple(fields), page, tuple(places))


def find_places(page: Image) -> list[WritingBox]:
    """Find what is to be written into, or ticked, on a blank page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper, straight.

    Returns
    -------
    places : list of WritingBox
        In reading order. A single box that is as small as those to be ticked is one.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.forms.drafting import find_places
    >>> page = np.full((1100, 800), 255, dtype=np.uint8)
    >>> page = cv2.rectangle(page, (100, 300), (114, 314), 20, 1)
    >>> [place.kind for place in find_places(page)]
    ['mark']
    """
    boxes = find_boxes(page)
    combs = [box for box in boxes if box.kind == "comb"]
    marks = find_marks(page, combs)
    boxes = [box for box in boxes if not any(_is_in(mark, box) for mark in marks)]
    return in_reading_order([*boxes, *marks], max(page.shape))


def _is_in(mark: WritingBox, box: WritingBox) -> bool:
    """Return whether a single box is what is ticked, and not a frame round it."""
    x, y = mark.quad.mean(axis=0)
    top, left, height, width = box.box
    is_inside = left <= x <= left + width and top <= y <= top + height
    return is_inside and height <= 1.5 * mark.box[2] and width <= 1.5 * mark.box[3]


def draw_draft(draft: Draft) -> NDArray[np.uint8]:
    """Draw the fields of a draft and their names onto the blank page.

    Parameters
    ----------
    draft : Draft
        From :func:`draft_form`.

    Returns
    -------
    picture : ndarray of shape (height, width, 3), dtype uint8
        The page in colour (red, green, blue): combs red, with a line at every
        cut between two digits, boxes blue, and green what is to be ticked.
    """
    # Paler print lets the names stand out from it.
    pale = (255 - (255 - draft.page) // 2).astype(np.uint8)
    picture = PIL.Image.fromarray(pale).convert("RGB")
    canvas = ImageDraw.Draw(picture)
    stroke = max(1, round(max(draft.page.shape) / 1200))
    for field, place in zip(draft.fields, draft.places, strict=True):
        colour = _COLOURS[place.kind]
        corners = [tuple(corner) for corner in place.quad.tolist()]
        canvas.polygon(corners, outline=colour, width=stroke)
        for upper, lower in _cuts(place):
            canvas.line([tuple(upper), tuple(lower)], fill=colour, width=1)
        _write_name(canvas, field, place, max(draft.page.shape))
    return np.asarray(picture)


def write_draft(
    blank: str | Path, output: str | Path, *, overwrite: bool = False
) -> str:
    """Draft a form from the scan of its blank page, and write it for editing.

    Three files are written: the form as JSON; beside it the blank page, as
    ``<stem>.blank.png``; and a picture of the page with the fields and their
    names, ``<stem>.png``, by which to rename them.

    Parameters
    ----------
    blank : str or Path
        Scan of the blank page; of a file with more pages, the first counts.

    output : str or Path
        The JSON file.

    overwrite : bool, default=False
        Replace files that exist, and what somebody has edited in the form.

    Returns
    -------
    summary : str
        What was found and where it is, in a line or two.

    Raises
    ------
    FormError
        If no field is found, or a file that is to be written exists or is the
        blank.

    ScanError
        If the blank cannot be read.

    OSError
        If a file cannot be written.
    """
    blank, output = Path(blank), Path(output)
    check_outputs([blank], output)
    with open_scan(blank) as scan:
        page, n_pages = scan.read(0), len(scan)
    if not overwrite:
        check_free_outputs(output)
    try:
        draft = draft_form(page)
    except FormError as error:
        raise FormError(f"{blank}: {error}") from None
    save_draft(draft, output)
    summary = describe_draft(draft, output)
    if n_pages == 1:
        return summary
    return (
        f"{blank} has {n_pages} pages; this is the form of the first. If they are"
        f" filled in, draft it from all of them with --filled.\n{summary}"
    )


def save_draft(draft: Draft, output: Path) -> None:
    """Write the three files of a draft.

    Parameters
    ----------
    draft : Draft
        With its page.

    output : Path
        The JSON file; the others lie beside it.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    picture, copy = draft_images(output)
    write_png(copy, draft.page)
    write_png(picture, draw_draft(draft))
    # Last, so that a form never names a blank page that is not there.
    Form(blank=copy, fields=draft.fields).to_file(output)


def check_outputs(sources: Sequence[Path], output: Path) -> None:
    """Refuse, before any work, to write where one cannot or must not.

    Parameters
    ----------
    sources : sequence of Path
        The files that are read.

    output : Path
        The JSON file.

    Raises
    ------
    FormError
        If a file that would be written is one of the sources.

    OSError
        If a file cannot be written.
    """
    outputs = [output, *draft_images(output)]
    if len(set(outputs)) < len(outputs):
        raise FormError(f"{output}: a form is a JSON file, and named like one")
    for path in outputs:
        check_writable(path)
        if any(real_path(path) == real_path(source) for source in sources):
            raise FormError(
                f"{path}: is read, and would be written over. Choose another name for"
                " the form"
            )


def check_free_outputs(output: Path) -> None:
    """Refuse to write over what is there: an edited form, or any other picture.

    Parameters
    ----------
    output : Path
        The JSON file.

    Raises
    ------
    FormError
        If one of the three files exists.
    """
    for path in (output, *draft_images(output)):
        if path.exists():
            raise FormError(
                f"{path}: exists, and would be written over. Name another file for"
                " the form, or draft it anew with --force (overwrite=True)"
            )


def _as_field(place: WritingBox, name: str, page: Image) -> Field:
    said: dict[str, Any] = {}
    if place.kind == "comb":
        said["digits"] = place.cells
    elif place.kind == "choice":
        said["options"] = [str(number) for number in range(1, place.cells + 1)]
    # Circles are made to be filled. Whether boxes are, or are filled to take a tick
    # back, the print of the form says.
    if place.is_round:
        said["filled"] = "ticked"
    return Field(name=name, kind=place.kind, box=upright_box(place, page), **said)


def upright_box(place: WritingBox, page: Image) -> tuple[int, int, int, int] | None:
    """Return the box of a place on the page.

    Parameters
    ----------
    place : WritingBox
        As it is printed.

    page : ndarray of shape (height, width), dtype uint8
        Where it is found.

    Returns
    -------
    box : tuple of 4 ints, or None
        ``(top, left, height, width)``, with the sides in the middle of a slight tilt;
        None for a comb that is tilted too much to be cut into digits.
    """
    top_left, top_right, _, bottom_left = place.quad
    rise = abs(top_right[1] - top_left[1])
    if place.kind == "comb" and rise > _MAX_RISE * np.linalg.norm(
        bottom_left - top_left
    ):
        return None
    # Sides in the middle of the slight tilt that is left.
    left = (place.quad[0, 0] + place.quad[3, 0]) / 2
    right = (place.quad[1, 0] + place.quad[2, 0]) / 2
    top = (place.quad[0, 1] + place.quad[1, 1]) / 2
    bottom = (place.quad[2, 1] + place.quad[3, 1]) / 2
    height, width = page.shape
    first = max(round(top), 0), max(round(left), 0)
    last = min(round(bottom), height), min(round(right), width)
    return *first, last[0] - first[0], last[1] - first[1]


def _cuts(place: WritingBox) -> NDArray[np.float64]:
    """Return the ends of the cuts between digits, of shape (cells - 1, 2, 2)."""
    if place.kind != "comb":
        return np.empty((0, 2, 2))
    shares = np.arange(1, place.cells)[:, None] / place.cells
    top_left, top_right, bottom_right, bottom_left = place.quad
    upper = top_left + shares * (top_right - top_left)
    lower = bottom_left + shares * (bottom_right - bottom_left)
    return np.stack([upper, lower], axis=1)


def _write_name(
    canvas: ImageDraw.ImageDraw, field: Field, place: WritingBox, page_side: int
) -> None:
    """Write the name of a field into its first box, as large as it is legible."""
    colour = _COLOURS[place.kind]
    top, left, height, width = place.box
    size = max(_SMALLEST_TEXT, min(page_side * _TEXT_OF_PAGE, 0.6 * height))
    # Shrunk to fit, so that it does not run into the field beside it.
    natural = ImageFont.load_default(size).getlength(field.name)
    size = max(_SMALLEST_TEXT, size * min(1.0, 0.9 * width / natural))
    font = ImageFont.load_default(size)
    name = field.name
    if font.getlength(f"{name} ({place.cells})") < 0.9 * width:
        name = f"{name} ({place.cells})"
    at = (left + 0.04 * min(width, 10 * size), top + (height - size) / 2)
    x0, y0, x1, y1 = canvas.textbbox(at, name, font=font)
    canvas.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), "white")
    canvas.text(at, name, fill=colour, font=font)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image, as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced.

    image : ndarray of shape (height, width) or (height, width, 3), dtype uint8
        Grey, or in colour (red, green, blue).

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    content = io.BytesIO()
    PIL.Image.fromarray(image).save(content, format="PNG")
    write_whole(path, content.getvalue())


def describe_draft(draft: Draft, output: Path) -> str:
    """Say what was found, and what to do with it.

    Parameters
    ----------
    draft : Draft
        With fields.

    output : Path
        The JSON file.

    Returns
    -------
    summary : str
        Two lines.
    """
    picture, _ = draft_images(output)
    counts = Counter[str](place.kind for place in draft.places)
    combs = f"{counts['comb']} comb field{'s' * (counts['comb'] != 1)}"
    boxes = f"{counts['box']} single box{'es' * (counts['box'] != 1)}"
    n_sought = sum(field.box is None for field in draft.fields)
    found = f"{output}: {combs} and {boxes}."
    if n_ticked := counts["mark"] + counts["choice"]:
        found += f" To be ticked: {n_ticked}."
    if n_sought:
        found += f" Tilted, and so looked for on every page: {n_sought}."
    return (
        f"{found}\nLook at {picture}, then rename the fields in {output}, and delete"
        " what is none."
    )

"""The printed form, before anyone has written on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from pipelines.drawing.writers import MM_PER_INCH
from pipelines.forms.field import Field
from pipelines.forms.form import Form
from pipelines.images import Image

Place: TypeAlias = tuple[int, int, int, int]
"""A bounding box ``(top, left, height, width)`` in pixels."""

# A4, in millimetres.
_PAGE_HEIGHT: Final = 297.0
_PAGE_WIDTH: Final = 210.0
_PAPER: Final = 255
_INK: Final = 25  # laser toner as a scanner sees it: not quite black
_GREY_INK: Final = 120


@dataclass(frozen=True)
class CombField:
    """A row of printed boxes, one for each digit.

    Attributes
    ----------
    name : str
        What the field is called in a form and in a table of results.

    digits : int
        Number of boxes.

    box : tuple of int
        ``(top, left, height, width)`` in pixels, from the middle of its outer
        lines.
    """

    name: str
    digits: int
    box: Place


@dataclass(frozen=True)
class _Comb:
    """How one comb is printed; lengths in millimetres."""

    name: str
    label: str
    digits: int
    left: float
    top: float
    box_width: float
    box_height: float
    line: float
    grey: int = _INK
    hint: str = ""


_COMBS: Final = (
    _Comb("student_number", "Student number", 9, 25, 75, 8, 10, 0.35),
    _Comb("exam_code", "Examination code", 6, 130, 75, 8, 10, 0.35),
    _Comb("exam_date", "Date", 8, 25, 98, 6.5, 8.5, 0.25, hint="DDMMYYYY"),
    _Comb("room", "Room", 4, 96, 98, 7, 8.5, 0.25, _GREY_INK),
    _Comb("seat", "Seat", 3, 144, 98, 7, 8.5, 0.25, _GREY_INK),
)
MAXIMUM_POINTS: Final = (12, 18, 20, 15, 35)
_TABLE_TOP: Final = 133.0
_ROW_HEIGHT: Final = 12.0
_COLUMNS: Final = (25.0, 95.0, 120.0, 150.0, 185.0)

INSTRUCTIONS: Final = (
    "Write with a pen, one digit to a box, and stay inside the boxes as well as you",
    "can. Cross out boxes you do not need, or leave them empty. If you make a mistake,",
    "ask for a new sheet: corrected digits are read by a person, which takes longer.",
    "Answers on extra sheets count only if each sheet bears your student number.",
)
# Squares to tick, named by what stands beside them: (left, top) in millimetres.
TICK_BOXES: Final = ((62.0, 216.0), (80.0, 216.0), (150.0, 216.0), (168.0, 216.0))
_TICK_SIZE: Final = 4.0
# Where the candidate and the examiner sign: left end and height of the lines.
SIGNATURES: Final = ((25.0, 248.0), (115.0, 248.0))
_SIGNATURE_WIDTH: Final = 70.0


class _Sheet:
    """White paper on which places are given in millimetres."""

    def __init__(self, dpi: float) -> None:
        self.scale = dpi / MM_PER_INCH
        size = (round(_PAGE_WIDTH * self.scale), round(_PAGE_HEIGHT * self.scale))
        self.paper = PillowImage.new("L", size, _PAPER)
        self.draw = ImageDraw.Draw(self.paper)

    def pixels(self, length: float) -> int:
        """Millimetres to the nearest pixel."""
        return round(length * self.scale)

    def bar(self, left: float, top: float, width: float, height: float) -> None:
        """Fill a rectangle; it is at least one pixel thick either way."""
        x, y = self.pixels(left), self.pixels(top)
        right = x + max(self.pixels(width), 1) - 1
        bottom = y + max(self.pixels(height), 1) - 1
        self.draw.rectangle((x, y, right, bottom), fill=_INK)

    def text(
        self, left: float, baseline: float, text: str, size: float, anchor: str = "ls"
    ) -> None:
        """Set a line of type."""
        place = (left * self.scale, baseline * self.scale)
        self.draw.text(place, text, _INK, _font(size * self.scale), anchor)

    def heading(self, left: float, baseline: float, text: str, size: float) -> None:
        """Set a line of bold type: thickened, and spaced to make up for it."""
        font = _font(size * self.scale)
        bold = 0.025 * size * self.scale
        x = left * self.scale
        for letter in text:
            place = (x, baseline * self.scale)
            self.draw.text(place, letter, _INK, font, "ls", stroke_width=bold)
            x += font.getlength(letter) + 1.2 * bold

    def frame(self, left: float, top: float, side: float, line: float) -> None:
        """Outline a square."""
        for offset in (0.0, side):
            self.bar(left, top + offset, side + line, line)
            self.bar(left + offset, top, line, side + line)


def draw_blank_form(*, dpi: float = 200.0) -> tuple[Image, tuple[CombField, ...]]:
    """Print the cover sheet of an examination, with nothing written on it.

    Parameters
    ----------
    dpi : float, default=200.0
        Resolution. The page is A4.

    Returns
    -------
    page : ndarray of shape (height, width), dtype uint8
        The form as printed: straight, clean, dark on white.

    fields : tuple of CombField
        Its comb fields in reading order, with their places on `page`.

    Examples
    --------
    >>> page, fields = draw_blank_form(dpi=100)
    >>> page.shape
    (1169, 827)
    >>> fields[0].name, fields[0].digits
    ('student_number', 9)
    """
    sheet = _Sheet(dpi)
    _print_heading(sheet)
    fields = [_print_comb(sheet, comb) for comb in _COMBS]
    fields += _print_table(sheet)
    _print_closing(sheet)
    return np.array(sheet.paper), tuple(fields)


def print_comb(
    page: Image, box: Place, digits: int, *, line_width: int = 2, grey: int = _INK
) -> None:
    """Print the lines of a comb onto a page, in place.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page; it is written into.

    box : tuple of int
        ``(top, left, height, width)`` of the comb in pixels, from the middle of
        its outer lines.

    digits : int
        Number of boxes.

    line_width : int, default=2
        Width of the lines in pixels.

    grey : int, default=25
        Grey value of the lines.
    """
    top, left, height, width = box
    near, far = line_width // 2, line_width - line_width // 2
    for y in (top, top + height):
        page[y - near : y + far, left - near : left + width + far] = grey
    for x in np.rint(np.linspace(left, left + width, digits + 1)).astype(int):
        page[top - near : top + height + far, x - near : x + far] = grey


def make_form(fields: Iterable[CombField], *, blank: Path) -> Form:
    """Describe a drawn form as forms are described.

    Parameters
    ----------
    fields : iterable of CombField
        As :func:`draw_blank_form` returns them.

    blank : Path
        The image of the blank page.

    Returns
    -------
    form : Form
        Its fields are combs, and nothing is asked of their values.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pipelines.drawing import CombField, make_form
    >>> room = CombField("room", 4, (10, 20, 30, 120))
    >>> make_form([room], blank=Path("blank.png")).fields[0].digits
    4
    """
    described = tuple(
        Field(name=field.name, digits=field.digits, box=field.box) for field in fields
    )
    return Form(blank=blank, fields=described)


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError(
            "The demonstration sets its form in Pillow's scalable font, which needs"
            " Pillow with FreeType. Install a Pillow wheel from PyPI."
        )
    return font


def _print_heading(sheet: _Sheet) -> None:
    for left in (10.0, 194.0):
        for top in (10.0, 281.0):
            sheet.bar(left, top, 6, 6)
    sheet.text(25, 21, "Faculty of Natural Sciences  ·  Office of Examinations", 3.2)
    sheet.heading(25, 33, "Examination cover sheet", 7.0)
    sheet.text(185, 21, "Form E-17", 3.2, "rs")
    sheet.bar(25, 37, 160, 0.4)
    for i, line in enumerate(INSTRUCTIONS):
        sheet.text(25, 43.5 + 4.6 * i, line, 3.0)


def _print_comb(sheet: _Sheet, comb: _Comb) -> CombField:
    """Print one comb with its label above and hints under its boxes."""
    sheet.text(comb.left, comb.top - 1.8, comb.label, 3.0)
    for i, letter in enumerate(comb.hint):
        middle = comb.left + (i + 0.5) * comb.box_width
        sheet.text(middle, comb.top + comb.box_height + 2.6, letter, 2.0, "ms")
    top, left = sheet.pixels(comb.top), sheet.pixels(comb.left)
    width = sheet.pixels(comb.box_width * comb.digits)
    box = (top, left, sheet.pixels(comb.box_height), width)
    page = np.array(sheet.paper)
    line_width = max(sheet.pixels(comb.line), 1)
    print_comb(page, box, comb.digits, line_width=line_width, grey=comb.grey)
    sheet.paper.paste(PillowImage.fromarray(page))
    return CombField(comb.name, comb.digits, box)


def _print_table(sheet: _Sheet) -> list[CombField]:
    """Print the table of points and the combs in its cells."""
    sheet.heading(25, _TABLE_TOP - 10.5, "Points", 4.0)
    heads = ("Question", "Maximum", "Points", "Initials")
    for left, head in zip(_COLUMNS, heads, strict=False):
        sheet.text(left + 2, _TABLE_TOP - 2, head, 2.8)
    n_rows = len(MAXIMUM_POINTS) + 1
    for i in range(n_rows + 1):
        sheet.bar(25, _TABLE_TOP + i * _ROW_HEIGHT, 160, 0.25)
    sheet.bar(25, _TABLE_TOP - 7, 160, 0.25)
    for left in _COLUMNS:
        sheet.bar(left, _TABLE_TOP - 7, 0.25, 7.25 + n_rows * _ROW_HEIGHT)
    return [_print_row(sheet, i) for i in range(n_rows)]


def _print_row(sheet: _Sheet, i: int) -> CombField:
    top = _TABLE_TOP + i * _ROW_HEIGHT
    is_total = i == len(MAXIMUM_POINTS)
    maximum = sum(MAXIMUM_POINTS) if is_total else MAXIMUM_POINTS[i]
    sheet.text(27, top + 7.5, "Total" if is_total else f"Question {i + 1}", 3.0)
    sheet.text(107, top + 7.5, str(maximum), 3.0, "ms")
    name = "total" if is_total else f"points_{i + 1}"
    digits = 3 if is_total else 2
    left = 124.5 + (0 if is_total else 7)
    return _print_comb(sheet, _Comb(name, "", digits, left, top + 1.6, 7, 9, 0.25))


def _print_closing(sheet: _Sheet) -> None:
    for (left, top), word in zip(TICK_BOXES, ("yes", "no", "yes", "no"), strict=True):
        sheet.frame(left, top, _TICK_SIZE, 0.25)
        sheet.text(left + 6, top + 3.6, word, 3.0)
    sheet.text(25, 219.6, "Extra sheets handed in", 3.0)
    sheet.text(112, 219.6, "Left before the end", 3.0)
    signers = ("candidate", "examiner")
    for (left, baseline), who in zip(SIGNATURES, signers, strict=True):
        sheet.bar(left, baseline, _SIGNATURE_WIDTH, 0.25)
        sheet.text(left, baseline + 4, f"Signature of the {who}", 2.6)
    sheet.bar(25, 266, 160, 0.25)
    sheet.text(25, 270.5, "Keep this sheet flat. Do not staple.", 2.4)
    sheet.text(185, 270.5, "Page 1 of 1", 2.4, "rs")

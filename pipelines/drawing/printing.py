"""The printed form, before anyone has written on it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

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
_INK: Final = 25  # laser toner as a scanner sees it: not quite black


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


# What is printed where, in millimetres: bars ``[left, top, width, height]``; headings
# and texts ``[left, baseline, size, text]``, some texts with Pillow's name for what of
# them lies at that point; combs with the place ``[left, top, width, height]`` of their
# first box; squares to tick, named by what stands beside them; where the candidate and
# the examiner sign; and the most points that each question gives.
SHEET: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("sheet.json").read_text(encoding="utf-8")
)
_TICK_SIZE: Final = 4.0


class Sheet:
    """White paper on which places are given in millimetres."""

    def __init__(self, dpi: float) -> None:
        self.scale = dpi / MM_PER_INCH
        size = (self.pixels(_PAGE_WIDTH), self.pixels(_PAGE_HEIGHT))
        self.paper = PillowImage.new("L", size, "white")
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
        self, left: float, baseline: float, size: float, text: str, anchor: str = "ls"
    ) -> None:
        """Set a line of type."""
        place = (left * self.scale, baseline * self.scale)
        self.draw.text(place, text, _INK, _font(size * self.scale), anchor)

    def heading(self, left: float, baseline: float, size: float, text: str) -> None:
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
    sheet = Sheet(dpi)
    for left, top in SHEET["tick_boxes"]:
        sheet.frame(left, top, _TICK_SIZE, 0.25)
    for bar in SHEET["bars"]:
        sheet.bar(*bar)
    for heading in SHEET["headings"]:
        sheet.heading(*heading)
    for text in SHEET["texts"]:
        sheet.text(*text)
    page = np.array(sheet.paper)
    fields = []
    for comb in SHEET["combs"]:
        left, top, width, height = comb["place"]
        digits, line_width = comb["digits"], max(sheet.pixels(comb["line"]), 1)
        sides = (top, left, height, width * digits)
        top, left, height, width = (sheet.pixels(side) for side in sides)
        field = CombField(comb["name"], digits, (top, left, height, width))
        print_comb(page, field.box, digits, line_width=line_width, grey=comb["grey"])
        fields.append(field)
    return page, tuple(fields)


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

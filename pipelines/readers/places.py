"""Find the fields of a form on a page: at their places, or wherever they are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.combs import Comb, Frame, find_combs, stack_combs
from pipelines.fields.dropout import MIN_PRINT_FOUND, FieldCut, cut_field
from pipelines.fields.frames import Points
from pipelines.fields.marks import MarksCut, cut_marks
from pipelines.forms.form import Field, Form
from pipelines.forms.notation import SIGNS
from pipelines.images import Image
from pipelines.outcomes import ArraysCompare, FieldReading, Reason, ReasonKind
from pipelines.pages.alignment import project
from pipelines.pages.placement import Registration
from pipelines.pages.register import register

# Margin round fields, as a share of their height: walls of a comb end in it, and free
# writing is followed there.
_MARGIN = 0.2
_FREE_MARGIN = 0.6

# Combs whose places are named in a message.
_MOST_PLACES = 6


@dataclass(frozen=True)
class SoughtCombs:
    """Where the combs of a form were found on a page.

    Attributes
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page, turned so that its combs lie across it.

    quarter_turns : int
        How often it was turned by 90 degrees counter-clockwise.

    combs : dict of str to Comb
        The combs found, by the name of their field.

    missing : dict of str to Reason
        Why a field was not found, by its name.

    doubtful : dict of str to Reason
        Why a comb may not be that of its field, by its name.

    counterparts : dict of str to str
        Which field a comb belongs to if the page lies on its head, by the
        name of the field it belongs to if not.

    found : list of Comb
        All combs of as many boxes as a field has, also those of no field.
    """

    page: Image
    quarter_turns: int
    combs: dict[str, Comb]
    missing: dict[str, Reason]
    doubtful: dict[str, Reason]
    counterparts: dict[str, str]
    found: list[Comb]

    @property
    def skew(self) -> float:
        """Skew of the page by its combs, in degrees as :func:`estimate_skew` has it."""
        edges = [comb.quad[1] - comb.quad[0] for comb in self.combs.values()]
        angles = [-np.degrees(np.arctan2(down, along)) for along, down in edges]
        return float(np.median(angles)) if angles else 0.0


def seek_combs(page: Image, fields: Sequence[Field]) -> SoughtCombs:
    """Find the combs of some fields on a page.

    A page without any of them is looked at once more on its side. Fields of
    one number of boxes are told apart by their order on the page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    fields : sequence of Field
        Combs without a place, in the order in which they are read.

    Returns
    -------
    sought : SoughtCombs
        What was found.
    """
    upright = _seek(page, 0, fields)
    if upright.combs:
        return upright
    aside = _seek(np.ascontiguousarray(np.rot90(page)), 1, fields)
    return aside if aside.combs or not upright.found else upright


def other_combs(sought: SoughtCombs, page: Image) -> tuple[Points, ...]:
    """Find the combs of a page that are no field's, whatever number of boxes they have.

    Parameters
    ----------
    sought : SoughtCombs
        Where the fields were found.

    page : ndarray of shape (height, width), dtype uint8
        The page as it was before.

    Returns
    -------
    quads : tuple of ndarrays of shape (4, 2), dtype float64
        Their corners ``(x, y)`` on `page`.
    """
    taken = list(sought.combs.values())
    quads = []
    for comb in [*sought.found, *find_combs(sought.page)]:
        if not any(comb.overlaps(other) for other in taken):
            taken.append(comb)
            quads.append(page_quad(comb.quad, page, sought.quarter_turns))
    return tuple(quads)


def page_quad(quad: Points, page: Image, quarter_turns: int) -> Points:
    """Map corners on a page turned by 90 degrees back to the page itself.

    Parameters
    ----------
    quad : ndarray of shape (4, 2)
        Corners ``(x, y)`` on the turned page.

    page : ndarray of shape (height, width), dtype uint8
        The page as it was before.

    quarter_turns : {0, 1}
        How often it was turned counter-clockwise.

    Returns
    -------
    quad : ndarray of shape (4, 2)
        The same corners on `page`.
    """
    if not quarter_turns:
        return quad
    return np.column_stack([page.shape[1] - 1 - quad[:, 1], quad[:, 0]])


def _seek(page: Image, quarter_turns: int, fields: Sequence[Field]) -> SoughtCombs:
    sought = SoughtCombs(page, quarter_turns, {}, {}, {}, {}, [])
    for digits in Counter(field.digits for field in fields):
        combs = find_combs(page, digits)
        sought.found.extend(combs)
        alike = [field for field in fields if field.digits == digits]
        for grid in Counter(field.grid for field in alike if field.grid):
            names = [field.name for field in alike if field.grid == grid]
            combs = _assign_grid(sought, names, combs, digits or 0)
        names = [field.name for field in alike if not field.grid]
        if names:
            _assign(sought, names, combs, digits or 0)
    return sought


def _assign(
    sought: SoughtCombs, names: Sequence[str], combs: Sequence[Comb], digits: int
) -> None:
    """Give the fields of one number of boxes the combs found, in their order."""
    if len(combs) < len(names):
        text = f"found {len(combs)} of {len(names)} combs of {digits} boxes"
        reason = Reason(ReasonKind.NOT_FOUND, text, _where(sought, combs))
        sought.missing.update(dict.fromkeys(names, reason))
        return
    best = sorted(combs, key=lambda comb: -comb.score)[: len(names)]
    chosen = [comb for comb in combs if any(comb is one for one in best)]
    sought.combs.update(zip(names, chosen, strict=True))
    sought.counterparts.update(zip(names, reversed(names), strict=True))
    if len(combs) > len(names):
        text = f"the page has {len(combs)} combs of {digits} boxes"
        reason = Reason(ReasonKind.SEVERAL, text, _where(sought, combs))
        sought.doubtful.update(dict.fromkeys(names, reason))


def _assign_grid(
    sought: SoughtCombs, names: Sequence[str], combs: Sequence[Comb], digits: int
) -> list[Comb]:
    """Give the rows of a grid the combs that stand below each other as they do.

    Returns the combs that are none of them.
    """
    stacks = stack_combs(combs)
    fitting = [stack for stack in stacks if len(stack) == len(names)]
    size = f"{len(names)} rows of {digits} boxes"
    if not fitting:
        tables = [stack for stack in stacks if len(stack) > 1]
        rows = " and ".join(str(len(stack)) for stack in tables) or "none"
        text = f"found no grid of {size}; of such rows below each other: {rows}"
        where = _where(sought, [stack[0] for stack in tables])
        reason = Reason(ReasonKind.NOT_FOUND, text, where)
        sought.missing.update(dict.fromkeys(names, reason))
        return list(combs)
    chosen = fitting[0]
    sought.combs.update(zip(names, chosen, strict=True))
    sought.counterparts.update(zip(names, reversed(names), strict=True))
    if len(fitting) > 1:
        text = f"the page has {len(fitting)} grids of {size}"
        where = _where(sought, [stack[0] for stack in fitting])
        reason = Reason(ReasonKind.SEVERAL, text, where)
        sought.doubtful.update(dict.fromkeys(names, reason))
    return [comb for comb in combs if not any(comb is one for one in chosen)]


def _where(sought: SoughtCombs, combs: Sequence[Comb]) -> str:
    """Say where combs are: left and top, in pixels of the page as it was given."""
    if not combs:
        return ""
    given = np.rot90(sought.page, -sought.quarter_turns)
    corners = []
    for comb in combs[:_MOST_PLACES]:
        quad = page_quad(comb.quad, given, sought.quarter_turns)
        left, top = np.rint(quad.min(axis=0)).astype(int).tolist()
        corners.append(f"({left}, {top})")
    more = "..." if len(combs) > len(corners) else ""
    return f"at (left, top) {' '.join(corners)}{more}"


@dataclass(frozen=True, eq=False)
class PlacedField(ArraysCompare):
    """A field cut out at its place, without what is printed.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        The field, straight, with a margin.

    frame : Frame
        Where its boxes are in the image.

    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` on the page, clockwise from the upper left one.
    """

    image: Image
    frame: Frame
    quad: Points


def cut_placed(
    page: Image, form: Form, registration: Registration | None = None
) -> tuple[dict[str, PlacedField | MarksCut], dict[str, str]]:
    """Register a page onto the blank of its form and cut its fields out.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Scan or photograph, dark ink on light paper.

    form : Form
        With a blank page, if any of its fields has a place.

    registration : Registration, default=None
        Where the blank page is on the page, if that is known.

    Returns
    -------
    cuts : dict of str to PlacedField or MarksCut
        The fields that were found, by name; of marks and choices their boxes.

    missing : dict of str to str
        Why a field was not found, by name.
    """
    fields = [f for f in form.fields if f.box is not None and f.kind != "code"]
    if not fields or form.blank is None:
        return {}, {}
    blank = form.prepared_blank()
    if registration is None:
        registration = register(page, blank)
    if not registration.is_good:
        return {}, {field.name: registration.reason for field in fields}
    cuts = {
        field.name: cut_marks(
            page, registration, blank, [place for _, place in field.places]
        )
        if field.is_ticked
        else cut_field(page, registration, blank, field.box, margin=_margin(field))
        for field in fields
        if field.box is not None
    }
    missing = {
        name: f"{cut.print_found:.0%} of the print around it was found"
        for name, cut in cuts.items()
        if cut.print_found < MIN_PRINT_FOUND
    }
    found = {
        field.name: _placed(field, cuts[field.name])
        for field in fields
        if field.name not in missing
    }
    return found, missing


def locate_digits(
    readings: Mapping[str, FieldReading],
    cuts: Mapping[str, PlacedField],
    images: Sequence[Image],
    reader: Any,
) -> dict[str, FieldReading]:
    """Find where on the page the digits of free writing stand.

    Parameters
    ----------
    readings : mapping of str to FieldReading
        What was read, by name of the field.

    cuts : mapping of str to PlacedField
        The same fields.

    images : sequence of ndarrays of shape (height, width), dtype uint8
        Their images, cleaned, in the order of the readings.

    reader : FieldReader
        What read them.

    Returns
    -------
    located : dict of str to FieldReading
        The readings, those of free writing with `digit_quads`.
    """
    free = {
        name: image
        for (name, reading), image in zip(readings.items(), images, strict=True)
        # Of signs it is not asked where they stand.
        if reading.value
        and not (cuts[name].frame.digits or set(reading.raw) & set(SIGNS))
    }
    if not free:
        return dict(readings)
    values = [readings[name].raw for name in free]
    spans = reader.locate(
        list(free.values()), values, [cuts[name].frame for name in free]
    )
    return dict(readings) | {
        name: replace(readings[name], digit_quads=_page_quads(cuts[name], columns))
        for name, columns in zip(free, spans, strict=True)
    }


def _margin(field: Field) -> float:
    """Return how much round a field is cut out with it, as a share of its height."""
    return _FREE_MARGIN if field.kind in ("line", "box") else _MARGIN


def _placed(field: Field, cut: FieldCut | MarksCut) -> PlacedField | MarksCut:
    if isinstance(cut, MarksCut):
        return cut
    top, left, height, width = cut.box
    digits = field.digits if field.kind == "comb" and field.digits else 0
    frame = Frame(
        left, top, left + width, top + height, digits, ruled=False, hidden=cut.hidden
    )
    return PlacedField(cut.image, frame, cut.quad)


def _page_quads(
    placed: PlacedField, spans: Sequence[tuple[int, int]]
) -> tuple[Points, ...]:
    """Map columns of a cut field back to its page, as high as the field."""
    top, bottom = placed.frame.top, placed.frame.bottom
    field = _corners(placed.frame.left, top, placed.frame.right, bottom)
    to_page = cv2.getPerspectiveTransform(field, placed.quad.astype(np.float32))
    return tuple(
        project(to_page, _corners(left, top, right, bottom).astype(np.float64))
        for left, right in spans
    )


def _corners(left: float, top: float, right: float, bottom: float) -> NDArray[Any]:
    """List the corners of a box as OpenCV takes them."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array(corners, dtype=np.float32)

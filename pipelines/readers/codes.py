"""Fields that are codes: what those on a page say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np

from pipelines.forms.form import Field
from pipelines.outcomes import FieldReading, Reason, ReasonKind
from pipelines.pages.codes import Code
from pipelines.pages.placement import Registration

# A code may lie so much of its size outside its place, as labels do that are stuck on.
_MARGIN: Final = 0.3


def read_codes(
    fields: Iterable[Field], codes: Sequence[Code], registration: Registration | None
) -> dict[str, FieldReading]:
    """Give each field the code on the page that is its own.

    Parameters
    ----------
    fields : iterable of Field
        Of the kind ``code``.

    codes : sequence of Code
        What was found on the page.

    registration : Registration or None
        Where the blank page is on the page; None if that is not known.

    Returns
    -------
    readings : dict of str to FieldReading
        By name of the field. Where several codes may be that of a field, it is
        rejected.
    """
    return {
        field.name: _read(field, _list_own(field, codes, registration))
        for field in fields
    }


def have_pattern(fields: Iterable[Field], codes: Iterable[Code]) -> bool:
    """Return whether a code on a page says which form it is of.

    Parameters
    ----------
    fields : iterable of Field
        Those of the form.

    codes : iterable of Code
        What was found on the page.

    Returns
    -------
    answer : bool
        Whether one of them has the pattern of one of the fields.
    """
    patterned = [field for field in fields if field.pattern is not None]
    return any(f.key_of(code.text) is not None for f in patterned for code in codes)


def _list_own(
    field: Field, codes: Sequence[Code], registration: Registration | None
) -> Mapping[str, Code]:
    """List the codes that may be that of a field, by what they say."""
    there = {code.text: code for code in codes if _is_at(field, code, registration)}
    if field.pattern is None:
        return there
    fitting = {text: there[text] for text in there if field.key_of(text) is not None}
    return fitting or there


def _is_at(field: Field, code: Code, registration: Registration | None) -> bool:
    """Return whether a code lies at the place of a field, if that has one."""
    if field.box is None:
        return True
    if registration is None or not registration.is_good:
        return False
    top, left, height, width = field.box
    x, y = _MARGIN * width, _MARGIN * height
    corners = np.array(
        [
            (left - x, top - y),
            (left + width + x, top - y),
            (left + width + x, top + height + y),
            (left - x, top + height + y),
        ]
    )
    middle = tuple(code.quad.mean(axis=0).tolist())
    outlines = (place.project(corners) for place in registration.near(field.box))
    return any(
        cv2.pointPolygonTest(outline.astype(np.float32), middle, measureDist=False) >= 0
        for outline in outlines
    )


def _read(field: Field, own: Mapping[str, Code]) -> FieldReading:
    if not own:
        where = "at its place" if field.box else "on the page"
        reason = Reason(ReasonKind.NOT_FOUND, f"no code was found {where}")
        return FieldReading("", "unlocated", 0.0, reason=reason, is_printed=True)
    if len(own) > 1:
        reason = Reason(ReasonKind.SEVERAL, f"there are {len(own)} codes")
        return FieldReading("", "rejected", 0.0, reason=reason, is_printed=True)
    [(text, code)] = own.items()
    if not text.isprintable():
        reason = Reason(ReasonKind.UNSUITED, "the code says what cannot be printed")
        return FieldReading(
            "", "rejected", 0.0, quad=code.quad, reason=reason, is_printed=True
        )
    return FieldReading(text, "accepted", 1.0, quad=code.quad, is_printed=True)

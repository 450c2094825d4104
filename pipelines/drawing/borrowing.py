"""Strings drawn as a pile of fields has them: on its paper, with its pens and digits.

Each drawn field borrows from one of the pile: its paper, from which the writing is
taken out, the width and darkness of its strokes, their slant, and the height and place
of its writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.lines import DrawnLines, ink_line
from pipelines.drawing.paper import Crop
from pipelines.drawing.strings import Line
from pipelines.drawing.writers import draw_hand
from pipelines.images import Image, Mask, Plane
from pipelines.lines.ink import (
    erase_ruling,
    find_ruling,
    find_writing,
    ink_threshold,
    measure_contrast,
)

# The grey sides of strokes are taken out too: what is fainter than ink by this factor,
# and a pixel or two around it.
_SIDES: Final = 0.6
_AROUND: Final = np.ones((5, 5), np.uint8)

# Shifts tried to find paper for what lay under the ink; the rest is filled smoothly.
_N_SHIFTS: Final = 12
_RADIUS: Final = 3.0

# Deviation of what is borrowed, from field to field of one writer.
_SPREAD: Final = 0.12


@dataclass(frozen=True)
class Loan:
    """What a field lends.

    Attributes
    ----------
    paper : ndarray of shape (height, width), dtype float32
        Its paper without the writing, in grey values.

    height, baseline : float
        Height of its digits and the row they stand on, in pixels.

    margins : tuple of float
        Paper left and right of the writing, in heights of a digit.

    pen : float
        Width of the strokes, in heights of a digit.

    darkness : float
        Share of the light that full ink takes away.

    slant : float
        In degrees, positive to the right.
    """

    paper: Plane
    height: float
    baseline: float
    margins: tuple[float, float]
    pen: float
    darkness: float
    slant: float


def borrow(field: Image) -> Loan | None:
    """Measure the writing in a field, and take it out of the paper.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper.

    Returns
    -------
    loan : Loan or None
        None where there is nothing but paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.borrowing import borrow
    >>> field = np.full((60, 100), 200, dtype=np.uint8)
    >>> field[10:50, 40:44] = 60  # a one
    >>> loan = borrow(field)
    >>> round(loan.height), bool(2 < loan.height * loan.pen < 5)
    (40, True)
    >>> bool(loan.paper.min() > 190)
    True
    """
    writing = find_writing(field)
    contrast = measure_contrast(field)
    threshold = ink_threshold(contrast)
    if writing is None or threshold is None:
        return None
    mask, sides = _mark_writing(contrast, threshold)
    if not mask.any():
        return None
    height = writing.height / writing.scale
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = columns[0], field.shape[1] - 1 - columns[-1]
    return Loan(
        paper=take_out(field, sides),
        height=height,
        baseline=writing.bottom / writing.scale,
        margins=(left / height, right / height),
        pen=_stroke_width(mask) / height,
        darkness=float(np.quantile(contrast[mask > 0], 0.8)),
        slant=writing.slant,
    )


def _mark_writing(contrast: Plane, threshold: float) -> tuple[Mask, Mask]:
    """Mark ink, and ink with its grey sides; what is printed across is neither."""
    rules = find_ruling(contrast, threshold)

    def mark(least: float) -> Mask:
        mask = (contrast > least).view(np.uint8)
        return np.where(erase_ruling(mask, rules) > 0, np.uint8(0), mask)

    return mark(threshold), mark(_SIDES * threshold)


def take_out(field: Image, ink: Mask) -> Plane:
    """Fill what is under ink with paper from elsewhere in the field.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field.

    ink : ndarray of shape (height, width), dtype uint8
        1 where there is ink.

    Returns
    -------
    paper : ndarray of shape (height, width), dtype float32
        Grey values.

    Notes
    -----
    Paper is taken from the same rows as far as it goes, so that printed lines and
    shadows remain; only what finds none is filled smoothly.
    """
    hidden = cv2.dilate(ink, _AROUND) > 0
    light = field.astype(np.float32)
    # Light that changes along the field is not carried along.
    tone = _tone(light, ~hidden)
    paper = np.where(hidden, np.float32(np.nan), light - tone)
    known = paper.copy()
    width = field.shape[1]
    shifts = np.unique(np.geomspace(4, max(5, 0.6 * width), _N_SHIFTS).astype(int))
    for shift in shifts.tolist():
        for step in (shift, -shift):
            moved = np.full_like(known, np.nan)
            if step > 0:
                moved[:, step:] = known[:, :-step]
            else:
                moved[:, :step] = known[:, -step:]
            paper = np.where(np.isnan(paper), moved, paper)
    missing = np.isnan(paper)
    grey = np.clip(np.nan_to_num(paper) + tone, 0, 255)
    if missing.any():
        filled = cv2.inpaint(
            grey.astype(np.uint8), missing.view(np.uint8), _RADIUS, cv2.INPAINT_TELEA
        )
        grey = np.where(missing, filled.astype(np.float32), grey)
    return np.asarray(grey, dtype=np.float32)


class BorrowedLines(DrawnLines):
    """Strips of fields drawn on the paper and with the pens of a pile.

    Parameters
    ----------
    loans : sequence of n_loans Loan
        What the fields of the pile lend, at least one.

    strings : sequence of str
        Strings that are like those of the pile; drawn ones are put together from
        parts of them, or are as long.

    glyphs : ndarray of shape (n_glyphs, height, width), dtype uint8
        Single digits, as for :class:`DrawnLines`.

    labels : sequence of length n_glyphs
        What they are.

    n_lines : int, default=10_000
        Length of the sequence.

    random_state : int, default=0
        Seed.

    See Also
    --------
    DrawnLines : Strips of paper and pens of all kinds.
    """

    def __init__(
        self,
        loans: Sequence[Loan],
        strings: Sequence[str],
        glyphs: NDArray[np.uint8],
        labels: Sequence[object] | NDArray[np.generic],
        *,
        n_lines: int = 10_000,
        random_state: int = 0,
    ) -> None:
        super().__init__(glyphs, labels, n_lines=n_lines, random_state=random_state)
        self._loans = list(loans)
        rng = np.random.default_rng(random_state)
        self.texts = [_draw_like(strings, rng) for _ in range(n_lines)]

    def draw_field(self, index: int) -> Image:
        """Draw the field of an index.

        Parameters
        ----------
        index : int
            Which one.

        Returns
        -------
        field : ndarray of shape (height, width), dtype uint8
            Dark ink on light paper.

        Raises
        ------
        IndexError
            If there is no such field.
        """
        text = self.texts[index]
        rng = np.random.default_rng([self.random_state, index % len(self)])
        loan = self._loans[int(rng.integers(len(self._loans)))]
        hand = replace(
            draw_hand(rng),
            # Digits of the pile come upright, and others do not lean by much.
            slant=float(np.clip(loan.slant + 5 * rng.standard_normal(), -30, 45)),
            pen=float(np.clip(loan.pen * _vary(rng), 0.03, 0.25)),
        )
        line = self._write(text, hand, rng)
        crop = _lay_out(line, loan, rng)
        ink = ink_line(line, hand, crop, self._bends, rng)
        ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.4, 1.0))
        paper = _cut_paper(loan.paper, crop.shape[1], rng)
        darkness = np.float32(np.clip(loan.darkness * _vary(rng), 0.15, 0.95))
        page = paper * (1 - darkness * ink)
        return np.clip(page, 0, 255).astype(np.uint8)


def _draw_like(strings: Sequence[str], rng: Generator) -> str:
    """Draw the beginning of one string and the end of another of the same length."""
    first = strings[int(rng.integers(len(strings)))]
    same = [text for text in strings if len(text) == len(first)]
    last = same[int(rng.integers(len(same)))]
    cut = int(rng.integers(len(first) + 1))
    text = first[:cut] + last[cut:]
    # Every digit is to be seen everywhere.
    return "".join(
        str(rng.integers(10)) if rng.random() < 0.15 else digit for digit in text
    )


def _vary(rng: Generator) -> float:
    return float(np.exp(_SPREAD * rng.standard_normal()))


def _lay_out(line: Line, loan: Loan, rng: Generator) -> Crop:
    """Lay a field round a line of writing, as high and as full as that of the pile."""
    low, high = line.extent() if line.skeletons or line.paths else np.zeros((2, 2))
    scale = loan.height * _vary(rng)
    before, after = (max(0.0, margin * _vary(rng)) for margin in loan.margins)
    width = high[0] - low[0] + before + after
    shift = 0.06 * loan.height * rng.standard_normal()
    return Crop(
        shape=(len(loan.paper), max(16, round(scale * width))),
        scale=scale,
        origin=(scale * (before - low[0]), loan.baseline + shift),
    )


def _cut_paper(paper: Plane, width: int, rng: Generator) -> Plane:
    """Cut or repeat paper to a width; every other time it is turned about."""
    if rng.random() < 0.5:
        paper = paper[:, ::-1]
    if (more := width - paper.shape[1]) > 0:
        return np.pad(paper, [(0, 0), (0, more)], mode="symmetric")
    left = int(rng.integers(-more + 1))
    return paper[:, left : left + width]


def _tone(light: Plane, seen: NDArray[np.bool_]) -> Plane:
    """Light of the paper that is seen, smooth over the field's height."""
    reach = max(2.0, len(light) / 3)
    weight = seen.astype(np.float32) + np.float32(1e-4)
    total = cv2.GaussianBlur(weight, (0, 0), reach)
    return np.asarray(cv2.GaussianBlur(light * weight, (0, 0), reach) / total)


def _stroke_width(mask: Mask) -> float:
    """Width of most strokes: four times the mean distance of ink to its border."""
    inside = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)
    # The nearest pixel without ink is half a pixel beyond the border, on either side,
    # and the blur against fine patterns has widened the stroke by one.
    return max(1.0, 4.0 * float(inside[inside > 0].mean()) - 3.0)

"""Take printed rules out of a field without breaking the strokes that cross them."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import runs
from pipelines.images import Floats, Mask

_T = TypeVar("_T", float, NDArray[Any])

# Printed lines are ragged by a pixel after scanning; what lies within it of a
# rule belongs to the rule.
_RAGGED = 1

# Of a line of which parts are printed, this share is dark at least.
_LEAST_PART = 0.12

# Pixels that a line is fitted to; more make it slower and no better.
_MOST_POINTS = 75


@dataclass(frozen=True)
class Rule:
    """A straight printed line, nearly along one axis of the image.

    Attributes
    ----------
    vertical : bool
        Whether the line runs down the image rather than across it.

    offset, slope : float
        Its centre is ``offset + slope * t`` at pixel ``t`` along the axis.

    thickness : float
        Median thickness in pixels.

    start, stop : int
        The part of the axis that it covers, as a half-open range.
    """

    vertical: bool
    offset: float
    slope: float
    thickness: float
    start: int
    stop: int

    def centre(self, along: _T) -> _T:
        """Return where the line is at a pixel, or at several, of its axis."""
        return self.offset + self.slope * along


def trace_rule(
    dark: Mask, near: float, *, reach: float, span: tuple[int, int], vertical: bool
) -> Rule | None:
    """Trace a printed line near the place where it should be.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    near : float
        Expected row of a horizontal line, column of a vertical one.

    reach : float
        Largest distance from `near`, in pixels.

    span : tuple of int
        First pixel and the one after the last, along the line.

    vertical : bool
        Whether the line runs down the image.

    Returns
    -------
    rule : Rule or None
        None where less than 40 % of the span is dark along any line.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.rules import trace_rule
    >>> dark = np.zeros((20, 60), dtype=np.uint8)
    >>> dark[9:12] = 1
    >>> rule = trace_rule(dark, 8, reach=5, span=(0, 60), vertical=False)
    >>> round(rule.centre(30)), rule.thickness
    (10, 3.0)
    """
    across = dark.T if vertical else dark
    start, stop = max(span[0], 0), min(span[1], across.shape[1])
    first = max(round(near - reach), 0)
    window = across[first : round(near + reach) + 1, start:stop]
    if window.size == 0:
        return None
    return _fit(window, first, start, vertical)


def trace_parts(
    dark: Mask, near: float, *, reach: float, span: tuple[int, int], vertical: bool
) -> Rule | None:
    """Trace a line of which only parts are printed: dashes, dots, or its ends.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    near : float
        Expected row of a horizontal line, column of a vertical one.

    reach : float
        Largest distance from `near`, in pixels.

    span : tuple of int
        First pixel and the one after the last, along the line.

    vertical : bool
        Whether the line runs down the image.

    Returns
    -------
    rule : Rule or None
        Straight along the axis, where most parts are; None where hardly any are.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.rules import trace_parts
    >>> dark = np.zeros((20, 60), dtype=np.uint8)
    >>> dark[9:12, ::12] = dark[9:12, 1::12] = 1  # dots
    >>> rule = trace_parts(dark, 8, reach=5, span=(0, 60), vertical=False)
    >>> rule.centre(30), rule.thickness
    (10.0, 3.0)
    """
    rule = trace_rule(dark, near, reach=reach, span=span, vertical=vertical)
    if rule is not None:
        return rule
    across = dark.T if vertical else dark
    start, stop = max(span[0], 0), min(span[1], across.shape[1])
    first = max(round(near - reach), 0)
    window = across[first : round(near + reach) + 1, start:stop]
    if window.size == 0:
        return None
    shares = window.mean(axis=1)
    peak = int(shares.argmax())
    if shares[peak] < _LEAST_PART:
        return None
    strong = runs(shares >= shares[peak] / 2)
    [(upper, lower)] = [(a, b) for a, b in strong if a <= peak < b]
    offset = first + (upper + lower - 1) / 2
    return Rule(vertical, offset, 0.0, float(lower - upper), start, stop)


def _fit(window: Mask, first: int, start: int, vertical: bool) -> Rule | None:
    """Fit a line to the dark pixels of a band of the image."""
    length = window.shape[1]
    # The densest row anchors the fit, so that writing beside it has no pull.
    sums = np.convolve(window.sum(axis=1, dtype=np.float64), [0.5, 1, 0.5], "same")
    peak = int(np.argmax(sums))
    counts = window.sum(axis=0)
    ys, xs = np.nonzero(window)
    close = np.abs(ys - peak) <= max(2, window.shape[0] // 4)
    if close.sum() < 0.4 * length:
        return None
    points = np.column_stack([xs[close], ys[close]]).astype(np.float32)
    points = points[:: len(points) // _MOST_POINTS + 1]
    dx, dy, x0, y0 = cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
    # A line this steep across so short a span is a stroke.
    slope = float(dy / dx) if abs(dx) > 5 * abs(dy) else 0.0
    centres = y0 + slope * (np.arange(length) - x0)
    hit = _dark_at(window, centres)
    if hit.mean() < 0.4:
        return None
    thickness = float(np.median(counts[hit]))
    offset = first + float(centres[0]) - slope * start
    return Rule(vertical, offset, slope, thickness, start, start + length)


def _dark_at(dark: Mask, rows: Floats) -> NDArray[np.bool_]:
    """Find for every column whether it is dark within a pixel of a row."""
    base = np.rint(rows).astype(int)
    around = np.clip(np.add(base, [[-1], [0], [1]]), 0, dark.shape[0] - 1)
    return dark[around, np.arange(dark.shape[1])].any(axis=0)


def erase_rules(dark: Mask, rules: list[Rule]) -> Mask:
    """Erase printed lines and mend the strokes that cross them.

    A line is erased where there is no ink on both of its sides; where strokes
    end on either side of what was erased, they are joined again.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    rules : list of Rule
        The lines, as traced in `dark`.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype uint8
        1 where there is writing, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.rules import erase_rules, trace_rule
    >>> dark = np.zeros((20, 60), dtype=np.uint8)
    >>> dark[9:12] = dark[:, 30:33] = 1  # a stroke crosses a line
    >>> rule = trace_rule(dark, 10, reach=5, span=(0, 60), vertical=False)
    >>> ink = erase_rules(dark, [rule])
    >>> int(ink.sum()), int(ink[:, 30:33].sum())
    (60, 60)
    """
    ink = dark.copy()
    for rule in rules:
        band, footprint = _footprint(ink, rule)
        band[footprint & ~_crossed(dark, rule)] = 0
    if not rules:
        return ink
    size = round(max(rule.thickness for rule in rules)) + 2 * _RAGGED + 2
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, disc)
    return ink | (joined & cover_rules(dark.shape, rules) & dark)


def touch_rules(dark: Mask, rules: list[Rule], *, depth: int = 2) -> Mask:
    """Mark the parts of printed lines at which writing ends, on one side or both.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    rules : list of Rule
        The lines, as traced in `dark`.

    depth : int, default=2
        What reaches less far from a line, in pixels, is its ragged edge.

    Returns
    -------
    touched : ndarray of shape (height, width), dtype uint8
        1 where a line is dark and a stroke may go on in it, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.rules import Rule, touch_rules
    >>> dark = np.zeros((20, 60), dtype=np.uint8)
    >>> dark[15:18] = dark[4:15, 30:33] = 1  # a stroke stands on a line
    >>> touched = touch_rules(dark, [Rule(False, 16.0, 0.0, 3.0, 0, 60)])
    >>> np.flatnonzero(touched.any(axis=0)).tolist()
    [30, 31, 32]
    """
    touched = np.zeros_like(dark)
    for rule in rules:
        across = dark.T if rule.vertical else dark
        along = np.arange(rule.start, rule.stop)
        first, last = _limits(rule, along)
        steps = np.arange(1, depth + 1)[:, None]
        height = len(across)
        before = across[np.clip(first - steps, 0, height - 1), along].all(axis=0)
        after = across[np.clip(last + steps, 0, height - 1), along].all(axis=0)
        before &= first >= depth
        after &= last < height - depth
        band, footprint = _footprint(touched, rule)
        band[footprint & (before | after)] = 1
    return touched & dark


def strokes_along(ink: Mask, rules: list[Rule], *, longest: float) -> Mask:
    """Guess where a pen ran along a printed line and was erased with it.

    Where strokes end at two places on one side of a line, the pen may have
    gone from one to the other under the line, as in the bowl of a nine that
    touches the wall of its box. Or it may not: whoever asks has to try both.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype uint8
        1 where there is writing, as :func:`erase_rules` returns it.

    rules : list of Rule
        The lines that were erased.

    longest : float
        Largest distance between the two ends, in pixels.

    Returns
    -------
    strokes : ndarray of shape (height, width), dtype uint8
        1 on the lines between such ends, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.rules import Rule, strokes_along
    >>> ink = np.zeros((40, 60), dtype=np.uint8)
    >>> ink[10:20, 20:22] = ink[10:20, 40:42] = 1  # two strokes end on a line
    >>> rule = Rule(False, 22.0, 0.0, 3.0, 0, 60)
    >>> columns = np.flatnonzero(strokes_along(ink, [rule], longest=30).any(axis=0))
    >>> int(columns.min()), int(columns.max())
    (20, 41)
    """
    strokes = np.zeros_like(ink)
    for rule in rules:
        across, out = (ink.T, strokes.T) if rule.vertical else (ink, strokes)
        along = np.arange(rule.start, rule.stop)
        first, last = _limits(rule, along)
        for side in (first - 1, last + 1):
            ends = across[np.clip(side, 0, across.shape[0] - 1), along] > 0
            for start, stop in _between(ends, longest):
                columns = along[start:stop]
                rows = np.rint(rule.centre(columns)).astype(int)
                around = np.clip(np.add(rows, [[-1], [0], [1]]), 0, out.shape[0] - 1)
                out[around, columns] = 1
    return strokes


def _between(ends: NDArray[np.bool_], longest: float) -> list[tuple[int, int]]:
    """Stretches from one run of True to the next that are not too long."""
    return [
        (a, d)
        for (a, b), (c, d) in pairwise(runs(ends))
        if c - b > 2 and d - a <= longest
    ]


def _limits(rule: Rule, along: NDArray[np.int64]) -> NDArray[np.int64]:
    """First and last pixel across the rule, edges included, for each along it."""
    centre = rule.centre(along)
    half = (rule.thickness - 1) / 2 + _RAGGED
    return np.stack(
        [np.floor(centre - half + 0.25), np.ceil(centre + half - 0.25)]
    ).astype(np.int64)


def cover_rules(shape: tuple[int, ...], rules: list[Rule]) -> Mask:
    """Mark the pixels that rules cover.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image.

    rules : list of Rule
        As traced in the image.

    Returns
    -------
    covered : ndarray of shape (height, width), dtype uint8
        1 on a rule, its ragged edge included, 0 elsewhere.

    Examples
    --------
    >>> from pipelines.fields.rules import Rule, cover_rules
    >>> int(cover_rules((20, 60), [Rule(False, 10.0, 0.0, 3.0, 0, 60)]).sum()) // 60
    5
    """
    covered = np.zeros(shape, np.uint8)
    for rule in rules:
        band, footprint = _footprint(covered, rule)
        band |= footprint
    return covered


def _footprint(mask: Mask, rule: Rule) -> tuple[Mask, NDArray[np.bool_]]:
    """Return a view of the band of a mask that holds a rule, and where the rule is."""
    across = mask.T if rule.vertical else mask
    first, last = _limits(rule, np.arange(rule.start, rule.stop))
    top, bottom = max(first.min(), 0), min(last.max() + 1, across.shape[0])
    rows = np.arange(top, bottom)[:, None]
    band = across[top:bottom, rule.start : rule.stop]
    return band, (rows >= first) & (rows <= last)


def _crossed(dark: Mask, rule: Rule) -> NDArray[np.bool_]:
    """Find for every pixel along a rule whether there is ink on both sides."""
    across = dark.T if rule.vertical else dark
    along = np.arange(rule.start, rule.stop)
    first, last = _limits(rule, along)
    inside = (first >= 1) & (last < across.shape[0] - 1)
    before = across[np.clip(first - 1, 0, None), along]
    after = across[np.clip(last + 1, None, across.shape[0] - 1), along]
    return (before & after).astype(bool) & inside

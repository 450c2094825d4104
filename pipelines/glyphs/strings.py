"""Cut strings that are written without boxes into pieces."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import runs
from pipelines.fields.rules import Rule, erase_rules, trace_rule
from pipelines.glyphs.cut import Piece
from pipelines.glyphs.ink import Mask, ink_level, ink_mask, lift_ink
from pipelines.images import Image

# Width by height beyond which a piece may be two digits.
_WIDEST = 1.0


def cut_string(field: Image, *, ruled: bool = True) -> list[Piece]:
    """Cut a string written without boxes into connected pieces.

    Pieces that stand above each other are one digit. Digits that touch stay
    together.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    ruled : bool, default=True
        Whether ruling lines and a frame may be in the image and are to be
        taken away.

    Returns
    -------
    pieces : list of Piece
        From left to right; marks lower than 40 % of the writing, such as
        commas and dashes, are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.strings import cut_string
    >>> field = np.full((60, 100), 255, dtype=np.uint8)
    >>> field[10:50, 20:24] = field[10:50, 60:64] = 0  # two ones
    >>> [(p.left, p.right) for p in cut_string(field)]
    [(20.0, 24.0), (60.0, 64.0)]
    """
    level = ink_level(field)
    if level is None:
        return []
    dark = ink_mask(field, level)
    ink = erase_rules(dark, _ruling_lines(dark)) if ruled else dark
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    if count == 1 or heights.max() < 8:
        return []
    kept = [n for n in range(1, count) if stats[n][3] >= 0.15 * heights.max()]
    pieces = []
    for group in _stacked(kept, stats):
        mask = np.isin(labels, group).view(np.uint8)
        left, _, width, height = cv2.boundingRect(mask)
        if height >= 0.4 * heights.max():
            piece = Piece(
                "digit", lift_ink(field, mask, level), float(left), float(left + width)
            )
            # Digits are higher than wide, two that touch are not.
            touching = width > _WIDEST * height
            pieces.append(replace(piece, certainty=0.5) if touching else piece)
    return pieces


def _ruling_lines(dark: Mask) -> list[Rule]:
    """Find lines across the field, and the frame around it."""
    height, width = dark.shape
    rows = _peaks(dark.mean(axis=1) > 0.6)
    reach = max(4.0, 0.08 * height)
    lines = [
        trace_rule(dark, row, reach=reach, span=(0, width), vertical=False)
        for row in rows
    ]
    return [rule for rule in [*lines, *_frame_lines(dark, reach)] if rule is not None]


def _frame_lines(dark: Mask, reach: float) -> list[Rule | None]:
    """Find the four sides of a box that is printed around the writing."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark)
    rules: list[Rule | None] = []
    for label in range(1, count):
        left, top, width, height, _ = stats[label]
        if width < 0.5 * dark.shape[1] or height < 0.5 * dark.shape[0]:
            continue
        own = (labels == label).view(np.uint8)
        across, down = (left, left + width), (top, top + height)
        sides = [
            trace_rule(own, y, reach=reach, span=across, vertical=False)
            for y in (top, top + height - 1)
        ] + [
            trace_rule(own, x, reach=reach, span=down, vertical=True)
            for x in (left, left + width - 1)
        ]
        # Digits may have a straight side or two, a frame has at least three.
        if sum(side is not None for side in sides) >= 3:
            rules += sides
    return rules


def _peaks(flags: NDArray[np.bool_]) -> list[float]:
    """Middles of the runs of True."""
    return [(start + stop - 1) / 2 for start, stop in runs(flags)]


def _stacked(labels: list[int], stats: NDArray[np.int32]) -> list[list[int]]:
    """Group components that share most of the columns of the narrower one."""
    groups: list[tuple[list[int], int, int]] = []
    for label in sorted(labels, key=lambda n: stats[n][0]):
        left, width = int(stats[label][0]), int(stats[label][2])
        if groups:
            members, start, stop = groups[-1]
            shared = min(stop, left + width) - left
            if shared > 0.5 * min(width, stop - start):
                groups[-1] = ([*members, label], start, max(stop, left + width))
                continue
        groups.append(([label], left, left + width))
    return [members for members, _, _ in groups]

"""Cut a field into pieces of one digit each."""

from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from lenet_sklearn.parameters import NOT_NEGATIVE, Interval
from pipelines.fields.combs import Frame
from pipelines.fields.rules import (
    Rule,
    cover_rules,
    erase_rules,
    strokes_along,
    trace_parts,
    trace_rule,
)
from pipelines.glyphs.ink import (
    faint_level,
    ink_level,
    ink_mask,
    is_cancelled,
    lift_ink,
    smooth,
    without_specks,
)
from pipelines.glyphs.windows import look_into
from pipelines.images import Floats, Image, Mask, find_components
from pipelines.outcomes import ArraysCompare

# Probability that a digit that ends at an erased line has lost a stroke to it, and that
# one of whose strokes run along a line has them from the line: under these what drawn
# boxes hold is most probable. The width of a lost stroke, as a share of the height of
# the box.
_LOST_STROKE = 0.06
_STROKE_ALONG = 0.15
_PEN = 0.06

# Certainty of ink that as well may be part of something larger.
_EVEN = 0.5

# Dust is at most this many times as large as what is too small to be written.
_DUST = 3.0

# What is wider than this, in boxes, is no digit, nor two that touch.
_LONGEST = 2.3


@dataclass(frozen=True, eq=False)
class Piece(ArraysCompare):
    """What one box holds, or one part of a free string.

    Attributes
    ----------
    kind : {"digit", "empty", "cancelled"}
        Whether there is something to read.

    image : ndarray of shape (height, width), dtype uint8
        Dark ink on white paper (255), nothing else.

    left, right : float
        The columns of the field between which it lies.

    alternative : ndarray of shape (height, width), dtype uint8, or None
        What the box holds if the pen also ran along its printed lines.

    doubt : float
        Probability that it did.

    certainty : float
        Probability that the ink was written into this box.

    window : ndarray of shape (28, 28), dtype uint8, or None
        The whole box, as a network sees it, with its contrast stretched; None for
        a part of a free string.
    """

    kind: Literal["digit", "empty", "cancelled"]
    image: Image
    left: float
    right: float
    alternative: Image | None = None
    doubt: float = 0.0
    certainty: float = 1.0
    window: Image | None = None


class BoxCutter(BaseEstimator):
    """Cut comb fields at the walls of their boxes.

    Printed lines are erased and the strokes that cross them mended. A stroke
    that leaves its box stays whole; digits that touch across a wall are parted
    there.

    Parameters
    ----------
    speck : float, default=0.0025
        Least area of ink that was written, as a share of the squared height of the
        box. A dot of a pen, which is as wide as a stroke, is ten times larger.

    touching : float, default=0.3
        Ink beyond this share in a neighbouring box means that two digits touch, and
        are parted at the wall; less is a stroke that leaves its box.

    faintest : float, default=248
        Grey level, from 0 to 255, of the faintest ink: what is lighter is paper. What
        does not stand out from the paper's grain never is ink.

    See Also
    --------
    CombReader : Reads what it cuts.
    GlyphNormalizer : Scales the pieces to glyphs.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import BoxCutter, Frame
    >>> field = np.full((40, 100), 255, dtype=np.uint8)
    >>> field[12:28, 24:27] = 200  # a faint one in the first box
    >>> frame = Frame(10, 5, 90, 35, 2, ruled=False)
    >>> [piece.kind for piece in BoxCutter().cut(field, frame)]
    ['digit', 'empty']
    >>> [piece.kind for piece in BoxCutter(faintest=180).cut(field, frame)]
    ['empty', 'empty']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "speck": [NOT_NEGATIVE],
        "touching": [Interval(Real, 0, 1, closed="both")],
        "faintest": [Interval(Real, 0, 255, closed="both")],
    }

    def __init__(
        self, *, speck: float = 0.0025, touching: float = 0.3, faintest: float = 248
    ) -> None:
        self.speck = speck
        self.touching = touching
        self.faintest = faintest

    def cut(self, field: Image, frame: Frame) -> list[Piece]:
        """Cut one field.

        Parameters
        ----------
        field : ndarray of shape (height, width), dtype uint8
            Flattened field, dark ink on paper of 255, with some margin around the
            frame.

        frame : Frame
            Where the boxes are.

        Returns
        -------
        pieces : list of Piece
            One for each box, from left to right.
        """
        self._validate_params()
        return _cut(self, field, frame)


def _cut(cutter: BoxCutter, field: Image, frame: Frame) -> list[Piece]:
    walls = np.linspace(frame.left, frame.right, frame.digits + 1)
    height = frame.bottom - frame.top
    clean = without_specks(field, _DUST * cutter.speck * height**2)
    level = ink_level(_inside(clean, frame, walls))
    if level is None:
        field = smooth(clean, height)
        level = faint_level(_inside(field, frame, walls))
    if level is None or level >= cutter.faintest:
        return _empty_pieces(field, frame, walls)
    dark = ink_mask(field, level)
    if not frame.ruled:
        return _pieces(cutter, field, dark, level, frame, walls)
    rules = _comb_rules(dark, frame)
    ink = erase_rules(dark, rules)
    frame = replace(frame, hidden=cover_rules(dark.shape, rules))
    if not frame.gap:
        walls = _traced_walls(walls, rules, (frame.top + frame.bottom) / 2)
    pieces = _pieces(cutter, field, ink, level, frame, walls)
    along = strokes_along(_strokes(ink, height), rules, longest=0.7 * height)
    if not along.any():
        return pieces
    strokes = np.where(along, 0, field)
    mended = _pieces(cutter, strokes, ink | along, level, frame, walls)
    return [
        piece
        if other.kind != "digit" or np.array_equal(piece.image, other.image)
        else replace(piece, alternative=other.image, doubt=_STROKE_ALONG)
        for piece, other in zip(pieces, mended, strict=True)
    ]


def _empty_pieces(field: Image, frame: Frame, walls: Floats) -> list[Piece]:
    """Take boxes in which no ink was found."""
    blank = np.full((1, 1), 255, np.uint8)
    if frame.ruled:
        # Nothing is darker than the printed lines.
        dark = ink_mask(field, float(np.percentile(field, 2)))
        rules = _comb_rules(dark, frame)
        field = np.where(_near(cover_rules(dark.shape, rules)), 255, field)
    return [
        Piece("empty", blank, left, right, window=_window(field, frame, left, right))
        for left, right in pairwise(walls.tolist())
    ]


def _window(field: Image, frame: Frame, left: float, right: float) -> Image:
    return look_into(field, (left, frame.top, right, frame.bottom))


def _inside(field: Image, frame: Frame, walls: Floats) -> Image:
    """Collect the pixels well inside the boxes."""
    height = frame.bottom - frame.top
    top, bottom = frame.top + 0.12 * height, frame.bottom - 0.12 * height
    inset = 0.12 * (walls[1] - walls[0])
    columns = [
        np.arange(max(round(a + inset), 0), min(round(b - inset), field.shape[1]))
        for a, b in pairwise(walls)
    ]
    return field[max(round(top), 0) : round(bottom), np.concatenate(columns)]


def _comb_rules(dark: Mask, frame: Frame) -> list[Rule]:
    """Trace the frame and the walls of a comb."""
    reach = 0.12 * (frame.bottom - frame.top)
    across = (round(frame.left), round(frame.right))
    down = (round(frame.top), round(frame.bottom))
    trace = trace_parts if frame.broken else trace_rule
    traced = [
        trace(dark, y, reach=reach, span=across, vertical=False)
        for y in (frame.top, frame.bottom)
    ] + [trace(dark, x, reach=reach, span=down, vertical=True) for x in _sides(frame)]
    return [rule for rule in traced if rule is not None]


def _sides(frame: Frame) -> Floats:
    """List the columns of walls: one between two boxes, or one for each of them."""
    walls = np.linspace(frame.left, frame.right, frame.digits + 1)
    if not frame.gap:
        return walls
    half = frame.gap * (walls[1] - walls[0]) / 2
    return np.sort(np.concatenate([walls[:-1] + half, walls[1:] - half]))


def _traced_walls(walls: Floats, rules: list[Rule], middle: float) -> Floats:
    """Move every wall to the rule that was traced nearest to it."""
    found = np.array([r.centre(middle) for r in rules if r.vertical])
    if not found.size:
        return walls
    nearest = found[np.abs(found[:, None] - walls).argmin(axis=0)]
    pitch = walls[1] - walls[0]
    return np.where(np.abs(nearest - walls) < 0.2 * pitch, nearest, walls)


def _strokes(ink: Mask, height: float) -> Mask:
    """Keep the components that are more than a dot."""
    labels, stats, _ = find_components(ink)
    long = np.max(stats[:, 2:4], axis=1) > 0.12 * height
    long[0] = False
    return long[labels].view(np.uint8)


def _owners(
    cutter: BoxCutter, ink: Mask, frame: Frame, walls: Floats
) -> tuple[NDArray[np.int16], set[int]]:
    """Find for every pixel in which box it was written (-1 for none).

    Also returns the boxes whose ink may be part of something larger: a line
    through several boxes, a stroke that comes from outside of the field.
    """
    labels, stats, centres = find_components(ink)
    height = frame.bottom - frame.top
    # As small as they can be: they are compared with every box.
    owners = np.full(ink.shape, -1, np.int16)
    columns = np.arange(ink.shape[1])
    boxes = np.clip(np.searchsorted(walls, columns) - 1, 0, frame.digits - 1)
    foreign: set[int] = set()
    for label in range(1, len(stats)):
        left, top, width, tall, area = stats[label]
        x, y = centres[label]
        inside = frame.top <= y <= frame.bottom and walls[0] <= x <= walls[-1]
        if area < max(4, cutter.speck * height**2) or not inside:
            continue
        own = labels[top : top + tall, left : left + width] == label
        near = boxes[left : left + width]
        through = width > _LONGEST * (walls[1] - walls[0])
        target = owners[top : top + tall, left : left + width]
        target[own] = _assign(own, near, 0.0 if through else cutter.touching)[own]
        at_edge = top == 0 or top + tall == ink.shape[0]
        if through or (at_edge and _has_margin(ink.shape, frame)):
            foreign.update(near[own.any(axis=0)].tolist())
    return owners, foreign


def _has_margin(shape: tuple[int, ...], frame: Frame) -> bool:
    """Return whether there is paper above and below the boxes."""
    return min(frame.top, shape[0] - frame.bottom) > 1


def _assign(
    own: NDArray[np.bool_], boxes: NDArray[np.int64], touching: float
) -> NDArray[np.int64]:
    """Give a component to the box that holds it, or part it at the walls."""
    counts = own.sum(axis=0)
    shares = {int(b): counts[boxes == b].sum() / counts.sum() for b in set(boxes)}
    home = max(shares, key=lambda b: shares[b])
    parted = [b for b, share in shares.items() if b != home and share > touching]
    owners = np.where(np.isin(boxes, parted), boxes, home)
    return np.broadcast_to(owners, own.shape)


def _pieces(
    cutter: BoxCutter,
    field: Image,
    ink: Mask,
    level: float,
    frame: Frame,
    walls: Floats,
) -> list[Piece]:
    """Share the ink out among the boxes."""
    owners, foreign = _owners(cutter, ink, frame, walls)
    lines = _near(1 - ink & (field < (255 + level) / 2).view(np.uint8))
    pieces = []
    for box in range(frame.digits):
        own = owners == box
        piece = _piece(cutter, field, own, level, frame, walls[box : box + 2])
        certainty = _EVEN if box in foreign else 1.0
        window = _window_of(piece, field, own, owners, lines, frame)
        pieces.append(replace(piece, certainty=certainty, window=window))
    return pieces


def _window_of(
    piece: Piece,
    field: Image,
    own: NDArray[np.bool_],
    owners: NDArray[np.int16],
    lines: Mask,
    frame: Frame,
) -> Image:
    """Show a box without printed lines and, beside its own ink, that of others."""
    reach = max(piece.right - piece.left, frame.bottom - frame.top)
    first = max(round(piece.left - reach), 0)
    near = np.s_[:, first : round(piece.right + reach)]
    own, hidden = own[near], lines[near]
    if piece.kind != "empty":
        hidden = hidden | _near(((owners[near] >= 0) & ~own).view(np.uint8))
    seen = np.where((hidden > 0) & ~own, 255, field[near]).astype(np.uint8)
    return _window(seen, frame, piece.left - first, piece.right - first)


def _near(mask: Mask) -> Mask:
    """Mark what is marked, and its edge."""
    return np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)))


def _piece(
    cutter: BoxCutter,
    field: Image,
    own: NDArray[np.bool_],
    level: float,
    frame: Frame,
    walls: Floats,
) -> Piece:
    """Take one box's ink out of the field and say what it is."""
    left, right = float(walls[0]), float(walls[1])
    mask = own.view(np.uint8)
    box = (round(frame.bottom - frame.top), round(right - left))
    if mask.sum() < max(4, 2 * cutter.speck * box[0] ** 2):
        return Piece("empty", np.full((1, 1), 255, np.uint8), left, right)
    # A stroke that runs through from edge to edge belongs to a larger mark.
    through = bool(own[0].any() and own[-1].any()) and _has_margin(own.shape, frame)
    cancelled = through or is_cancelled(mask, box)
    kind: Literal["digit", "cancelled"] = "cancelled" if cancelled else "digit"
    piece = Piece(kind, lift_ink(field, mask, level), left, right)
    foot = _hidden_stroke(mask, frame) if frame.hidden is not None else None
    if foot is None:
        return piece
    whole = lift_ink(np.where(foot, 0, field).astype(np.uint8), mask | foot, level)
    return replace(piece, alternative=whole, doubt=_LOST_STROKE)


def _hidden_stroke(ink: Mask, frame: Frame) -> Mask | None:
    """Draw the foot of a two or the bar of a seven where a line may have hidden it.

    A foot goes to the right from where the ink ends at the lower line of the box,
    a bar to the left from where it ends at the upper one.
    """
    height = frame.bottom - frame.top
    stroke = np.zeros_like(ink)
    for row, way in ((frame.top, -1), (frame.bottom, 1)):
        ends = _ends_at(ink, frame, row)
        if ends is not None:
            start, stop = sorted((ends, ends + way * 0.4 * height))
            pen = max(2, round(_PEN * height))
            y = round(row) - pen // 2
            stroke[max(y, 0) : y + pen, max(round(start), 0) : round(stop)] = 1
    return stroke if stroke.any() else None


def _ends_at(ink: Mask, frame: Frame, row: float) -> float | None:
    """Return the column in which the ink ends at a hidden line; None if it does not.

    Ink that goes on beyond the line does not end there.
    """
    band = round(0.12 * (frame.bottom - frame.top))
    rows = slice(max(round(row) - band, 0), round(row) + band + 1)
    hidden = frame.hidden[rows] if frame.hidden is not None else ink[rows]
    near = cv2.dilate(ink[rows], np.ones((3, 3), np.uint8)) & hidden
    columns = np.flatnonzero(near.any(axis=0))
    if not columns.size:
        return None
    visible = ink[rows] & (1 - hidden)
    sums = visible[:band].sum(), visible[band + 1 :].sum()
    before, beyond = sums if row == frame.bottom else sums[::-1]
    # A trace beyond the line is the edge of what it hides.
    if not before or beyond > 0.3 * before:
        return None
    return float(columns.mean())

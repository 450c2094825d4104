"""Cut a field into pieces of one digit each."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.combs import Frame
from pipelines.fields.rules import Rule, erase_rules, trace_rule
from pipelines.glyphs.marks import is_cancelled
from pipelines.images import Image

Mask = NDArray[np.uint8]

# On flattened paper (255), grain and JPEG ringing stay above this level.
_PAPER = 225

# A box whose dark pixels are fewer than this share is empty.
_LEAST_INK = 0.001

# A component smaller than this share of the squared height of the box is a
# speck: a dot of a pen, which is as wide as a stroke, is ten times larger.
_SPECK = 0.0025

# Ink beyond this share in a neighbouring box means that two digits touch.
_TOUCHING = 0.3


@dataclass(frozen=True)
class Piece:
    """What one box holds, or one part of a free string.

    Attributes
    ----------
    kind : {"digit", "empty", "cancelled"}
        Whether there is something to read.

    image : ndarray of shape (height, width), dtype uint8
        Dark ink on white paper (255), nothing else.

    left, right : float
        The columns of the field between which it lies.
    """

    kind: Literal["digit", "empty", "cancelled"]
    image: Image
    left: float
    right: float


def cut_boxes(field: Image, frame: Frame) -> list[Piece]:
    """Cut a comb field at the walls of its boxes.

    Printed lines are erased and the strokes that cross them mended. A stroke
    that leaves its box stays whole; digits that touch across a wall are parted
    there.

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

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.combs import Frame
    >>> from pipelines.glyphs.cut import cut_boxes
    >>> field = np.full((40, 100), 255, dtype=np.uint8)
    >>> field[12:28, 24:27] = 0  # a one in the first box
    >>> [p.kind for p in cut_boxes(field, Frame(10, 5, 90, 35, 2, ruled=False))]
    ['digit', 'empty']
    """
    walls = np.linspace(frame.left, frame.right, frame.digits + 1)
    level = ink_level(_inside(field, frame, walls))
    if level is None:
        blank = np.full((1, 1), 255, np.uint8)
        return [Piece("empty", blank, *pair) for pair in zip(walls, walls[1:])]
    dark = (field < (255 + level) / 2).view(np.uint8)
    ink = dark
    if frame.ruled:
        rules = _comb_rules(dark, frame, walls)
        ink = erase_rules(dark, rules)
        walls = _traced_walls(walls, rules, (frame.top + frame.bottom) / 2)
    owners = _owners(ink, frame, walls)
    return [
        _piece(field, owners == box, level, frame, walls[box : box + 2])
        for box in range(frame.digits)
    ]


def ink_level(pixels: NDArray[np.uint8]) -> float | None:
    """Estimate the grey level of the ink among pixels of a flattened field.

    Parameters
    ----------
    pixels : ndarray of any shape, dtype uint8
        Paper of 255 and ink; no printed lines.

    Returns
    -------
    level : float or None
        None where there is only paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.cut import ink_level
    >>> pixels = np.full(1000, 250, dtype=np.uint8)
    >>> ink_level(pixels) is None
    True
    >>> pixels[:60] = 40
    >>> ink_level(pixels)
    40.0
    """
    dark = pixels[pixels < _PAPER]
    if dark.size < _LEAST_INK * pixels.size or dark.size == 0:
        return None
    # The darker quarter: guides printed in light grey may outnumber the ink,
    # and black specks must not stand for a pencil.
    return float(np.percentile(dark, 25))


def _inside(field: Image, frame: Frame, walls: NDArray[np.float64]) -> Image:
    """Collect the pixels well inside the boxes."""
    height = frame.bottom - frame.top
    rows = slice(
        max(round(frame.top + 0.12 * height), 0), round(frame.bottom - 0.12 * height)
    )
    inset = 0.12 * (walls[1] - walls[0])
    columns = [
        np.arange(max(round(a + inset), 0), min(round(b - inset), field.shape[1]))
        for a, b in zip(walls, walls[1:])
    ]
    return field[rows][:, np.concatenate(columns)]


def _comb_rules(dark: Mask, frame: Frame, walls: NDArray[np.float64]) -> list[Rule]:
    """Trace the frame and the walls of a comb."""
    reach = 0.12 * (frame.bottom - frame.top)
    across = (round(frame.left), round(frame.right))
    down = (round(frame.top), round(frame.bottom))
    traced = [
        trace_rule(dark, y, reach=reach, span=across, vertical=False)
        for y in (frame.top, frame.bottom)
    ] + [trace_rule(dark, x, reach=reach, span=down, vertical=True) for x in walls]
    return [rule for rule in traced if rule is not None]


def _traced_walls(
    walls: NDArray[np.float64], rules: list[Rule], middle: float
) -> NDArray[np.float64]:
    """Move every wall to the rule that was traced nearest to it."""
    found = np.array([r.centre(middle) for r in rules if r.vertical])
    if not found.size:
        return walls
    nearest = found[np.abs(found[:, None] - walls).argmin(axis=0)]
    pitch = walls[1] - walls[0]
    return np.where(np.abs(nearest - walls) < 0.2 * pitch, nearest, walls)


def _owners(ink: Mask, frame: Frame, walls: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tell for every pixel in which box it was written; -1 for none."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(ink)
    height = frame.bottom - frame.top
    owners = np.full(ink.shape, -1)
    boxes = np.clip(np.searchsorted(walls, np.arange(ink.shape[1])) - 1, -1, None)
    boxes[np.arange(ink.shape[1]) > walls[-1]] = -1
    for label in range(1, count):
        left, top, width, tall, area = stats[label]
        inside = frame.top <= centres[label][1] <= frame.bottom
        if area < max(4, _SPECK * height**2) or not inside:
            continue
        own = labels[top : top + tall, left : left + width] == label
        target = owners[top : top + tall, left : left + width]
        columns = boxes[left : left + width]
        target[own] = _assign(own, columns)[own]
    return owners


def _assign(own: NDArray[np.bool_], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give a component to the box that holds it, or part it at the walls."""
    counts = own.sum(axis=0)
    shares = {int(b): counts[boxes == b].sum() / counts.sum() for b in set(boxes)}
    home = max(shares, key=lambda b: shares[b])
    parted = [b for b, share in shares.items() if b != home and share > _TOUCHING]
    owners = np.where(np.isin(boxes, parted), boxes, home)
    return np.broadcast_to(owners, own.shape)


def _piece(
    field: Image,
    own: NDArray[np.bool_],
    level: float,
    frame: Frame,
    walls: NDArray[np.float64],
) -> Piece:
    """Take one box's ink out of the field and say what it is."""
    left, right = float(walls[0]), float(walls[1])
    mask = own.view(np.uint8)
    box = (round(frame.bottom - frame.top), round(right - left))
    if mask.sum() < max(4, 2 * _SPECK * box[0] ** 2):
        return Piece("empty", np.full((1, 1), 255, np.uint8), left, right)
    kind: Literal["digit", "cancelled"] = (
        "cancelled" if is_cancelled(mask, box) else "digit"
    )
    return Piece(kind, _lift(field, mask, level), left, right)


def _lift(field: Image, mask: Mask, level: float) -> Image:
    """Keep the ink under a mask with its grey edges, stretched to full contrast."""
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(top - 1, 0), top + height + 1)
    columns = slice(max(left - 1, 0), left + width + 1)
    near = cv2.dilate(mask[rows, columns], np.ones((3, 3), np.uint8))
    paper = 255.0 - field[rows, columns]
    ink = np.clip(paper * (255 / (255 - level)), 0, 255)
    return np.where(near > 0, 255 - ink, 255).astype(np.uint8)


def cut_string(field: Image) -> list[Piece]:
    """Cut a string written without boxes into connected pieces.

    Ruling lines and the frame around the field are taken away first. Pieces
    that stand above each other are one digit. Digits that touch stay together.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    Returns
    -------
    pieces : list of Piece
        From left to right; marks lower than 40 % of the writing, such as
        commas and dashes, are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.cut import cut_string
    >>> field = np.full((60, 100), 255, dtype=np.uint8)
    >>> field[10:50, 20:24] = field[10:50, 60:64] = 0  # two ones
    >>> [(p.left, p.right) for p in cut_string(field)]
    [(20.0, 24.0), (60.0, 64.0)]
    """
    level = ink_level(field)
    if level is None:
        return []
    dark = (field < (255 + level) / 2).view(np.uint8)
    ink = erase_rules(dark, _ruling_lines(dark))
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
            image = _lift(field, mask, level)
            pieces.append(Piece("digit", image, float(left), float(left + width)))
    return pieces


def _ruling_lines(dark: Mask) -> list[Rule]:
    """Find lines across the field and a frame along its edges."""
    height, width = dark.shape
    rows = _peaks(dark.mean(axis=1) > 0.6)
    edge = 0.12 * width
    columns = [
        x for x in _peaks(dark.mean(axis=0) > 0.8) if x < edge or x > width - edge
    ]
    reach = max(3.0, 0.04 * height)
    traced = [
        trace_rule(dark, y, reach=reach, span=(0, width), vertical=False) for y in rows
    ] + [
        trace_rule(dark, x, reach=reach, span=(0, height), vertical=True)
        for x in columns
    ]
    return [rule for rule in traced if rule is not None]


def _peaks(flags: NDArray[np.bool_]) -> list[float]:
    """Middles of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    return [float(a + b - 1) / 2 for a, b in edges.reshape(-1, 2)]


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

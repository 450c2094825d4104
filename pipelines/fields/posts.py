"""Find rows of boxes by the walls between them, however little of the boxes is printed.

Walls may be solid, dashed or dotted, with no line above or below; only the corners of
boxes may be printed; or boxes may be tinted areas without any line. All of them come
to posts: an upper and a lower end for each side of a box. Posts of one height at equal
distances are a row of boxes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import Points
from pipelines.images import Floats, Image, Mask

# Lengths in pixels of the search copy, of which 4 are a millimetre. Boxes are not lower
# than 5 mm, nor higher than 20.
_LEAST_HEIGHT, _MOST_HEIGHT = 18, 80

# Gaps of a dashed or dotted wall are averaged away over this length, 2 mm.
_DASHES = 9

# A wall that is averaged so is darker than the paper by this much.
_CONTRAST = 12

# A wall is not thicker than this, with what a tilt of 10 degrees makes of it.
_MOST_WIDTH = 5
_MOST_TILT = 0.18

# Posts of one row: heights are equal up to this share, and walls stand where they are
# due within a pixel or so, which strokes of digits do not for long.
_UNEQUAL = 0.08
_OFF = 1.8

# One that is written over may be missing, but not many. Fewer posts are not known from
# letters that happen to stand so: 1111 has four.
_LEAST_SCORE = 0.85
_FEWEST = 5

# A post that is off by this share of a box may well be the next wall.
_NEAR = 0.12

# Two sides of boxes are found about as often; strokes at one place of each box are not.
_AS_MANY = 0.75

# Width of a box by its height, as of closed ones.
_NARROWEST, _WIDEST = 0.35, 2.0

# Boxes that stand apart are at least this much of the way from one to the next.
_LEAST_BOX = 0.6

# Corners are not longer than this, and their arms are dark over most of their length.
_SHORTEST_ARM, _LONGEST_ARM = 5, 24
_ARM = 0.75
# Of a corner, this much lies in its two arms.
_IN_ARMS = 0.8

# A tint is darker than the paper by this much, and than this share of what is round it.
_TINT = 6
_OF_TINT = 0.6
_MOST_TINT = 64  # what is darker is no tint
_STROKE = 7  # pixels that no stroke of a pen is wide


@dataclass(frozen=True)
class Row:
    """Boxes side by side, by the posts at their sides.

    Attributes
    ----------
    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` on the search copy, clockwise from the upper left one. Equal
        parts of it have the walls, or the middles between two boxes, at their sides.

    boxes : int
        Their number.

    gap : float
        How far they stand apart, as a share of an equal part; 0 where they share walls.

    score : float
        Share of the posts that were found.

    posts : int
        How many that are.
    """

    quad: Points
    boxes: int
    gap: float
    score: float
    posts: int

    @property
    def is_whole(self) -> bool:
        """Whether hardly any post is missing."""
        missing = round(self.posts / self.score) - self.posts
        return missing <= 1 or self.score >= _LEAST_SCORE


@dataclass(frozen=True)
class _Chain:
    """Posts at equal distances."""

    posts: Points  # of shape (n_found, 3): x, top, bottom
    places: NDArray[np.int64]  # which of the posts each is, from 0

    @property
    def last(self) -> int:
        return int(self.places[-1])

    @property
    def step(self) -> float:
        return float(self.posts[-1, 0] - self.posts[0, 0]) / self.last

    @property
    def height(self) -> float:
        return float(np.median(self.posts[:, 2] - self.posts[:, 1]))

    def ends(self, start: float, stop: float) -> Points:
        """Fit lines to the ends of the posts; corners from one place to another."""
        x, top, bottom = self.posts.T
        along = np.polyfit(self.places, x, 1)
        lines = [np.polyfit(x, y, 1) for y in (top, bottom)]
        left, right = np.polyval(along, [start, stop])
        upper, lower = ([np.polyval(line, x) for x in (left, right)] for line in lines)
        return np.array(
            [[left, upper[0]], [right, upper[1]], [right, lower[1]], [left, lower[0]]]
        )


def wall_posts(depth: Image) -> Points:
    """Find upright lines of the height of a box, solid or not.

    Parameters
    ----------
    depth : ndarray of shape (height, width), dtype uint8
        How much darker than what is around each pixel of the search copy is, as of
        :func:`darker_than_around`.

    Returns
    -------
    posts : ndarray of shape (n_posts, 3), dtype float64
        Column, upper and lower end of each.
    """
    even = cv2.blur(depth, (1, _DASHES))
    # The darkest of a few columns, so that a digit beside a wall is not one with it.
    darkest = cv2.compare(even, cv2.dilate(even, np.ones((1, 5), np.uint8)), cv2.CMP_EQ)
    walls = darkest & (even > _CONTRAST).view(np.uint8)
    # A wall that leans leaves its column; two beside each other hold it.
    leaning = cv2.dilate(walls, np.ones((1, 2), np.uint8))
    kernel = np.ones((_LEAST_HEIGHT, 1), np.uint8)
    upright = cv2.morphologyEx(leaning, cv2.MORPH_OPEN, kernel)
    outlines = cv2.findContours(upright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    boxes = np.array([cv2.boundingRect(outline) for outline in outlines]).reshape(-1, 4)
    left, top, width, height = boxes.T.astype(np.float64)
    thin = width <= _MOST_WIDTH + _MOST_TILT * height
    fits = thin & (height >= _LEAST_HEIGHT) & (height <= _MOST_HEIGHT)
    middle = left + (width - 2) / 2
    posts = np.column_stack([middle, top, top + height - 1])[fits]
    return _without_overhang(posts, depth, even)


def _without_overhang(posts: Points, depth: Image, even: Image) -> Points:
    """Cut off what averaging has added to both ends of posts."""
    if not len(posts):
        return posts
    x, top, bottom = np.rint(posts).astype(int).T
    near = cv2.dilate(depth, np.ones((1, 3), np.uint8))
    least = even[(top + bottom) // 2, x] / 2
    shifts = np.arange(_DASHES)
    heads = near[top[:, None] + shifts, x[:, None]] >= least[:, None]
    feet = near[bottom[:, None] - shifts, x[:, None]] >= least[:, None]
    cut = np.column_stack([0 * x, heads.argmax(axis=1), -feet.argmax(axis=1)])
    posts = posts + cut
    return posts[posts[:, 2] - posts[:, 1] >= _LEAST_HEIGHT]


def corner_posts(lines: Mask, stats: NDArray[np.int32]) -> Points:
    """Find corners of boxes, one above the other.

    Parameters
    ----------
    lines : ndarray of shape (height, width), dtype uint8
        1 on dark lines of the search copy.

    stats : ndarray of shape (n_components, 5), dtype int32
        Of what holds together in it.

    Returns
    -------
    posts : ndarray of shape (n_posts, 3), dtype float64
        As of :func:`wall_posts`.
    """
    sizes = stats[:, 2:4]
    near = (sizes >= _SHORTEST_ARM) & (sizes <= _LONGEST_ARM)
    small = stats[near.all(axis=1)]
    sums = cv2.integral(lines)
    upper = _corners(sums, small, at_top=True)
    lower = _corners(sums, small, at_top=False)
    posts = []
    for x, y, arm in upper:
        down = lower[:, 1] - y
        fits = (down >= _LEAST_HEIGHT) & (down <= _MOST_HEIGHT)
        fits &= np.abs(lower[:, 0] - x) <= 2 + _MOST_TILT * down
        fits &= np.abs(lower[:, 2] - arm) <= 3
        if fits.any():
            nearest = lower[fits][down[fits].argmin()]
            posts.append(((x + nearest[0]) / 2, y, nearest[1]))
    return np.array(posts, dtype=np.float64).reshape(-1, 3)


def _corners(
    sums: NDArray[np.int32], stats: NDArray[np.int32], *, at_top: bool
) -> Points:
    """Find components of a level arm at one end and an upright one: x, y and length."""
    left, top, width, height, area = stats.T
    right, bottom = left + width, top + height
    arm = 3  # as thick as it may be

    def dark(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Floats:
        return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]

    y0, y1 = (top, top + arm) if at_top else (bottom - arm, bottom)
    far = bottom - 2 if at_top else top
    level = dark(left, y0, right, y1)
    found = []
    middle = (left + right - arm) // 2
    for x0 in (left, middle, right - arm):
        upright = dark(x0, top, x0 + arm, bottom)
        both = level + upright - dark(x0, y0, x0 + arm, y1)
        foot = dark(x0, far, x0 + arm, far + 2)
        fits = (level >= _ARM * width) & (upright >= _ARM * height) & (foot >= 2)
        fits &= (both >= _IN_ARMS * area) & (area <= 0.8 * width * height)
        y = y0 if at_top else y1 - 1
        found.append(np.column_stack([x0 + (arm - 1) / 2, y, height])[fits])
    return np.concatenate(found).astype(np.float64)


def tint_posts(small: Image) -> Points:
    """Find the sides of areas that are darker than the paper round them.

    Parameters
    ----------
    small : ndarray of shape (height, width), dtype uint8
        Grey search copy of a page.

    Returns
    -------
    posts : ndarray of shape (n_posts, 3), dtype float64
        As of :func:`wall_posts`, the left and the right side of each area.
    """
    if min(small.shape) < 2 * _LEAST_HEIGHT:
        return np.zeros((0, 3))
    tiny = cv2.resize(small, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(tiny, np.ones((13, 13), np.uint8)), 5)
    paper = cv2.resize(paper, small.shape[::-1])
    depth = cv2.min(cv2.subtract(paper, small), _MOST_TINT)
    grain = float(np.median(depth[::8, ::8]))
    around = cv2.convertScaleAbs(cv2.blur(depth, (25, 25)), alpha=_OF_TINT)
    # The lightest paper is lighter than most of it, by its grain.
    least = cv2.max(around, np.full_like(around, round(grain) + _TINT))
    tinted = cv2.compare(cv2.blur(depth, (3, 1)), least, cv2.CMP_GT)
    kernel = np.ones((_STROKE, _STROKE), np.uint8)
    areas = cv2.morphologyEx(tinted, cv2.MORPH_OPEN, kernel)
    outlines = cv2.findContours(areas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    posts = []
    for outline in outlines:
        left, top, width, height = cv2.boundingRect(outline)
        if not _LEAST_HEIGHT <= height <= _MOST_HEIGHT:
            continue
        if _NARROWEST * height <= width <= _WIDEST * height and _is_full(outline):
            posts += [(x, top, top + height - 1) for x in (left, left + width - 1)]
    return np.array(posts, dtype=np.float64).reshape(-1, 3)


def _is_full(outline: NDArray[np.int32]) -> bool:
    """Return whether an area is a rectangle, if a slightly tilted one."""
    hull = cv2.convexHull(outline)
    _, sides, _ = cv2.minAreaRect(hull)
    return cv2.contourArea(hull) >= 0.85 * max(sides[0] * sides[1], 1.0)


def find_rows(posts: Points, *, paired: bool = False) -> Iterator[Row]:
    """Find rows of boxes between posts at equal distances.

    Parameters
    ----------
    posts : ndarray of shape (n_posts, 3), dtype float64
        Column, upper and lower end of each, of one kind.

    paired : bool, default=False
        Whether each box has two posts, the left before the right one.

    Yields
    ------
    row : Row
        No two share a post.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.posts import find_rows
    >>> posts = np.array([[x, 50.0, 80.0] for x in (10, 30, 50, 70, 90)])
    >>> [row] = find_rows(posts)
    >>> row.boxes, row.gap, row.quad.round().tolist()[0]
    (4, 0.0, [10.0, 50.0])
    """
    sides = [posts[::2], posts[1::2]] if paired else [posts]
    chains = [chain for side in sides for chain in _chains(side)]
    alone = [chain for chain in chains if not _is_doubled(chain, chains)]
    rows = [*_rows_apart(chains), *([] if paired else map(_shared, alone))]
    rows = [row for row in rows if row.posts >= _FEWEST and row.is_whole]
    taken: list[Points] = []
    for row in sorted(rows, key=lambda row: -row.posts * row.score):
        centre = row.quad.mean(axis=0)
        if any(_holds(quad, centre) for quad in taken):
            continue
        taken.append(row.quad)
        if not _runs_on(row, posts):
            yield row


def _runs_on(row: Row, posts: Points) -> bool:
    """Return whether there is a post about where a further box would end."""
    left, right, lower, _ = row.quad
    step, height = (right - left) / row.boxes, float(lower[1] - right[1])
    x, top, bottom = posts.T
    as_high = np.abs(bottom - top - height) <= 2 * _UNEQUAL * height + 2
    for start, way in ((left, -step), (right, step)):
        due = start + (1 - row.gap / 2) * way
        near = np.abs(x - due[0]) <= _NEAR * step[0]
        near &= np.abs(top - due[1]) <= 0.2 * height
        if (near & as_high).any():
            return True
    return False


def _holds(quad: Points, point: Floats) -> bool:
    inner = tuple(point.tolist())
    return cv2.pointPolygonTest(quad.astype(np.float32), inner, False) >= 0


def _chains(posts: Points) -> list[_Chain]:
    """Join posts that follow each other at one distance, as many as there are."""
    posts = posts[np.argsort(posts[:, 0], kind="stable")]
    chains: list[_Chain] = []
    heights = posts[:, 2] - posts[:, 1]
    used: set[tuple[int, int]] = set()
    for first in range(len(posts)):
        height = heights[first]
        across = posts[:, 0] - posts[first, 0]
        near = (across >= _NARROWEST * height) & (across <= _WIDEST * height)
        near &= np.abs(heights - height) <= _UNEQUAL * height + 2
        near &= np.abs(posts[:, 1] - posts[first, 1]) <= 2 + _MOST_TILT * across
        for second in np.flatnonzero(near).tolist():
            if (first, second) in used:
                continue
            after = _followed(posts, heights, first, second)
            before = _followed(posts, heights, second, first)[2:]
            members = [*before[::-1], *after]
            used.update(pairwise(members))
            if len(members) >= 3:
                step = posts[second, 0] - posts[first, 0]
                chains.append(_as_chain(posts[members], float(step)))
    return chains


def _followed(posts: Points, heights: Floats, first: int, second: int) -> list[int]:
    """Go on from two posts as far as there are more; one may be missing at a time."""
    members, missing = [first, second], 0
    step = posts[second, :2] - posts[first, :2]
    wanted = posts[second, :2] + step
    height = heights[first]
    while missing < 2:
        off = np.abs(posts[:, 0] - wanted[0])
        off = np.maximum(off, np.abs(posts[:, 1] - wanted[1]) / 2)
        off[np.abs(heights - height) > _UNEQUAL * height + 2] = np.inf
        nearest = int(off.argmin())
        # Of two posts the distance is known to a pixel or two, of more it is exact.
        if off[nearest] <= (_OFF if len(members) > 2 else 1.5 * _OFF):
            members.append(nearest)
            missing = 0
            places = round((posts[nearest, 0] - posts[first, 0]) / step[0])
            step = (posts[nearest, :2] - posts[first, :2]) / max(places, 1)
            wanted = posts[nearest, :2] + step
        else:
            missing += 1
            wanted = wanted + step
    return members


def _as_chain(posts: Points, step: float) -> _Chain:
    """Number the posts; distances of two at the ends of many are the more exact."""
    steps = np.rint(np.diff(posts[:, 0]) / step).astype(np.int64)
    return _Chain(posts, np.concatenate([[0], np.cumsum(steps)]))


def _shared(chain: _Chain) -> Row:
    """Take a chain for boxes that share their walls."""
    score = len(chain.posts) / (chain.last + 1)
    quad = chain.ends(0, chain.last)
    return Row(quad, chain.last, 0.0, score, len(chain.posts))


def _is_doubled(chain: _Chain, chains: Sequence[_Chain]) -> bool:
    """Return whether others stand at the same distances between the posts of a chain.

    Then they are the sides of boxes that stand apart, or every other wall of a row.
    """
    for other in chains:
        aside = (other.posts[0, 0] - chain.posts[0, 0]) % chain.step
        near = chain.posts[0, 0] < other.posts[-1, 0] and (
            other.posts[0, 0] < chain.posts[-1, 0]
        )
        between = 2 * _OFF < aside < chain.step - 2 * _OFF
        as_many = len(other.posts) >= _AS_MANY * len(chain.posts)
        if near and between and as_many and _are_alike(chain, other):
            return True
    return False


def _are_alike(chain: _Chain, other: _Chain) -> bool:
    """Return whether two chains have one height and step, and stand in one row."""
    x = other.posts[0, 0]
    upper = np.polyval(np.polyfit(chain.posts[:, 0], chain.posts[:, 1], 1), x)
    return bool(
        abs(other.step - chain.step) < _OFF
        and abs(other.height - chain.height) < _UNEQUAL * chain.height + 1
        and abs(other.posts[0, 1] - upper) < _UNEQUAL * chain.height + 1
    )


def _rows_apart(chains: Sequence[_Chain]) -> Iterator[Row]:
    """Find boxes that stand apart: a chain of left sides, and one of right sides."""
    for lefts in chains:
        for rights in chains:
            step = lefts.step
            away = float(rights.posts[0, 0] - lefts.posts[0, 0])
            box = away % step
            if not _LEAST_BOX * step < box < step - 1 or not _are_alike(lefts, rights):
                continue
            # The first side of either kind may be missing.
            shift = round((away - box) / step)
            start, stop = min(0, shift), max(lefts.last, shift + rights.last) + 1
            found = len(lefts.posts) + len(rights.posts)
            count, gap = stop - start, 1 - box / step
            quad = lefts.ends(start - gap / 2, stop - gap / 2)
            yield Row(quad, count, float(gap), found / (2 * count), found)

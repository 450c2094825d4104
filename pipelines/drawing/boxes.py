"""Rows of boxes that hold digits, nothing, or what is no digit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.inking import FAR, bend_skeleton, draw_bends, lay, lay_path
from pipelines.drawing.paper import draw_tiles
from pipelines.drawing.scanning import compress_page
from pipelines.drawing.shapes import COPYBOOK
from pipelines.drawing.skeletons import (
    SIDE,
    draw_copybook,
    thin_glyphs,
    unpack_skeleton,
)
from pipelines.images import Image, Plane

NOTHING: Final = "nothing"
OTHER: Final = "other"

# Letters that look like no digit, and signs; capitals are the more frequent.
_LETTERS: Final = 2 * "AEFHKMNPRTVWXY" + "Udefhkmnprtvwxy&%#@$?=<>{}"
_FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)

# Skeletons of each digit from the copybook, bends and patterns that are drawn once.
_N_COPYBOOK: Final = 300
_N_BENDS: Final = 256
_N_TILES: Final = 16

# Share of the digits that are the glyphs themselves, not lines thinned from them and
# inked anew, and of those lines that are the copybook's.
_PASTED: Final = 0.35
_FROM_COPYBOOK: Final = 0.35

# Share of the zeros that have a slash through them.
_SLASHED: Final = 0.07

# Grey value above which a pixel of a glyph belongs to its extent.
_GREY: Final = 64

# A pen wider than this share of a digit's height would close its loops.
_WIDEST: Final = 0.16

# Pairs of digits that are tried until both show.
_MOST_TRIES: Final = 5

# Digits of which no half looks like a digit, or seldom.
_HALVED: Final = "2358"


@dataclass(frozen=True, eq=False)
class DrawnRow:
    """A row of boxes as a scanner sees it.

    Attributes
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey, dark ink on light paper, with a margin round the boxes.

    box : tuple of float
        Left, top, right and bottom of the row, in pixels, as well as one knows it.

    ruled : bool
        Whether the lines of the boxes are printed.

    contents : list of str
        What each box holds, from left to right: a digit, "nothing" that is meant to be
        read, or "other".
    """

    field: Image
    box: tuple[float, float, float, float]
    ruled: bool
    contents: list[str]


@dataclass
class _Sheet:
    """A row that is being written: ink and distances to strokes, in pixels."""

    canvas: Plane
    ink: Plane
    height: float
    width: float
    pen: float

    def emptied(self) -> "_Sheet":
        """Make another sheet of this size, with nothing on it."""
        canvas, ink = np.full_like(self.canvas, FAR), np.zeros_like(self.ink)
        return replace(self, canvas=canvas, ink=ink)

    def inked(self) -> Plane:
        """Share of each pixel that is pasted over or near enough to a stroke."""
        half = np.float32(self.pen / 2 + 0.5)
        return np.maximum(self.ink, np.clip(half - self.canvas, 0, 1))


@dataclass(frozen=True)
class _Habits:
    """How one writer writes one row. Lengths are in heights of a box."""

    size: float
    aspect: float
    slant: float
    offset: tuple[float, float]
    wander: float
    pen: float
    bend: float
    pasted: bool


class BoxArtist:
    """Draw rows of boxes in many hands.

    Digits are glyphs of single digits, pasted in or thinned to lines and inked anew,
    and the copybook's. Two or three of them may stand in one box, halves of them,
    letters, strokes, blots and scribbles; others are empty or crossed out.

    Parameters
    ----------
    glyphs : ndarray of shape (n_glyphs, 28, 28), dtype uint8
        Single digits, ink 255 on 0, as MNIST has them.

    labels : sequence of length n_glyphs
        What they are: digits.

    random_state : int, default=0
        Seed. A row depends on it and on its index.

    Examples
    --------
    >>> from lenet_sklearn import load_dataset
    >>> from pipelines.drawing.boxes import BoxArtist
    >>> glyphs, labels = load_dataset("digits")
    >>> row = BoxArtist(glyphs, labels).draw_row(0)
    >>> len(row.contents) in range(1, 10), row.field.dtype.name
    (True, 'uint8')
    """

    def __init__(
        self,
        glyphs: NDArray[np.uint8],
        labels: Sequence[object] | NDArray[np.generic],
        *,
        random_state: int = 0,
    ) -> None:
        names = np.array([str(label) for label in np.asarray(labels).tolist()])
        rng = np.random.default_rng(random_state)
        self.random_state = random_state
        self._glyphs = glyphs
        self._skeletons = thin_glyphs(glyphs)
        self._rows = {d: np.flatnonzero(names == d) for d in sorted(set(names))}
        self._copybook = {d: draw_copybook([d] * _N_COPYBOOK, rng) for d in COPYBOOK}
        self._bends = draw_bends(_N_BENDS, rng)
        self._tiles = draw_tiles(_N_TILES, rng)

    def draw_row(self, index: int) -> DrawnRow:
        """Draw the row of an index.

        Parameters
        ----------
        index : int
            Which one.

        Returns
        -------
        row : DrawnRow
        """
        rng = np.random.default_rng([self.random_state, index])
        n_boxes = int(rng.integers(1, 10))
        height = float(np.exp(rng.uniform(np.log(24), np.log(84))))
        width = height * float(np.clip(rng.normal(0.82, 0.13), 0.5, 1.25))
        margin = 0.3 * height
        shape = (round(height + 2 * margin), round(n_boxes * width + 2 * margin))
        habits = _draw_habits(rng)
        sheet = _Sheet(
            np.full(shape, FAR, np.float32),
            np.zeros(shape, np.float32),
            height,
            width,
            max(min(habits.pen, _WIDEST * habits.size) * height, 1.0),
        )
        middles = margin + (np.arange(n_boxes, dtype=np.float64) + 0.5) * width
        contents = self._fill(sheet, middles, habits, rng)
        ruled = bool(rng.random() < 0.6)
        box = (margin, margin, margin + n_boxes * width, margin + height)
        field = self._scan(sheet, box, n_boxes, ruled, rng)
        left, top, right, bottom = box + 0.012 * height * rng.standard_normal(4)
        return DrawnRow(field, (left, top, right, bottom), ruled, contents)

    def _fill(
        self,
        sheet: _Sheet,
        middles: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
    ) -> list[str]:
        """Write something into every box."""
        # Most rows are filled in well; the others hold a bit of everything.
        well = rng.random() < 0.55
        n_filled = len(middles)
        if well and rng.random() < 0.4:
            n_filled = int(rng.integers(0, len(middles) + 1))
        contents: list[str] = []
        for n, middle in enumerate(middles):
            content = "digit" if n < n_filled else NOTHING
            if not well:
                content = rng.choice(["digit", NOTHING, OTHER], p=[0.35, 0.2, 0.45])
            place = np.array([middle, (0.3 + rng.normal(0.51, 0.02)) * sheet.height])
            if content == "digit":
                content = self._write_digit(sheet, place, habits, rng)
            elif content == OTHER:
                self._write_other(sheet, place, habits, rng)
            elif not well and rng.random() < 0.6:
                _cancel(sheet, place, rng)
            contents.append(content)
        return contents

    def _write_digit(
        self,
        sheet: _Sheet,
        place: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
        *,
        room: float = 1.0,
        size: float = 1.0,
    ) -> str:
        """Write a digit of some size; `room` is the share of the box it may fill."""
        digit = str(rng.choice(list(self._rows)))
        height = size * habits.size * sheet.height * float(np.exp(rng.normal(0, 0.07)))
        if habits.pasted:
            glyph = self._glyphs[self._pick(digit, rng)]
            extent = _extent(glyph > _GREY)
        else:
            skeleton = unpack_skeleton(self._pick_skeleton(digit, rng))
            extent = _extent(skeleton)
        _, _, wide, tall = extent
        across = height / tall * habits.aspect * float(np.exp(rng.normal(0, 0.05)))
        across = min(across, 1.05 * room * sheet.width / wide)
        down = min(height / tall, 2.5 * across)
        # A digit may stand anywhere in its box, and lean out of it a little.
        shift = np.multiply(habits.offset, room * sheet.height)
        shift += habits.wander * height * rng.standard_normal(2)
        free = room * sheet.width - across * wide, sheet.height - down * tall
        reach = np.maximum(free, 0) / 2 + 0.07 * sheet.height
        shift = np.clip(shift, -reach, reach)
        slant = habits.slant + rng.normal(0, 2)
        matrix = _placing(extent, place + shift, (across, down), slant)
        if habits.pasted:
            _paste(sheet.ink, glyph, matrix)
        else:
            lay(sheet.canvas, self._bent(skeleton, habits.bend, rng), matrix)
        if digit == "0" and rng.random() < _SLASHED:
            reach = np.array([across * wide, -down * tall]) * rng.uniform(0.35, 0.6, 2)
            ends = place + shift + np.array([-reach, reach])
            lay_path(sheet.canvas, ends, sheet.pen + 2)
        return digit

    def _write_other(
        self,
        sheet: _Sheet,
        place: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
    ) -> None:
        """Write what is not one digit."""
        kind = rng.random()
        if kind < 0.3:
            self._write_several(sheet, place, habits, rng)
        elif kind < 0.36:
            self._write_half(sheet, place, habits, rng)
        elif kind < 0.58:
            self._write_letter(sheet, place, rng)
        elif kind < 0.72:
            self._write_over(sheet, place, habits, rng)
        elif kind < 0.8:
            self._write_digit(sheet, place, habits, rng)
            for _ in range(int(rng.integers(2, 6))):
                _lay(sheet, place, rng.uniform(-0.45, 0.45, (2, 2)), rng)
        else:
            draw = _MARKS[int(rng.integers(len(_MARKS)))]
            draw(sheet, place, rng)

    def _write_over(
        self,
        sheet: _Sheet,
        place: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
    ) -> None:
        """Write one digit over another: a good part of either shows."""
        for _ in range(_MOST_TRIES):
            one, other = sheet.emptied(), sheet.emptied()
            self._write_digit(one, place, habits, rng)
            self._write_digit(other, place, habits, rng)
            inks = one.inked() > 0.5, other.inked() > 0.5
            shared = (inks[0] & inks[1]).sum()
            if shared < 0.55 * min(inks[0].sum(), inks[1].sum()):
                for each in (one, other):
                    np.maximum(sheet.ink, each.inked(), out=sheet.ink)
                return
        self._write_letter(sheet, place, rng)

    def _write_several(
        self,
        sheet: _Sheet,
        place: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
    ) -> None:
        """Write two or three digits side by side into one box."""
        n = 2 if rng.random() < 0.75 else 3
        gap = rng.normal(0.04, 0.08)
        room = max((0.95 - (n - 1) * gap) / n, 0.2)
        size = rng.uniform(0.55, 1.1)
        steps = (np.arange(n) - (n - 1) / 2) * (room + gap) * sheet.width
        for step in steps:
            drop = rng.normal(0, 0.04) * sheet.height
            self._write_digit(
                sheet, np.add(place, (step, drop)), habits, rng, room=room, size=size
            )

    def _write_half(
        self,
        sheet: _Sheet,
        place: NDArray[np.float64],
        habits: _Habits,
        rng: Generator,
    ) -> None:
        """Write a digit of which a good part is missing."""
        part = sheet.emptied()
        digit = self._write_digit(part, place, habits, rng)
        if digit not in _HALVED:
            self._write_letter(sheet, place, rng)
            return
        ink = part.inked()
        rows, columns = np.nonzero(ink > 0.5)
        if not rows.size:
            return
        if rng.random() < 0.5:
            cut = np.quantile(columns, rng.uniform(0.43, 0.57))
            kept = np.arange(ink.shape[1])[None, :] > cut
        else:
            cut = np.quantile(rows, rng.uniform(0.43, 0.57))
            kept = np.arange(ink.shape[0])[:, None] > cut
        kept = kept if rng.random() < 0.5 else ~kept
        np.maximum(sheet.ink, ink * kept, out=sheet.ink)

    def _write_letter(
        self, sheet: _Sheet, place: NDArray[np.float64], rng: Generator
    ) -> None:
        letter = _LETTERS[int(rng.integers(len(_LETTERS)))]
        font = _FONTS[int(rng.integers(len(_FONTS)))]
        if rng.random() < 0.3:
            font |= cv2.FONT_ITALIC
        skeleton = np.zeros((SIDE, SIDE), np.uint8)
        (wide, tall), _ = cv2.getTextSize(letter, font, 1.4, 1)
        origin = ((SIDE - wide) // 2, (SIDE + tall) // 2)
        cv2.putText(skeleton, letter, origin, font, 1.4, 1, 1)
        if not skeleton.any():
            return
        extent = _extent(skeleton)
        _, _, wide, tall = extent
        scale = rng.uniform(0.35, 0.95) * sheet.height / tall
        across = min(scale * rng.uniform(0.6, 1.5), sheet.width / wide)
        matrix = _placing(extent, place, (across, scale), rng.normal(6, 10))
        bend = rng.uniform(0.0, 2.0)
        lay(sheet.canvas, self._bent(skeleton, bend, rng), matrix)

    def _pick(self, digit: str, rng: Generator) -> int:
        rows = self._rows[digit]
        return int(rows[int(rng.integers(len(rows)))])

    def _pick_skeleton(self, digit: str, rng: Generator) -> NDArray[np.uint8]:
        if rng.random() < _FROM_COPYBOOK:
            copybook = self._copybook[digit]
            return copybook[int(rng.integers(len(copybook)))]
        return self._skeletons[self._pick(digit, rng)]

    def _bent(self, skeleton: Image, amount: float, rng: Generator) -> Plane:
        """Distances to the lines of a skeleton, bent a little."""
        bend = self._bends[int(rng.integers(_N_BENDS))] * np.float32(amount)
        return bend_skeleton(skeleton, bend)

    def _scan(
        self,
        sheet: _Sheet,
        box: tuple[float, float, float, float],
        n_boxes: int,
        ruled: bool,
        rng: Generator,
    ) -> Image:
        """Lay ink on paper with printed lines, and scan it."""
        shape = sheet.canvas.shape
        paper = np.full(shape, rng.uniform(185, 254), np.float32)
        if rng.random() < 0.12:
            tile = self._tiles[int(rng.integers(_N_TILES))]
            part = cv2.resize(tile, shape[::-1]).astype(np.float32)
            paper *= 1 - part * np.float32(0.1 * rng.random() / 255)
        if rng.random() < 0.3:
            corners = rng.uniform(0.85, 1.03, (2, 3)).astype(np.float32)
            paper *= cv2.resize(corners, shape[::-1])
        if ruled:
            _print_boxes(paper, box, n_boxes, rng)
        elif rng.random() < 0.35:
            _leave_residue(paper, box, n_boxes, rng)
        ink = sheet.inked()
        # Pencils leave little more than a tenth of the light out, felt tips all but.
        darkness = rng.uniform(0.3, 0.92)
        if rng.random() < 0.3:
            darkness = rng.uniform(0.1, 0.4)
        grain = rng.standard_normal(shape, dtype=np.float32)
        if rng.random() < 0.25:
            tooth = np.float32(rng.uniform(0.1, 0.35))
            ink = ink * (1 - tooth * np.abs(cv2.GaussianBlur(grain, (0, 0), 0.6)) * 2)
        page = paper * (1 - np.float32(darkness) * np.clip(ink, 0, 1))
        if rng.random() < 0.2:
            _show_through(page, rng)
        if rng.random() < 0.15:
            _drop_dust(page, rng)
        blur = rng.uniform(0.3, 1.0) * min(1.0, sheet.height / 40)
        page = cv2.GaussianBlur(page, (0, 0), blur)
        # Grain that hides the writing would teach nothing.
        noise = min(rng.uniform(0, 4.5), 0.12 * darkness * float(paper.mean()))
        page += np.float32(noise) * rng.permuted(grain, axis=1)
        field = np.clip(page, 0, 255).astype(np.uint8)
        if rng.random() < 0.4:
            field = compress_page(field, int(rng.integers(45, 93)))
        if rng.random() < 0.05:  # as a fax
            level = float(np.median(paper)) * (1 - rng.uniform(0.25, 0.6) * darkness)
            field = np.where(field < level, 0, 255).astype(np.uint8)
        return field


def _draw_habits(rng: Generator) -> _Habits:
    small = rng.random() < 0.2
    # Some write every digit beside the middle of its box, or each somewhere in it.
    beside = 0.1 if rng.random() < 0.3 else 0.02
    wander = 0.15 if rng.random() < 0.15 else rng.uniform(0.0, 0.08)
    return _Habits(
        size=rng.uniform(0.3, 0.5) if small else rng.triangular(0.45, 0.7, 1.0),
        aspect=float(np.exp(rng.normal(0.08, 0.15))),
        slant=float(np.clip(rng.normal(2, 9), -25, 30)),
        offset=(rng.normal(0, beside), rng.normal(0, beside)),
        wander=wander,
        pen=float(np.exp(rng.uniform(np.log(0.022), np.log(0.12)))),
        bend=rng.uniform(0.2, 1.0),
        pasted=bool(rng.random() < _PASTED),
    )


def _extent(drawn: NDArray[np.uint8 | np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is drawn."""
    left, top, width, height = cv2.boundingRect(drawn.view(np.uint8))
    return left, top, max(width, 3), max(height, 3)


def _placing(
    extent: tuple[int, int, int, int],
    place: NDArray[np.float64],
    scales: tuple[float, float],
    slant: float,
) -> NDArray[np.float64]:
    """Map what is drawn, across and down by its scales, so that its middle is there."""
    left, top, wide, tall = extent
    across, down = scales
    lean = np.tan(np.radians(slant))
    matrix = np.array([[across, -lean * down, 0.0], [0.0, down, 0.0]])
    middle = np.array([left + wide / 2, top + tall / 2])
    matrix[:, 2] = place - matrix[:, :2] @ middle
    return matrix


def _paste(ink: Plane, glyph: Image, matrix: NDArray[np.float64]) -> None:
    """Lay a grey glyph onto the ink, in place."""
    size = ink.shape[::-1]
    laid = cv2.warpAffine(
        glyph.astype(np.float32) / 255, matrix, size, flags=cv2.INTER_CUBIC
    )
    np.maximum(ink, np.clip(1.25 * laid, 0, 1), out=ink)


def _lay(
    sheet: _Sheet,
    place: NDArray[np.float64],
    path: NDArray[np.float64],
    rng: Generator,
) -> None:
    """Ink a path, in widths and heights of a box about its middle."""
    points = path * [sheet.width, sheet.height]
    if len(points) == 2:  # hands do not draw straight lines
        bow = rng.normal(0, 0.04) * sheet.height
        points = np.array([points[0], points.mean(axis=0) + bow, points[1]])
    lay_path(sheet.canvas, points + place, sheet.pen + 2)


def _cancel(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    """Cross a box out, strike it through, or dash it."""
    kind = rng.random()
    if kind < 0.5:
        corner = rng.uniform(0.3, 0.48, (2, 2))
        _lay(sheet, place, np.array([-corner[0], corner[0]]), rng)
        corner = corner[1] * [1, -1]
        _lay(sheet, place, np.array([-corner, corner]), rng)
    elif kind < 0.7:
        corner = rng.uniform(0.42, 0.52, 2) * [1, rng.choice([-1, -1, 1])]
        _lay(sheet, place, np.array([-corner, corner]), rng)
    else:
        half = rng.uniform(0.15, 0.45)
        ends = np.array([[-half, rng.normal(0, 0.03)], [half, rng.normal(0, 0.03)]])
        _lay(sheet, place, ends, rng)


def _draw_zigzag(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    n = int(rng.integers(4, 9))
    along, across = np.linspace(-0.4, 0.4, n), rng.uniform(0.1, 0.4, n)
    across *= np.where(np.arange(n) % 2, 1, -1)
    path = np.column_stack([along, across] if rng.random() < 0.5 else [across, along])
    _lay(sheet, place, path, rng)


def _draw_plus(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    long, high = rng.uniform(0.15, 0.42, 2)
    _lay(sheet, place, np.array([[-long, 0.0], [long, 0.0]]), rng)
    _lay(sheet, place, np.array([[0.0, -high], [0.0, high]]), rng)
    if rng.random() < 0.25:
        _lay(sheet, place, np.array([[-long, 0.15], [long, 0.15]]), rng)


def _draw_tick(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    hook = np.array([[-0.35, 0.0], [-0.1, 0.3], [0.42, -0.4]])
    _lay(sheet, place, hook * rng.uniform(0.6, 1.1) + rng.normal(0, 0.05, (3, 2)), rng)


def _draw_small_cross(
    sheet: _Sheet, place: NDArray[np.float64], rng: Generator
) -> None:
    high = rng.uniform(0.1, 0.25)
    for way in (1, -1):
        corner = np.array([high * rng.uniform(0.8, 1.5), way * high])
        _lay(sheet, place, np.array([-corner, corner]), rng)


def _draw_blot(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    angles = np.linspace(0, 2 * np.pi, 13)[:-1]
    radii = rng.uniform(0.08, 0.35) * rng.uniform(0.7, 1.3, 12) * sheet.height
    points = np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None] + place
    mask = np.zeros(sheet.ink.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    np.maximum(sheet.ink, mask.astype(np.float32), out=sheet.ink)


def _draw_scribble(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    path = rng.normal(0, 0.22, (int(rng.integers(6, 16)), 2)).clip(-0.45, 0.45)
    _lay(sheet, place, path, rng)


def _draw_symbol(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    """Some bent strokes between any places: a sign that nobody knows."""
    reach = rng.uniform(0.25, 0.45)
    for _ in range(int(rng.integers(3, 6))):
        first, bow, last = rng.uniform(-reach, reach, (3, 2))
        along = np.linspace(0, 1, 9)[:, None]
        path = (1 - along) ** 2 * first + 2 * along * (1 - along) * bow
        _lay(sheet, place, path + along**2 * last, rng)


def _draw_spiral(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    turns = np.linspace(0, rng.uniform(2.2, 4) * 2 * np.pi, 60)
    path = np.column_stack([np.cos(turns), np.sin(turns)]) * 0.38
    drift = np.linspace(0.2, 1, 60)[:, None]
    _lay(sheet, place, path * drift + np.linspace(-0.1, 0.1, 60)[:, None], rng)


def _draw_hair(sheet: _Sheet, place: NDArray[np.float64], rng: Generator) -> None:
    """A hair is thinner than a pen, and bent one way or not upright, unlike a one."""
    bend = rng.choice([-1, 1]) * rng.uniform(0.7, 3.0)
    turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, bend, 16)
    if rng.random() < 0.5:
        turn = rng.uniform(-0.9, 0.9) + np.linspace(0, rng.normal(0, 0.4), 16)
    length = rng.uniform(0.4, 1.2) * sheet.height / 16
    path = np.cumsum(length * np.column_stack([np.cos(turn), np.sin(turn)]), axis=0)
    canvas = np.full_like(sheet.canvas, FAR)
    lay_path(canvas, path - path.mean(axis=0) + place, 3)
    thin = np.clip(np.float32(0.9) - canvas, 0, 1) * np.float32(rng.uniform(0.4, 1))
    np.maximum(sheet.ink, thin, out=sheet.ink)


_MARKS: Final[list[Callable[[_Sheet, NDArray[np.float64], Generator], None]]] = [
    _draw_zigzag,
    _draw_zigzag,
    _draw_plus,
    _draw_plus,
    _draw_tick,
    _draw_tick,
    _draw_small_cross,
    _draw_blot,
    _draw_scribble,
    _draw_symbol,
    _draw_symbol,
    _draw_symbol,
    _draw_spiral,
    _draw_hair,
    _draw_hair,
]


def _print_boxes(
    paper: Plane,
    box: tuple[float, float, float, float],
    n_boxes: int,
    rng: Generator,
) -> None:
    """Print the lines of boxes, in place; some combs are open above."""
    left, top, right, bottom = box
    thickness = int(rng.choice([1, 2, 3], p=[0.4, 0.45, 0.15]))
    if bottom - top < 40:
        thickness = 1
    mask = np.zeros(paper.shape, np.uint8)
    walls = np.linspace(left, right, n_boxes + 1)
    start = top if rng.random() < 0.85 else top + rng.uniform(0.3, 0.6) * (bottom - top)
    ends = [((x, start), (x, bottom)) for x in walls]
    ends.append(((left, bottom), (right, bottom)))
    if start == top:
        ends.append(((left, top), (right, top)))
    for one, other in ends:
        first, last = (
            tuple(np.rint(16 * np.array(p)).astype(int).tolist()) for p in (one, other)
        )
        cv2.line(mask, first, last, 255, thickness, cv2.LINE_AA, 4)
    darkness = rng.uniform(0.25, 0.92)
    paper *= 1 - mask.astype(np.float32) * np.float32(darkness / 255)


def _leave_residue(
    paper: Plane,
    box: tuple[float, float, float, float],
    n_boxes: int,
    rng: Generator,
) -> None:
    """Leave faint bits where lines were taken away, in place."""
    printed = np.ones_like(paper)
    _print_boxes(printed, box, n_boxes, rng)
    patches = rng.random((4, 4 + 3 * n_boxes)).astype(np.float32)
    shown = cv2.resize(patches, paper.shape[::-1]) > 0.75
    paper *= 1 - np.float32(rng.uniform(0.1, 0.5)) * (1 - printed) * shown


def _show_through(page: Plane, rng: Generator) -> None:
    """Let print from the back shine through, in place."""
    ghost = np.zeros(page.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        text = "".join(rng.choice(list("ABEHKMRSabeghkmnorst0123456789"), 8))
        x = int(rng.integers(-40, page.shape[1]))
        y = int(rng.integers(0, page.shape[0] + 10))
        scale = rng.uniform(0.4, 1.2) * page.shape[0] / 60
        cv2.putText(ghost, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, scale, 255, 1)
    soft = cv2.GaussianBlur(ghost[:, ::-1].astype(np.float32), (0, 0), 1.0)
    page *= 1 - soft / 255 * np.float32(rng.uniform(0.03, 0.12))


def _drop_dust(page: Plane, rng: Generator) -> None:
    """Draw specks, in place."""
    for _ in range(int(rng.integers(1, 6))):
        place = rng.uniform(0, 1, 2) * page.shape[::-1]
        x, y = np.rint(16 * place).astype(int).tolist()
        radius = round(16 * rng.uniform(0.4, 1.3))
        cv2.circle(page, (x, y), radius, rng.uniform(40, 200), -1, cv2.LINE_AA, 4)

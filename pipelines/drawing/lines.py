"""Drawn fields with known strings, as many as a network can eat."""

from collections.abc import Sequence
from typing import Final, overload

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.inking import FAR, bend_skeleton, draw_bends, lay, lay_path
from pipelines.drawing.paper import Crop, draw_crop, draw_paper, draw_tiles, print_rules
from pipelines.drawing.scanning import scan_field
from pipelines.drawing.shapes import COPYBOOK
from pipelines.drawing.signs import add_clutter, draw_signed_texts, part_signs
from pipelines.drawing.skeletons import (
    draw_copybook,
    thin_glyphs,
    unpack_skeleton,
)
from pipelines.drawing.strings import Line, place_line
from pipelines.drawing.texts import draw_marks, draw_scribble, draw_texts
from pipelines.drawing.writers import Hand, draw_hand
from pipelines.forms.notation import SIGNS
from pipelines.images import Image, Plane
from pipelines.lines.strips import normalize_line

# What is drawn once and used again and again. Parts of tiles and bends are combined
# at random, so that a hundred of each look like thousands.
_N_TILES: Final = 128
_N_BENDS: Final = 256
_N_COPYBOOK: Final = 300  # skeletons of each digit

# A plane of noise that parts are cut from: drawing it anew costs more than all ink.
_GRAIN: Final = (256, 2048)

# Distances matter this far from the middle of a stroke, in widths of the pen.
_REACH: Final = 1.0


class DrawnLines(Sequence[Image]):
    """Strips of drawn fields, each drawn when it is asked for.

    A field is written in one made-up hand: single digits are chosen, thinned to
    lines, bent, slanted, spaced and joined, and inked with one pen; points,
    commas, dashes and fillers stand among them; the paper has a pattern and
    ruling lines; the scan is blurred and noisy. What comes out has been through
    :func:`normalize_line`, as a real field would be.

    Parameters
    ----------
    glyphs : ndarray of shape (n_glyphs, height, width), dtype uint8
        Single digits, ink 255 on 0, square, as MNIST has them.

    labels : sequence of length n_glyphs
        What they are, one character each: digits, as numbers or strings.

    n_lines : int, default=100_000
        Length of the sequence.

    signs : bool, default=False
        Whether points, commas and other signs are part of the strings, as
        ``pipelines.drawing.signs.draw_signed_texts`` writes them.

    random_state : int, default=0
        Seed. A strip depends on the seed, its index, and the other parameters.

    Attributes
    ----------
    signs : str
        Signs that the strings may have; none unless they are asked for.

    texts : list of str
        The string of each strip; marks are not in it, signs are where they are
        asked for. A fiftieth are empty.

    Raises
    ------
    ValueError
        If glyphs and labels do not match, a label is longer than a character, or a
        glyph has no ink.

    See Also
    --------
    normalize_line : Turns an image of a field into a strip.

    Notes
    -----
    Nothing drawn is kept: a pass over the sequence takes a millisecond or two for
    each strip, and a second pass draws the same again. Making the object thins
    all glyphs, which takes a few seconds and 24 MB for MNIST.

    Examples
    --------
    >>> from lenet_sklearn import load_dataset
    >>> from pipelines import DrawnLines
    >>> glyphs, labels = load_dataset("digits")
    >>> lines = DrawnLines(glyphs[:3], labels[:3], n_lines=50, random_state=0)
    >>> len(lines), lines[7].shape[0], lines.texts[7].isdigit()
    (50, 32, True)
    """

    def __init__(
        self,
        glyphs: NDArray[np.uint8],
        labels: Sequence[object] | NDArray[np.generic],
        *,
        n_lines: int = 100_000,
        signs: bool = False,
        random_state: int = 0,
    ) -> None:
        names = np.array([str(label) for label in np.asarray(labels).tolist()])
        digits = sorted(set(names.tolist()))
        _check_glyphs(glyphs, names, digits)
        rng = np.random.default_rng(random_state)
        self.random_state = random_state
        self._skeletons = thin_glyphs(glyphs)
        _check_ink(self._skeletons)
        self._rows = {digit: np.flatnonzero(names == digit) for digit in digits}
        known = [digit for digit in digits if digit in COPYBOOK]
        self._copybook = {d: draw_copybook([d] * _N_COPYBOOK, rng) for d in known}
        self._tiles = draw_tiles(_N_TILES, rng)
        self._bends = draw_bends(_N_BENDS, rng)
        self._grain = rng.standard_normal(_GRAIN, dtype=np.float32)
        self.signs = SIGNS if signs else ""
        draw = draw_signed_texts if signs else draw_texts
        self.texts = draw(n_lines, digits, rng)

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return normalize_line(self.draw_field(index))

    def draw_field(self, index: int) -> Image:
        """Draw the field of an index as a scanner would give it.

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
        hand = draw_hand(rng)
        line = self._write(text, hand, rng)
        crop = draw_crop(line, rng)
        paper = draw_paper(crop.shape, self._tiles, rng)
        print_rules(paper, crop, rng)
        ink = ink_line(line, hand, crop, self._bends, rng)
        return scan_field(paper, ink, self._grain, rng)

    def _write(self, text: str, hand: Hand, rng: Generator) -> Line:
        """Choose a shape for each digit and place them."""
        skeletons = []
        last: dict[str, NDArray[np.uint8]] = {}
        digits, signs = part_signs(text) if self.signs else (text, {})
        for digit in digits:
            if digit not in last or rng.random() > hand.habit:
                last[digit] = self._pick(digit, hand, rng)
            skeletons.append(unpack_skeleton(last[digit]))
        if self.signs:
            marks = add_clutter(signs, len(digits), rng)
        else:
            marks = draw_marks(len(digits), rng)
        line = place_line(skeletons, digits, marks, hand, rng)
        if not text and rng.random() < 0.5:
            line.paths += draw_scribble(rng)
        return line

    def _pick(self, digit: str, hand: Hand, rng: Generator) -> NDArray[np.uint8]:
        """Choose a skeleton, from the copybook as often as the hand does."""
        if rng.random() < hand.drawn and digit in self._copybook:
            copybook = self._copybook[digit]
            return copybook[int(rng.integers(len(copybook)))]
        rows = self._rows[digit]
        return self._skeletons[rows[int(rng.integers(len(rows)))]]


def ink_line(line: Line, hand: Hand, crop: Crop, bends: Plane, rng: Generator) -> Plane:
    """Ink what of a line lies in a field.

    Parameters
    ----------
    line : Line
        The writing.

    hand : Hand
        Whose pen it is.

    crop : Crop
        The field round it.

    bends : ndarray of shape (n_bends, 56, 56, 2), dtype float32
        Displacements to bend digits by.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32
        Share of each pixel that ink covers, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.paper import Crop
    >>> from pipelines.drawing.writers import draw_hand
    >>> from pipelines.drawing.inking import draw_bends
    >>> from pipelines.drawing.lines import ink_line
    >>> from pipelines.drawing.strings import Line
    >>> rng = np.random.default_rng(0)
    >>> dash = Line(paths=[np.array([[0.2, -0.5], [0.8, -0.5]])])
    >>> crop = Crop((40, 40), scale=40.0, origin=(0.0, 40.0))
    >>> ink = ink_line(dash, draw_hand(rng), crop, draw_bends(1, rng), rng)
    >>> float(ink[20, 20]), float(ink[35, 20])
    (1.0, 0.0)
    """
    scale, origin = crop.scale, np.array(crop.origin)
    canvas = np.full(crop.shape, FAR, np.float32)
    for skeleton, matrix in zip(line.skeletons, line.matrices, strict=True):
        bend = bends[int(rng.integers(len(bends)))] * np.float32(hand.bend)
        bent = bend_skeleton(skeleton, bend)
        placed = matrix * scale
        placed[:, 2] += origin
        lay(canvas, bent, placed)
    width = hand.pen * scale
    for path in line.paths:
        lay_path(canvas, path * scale + origin, _REACH * width + 1)
    # The pen's pressure changes over about half of the height.
    knots = rng.uniform(-1, 1, (3, 2 + 2 * crop.shape[1] // crop.shape[0]))
    pressure = cv2.resize(knots.astype(np.float32), crop.shape[::-1])
    half = width / 2 * (1 + 0.2 * pressure)
    return np.asarray(np.clip(half + np.float32(0.5) - canvas, 0, 1))


def _check_glyphs(
    glyphs: NDArray[np.uint8], names: NDArray[np.str_], digits: Sequence[str]
) -> None:
    """Refuse what cannot be written one after the other."""
    if glyphs.ndim != 3 or glyphs.dtype != np.uint8 or len(glyphs) != len(names):
        raise ValueError(
            "DrawnLines expects glyphs of shape (n, height, width), dtype uint8, and a"
            f" label for each. Got shape {glyphs.shape}, dtype {glyphs.dtype} and"
            f" {len(names)} labels. Reshape flattened images to (n, 28, 28)."
        )
    if not digits or max(map(len, digits)) > 1:
        raise ValueError(
            "DrawnLines expects labels of one character each."
            f" Got {digits}. Leave out glyphs of other labels."
        )


def _check_ink(skeletons: NDArray[np.uint8]) -> None:
    """Refuse a glyph of which thinning left nothing: it cannot be written."""
    (blank,) = np.nonzero(~skeletons.any(axis=1))
    if len(blank):
        raise ValueError(
            f"DrawnLines expects ink in every glyph. Got none, or too faint, in"
            f" glyphs[{blank[0]}] and {len(blank) - 1} others. Leave them out, or"
            " stretch their contrast to 255."
        )

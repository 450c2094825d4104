"""Drawn fields with known strings, as many as a network can eat."""

from collections.abc import Sequence
from typing import Final, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.lines.copybook import COPYBOOK_DIGITS, draw_copybook
from pipelines.lines.framing import draw_frame, print_rules
from pipelines.lines.hands import Hand, draw_hand
from pipelines.lines.inking import draw_bends, ink_line
from pipelines.lines.layout import Line, place_line
from pipelines.lines.marks import draw_marks, draw_scribble
from pipelines.lines.paper import Plane, draw_paper, draw_tiles
from pipelines.lines.strips import normalize_line
from pipelines.lines.texts import draw_texts
from pipelines.lines.thinning import thin_glyphs, unpack_skeleton

# What is drawn once and used again and again. Parts of tiles and bends are combined
# at random, so that a hundred of each look like thousands.
_N_TILES: Final = 128
_N_BENDS: Final = 256
_N_COPYBOOK: Final = 300  # skeletons of each digit

# A plane of noise that parts are cut from: drawing it anew costs more than all ink.
_GRAIN: Final = (256, 2048)


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

    random_state : int, default=0
        Seed. A strip depends on the seed, its index, and the glyphs and `n_lines`.

    Attributes
    ----------
    texts : list of str
        The string of each strip; marks are not in it. A fiftieth are empty.

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
    >>> lines = DrawnLines(*load_dataset("digits"), n_lines=50, random_state=0)
    >>> len(lines), lines[7].shape[0], lines.texts[7].isdigit()
    (50, 32, True)
    """

    def __init__(
        self,
        glyphs: NDArray[np.uint8],
        labels: Sequence[object] | NDArray[np.generic],
        *,
        n_lines: int = 100_000,
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
        self._copybook = {
            digit: draw_copybook([digit] * _N_COPYBOOK, rng)
            for digit in digits
            if digit in COPYBOOK_DIGITS
        }
        self._tiles = draw_tiles(_N_TILES, rng)
        self._bends = draw_bends(_N_BENDS, rng)
        self._grain = rng.standard_normal(_GRAIN, dtype=np.float32)
        self.texts = draw_texts(n_lines, digits, rng)

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
        frame = draw_frame(line, rng)
        paper = draw_paper(frame.shape, self._tiles, rng)
        print_rules(paper, frame, rng)
        ink = ink_line(line, hand, frame, self._bends, rng)
        return scan_field(paper, ink, self._grain, rng)

    def _write(self, text: str, hand: Hand, rng: np.random.Generator) -> Line:
        """Choose a shape for each digit and place them."""
        skeletons = []
        last: dict[str, NDArray[np.uint8]] = {}
        for digit in text:
            if digit not in last or rng.random() > hand.habit:
                last[digit] = self._pick(digit, hand, rng)
            skeletons.append(unpack_skeleton(last[digit]))
        line = place_line(skeletons, text, draw_marks(len(text), rng), hand, rng)
        if not text and rng.random() < 0.5:
            line.paths += draw_scribble(rng)
        return line

    def _pick(
        self, digit: str, hand: Hand, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Choose a skeleton, from the copybook as often as the hand does."""
        if rng.random() < hand.drawn and digit in self._copybook:
            copybook = self._copybook[digit]
            return copybook[int(rng.integers(len(copybook)))]
        rows = self._rows[digit]
        return self._skeletons[rows[int(rng.integers(len(rows)))]]


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


def scan_field(
    paper: Plane, ink: Plane, noise: Plane, rng: np.random.Generator
) -> Image:
    """Put ink on paper, and both under a scanner.

    Parameters
    ----------
    paper : ndarray of shape (height, width), dtype float32
        Grey values of the paper.

    ink : ndarray of shape (height, width), dtype float32
        Share of each pixel that ink covers.

    noise : ndarray of shape (256, 2048), dtype float32
        Of deviation 1; a part of it becomes the grain.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    field : ndarray of shape (height, width), dtype uint8
        Dark ink on light paper.
    """
    # From pencil, which takes a quarter of the light away, to a felt tip.
    darkness = rng.uniform(0.3, 0.85)
    grain = _cut_noise(noise, paper.shape, rng)
    if rng.random() < 0.06:  # pencils and dry pens show the paper's tooth
        ink = ink * (1 - np.float32(rng.uniform(0.1, 0.3)) * np.abs(grain))
    page: Plane = paper * (1 - np.float32(darkness) * ink)
    if rng.random() < 0.8:
        # A coarse scan is not blurred the more for it.
        blur = rng.uniform(0.3, 1.0) * min(1.0, len(page) / 45)
        if rng.random() < 0.15:  # a photograph out of focus, a small scan enlarged
            blur = rng.uniform(0.015, 0.05) * len(page)
        page = cv2.GaussianBlur(page, (0, 0), blur)
    page += np.float32(rng.uniform(0, 5)) * grain
    field = np.clip(page, 0, 255).astype(np.uint8)
    return _compress(field, rng) if rng.random() < 0.3 else field


def _cut_noise(noise: Plane, shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Cut a part of the plane of noise; a wider field repeats its end."""
    top = int(rng.integers(noise.shape[0] - shape[0] + 1))
    left = int(rng.integers(max(noise.shape[1] - shape[1], 0) + 1))
    part = noise[top : top + shape[0], left : left + shape[1]]
    if part.shape == shape:
        return part
    return np.pad(part, [(0, 0), (0, shape[1] - part.shape[1])], mode="edge")


def _compress(field: Image, rng: np.random.Generator) -> Image:
    """Leave the blocks and rings of JPEG in a field."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 92))]
    encoded = cv2.imencode(".jpg", field, quality)[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)

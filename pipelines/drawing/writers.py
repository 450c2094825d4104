"""Made-up writers, and the way their pen travels through a digit."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.random import Generator

from pipelines.drawing.shapes import ALLOGRAPHS, Points, Stroke

RandomState: TypeAlias = int | Generator | None

MM_PER_INCH: Final = 25.4


@dataclass(frozen=True)
class Pen:
    """What a pen leaves on paper.

    Attributes
    ----------
    width : float
        Width of its line in millimetres.

    darkness : float
        Share of the light the ink takes away, in [0, 1].

    give : float
        How much the width follows the pressure, in [0, 1].

    grain : float
        How much of the paper's tooth shows in the line, in [0, 1].

    skips : float
        Share of the line on which the ink fails.
    """

    width: float
    darkness: float
    give: float
    grain: float
    skips: float

    def n_pixels(self, dpi: float) -> float:
        """Width of its line in pixels at a resolution.

        Parameters
        ----------
        dpi : float
            Resolution in dots per inch.

        Returns
        -------
        width : float
        """
        return self.width * dpi / MM_PER_INCH


@dataclass(frozen=True)
class Writer:
    """The habits of one made-up writer.

    Attributes
    ----------
    pen : Pen
        What they write with.

    slant : float
        Lean of the stems in degrees, positive to the right.

    size : float
        Height of their digits as a share of the height of the box.

    aspect : float
        Width of their digits relative to the copybook's.

    rounding : float
        Length over which corners are cut, in digit heights; fast hands cut more.

    tremor : float
        Amplitude of the unsteadiness of the hand, in digit heights.

    looseness : float
        How far two digits of the same kind differ, in digit heights.

    wander : float
        How far digits stray from the middle of their box, in digit heights.

    habits : int
        Seed of the personal shape of each digit.
    """

    pen: Pen
    slant: float
    size: float
    aspect: float
    rounding: float
    tremor: float
    looseness: float
    wander: float
    habits: int


@dataclass(frozen=True)
class Hand:
    """How one writer writes one string. Lengths are in heights of a digit.

    Attributes
    ----------
    slant : float
        Lean of the digits in degrees, positive to the right.

    aspect : float
        Width of the digits relative to how they came.

    pen : float
        Width of the strokes.

    gap : float
        Paper between two digits; negative where they overlap.

    looseness : float
        How much size, place, slant and gap change from digit to digit, about 1.

    drift : float
        Rise of the baseline for each height's length along it.

    bend : float
        How far strokes are bent, about 1.

    joins : float
        Share of the digits whose end is joined to the next one's beginning.

    small_zeros, wide_zeros : float
        Size and width of zeros relative to the other digits.

    habit : float
        Share of the digits written like the last one of their kind.

    drawn : float
        Share of the digits taken from copybooks instead of the glyphs given.
    """

    slant: float
    aspect: float
    pen: float
    gap: float
    looseness: float
    drift: float
    bend: float
    joins: float
    small_zeros: float
    wide_zeros: float
    habit: float
    drawn: float


def draw_pen(random_state: RandomState = None) -> Pen:
    """Draw a ball pen, gel pen, felt tip or pencil.

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    pen : Pen
        Ball pens are the most frequent, felt tips the least.

    Examples
    --------
    >>> 0.25 < draw_pen(0).width < 1.0
    True
    """
    rng = np.random.default_rng(random_state)
    kind = rng.choice(["ball", "gel", "felt", "pencil"], p=[0.45, 0.3, 0.1, 0.15])
    if kind == "ball":
        return Pen(rng.uniform(0.32, 0.5), rng.uniform(0.68, 0.88), 0.35, 0.1, 0.012)
    if kind == "gel":
        return Pen(rng.uniform(0.38, 0.58), rng.uniform(0.86, 0.96), 0.25, 0.05, 0.0)
    if kind == "felt":
        return Pen(rng.uniform(0.65, 0.9), rng.uniform(0.8, 0.94), 0.45, 0.08, 0.0)
    return Pen(rng.uniform(0.4, 0.6), rng.uniform(0.55, 0.72), 0.5, 0.25, 0.0)


def draw_writer(random_state: RandomState = None) -> Writer:
    """Draw a writer with a pen, slant, size and tremor of their own.

    Parameters
    ----------
    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    writer : Writer
        The same for the same seed.

    Examples
    --------
    >>> draw_writer(3) == draw_writer(3), draw_writer(3) == draw_writer(4)
    (True, False)
    """
    rng = np.random.default_rng(random_state)
    return Writer(
        pen=draw_pen(rng),
        # Most right-handers lean right; a few write upright or lean back.
        slant=float(np.clip(rng.normal(6.0, 9.0), -14.0, 26.0)),
        # The largest hands no longer fit between the lines.
        size=rng.triangular(0.5, 0.68, 0.96),
        aspect=rng.uniform(0.85, 1.2),
        rounding=rng.uniform(0.0, 0.03),
        tremor=rng.uniform(0.002, 0.008),
        looseness=rng.uniform(0.006, 0.02),
        wander=rng.uniform(0.02, 0.07),
        habits=int(rng.integers(2**31)),
    )


def draw_hand(rng: Generator) -> Hand:
    """Draw a hand.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    hand : Hand
        From upright and neat to slanted, joined and hasty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.writers import draw_hand
    >>> -30 <= draw_hand(np.random.default_rng(0)).slant <= 42
    True
    """
    return Hand(
        # MNIST's digits lean to the right by themselves; some hands by 40 degrees.
        slant=float(np.clip(rng.normal(6, 11), -30, 42)),
        # MNIST's digits are narrower than those of amounts on cheques.
        aspect=float(np.exp(rng.normal(0.12, 0.17))),
        # From a fine ball pen in large figures to a marker in small ones.
        pen=float(np.exp(rng.triangular(np.log(0.035), np.log(0.07), np.log(0.19)))),
        gap=_draw_gap(rng),
        looseness=float(rng.gamma(4, 0.18)),
        drift=float(rng.normal(0, 0.03)),
        bend=float(rng.uniform(0.2, 1.1)),
        joins=0.0 if rng.random() < 0.65 else float(rng.uniform(0.1, 0.9)),
        small_zeros=1.0 if rng.random() < 0.2 else float(rng.uniform(0.45, 1.0)),
        wide_zeros=float(np.exp(rng.normal(0.15, 0.28))),
        habit=float(rng.uniform(0, 1)),
        drawn=0.0 if rng.random() < 0.25 else float(rng.uniform(0.1, 0.9)),
    )


def _draw_gap(rng: Generator) -> float:
    """Half of the strings touch here and there, a few stand in imagined boxes."""
    kind = rng.random()
    if kind < 0.1:
        return float(rng.uniform(0.3, 1.1))
    if kind < 0.17:
        return float(rng.uniform(-0.12, 0))
    return float(rng.normal(0.13, 0.1))


# Distance between two points of a traced path, in digit heights: a hundred points
# along a stem keep every curve smooth at 400 dpi.
_STEP: Final = 0.01


def trace_digit(
    label: str, writer: Writer, *, random_state: RandomState = None
) -> list[Points]:
    """Follow the pen of `writer` through one digit.

    Parameters
    ----------
    label : str
        One of ``"0"`` to ``"9"``.

    writer : Writer
        Whose hand it is.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness: no two digits of a writer are the same.

    Returns
    -------
    strokes : list of ndarrays of shape (n_points, 3), dtype float64
        For each stroke ``x``, ``y`` and pressure along its path. The digit is
        about 1 high and centred on the origin, y downwards; the pressure is
        about 1.

    Raises
    ------
    ValueError
        If `label` is not a digit.

    Examples
    --------
    >>> from pipelines.drawing import draw_writer, trace_digit
    >>> [stem] = trace_digit("0", draw_writer(0), random_state=0)
    >>> stem.shape[1]
    3
    """
    if label not in ALLOGRAPHS:
        raise ValueError(
            f"trace_digit expects one of the digits 0 to 9. Got {label!r}."
        )
    rng = np.random.default_rng(random_state)
    strokes = _personal_shape(label, writer, rng)
    paths = [_follow(pieces, writer, rng) for pieces in strokes]
    lean = np.tan(np.radians(writer.slant + rng.normal(0, 1.5)))
    width = writer.aspect * rng.normal(1, 0.04)
    shear = np.array([[width, -lean], [0, rng.normal(1, 0.03)]])
    return _centred([np.c_[path[:, :2] @ shear.T, path[:, 2]] for path in paths])


def smooth_stroke(stroke: Stroke) -> Points:
    """Lay one path through the pieces of a stroke, smooth between its corners.

    Parameters
    ----------
    stroke : list of ndarrays of shape (n_points, 2), dtype float64
        Pieces of at least two control points. Where a piece does not begin at the
        end of the one before, it is made to.

    Returns
    -------
    path : ndarray of shape (n_samples, 2), dtype float64
        Points as of :func:`smooth_curve`; a corner is there twice.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.writers import smooth_stroke
    >>> down = np.array([[0.0, 0.0], [0.1, 1.0]])
    >>> up = np.array([[0.2, 0.9], [0.4, 0.0]])
    >>> smooth_stroke([down, up])[[0, -1]].tolist()
    [[0.0, 0.0], [0.4, 0.0]]
    """
    joined = [np.vstack([before[-1:], piece[1:]]) for before, piece in pairwise(stroke)]
    return np.vstack([smooth_curve(points) for points in [stroke[0], *joined]])


def smooth_curve(points: Points) -> Points:
    """Lay a smooth curve through control points.

    A cubic Hermite spline whose tangents are central differences over a
    centripetal parameter, which neither loops nor overshoots between points
    of uneven distance [1]_.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2), dtype float64
        At least two control points, no two neighbours the same.

    Returns
    -------
    curve : ndarray of shape (n_samples, 2), dtype float64
        Points about 0.01 apart, from the first control point to the last.

    References
    ----------
    .. [1] C. Yuksel, S. Schaefer, J. Keyser, "Parameterization and applications
       of Catmull-Rom curves", Computer-Aided Design 43(7), pp. 747-755, 2011.

    Examples
    --------
    >>> smooth_curve(np.array([[0.0, 0.0], [0.0, 1.0]]))[[0, -1]].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    chords = np.hypot(*np.diff(points, axis=0).T)
    knots = np.r_[0, np.cumsum(np.sqrt(chords))]
    order: Literal[1, 2] = 2 if len(points) > 2 else 1
    slopes = np.gradient(points, knots, axis=0, edge_order=order)
    spans = []
    for i, reach in enumerate(np.diff(knots)):
        n_samples = max(2, round(chords[i] / _STEP))
        u = np.linspace(0, 1, n_samples, endpoint=False)[:, None]
        spans.append(
            (2 * u**3 - 3 * u**2 + 1) * points[i]
            + (u**3 - 2 * u**2 + u) * reach * slopes[i]
            + (3 * u**2 - 2 * u**3) * points[i + 1]
            + (u**3 - u**2) * reach * slopes[i + 1]
        )
    return np.vstack([*spans, points[-1:]])


def smooth_noise(n: int, scale: float, rng: Generator) -> Points:
    """Draw `n` values of unit variance that change over about `scale` of them."""
    noise = rng.standard_normal((1, n + int(4 * scale)))
    blurred = cv2.GaussianBlur(noise, (0, 0), scale, borderType=cv2.BORDER_REFLECT)[0]
    # A Gaussian window of deviation s leaves 1 / (2 s sqrt(pi)) of the variance.
    return np.asarray(blurred[:n] * np.sqrt(2 * scale * np.sqrt(np.pi)))


def _personal_shape(label: str, writer: Writer, rng: Generator) -> list[list[Points]]:
    """Choose an allograph as `writer` does, and bend it as they do each time."""
    shapes = ALLOGRAPHS[label]
    habit = np.random.default_rng([writer.habits, int(label)])
    first, second = habit.permutation(len(shapes))[:2]
    # People keep to one shape of a digit, but few keep to it always.
    chosen = first if rng.random() < 0.9 else second
    bend = np.random.default_rng([writer.habits, int(label), int(chosen)])
    return [_bent(pieces, writer.looseness, bend, rng) for pieces in shapes[chosen]]


def _bent(stroke: Stroke, looseness: float, bend: Generator, rng: Generator) -> Stroke:
    """Move control points by the writer's habit and by chance."""
    moved = []
    for points in stroke:
        # A short piece, as the flag of a 1, strays less, or it would turn about.
        extent = min(1.0, 2 * float(np.hypot(*np.ptp(points, axis=0))))
        habit = bend.normal(0, 0.022, points.shape)
        chance = rng.normal(0, looseness, points.shape)
        moved.append(points + extent * (habit + chance))
    return moved


def _follow(stroke: Stroke, writer: Writer, rng: Generator) -> Points:
    """Follow a stroke along one path with rounded corners, tremor and pressure."""
    path = smooth_stroke(stroke)
    n = len(path)
    if writer.rounding > _STEP / 2:
        path = _rounded(path, writer.rounding / _STEP)
    # A quick unsteadiness, and the slow bow that no hand can keep out of a line.
    shake = [smooth_noise(n, 5, rng) * 0.5 + smooth_noise(n, 25, rng) for _ in "xy"]
    path = path + writer.tremor * np.transpose(shake)
    return np.column_stack([path, _pressure(path, rng)])


def _rounded(path: Points, scale: float) -> Points:
    """Blur a path along its length, keeping its ends."""
    pad = int(4 * scale) + 1
    # Odd reflection about the ends, so that a straight line stays what it is.
    head = 2 * path[0] - path[1 : pad + 1][::-1]
    tail = 2 * path[-1] - path[-pad - 1 : -1][::-1]
    padded = np.vstack([head, path, tail])
    blurred = cv2.GaussianBlur(padded, (1, 0), sigmaX=1e-3, sigmaY=scale)
    return np.asarray(blurred[len(head) : len(head) + len(path)], dtype=np.float64)


def _pressure(path: Points, rng: Generator) -> Points:
    """Pressure along a path: heavier downwards, light where the pen lands and lifts."""
    n = len(path)
    along = np.arange(n) * _STEP
    landing, lifting = rng.uniform(0.0, 0.4), rng.uniform(0.1, 0.7)
    falling = np.gradient(path[:, 1]) / _STEP
    pressure = (
        0.95
        + 0.12 * np.clip(falling, -1, 1)
        + 0.08 * smooth_noise(n, 15, rng)
        - landing * np.exp(-along / 0.04)
        - lifting * np.exp(-along[::-1] / 0.06)
    )
    return np.asarray(np.clip(pressure, 0.15, 1.4))


def _centred(strokes: list[Points]) -> list[Points]:
    """Move strokes so that their bounding box is centred on the origin."""
    points = np.vstack(strokes)[:, :2]
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return [np.c_[stroke[:, :2] - middle, stroke[:, 2]] for stroke in strokes]

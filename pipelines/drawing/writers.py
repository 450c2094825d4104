"""Made-up writers: what they write with, and how."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

RandomState: TypeAlias = int | np.random.Generator | None

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


def draw_hand(rng: np.random.Generator) -> Hand:
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


def _draw_gap(rng: np.random.Generator) -> float:
    """Half of the strings touch here and there, a few stand in imagined boxes."""
    kind = rng.random()
    if kind < 0.1:
        return float(rng.uniform(0.3, 1.1))
    if kind < 0.17:
        return float(rng.uniform(-0.12, 0))
    return float(rng.normal(0.13, 0.1))

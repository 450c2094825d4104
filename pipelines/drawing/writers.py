"""Made-up hands: how the digits of one string are written."""

from dataclasses import dataclass

import numpy as np


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

"""What reading a page gives, and how a confidence decides: data, never an exception."""

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.decoding import GAP

FieldStatus = Literal["accepted", "rejected", "blank", "invalid", "unlocated"]
PageStatus = Literal["ok", "review", "failed"]


@dataclass(frozen=True)
class FieldReading:
    """The string read in one field, and how far it can be trusted.

    Attributes
    ----------
    value : str
        The digits; ``_`` stands for a box without a digit between two digits.

    status : {"accepted", "rejected", "blank", "invalid", "unlocated"}
        What to do with the value: use it, look at it (below the threshold),
        nothing was written, it breaks a constraint of the field, or the field
        is not on the page.

    confidence : float
        Probability that the whole string is right, in [0, 1].

    quad : ndarray of shape (4, 2), dtype float64, or None
        Corners ``(x, y)`` of the field on the page in pixels, clockwise from
        the upper left one as the writing runs; None where it was not found.

    reason : str
        Why the value is not accepted; empty where it is.

    digit_quads : tuple of ndarrays of shape (4, 2), dtype float64
        Corners on the page of the place of each digit, as high as the field, where
        the value is written freely at a place of its own; else none.
    """

    value: str
    status: FieldStatus
    confidence: float
    quad: NDArray[np.float64] | None = None
    reason: str = ""
    digit_quads: tuple[NDArray[np.float64], ...] = ()


@dataclass(frozen=True)
class PageReading:
    """The fields of one page, by name, in the order of the form.

    Attributes
    ----------
    fields : dict of str to FieldReading
        Empty for a page that could not be read at all.

    error : str
        Why the page could not be read; empty where it was.
    """

    fields: dict[str, FieldReading] = field(default_factory=dict)
    error: str = ""

    @property
    def status(self) -> PageStatus:
        """``ok`` if every field is accepted or blank, else ``review``."""
        if self.error:
            return "failed"
        settled = all(f.status in ("accepted", "blank") for f in self.fields.values())
        return "ok" if settled else "review"


# How the reason begins that every rejection for its confidence has.
TOO_LOW: Final = "confidence below"


def settle(value: str, confidence: float, threshold: float) -> FieldReading:
    """Accept a value, or say why not.

    Parameters
    ----------
    value : str
        What was read; ``""`` if nothing is written, ``_`` for a box without a
        digit between two digits.

    confidence : float
        Probability that the whole value is right, in [0, 1].

    threshold : float
        Confidence below which a value is rejected.

    Returns
    -------
    reading : FieldReading
        With status ``accepted``, ``rejected`` or ``blank``.

    Examples
    --------
    >>> from pipelines.outcomes import settle
    >>> settle("042", 0.99, 0.9).status, settle("042", 0.5, 0.9).reason
    ('accepted', 'confidence below 0.9')
    """
    if not value:
        return FieldReading(value, "blank", confidence)
    if GAP in value:
        return FieldReading(
            value, "rejected", confidence, reason="no digit in a box between two others"
        )
    if confidence < threshold:
        reason = f"{TOO_LOW} {threshold:g}"
        return FieldReading(value, "rejected", confidence, reason=reason)
    return FieldReading(value, "accepted", confidence)


def show_confidence(confidence: float, places: int) -> str:
    """Write a confidence, never rounded up: what is too low is not to look enough.

    Parameters
    ----------
    confidence : float
        In [0, 1].

    places : int
        Digits behind the point.

    Returns
    -------
    text : str

    Examples
    --------
    >>> from pipelines.outcomes import show_confidence
    >>> show_confidence(0.89996, 4), show_confidence(0.29, 2)
    ('0.8999', '0.29')
    """
    # By its shortest digits: as a binary fraction, 0.29 is a little less.
    shown = Decimal(str(confidence)).quantize(Decimal(1).scaleb(-places), ROUND_FLOOR)
    return str(shown)

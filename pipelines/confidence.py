"""Decide from a value and its confidence what to do with a field."""

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from pipelines.decoding import GAP
from pipelines.outcomes import FieldReading

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
    >>> from pipelines.confidence import settle
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
    >>> from pipelines.confidence import show_confidence
    >>> show_confidence(0.89996, 4), show_confidence(0.29, 2)
    ('0.8999', '0.29')
    """
    # By its shortest digits: as a binary fraction, 0.29 is a little less.
    shown = Decimal(str(confidence)).quantize(Decimal(1).scaleb(-places), ROUND_FLOOR)
    return str(shown)

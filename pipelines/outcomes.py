"""What reading a page gives: data, never an exception."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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

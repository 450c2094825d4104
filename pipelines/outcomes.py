"""What reading a page gives, and how a confidence decides: data, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.boxes import GAP, BoxPosteriors
from lenet_sklearn.strings.decoding import Hypothesis

FieldStatus = Literal["accepted", "rejected", "blank", "invalid", "unlocated"]
MINUS: Final = "-"

PageStatus = Literal["ok", "review", "empty", "failed"]


class ReasonKind(StrEnum):
    """Why a value is not accepted, for programs.

    Attributes
    ----------
    UNCERTAIN
        Its confidence is below the threshold.

    EMPTY_BOX
        A box between two digits has none.

    RULE
        It breaks a rule of the form.

    NOT_FOUND
        The field was not found on the page.

    ORIENTATION
        The page may lie on its head.

    SEVERAL
        The page has more combs of this length than the form.

    FILLED
        A box to tick is filled, and the form does not say what that means.

    TAKEN_BACK
        What was ticked was taken back, and nothing else is ticked.

    EMPTY_PAGE
        Nothing is printed or written on the page.

    UNSUITED
        The image is of a kind that is not read, such as white on black.

    DAMAGED
        A part of the page could not be decoded.

    DIFFERING
        People who have looked at it say different things.

    UNREADABLE
        A person says that nobody can read it.
    """

    UNCERTAIN = "uncertain"
    EMPTY_BOX = "empty box"
    RULE = "rule"
    NOT_FOUND = "not found"
    ORIENTATION = "orientation"
    SEVERAL = "several"
    FILLED = "filled"
    TAKEN_BACK = "taken back"
    EMPTY_PAGE = "empty page"
    UNSUITED = "unsuited"
    DAMAGED = "damaged"
    DIFFERING = "people differ"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reason:
    """Why a value is not accepted.

    Attributes
    ----------
    kind : ReasonKind
        For programs.

    text : str
        For people.

    where : str, default=""
        Where on the page, to follow the text; what counts reasons leaves it out.
    """

    kind: ReasonKind
    text: str
    where: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def in_full(self) -> str:
        """The text, and where that is."""
        return f"{self.text}, {self.where}" if self.where else self.text


class ArraysCompare:
    """Base of dataclasses with arrays: two are equal if all their values are.

    The class is to be made with ``@dataclass(eq=False)``: comparing two arrays gives
    an array, which is neither true nor false.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _are_alike(a, b) for a, b in zip(*map(_values, (self, other)), strict=True)
        )

    def __hash__(self) -> int:
        # Of numbers and strings only: arrays of two kinds of numbers may be equal.
        plain = (v for v in _values(self) if isinstance(v, str | int | float))
        return hash((type(self), *plain))


def _values(instance: Any) -> list[Any]:
    return [getattr(instance, each.name) for each in fields(instance)]


def _are_alike(one: Any, other: Any) -> bool:
    """Compare what may be an array, or hold some."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other)
    if type(one) is not type(other):
        return bool(one == other)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_are_alike, one, other))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(
            _are_alike(one[key], other[key]) for key in one
        )
    return bool(one == other)


@dataclass(frozen=True, eq=False)
class MarkReading(ArraysCompare):
    """What is in one box or circle that may be ticked.

    Attributes
    ----------
    value : str
        Of its option; ``1`` for a mark.

    likely : dict of str to float
        Probability that it is ``ticked``, ``empty``, ``corrected`` (a tick that was
        taken back) and ``filled``.

    quad : ndarray of shape (4, 2), dtype float64
        Its corners ``(x, y)`` on the page in pixels, clockwise from the upper left one.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import MarkReading
    >>> likely = {"ticked": 0.9, "empty": 0.0, "corrected": 0.1, "filled": 0.0}
    >>> MarkReading("yes", likely, np.zeros((4, 2))).state
    'ticked'
    """

    value: str
    likely: Mapping[str, float]
    quad: NDArray[np.float64]

    @property
    def state(self) -> str:
        """What it most probably is."""
        return max(self.likely, key=self.likely.__getitem__)


@dataclass(frozen=True, eq=False)
class FieldReading(ArraysCompare):
    """The string read in one field, and how far it can be trusted.

    Attributes
    ----------
    value : str
        The digits; ``_`` stands for a box without a digit between two digits, and in
        a field with gaps for any box without one. Of a field that has signs, an amount,
        a date or a time in its one form, or what is written. Of a mark ``1`` if it is
        ticked, and of a choice what is ticked.

    status : {"accepted", "rejected", "blank", "invalid", "unlocated"}
        What to do with the value: use it, look at it (below the threshold),
        nothing was written, it breaks a constraint of the field, or the field
        is not on the page.

    confidence : float
        Probability that the whole string is right, in [0, 1].

    quad : ndarray of shape (4, 2), dtype float64, or None
        Corners ``(x, y)`` of the field on the page in pixels, clockwise from
        the upper left one as the writing runs; None where it was not found.

    reason : Reason or None
        Why the value is not accepted; None where it is.

    digit_quads : tuple of ndarrays of shape (4, 2), dtype float64
        Corners on the page of the place of each digit, as high as the field, where
        the value is written freely at a place of its own; else none.

    candidates : tuple of Hypothesis
        The most probable strings, each of a `text` and its `probability`, the best
        first; none where the field was not found.

    boxes : BoxPosteriors or None
        What each box of a comb may hold; None for free writing.

    decided_by : str
        The rule of the form that changed the value or had it accepted, by its key in
        the form's file, such as ``check_digit`` or ``sums``; ``review`` where a person
        did; empty where none did.

    certainty : float
        Probability that the page lies the way up that the field was read, in [0, 1];
        the `confidence` is the less for it.

    veto : Reason or None
        Why the field is neither accepted nor blank, however sure its value is.

    is_printed : bool
        Whether the value is that of a code, which no threshold is for.

    sign : {"", "-"}
        What stands in the first box of a comb before its digits, where the form says
        that a minus may stand there.

    marks : tuple of MarkReading
        What is in each box of a mark or a choice; of other fields none.
    """

    value: str
    status: FieldStatus
    confidence: float
    quad: NDArray[np.float64] | None = None
    reason: Reason | None = None
    digit_quads: tuple[NDArray[np.float64], ...] = ()
    candidates: tuple[Hypothesis, ...] = ()
    boxes: BoxPosteriors | None = None
    decided_by: str = ""
    certainty: float = 1.0
    veto: Reason | None = None
    is_printed: bool = False
    sign: Literal["", "-"] = ""
    marks: tuple[MarkReading, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether nobody need look at it: it is accepted, or blank."""
        return self.status in ("accepted", "blank")

    @property
    def raw(self) -> str:
        """What is written, character by character; the value where that is the same."""
        raws = (one.raw for one in self.candidates if one.text == self.value)
        return next(filter(None, raws), self.value)


# A digit that is called blank is lost: nothing that is less sure is. Boxes that are
# empty, or crossed out as people do it, are surer by far.
_SURELY_BLANK: Final = 0.98

# Reasons to reject what another threshold, or an undamaged page, would have accepted.
_BY_CONFIDENCE: Final = (
    ReasonKind.UNCERTAIN,
    ReasonKind.ORIENTATION,
    ReasonKind.SEVERAL,
    ReasonKind.DAMAGED,
)

# Why a value is rejected that is clear to read, were it clear from where.
_EITHER_WAY: Final = Reason(ReasonKind.ORIENTATION, "the page may lie on its head")

# Strings that are kept of a field.
N_CANDIDATES: Final = 5


@dataclass(frozen=True)
class Assignment:
    """Which page of which form a page of a mixed pile is, and how that is known.

    Attributes
    ----------
    form : str
        Name of the form; empty where it is of none.

    page : int
        Which page of the form, counted from 1; 0 where it is of none.

    how : {"print", "code", "empty", "none"}
        Known by what is printed on it, by a code on it; nothing is on it; or not known.

    score : float or None
        Share in [0, 1] of the form's print that was found on it; None where nothing was
        looked for.

    problem : str
        Why it is of no form; empty where it is of one.
    """

    form: str = ""
    page: int = 0
    how: Literal["print", "code", "empty", "none"] = "none"
    score: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class PageReading:
    """The fields of one page, by name, in the order of the form.

    Attributes
    ----------
    fields : dict of str to FieldReading
        Empty for a page that could not be read at all.

    error : str
        Why the page could not be read; empty where it was.

    before_rules : dict of str to FieldReading
        What fields said before the rules of the form decided, of those that they
        changed.

    damage : str
        What is wrong with a page of which a part could not be decoded; empty where
        all of it could.

    assigned : Assignment or None
        Which form it is of, where there are several; None where there is one.

    others : tuple of ndarrays of shape (4, 2), dtype float64
        Corners ``(x, y)`` of the rows of boxes that were found and are no field's, for
        a picture of the page; two readings that differ in them alone are equal.
    """

    fields: dict[str, FieldReading] = field(default_factory=dict)
    error: str = ""
    before_rules: dict[str, FieldReading] = field(default_factory=dict)
    damage: str = ""
    assigned: Assignment | None = None
    others: tuple[NDArray[np.float64], ...] = field(default=(), compare=False)

    @property
    def status(self) -> PageStatus:
        """``ok`` if every field is accepted or blank; ``empty`` for an empty page."""
        if self.error:
            return "failed"
        if self.assigned is not None and not self.assigned.form:
            return "empty" if self.assigned.how == "empty" else "review"
        kinds = [f.reason.kind if f.reason else None for f in self.fields.values()]
        if set(kinds) == {ReasonKind.EMPTY_PAGE}:
            return "empty"
        settled = all(f.is_settled for f in self.fields.values())
        return "ok" if settled else "review"


def settle(
    value: str,
    confidence: float,
    threshold: float,
    *,
    emptiness: float | None = None,
) -> FieldReading:
    """Accept a value, or give the reason why not.

    Parameters
    ----------
    value : str
        What was read; ``""`` if nothing is written, ``_`` for a box without a
        digit between two digits.

    confidence : float
        Probability that the whole value is right, in [0, 1].

    threshold : float
        Confidence below which a value is rejected. A field that seems to be empty is
        called blank from 0.98 at the least.

    emptiness : float, default=None
        Probability that the boxes are empty that `value` has a ``_`` for, where such
        are ordinary; it must be 0.98, too. None where they never are.

    Returns
    -------
    reading : FieldReading
        With status ``accepted``, ``rejected`` or ``blank``.

    Examples
    --------
    >>> from pipelines.outcomes import settle
    >>> settle("042", 0.99, 0.9).status, str(settle("042", 0.5, 0.9).reason)
    ('accepted', 'confidence below 0.9')
    """
    if not value:
        threshold = max(threshold, _SURELY_BLANK)
        if confidence >= threshold:
            return FieldReading(value, "blank", confidence)
    if GAP in value and emptiness is None:
        reason = Reason(ReasonKind.EMPTY_BOX, "no digit in a box between two others")
        return FieldReading(value, "rejected", confidence, reason=reason)
    unsure = GAP in value and emptiness is not None and emptiness < _SURELY_BLANK
    if confidence < threshold or unsure:
        text = f"confidence below {threshold:g}"
        if unsure:
            text = f"a box may be empty, or not: confidence below {_SURELY_BLANK:g}"
        elif not value:
            text = "may be empty, or not: " + text
        reason = Reason(ReasonKind.UNCERTAIN, text)
        return FieldReading(value, "rejected", confidence, reason=reason)
    return FieldReading(value, "accepted", confidence)


def hold(reading: FieldReading, threshold: float) -> FieldReading:
    """Hold what was accepted, or called blank, to a higher threshold.

    Parameters
    ----------
    reading : FieldReading
        Settled by a lower threshold.

    threshold : float
        Confidence below which a value is rejected; infinite to accept nothing.

    Returns
    -------
    reading : FieldReading
        The same, or rejected.

    Examples
    --------
    >>> from pipelines.outcomes import hold, settle
    >>> hold(settle("042", 0.95, 0.9), 0.98).status
    'rejected'
    """
    if not reading.is_settled or reading.is_printed:
        return reading
    if np.isinf(threshold):
        reason = Reason(ReasonKind.UNCERTAIN, "no confidence is known to be enough")
        return replace(reading, status="rejected", reason=reason)
    settled = _settled(reading, reading.confidence, threshold)
    return replace(reading, status=settled.status, reason=settled.reason)


def settle_anew(reading: FieldReading, threshold: float) -> FieldReading:
    """Settle a field by another threshold, lower or higher.

    Parameters
    ----------
    reading : FieldReading
        Settled by any threshold.

    threshold : float
        Confidence below which a value is rejected.

    Returns
    -------
    reading : FieldReading
        As if it had been settled by this one. What was rejected for another reason
        than its confidence stays so, and what has a veto is not accepted.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pipelines.outcomes import settle, settle_anew
    >>> reading = settle("042", 0.85, 0.9)
    >>> settle_anew(reading, 0.8).status
    'accepted'
    >>> turned = settle_anew(replace(reading, certainty=0.86), 0.9)
    >>> str(turned.reason)
    'the page may lie on its head'
    """
    kind = reading.reason.kind if reading.reason else None
    is_decided = not reading.is_settled and kind not in _BY_CONFIDENCE
    if is_decided or reading.is_printed:
        return reading
    settled = _settled(reading, reading.confidence, threshold)
    reason = settled.reason
    if settled.status == "rejected" and _is_turned(reading, threshold):
        reason = _EITHER_WAY
    if reading.veto is not None and settled.is_settled:
        settled, reason = replace(settled, status="rejected"), reading.veto
    return replace(reading, status=settled.status, reason=reason)


def _settled(
    reading: FieldReading, confidence: float, threshold: float
) -> FieldReading:
    """Settle the value of a reading, which may have gaps if its boxes do."""
    boxes = reading.boxes
    emptiness = None if boxes is None else boxes.emptiness(reading.value)
    return settle(reading.value, confidence, threshold, emptiness=emptiness)


def _is_turned(reading: FieldReading, threshold: float) -> bool:
    """Return whether a value is clear to read, were it clear which way up."""
    if reading.certainty >= 1:
        return False
    # Of a comb without any candidate, rules are not to make a value the wrong way up.
    if not reading.candidates and reading.certainty < threshold:
        return True
    alone = _settled(reading, reading.confidence / reading.certainty, threshold)
    return alone.status == "accepted"


def forbid(reading: FieldReading, veto: Reason) -> FieldReading:
    """Let nothing accept a field, nor call it blank, however sure its value is.

    Parameters
    ----------
    reading : FieldReading
        Settled.

    veto : Reason
        Why.

    Returns
    -------
    reading : FieldReading
        With the same value, rejected where it was accepted or blank.

    Examples
    --------
    >>> from pipelines.outcomes import Reason, ReasonKind, forbid, settle
    >>> several = Reason(ReasonKind.SEVERAL, "the page has 5 combs of 2 boxes")
    >>> forbid(settle("17", 0.99, 0.9), several).status
    'rejected'
    """
    if not reading.is_settled:
        return replace(reading, veto=veto)
    return replace(reading, status="rejected", reason=veto, veto=veto)


def hangs_on_confidence(reading: FieldReading) -> bool:
    """Tell whether a threshold decides if a value is accepted.

    Parameters
    ----------
    reading : FieldReading
        Settled.

    Returns
    -------
    hangs : bool
        False for what is rejected for another reason, and where nothing is written.

    Examples
    --------
    >>> from pipelines.outcomes import hangs_on_confidence, settle
    >>> [hangs_on_confidence(settle(text, 0.5, 0.9)) for text in ("042", "0_2", "")]
    [True, False, False]
    """
    if reading.status == "accepted":
        return not reading.is_printed
    kind = reading.reason.kind if reading.reason else None
    is_uncertain = reading.status == "rejected" and kind is ReasonKind.UNCERTAIN
    return is_uncertain and bool(reading.value)


def distrust(reading: PageReading, damage: str) -> PageReading:
    """Accept nothing on a page of which a part could not be decoded.

    Parameters
    ----------
    reading : PageReading
        What was read on the rest.

    damage : str
        What is wrong with the page.

    Returns
    -------
    reading : PageReading
        With the same values, rejected where they were accepted or blank.
    """
    reason = Reason(ReasonKind.DAMAGED, f"a part of the page is damaged: {damage}")
    fields = {
        name: replace(one, status="rejected", reason=reason) if one.is_settled else one
        for name, one in reading.fields.items()
    }
    assigned = reading.assigned
    if assigned is not None and assigned.how == "empty":  # what is gone may say more
        assigned = replace(assigned, how="none", problem=str(reason))
    return replace(reading, fields=fields, damage=damage, assigned=assigned)


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

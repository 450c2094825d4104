"""What a field says once its rules are known: readings weighed by what they allow."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.boxes import GAP, BoxPosteriors, score_filling
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.forms.allowed import (
    BREAKING,
    LEAST_SHARE,
    Beliefs,
    allowed_share,
    list_allowed,
    list_fillings,
    sum_allowed,
)
from pipelines.forms.field import Field
from pipelines.forms.form import Form
from pipelines.forms.summing import weigh_sums
from pipelines.outcomes import (
    N_CANDIDATES,
    FieldReading,
    Reason,
    ReasonKind,
    settle,
    settle_anew,
)

Floats: TypeAlias = NDArray[np.float64]

# In one box of a thousand the network may be wrong wherever it is sure: its posteriors
# are calibrated where errors are common, and a rule multiplies what is left there. A
# reader of lines, who cuts them too, is not surer of them than of one in a hundred.
_BOX_DOUBT: Final = 1e-3
_LINE_DOUBT: Final = 0.01

# Strings that are looked at in a row of boxes; more where fields add up, so that a sum
# can fix what three boxes say that are all blotted.
_N_STRINGS: Final = 200
_N_ADDENDS: Final = 2000

_DIGITS: Final = "0123456789"

# What is less probable than this is one of many strings that fill a blot.
_LEAST_SHOWN: Final = 0.2

# What rules may change: a value that is certain, uncertain, or lacks a digit.
_OPEN = (None, ReasonKind.UNCERTAIN, ReasonKind.EMPTY_BOX, ReasonKind.RULE)


def decide(
    form: Form, readings: Mapping[str, FieldReading], threshold: float
) -> dict[str, FieldReading]:
    """Let the rules of a form decide what its fields say.

    Parameters
    ----------
    form : Form
        With the rules.

    readings : mapping of str to FieldReading
        What was read without them, for each field of the form.

    threshold : float
        Confidence below which a value is rejected.

    Returns
    -------
    decided : dict of str to FieldReading
        In the order of the form. A field without rules that is in no sum is as it was.

    Examples
    --------
    >>> from pipelines import Field, FieldReading, Form
    >>> from pipelines.forms.deciding import decide
    >>> form = Form(fields=[Field(name="id", digits=4, check_digit="luhn")])
    >>> decided = decide(form, {"id": FieldReading("1234", "accepted", 0.99)}, 0.9)
    >>> decided["id"].status, str(decided["id"].reason)
    ('invalid', 'its last digit is not the luhn check digit')
    """
    readings = {
        field.name: _point_value(readings[field.name], field, threshold)
        for field in form.fields
    }
    adding = {name for rule in form.sums for name in (rule.total, *rule.parts)}
    own = {
        field.name: weigh(readings[field.name], field, adds_up=field.name in adding)
        for field in form.fields
        if (field.has_rules or field.name in adding) and is_open(readings[field.name])
    }
    beliefs = weigh_sums(own, form.sums)
    decided = {}
    for field in form.fields:
        reading = readings[field.name]
        if field.name in beliefs:
            reading = settle_by(reading, field, beliefs[field.name], threshold)
        elif _is_whole(reading, field) and field.check(reading.value):
            reading = call_invalid(reading, field.check(reading.value))
        decided[field.name] = reading
    blank = {name for name, reading in readings.items() if reading.status == "blank"}
    return _check_sums(form, decided, blank)


def _point_value(reading: FieldReading, field: Field, threshold: float) -> FieldReading:
    """Set the point into what the boxes of a number say, and a minus before it."""
    boxes = reading.boxes
    if field.kind != "comb" or not field.has_own_form or not reading.value:
        return reading
    # Digits whose last box is empty stand somewhere else than it seems.
    moves = boxes is not None and field.decimals is not None
    filled = 1 - float(boxes.likely[-1, -1]) if boxes is not None and moves else 1.0
    pointed = replace(
        reading,
        value=_write(reading, field, reading.value),
        confidence=filled * reading.confidence,
        candidates=tuple(
            Hypothesis(
                _write(reading, field, one.text),
                filled * one.probability,
                reading.sign + one.text,
            )
            for one in reading.candidates
        ),
    )
    return settle_anew(pointed, threshold)


def _write(reading: FieldReading, field: Field, digits: str) -> str:
    """Write the digits of a comb with its minus and its point."""
    return reading.sign + field.written_value(digits) if digits else ""


def _is_whole(reading: FieldReading, field: Field) -> bool:
    """Return whether a value lacks no digit."""
    return bool(reading.value) and (field.kind == "code" or GAP not in reading.value)


def is_open(reading: FieldReading) -> bool:
    """Return whether rules may decide what a field says.

    Parameters
    ----------
    reading : FieldReading
        What was read without them.

    Returns
    -------
    answer : bool
        False where the field was not found, or it is not certain that this is it.

    Examples
    --------
    >>> from pipelines.forms.deciding import is_open
    >>> is_open(FieldReading("7", "rejected", 0.5)), is_open(
    ...     FieldReading("", "unlocated", 0.0)
    ... )
    (True, False)
    """
    kind = reading.reason.kind if reading.reason else None
    is_free = reading.veto is None and kind in _OPEN
    return reading.status != "unlocated" and is_free


def weigh(reading: FieldReading, field: Field, *, adds_up: bool = False) -> Beliefs:
    """Weigh what a field may say by its own rules.

    The posterior of a string is its probability without rules, times how much more
    common it is among entries than among all strings of digits: entries keep the rules
    but for one in a hundred, and of the strings only a share does. Probabilities are
    renormalised over all strings, and what is wholly certain is doubted a little.

    Parameters
    ----------
    reading : FieldReading
        What was read.

    field : Field
        What the form says of it.

    adds_up : bool, default=False
        Whether the field is part of a sum: more of its strings are kept then.

    Returns
    -------
    beliefs : Beliefs
        What a box lacks in probability, as one that is blotted, is spread over the
        digits and none.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import Field, FieldReading
    >>> from pipelines.forms.deciding import weigh
    >>> likely = np.zeros((4, 11))
    >>> likely[[0, 1, 2], [1, 2, 3]] = 1.0  # 123, and a blot
    >>> boxes = BoxPosteriors(likely, tuple("0123456789"))
    >>> reading = FieldReading("", "rejected", 0.0, boxes=boxes)
    >>> beliefs = weigh(reading, Field(name="id", digits=4, check_digit="luhn"))
    >>> beliefs.best, round(beliefs.shares["1230"], 3)
    ('1230', 0.987)
    """
    if reading.boxes is None:
        shares = _weigh_line(reading, field)
    else:
        filled = _weigh_boxes(reading, reading.boxes, field.in_digits(), adds_up)
        shares = defaultdict(float)
        for text, share in filled.items():
            shares[_write(reading, field, text)] += share
    best = max(shares, key=shares.__getitem__)
    # Strings come in the order of their probabilities without rules.
    broken = (field.broken_rule(text) for text in shares if GAP not in text)
    rule = next(filter(None, broken), "")
    return Beliefs(shares, Hypothesis(best, shares[best]), rule)


def settle_by(
    reading: FieldReading, field: Field, beliefs: Beliefs, threshold: float
) -> FieldReading:
    """Settle a field by what its rules leave.

    Parameters
    ----------
    reading : FieldReading
        What was read without them.

    field : Field
        What the form says of it.

    beliefs : Beliefs
        What it may say by all rules.

    threshold : float
        Confidence below which a value is rejected.

    Returns
    -------
    reading : FieldReading
        With the most probable string. It is ``invalid`` if that breaks a rule.

    Examples
    --------
    >>> from pipelines import Field, FieldReading
    >>> from pipelines.forms.deciding import settle_by, weigh
    >>> candidates = (Hypothesis("71", 0.6), Hypothesis("11", 0.35))
    >>> reading = FieldReading("71", "rejected", 0.6, candidates=candidates)
    >>> field = Field(name="month", kind="line", length=2, maximum=12)
    >>> ruled = settle_by(reading, field, weigh(reading, field), 0.9)
    >>> ruled.value, ruled.status, ruled.decided_by
    ('11', 'accepted', 'maximum')
    """
    text = beliefs.best
    if beliefs.shares[text] < _LEAST_SHOWN:
        text = reading.value
    confidence = beliefs.shares.get(text, 0.0)
    broken = "" if GAP in text else field.broken_rule(text)
    if (
        text == reading.value
        and not broken
        and confidence >= beliefs.own.probability - 1e-9
    ):
        # What keeps the rules is no less certain than it was without them.
        confidence = max(confidence, reading.confidence)
    settled = settle(text, confidence, threshold)
    candidates = sorted(beliefs.shares.items(), key=lambda item: -item[1])
    raws = {one.text: one.raw for one in reading.candidates}
    ruled = replace(
        reading,
        value=text,
        status=settled.status,
        confidence=confidence,
        reason=settled.reason,
        digit_quads=reading.digit_quads if text == reading.value else (),
        candidates=tuple(
            Hypothesis(*item, raws.get(item[0], ""))
            for item in candidates[:N_CANDIDATES]
        ),
    )
    if broken:
        return call_invalid(ruled, field.check(text))
    return replace(ruled, decided_by=_name_rule(reading, ruled, beliefs, threshold))


def call_invalid(reading: FieldReading, reason: str) -> FieldReading:
    """Say of a value which rule it breaks.

    Parameters
    ----------
    reading : FieldReading
        What was read.

    reason : str
        For people.

    Returns
    -------
    reading : FieldReading
        The same, ``invalid``.
    """
    why = Reason(ReasonKind.RULE, reason)
    return replace(reading, status="invalid", reason=why, decided_by="")


def _check_sums(
    form: Form, readings: dict[str, FieldReading], blank: Collection[str]
) -> dict[str, FieldReading]:
    """Call invalid what may be the cause of a sum that is wrong even so."""
    # What was not found, or may be empty, is no 0 in a sum.
    there = {
        name: reading.value
        for name, reading in readings.items()
        if reading.value or name in blank
    }
    checked = dict(readings)
    for names, reason in form.check_sums(there):
        for name in _suspects({name: checked[name] for name in names}):
            checked[name] = call_invalid(checked[name], reason)
    return checked


def _suspects(readings: Mapping[str, FieldReading]) -> list[str]:
    """Name the fields that explain why a sum is wrong: the uncertain ones, or all."""
    unsettled = [n for n, r in readings.items() if not r.is_settled]
    # A rule that a field itself breaks says more of what is wrong with it.
    uncertain = [n for n in unsettled if readings[n].status != "invalid"]
    return uncertain if unsettled else list(readings)


def _name_rule(
    before: FieldReading, after: FieldReading, beliefs: Beliefs, threshold: float
) -> str:
    """Name the rule that changed a value or had it accepted."""
    raised = after.status == "accepted" and before.status == "rejected"
    if before.value == after.value and not raised:
        return ""
    enough = beliefs.own.probability >= threshold or not raised
    return beliefs.rule if after.value == beliefs.own.text and enough else "sums"


def _weigh_boxes(
    reading: FieldReading, boxes: BoxPosteriors, field: Field, adds_up: bool
) -> dict[str, float]:
    """Weigh the strings of a comb; the sum over all that are allowed is exact."""
    rows = doubt_rows(boxes)
    texts = list_fillings(rows, _N_ADDENDS if adds_up else _N_STRINGS)
    certainty = _certainty_of(reading, boxes)
    if not field.has_rules:
        # What adds up is a number, and a number has no gaps.
        weights = {text: BREAKING if GAP in text else 1.0 for text in texts}
        total = 1 - sum((1 - weights[text]) * texts[text] for text in texts)
        return {text: certainty * weights[text] * texts[text] / total for text in texts}
    listed = list_allowed(rows, field, _N_STRINGS)
    texts |= listed
    # Of a list, what is as probable as the strings above is among the first.
    kept = listed or {text for text in texts if _keeps(field, text)}
    allowed = sum_allowed(rows, field)
    blank = float(rows[:, -1].prod())
    good, bad = _weights(field, len(rows))
    total = blank + good * allowed + bad * max(0.0, 1 - blank - allowed)
    weights = {t: (good if t in kept else bad) if t else 1.0 for t in texts}
    return {t: certainty * weights[t] * texts[t] / total for t in texts}


def _weigh_line(reading: FieldReading, field: Field) -> dict[str, float]:
    """Weigh the candidates of a line, and the strings that were not named."""
    candidates = reading.candidates or (Hypothesis(reading.value, reading.confidence),)
    scale = (1 - _LINE_DOUBT) / max(1.0, sum(c.probability for c in candidates))
    texts = {c.text: scale * c.probability for c in candidates}
    if not field.has_rules:
        return texts
    good, bad = _weights(field, len(candidates[0].text))
    share = max(LEAST_SHARE, (1 - BREAKING) / good)
    weights = {t: (good if _keeps(field, t) else bad) if t else 1.0 for t in texts}
    rest = max(0.0, 1 - sum(texts.values()))
    total = rest * (share * good + (1 - share) * bad)
    total += sum(weights[t] * texts[t] for t in texts)
    return {t: weights[t] * texts[t] / total for t in texts}


def _keeps(field: Field, text: str) -> bool:
    return GAP not in text and not field.broken_rule(text)


def _weights(field: Field, n_digits: int) -> tuple[float, float]:
    """Return how much more common than by chance are strings that keep the rules.

    And how common are those that break them.
    """
    share = max(LEAST_SHARE, allowed_share(field, n_digits))
    return (1 - BREAKING) / share, BREAKING


def doubt_rows(boxes: BoxPosteriors) -> Floats:
    """Spread what is not known of a row of boxes over the digits and none.

    Parameters
    ----------
    boxes : BoxPosteriors
        What each may hold.

    Returns
    -------
    rows : ndarray of shape (n_boxes, 11)
        Probability of each digit, and of none. Only what was read as other characters
        is left out of their sums.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.boxes import BoxPosteriors
    >>> from pipelines.forms.deciding import doubt_rows
    >>> blot = BoxPosteriors(np.zeros((1, 11)), tuple("0123456789"))
    >>> doubt_rows(blot)[0, [0, 9, 10]].round(3).tolist()
    [0.091, 0.091, 0.091]
    """
    rows = np.zeros((len(boxes.likely), len(_DIGITS) + 1))
    rows[:, -1] = boxes.likely[:, -1]
    for n, character in enumerate(boxes.characters):
        if character in _DIGITS:
            rows[:, _DIGITS.index(character)] += boxes.likely[:, n]
    missing = np.clip(1 - boxes.likely.sum(axis=1), 0, None)
    rows += missing[:, None] / rows.shape[1]
    return (1 - _BOX_DOUBT) * rows + _BOX_DOUBT / rows.shape[1]


def _certainty_of(reading: FieldReading, boxes: BoxPosteriors) -> float:
    """Return how far a reading trusts its own boxes: less where its page may turn."""
    alone = score_filling(boxes, reading.raw.removeprefix(reading.sign))
    return min(1.0, reading.confidence / alone) if alone > 0 else 1.0

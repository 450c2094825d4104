"""Ticks and choices: what is left in boxes and circles, and what that says."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.fields.marks import MarksCut
from pipelines.forms.field import Field
from pipelines.forms.options import JOINT
from pipelines.outcomes import (
    N_CANDIDATES,
    FieldReading,
    MarkReading,
    Reason,
    ReasonKind,
    settle,
)

SHIPPED_MARKS: Final = "marks"

MarkState: TypeAlias = Literal["corrected", "empty", "filled", "ticked"]

STATES: Final[tuple[MarkState, ...]] = ("corrected", "empty", "filled", "ticked")
"""What a box may be, as the labels of a classifier of marks have it."""

_FILLED: Final = Reason(
    ReasonKind.FILLED,
    "is filled: ticked, or taken back? The form may say what that means (filled)",
)

_TAKEN_BACK: Final = Reason(
    ReasonKind.TAKEN_BACK, "is ticked, it seems, and taken back; nothing else is ticked"
)


def read_marks(
    fields: Sequence[Field],
    cuts: Sequence[MarksCut],
    classifier: Any,
    threshold: float,
) -> list[FieldReading]:
    """Read marks and choices.

    Parameters
    ----------
    fields : sequence of n Field
        What the form says of them.

    cuts : sequence of n MarksCut
        The same fields, cut out.

    classifier : estimator or None
        Tells the states of marks by their pictures, ``(n, 28, 28)``, with
        `predict_proba`; its labels are those of `STATES`. None takes the LeNet-5 that
        ships with the package.

    threshold : float
        Confidence below which a value is rejected.

    Returns
    -------
    readings : list of n FieldReading
        With the value of what is ticked, and its probability.

    Raises
    ------
    ValueError
        If the classifier has other labels.
    """
    if not cuts:
        return []
    pictures = np.concatenate([cut.pictures for cut in cuts])
    likely = iter(_classify(pictures, classifier))
    return [
        _read(field, cut, [next(likely) for _ in cut.quads], threshold)
        for field, cut in zip(fields, cuts, strict=True)
    ]


def _classify(
    pictures: NDArray[np.uint8], classifier: Any
) -> list[dict[MarkState, float]]:
    """Weigh the states of every box."""
    if classifier is None:
        classifier = _shipped()
    labels = [str(label) for label in classifier.classes_]
    if sorted(labels) != list(STATES):
        raise ValueError(
            f"FormReader expects a mark_classifier of the labels {', '.join(STATES)}."
            f" Got one of {', '.join(labels)}. Train it on the data set 'marks'."
        )
    columns = [labels.index(state) for state in STATES]
    rows = np.asarray(classifier.predict_proba(pictures), dtype=np.float64)
    return [dict(zip(STATES, row[columns].tolist(), strict=True)) for row in rows]


def _read(
    field: Field,
    cut: MarksCut,
    likely: Sequence[dict[MarkState, float]],
    threshold: float,
) -> FieldReading:
    """Put together what the boxes of one field say."""
    marks = tuple(
        MarkReading(value, {str(state): p for state, p in states.items()}, quad)
        for (value, _), states, quad in zip(
            field.places, likely, cut.quads, strict=True
        )
    )
    candidates = _list_values(marks, field)
    best = candidates[0]
    reading = replace(
        settle(best.text, best.probability, threshold),
        quad=cut.quad,
        candidates=candidates,
        marks=marks,
    )
    states = {mark.state for mark in marks}
    if field.filled is None and "filled" in states:
        return replace(reading, status="rejected", reason=_FILLED, veto=_FILLED)
    # A tick that looks like one that is struck out must not be lost.
    if not best.text and "corrected" in states:
        return replace(reading, status="rejected", reason=_TAKEN_BACK, veto=_TAKEN_BACK)
    return reading


def _list_values(marks: Sequence[MarkReading], field: Field) -> tuple[Hypothesis, ...]:
    """List what a field may say, the most probable first."""
    ticked: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
    # Of what the form does not say one is as likely as the other.
    as_tick = {"ticked": 1.0, "corrected": 0.0, None: 0.5}[field.filled]
    for mark in marks:
        yes = mark.likely["ticked"] + as_tick * mark.likely["filled"]
        no = sum(mark.likely.values()) - yes
        longer = [((*values, mark.value), p * yes) for values, p in ticked]
        shorter = [(values, p * no) for values, p in ticked]
        ordered = sorted([*longer, *shorter], key=lambda one: -one[1])
        ticked = ordered[:N_CANDIDATES]
    return tuple(Hypothesis(JOINT.join(values), min(p, 1.0)) for values, p in ticked)


@cache
def _shipped() -> Any:
    """Load the model that ships once."""
    return load_model(SHIPPED_MARKS)

"""What one page gave, as an object of JSON, and back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.boxes import BoxPosteriors
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.outcomes import (
    Assignment,
    FieldReading,
    MarkReading,
    PageReading,
    Reason,
    ReasonKind,
)
from pipelines.scoring.table import PageResult

# Digits of probabilities and pixels that are kept: what is decided from them does not
# hang on more, and they take half of the room.
_PROBABILITY: Final = 7
_PIXEL: Final = 2


def to_record(result: PageResult) -> dict[str, Any]:
    """Turn the result of a page into an object of JSON.

    Parameters
    ----------
    result : PageResult
        What the page gave.

    Returns
    -------
    record : dict
        Of strings, numbers, lists and dicts.

    Examples
    --------
    >>> from pipelines.outcomes import settle
    >>> from pipelines.runs.records import from_record, to_record
    >>> page = PageReading({"id": settle("042", 0.99, 0.9)})
    >>> result = PageResult("a.png", 1, page)
    >>> from_record(to_record(result)) == result
    True
    """
    reading = result.reading
    record = {
        "document": result.document,
        "page": result.page,
        "n_pages": result.n_pages,
        "seconds": round(result.seconds, 4),
        "error": reading.error,
        "fields": _pack_fields(reading.fields),
        "before_rules": _pack_fields(reading.before_rules),
        "damage": reading.damage,
    }
    if reading.assigned is not None:
        record["assigned"] = asdict(reading.assigned)
    return record


def from_record(record: Mapping[str, Any]) -> PageResult:
    """Turn an object of JSON back into the result of a page.

    Parameters
    ----------
    record : mapping
        What :func:`to_record` returned.

    Returns
    -------
    result : PageResult

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is no such record.
    """
    reading = PageReading(
        _unpack_fields(record["fields"]),
        record["error"],
        _unpack_fields(record["before_rules"]),
        record["damage"],
        Assignment(**record["assigned"]) if "assigned" in record else None,
    )
    return PageResult(
        record["document"],
        record["page"],
        reading,
        record["n_pages"],
        record["seconds"],
    )


def _pack_fields(fields: Mapping[str, FieldReading]) -> dict[str, Any]:
    return {name: _pack_field(field) for name, field in fields.items()}


def _unpack_fields(packed: Mapping[str, Any]) -> dict[str, FieldReading]:
    return {name: _unpack_field(field) for name, field in packed.items()}


def _pack_field(field: FieldReading) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "value": field.value,
        "status": field.status,
        "confidence": float(field.confidence),
    }
    if field.quad is not None:
        packed["quad"] = _pack_array(field.quad, _PIXEL)
    for key in ("reason", "veto"):
        if (reason := getattr(field, key)) is not None:
            packed[key] = [reason.kind.value, reason.text]
            if reason.where:
                packed[key].append(reason.where)
    if field.digit_quads:
        packed["digit_quads"] = [_pack_array(q, _PIXEL) for q in field.digit_quads]
    if field.candidates:
        packed["candidates"] = [
            [one.text, _floor(float(one.probability)), *([one.raw] if one.raw else [])]
            for one in field.candidates
        ]
    if field.boxes is not None:
        likely = _pack_array(field.boxes.likely, _PROBABILITY)
        packed["boxes"] = [list(field.boxes.characters), likely]
        if field.boxes.in_place:
            packed["boxes"].append(True)
    if field.decided_by:
        packed["decided_by"] = field.decided_by
    if field.certainty < 1:
        packed["certainty"] = field.certainty
    if field.is_printed:
        packed["is_printed"] = True
    if field.sign:
        packed["sign"] = field.sign
    if field.marks:
        packed["marks"] = [
            [one.value, _pack_likely(one.likely), _pack_array(one.quad, _PIXEL)]
            for one in field.marks
        ]
    return packed


def _unpack_field(packed: Mapping[str, Any]) -> FieldReading:
    quad, boxes = packed.get("quad"), packed.get("boxes")
    return FieldReading(
        packed["value"],
        packed["status"],
        packed["confidence"],
        quad=None if quad is None else np.array(quad, dtype=np.float64),
        reason=_unpack_reason(packed.get("reason")),
        digit_quads=tuple(
            np.array(one, dtype=np.float64) for one in packed.get("digit_quads", ())
        ),
        candidates=tuple(Hypothesis(*one) for one in packed.get("candidates", ())),
        boxes=None if boxes is None else _unpack_boxes(*boxes),
        decided_by=packed.get("decided_by", ""),
        certainty=packed.get("certainty", 1.0),
        veto=_unpack_reason(packed.get("veto")),
        is_printed=packed.get("is_printed", False),
        sign=packed.get("sign", ""),
        marks=tuple(
            MarkReading(value, likely, np.array(quad, dtype=np.float64))
            for value, likely, quad in packed.get("marks", ())
        ),
    )


def _unpack_reason(packed: Sequence[str] | None) -> Reason | None:
    return None if packed is None else Reason(ReasonKind(packed[0]), *packed[1:])


def _unpack_boxes(
    characters: list[str], likely: list[list[float]], in_place: bool = False
) -> BoxPosteriors:
    rows = np.array(likely, dtype=np.float64).reshape(-1, len(characters) + 1)
    return BoxPosteriors(rows, tuple(characters), in_place)


def _floor(probability: float) -> float:
    """Cut off its last digits: a probability is never rounded up."""
    return math.floor(probability * 10**_PROBABILITY) / 10**_PROBABILITY


def _pack_likely(likely: Mapping[str, float]) -> dict[str, float]:
    return {state: round(float(p), _PROBABILITY) for state, p in likely.items()}


def _pack_array(array: NDArray[Any], places: int) -> Any:
    return np.asarray(array, dtype=np.float64).round(places).tolist()

"""What reading gives can be compared, though it holds arrays."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from lenet_sklearn.strings.boxes import BoxPosteriors
from pipelines import Comb, FieldReading, Frame, PageReading, PageResult, Piece
from pipelines.outcomes import (
    ArraysCompare,
    Reason,
    ReasonKind,
    settle,
    settle_anew,
)
from pipelines.training.evaluation import Evaluation
from pipelines.training.labelled import LabelledField

QUAD = np.array([[1, 1], [8, 1], [8, 5], [1, 5.0]])
IMAGE = np.zeros((9, 9), np.uint8)
READING = FieldReading(
    "042",
    "rejected",
    0.5,
    QUAD,
    Reason(ReasonKind.UNCERTAIN, "confidence below 0.9"),
    (QUAD, QUAD + 1),
)


def test_what_is_called_blank_is_surer_than_what_is_accepted():
    assert settle("1", 0.95, 0.9).status == "accepted"
    assert settle("", 0.95, 0.9).status == "rejected"
    assert settle("", 0.98, 0.5).status == "blank"
    assert settle("", 0.985, 0.99).status == "rejected"


@pytest.mark.parametrize(
    ("one", "change"),
    [
        (READING, {"quad": QUAD + 1}),
        (READING, {"quad": None}),
        (READING, {"digit_quads": (QUAD, QUAD)}),
        (READING, {"digit_quads": (QUAD,)}),
        (READING, {"value": "043"}),
        (READING, {"reason": None}),
        (PageReading({"a": READING}), {"fields": {"a": replace(READING, quad=None)}}),
        (PageReading({"a": READING}), {"fields": {"b": READING}}),
        (
            PageResult("a.png", 1, PageReading({"a": READING})),
            {"reading": PageReading()},
        ),
        (Comb(QUAD, 3, 0.5), {"quad": QUAD + 1}),
        (Frame(0, 0, 9, 9, 3, hidden=IMAGE), {"hidden": None}),
        (Piece("digit", IMAGE, 0, 9), {"image": IMAGE + 1}),
        (LabelledField("a.png", IMAGE, "1"), {"image": IMAGE[1:]}),
        (Evaluation(np.arange(2), np.eye(2, dtype=int)), {"labels": np.arange(2) + 1}),
    ],
)
def test_two_are_equal_if_all_their_values_are(one, change):
    other = pickle.loads(pickle.dumps(one))
    assert one == other
    assert (one != other) is False
    assert one in [other]
    assert one != replace(other, **change)
    assert one != 3


def test_what_is_equal_has_one_hash():
    whole = replace(READING, quad=QUAD.round().astype(int))
    assert whole == READING
    assert len({READING, whole}) == 1


def test_kinds_that_derive_from_it_compare_no_other_kind():
    assert issubclass(FieldReading, ArraysCompare)
    assert Comb(QUAD, 3, 0.5) != READING


@pytest.mark.parametrize(
    ("emptiness", "status"),
    [(None, "rejected"), (0.97, "rejected"), (0.99, "accepted")],
)
def test_a_gap_is_accepted_where_it_is_ordinary_and_surely_empty(emptiness, status):
    assert settle("4_1", 0.95, 0.9, emptiness=emptiness).status == status


def test_a_field_with_gaps_keeps_them_when_it_is_settled_anew():
    likely = np.array([[1.0, 0.0], [0.0, 0.99], [0.9, 0.1]])
    for in_place, status in ((True, "accepted"), (False, "rejected")):
        boxes = BoxPosteriors(likely, ("4",), in_place)
        emptiness = boxes.emptiness("4_4")
        reading = settle("4_4", 0.89, 0.95, emptiness=emptiness)
        anew = settle_anew(replace(reading, boxes=boxes), 0.8)
        assert anew.status == status

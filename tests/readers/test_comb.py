"""Combs become strings: what is no comb is said to be none."""

import cv2
import numpy as np
import pytest

from pipelines import CombReader, FieldReader
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.outcomes import ReasonKind

TEXTS = ["01234", "56789"]


@pytest.fixture(scope="module")
def fields():
    writer = draw_writer(1)
    return [draw_comb(t, writer=writer, random_state=i) for i, t in enumerate(TEXTS)]


def test_combs_are_read_as_a_field_reader_reads_them(fields):
    assert CombReader(digits=5).read(fields) == FieldReader(digits=5).read(fields)
    assert CombReader().score(fields, TEXTS) == 1


def test_a_field_without_a_comb_is_not_located(fields):
    free = draw_string("308", draw_writer(3), random_state=3)
    read = CombReader(digits=5).read([free, fields[0]])
    assert [r.status != "unlocated" for r in read] == [False, True]
    assert read[0].reason.kind is ReasonKind.NOT_FOUND


class Opinionated:
    """Holds every box for the same content: a digit, 10 for nothing, 11 for others."""

    def __init__(self, content):
        self.content = content

    def predict_proba(self, X):
        assert X.shape[1:] == (28, 56)
        return np.tile(np.eye(12)[self.content], (len(X), 1))


@pytest.mark.parametrize(
    ("content", "value", "status"),
    [(3, TEXTS[0], "accepted"), (10, "", "blank"), (11, "", "rejected")],
)
def test_a_classifier_of_boxes_says_what_is_read(fields, content, value, status):
    reader = CombReader(digits=5, content_classifier=Opinionated(content))
    [reading] = reader.read(fields[:1])
    # Which digit it is says the classifier of glyphs.
    assert (str(reading.value), reading.status) == (value, status)


def test_a_classifier_of_other_contents_is_refused(fields):
    class Other:
        def predict_proba(self, X):
            return np.ones((len(X), 3)) / 3

    with pytest.raises(ValueError, match=r"content_classifier of 12 labels. Got .* 3"):
        CombReader(content_classifier=Other()).read(fields)


@pytest.mark.parametrize(
    "strokes",
    {
        # One stroke of the cross ends below the middle, on a tally sheet.
        "cross": [[(10, 16), (27, 58)], [(40, 8), (12, 54)]],
        "small x": [[(18, 22), (36, 40)], [(36, 22), (18, 40)]],
        "eleven": [[(14, 12), (14, 50)], [(36, 12), (36, 50)]],
    }.values(),
    ids=["cross", "small x", "eleven"],
)
def test_what_is_no_single_digit_is_not_accepted(strokes):
    field = np.full((104, 200), 255, np.uint8)
    for n in range(4):
        cv2.rectangle(field, (18 + 54 * n, 20), (18 + 54 * min(n + 1, 3), 84), 90, 1)
    for points in strokes:
        middle = np.add(points, (72, 20))
        cv2.polylines(field, [middle.astype(np.int32)], False, 40, 4, cv2.LINE_AA)
    [reading] = CombReader(digits=3).read([cv2.GaussianBlur(field, (0, 0), 0.7)])
    assert reading.status in ("rejected", "blank")


def test_fitting_counts_what_it_could_use(fields):
    reader = CombReader().fit([*fields, fields[0]], [*TEXTS, "1"])
    assert reader.n_aligned_ == 2
    assert reader.score(fields, TEXTS) == 1


def test_what_nothing_can_be_learned_from_is_refused(fields):
    paper = np.full((60, 200), 255, np.uint8)
    with pytest.raises(ValueError, match=r"CombReader found no comb.*set digits="):
        CombReader().fit([paper], ["1"])
    with pytest.raises(ValueError, match=r"Sample 1: CombReader expects .*Got '1a'"):
        CombReader().fit(fields, [TEXTS[0], "1a"])

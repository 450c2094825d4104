"""A batch is held to acceptance rules, and watched."""

from dataclasses import replace

import numpy as np
import pytest

from lenet_sklearn import AcceptanceRule
from lenet_sklearn.strings.boxes import BoxPosteriors
from pipelines.outcomes import MarkReading, PageReading, hangs_on_confidence, settle
from pipelines.scoring.ruled import RuledBatch
from pipelines.scoring.table import PageResult


def fitted(confidence, **params):
    """Fit a rule to fields of one confidence, all of them right."""
    return AcceptanceRule(**params).fit(np.full(400, confidence), np.full(400, True))


STRICT, LAX = fitted(0.99, fitted_on="ours"), fitted(0.8, fitted_on="theirs")
NOTHING = fitted(0.99, max_error=0.001)


def in_boxes(*reading):
    return replace(settle(*reading), boxes=BoxPosteriors(np.ones((1, 2)) / 2, ("1",)))


class Stub:
    def read(self, page):
        texts = {"comb": in_boxes("1", 0.9, 0.5), "line": settle("2", 0.9, 0.5)}
        return PageReading({**texts, "blank": settle("", 0.985, 0.5)})


def statuses(batch):
    reading = batch.wrap(Stub()).read(None)
    [watched] = batch.watch([PageResult("a.png", 1, Stub().read(None))])
    assert watched.reading == reading
    return [field.status for field in reading.fields.values()]


def test_each_kind_of_field_is_held_to_its_own_rule():
    assert statuses(RuledBatch(STRICT, LAX)) == ["rejected", "accepted", "blank"]
    assert statuses(RuledBatch(LAX, STRICT)) == ["accepted", "rejected", "rejected"]


def test_a_kind_without_a_rule_is_not_accepted():
    for none in (None, NOTHING):
        assert statuses(RuledBatch(LAX, none)) == ["accepted", "rejected", "rejected"]
        assert RuledBatch(LAX, none).threshold == LAX.threshold_
    assert RuledBatch(None, NOTHING).threshold == np.inf


def test_ticks_are_held_to_what_a_rule_allows_and_say_nothing_of_its_batch():
    mark = MarkReading("1", {"ticked": 1.0}, np.zeros((4, 2)))
    fields = {
        str(confidence): replace(settle("1", confidence, 0.5), marks=(mark,))
        for confidence in (0.97, 0.985)
    }
    rule = fitted(0.8, max_error=0.02)
    batch = RuledBatch(rule, rule)
    [result] = batch.watch([PageResult("a.png", 1, PageReading(fields))])
    held = [field.status for field in result.reading.fields.values()]
    assert held == ["rejected", "accepted"]
    assert batch.promises() == []


def test_what_is_rejected_still_hangs_on_its_confidence():
    [result] = RuledBatch(NOTHING, NOTHING).watch(
        [PageResult("a.png", 1, Stub().read(None))]
    )
    hanging = [hangs_on_confidence(field) for field in result.reading.fields.values()]
    assert hanging == [True, True, False]


def watched(batch, confidence, n_pages=300):
    readings = [PageReading({"n": settle("1", confidence, 0.5)})] * n_pages
    for _ in batch.watch([PageResult("a.png", 1, reading) for reading in readings]):
        pass
    return batch


def test_promises_are_those_of_the_rules_that_decided():
    one = watched(RuledBatch(LAX, LAX), 0.8)
    assert one.promises() == [LAX.promise()]
    other = watched(RuledBatch(STRICT, LAX), 0.8)
    assert other.promises() == [LAX.promise()]
    assert RuledBatch(STRICT, LAX).promises() == []


def test_two_rules_are_told_apart():
    batch = RuledBatch(STRICT, LAX)
    statuses(batch)
    assert batch.promises() == [
        f"in boxes, {STRICT.promise()}",
        f"without boxes, {LAX.promise()}",
    ]


def test_a_batch_unlike_the_fit_is_doubted():
    assert watched(RuledBatch(LAX, LAX), 0.8).doubts() == []
    [doubt] = watched(RuledBatch(LAX, LAX), 0.6).doubts()
    assert doubt.startswith(
        "the confidences are not like those of theirs: 0 % are accepted here, 100 %"
    )


@pytest.mark.parametrize("confidence", [0.7, 0.95])
def test_a_few_fields_are_not_doubted(confidence):
    some = np.random.default_rng(0).beta(8, 1, 400)
    rule = AcceptanceRule(max_error=0.05).fit(some, np.full(400, True))
    assert watched(RuledBatch(rule, rule), confidence, n_pages=5).doubts() == []

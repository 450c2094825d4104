"""Combs become strings: what is no comb is said to be none."""

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

"""Probabilities of several readers become one."""

import numpy as np

from pipelines.readers.voting import pool_readings


def test_one_reader_alone_is_believed():
    pooled = pool_readings([{"12": 0.7, "17": 0.2}], [1])
    np.testing.assert_allclose([p for _, p in pooled], [0.7, 0.2], atol=0.02)


def test_readers_that_agree_are_surer_together():
    told = [{"12": 0.8, "17": 0.1}] * 2
    (text, probability), _ = pool_readings(told, [1, 1])
    assert text == "12"
    assert 0.95 < probability < 1


def test_a_reader_that_never_heard_of_a_string_does_not_rule_it_out():
    pooled = dict(pool_readings([{"12": 0.9}, {"17": 0.9}], [1, 1]))
    np.testing.assert_allclose(pooled["12"], pooled["17"])
    assert 0.1 < pooled["12"] < 0.4


def test_nothing_named_is_nothing_pooled():
    assert pool_readings([{}, {}], [1, 1]) == []
    assert pool_readings([{"": 1.0}, {"": 1.0}], [1, 1])[0][1] > 0.99

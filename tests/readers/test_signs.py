"""Free writing with signs: read where a form says so, and in one form."""

import csv

import cv2
import numpy as np
import pytest

from lenet_sklearn import load_dataset
from lenet_sklearn.strings import Hypothesis
from pipelines import DrawnLines, Field, FieldReader, Form, SlidingReader, VotingReader
from pipelines.cli.commands import main
from pipelines.fields.combs import Frame
from pipelines.forms.notation import SIGNS
from pipelines.readers.signs import knows_signs, read_signed, shipped_sign_reader
from pipelines.readers.voting import pool_readings, pool_signed

ALL = Field(name="value", kind="line", characters="0123456789" + SIGNS)
AMOUNT = ALL.model_copy(update={"decimals": 2})


class Parrot:
    """A reader that says of every field what it was told to say."""

    def __init__(self, *strings):
        self.strings = [Hypothesis(*one) for one in strings]

    def fit(self, X, y):
        raise AssertionError("not asked")

    def read(self, fields, *, n_best=1, lengths=None, mask=None):
        return [self.strings[:n_best] for _ in fields]

    def locate(self, fields, texts):
        raise AssertionError("not asked")


@pytest.fixture(scope="module")
def lines():
    digits, labels = load_dataset("digits")
    return DrawnLines(digits, labels, n_lines=150, signs=True, random_state=8)


@pytest.fixture(scope="module")
def images(lines):
    return [lines.draw_field(n) for n in range(len(lines))]


def whole(image):
    height, width = image.shape
    return Frame(0, 0, width, height, 0, ruled=False)


def read(images, field, **params):
    reader = FieldReader(**params)
    return reader.read(images, [whole(i) for i in images], [field] * len(images))


def values(field, *strings):
    [found] = read_signed(Parrot(*strings), [np.zeros((9, 9), np.uint8)], [field])
    return [(one.text, round(one.probability, 3), one.raw) for one in found]


def test_drawn_signs_are_read_character_by_character(lines, images):
    found = [reading.value for reading in read(images, ALL)]
    right = [a == b for a, b in zip(found, lines.texts, strict=True)]
    signed = [bool(set(text) & set(SIGNS)) for text in lines.texts]
    assert np.mean(right) > 0.6
    assert np.mean([r for r, s in zip(right, signed, strict=True) if s]) > 0.6


def test_what_is_sure_is_seldom_wrong(lines, images):
    accepted = [
        (reading.value, text)
        for reading, text in zip(read(images, ALL), lines.texts, strict=True)
        if reading.status == "accepted"
    ]
    assert len(accepted) > 30
    assert sum(a != b for a, b in accepted) <= 0.1 * len(accepted)


def test_a_field_without_signs_reads_as_if_there_were_none(images):
    plain = Field(name="value", kind="line", maximum=10**9)
    few = images[:20]
    assert read(few, plain) == read(few, plain, sign_reader=Parrot(("1.1", 1.0)))
    free = FieldReader().read(few, [whole(image) for image in few])
    assert all(set(one.value) <= set("0123456789") for one in free)


def test_ways_to_write_one_value_are_put_together():
    found = values(AMOUNT, ("1,234.50", 0.5), ("1.234,50", 0.3), ("1,234.60", 0.1))
    assert found == [("1234.50", 0.8, "1,234.50"), ("1234.60", 0.1, "1,234.60")]


def test_a_value_that_keeps_the_rules_comes_before_a_slip():
    found = values(AMOUNT, ("1234", 0.6), ("12.34", 0.3))
    assert [one[0] for one in found] == ["12.34", "1234"]
    sure = values(AMOUNT, ("1234", 0.995), ("12.34", 0.001))
    assert [one[0] for one in sure] == ["1234", "12.34"]


def test_a_sign_that_is_not_named_makes_a_value_invalid():
    from pipelines.forms.deciding import decide

    field = Field(name="value", kind="line", characters="0123456789.")
    reading = read(
        [np.full((40, 90), 255, np.uint8)], field, sign_reader=Parrot(("1,2", 0.99))
    )[0]
    decided = decide(Form(fields=[field]), {"value": reading}, 0.9)["value"]
    assert (decided.value, decided.status) == ("1,2", "invalid")
    assert str(decided.reason) == "1,2 has ,"


def test_two_readers_pool_the_digits_and_one_knows_the_signs():
    sliding = {"1.7": 0.5, "17": 0.25, "1.1": 0.2}
    pooled = dict(pool_signed(sliding, {"17": 0.6, "11": 0.4}, (1.6, 0.56)))
    of_digits = dict(
        pool_readings(({"17": 0.75, "11": 0.2}, {"17": 0.6, "11": 0.4}), (1.6, 0.56))
    )
    assert pooled["1.7"] + pooled["17"] == pytest.approx(of_digits["17"])
    assert pooled["1.7"] == pytest.approx(2 * pooled["17"])
    assert pooled["1.1"] == pytest.approx(of_digits["11"])


def test_digits_alone_are_pooled_as_ever():
    own = {"17": 0.6, "11": 0.3}, {"11": 0.5, "14": 0.3}
    assert pool_signed(*own, (1.6, 0.56)) == pool_readings(own, (1.6, 0.56))


def test_a_reader_of_lines_that_knows_signs_is_taken(images):
    assert not knows_signs(VotingReader())
    own = SlidingReader(shipped_sign_reader().sliding_reader.recognizer)
    assert knows_signs(own)
    assert FieldReader(line_reader=own)._sign_reader() is own
    assert FieldReader()._sign_reader() is shipped_sign_reader()


def test_images_of_fields_are_read_with_signs(lines, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fields").mkdir()
    for n in range(12):
        cv2.imwrite(f"fields/{n:02}.png", images[n])
    words = ["--characters", "0123456789" + SIGNS]
    assert main(["read", "fields", *words, "-o", "values.csv"]) == 0
    with open("values.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["file", "value", "status", "confidence", "raw"]
    raws = [row["raw"].lstrip("'") for row in rows]
    assert sum(a == b for a, b in zip(raws, lines.texts[:12], strict=True)) >= 6


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--characters", "0123456789"], "one or more of the signs"),
        (["--characters", "0123456789.", "--digits", "3"], "of free writing"),
    ],
)
def test_characters_that_cannot_be_are_refused(words, reason, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 90), 255, np.uint8))
    status = main(
        ["read", str(tmp_path / "a.png"), *words, "-o", str(tmp_path / "v.csv")]
    )
    assert status == 2
    assert reason in capsys.readouterr().err

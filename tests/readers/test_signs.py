"""Free writing with signs: read where a form says so, and in one form."""

import csv

import cv2
import numpy as np
import pytest

from lenet_sklearn.strings import Hypothesis
from pipelines import Field, FieldReader, Form, SlidingReader, VotingReader
from pipelines.cli.commands import main
from pipelines.drawing import draw_string, draw_writer
from pipelines.fields.combs import Frame
from pipelines.forms.deciding import decide
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


TEXTS = [
    *("65.8", "72.02", "29.97", "-3", "-12.5", "4:30", "16.05", "31/12", "0.25", "704"),
    *("1,250", "-80", "6.4", "2:07", "5-8", "93.61", "45/6", "28,4", "-7.3", "520"),
]


def write(text, seed):
    """Write digits in a drawn hand, and plain strokes between them."""
    rng = np.random.default_rng(seed)
    page = np.full((80, 60 * len(text) + 60), 240, np.uint8)
    writer, x, base = draw_writer(seed), 24, 60
    for sign in text:
        if sign.isdigit():
            glyph = draw_string(sign, writer, height=40, random_state=rng)
            glyph = glyph[:, np.flatnonzero(glyph.min(axis=0) < 200)]
            part = page[base + 6 - len(glyph) : base + 6, x : x + glyph.shape[1]]
            np.minimum(part, glyph, out=part)
            x += glyph.shape[1] + 7
            continue
        for start, stop in STROKES[sign]:
            ends = [(x + left, base + low) for left, low in (start, stop)]
            cv2.line(page, *ends, 60, 4, cv2.LINE_AA)
        x += max(end[0] for stroke in STROKES[sign] for end in stroke) + 9
    return page[:, : x + 20]


STROKES = {
    ".": [((2, 0), (2, 1))],
    ",": [((4, -2), (0, 9))],
    "-": [((0, -18), (16, -19))],
    "/": [((0, 9), (26, -52))],
    ":": [((2, -24), (2, -23)), ((2, -5), (2, -4))],
}


@pytest.fixture(scope="module")
def images():
    return [write(text, seed) for seed, text in enumerate(TEXTS)]


def whole(image):
    height, width = image.shape
    return Frame(0, 0, width, height, 0, ruled=False)


def read(images, field, **params):
    reader = FieldReader(**params)
    return reader.read(images, [whole(i) for i in images], [field] * len(images))


def values(field, *strings):
    [found] = read_signed(Parrot(*strings), [np.zeros((9, 9), np.uint8)], [field])
    return [(one.text, round(one.probability, 3), one.raw) for one in found]


def test_signs_are_read_character_by_character(images):
    found = [reading.value for reading in read(images, ALL)]
    right = sum(a == b for a, b in zip(found, TEXTS, strict=True))
    assert right >= 0.8 * len(TEXTS), found


def test_what_is_accepted_is_right(images):
    accepted = [
        (reading.value, text)
        for reading, text in zip(read(images, ALL), TEXTS, strict=True)
        if reading.status == "accepted"
    ]
    assert len(accepted) >= 0.5 * len(TEXTS)
    assert [pair for pair in accepted if pair[0] != pair[1]] == []


def test_a_field_without_signs_reads_as_if_there_were_none(images):
    plain = Field(name="value", kind="line", maximum=10**9)
    few = images[:6]
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


def test_images_of_fields_are_read_with_signs(images, tmp_path, monkeypatch):
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
    assert sum(a == b for a, b in zip(raws, TEXTS[:12], strict=True)) >= 10


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

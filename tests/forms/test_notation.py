"""What is written with signs comes out in one form, or is not what its field is for."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lenet_sklearn.strings import Hypothesis
from lenet_sklearn.strings.boxes import BoxPosteriors, read_boxes
from pipelines import Field, FieldReading, Form, Sum
from pipelines.forms.deciding import decide
from pipelines.forms.notation import write_amount, write_date, write_time
from pipelines.outcomes import settle

SIGNED = Field(name="mean", kind="line", characters="0123456789.-")
AMOUNT = Field(name="mean", kind="line", characters="0123456789.,/-=", decimals=2)


@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        ("65.86", "65.86"),
        ("65,86", "65.86"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("110,000/-", "110000.00"),
        ("500.-", "500.00"),
        ("500-", "500.00"),
        ("=0065.86=", "65.86"),
        (".50", "0.50"),
        ("-3.50", "-3.50"),
        ("+3.50", "3.50"),
        ("--3.50--", "3.50"),
        ("***65.86xx", "65.86"),
        ("1,231/-", "1231.00"),
        ("31.00-", "31.00"),
        ("110,001", "110001.00"),
        ("50xx/100", "50.00"),
        ("5025/100", "50.25"),
        ("---", ""),
    ],
)
def test_an_amount_has_one_form(raw, amount):
    assert write_amount(raw, 2) == amount
    assert not amount or write_amount(amount, 2) == amount


@pytest.mark.parametrize(
    "raw",
    [
        "6586",  # was there a point?
        "65.8",
        "1,23.50",
        "1.234.50",
        "1,2345.50",
        "-3.50-",  # is the dash a minus?
        "*-3.50",
        "31-",  # is it 3/-?
        "1,231=",
        "3-50",
        "65:86",
        "12/34",
    ],
)
def test_what_could_be_two_amounts_is_none(raw):
    assert write_amount(raw, 2) is None


def test_a_dash_is_no_minus_where_no_amount_is_negative():
    assert write_amount("-3.50-", 2, negative=False) == "3.50"
    cheque = AMOUNT.model_copy(update={"minimum": 0})
    assert cheque.written_value("-3.50-") == "3.50"


def test_whole_amounts_are_grouped_by_any_mark():
    assert [write_amount(raw, 0) for raw in ("110.000", "110,000/-", "1250", "-3")] == [
        "110000",
        "110000",
        "1250",
        "-3",
    ]
    assert write_amount("12.50", 0) is None


def test_a_date_has_the_digits_of_its_pattern():
    written = ("2/1/2024", "02.01.2024", "2-1-2024", "02012024", "02.01.2024.")
    assert {write_date(raw, "DDMMYYYY") for raw in written} == {"02012024"}
    assert write_date("24-2-29", "YYMMDD") == "240229"
    lost = ("2/1/24", "2/1", "212024", "2//1/2024", "x/1/2024")
    assert {write_date(raw, "DDMMYYYY") for raw in lost} == {None}


def test_a_time_of_day_has_four_digits():
    assert {write_time(raw) for raw in ("9:30", "9.30", "0930")} == {"09:30"}
    assert {write_time(raw) for raw in ("24:00", "9:60", "930", "9", "9:3")} == {None}


def test_a_sign_that_is_not_named_is_said():
    assert SIGNED.check("-65.86") == ""
    assert SIGNED.check("65,86") == "65,86 has ,"
    assert SIGNED.check("-.") == "-. has no digit"
    assert SIGNED.broken_rule("1:30") == "characters"


def test_a_value_is_in_its_one_form_or_is_wrong():
    assert AMOUNT.check("1234.50") == ""
    assert AMOUNT.check("1,234.50") == "1,234.50 is no amount with 2 decimals"
    unsigned = Field(name="sum", kind="line", characters="0123456789.", decimals=2)
    assert unsigned.check("-3.50") == "-3.50 is no amount with 2 decimals"
    clock = Field(name="begin", kind="line", characters="0123456789:", time="HH:MM")
    assert (clock.check("09:30"), clock.check("9:30")) == ("", "9:30 is no time of day")


def test_rules_are_of_numbers_with_signs_too():
    change = SIGNED.model_copy(update={"minimum": -10, "maximum": 10})
    assert (change.check("-9.5"), change.check("10")) == ("", "")
    assert change.check("-10.5") == "-10.5 is less than -10"
    assert change.check("1-5") == "1-5 is no number"
    four = SIGNED.model_copy(update={"length": 4})
    assert (four.check("12.50"), four.check("1.5")) == (
        "",
        "has 2 digits instead of 4",
    )


def test_a_date_that_is_written_with_signs_keeps_its_rules():
    day = Field(name="day", kind="line", characters="0123456789./", date="DDMMYYYY")
    assert day.check(day.written_value("29/2/2024")) == ""
    assert "is no date" in day.check(day.written_value("29/2/2023"))
    assert "is no date" in day.check("1/1/2024")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"characters": "0123456789"}, "one or more of the signs"),
        ({"characters": ".-"}, "must be the ten digits"),
        ({"characters": "0123456789a"}, "one or more of the signs"),
        ({"kind": "comb", "digits": 3, "characters": "0123456789."}, "of boxes"),
        ({"decimals": 2}, "decimals: needs 'characters'"),
        ({"time": "HH:MM"}, "time: needs 'characters'"),
        (
            {"characters": "0123456789.", "decimals": 2, "date": "DDMMYY"},
            "date: the field has decimals already",
        ),
        ({"characters": "0123456789-", "check_digit": "luhn"}, "of digits alone"),
        ({"mask": "##.##"}, "signs need 'characters'"),
        ({"kind": "comb", "digits": 2, "decimals": 2}, "no box before the point"),
        (
            {"kind": "comb", "digits": 4, "decimals": 2, "mask": "####"},
            "only a minimum",
        ),
        ({"kind": "code", "characters": "0123456789."}, "a code has no rules"),
    ],
)
def test_a_field_that_cannot_be_is_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        Field(**{"name": "mean", "kind": "line", **keys})


def test_an_older_release_reads_a_form_without_signs():
    written = Field(name="id", digits=3).model_dump(mode="json")
    assert not {"characters", "decimals", "sign", "time"} & written.keys()
    assert Field(**SIGNED.model_dump(mode="json")) == SIGNED


def boxes_of(text, last_empty=0.0):
    likely = np.zeros((len(text), 11))
    likely[np.arange(len(text)), [int(digit) for digit in text]] = 1.0
    likely[-1] *= 1 - last_empty
    likely[-1, -1] = last_empty
    boxes = BoxPosteriors(likely, tuple("0123456789"))
    [best, *_] = candidates = read_boxes(boxes, n_best=5)
    reading = settle(best.text, best.probability, 0.9)
    return FieldReading(
        best.text,
        reading.status,
        best.probability,
        reason=reading.reason,
        candidates=tuple(candidates),
        boxes=boxes,
    )


def ruled(field, reading):
    return decide(Form(fields=[field]), {field.name: reading}, 0.9)[field.name]


def test_the_point_is_set_between_boxes():
    field = Field(name="mean", digits=4, decimals=2)
    decided = ruled(field, boxes_of("6586"))
    assert (decided.value, decided.status, decided.raw) == ("65.86", "accepted", "6586")
    assert ruled(field, boxes_of("0007")).value == "0.07"


def test_an_amount_whose_last_box_may_be_empty_is_not_accepted():
    field = Field(name="mean", digits=4, decimals=2)
    doubted = ruled(field, boxes_of("6586", last_empty=0.15))
    assert doubted.status == "rejected"
    moved = ruled(field, boxes_of("6586", last_empty=1.0))
    assert moved.status == "rejected"
    assert moved.confidence < 0.1


def test_the_range_of_an_amount_in_boxes_is_that_of_the_amount():
    field = Field(name="mean", digits=4, decimals=2, maximum=70)
    assert ruled(field, boxes_of("6586")).status == "accepted"
    invalid = ruled(field, boxes_of("7586"))
    assert (invalid.status, str(invalid.reason)) == (
        "invalid",
        "75.86 is more than 70",
    )


def test_a_minus_in_the_first_box_stands_before_the_number():
    field = Field(name="change", digits=4, decimals=1, sign=True, minimum=-70)
    minus = replace(boxes_of("658"), sign="-")
    decided = ruled(field, minus)
    assert (decided.value, decided.status, decided.raw) == ("-65.8", "accepted", "-658")
    assert ruled(field, boxes_of("658")).value == "65.8"
    low = ruled(field, replace(boxes_of("758"), sign="-"))
    assert (low.status, str(low.reason)) == ("invalid", "-75.8 is less than -70")
    whole = Field(name="change", digits=4, sign=True)
    assert ruled(whole, minus).value == "-658"


def line(*candidates):
    found = tuple(Hypothesis(*one) for one in candidates)
    best = found[0]
    settled = settle(best.text, best.probability, 0.9)
    return FieldReading(
        best.text,
        settled.status,
        best.probability,
        reason=settled.reason,
        candidates=found,
    )


def test_cents_add_up():
    fields = [AMOUNT.model_copy(update={"name": name}) for name in ("a", "b", "total")]
    form = Form(fields=fields, sums=[Sum(total="total", parts=("a", "b"))])
    readings = {
        "a": line(("1.25", 0.999)),
        "b": line(("2.50", 0.6), ("2.60", 0.39)),
        "total": line(("3.85", 0.999)),
    }
    decided = decide(form, readings, 0.9)
    assert (decided["b"].value, decided["b"].status) == ("2.60", "accepted")
    wrong = form.check_sums({"a": "1.25", "b": "2.50", "total": "3.85"})
    assert [reason for _, reason in wrong] == [
        "total is 3.85, and its parts add up to 3.75"
    ]


def test_what_is_written_follows_the_value_that_the_rules_choose():
    limited = AMOUNT.model_copy(update={"maximum": 100})
    reading = line(("710.00", 0.6, "710.-"), ("110.00", 0.01, "110.-"), ("71.00", 0.38))
    decided = ruled(limited, reading)
    assert (decided.value, decided.raw) == ("71.00", "71.00")
    assert ruled(AMOUNT, line(("110.00", 0.99, "110.-"))).raw == "110.-"

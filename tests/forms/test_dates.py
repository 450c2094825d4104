"""Dates: those of the calendar, in the range and the order that a form asks for."""

from datetime import date

import pytest

from pipelines.forms.dates import EARLIEST, LATEST, is_date, is_date_pattern, list_dates

RANGE = date(2019, 6, 15), date(2024, 3, 31)


@pytest.mark.parametrize(
    "pattern", ["", "DD", "YYYY", "DDYYYY", "DDMMDD", "ddmm", "MMM"]
)
def test_what_does_not_say_how_a_date_is_written(pattern):
    assert not is_date_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("DDMMYYYY", "29022024", "29022023"),
        ("DDMMYYYY", "15062019", "14062019"),
        ("YYYYMMDD", "20240331", "20240401"),
        ("DDMMYY", "010120", "010199"),
        ("MMYYYY", "062019", "052019"),
        ("MMYYYY", "122023", "132023"),
        ("MMDD", "0229", "0230"),
        ("DDMM", "3112", "0012"),
        ("DDMMYYYY", "01012020", "1012020"),
    ],
)
def test_a_date_is_one_of_the_calendar_and_in_range(pattern, good, bad):
    assert is_date(good, pattern, *RANGE)
    assert not is_date(bad, pattern, *RANGE)


@pytest.mark.parametrize(
    ("pattern", "n_dates"), [("DDMMYYYY", 1752), ("MMYYYY", 58), ("DDMM", 366)]
)
def test_the_dates_listed_are_those_that_are_dates(pattern, n_dates):
    digits = list_dates(pattern, *RANGE)
    assert digits.shape == (n_dates, len(pattern))
    texts = ["".join(map(str, row)) for row in digits.tolist()]
    assert len(set(texts)) == n_dates
    assert all(is_date(text, pattern, *RANGE) for text in texts)


def test_years_of_two_digits_are_of_any_century_in_range():
    assert is_date("290200", "DDMMYY", EARLIEST, LATEST)
    assert not is_date("290200", "DDMMYY", date(1900, 1, 1), date(1999, 12, 31))

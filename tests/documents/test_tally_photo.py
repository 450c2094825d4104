"""A photographed tally form, read with a form drafted from its blank page."""

import csv

import numpy as np
import pytest

from pipelines import Form, make_form_reader, read_pages
from pipelines.cli.commands import main
from pipelines.forms.drafting import write_draft

OTHER_BLANKS = ["c.hasil_data.png", "c.hasil_dpr_j_v2.png", "c.hasil_dpr_s08_v2.png"]


@pytest.fixture(scope="module")
def folder(scans):
    return scans / "cdigital"


@pytest.fixture(scope="module")
def form_file(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("tally") / "form.json"
    write_draft(folder / "blank" / "c.hasil_pwp_3.png", path)
    return path


@pytest.fixture(scope="module")
def form(form_file):
    return Form.from_file(form_file)


@pytest.fixture(scope="module")
def totals(form):
    """Names of the six totals, which are the fields of three boxes."""
    return [field.name for field in form.fields if field.digits == 3]


@pytest.fixture(scope="module")
def truth(folder):
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        return [row["value"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def photograph(folder):
    return next(iter(read_pages(folder / "pwp_sample_01.jpg")))


@pytest.fixture(scope="module")
def reading(form, photograph):
    return make_form_reader(form).read(photograph)


def test_the_six_totals_are_read(reading, totals, truth):
    assert [reading.fields[name].value for name in totals] == truth


def test_no_total_is_wrong_and_accepted(reading, totals, truth):
    for name, right in zip(totals, truth, strict=True):
        field = reading.fields[name]
        assert field.value == right or field.status not in ("accepted", "blank")


def test_the_totals_add_up_when_the_form_says_so(form, photograph, totals, truth):
    *candidates, valid, invalid, grand = totals
    content = form.model_dump() | {
        "sums": [
            {"total": valid, "parts": candidates},
            {"total": grand, "parts": [valid, invalid]},
        ]
    }
    reading = make_form_reader(Form.model_validate(content)).read(photograph)
    assert [reading.fields[name].value for name in totals] == truth
    assert "invalid" not in {reading.fields[name].status for name in totals}


def test_the_command_reads_them_too(folder, form_file, totals, truth, tmp_path):
    table = tmp_path / "results.csv"
    photograph = str(folder / "pwp_sample_01.jpg")
    assert main(["score", photograph, "--form", str(form_file), "-o", str(table)]) == 0
    with table.open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert [row[name] for name in totals] == truth


def test_the_blank_itself_is_blank(folder, form, totals):
    blank = next(iter(read_pages(folder / "blank" / "c.hasil_pwp_3.png")))
    reading = make_form_reader(form).read(blank)
    assert {reading.fields[name].status for name in totals} == {"blank"}


@pytest.mark.parametrize("name", OTHER_BLANKS)
def test_another_form_gives_no_value(folder, form, totals, name):
    other = next(iter(read_pages(folder / "blank" / name)))
    reading = make_form_reader(form).read(other)
    fields = [reading.fields[total] for total in totals]
    assert {field.status for field in fields} <= {"unlocated", "blank", "rejected"}
    assert "accepted" not in {field.status for field in fields}


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photograph_is_never_accepted_with_a_wrong_value(
    form, photograph, totals, truth, turns
):
    turned = np.ascontiguousarray(np.rot90(photograph, turns))
    reading = make_form_reader(form).read(turned)
    for name, right in zip(totals, truth, strict=True):
        field = reading.fields[name]
        assert field.value == right or field.status not in ("accepted", "blank")

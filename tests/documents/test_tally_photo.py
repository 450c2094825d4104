"""A photographed tally form, read with a form drafted from its blank page."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from lenet_sklearn.strings.boxes import BoxPosteriors
from pipelines import Form, Sum, make_form_reader, read_pages
from pipelines.cli.commands import main
from pipelines.forms.deciding import decide
from pipelines.forms.drafting import write_draft
from pipelines.outcomes import settle

OTHER_BLANKS = ["c.hasil_dpr_s08_v2.png", "c.hasil_dpr_j_v2.png", "c.hasil_data.png"]


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


@pytest.fixture(scope="module")
def summed(form, totals):
    """The form, with the sums of its totals."""
    *candidates, valid, invalid, grand = totals
    sums = (
        Sum(total=valid, parts=tuple(candidates)),
        Sum(total=grand, parts=(valid, invalid)),
    )
    return form.model_copy(update={"sums": sums})


def test_the_totals_add_up_when_the_form_says_so(summed, photograph, totals, truth):
    reading = make_form_reader(summed).read(photograph)
    assert [reading.fields[name].value for name in totals] == truth
    assert {reading.fields[name].status for name in totals} == {"accepted"}


@pytest.mark.parametrize("box", range(3))
@pytest.mark.parametrize("n_total", range(6))
def test_sums_fill_in_a_blot_or_leave_it(summed, reading, totals, truth, n_total, box):
    name = totals[n_total]
    field = reading.fields[name]
    likely = field.boxes.likely.copy()
    was_empty = likely[box, -1] > 0.5
    likely[box] = 0
    boxes = BoxPosteriors(likely, field.boxes.characters)
    unread = replace(settle("", 0.0, 0.9), boxes=boxes, quad=field.quad)
    decided = decide(summed, {**reading.fields, name: unread}, 0.9)
    # Whether a box in front was empty or held a 0, no sum can tell.
    expected = (truth[n_total], "accepted", "sums")
    found = decided[name]
    if was_empty:
        assert found.status == "rejected"
    else:
        assert (found.value, found.status, found.decided_by) == expected
    for other, right in zip(totals, truth, strict=True):
        if other != name:
            assert (decided[other].value, decided[other].status) == (right, "accepted")


@pytest.mark.slow  # sums fill in every blot above, without reading the page again
@pytest.mark.parametrize("n_total", [0, 3, 5])
def test_a_blot_on_the_photograph_is_never_wrong_and_accepted(
    summed, photograph, reading, totals, truth, n_total
):
    top_left, _, low_right, _ = reading.fields[totals[n_total]].quad
    (left, top), (right, bottom) = top_left, low_right
    blotted = photograph.copy()
    blotted[round(top) + 9 : round(bottom) - 9, round((left + 2 * right) / 3) + 9 :][
        :, : round((right - left) / 3) - 18
    ] = 30
    fields = make_form_reader(summed).read(blotted).fields
    for name, value in zip(totals, truth, strict=True):
        assert fields[name].value == value or fields[name].status in (
            "rejected",
            "invalid",
        )


@pytest.mark.slow  # what is read is the same as above
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


@pytest.mark.parametrize(
    "name",
    [
        OTHER_BLANKS[0],
        *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_BLANKS[1:]),
    ],
)
def test_another_form_gives_no_value(folder, form, totals, name):
    other = next(iter(read_pages(folder / "blank" / name)))
    reading = make_form_reader(form).read(other)
    fields = [reading.fields[total] for total in totals]
    assert {field.status for field in fields} <= {"unlocated", "blank", "rejected"}
    assert "accepted" not in {field.status for field in fields}


@pytest.mark.parametrize(
    "turns", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))]
)
def test_a_turned_photograph_is_never_accepted_with_a_wrong_value(
    form, photograph, totals, truth, turns
):
    turned = np.ascontiguousarray(np.rot90(photograph, turns))
    reading = make_form_reader(form).read(turned)
    for name, right in zip(totals, truth, strict=True):
        field = reading.fields[name]
        assert field.value == right or field.status not in ("accepted", "blank")

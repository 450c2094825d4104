"""A cover page of 400 dpi with ten boxes: filled in, and left empty."""

import csv

import pytest

from pipelines import Form, draft_form, make_form_reader, read_pages
from pipelines.cli.commands import main

FILLED = "test-auto-parse-scan-success.pdf"
EMPTY = "test-auto-parse-scan-blank.pdf"


@pytest.fixture(scope="module")
def folder(scans):
    return scans / "markus"


def _first_page(path, dpi):
    return next(iter(read_pages(path, dpi=dpi)))


@pytest.mark.slow  # vast pages; coarser ones are read below
def test_the_command_reads_both_at_400_dpi(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [str(folder / name) for name in (FILLED, EMPTY)]
    options = ["--dpi", "400", "--comb", "id=10", "-o", "results.csv"]
    assert main(["score", *files, *options]) == 0
    with open("results.csv", newline="", encoding="utf-8") as table:
        filled, empty = [row for row in csv.DictReader(table) if row["page"] == "1"]
    assert (filled["id"], filled["id.status"]) == ("0123456789", "accepted")
    assert (empty["id"], empty["id.status"]) == ("", "blank")


@pytest.mark.parametrize("dpi", [150, 200, 300])
def test_a_coarser_page_is_read_as_well(folder, dpi):
    reader = make_form_reader(Form.from_combs({"id": 10}))
    filled = reader.read(_first_page(folder / FILLED, dpi)).fields["id"]
    empty = reader.read(_first_page(folder / EMPTY, dpi)).fields["id"]
    assert filled.value == "0123456789"
    assert empty.status == "blank"


def test_a_form_drafted_from_the_empty_page_has_the_ten_boxes(folder):
    draft = draft_form(_first_page(folder / EMPTY, 200))
    assert 10 in [field.digits for field in draft.fields]

"""Fourteen exam pages with a nine-box number each: the bars of real scans."""

import csv
import io

import cv2
import numpy as np
import PIL.Image
import pytest

from pipelines import Form, make_form_reader, read_pages
from pipelines.cli.commands import main

# At least this many of the fourteen, whatever one thing was done to the pages.
BAR = 13


@pytest.fixture(scope="module")
def folder(scans):
    return scans / "submitty_ids"


@pytest.fixture(scope="module")
def pages(folder):
    files = sorted(folder.glob("page_*.png"))
    return [page for file in files for page in read_pages(file)]


@pytest.fixture(scope="module")
def truth(folder):
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        return [row["rin"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def reader():
    return make_form_reader(Form.from_combs({"rin": 9}))


def _resized(page, dpi):
    method = cv2.INTER_AREA if dpi < 200 else cv2.INTER_CUBIC
    return cv2.resize(page, None, fx=dpi / 200, fy=dpi / 200, interpolation=method)


def _tilted(page, angle):
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=255)


def _compressed(page, quality):
    content = io.BytesIO()
    PIL.Image.fromarray(page).save(content, "JPEG", quality=quality)
    return np.array(PIL.Image.open(content))


def _speckled(page, share, seed):
    draws = np.random.default_rng(seed).random(page.shape)
    speckled = page.copy()
    speckled[draws < share / 2] = 0
    speckled[draws > 1 - share / 2] = 255
    return speckled


def _unevenly_lit(page):
    """Darken towards the lower right corner, to a third of the light."""
    height, width = page.shape
    light = np.linspace(1, 0.45, width) * np.linspace(1, 0.75, height)[:, None]
    return (page * light).astype(np.uint8)


DEGRADATIONS = {
    "150 dpi": lambda page, seed: _resized(page, 150),
    "300 dpi": lambda page, seed: _resized(page, 300),
    "tilted by 8 degrees": lambda page, seed: _tilted(page, 8),
    "tilted by -8 degrees": lambda page, seed: _tilted(page, -8),
    "JPEG quality 40": lambda page, seed: _compressed(page, 40),
    "2 % salt and pepper": lambda page, seed: _speckled(page, 0.02, seed),
    "uneven light": lambda page, seed: _unevenly_lit(page),
}
# One of another size, one that lies otherwise, and one that is dirty.
QUICKLY = ("150 dpi", "tilted by 8 degrees", "2 % salt and pepper")


def _wrong(readings, truth):
    """Say which pages are not right: number, what it says, what was read."""
    return [
        (number, right, reading.value, reading.status, reading.reason)
        for number, (right, reading) in enumerate(zip(truth, readings, strict=True), 1)
        if reading.value != right
    ]


def _wrongly_accepted(readings, truth):
    return [
        wrong for wrong in _wrong(readings, truth) if wrong[3] in ("accepted", "blank")
    ]


def _score(folder, monkeypatch, *words):
    monkeypatch.chdir(folder)
    assert (
        main(["score", *words, "--comb", "rin=9", "-o", "results.csv", "--force"]) == 0
    )
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", ["png", pytest.param("pdf", marks=pytest.mark.slow)])
def test_all_fourteen_pages_are_read(folder, truth, tmp_path, monkeypatch, kind):
    files = sorted(map(str, folder.glob("page_*.png" if kind == "png" else "*.pdf")))
    if kind == "pdf":
        files = [file for file in files if "blank" not in file]
    rows = _score(tmp_path, monkeypatch, *files)
    assert [row["rin"] for row in rows] == truth
    assert "unlocated" not in {row["rin.status"] for row in rows}


@pytest.mark.parametrize(
    "degradation",
    [
        name if name in QUICKLY else pytest.param(name, marks=pytest.mark.slow)
        for name in DEGRADATIONS
    ],
)
def test_thirteen_of_fourteen_degraded_pages_are_read(
    pages, truth, reader, degradation
):
    degrade = DEGRADATIONS[degradation]
    readings = [
        reader.read(degrade(page, seed)).fields["rin"]
        for seed, page in enumerate(pages)
    ]
    wrong = _wrong(readings, truth)
    assert len(wrong) <= len(pages) - BAR, wrong
    assert not _wrongly_accepted(readings, truth)


@pytest.mark.parametrize("turns", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_turned_page_is_never_accepted_with_a_wrong_value(
    pages, truth, reader, turns
):
    turned = [np.ascontiguousarray(np.rot90(page, turns)) for page in pages]
    readings = [reader.read(page).fields["rin"] for page in turned]
    assert not _wrongly_accepted(readings, truth)


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))]
)
def test_a_page_without_its_field_is_unlocated(pages, reader, first):
    for page in pages[first::5]:
        quad = reader.read(page).fields["rin"].quad
        without = cv2.fillPoly(page.copy(), [_grown(quad)], 255)
        reading = reader.read(without).fields["rin"]
        assert (reading.value, reading.status) == ("", "unlocated")


@pytest.mark.parametrize(
    "digits", [10, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 7, 8, 12))]
)
def test_another_number_of_boxes_is_not_there(pages, digits):
    other = make_form_reader(Form.from_combs({"rin": digits}))
    readings = [other.read(page).fields["rin"] for page in pages]
    found = [(n, r) for n, r in enumerate(readings, 1) if r.status == "accepted"]
    assert not found


def test_the_blank_layouts_are_blank(folder, reader):
    readings = [
        reader.read(page).fields["rin"] for page in read_pages(folder / "blank.pdf")
    ]
    assert len(readings) == 5
    assert {reading.status for reading in readings} <= {"blank", "unlocated"}
    assert {reading.value for reading in readings} == {""}


def _grown(quad):
    """Push the corners of a field out by a fifth of its height."""
    centre = quad.mean(axis=0)
    height = np.linalg.norm(quad[3] - quad[0])
    directions = (quad - centre) / np.linalg.norm(quad - centre, axis=1)[:, None]
    return np.rint(quad + 0.5 * height * directions).astype(np.int32)

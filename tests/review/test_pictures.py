"""Pictures of fields and digits are cut where they lie."""

import cv2
import numpy as np
import PIL.Image
import pytest

from pipelines.review.pictures import (
    CELL,
    PageRequest,
    Photographer,
    Place,
    cut_field,
    join_cells,
)
from pipelines.scans.identity import identify

QUAD = np.array([[100, 100], [340, 100], [340, 160], [100, 160]], np.float64)


def a_page():
    """Draw four boxes, the third of which is black."""
    page = np.full((400, 500), 250, np.uint8)
    page[100:160, 220:280] = 0
    return page


def decode(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("turns", range(4))
def test_fields_and_digits_are_upright_however_the_page_lies(turns):
    page = a_page()
    corners = QUAD.copy()
    for _ in range(turns):
        width = page.shape[1]
        page = np.rot90(page)
        corners = np.column_stack([corners[:, 1], width - corners[:, 0]])
    picture = cut_field(np.ascontiguousarray(page), Place(corners, n_boxes=4))
    means = picture.cells[:, 8:-8, 8:-8].mean(axis=(1, 2))
    assert np.argmin(means) == 2
    image = decode(picture.content)
    assert image.shape == picture.size[::-1]
    left, right = picture.spans[2]
    assert image[:, round(left) + 3 : round(right) - 3][20:-20].mean() < 60
    left, right = picture.spans[0]
    assert image[:, round(left) : round(right) - 3].mean() > 220


def test_digits_of_free_writing_are_cut_at_their_places():
    digit = np.array([[220, 100], [280, 100], [280, 160], [220, 160]], np.float64)
    picture = cut_field(a_page(), Place(QUAD, digit_quads=[digit]))
    assert picture.cells.shape == (1, CELL, CELL)
    assert picture.cells[0, 8:-8, 8:-8].max() < 30


def test_a_field_without_a_place_is_all_of_the_image():
    picture = cut_field(a_page(), Place(None))
    assert picture.size == (50, 40)
    assert len(picture.cells) == 0


def test_cells_are_joined_row_by_row():
    cells = np.zeros((3, CELL, CELL), np.uint8)
    sheet = decode(join_cells(cells, 2))
    assert sheet.shape == (2 * CELL, 2 * CELL)
    assert sheet[: CELL - 4].max() < 30
    assert sheet[CELL + 4 :, CELL + 4 :].min() > 225


def test_a_copy_of_a_scan_will_do_and_another_content_will_not(tmp_path):
    path = tmp_path / "a.png"
    PIL.Image.fromarray(a_page()).save(path)
    document = identify(path, lambda _: 1)
    request = PageRequest(path, 0, [Place(QUAD), None], document, side=250)
    content = path.read_bytes()
    path.unlink()
    assert "is no longer there" in Photographer(200)(request).error
    path.write_bytes(content)
    pictures = Photographer(200)(request)
    assert pictures.error == ""
    assert pictures.size == (500, 400)
    assert decode(pictures.content).shape == (200, 250)
    assert pictures.fields[1] is None
    PIL.Image.fromarray(255 - a_page()).save(path)
    assert "has changed since it was read" in Photographer(200)(request).error


def test_a_scan_that_cannot_be_read_says_so(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    pictures = Photographer(200)(PageRequest(path, 0, [Place(QUAD)]))
    assert pictures.fields == []
    assert "a.png" in pictures.error

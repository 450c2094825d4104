"""Pictures of what was read."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import PIL.Image
import pytest
from PIL import ImageDraw

from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind, settle
from pipelines.scoring.overlay import COLOURS, draw_overlay, write_overlay


def quad(left, top, right, bottom):
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return np.array(corners, dtype=np.float64)


@pytest.fixture
def page():
    return np.full((700, 500), 255, dtype=np.uint8)


def has_colour(picture, status):
    return (picture == COLOURS[status]).all(axis=-1)


@pytest.mark.parametrize("status", ["accepted", "rejected", "invalid", "blank"])
def test_a_field_is_framed_in_the_colour_of_its_status(page, status):
    field = FieldReading("042", status, 0.9, quad(100, 300, 300, 340))
    picture = draw_overlay(page, PageReading({"id": field}))
    assert has_colour(picture, status)[300, 100:301].all()
    assert has_colour(picture, status)[300:341, 300].all()


def test_what_is_written_leaves_every_field_free(page):
    quads = [quad(100, top, 400, top + 40) for top in range(200, 440, 45)]
    fields = {
        f"field_{n}": FieldReading("042", "accepted", 0.9, q)
        for n, q in enumerate(quads)
    }
    picture = draw_overlay(page, PageReading(fields))
    for left, top, right, bottom in (
        (100, t, 400, t + 40) for t in range(200, 440, 45)
    ):
        inside = picture[top + 3 : bottom - 2, left + 3 : right - 2]
        assert (inside == 255).all()


@pytest.fixture
def written(monkeypatch):
    """Collect texts and where they are written, rather than only draw them."""
    texts = {}
    rectangle, text = ImageDraw.ImageDraw.rectangle, ImageDraw.ImageDraw.text
    boxes = []

    def keep_box(canvas, box, *args):
        boxes.append(box)
        rectangle(canvas, box, *args)

    def keep_text(canvas, at, words, *args, **options):
        texts[words] = boxes[-1]
        text(canvas, at, words, *args, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "rectangle", keep_box)
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", keep_text)
    return texts


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [(0.9988, "0.99"), (0.8999, "0.89"), (0.29, "0.29"), (1.0, "1.00"), (1e-9, "0.00")],
)
def test_a_confidence_is_never_rounded_up(page, written, confidence, shown):
    field = FieldReading("042", "accepted", confidence, quad(100, 300, 300, 340))
    draw_overlay(page, PageReading({"id": field}))
    assert list(written) == [f"id: 042 ({shown})"]


def test_the_reason_stands_beside_a_field_unless_it_is_the_confidence(page, written):
    place = quad(100, 300, 300, 340)
    rule = Reason(ReasonKind.RULE, "9 is more than 4")
    fields = {
        "a": FieldReading("9", "invalid", 1.0, place, rule),
        "b": replace(settle("9", 0.5, 0.9), quad=place + 100),
    }
    draw_overlay(page, PageReading(fields))
    assert list(written) == ["a: 9 (1.00), 9 is more than 4", "b: 9 (0.50)"]


def apart(box, other):
    return (
        box[2] <= other[0]
        or other[2] <= box[0]
        or box[3] <= other[1]
        or other[3] <= box[1]
    )


def crowd(across, down):
    """Fields side by side, narrower than any label."""
    places = [quad(x, y, x + 40, y + 30) for y in down for x in across]
    return {
        f"field_{n}": FieldReading("042", "accepted", 0.9, place)
        for n, place in enumerate(places)
    }


def test_crowded_labels_move_off_to_free_paper(page, written):
    fields = crowd(range(150, 350, 50), range(100, 340, 40))
    picture = draw_overlay(page, PageReading(fields))
    labels = list(written.values())
    assert len(labels) == len(fields)
    assert all(apart(*pair) for pair in combinations(labels, 2))
    bounds = [(*f.quad[0].tolist(), *f.quad[2].tolist()) for f in fields.values()]
    assert all(apart(*pair) for pair in product(labels, bounds))
    # A line tells to which field a label belongs that is not beside it.
    drawn = has_colour(picture, "accepted")
    for left, top, right, bottom in (*labels, *bounds):
        drawn[int(top) - 2 : int(bottom) + 3, int(left) - 2 : int(right) + 3] = False
    assert drawn.any()


def test_where_no_paper_is_free_every_label_is_drawn_all_the_same(written):
    page = np.full((360, 560), 255, dtype=np.uint8)
    fields = crowd(range(5, 560, 50), range(5, 360, 60))
    draw_overlay(page, PageReading(fields))
    assert len(written) == len(fields)


def test_fields_without_a_place_are_listed_at_the_top(page):
    fields = {"id": FieldReading("", "unlocated", 0.0)}
    picture = draw_overlay(page, PageReading(fields))
    assert has_colour(picture, "unlocated")[:40].any()
    assert (picture[60:] == 255).all()


def test_the_picture_has_the_size_of_the_page_and_leaves_it_alone(page):
    page.flags.writeable = False
    reading = PageReading({"id": FieldReading("1", "accepted", 1.0, quad(0, 0, 9, 9))})
    assert draw_overlay(page, reading).shape == (700, 500, 3)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3000), (3000, 5)])
def test_pages_of_any_shape_can_be_drawn_on(shape):
    field = FieldReading("042", "accepted", 1.0, quad(-50, -50, 9000, 9000))
    reading = PageReading({"id": field, "x" * 300: FieldReading("", "unlocated", 0.0)})
    picture = draw_overlay(np.zeros(shape, np.uint8), reading)
    assert picture.shape == (*shape, 3)


def test_a_picture_is_written_with_the_folders_it_needs(page, tmp_path):
    write_overlay(page, PageReading(error="no comb"), tmp_path / "a" / "b.png")
    with PIL.Image.open(tmp_path / "a" / "b.png") as picture:
        assert picture.size == (500, 700)


def test_no_text_covers_the_captions_of_a_form(page):
    caption = np.s_[276:292, 100:260]
    page[caption][::2, ::2] = 0  # above the field, as captions are
    field = FieldReading("042", "accepted", 0.9, quad(100, 300, 300, 340))
    picture = draw_overlay(page, PageReading({"id": field}))
    assert (picture[caption] == page[caption][..., None]).all()


def test_all_texts_beside_fields_are_of_one_size(page, written):
    rows = ((100, 114), (250, 280), (450, 540))
    fields = {
        f"field_{n}": FieldReading("042", "accepted", 0.9, quad(60, top, 260, bottom))
        for n, (top, bottom) in enumerate(rows)
    }
    draw_overlay(page, PageReading(fields))
    heights = {bottom - top for _, top, _, bottom in written.values()}
    assert len(written) == 3
    assert len(heights) == 1

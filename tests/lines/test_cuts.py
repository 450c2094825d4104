"""Every digit comes out whole, however it leans, touches or is printed over."""

import cv2
import numpy as np
import pytest

from pipelines.lines.arcs import draw_glyphs, join_pieces
from pipelines.lines.cuts import cheapest_paths, cut_writing
from pipelines.lines.ink import (
    estimate_slant,
    find_ruling,
    find_writing,
    measure_contrast,
)


def bars(*lefts, paper=220, ink=60):
    field = np.full((60, 160), paper, dtype=np.uint8)
    for left in lefts:
        field[10:50, left : left + 5] = ink
    return field


def lean(field, degrees):
    shear = np.tan(np.radians(degrees))
    matrix = np.array([[1, -shear, shear * 30], [0, 1, 0]])
    return cv2.warpAffine(field, matrix, field.shape[::-1], borderValue=220)


def pieces_of(field):
    writing = find_writing(field)
    return writing, cut_writing(writing)


def test_what_does_not_touch_is_not_cut():
    _, pieces = pieces_of(bars(20, 60, 100))
    assert len(pieces) == 3
    assert np.all(np.diff(pieces.boxes[:, 1]) > 0)


def test_touching_strokes_are_cut_between_them():
    field = bars(40, 80)
    field[44:47, 40:85] = 60  # a ligature
    writing, pieces = pieces_of(field)
    middles = cheapest_paths(writing)[:, 30]
    assert any(50 < column < 75 for column in middles)
    assert len(pieces) >= 2


def test_a_path_falls_past_a_stroke_rather_than_through_it():
    field = np.full((60, 100), 220, dtype=np.uint8)
    cv2.line(field, (40, 10), (55, 50), 60, 4)
    cv2.line(field, (62, 10), (77, 50), 60, 4)
    writing, pieces = pieces_of(field)
    assert len(pieces) == 2
    assert not np.any(pieces.components[0] == pieces.components[1])
    assert pieces.labels.max() == 2
    assert writing.mask.sum() == np.count_nonzero(pieces.labels)


@pytest.mark.parametrize("slant", [-10, 0, 20, 36])
def test_slant_is_found_and_undone(slant):
    writing, pieces = pieces_of(lean(bars(40, 70, 100), slant))
    assert writing.slant == pytest.approx(slant, abs=3)
    assert estimate_slant(writing.mask) == pytest.approx(0, abs=2)
    assert np.all(pieces.boxes[:, 3] < 9)


@pytest.mark.parametrize("period", [4, 6])
def test_a_printed_pattern_is_no_ink(period):
    pattern = 25 * (np.indices((60, 160)).sum(axis=0) % period == 0)
    field = (bars(50, 100) - pattern * (bars(50, 100) > 100)).astype(np.uint8)
    assert find_writing(np.uint8(220 - pattern)) is None
    assert len(pieces_of(field)[1]) == 2


@pytest.mark.parametrize("height", [24, 150])
def test_writing_of_any_size_is_brought_to_one(height):
    field = bars(20, 60, 100)
    width = round(160 * height / 60)
    writing = find_writing(cv2.resize(field, (width, height)))
    assert writing.height == pytest.approx(40, rel=0.3)
    assert writing.field_shape == (height, width)


def test_a_printed_line_is_taken_away_and_strokes_across_it_stay():
    field = bars(30, 80, 120)
    field[44:46] = 100
    writing, pieces = pieces_of(field)
    assert len(pieces) == 3
    assert writing.mask[:, :25].sum() == 0


@pytest.mark.parametrize("thickness", [2, 4])
def test_a_line_without_gaps_is_printed_even_if_blur_has_made_it_thick(thickness):
    field = bars(30, 70)
    field[52 : 52 + thickness] = 90
    _, pieces = pieces_of(cv2.GaussianBlur(field, (0, 0), 0.7))
    assert len(pieces) == 2


def test_upright_strokes_outweigh_as_many_that_lean_left():
    field = np.full((60, 160), 220, np.uint8)
    for left in (10, 60, 110):
        cv2.line(field, (left, 8), (left + 6, 51), 60, 4)
        cv2.line(field, (left + 24, 12), (left + 24, 50), 60, 4)
    assert find_writing(field).slant == 0.0


def test_a_stroke_along_the_writing_is_no_printed_line():
    field = bars(30, 80, 120)
    field[44:49, 28:126] = 60
    assert find_ruling(measure_contrast(field), 0.3) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (60, 160)])
def test_paper_without_ink_has_no_writing(shape):
    rng = np.random.default_rng(0)
    assert find_writing(np.full(shape, 200, np.uint8)) is None
    assert find_writing(rng.normal(200, 4, shape).astype(np.uint8)) is None


def test_arcs_join_neighbours_and_single_pieces_are_among_them():
    writing, pieces = pieces_of(bars(20, 40, 60, 80))
    arcs = join_pieces(pieces, writing)
    spans = set(zip(arcs.starts.tolist(), arcs.stops.tolist(), strict=True))
    assert {(n, n + 1) for n in range(4)} <= spans
    assert (0, 2) in spans
    assert draw_glyphs(arcs, pieces, writing).shape == (len(arcs), 28, 28)


def test_a_glyph_of_an_arc_holds_its_own_ink_only():
    writing, pieces = pieces_of(bars(20, 40))
    arcs = join_pieces(pieces, writing)
    spans = zip(arcs.starts.tolist(), arcs.stops.tolist(), strict=True)
    glyphs = dict(zip(spans, draw_glyphs(arcs, pieces, writing), strict=True))
    extents = {
        span: np.ptp(np.flatnonzero(glyph.max(axis=0)))
        for span, glyph in glyphs.items()
    }
    assert extents[0, 1] < 5
    assert extents[1, 2] < 5
    assert extents[0, 2] > 10

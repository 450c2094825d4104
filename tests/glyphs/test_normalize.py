"""Glyphs come out as MNIST has them."""

import numpy as np
import pytest

from pipelines import GlyphNormalizer, normalize_glyph


def piece(height, width, shape=(120, 120)):
    image = np.full(shape, 255, dtype=np.uint8)
    image[10 : 10 + height, 10 : 10 + width] = 0
    return image


@pytest.mark.parametrize(("height", "width"), [(80, 30), (30, 80), (7, 5), (100, 3)])
def test_the_longer_side_is_twenty_pixels(height, width):
    rows, columns = np.nonzero(normalize_glyph(piece(height, width)))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


def test_the_centre_of_mass_is_the_middle():
    image = piece(80, 10)
    image[80:90, 10:60] = 0  # a foot pulls the mass down and to the right
    glyph = normalize_glyph(image).astype(np.float64)
    rows, columns = np.indices(glyph.shape)
    for axis in (rows, columns):
        assert (axis * glyph).sum() / glyph.sum() == pytest.approx(13.5, abs=0.6)


def test_ink_is_bright_and_paper_black():
    glyph = normalize_glyph(piece(80, 40))
    assert (glyph[14, 14], glyph[0, 0]) == (255, 0)


def test_a_piece_without_ink_gives_an_empty_glyph():
    assert not normalize_glyph(np.full((9, 9), 255, dtype=np.uint8)).any()


def test_specks_that_fade_give_an_empty_glyph():
    specks = np.full((900, 900), 255, dtype=np.uint8)
    specks[[10, 880], [20, 870]] = 0
    assert not normalize_glyph(specks, stroke_width=0).any()


def test_thin_strokes_are_thickened_on_request():
    thin = normalize_glyph(piece(100, 3), stroke_width=0)
    thick = normalize_glyph(piece(100, 3), stroke_width=2)
    assert (thin[14] > 0).sum() == 1
    assert 2 <= (thick[14] > 100).sum() <= 3


def test_no_pieces_give_no_glyphs():
    assert GlyphNormalizer().transform([]).shape == (0, 28, 28)

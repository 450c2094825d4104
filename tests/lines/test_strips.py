"""Fields become strips of one height and contrast; paper becomes nothing."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines import LineNormalizer, normalize_line


def draw_field(paper=170, ink=80, shape=(60, 200)):
    field = np.full(shape, paper, dtype=np.uint8)
    cv2.putText(field, "4207", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.8, ink, 4)
    return field


def draw_waves(depth, shape=(60, 200)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = np.cos(2 * np.pi * (y + 3 * np.sin(x / 9)) / 6)
    return np.rint(180 - depth * (waves > 0.3)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(60, 200), (33, 62), (94, 307), (10, 40), (200, 90)])
def test_strip_keeps_the_proportions_of_the_field(shape):
    field = np.full(shape, 200, dtype=np.uint8)
    assert normalize_line(field).shape == (32, round(shape[1] * 32 / shape[0]))


@pytest.mark.parametrize(("paper", "ink"), [(250, 20), (170, 80), (120, 40)])
def test_ink_is_bright_and_paper_dark_whatever_the_exposure(paper, ink):
    strip = normalize_line(draw_field(paper, ink))
    assert np.median(strip) == 0
    assert np.percentile(strip, 98) > 200


def test_uneven_light_is_divided_out():
    light = np.linspace(0.6, 1.0, 200)
    shaded = np.rint(draw_field() * light).astype(np.uint8)
    difference = cv2.absdiff(normalize_line(shaded), normalize_line(draw_field()))
    assert difference.mean() < 5


@pytest.mark.parametrize("depth", [0, 8, 16])
def test_empty_field_on_patterned_paper_stays_dark(depth):
    assert normalize_line(draw_waves(depth)).max() < 64


def test_pattern_of_the_paper_is_far_darker_than_ink_on_it():
    field = np.minimum(draw_field(180, 70), draw_waves(20))
    strip = normalize_line(field)
    ink = normalize_line(draw_field(180, 70)) > 200
    paper = cv2.dilate(ink.astype(np.uint8), np.ones((5, 5))) == 0
    assert strip[ink].mean() > 6 * strip[paper].mean()


def test_noise_of_an_empty_field_is_not_raised_to_writing():
    noise = np.random.default_rng(0).normal(200, 6, (60, 200))
    assert normalize_line(np.rint(noise).astype(np.uint8)).max() < 100


def test_low_writing_in_a_high_field_is_cut_out():
    high = np.full((200, 200), 170, dtype=np.uint8)
    high[80:140] = draw_field()
    rows = np.flatnonzero((normalize_line(high) > 128).any(axis=1))
    assert np.ptp(rows) > 18


def test_writing_that_fills_its_field_is_not_cut():
    assert normalize_line(draw_field()).shape == (32, 107)


def test_ruling_line_does_not_count_as_writing():
    high = np.full((200, 200), 170, dtype=np.uint8)
    high[40:100] = draw_field()
    high[180:183] = 60
    assert normalize_line(high).shape[1] > 60


def test_transform_gives_what_the_function_gives():
    [strip] = LineNormalizer(height=48).fit_transform([draw_field()])
    assert_array_equal(strip, normalize_line(draw_field(), height=48))


def test_field_is_left_as_it_was():
    field = draw_field()
    before = field.copy()
    normalize_line(field)
    assert_array_equal(field, before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_smallest_fields_are_no_error(shape):
    strip = normalize_line(np.full(shape, 255, dtype=np.uint8))
    assert strip.shape[0] == 32


def test_colour_field_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"Sample 0: .*cvtColor"):
        LineNormalizer().transform([np.zeros((4, 5, 3), np.uint8)])


def test_fit_refuses_a_height_out_of_range():
    with pytest.raises(ValueError, match="'height' parameter of LineNormalizer"):
        LineNormalizer(height=0).fit([draw_field()])

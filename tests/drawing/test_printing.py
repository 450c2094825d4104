"""The printed form: its boxes are where it says."""

import numpy as np
import pytest

from pipelines.drawing import draw_blank_form


@pytest.fixture(scope="module")
def blank_form():
    return draw_blank_form()


def test_the_blank_form_has_its_combs_where_it_says(blank_form):
    page, fields = blank_form
    for field in fields:
        top, left, height, width = field.box
        dividers = np.rint(np.linspace(left, left + width, field.digits + 1))
        inside = page[top + 5 : top + height - 5]
        assert inside[:, dividers.astype(int)].max() < 160
        assert (page[[top, top + height], left : left + width] < 160).all()
        middles = ((dividers[1:] + dividers[:-1]) / 2).astype(int)
        assert (inside[:, middles] == 255).all()


def test_the_blank_form_scales_with_its_resolution(blank_form):
    page, fields = blank_form
    fine_page, fine_fields = draw_blank_form(dpi=400)
    assert fine_page.shape == pytest.approx(2 * np.array(page.shape), abs=2)
    for coarse, fine in zip(fields, fine_fields, strict=True):
        assert fine.box == pytest.approx(2 * np.array(coarse.box), abs=2)

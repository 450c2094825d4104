"""The picture of a lattice shows its pieces, and the best path first."""

import numpy as np
import pytest
from matplotlib import pyplot

from pipelines import CuttingReader, LatticeDisplay
from pipelines.drawing import draw_string, draw_writer
from pipelines.plotting import share_paths


@pytest.fixture(scope="module")
def display():
    field = draw_string("308", draw_writer(3), random_state=3)
    drawn = LatticeDisplay.from_estimator(CuttingReader(), field)
    yield drawn
    pyplot.close("all")


def test_the_title_says_what_is_read_and_how_surely(display):
    assert repr(display.reading.text) in display.ax_.get_title()
    assert "%" in display.ax_.get_title()


def test_the_best_path_has_a_row_of_its_own(display):
    heights = [line.get_ydata()[0] for line in display.ax_.lines]
    n_best = len(display.reading.arcs)
    assert set(heights[:n_best]) == {min(heights)}
    assert min(heights) not in heights[n_best:]


def test_the_shares_of_the_steps_that_cross_a_column_sum_to_one(display):
    lattice = display.lattice
    shares = share_paths(lattice)
    for cut in range(lattice.n_nodes - 1):
        crossing = (lattice.starts <= cut) & (lattice.stops > cut)
        assert shares[crossing].sum() == pytest.approx(1)


def test_axes_that_are_given_are_drawn_into(display):
    _, ax = pyplot.subplots()
    again = LatticeDisplay(display.segments, display.lattice, None).plot(ax=ax)
    assert again.ax_ is ax
    assert ax.get_title() == "no path"


def test_a_field_without_ink_is_refused():
    paper = np.full((40, 90), 240, np.uint8)
    with pytest.raises(ValueError, match="without ink"):
        LatticeDisplay.from_estimator(CuttingReader(), paper)

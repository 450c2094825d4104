"""Paper is as varied as it says, and cut round whatever is written."""

import numpy as np

from pipelines.drawing.paper import draw_crop, draw_paper, draw_tiles
from pipelines.drawing.strings import Line


def rng(seed=0):
    return np.random.default_rng(seed)


def test_paper_has_a_tone_and_a_pattern():
    tiles = draw_tiles(12, rng())
    papers = [draw_paper((40, 150), tiles, rng(seed)) for seed in range(40)]
    assert {paper.shape for paper in papers} == {(40, 150)}
    # Seeds 0 to 3 give 124 to 145 levels, and a pattern to 75 % of the papers or more.
    assert np.ptp([paper.mean() for paper in papers]) > 60
    assert np.mean([paper.std() > 3 for paper in papers]) > 0.4


def test_field_of_no_writing_is_a_field_all_the_same():
    crop = draw_crop(Line(), np.random.default_rng(0))
    assert min(crop.shape) >= 8

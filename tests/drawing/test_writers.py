"""Writers and hands are drawn anew for every seed."""

import numpy as np

from pipelines.drawing.writers import draw_hand


def test_hands_differ_and_follow_the_seed():
    first, second = (draw_hand(np.random.default_rng(0)) for _ in range(2))
    assert first == second
    assert draw_hand(np.random.default_rng(1)) != first

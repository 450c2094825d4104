"""The grey of the ink is told from that of specks and guides."""

import numpy as np

from pipelines.glyphs.ink import ink_level


def test_pencil_is_ink_among_black_specks():
    pixels = np.full(10_000, 255, dtype=np.uint8)
    pixels[:500], pixels[500:550] = 170, 0
    assert ink_level(pixels) == 170

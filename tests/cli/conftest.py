"""Scans for the command line."""

import cv2
import numpy as np
import pytest

from pipelines.drawing import draw_comb


@pytest.fixture
def draw_scans(tmp_path, monkeypatch):
    """Return a function that draws scans/NAME.png with a comb, in a folder to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scans").mkdir()

    def draw(texts):
        for name, text in texts.items():
            page = np.full((400, 400), 255, np.uint8)
            comb = draw_comb(text, random_state=5)
            page[100 : 100 + comb.shape[0], 50 : 50 + comb.shape[1]] = comb
            cv2.imwrite(f"scans/{name}.png", page)
        return tmp_path

    return draw

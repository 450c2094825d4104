"""Strips of writing to read: scikit-learn's digits, enlarged and set in a row."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lenet_sklearn.strings import StringRecognizer


class DrawnStrips(Sequence):
    """Strips that are drawn when they are asked for, the same each time."""

    def __init__(self, n_strips, seed, *, n_classes=10):
        digits, labels = load_digits(n_class=n_classes, return_X_y=True)
        self.glyphs = digits.reshape(-1, 8, 8).repeat(3, axis=1).repeat(2, axis=2)
        generator = np.random.default_rng(seed)
        lengths = generator.integers(0, 5, n_strips)
        self.picks = [generator.integers(len(labels), size=n) for n in lengths]
        self.texts = ["".join(map(str, labels[pick])) for pick in self.picks]
        self.n_drawn = 0

    def __len__(self):
        return len(self.picks)

    def __getitem__(self, index):
        self.n_drawn += 1
        row = [self.glyphs[pick] for pick in self.picks[index]]
        ink = np.hstack([np.zeros((24, 4)), *row, np.zeros((24, 4))])
        return np.pad(ink * 15.9, ((4, 4), (0, 0))).astype(np.uint8)


@pytest.fixture(scope="session")
def drawn():
    return DrawnStrips(400, seed=0)


@pytest.fixture(scope="session")
def unseen():
    return DrawnStrips(100, seed=1)


@pytest.fixture(scope="session")
def three_digits():
    """Strips of three digits only, which a few epochs teach, and others like them."""
    return tuple(DrawnStrips(n, seed=n, n_classes=3) for n in (400, 100))


@pytest.fixture(scope="session")
def recognizer(drawn):
    """One that reads most of what is drawn, because it begins with what ships."""
    fitted = StringRecognizer(
        network="lenet5_dense",
        initial_weights="lenet5_dense",
        max_epochs=4,
        lr=0.003,
        random_state=0,
        device="cpu",
    )
    return fitted.fit(drawn, drawn.texts)

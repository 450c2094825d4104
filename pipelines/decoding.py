"""From the posteriors of single digits to a string and its probability."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GAP = "_"


def decode_boxes(
    posteriors: Sequence[NDArray[np.float64] | None], characters: Sequence[str]
) -> tuple[str, float]:
    """Read the most probable string in a row of boxes.

    Parameters
    ----------
    posteriors : sequence of ndarray of shape (n_characters,), or None
        Probabilities of the characters for every box; None for a box without
        a digit.

    characters : sequence of str
        What the columns of the posteriors stand for.

    Returns
    -------
    value : str
        Boxes without a digit are dropped before the first and after the last
        digit, and written ``_`` between two.

    probability : float
        That every digit is right: the product of their posteriors. 1 for a
        row without digits.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.decoding import decode_boxes
    >>> sure, unsure = np.array([0.0, 1.0]), np.array([0.75, 0.25])
    >>> decode_boxes([None, sure, None, unsure], "01")
    ('1_0', 0.75)
    """
    written = [n for n, p in enumerate(posteriors) if p is not None]
    if not written:
        return "", 1.0
    value, probability = "", 1.0
    for box in posteriors[written[0] : written[-1] + 1]:
        if box is None:
            value += GAP
        else:
            best = int(np.argmax(box))
            value += characters[best]
            probability *= float(box[best])
    return value, probability

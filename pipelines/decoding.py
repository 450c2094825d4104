"""From the posteriors of single digits to a string and its probability."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.lattice import GAP, read_boxes

__all__ = ["GAP", "decode_boxes"]


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
    [best] = read_boxes(posteriors, characters)
    # What a doubtful piece lacks in probability belongs to no string.
    return best.text, float(np.exp(best.log_score))

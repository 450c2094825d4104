"""What is written into fields: figures of every length and kind."""

from collections.abc import Sequence

import numpy as np

# Share of the strings of 1, 2, ... digits: amounts, counts, codes, and now and then
# an account number. A fiftieth of the fields holds none.
_EMPTY = 0.02
_LENGTHS = np.array(
    [5, 9, 14, 18, 19, 14, 8, 5, 3, 2, 1, 0.5, 0.5, 0.5, 0.25, 0.25], dtype=np.float64
)
_LONGEST = len(_LENGTHS)


def draw_texts(
    n_texts: int, digits: Sequence[str], rng: np.random.Generator
) -> list[str]:
    """Draw strings of digits.

    Parameters
    ----------
    n_texts : int
        How many.

    digits : sequence of str
        The labels to draw from, one character each.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    texts : list of str
        Of 1 to 16 digits; a fiftieth of them empty. Every digit is about as
        frequent; repetitions and trailing zeros are more frequent than chance
        has them, as in amounts.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.draw_texts import draw_texts
    >>> texts = draw_texts(200, "0123456789", np.random.default_rng(0))
    >>> len(texts), max(map(len, texts)) > 8
    (200, True)
    """
    lengths = 1 + rng.choice(_LONGEST, n_texts, p=_LENGTHS / _LENGTHS.sum())
    lengths[rng.random(n_texts) < _EMPTY] = 0
    choices = rng.integers(len(digits), size=(n_texts, _LONGEST))
    _repeat(choices, rng)
    texts = ["".join([digits[i] for i in row]) for row in choices]
    texts = [text[:n] for text, n in zip(texts, lengths, strict=True)]
    round_ones = rng.random(n_texts) < 0.3
    tails = rng.integers(1, 4, n_texts)
    return [
        text[:-tail] + "0" * min(tail, len(text)) if zeros and "0" in digits else text
        for text, tail, zeros in zip(texts, tails, round_ones, strict=True)
    ]


def _repeat(choices: np.ndarray, rng: np.random.Generator) -> None:
    """Make a tenth of the digits repeat the one before, in place."""
    again = rng.random(choices.shape) < 0.1
    for column in range(1, choices.shape[1]):
        rows = again[:, column]
        choices[rows, column] = choices[rows, column - 1]

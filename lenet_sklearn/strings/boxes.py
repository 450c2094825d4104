"""Strings in a row of boxes of one character each."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.decoding import Hypothesis

# What stands for a box without a digit between two digits.
GAP: Final = "_"

# Different fillings of the boxes may read the same: look at a few more of them.
_N_MORE: Final = 5


@dataclass(frozen=True, eq=False)
class BoxPosteriors:
    """What each box of a row may hold.

    Attributes
    ----------
    likely : ndarray of shape (n_boxes, n_characters + 1), dtype float64
        Probability of each character in each box, and, in the last column, that it
        holds none. What a row lacks to 1 belongs to things that are not read, such as
        letters and blots.

    characters : tuple of n_characters str
        What the columns but the last stand for.

    in_place : bool
        Whether empty boxes are ordinary, as in a grid: then a string has a character
        for each box, ``_`` for one without any, unless all are without.
    """

    likely: NDArray[np.float64]
    characters: tuple[str, ...]
    in_place: bool = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoxPosteriors):
            return NotImplemented
        alike = self.characters == other.characters and self.in_place == other.in_place
        return alike and np.array_equal(self.likely, other.likely)

    def __hash__(self) -> int:
        return hash((self.characters, self.in_place, self.likely.tobytes()))

    def emptiness(self, text: str) -> float | None:
        """Return how likely the boxes of a string are empty that it says are.

        Parameters
        ----------
        text : str
            A character for each box, or fewer.

        Returns
        -------
        probability : float or None
            None where an empty box between others is not ordinary.

        Examples
        --------
        >>> import numpy as np
        >>> likely = np.array([[0.0, 0.9], [1.0, 0.0]])
        >>> BoxPosteriors(likely, ("1",), in_place=True).emptiness("_1")
        0.9
        """
        if not self.in_place or len(text) != len(self.likely):
            return None
        empty = [mark == GAP for mark in text]
        return float(self.likely[empty, -1].prod())


def read_boxes(boxes: BoxPosteriors, *, n_best: int = 1) -> list[Hypothesis]:
    """List the most probable strings in a row of boxes.

    Parameters
    ----------
    boxes : BoxPosteriors
        What each of them may hold.

    n_best : int, default=1
        How many strings are wanted.

    Returns
    -------
    readings : list of Hypothesis
        The most probable first; fewer than `n_best` where no more are possible, none
        where a box holds nothing that is read. Boxes without a character are dropped
        before the first and after the last one, and written ``_`` between two, or
        everywhere where strings are written in place.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.boxes import BoxPosteriors, read_boxes
    >>> likely = np.array([[0.1, 0.9, 0.0], [0.0, 0.0, 1.0], [0.75, 0.25, 0.0]])
    >>> for one in read_boxes(BoxPosteriors(likely, ("0", "1")), n_best=2):
    ...     print(one.text, round(one.probability, 3))
    1_0 0.675
    1_1 0.225
    """
    marks = (*boxes.characters, GAP)
    fillings = {"": 1.0}
    for row in boxes.likely.tolist():
        longer = {
            filling + mark: probability * share
            for filling, probability in fillings.items()
            for mark, share in zip(marks, row, strict=True)
            if share > 0
        }
        fillings = dict(nlargest(n_best + _N_MORE, longer.items(), key=_second))
    texts: dict[str, float] = {}
    for filling, probability in fillings.items():
        text = filling.strip(GAP)
        if text and boxes.in_place:
            text = filling
        texts[text] = texts.get(text, 0.0) + probability
    best = nlargest(n_best, texts.items(), key=_second)
    return [Hypothesis(text, probability) for text, probability in best]


def score_filling(boxes: BoxPosteriors, text: str) -> float:
    """Compute the probability that a row of boxes holds a string.

    Parameters
    ----------
    boxes : BoxPosteriors
        What each of them may hold.

    text : str
        Characters, and ``_`` for a box without one between two.

    Returns
    -------
    probability : float
        Wherever in the boxes it begins, the rest of them being empty.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.boxes import BoxPosteriors, score_filling
    >>> boxes = BoxPosteriors(np.array([[0.1, 0.9], [0.8, 0.2]]), ("1",))
    >>> round(score_filling(boxes, "1"), 3), round(score_filling(boxes, "11"), 3)
    (0.74, 0.08)
    """
    columns = {mark: n for n, mark in enumerate((*boxes.characters, GAP))}
    if not set(text) <= set(columns):
        return 0.0
    read = [columns[mark] for mark in text]
    empty = boxes.likely[:, -1]
    total = 0.0
    n_boxes = len(boxes.likely)
    starts: Sequence[int] = range(n_boxes - len(text) + 1) if text else (0,)
    for start in starts:
        stop = start + len(text)
        written = boxes.likely[np.arange(start, stop), read]
        total += float(written.prod() * empty[:start].prod() * empty[stop:].prod())
    return total


def _second(item: tuple[str, float]) -> float:
    return item[1]

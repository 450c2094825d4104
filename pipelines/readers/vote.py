"""From images of free writing to strings, by two readers that vote."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np
from scipy.special import softmax
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from pipelines.images import Image, check_images
from pipelines.readers.base import FreeReader, check_texts
from pipelines.readers.line import LineReader
from pipelines.readers.segment import SegmentReader, check_digits

# Added to every probability: what a reader does not name, or holds for all but
# impossible, can still be right. No reader is so sure that it alone should outweigh
# all others. A tenth of it reads drawn fields less well.
_DOUBT: Final = 0.01


def pool_readings(
    told: Sequence[Mapping[str, float]], weights: Sequence[float]
) -> list[tuple[str, float]]:
    """Multiply the probabilities of several readers: a logarithmic opinion pool.

    Parameters
    ----------
    told : sequence of n_readers mappings of str to float
        Probabilities of the most probable strings, by string.

    weights : sequence of n_readers float
        Powers to which each reader's probabilities are raised.

    Returns
    -------
    pooled : list of tuples of (text, probability)
        Every string that a reader named, the most probable first. Their
        probabilities and that of all that nobody named have the sum of 1.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining probability distributions: a critique
       and an annotated bibliography", Statistical Science 1(1), 1986.

    Examples
    --------
    >>> from pipelines.readers.vote import pool_readings
    >>> told = [{"17": 0.6, "11": 0.3}, {"11": 0.5, "17": 0.3}]
    >>> [(text, round(p, 2)) for text, p in pool_readings(told, (1, 1))]
    [('17', 0.51), ('11', 0.43)]
    """
    texts = list(dict.fromkeys(text for own in told for text in own))
    # The last column is all that is not named, as if it were one string.
    shares = [
        [*(own.get(text, 0.0) for text in texts), max(0.0, 1 - sum(own.values()))]
        for own in told
    ]
    pooled = softmax(np.asarray(weights) @ np.log(np.add(shares, _DOUBT)))[:-1]
    order = np.argsort(-pooled, kind="stable")
    return [(texts[i], float(pooled[i])) for i in order]


# Strings that each reader names, or as many as are wanted.
_CANDIDATES = 5

# What each reader holds for how probable in one field.
Told: TypeAlias = tuple[dict[str, float], ...]


class VoteReader(FreeReader):
    """Read digits that are written freely, both without cutting and by cutting.

    A network that slides over the field and one that tells the pieces of it err on
    different fields. Each names its most probable strings; their probabilities are
    multiplied, each raised to its reader's weight.

    Parameters
    ----------
    line_reader : LineReader, default=None
        Slides. None takes one with the recognizer that ships. `fit` fits a copy, as
        :class:`LineReader` says.

    segment_reader : SegmentReader, default=None
        Cuts. None takes one with the model that ships.

    weights : tuple of two float, default=(1.0, 0.35)
        Powers to which the probabilities of the one and the other are raised. What
        cuts counts for less by default: alone it reads less well.

    Attributes
    ----------
    line_reader_, segment_reader_ : LineReader and SegmentReader
        Copies, fitted on the fields. Only after `fit`.

    See Also
    --------
    LineReader : Alone it is about three times as fast.

    Examples
    --------
    >>> from pipelines import VoteReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["308", "60291"]]
    >>> [str(value) for value in VoteReader().predict(fields)]
    ['308', '60291']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "line_reader": [HasMethods(["fit", "read", "locate"]), None],
        "segment_reader": [HasMethods(["fit", "read", "locate"]), None],
        "weights": ["array-like"],
    }

    def __init__(
        self,
        *,
        line_reader: Any = None,
        segment_reader: Any = None,
        weights: Sequence[float] = (1.0, 0.35),
    ) -> None:
        self.line_reader = line_reader
        self.segment_reader = segment_reader
        self.weights = weights

    def fit(self, X: Sequence[Image], y: Sequence[str]) -> Self:
        """Adapt both readers to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field.

        Returns
        -------
        self : VoteReader
            The reader itself.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit, or the weights are not two numbers
            above 0.
        """
        self._validate_params()
        _check_weights(self.weights)
        line_reader, segment_reader = (clone(reader) for reader in self._given())
        # What cuts is the sooner done, and the sooner finds what is wrong.
        segment_reader.fit(X, y)
        self.line_reader_ = line_reader.fit(X, y)
        self.segment_reader_ = segment_reader
        return self

    def read(
        self,
        X: Sequence[Image],
        *,
        n_best: int = 1,
        lengths: int | Collection[int] | None = None,
        mask: str | None = None,
    ) -> list[list[Any]]:
        """Read the most probable strings of every field.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        n_best : int, default=1
            Strings for each field.

        lengths : int or collection of int, default=None
            Numbers of digits a string may have.

        mask : str, default=None
            ``#`` for any digit; another stands for itself: "20##" for a year.

        Returns
        -------
        readings : list of n_samples lists of at most n_best Hypothesis
            Of a `text` and its `probability`, the best first; none where neither
            reader finds such a string. Probabilities do not look at `lengths`
            and `mask`.
        """
        self._validate_params()
        _check_weights(self.weights)
        fields = check_images(X, caller=type(self).__name__)
        n_named = max(n_best, _CANDIDATES)
        free = self._tell(fields, n_named)
        ruled = free
        if lengths is not None or mask is not None:
            ruled = self._tell(fields, n_named, lengths=lengths, mask=mask)
        return [
            self._decide(told, allowed)[:n_best]
            for told, allowed in zip(free, ruled, strict=True)
        ]

    def locate(
        self, X: Sequence[Image], texts: Sequence[str] | None = None
    ) -> list[list[tuple[int, int]]]:
        """Find where in every field the digits of a string stand.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        texts : sequence of n_samples str, default=None
            What they say; None for what is read.

        Returns
        -------
        spans : list of n_samples lists of tuples of (left, right)
            Columns of the field between which each digit lies: as the reader that
            slides has it, and where that finds no room for the string, as the one
            that cuts.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit, a string is not of digits, or a field
            has no room for it.
        """
        fields = check_images(X, caller=type(self).__name__)
        texts = list(self.predict(fields)) if texts is None else texts
        texts = check_texts(texts, len(fields), caller=type(self).__name__)
        check_digits(texts, caller=type(self).__name__)
        return [
            self._locate_one(index, field, text)
            for index, (field, text) in enumerate(zip(fields, texts, strict=True))
        ]

    def reading_readers(self) -> tuple[Any, Any]:
        """Return what is read with: adapted, given or shipped readers.

        Returns
        -------
        line_reader, segment_reader : LineReader and SegmentReader
            Ready to read.
        """
        if hasattr(self, "segment_reader_"):
            return self.line_reader_, self.segment_reader_
        return self._given()

    def _given(self) -> tuple[Any, Any]:
        line_reader, segment_reader = self.line_reader, self.segment_reader
        return (
            LineReader() if line_reader is None else line_reader,
            SegmentReader() if segment_reader is None else segment_reader,
        )

    def _tell(self, fields: Sequence[Image], n_best: int, **rule: Any) -> list[Told]:
        """Let both readers name their strings of every field."""
        named = [
            reader.read(fields, n_best=n_best, **rule)
            for reader in self.reading_readers()
        ]
        return [
            tuple({one.text: one.probability for one in own} for own in of_field)
            for of_field in zip(*named, strict=True)
        ]

    def _decide(self, told: Told, allowed: Told) -> list[Any]:
        """Pool all strings that were named, and keep those that are allowed."""
        from lenet_sklearn.strings import Hypothesis  # torch takes a second to import

        everything = [own | more for own, more in zip(told, allowed, strict=True)]
        return [
            Hypothesis(text, probability)
            for text, probability in pool_readings(everything, self.weights)
            if any(text in own for own in allowed)
        ]

    def _locate_one(self, index: int, field: Image, text: str) -> list[tuple[int, int]]:
        for reader in self.reading_readers():
            # The reader that slides needs a position for each digit.
            with suppress(ValueError):
                [spans] = reader.locate([field], [text])
                return list(spans)
        raise ValueError(
            f"Sample {index}: the field has no room for {text!r}. Are fields and"
            " strings in the same order?"
        )


def _check_weights(weights: Sequence[float]) -> None:
    try:
        powers = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        powers = np.empty(0)
    if powers.shape != (2,) or not np.isfinite(powers).all() or powers.min() <= 0:
        raise ValueError(
            "VoteReader expects two weights above 0, of the reader that slides and of"
            f" the one that cuts. Got {weights!r}. Use (1.0, 1.0) to trust both alike."
        )

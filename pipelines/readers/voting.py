"""From images of free writing to strings, by pooling two readers' posteriors."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
from scipy.special import softmax

from lenet_sklearn.models.registry import Kind, register_kind
from lenet_sklearn.parameters import HasMethods
from pipelines.forms.notation import SIGNS
from pipelines.images import Image
from pipelines.readers.base import FreeReader, continue_from
from pipelines.readers.free import CuttingReader, SlidingReader, check_digits

# Added to every probability: a string that is no candidate of a reader, or is all but
# impossible to it, can still be right, and no reader alone should outweigh all others.
# A tenth of it reads drawn fields less well.
_SMOOTHING: Final = 0.01


def pool_readings(
    posteriors: Sequence[Mapping[str, float]], weights: Sequence[float]
) -> list[tuple[str, float]]:
    """Multiply the probabilities of several readers: a logarithmic opinion pool.

    Parameters
    ----------
    posteriors : sequence of n_readers mappings of str to float
        Probabilities of the most probable strings, by string.

    weights : sequence of n_readers float
        Powers to which each reader's probabilities are raised.

    Returns
    -------
    pooled : list of tuples of (text, probability)
        The candidates of all readers, the most probable first. Their probabilities
        and that of all other strings have the sum of 1.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining probability distributions: a critique
       and an annotated bibliography", Statistical Science 1(1), 1986.

    Examples
    --------
    >>> from pipelines.readers.voting import pool_readings
    >>> posteriors = [{"17": 0.6, "11": 0.3}, {"11": 0.5, "17": 0.3}]
    >>> [(text, round(p, 2)) for text, p in pool_readings(posteriors, (1, 1))]
    [('17', 0.51), ('11', 0.43)]
    """
    texts = list(dict.fromkeys(text for own in posteriors for text in own))
    # The last column is all that is no candidate, as if it were one string.
    shares = [
        [*(own.get(text, 0.0) for text in texts), max(0.0, 1 - sum(own.values()))]
        for own in posteriors
    ]
    pooled = softmax(np.asarray(weights) @ np.log(np.add(shares, _SMOOTHING)))[:-1]
    order = np.argsort(-pooled, kind="stable")
    return [(texts[i], float(pooled[i])) for i in order]


def pool_signed(
    sliding: Mapping[str, float], cutting: Mapping[str, float], weights: Sequence[float]
) -> list[tuple[str, float]]:
    """Pool the digits of two readers, of which the first reads signs among them too.

    Parameters
    ----------
    sliding : mapping of str to float
        Probabilities of the most probable strings, with signs or without.

    cutting : mapping of str to float
        Probabilities of the most probable strings of digits.

    weights : sequence of 2 float
        Powers to which their probabilities are raised.

    Returns
    -------
    pooled : list of tuples of (text, probability)
        The most probable first. What signs stand among some digits, the first reader
        alone knows.

    Examples
    --------
    >>> from pipelines.readers.voting import pool_signed
    >>> sliding = {"1.7": 0.4, "17": 0.2, "1.1": 0.3}
    >>> pooled = pool_signed(sliding, {"17": 0.9}, (1, 1))
    >>> [(text, round(p, 2)) for text, p in pooled]
    [('1.7', 0.65), ('17', 0.32), ('1.1', 0.01)]
    """
    of_digits: dict[str, dict[str, float]] = {}
    for text, probability in sliding.items():
        of_digits.setdefault(strip_signs(text), {})[text] = probability
    sums = {digits: sum(own.values()) for digits, own in of_digits.items()}
    found = []
    for digits, probability in pool_readings((sums, cutting), weights):
        ways, total = of_digits.get(digits, {digits: 1.0}), sums.get(digits, 1.0)
        found += [
            (text, probability * (share / total if total else 1 / len(ways)))
            for text, share in ways.items()
        ]
    return sorted(found, key=lambda one: -one[1])


def strip_signs(text: str) -> str:
    """Return a string without the signs in it.

    Parameters
    ----------
    text : str
        Digits and signs.

    Returns
    -------
    digits : str

    Examples
    --------
    >>> from pipelines.readers.voting import strip_signs
    >>> strip_signs("-1,234.50")
    '123450'
    """
    return "".join(character for character in text if character not in SIGNS)


# Strings that each reader names, or as many as are wanted.
_N_CANDIDATES = 5

# Probabilities of the candidates of each reader in one field, by string.
Candidates: TypeAlias = tuple[dict[str, float], ...]


class VotingReader(FreeReader):
    """Read digits that are written freely, both without cutting and by cutting.

    A network that slides over the field and one that classifies the pieces of it err
    on different fields. Each names its most probable strings; their probabilities are
    multiplied, each raised to its reader's weight. Signs among the digits are read by
    the one that slides, where its recognizer knows them.

    Parameters
    ----------
    sliding_reader : SlidingReader, default=None
        None takes one with the recognizer that ships. `fit` fits a copy, from what it
        has learned on, as :class:`SlidingReader` says.

    cutting_reader : CuttingReader, default=None
        None takes one with the model that ships.

    weights : tuple of two float, default=(1.6, 0.56)
        Powers to which the probabilities of the one and the other are raised. What
        cuts counts for less by default: alone it reads less well. Both are as high as
        makes the truth of drawn fields most probable: readers that err on different
        fields are surer together than each is.

    Attributes
    ----------
    sliding_reader_, cutting_reader_ : SlidingReader and CuttingReader
        Copies, fitted on the fields. Only after `fit`.

    See Also
    --------
    SlidingReader : Alone it is about three times as fast.

    Notes
    -----
    Digits are located as the reader that slides has them, and where that finds no room
    for a string, as the one that cuts.

    Examples
    --------
    >>> from pipelines import VotingReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["308", "60291"]]
    >>> [str(value) for value in VotingReader().predict(fields)]
    ['308', '60291']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sliding_reader": [HasMethods(["fit", "read", "locate"]), None],
        "cutting_reader": [HasMethods(["fit", "read", "locate"]), None],
        "weights": ["array-like"],
    }

    def __init__(
        self,
        *,
        sliding_reader: Any = None,
        cutting_reader: Any = None,
        weights: Sequence[float] = (1.6, 0.56),
    ) -> None:
        self.sliding_reader = sliding_reader
        self.cutting_reader = cutting_reader
        self.weights = weights

    def reading_readers(self) -> tuple[Any, Any]:
        """Return what is read with: adapted, given or shipped readers.

        Returns
        -------
        sliding_reader, cutting_reader : SlidingReader and CuttingReader
            Ready to read.
        """
        if hasattr(self, "cutting_reader_"):
            return self.sliding_reader_, self.cutting_reader_
        return self._start()

    def _start(self) -> tuple[Any, Any]:
        sliding, cutting = self.sliding_reader, self.cutting_reader
        return (
            SlidingReader() if sliding is None else sliding,
            CuttingReader() if cutting is None else cutting,
        )

    def _check_params(self) -> None:
        super()._check_params()
        _check_weights(self.weights)

    def _fit(self, fields: Sequence[Image], texts: Sequence[str], **given: Any) -> None:
        sliding, cutting = (continue_from(reader) for reader in self._start())
        # What cuts is the sooner done, and the sooner finds what is wrong.
        cutting.fit(fields, list(map(strip_signs, texts)), **given)
        self.sliding_reader_ = sliding.fit(fields, texts, **given)
        self.cutting_reader_ = cutting

    def _read(
        self, fields: Sequence[Image], *, n_best: int = 1, **rule: Any
    ) -> list[list[Any]]:
        n_candidates = max(n_best, _N_CANDIDATES)
        free = self._list_candidates(fields, n_candidates)
        allowed = free
        if any(part is not None for part in rule.values()):
            allowed = self._list_candidates(fields, n_candidates, **rule)
        return [
            self._pool(*candidates)[:n_best]
            for candidates in zip(free, allowed, strict=True)
        ]

    def _list_candidates(
        self, fields: Sequence[Image], n_best: int, **rule: Any
    ) -> list[Candidates]:
        """Let both readers name their strings of every field."""
        named = [
            reader.read(fields, n_best=n_best, **rule)
            for reader in self.reading_readers()
        ]
        return [
            tuple({one.text: one.probability for one in own} for own in of_field)
            for of_field in zip(*named, strict=True)
        ]

    def _pool(self, free: Candidates, allowed: Candidates) -> list[Any]:
        """Pool the posteriors of all candidates, and keep those that are allowed."""
        from lenet_sklearn.strings import Hypothesis  # torch takes a second to import

        sliding, cutting = (own | more for own, more in zip(free, allowed, strict=True))
        return [
            Hypothesis(text, probability)
            for text, probability in pool_signed(sliding, cutting, self.weights)
            if text in allowed[0] or strip_signs(text) in allowed[1]
        ]

    def _locate(
        self, fields: Sequence[Image], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        check_digits(list(map(strip_signs, texts)), caller=type(self).__name__)
        return [
            self._locate_one(index, field, text)
            for index, (field, text) in enumerate(zip(fields, texts, strict=True))
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
            "VotingReader expects two weights above 0, of the reader that slides and of"
            f" the one that cuts. Got {weights!r}. Use (1.0, 1.0) to trust both alike."
        )


register_kind(
    VotingReader.__name__,
    Kind(
        "pipelines.readers.voting.VotingReader",
        "pipelines.models.pack_voting_reader",
        "pipelines.models.unpack_voting_reader",
    ),
)

"""From images of free writing to values with signs: amounts, decimals, dates, times."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.forms.allowed import BREAKING
from pipelines.forms.field import Field
from pipelines.forms.notation import SIGNS
from pipelines.images import Image
from pipelines.outcomes import N_CANDIDATES
from pipelines.readers.free import SlidingReader
from pipelines.readers.voting import VotingReader

SHIPPED: Final = "signs"

# Strings that are looked at: several of them may be one value, as 1,234 and 1.234 are.
_N_STRINGS: Final = 20

# What keeps the rules of its field is so much more common than what breaks them.
_KEEPING_ODDS: Final = (1 - BREAKING) / BREAKING


@cache
def shipped_sign_reader() -> VotingReader:
    """Make the reader of digits and signs that ships, once.

    Returns
    -------
    reader : VotingReader
        Of a network that reads signs, and of pieces of the field, which know digits.

    Examples
    --------
    >>> from pipelines.readers.signs import shipped_sign_reader
    >>> shipped_sign_reader().sliding_reader.recognizer.characters_
    '0123456789.,-/:=*x+'
    """
    return VotingReader(sliding_reader=SlidingReader(load_model(SHIPPED)))


def knows_signs(reader: Any) -> bool:
    """Return whether a reader of lines reads signs among digits.

    Parameters
    ----------
    reader : SlidingReader, CuttingReader, VotingReader or None
        Any.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from pipelines import SlidingReader
    >>> from pipelines.readers.signs import knows_signs, shipped_sign_reader
    >>> knows_signs(SlidingReader()), knows_signs(shipped_sign_reader())
    (False, True)
    """
    sliding = getattr(reader, "sliding_reader", reader)
    recognizer = getattr(sliding, "recognizer", None)
    return bool(set(getattr(recognizer, "characters", "")) & set(SIGNS))


def read_signed(
    reader: Any, images: Sequence[Image], rules: Sequence[Field]
) -> list[list[Hypothesis]]:
    """Read free writing with signs, each as its field writes values.

    Parameters
    ----------
    reader : VotingReader
        Or what reads as it does, and reads signs.

    images : sequence of n ndarrays of shape (height, width), dtype uint8
        Fields without a comb.

    rules : sequence of n Field
        What the form says of each.

    Returns
    -------
    readings : list of n lists of at most 5 Hypothesis
        The most probable value first, unless one that keeps the rules is more probable
        than a slip of the writer's. The probability of a value is that of all the ways
        in which it may be written; `raw` is the most probable of them.
    """
    read = reader.read(list(images), n_best=_N_STRINGS)
    return [
        _ranked(_values_of(strings, rule), rule)
        for strings, rule in zip(read, rules, strict=True)
    ]


def _values_of(strings: Sequence[Any], rule: Field) -> list[Hypothesis]:
    """Put together what are ways to write one value, the most probable value first."""
    ways: dict[str, list[Any]] = {}
    for one in strings:
        ways.setdefault(rule.written_value(one.text), []).append(one)
    values = [
        Hypothesis(text, min(1.0, sum(one.probability for one in own)), own[0].text)
        for text, own in ways.items()
    ]
    return sorted(values, key=lambda one: -one.probability)


def _ranked(values: list[Hypothesis], rule: Field) -> list[Hypothesis]:
    """Put a value that keeps the rules first, where the best one is rather a slip."""
    kept = [one for one in values if not rule.check(one.text)]
    if kept and _KEEPING_ODDS * kept[0].probability >= values[0].probability:
        values = [kept[0], *(one for one in values if one is not kept[0])]
    elif kept and kept[0] not in values[:N_CANDIDATES]:
        values = [*values[: N_CANDIDATES - 1], kept[0]]
    return values[:N_CANDIDATES]

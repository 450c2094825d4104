"""What a reader of strings finds in a field, and which strings it looks for."""

from collections.abc import Collection
from dataclasses import dataclass
from operator import index

from lenet_sklearn.strings.ctc import Symbols


@dataclass(frozen=True)
class Hypothesis:
    """A string that a field may say.

    Parameters
    ----------
    text : str
        The characters, from left to right.

    probability : float
        That the field says this and nothing else, in [0, 1].
    """

    text: str
    probability: float


# What a mask has for any character.
ANY = "#"


@dataclass(frozen=True)
class Constraint:
    """Which strings of symbols may be read.

    Parameters
    ----------
    lengths : frozenset of int, default=None
        Numbers of symbols allowed; None for all.

    places : tuple of int or None, default=None
        The symbol that must stand at each place, None for any. None in place of
        the tuple stands for no mask.

    Examples
    --------
    >>> from lenet_sklearn.strings.hypotheses import Constraint
    >>> Constraint(lengths=frozenset({1, 2})).allows((7, 0, 3))
    False
    """

    lengths: frozenset[int] | None = None
    places: tuple[int | None, ...] | None = None

    @property
    def longest(self) -> float:
        """Largest number of symbols allowed; infinite where there is no limit."""
        return float("inf") if self.lengths is None else max(self.lengths, default=-1)

    def admits(self, symbol: int, place: int) -> bool:
        """Tell whether a symbol may stand at a place of some string allowed."""
        if place >= self.longest:
            return False
        return self.places is None or self.places[place] in (None, symbol)

    def allows(self, symbols: Symbols) -> bool:
        """Tell whether a whole string is allowed."""
        if self.lengths is not None and len(symbols) not in self.lengths:
            return False
        return all(self.admits(symbol, place) for place, symbol in enumerate(symbols))


def make_constraint(
    characters: str, lengths: int | Collection[int] | None, mask: str | None
) -> Constraint:
    """Translate lengths and a mask of characters.

    Parameters
    ----------
    characters : str
        The alphabet; symbols are places in it.

    lengths : int, collection of int or None
        Numbers of characters allowed, such as ``5``, ``range(3, 9)`` or
        ``{4, 6}``.

    mask : str or None
        ``#`` for any character; another stands for itself. Fixes the length.

    Returns
    -------
    constraint : Constraint
        That allows what both allow.

    Raises
    ------
    ValueError
        If a length is negative or no integer, or the mask has a character that
        is not in the alphabet.

    Examples
    --------
    >>> from lenet_sklearn.strings.hypotheses import make_constraint
    >>> year = make_constraint("0123456789", None, "20##")
    >>> year.allows((2, 0, 2, 6)), year.allows((1, 9, 9, 9)), year.allows((2, 0))
    (True, False, False)
    """
    allowed = None if lengths is None else _check_lengths(lengths)
    if mask is None:
        return Constraint(allowed)
    unknown = set(mask) - set(characters) - {ANY}
    if unknown:
        raise ValueError(
            f"The mask {mask!r} has {sorted(unknown)}, which cannot be read. Use"
            f" {ANY} for any character, and characters of {characters!r}."
        )
    places = tuple(None if c == ANY else characters.index(c) for c in mask)
    fixed = frozenset({len(mask)})
    return Constraint(fixed if allowed is None else fixed & allowed, places)


def _check_lengths(lengths: int | Collection[int]) -> frozenset[int]:
    try:
        found = frozenset(
            map(index, lengths if isinstance(lengths, Collection) else [lengths])
        )
    except TypeError:
        found = frozenset({-1})
    if min(found, default=0) < 0:
        raise ValueError(
            "lengths must be an integer or a collection of them, none negative."
            f" Got {lengths!r}. Pass such as 5, range(3, 9) or {{4, 6}}."
        )
    return found

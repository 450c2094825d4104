"""From posteriors along a field to its n best strings: rules and prefix beam search."""

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import index

import numpy as np
from numpy.typing import NDArray

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

    raw : str, default=""
        What is written, character by character, where `text` is another form of it.
    """

    text: str
    probability: float
    raw: str = ""


# What a mask has for any character.
ANY = "#"


@dataclass(frozen=True)
class Constraint:
    """Which strings of symbols, or of characters, may be read.

    Parameters
    ----------
    lengths : frozenset of int, default=None
        Numbers of symbols allowed; None for all.

    places : tuple of int, str or None, default=None
        The symbol that must stand at each place, None for any. None in place of
        the tuple stands for no mask.

    Examples
    --------
    >>> from lenet_sklearn.strings.decoding import Constraint
    >>> Constraint(lengths=frozenset({1, 2})).allows((7, 0, 3))
    False
    """

    lengths: frozenset[int] | None = None
    places: tuple[int | str | None, ...] | None = None

    @cached_property
    def longest(self) -> float:
        """Largest number of symbols allowed; infinite where there is no limit."""
        return float("inf") if self.lengths is None else max(self.lengths, default=-1)

    def admits(self, symbol: int | str, place: int) -> bool:
        """Return whether a symbol may stand at a place of some string allowed."""
        if place >= self.longest:
            return False
        return self.places is None or self.places[place] in (None, symbol)

    def ends(self, length: int) -> bool:
        """Return whether a string may have a length."""
        return self.lengths is None or length in self.lengths

    def allows(self, symbols: Symbols) -> bool:
        """Return whether a whole string is allowed."""
        admitted = (self.admits(symbol, place) for place, symbol in enumerate(symbols))
        return self.ends(len(symbols)) and all(admitted)

    def masked(self, places: tuple[int | str | None, ...]) -> "Constraint":
        """Return a constraint that allows what both this one and a mask allow."""
        fits = self.ends(len(places))
        return Constraint(frozenset({len(places)} if fits else ()), places)


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
    >>> from lenet_sklearn.strings.decoding import make_constraint
    >>> year = make_constraint("0123456789", None, "20##")
    >>> year.allows((2, 0, 2, 6)), year.allows((1, 9, 9, 9)), year.allows((2, 0))
    (True, False, False)
    """
    free = Constraint(None if lengths is None else _check_lengths(lengths))
    if mask is None:
        return free
    unknown = set(mask) - set(characters) - {ANY}
    if unknown:
        raise ValueError(
            f"The mask {mask!r} has {sorted(unknown)}, which cannot be read. Use"
            f" {ANY} for any character, and characters of {characters!r}."
        )
    return free.masked(tuple(None if c == ANY else characters.index(c) for c in mask))


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


# A string and the logarithm of its probability.
Scored = tuple[Symbols, float]

# Symbols less probable than this at a position are not tried there: a string that
# needs one is that improbable as a whole.
_FLOOR = 1e-4

# Positions surer than this of their blank only separate symbols. There are many
# of them, and in a row they count as one.
_SURE_BLANK = 0.999

# Prefixes so much less probable than the best one are dropped, however few there are.
_RATIO = 1e-5

# Prefixes of each length kept where the constraint asks for a length the network
# does not believe in.
_KEPT_PER_LENGTH = 4

# Where probabilities are scaled up again, far from the smallest float.
_SMALL = 1e-200


class _Prefixes:
    """A tree of the strings begun so far: extending one does not copy it."""

    def __init__(self) -> None:
        self.last, self.parent, self.depth = [-1], [-1], [0]
        self.children: dict[tuple[int, int], int] = {}

    def extend(self, node: int, symbol: int) -> int:
        child = self.children.setdefault((node, symbol), len(self.last))
        if child == len(self.last):
            self.last.append(symbol)
            self.parent.append(node)
            self.depth.append(self.depth[node] + 1)
        return child

    def symbols(self, node: int) -> Symbols:
        found = []
        while node:
            found.append(self.last[node])
            node = self.parent[node]
        return tuple(reversed(found))


# Of a prefix: the probability of its paths that end in the blank, and of the others.
_Beam = dict[int, tuple[float, float]]
_NOTHING = (0.0, 0.0)


def search_beam(
    log_posteriors: NDArray[np.float32],
    *,
    n_best: int = 1,
    constraint: Constraint | None = None,
    beam_width: int = 8,
) -> list[Scored]:
    """Find the most probable strings of a field.

    Parameters
    ----------
    log_posteriors : ndarray of shape (n_positions, n_symbols + 1)
        Logarithms of the posteriors along the field, the blank's last.

    n_best : int, default=1
        Strings wanted.

    constraint : Constraint, default=None
        What they must keep to; None for anything.

    beam_width : int, default=8
        Prefixes followed at a time. Fewer than `n_best` cannot find so many.

    Returns
    -------
    strings : list of at most n_best tuples of (symbols, log_probability)
        The best first. A probability is summed over the paths that were followed:
        a little less than that of all paths. It is not raised where the constraint
        rules other strings out, so that a field that does not keep to it shows.
        Empty where the field has no room for any string allowed.

    Notes
    -----
    Takes time and memory for the number of positions.

    References
    ----------
    .. [1] A. Y. Hannun, A. L. Maas, D. Jurafsky, A. Y. Ng, "First-pass large
       vocabulary continuous speech recognition using bi-directional recurrent
       DNNs", 2014, arXiv:1408.2873, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.decoding import search_beam
    >>> field = np.log([[0.6, 0.4], [0.6, 0.4]])
    >>> [(text, round(float(np.exp(p)), 2)) for text, p in search_beam(field, n_best=3)]
    [((0,), 0.84), ((), 0.16)]
    """
    posteriors = np.exp(log_posteriors.astype(np.float64))
    rule = constraint or Constraint()
    found = _search(posteriors, rule, max(beam_width, n_best))
    if not found and rule.lengths:
        found = _search(posteriors, rule, None)
    return found[:n_best]


def _search(
    posteriors: NDArray[np.float64], rule: Constraint, beam_width: int | None
) -> list[Scored]:
    """Follow so many prefixes; where None, some of every length, however unlikely."""
    prefixes = _Prefixes()
    beam: _Beam = {0: (1.0, 0.0)}
    log_scale = 0.0
    for blank, symbols in _steps(posteriors, skim=beam_width is not None):
        if symbols:
            beam = _extend(beam, prefixes, blank, symbols, rule)
            beam = _prune(beam, prefixes, beam_width)
        else:
            beam = {node: ((b + s) * blank, 0.0) for node, (b, s) in beam.items()}
        largest = max(b + s for b, s in beam.values())
        if largest < _SMALL:
            beam = {node: (b / largest, s / largest) for node, (b, s) in beam.items()}
            log_scale += math.log(largest)
    strings = [
        (prefixes.symbols(node), log_scale + math.log(b + s))
        for node, (b, s) in beam.items()
        if b + s > 0 and rule.ends(prefixes.depth[node])
    ]
    return sorted(strings, key=lambda scored: -scored[1])


def _steps(
    posteriors: NDArray[np.float64], skim: bool
) -> Iterator[tuple[float, list[tuple[int, float]]]]:
    """Give the blank's posterior at each position, and the symbols worth trying."""
    floor, sure = (_FLOOR, _SURE_BLANK) if skim else (0.0, math.inf)
    quiet: float | None = None  # 1 is a blank too: it separates equal symbols
    for *chances, blank in posteriors.tolist():
        if blank > sure:
            quiet = blank if quiet is None else quiet * blank
            continue
        if quiet is not None:
            yield quiet, []
            quiet = None
        yield blank, [(i, chance) for i, chance in enumerate(chances) if chance > floor]
    if quiet is not None:
        yield quiet, []


def _extend(
    beam: _Beam,
    prefixes: _Prefixes,
    blank: float,
    symbols: list[tuple[int, float]],
    rule: Constraint,
) -> _Beam:
    """Go on by one position."""
    free = rule.lengths is None
    chances = dict(symbols)
    grown: _Beam = {}
    for node, (ends_blank, ends_symbol) in beam.items():
        total = ends_blank + ends_symbol
        last = prefixes.last[node]
        before = grown.get(node, _NOTHING)
        repeated = ends_symbol * chances.get(last, 0.0)
        grown[node] = (before[0] + total * blank, before[1] + repeated)
        for symbol, chance in symbols:
            if not (free or rule.admits(symbol, prefixes.depth[node])):
                continue
            # The same symbol once more is another one only after a blank.
            gain = chance * (ends_blank if symbol == last else total)
            if gain:
                child = prefixes.extend(node, symbol)
                before = grown.get(child, _NOTHING)
                grown[child] = (before[0], before[1] + gain)
    return grown


def _prune(beam: _Beam, prefixes: _Prefixes, beam_width: int | None) -> _Beam:
    """Keep the most probable prefixes, of all or of each length."""
    ranked = sorted(beam.items(), key=_total, reverse=True)
    if beam_width is not None:
        least = _RATIO * _total(ranked[0])
        return dict(item for item in ranked[:beam_width] if _total(item) >= least)
    n_kept: Counter[int] = Counter()
    kept = {}
    for node, ends in ranked:
        n_kept[prefixes.depth[node]] += 1
        if n_kept[prefixes.depth[node]] <= _KEPT_PER_LENGTH:
            kept[node] = ends
    return kept


def _total(item: tuple[int, tuple[float, float]]) -> float:
    return item[1][0] + item[1][1]

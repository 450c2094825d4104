"""Read the most probable strings in a lattice of hypotheses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.decoding import ANY, Constraint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Lattice:
    """Hypotheses about what stands between the cuts of a field.

    Attributes
    ----------
    starts, stops : ndarrays of shape (n_arcs,), dtype int64
        Cuts between which each arc lies; every arc starts before it stops. The
        field is what lies between cut 0 and the last one.

    scores : ndarray of shape (n_arcs, n_characters), dtype float64
        Logarithms of probabilities, or of odds, for each character on an arc.

    characters : sequence of n_characters str
        What the columns of `scores` stand for; ``""`` is something passed over.
    """

    starts: Ints
    stops: Ints
    scores: Floats
    characters: Sequence[str]

    @property
    def n_nodes(self) -> int:
        """Number of cuts, both ends of the field among them."""
        return int(self.stops.max(initial=0)) + 1


@dataclass(frozen=True)
class LatticeReading:
    """One string, as it may stand in a lattice.

    Attributes
    ----------
    text : str
        The string.

    log_score : float
        Logarithm of the sum over all paths that read so.

    probability : float
        The share of this sum in that over all strings the constraints allow.

    arcs : tuple of int
        Arc of each character, on the best path that reads so.
    """

    text: str
    log_score: float
    probability: float
    arcs: tuple[int, ...]


def read_lattice(
    lattice: Lattice,
    *,
    n_best: int = 1,
    lengths: Collection[int] | None = None,
    mask: str | None = None,
) -> list[LatticeReading]:
    """Find the most probable strings of a lattice.

    The strings with the best paths are found by Viterbi's algorithm; the
    probability of each is the sum over all its paths.

    Parameters
    ----------
    lattice : Lattice
        Hypotheses.

    n_best : int, default=1
        How many strings are wanted.

    lengths : collection of int, default=None
        Lengths a string may have; None for any.

    mask : str, default=None
        What strings look like: ``#`` is any digit, a digit stands for itself,
        as in :func:`pipelines.forms.field.fits_mask`.

    Returns
    -------
    readings : list of LatticeReading
        The most probable first; fewer than `n_best` where there are not so many,
        none where no path obeys the constraints.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), 1998, sections IV
       and V.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.lattice import Lattice, read_lattice
    >>> whole, halves = [0.9, 0.1], [0.1, 0.8]
    >>> lattice = Lattice(
    ...     np.array([0, 0, 1]), np.array([2, 1, 2]),
    ...     np.log([whole, halves, halves]), "01",
    ... )
    >>> [reading.text for reading in read_lattice(lattice, n_best=2)]
    ['0', '11']
    >>> [reading.text for reading in read_lattice(lattice, mask="1#")]
    ['11']
    """
    rule = _make_rule(lengths, mask)
    # A string may gain from the sum over its paths: look at a few more.
    candidates = _best_texts(lattice, rule, n_best + 2)
    total = _sum_paths(lattice, rule)
    readings = []
    for text, arcs in candidates:
        score = score_text(lattice, text)
        probability = float(np.exp(min(score - total, 0.0)))
        readings.append(LatticeReading(text, score, probability, arcs))
    return sorted(readings, key=lambda r: -r.log_score)[:n_best]


def score_text(lattice: Lattice, text: str) -> float:
    """Sum the scores of all paths that read a string.

    Parameters
    ----------
    lattice : Lattice
        Hypotheses.

    text : str
        A string.

    Returns
    -------
    log_score : float
        Logarithm of the sum; minus infinity where no path reads so.
    """
    columns = {character: n for n, character in enumerate(lattice.characters)}
    if not set(text) <= set(columns):
        return -np.inf
    read = np.array([columns[character] for character in text], dtype=np.int64)
    passed = columns.get("")
    sums = np.full((lattice.n_nodes, len(text) + 1), -np.inf)
    sums[0, 0] = 0.0
    for arc in _in_order(lattice):
        before, scores = sums[lattice.starts[arc]], lattice.scores[arc]
        after = sums[lattice.stops[arc]]
        after[1:] = np.logaddexp(after[1:], before[:-1] + scores[read])
        if passed is not None:
            np.logaddexp(after, before + scores[passed], out=after)
    return float(sums[-1, -1])


def score_all(lattice: Lattice) -> float:
    """Sum the scores of all paths, whatever they read.

    Parameters
    ----------
    lattice : Lattice
        Hypotheses.

    Returns
    -------
    log_score : float
        Logarithm of the sum.
    """
    return _sum_paths(lattice, _make_rule(None, None))


def align_text(lattice: Lattice, text: str) -> tuple[int, ...] | None:
    """Find the best path that reads a string.

    Parameters
    ----------
    lattice : Lattice
        Hypotheses.

    text : str
        The string to be read.

    Returns
    -------
    arcs : tuple of int, or None
        Arc of each character; None where no path reads so.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.lattice import Lattice, align_text
    >>> lattice = Lattice(
    ...     np.array([0, 0, 1]), np.array([2, 1, 2]), np.log([[0.5], [0.1], [0.1]]), "7"
    ... )
    >>> align_text(lattice, "77")
    (1, 2)
    """
    found = _best_texts(lattice, _make_rule([len(text)], text), 1)
    return found[0][1] if found else None


def _make_rule(lengths: Collection[int] | None, mask: str | None) -> Constraint:
    rule = Constraint(None if lengths is None else frozenset(lengths))
    if mask is None:
        return rule
    return rule.masked(tuple(None if c == ANY else c for c in mask))


def _n_states(rule: Constraint) -> int:
    """Count states: the numbers of characters so far; one where none are counted."""
    return int(max(rule.longest, 0)) + 1 if rule.lengths is not None else 1


def _follows(rule: Constraint, state: int, character: str) -> int | None:
    """State after a character; None where it must not come."""
    if not character or rule.lengths is None:
        return state
    return state + 1 if rule.admits(character, state) else None


# Characters so far, score of the best path that reads them, its arcs.
_Paths = dict[str, tuple[float, tuple[int, ...]]]


def _best_texts(
    lattice: Lattice, rule: Constraint, n_best: int
) -> list[tuple[str, tuple[int, ...]]]:
    """Viterbi's algorithm with the n best different strings in each state."""
    paths: list[list[_Paths]] = [
        [{} for _ in range(_n_states(rule))] for _ in range(lattice.n_nodes)
    ]
    paths[0][0][""] = (0.0, ())
    order = np.argsort(-lattice.scores, axis=1, kind="stable")
    node = 0
    for arc in _in_order(lattice):
        if lattice.starts[arc] > node:
            node = int(lattice.starts[arc])
            paths[node] = [_pruned(texts, n_best) for texts in paths[node]]
        scores = lattice.scores[arc]
        for state, texts in enumerate(paths[node]):
            if texts:
                steps = _steps(lattice, rule, state, order[arc], n_best)
                _extend(texts, paths[lattice.stops[arc]], steps, scores, arc)
    ends = [t for state, t in enumerate(paths[-1]) if rule.ends(state)]
    # Strings in two states differ in their length.
    merged = {text: path for texts in ends for text, path in texts.items()}
    return [(text, path[1]) for text, path in _pruned(merged, n_best).items()]


def _steps(
    lattice: Lattice, rule: Constraint, state: int, order: Ints, n_best: int
) -> list[tuple[int, str, int]]:
    """Best characters that may come in a state: column, character, next state."""
    steps = []
    for column in order.tolist():
        character = lattice.characters[column]
        after = _follows(rule, state, character)
        if after is not None:
            steps.append((column, character, after))
        if len(steps) > n_best:
            break
    return steps


def _extend(
    texts: _Paths,
    after: list[_Paths],
    steps: list[tuple[int, str, int]],
    scores: Floats,
    arc: int,
) -> None:
    """Continue the paths of one state along one arc."""
    for column, character, state in steps:
        gain = float(scores[column])
        if gain == -np.inf:
            return
        known = after[state]
        for text, (score, arcs) in texts.items():
            longer = text + character
            if longer not in known or known[longer][0] < score + gain:
                known[longer] = (score + gain, (*arcs, arc) if character else arcs)


def _pruned(texts: _Paths, n_best: int) -> _Paths:
    return dict(nlargest(n_best, texts.items(), key=lambda item: item[1][0]))


def _sum_paths(lattice: Lattice, rule: Constraint) -> float:
    """Sum the scores of all paths that obey the rule."""
    sums = np.full((lattice.n_nodes, _n_states(rule)), -np.inf)
    sums[0, 0] = 0.0
    # Columns that lead from one state to another.
    moves = [
        [[_follows(rule, a, c) == b for c in lattice.characters] for b in (a, a + 1)]
        for a in range(_n_states(rule))
    ]
    for arc in _in_order(lattice):
        before, after = sums[lattice.starts[arc]], sums[lattice.stops[arc]]
        gains = np.where(moves, lattice.scores[arc], -np.inf)
        gains = np.logaddexp.reduce(gains, axis=2, initial=-np.inf)
        np.logaddexp(after, before + gains[:, 0], out=after)
        after[1:] = np.logaddexp(after[1:], before[:-1] + gains[:-1, 1])
    ends = [rule.ends(state) for state in range(_n_states(rule))]
    return float(np.logaddexp.reduce(sums[-1, ends], initial=-np.inf))


def _in_order(lattice: Lattice) -> list[int]:
    """Arcs from left to right: those that end in a cut before those that begin."""
    return np.argsort(lattice.starts, kind="stable").tolist()

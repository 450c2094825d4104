"""Fields that add up: what they say together, the sums being kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.forms.allowed import BREAKING, LEAST_SHARE, Beliefs
from pipelines.forms.form import Sum
from pipelines.forms.notation import as_decimal

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

# Partial sums that are followed; of combinations that are less probable than these
# nothing is known.
_MOST_STATES: Final = 2000

# A number of more digits is in no sum, and would not fit into 64 bits.
_MOST_DIGITS: Final = 15


@dataclass(frozen=True)
class _Options:
    """The numbers that a field may be, and their probabilities; the last is no number.

    An empty field counts as 0 among the parts of a sum.
    """

    numbers: Ints
    known: Mask
    empty: Mask
    shares: Floats
    of_text: Mapping[str, int]


@dataclass(frozen=True)
class _Stage:
    """What was followed up to a field: how each option of it goes on from each state.

    `weights` and `after`, of shape (n_states, n_options), are the factor of an option
    and the number of the state that follows, -1 for one that was dropped.
    """

    states: Floats
    weights: Floats
    after: Ints


def weigh_sums(
    beliefs: Mapping[str, Beliefs], sums: Sequence[Sum]
) -> dict[str, Beliefs]:
    """Weigh what fields may say by the sums that they are in.

    One sum in a hundred is wrong on paper; where it is right, that it is so by chance
    is improbable. The probability of each string is summed over what all other fields
    may say.

    Parameters
    ----------
    beliefs : mapping of str to Beliefs
        What each field may say, by name.

    sums : sequence of Sum
        Which fields add up. A sum is passed over if one of its fields is not there.

    Returns
    -------
    beliefs : dict of str to Beliefs
        With the probabilities under all sums together.

    Examples
    --------
    >>> from lenet_sklearn.strings import Hypothesis
    >>> from pipelines import Sum
    >>> from pipelines.forms.allowed import Beliefs
    >>> from pipelines.forms.summing import weigh_sums
    >>> doubted = Beliefs({"4": 0.6, "9": 0.4}, Hypothesis("4", 0.6))
    >>> a, total = (Beliefs({t: 0.999}, Hypothesis(t, 0.999)) for t in ("5", "14"))
    >>> rule = Sum(total="total", parts=("a", "b"))
    >>> joint = weigh_sums({"a": a, "b": doubted, "total": total}, [rule])
    >>> {text: round(share, 3) for text, share in joint["b"].shares.items()}
    {'4': 0.001, '9': 0.999}
    """
    ruled = dict(beliefs)
    present = [s for s in sums if {s.total, *s.parts} <= beliefs.keys()]
    for names, own in _groups(list(beliefs), present):
        ruled |= _weigh_group({name: beliefs[name] for name in names}, own)
    return ruled


def _groups(
    names: Sequence[str], sums: Sequence[Sum]
) -> Iterator[tuple[list[str], list[Sum]]]:
    """Part the fields into groups that no sum joins, in the order of the form."""
    left = list(sums)
    while left:
        own, joined = [left.pop(0)], set()
        for one in own:  # grows
            joined |= {one.total, *one.parts}
            near = [s for s in left if joined & {s.total, *s.parts}]
            own += near
            left = [s for s in left if s not in near]
        yield [name for name in names if name in joined], own


def _weigh_group(
    beliefs: Mapping[str, Beliefs], sums: Sequence[Sum]
) -> dict[str, Beliefs]:
    """Follow all combinations of what some fields say, forwards and backwards."""
    # Sums are of whole numbers: of cents, where an amount has some.
    texts = [text for one in beliefs.values() for text in one.shares]
    places = max(len(text.partition(".")[2]) for text in texts)
    options = [_options(one, places) for one in beliefs.values()]
    names = list(beliefs)
    stages, final, lost = _forward(names, options, sums)
    marginals = _backward(stages, final)
    total = final.sum() + lost
    ruled = {}
    for name, own, marginal in zip(names, options, marginals, strict=True):
        gains = marginal / np.maximum(own.shares, 1e-300) / total
        shares = {
            text: share * float(gains[own.of_text[text]])
            for text, share in beliefs[name].shares.items()
        }
        ruled[name] = replace(beliefs[name], shares=shares)
    return ruled


def _options(beliefs: Beliefs, places: int) -> _Options:
    """Put strings together that are the same number."""
    shares: dict[int | str | None, float] = {}
    keys = {text: _key(text, places) for text in beliefs.shares}
    for text, share in beliefs.shares.items():
        shares[keys[text]] = shares.get(keys[text], 0.0) + share
    other = max(0.0, 1 - sum(shares.values())) + shares.pop(None, 0.0)
    columns = {key: n for n, key in enumerate(shares)} | {None: len(shares)}
    numbers = [key if isinstance(key, int) else 0 for key in columns]
    return _Options(
        np.array(numbers),
        np.array([key is not None for key in columns]),
        np.array([key == "" for key in columns]),
        np.array([*shares.values(), other]),
        {text: columns[key] for text, key in keys.items()},
    )


def _key(text: str, places: int) -> int | str | None:
    """Return the number that a string is, in units of its last place; None for none."""
    if not text:
        return ""
    number = as_decimal(text)
    if number is None or len(text) + places > _MOST_DIGITS:
        return None
    return int(number.scaleb(places))


def _forward(
    names: Sequence[str], options: Sequence[_Options], sums: Sequence[Sum]
) -> tuple[list[_Stage], Floats, float]:
    """Go through the fields; a state is what each sum lacks, and if it is known."""
    lacks, known = np.zeros((1, len(sums)), np.int64), np.ones((1, len(sums)), bool)
    states, lost, stages = np.ones(1), 0.0, []
    places = [[names.index(n) for n in (s.total, *s.parts)] for s in sums]
    begin, end = np.array([(min(own), max(own)) for own in places]).T
    for n, (name, own) in enumerate(zip(names, options, strict=True)):
        running = np.flatnonzero((begin <= n) & (n <= end))
        own_sums = [sums[i] for i in running.tolist()]
        more, sure = _effects(name, own, own_sums)
        lack = (lacks[:, None, running] + more).reshape(-1, len(running))
        sure = (known[:, None, running] & sure).reshape(-1, len(running))
        weights = np.tile(own.shares, len(states))
        done = end[running] == n
        # How much more common than by chance a sum is that is right.
        gains = [_gain(options[names.index(s.total)]) for s in own_sums]
        held = np.where(lack == 0, gains, BREAKING)
        weights *= np.where(sure & done, held, 1.0).prod(axis=1)
        # What is settled, and what cannot be known any more, parts no states.
        lack[~sure | done], sure[:, done] = 0, True
        chances = weights * np.repeat(states, len(own.shares))
        first, after, merged, dropped = _merge(lack, sure, chances)
        shape = len(states), len(own.shares)
        stages.append(_Stage(states, weights.reshape(shape), after.reshape(shape)))
        lacks, known = (np.zeros((len(first), len(sums)), t) for t in (np.int64, bool))
        known[:] = True
        lacks[:, running], known[:, running] = lack[first], sure[first]
        states, lost = merged, lost + dropped
    return stages, states, lost


def _effects(name: str, own: _Options, sums: Sequence[Sum]) -> tuple[Ints, Mask]:
    """Return what each number of a field changes in each sum, and if it is known."""
    is_total = np.array([s.total == name for s in sums], dtype=bool)
    signs = np.array([s.parts.count(name) for s in sums], dtype=np.int64) - is_total
    sure = own.known[:, None] & ~(own.empty[:, None] & is_total)
    return own.numbers[:, None] * signs, sure | (signs == 0)


def _gain(total: _Options) -> float:
    """Return how much more common than by chance it is that a sum is right."""
    n_digits = len(str(total.numbers.max(initial=0)))
    return (1 - BREAKING) / max(LEAST_SHARE, 0.1**n_digits)


def _merge(
    lacks: Ints, known: Mask, chances: Floats
) -> tuple[Ints, Ints, Floats, float]:
    """Join equal states, and drop all but the most probable.

    Returns where each is first seen, the number of the state that each becomes, the
    probabilities, and that of all that was dropped.
    """
    # Odd multipliers: equal rows have equal sums, others all but never.
    factors = np.random.default_rng(0).integers(2**62, size=2 * lacks.shape[1]) * 2 + 1
    keys = (np.column_stack([lacks, known]) * factors).sum(axis=1)
    _, first, after = np.unique(keys, return_index=True, return_inverse=True)
    masses = np.bincount(after, weights=chances).astype(np.float64)
    best = np.argsort(-masses, kind="stable")[:_MOST_STATES]
    places = np.full(len(masses), -1, np.int64)
    places[best] = np.arange(len(best))
    dropped = float(masses.sum() - masses[best].sum())
    return first[best].astype(np.int64), places[after], masses[best], dropped


def _backward(stages: Sequence[_Stage], final: Floats) -> list[Floats]:
    """Sum over all that may come after, and so over all other fields."""
    later = np.ones(len(final))
    marginals = []
    for stage in reversed(stages):
        onward = stage.weights * np.where(stage.after < 0, 0.0, later[stage.after])
        marginals.append(stage.states @ onward)
        later = onward.sum(axis=1)
    return marginals[::-1]

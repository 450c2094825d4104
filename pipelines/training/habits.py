"""What the strings of a pile are like: how long, and which digits follow which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

# Places from the end of a string that have habits of their own: amounts end in 00.
_N_PLACES: Final = 3

# Digits of each kind that are taken to have been seen beforehand, and lengths.
_SEEN: Final = 2.0
_SEEN_LENGTHS: Final = 0.5
_MOST_DIGITS: Final = 16

# Habits count for half: they were learned from strings that are read as they say.
_WEIGHT: Final = 0.5

_DIGITS: Final = "0123456789"


class StringHabits:
    """How often strings of a pile have a length, and a digit before another.

    Parameters
    ----------
    strings : sequence of n_strings str
        Read in the pile.

    weights : sequence of n_strings float
        How sure each is, in [0, 1].

    Examples
    --------
    >>> from pipelines.training.habits import StringHabits
    >>> habits = StringHabits(["1500", "22000", "900"] * 20, [1.0] * 60)
    >>> shares = habits.weigh({"1506": 0.5, "1500": 0.4})
    >>> list(shares)
    ['1500', '1506']
    """

    def __init__(self, strings: Sequence[str], weights: Sequence[float]) -> None:
        self._lengths: Counter[int] = Counter()
        self._before: dict[tuple[int, str], Counter[str]] = {}
        for text, weight in zip(strings, weights, strict=True):
            self._lengths[len(text)] += weight  # type: ignore[assignment]
            for place, digit in _steps(text):
                of_place = self._before.setdefault(place, Counter())
                of_place[digit] += weight  # type: ignore[assignment]

    def weigh(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Weigh strings by how usual they are.

        Parameters
        ----------
        shares : mapping of str to float
            Probabilities of the strings of a field.

        Returns
        -------
        weighed : dict of str to float
            The most probable first; they have the same sum as before.
        """
        gains = {text: np.exp(_WEIGHT * self._log_gain(text)) for text in shares}
        raised = {text: share * gains[text] for text, share in shares.items()}
        scale = sum(shares.values()) / max(sum(raised.values()), 1e-30)
        ranked = sorted(raised, key=raised.__getitem__, reverse=True)
        return {text: float(scale * raised[text]) for text in ranked}

    def _log_gain(self, text: str) -> float:
        """How much more common it is than where all digits are as likely."""
        total = sum(self._lengths.values()) + _SEEN_LENGTHS * _MOST_DIGITS
        gain = np.log((self._lengths[len(text)] + _SEEN_LENGTHS) / total)
        for place, digit in _steps(text):
            seen = self._before.get(place, Counter())
            n_seen = sum(seen.values()) + _SEEN * len(_DIGITS)
            gain += np.log(len(_DIGITS) * (seen[digit] + _SEEN) / n_seen)
        return float(gain)


def _steps(text: str) -> Iterable[tuple[tuple[int, str], str]]:
    """Give every digit from the last one on, with its place and the one behind it."""
    behind = ""
    for place, digit in enumerate(reversed(text)):
        yield (min(place, _N_PLACES), behind), digit
        behind = digit

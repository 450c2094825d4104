"""One field heard by several voices: networks, or one network at several widths."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.beam import Scored, search_beam
from lenet_sklearn.strings.constraints import Constraint
from lenet_sklearn.strings.ctc import Symbols, score_strings
from lenet_sklearn.strings.inference import LogPosteriors

# What each voice says along one field.
Voices = Sequence[LogPosteriors]

# Each voice brings forward so many strings, or as many as are wanted.
_CANDIDATES = 4

# Temperatures tried, 7 % apart.
_TEMPERATURES = np.geomspace(0.5, 8.0, 41)

# One field that was sure and wrong does not decide on the temperature.
_LEAST_DOUBT = 1e-3


def read_voices(
    voices: Voices, *, n_best: int, constraint: Constraint, beam_width: int
) -> list[Scored]:
    """Find the strings that are most probable in the mean of several voices.

    Parameters
    ----------
    voices : sequence of ndarrays of shape (n_positions, n_symbols + 1)
        Logarithms of posteriors along one field. Their positions may differ.

    n_best : int
        Strings wanted.

    constraint : Constraint
        What they must keep to.

    beam_width : int
        Of the search for each voice.

    Returns
    -------
    strings : list of at most n_best tuples of (symbols, log_probability)
        The best first. Candidates are the best strings of each voice; each is
        scored by all of them.
    """
    if len(voices) == 1:
        return search_beam(
            voices[0], n_best=n_best, constraint=constraint, beam_width=beam_width
        )
    candidates: dict[Symbols, None] = {}
    for voice in voices:
        heard = search_beam(
            voice,
            n_best=max(n_best, _CANDIDATES),
            constraint=constraint,
            beam_width=beam_width,
        )
        candidates |= dict.fromkeys(symbols for symbols, _ in heard)
    strings = list(candidates)
    scores = _mean_scores(voices, strings)
    ranked = sorted(zip(strings, scores.tolist(), strict=True), key=lambda s: -s[1])
    return ranked[:n_best]


def fit_voice_temperature(
    fields: Sequence[Voices], strings: Sequence[Symbols], right: Sequence[bool]
) -> float:
    """Find the temperature under which probabilities match what is right.

    Parameters
    ----------
    fields : sequence of n Voices
        Logarithms of posteriors, at the temperature there is now.

    strings : sequence of n tuples of int
        The string read in each field.

    right : sequence of n bool
        Whether it was the right one.

    Returns
    -------
    factor : float
        What the temperature is multiplied by; between 0.5 and 8.
    """
    losses = []
    for factor in _TEMPERATURES:
        scores = [
            _mean_scores([_soften(voice, factor) for voice in voices], [s])
            for voices, s in zip(fields, strings, strict=True)
        ]
        sure = np.exp(np.concatenate(scores)).clip(_LEAST_DOUBT, 1 - _LEAST_DOUBT)
        losses.append(-np.mean(np.log(np.where(right, sure, 1 - sure))))
    return float(_TEMPERATURES[np.argmin(losses)])


def _soften(voice: LogPosteriors, factor: float) -> LogPosteriors:
    """Divide logits, of which the logarithms of posteriors are as good, by a factor."""
    scaled = voice / np.float32(factor)
    total: LogPosteriors = np.logaddexp.reduce(scaled, axis=1, keepdims=True)
    return scaled - total


def _mean_scores(voices: Voices, strings: Sequence[Symbols]) -> NDArray[np.float64]:
    """Logarithm of the mean probability of each string."""
    repeated = [voice for voice in voices for _ in strings]
    scores = score_strings(repeated, [*strings] * len(voices))
    by_voice = scores.reshape(len(voices), len(strings))
    mean: NDArray[np.float64] = np.logaddexp.reduce(by_voice, axis=0) - np.log(
        len(voices)
    )
    return mean

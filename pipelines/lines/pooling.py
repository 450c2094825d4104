"""What several readers say about one field, pooled."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import softmax

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
    >>> from pipelines.lines.pooling import pool_readings
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

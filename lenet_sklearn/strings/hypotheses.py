"""What a reader of strings says about a field."""

from dataclasses import dataclass


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

"""Several string recognizers that vote."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.parameters import COUNT
from lenet_sklearn.strings.reading import BaseStringReader, Members
from lenet_sklearn.strings.recognizer import StringRecognizer
from lenet_sklearn.strings.strips import Strip


class StringCommittee(BaseStringReader):
    """Read strips with several recognizers, and take the mean of their probabilities.

    Each brings forward its best strings; each of these is scored by all, at all
    of their widths; and its probability is the mean.

    Parameters
    ----------
    recognizers : sequence of StringRecognizer, default=()
        Of the same characters; their networks may differ. `fit` trains copies of
        them.

    beam_width : int, default=8
        Beginnings of strings that each follows at a time.

    Attributes
    ----------
    members_ : list of StringRecognizer
        The fitted copies.

    characters_ : str
        What strings consist of, as the members have learned it.

    See Also
    --------
    join_recognizers : Makes a committee of recognizers that are fitted.

    Examples
    --------
    >>> from lenet_sklearn.strings import StringCommittee, StringRecognizer
    >>> committee = StringCommittee(
    ...     [StringRecognizer(network=kind) for kind in ("lenet5_dense", "wide")]
    ... )
    >>> committee.characters
    '0123456789'
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "recognizers": [list, tuple],
        "beam_width": [COUNT],
    }

    members_: list[StringRecognizer]

    def __init__(
        self, recognizers: Sequence[StringRecognizer] = (), *, beam_width: int = 8
    ) -> None:
        self.recognizers = recognizers
        self.beam_width = beam_width

    @property
    def characters(self) -> str:
        """What a string may consist of; of a committee of none there is no such."""
        try:
            return _common_characters(one.characters for one in self.recognizers)
        except ValueError as error:  # so that hasattr can ask
            raise AttributeError(str(error)) from error

    @property
    def characters_(self) -> str:  # type: ignore[override]
        """What strings consist of, as the members have learned it."""
        check_is_fitted(self, "members_")
        return self.members_[0].characters_

    def fit(
        self,
        X: Sequence[Strip],
        y: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train a copy of each recognizer.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0; may be lazy.

        y : sequence of n str
            What they say.

        sample_weight : array-like of shape (n,), default=None
            As for :class:`StringRecognizer`.

        Returns
        -------
        self : StringCommittee
            The fitted committee.

        Raises
        ------
        ValueError, TypeError
            If there is no recognizer, their characters differ, or strips and strings
            do not fit.
        """
        self._validate_params()
        _common_characters(one.characters for one in self.recognizers)
        y = self._check_pairs(X, y)
        self.members_ = [
            clone(member).fit(X, y, sample_weight) for member in self.recognizers
        ]
        return self

    def calibrate(self, X: Sequence[Strip], y: Sequence[str]) -> Self:
        """Fit one factor to the temperatures of all members.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Strips that no member was trained on.

        y : sequence of n str
            What they say.

        Returns
        -------
        self : StringCommittee
            The committee.

        Raises
        ------
        ValueError, TypeError
            If there is no strip, or strips and strings do not fit.
        """
        factor = self._fit_temperature(X, y)
        for member in self.members_:
            member.temperature_ *= factor
        return self

    def _check_ready(self) -> None:
        check_is_fitted(self, "members_")
        self._validate_params()
        for member in self.members_:
            member._check_ready()

    def _members_along(self, strips: Sequence[Strip]) -> list[Members]:
        scored = [member._members_along(strips) for member in self.members_]
        return [
            [posteriors for members in of_strip for posteriors in members]
            for of_strip in zip(*scored, strict=True)
        ]

    @property
    def _steps(self) -> list[float]:
        return [step for member in self.members_ for step in member._steps]


def join_recognizers(recognizers: Sequence[StringRecognizer]) -> StringCommittee:
    """Let fitted recognizers vote, without training them again.

    Parameters
    ----------
    recognizers : sequence of StringRecognizer
        Fitted for the same characters.

    Returns
    -------
    committee : StringCommittee
        Fitted. Fitting it again trains copies of its members anew.

    Raises
    ------
    ValueError
        If there is none, or their characters differ.
    """
    for member in recognizers:
        check_is_fitted(member)
    return join_members(list(recognizers), StringCommittee().beam_width)


def join_members(members: list[StringRecognizer], beam_width: int) -> StringCommittee:
    """Do what the committee's fit does, but for the fitting of its members.

    Parameters
    ----------
    members : list of StringRecognizer
        Fitted, of the same characters.

    beam_width : int
        Of the committee.

    Returns
    -------
    committee : StringCommittee
        Fitted.

    Raises
    ------
    ValueError
        If there is no member, or their characters differ.
    """
    committee = StringCommittee(
        [clone(member) for member in members], beam_width=beam_width
    )
    _common_characters(member.characters_ for member in members)
    # Calibrating it is not to change what others read with.
    committee.members_ = [copy(member) for member in members]
    return committee


def _common_characters(of_each: Iterable[str]) -> str:
    found = sorted(set(of_each))
    if len(found) != 1:
        raise ValueError(
            "StringCommittee expects at least one recognizer, all of the same"
            f" characters. Got characters {found}. Fit them for the same ones."
        )
    return found[0]

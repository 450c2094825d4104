"""Several string recognizers that vote, in one file."""

import os
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from numbers import Integral
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.models.files import (
    ModelFileError,
    read_model,
    weights_of_part,
    write_model,
)
from lenet_sklearn.models.pretrained import model_path
from lenet_sklearn.strings.files import COMMITTEE
from lenet_sklearn.strings.reading import ReadingMixin, Voices, check_pairs
from lenet_sklearn.strings.recognizer import StringRecognizer
from lenet_sklearn.strings.strips import Strip
from lenet_sklearn.validation import Interval


class StringCommittee(ReadingMixin, BaseEstimator):
    """Read strips with several recognizers, and take the mean of what they say.

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
        "beam_width": [Interval(Integral, 1, None, closed="left")],
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

    def fit(self, X: Sequence[Strip], y: Sequence[str]) -> Self:
        """Train a copy of each recognizer.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0; may be lazy.

        y : sequence of n str
            What they say.

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
        y = check_pairs(X, y, caller=type(self).__name__)
        self.members_ = [clone(member).fit(X, y) for member in self.recognizers]
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

    def save(
        self, path: str | os.PathLike[str], *, card: ModelCard | None = None
    ) -> None:
        """Write the fitted committee to one file.

        Parameters
        ----------
        path : str or path
            File to write, by custom ending in ``.safetensors``.

        card : ModelCard, default=None
            Where the model comes from; ``lenet info`` prints it.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        write_model(path, *self._pack(), card=card)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str = "auto") -> Self:
        """Read a committee that :meth:`save` wrote.

        Parameters
        ----------
        path : str or path
            File to read, or the name of a committee that ships with the package.

        device : str, default="auto"
            Where it is to run.

        Returns
        -------
        committee : StringCommittee
            Fitted.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, foreign, or from a newer version.
        """
        header, weights = read_model(model_path(path))
        if header.get("model") != COMMITTEE:
            raise ModelFileError(
                f"{path} is no StringCommittee."
                " Read single recognizers with StringRecognizer.load."
            )
        return cls._restore(path, header, weights, {"device": device})

    def _pack(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Turn the fitted committee into what a file holds."""
        check_is_fitted(self, "members_")
        header = {
            "model": COMMITTEE,
            "members": [member._describe() for member in self.members_],
            "beam_width": int(self.beam_width),
        }
        tensors = {
            f"{index}.{name}": tensor
            for index, member in enumerate(self.members_)
            for name, tensor in member.net_.module_.state_dict().items()
        }
        return header, tensors

    @classmethod
    def _restore(
        cls,
        path: str | os.PathLike[str],
        header: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        params: Mapping[str, Any],
    ) -> Self:
        """Make the committee that a file describes, with some parameters of members."""
        if not header.get("members") or "beam_width" not in header:
            raise ModelFileError(
                f"{path} does not describe a StringCommittee: it names no members, or"
                " no beam_width. Save the model anew with this version."
            )
        members = [
            StringRecognizer._restore(
                path, described, weights_of_part(weights, index), params
            )
            for index, described in enumerate(header["members"])
        ]
        return cls._join(members, header["beam_width"])

    @classmethod
    def _join(cls, members: list[StringRecognizer], beam_width: int) -> Self:
        committee = cls([clone(member) for member in members], beam_width=beam_width)
        _common_characters(member.characters_ for member in members)
        # Calibrating it is not to change what others read with.
        committee.members_ = [copy(member) for member in members]
        return committee

    def _check_ready(self) -> None:
        check_is_fitted(self, "members_")
        self._validate_params()
        for member in self.members_:
            member._check_ready()

    def _listen(self, strips: Sequence[Strip]) -> list[Voices]:
        heard = [member._listen(strips) for member in self.members_]
        return [
            [voice for voices in of_strip for voice in voices]
            for of_strip in zip(*heard, strict=True)
        ]

    @property
    def _steps(self) -> list[float]:
        return [step for member in self.members_ for step in member._steps]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def load_recognizer(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> StringRecognizer | StringCommittee:
    """Read what StringRecognizer.save or StringCommittee.save wrote.

    Parameters
    ----------
    path : str or path
        File to read, or the name of a recognizer that ships with the package.

    device : str, default="auto"
        Where it is to run.

    Returns
    -------
    recognizer : StringRecognizer or StringCommittee
        Fitted.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, foreign, or from a newer version.
    """
    return unpack_recognizer(path, *read_model(model_path(path)), device=device)


def unpack_recognizer(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    *,
    device: str,
) -> StringRecognizer | StringCommittee:
    """Make the recognizer or committee that :func:`pack_recognizer` packed.

    Parameters
    ----------
    path : str or path
        Where it was read, for messages.

    header : mapping
        As it was packed.

    weights : mapping of str to Tensor
        As they were packed.

    device : str
        Where it is to run.

    Returns
    -------
    recognizer : StringRecognizer or StringCommittee
        Fitted.

    Raises
    ------
    ModelFileError
        If it is neither.
    """
    kind = StringCommittee if header.get("model") == COMMITTEE else StringRecognizer
    return kind._restore(path, header, weights, {"device": device})


def pack_recognizer(
    recognizer: StringRecognizer | StringCommittee,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Turn a fitted recognizer or committee into what a file holds.

    Parameters
    ----------
    recognizer : StringRecognizer or StringCommittee
        Fitted.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it.

    weights : dict of str to Tensor
        Those of its networks.
    """
    return recognizer._pack()


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
        check_is_fitted(member, "net_")
    return StringCommittee._join(list(recognizers), StringCommittee().beam_width)


def _common_characters(of_each: Iterable[str]) -> str:
    found = sorted(set(of_each))
    if len(found) != 1:
        raise ValueError(
            "StringCommittee expects at least one recognizer, all of the same"
            f" characters. Got characters {found}. Fit them for the same ones."
        )
    return found[0]

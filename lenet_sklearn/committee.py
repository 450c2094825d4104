"""Several classifiers that vote: scikit-learn's soft voting."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.classifier import LeNet5Classifier, common_temperature
from lenet_sklearn.devices import draw_seed
from lenet_sklearn.inputs import decode_labels, encode_labels
from lenet_sklearn.models.files import ModelFileError, weights_of_part
from lenet_sklearn.packing import pack_classifier, unpack_classifier


def make_committee(
    classifier: LeNet5Classifier,
    *,
    n_members: int = 5,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> VotingClassifier:
    """Make an unfitted committee of copies of a classifier with seeds of their own.

    Parameters
    ----------
    classifier : LeNet5Classifier
        What each member is a copy of. Its `classes` must be None: the committee
        numbers the labels before its members see them.

    n_members : int, default=5
        How many.

    n_jobs : int, default=None
        Processes that train members side by side.

    random_state : int, RandomState instance or None, default=None
        Seed of the first member; each other one has the next.

    Returns
    -------
    committee : VotingClassifier
        With ``voting="soft"``: the mean of the members' posteriors.

    Raises
    ------
    ValueError
        If `classes` is set, or there would be no member.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier, make_committee
    >>> committee = make_committee(LeNet5Classifier(), n_members=3, random_state=0)
    >>> [member.random_state for _, member in committee.estimators]
    [0, 1, 2]
    """
    if classifier.classes is not None:
        raise ValueError(
            "make_committee expects a classifier with classes=None, because the"
            " committee numbers the labels itself. Take classes= away."
        )
    if n_members < 1:
        raise ValueError(f"make_committee expects at least 1 member. Got {n_members}.")
    seed = draw_seed(random_state)
    members = [
        clone(classifier).set_params(random_state=seed + i) for i in range(n_members)
    ]
    return VotingClassifier(_name_members(members), voting="soft", n_jobs=n_jobs)


def join_classifiers(classifiers: Sequence[LeNet5Classifier]) -> VotingClassifier:
    """Let fitted classifiers vote, without training them again.

    Parameters
    ----------
    classifiers : sequence of LeNet5Classifier
        Fitted for the same labels.

    Returns
    -------
    committee : VotingClassifier
        Fitted. Fitting it again trains its members anew.

    Raises
    ------
    ValueError
        If there is none, or their labels differ.
    """
    members = list(classifiers)
    if not members:
        raise ValueError(
            "join_classifiers expects at least one classifier. Got none. Pass some."
        )
    for index, member in enumerate(members):
        check_is_fitted(member)
        if not np.array_equal(member.classes_, members[0].classes_):
            raise ValueError(
                f"Classifier {index}: join_classifiers expects classifiers of the"
                f" labels {members[0].classes_.tolist()}."
                f" Got {member.classes_.tolist()}. Fit them for the same labels."
            )
    return join_members(members, members[0].classes_)


def calibrate_committee(
    committee: VotingClassifier, X: ArrayLike, y: ArrayLike
) -> VotingClassifier:
    """Fit one temperature for all members, under which their mean is most likely.

    Members that are calibrated one by one do not do: their mean is less sure than
    each of them, and is right more often. Unlike that of one classifier, the label
    of an image on which members disagree may change.

    Parameters
    ----------
    committee : VotingClassifier
        Fitted, of :class:`LeNet5Classifier` only. Its members' `temperature_` is
        set.

    X : array-like
        Images it was not trained on.

    y : array-like of shape (n,)
        Their labels.

    Returns
    -------
    committee : VotingClassifier
        The same.

    Raises
    ------
    TypeError
        If a member is something else.

    ValueError
        If there is not one label for each image, or the committee does not know one.

    See Also
    --------
    LeNet5Classifier.calibrate : The same for one classifier.
    """
    members = check_members(committee, "calibrate_committee")
    temperature = common_temperature(committee, members, X, y)
    for member in members:
        member.temperature_ = temperature
    return committee


def members_of(model: LeNet5Classifier | VotingClassifier) -> list[LeNet5Classifier]:
    """List the members of a committee; a classifier that is alone is its own.

    Parameters
    ----------
    model : LeNet5Classifier, or VotingClassifier of them
        Fitted.

    Returns
    -------
    members : list of LeNet5Classifier
        At least one.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier
    >>> from lenet_sklearn.committee import members_of
    >>> len(members_of(LeNet5Classifier.from_pretrained("mnist")))
    1
    """
    return list(getattr(model, "estimators_", [model]))


def check_members(committee: VotingClassifier, caller: str) -> list[LeNet5Classifier]:
    """Return the members of a committee of LeNet5Classifiers.

    Parameters
    ----------
    committee : VotingClassifier
        Fitted.

    caller : str
        Who asks, for messages.

    Returns
    -------
    members : list of LeNet5Classifier
        At least one.

    Raises
    ------
    TypeError
        If a member is something else.
    """
    check_is_fitted(committee, "estimators_")
    for member in committee.estimators_:
        if not isinstance(member, LeNet5Classifier):
            raise TypeError(
                f"{caller} expects members that are LeNet5Classifiers."
                f" Got {type(member).__name__}. Take it out of the committee."
            )
    return list(committee.estimators_)


def _name_members(members: Sequence[LeNet5Classifier]) -> list[tuple[str, Any]]:
    return [(f"lenet5_{index}", member) for index, member in enumerate(members)]


def join_members(
    members: Sequence[LeNet5Classifier], classes: NDArray[Any]
) -> VotingClassifier:
    """Do what the committee's fit does, but for the fitting of its members.

    Parameters
    ----------
    members : sequence of LeNet5Classifier
        Fitted, of the same labels.

    classes : ndarray of shape (n_classes,)
        Labels of the committee.

    Returns
    -------
    committee : VotingClassifier
        Fitted.
    """
    named = _name_members(members)
    # Labels are pinned by the committee; its members then see their numbers only.
    templates = [
        (name, clone(member).set_params(classes=None)) for name, member in named
    ]
    committee = VotingClassifier(templates, voting="soft")
    committee.estimators_ = list(members)
    committee.named_estimators_ = Bunch(**dict(named))
    committee.le_ = LabelEncoder().fit(classes)
    committee.classes_ = committee.le_.classes_
    return committee


def pack_committee(
    committee: VotingClassifier,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Turn a fitted committee into what a file holds.

    Parameters
    ----------
    committee : VotingClassifier
        Fitted, of :class:`lenet_sklearn.LeNet5Classifier` only, with
        ``voting="soft"`` and without weights.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it.

    weights : dict of str to ndarray
        Those of all members; names begin with the index of the member and a dot.

    Raises
    ------
    TypeError
        If a member is something else.

    ValueError
        If it votes otherwise.
    """
    members = check_members(committee, "save_model")
    if committee.voting != "soft" or committee.weights is not None:
        raise ValueError(
            "save_model expects a committee with voting='soft' and weights=None."
            f" Got voting={committee.voting!r} and weights={committee.weights}."
            " Pickle the committee instead."
        )
    packed = [pack_classifier(member) for member in members]
    header = {
        "members": [described for described, _ in packed],
        "classes": encode_labels(committee.classes_),
    }
    weights = {
        f"{index}.{name}": values
        for index, (_, own) in enumerate(packed)
        for name, values in own.items()
    }
    return header, weights


def unpack_committee(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    **params: Any,
) -> VotingClassifier:
    """Make the committee that a file describes.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As from :func:`pack_committee`.

    weights : dict of str to ndarray
        As from :func:`pack_committee`.

    **params : dict
        Parameters of all members, in place of those of the file.

    Returns
    -------
    committee : VotingClassifier
        Fitted.

    Raises
    ------
    ModelFileError
        If the file describes something else, or a module that is not passed.
    """
    members = [
        unpack_classifier(source, own, weights_of_part(weights, index), **params)
        for index, own in enumerate(header.get("members", []))
    ]
    if not members:
        raise ModelFileError(f"{source} is a committee without members. Save it anew.")
    return join_members(members, decode_labels(header["classes"]))

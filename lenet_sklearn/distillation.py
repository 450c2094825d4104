"""Learn from the posteriors of a fitted classifier, beside the labels."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lenet_sklearn.inputs import image_format

if TYPE_CHECKING:  # torch takes seconds to import
    import torch
    from torch import Tensor

    from lenet_sklearn.training.stack import NetworkStack


@dataclass(frozen=True, kw_only=True, eq=False)
class Distillation:
    """Have a network learn from a teacher's posteriors as well as from labels.

    The teacher reads the training batches as they are distorted, and the network learns
    to give the same posteriors, at a temperature that shows which of the wrong classes
    are the less wrong ones [1]_. A committee is so put into one network.

    Parameters
    ----------
    teacher : LeNet5Classifier, or VotingClassifier of them
        Fitted, of the labels of what is trained, on images of the same size in pixels;
        of any architecture. It is not copied with the parameter, and not changed.

    temperature : float, default=2.0
        What the logits of both are divided by, besides a teacher's own `temperature_`.

    share : float, default=0.9
        Of the teacher in the loss, in (0, 1]; the rest is that of the labels.

    Raises
    ------
    ValueError
        If `temperature` or `share` is out of its range.

    Notes
    -----
    What is added to the loss is the Kullback-Leibler divergence of the posteriors,
    times the square of the temperature, which keeps its gradients as large as those of
    the labels. A step costs as much more as the teacher needs to read the batch. The
    defaults were not tuned: labels count for little, as the paper advises. A file of
    the trained classifier does not hold the teacher.

    References
    ----------
    .. [1] G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural
       network", 2015, arXiv:1503.02531, section 2.

    Examples
    --------
    >>> from lenet_sklearn import Distillation, LeNet5Classifier
    >>> teacher = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    >>> pupil = LeNet5Classifier(distillation=Distillation(teacher=teacher))
    >>> pupil.distillation.share
    0.9
    """

    teacher: Any
    temperature: float = 2.0
    share: float = 0.9

    def __post_init__(self) -> None:
        if not isinstance(self.temperature, Real) or not self.temperature > 0:
            raise ValueError(
                "Distillation expects a temperature above 0."
                f" Got {self.temperature!r}. Pass such as 2.0."
            )
        if not isinstance(self.share, Real) or not 0 < self.share <= 1:
            raise ValueError(
                "Distillation expects a share above 0, and at most 1."
                f" Got {self.share!r}. Pass such as 0.5."
            )

    def __sklearn_clone__(self) -> Self:
        # A clone of the teacher would not be fitted.
        return self

    def start(self, classifier: Any, device: "torch.device") -> "Lesson":
        """Make ready to teach a classifier.

        Parameters
        ----------
        classifier : LeNet5Classifier
            Whose labels and size of images are known.

        device : torch.device
            Where it is trained.

        Returns
        -------
        lesson : Lesson
            Copies of the networks that teach, on that device.

        Raises
        ------
        ValueError
            If the teacher is of another kind, of other labels, or of another size.
        """
        members = list(getattr(self.teacher, "estimators_", [self.teacher]))
        if not all(hasattr(member, "net_") for member in members):
            raise ValueError(
                "Distillation expects a teacher that is a fitted LeNet5Classifier or a"
                f" committee of them. Got {self.teacher!r}. Fit it before."
            )
        theirs, ours = self.teacher.classes_, classifier.classes_
        if not np.array_equal(theirs, ours):
            raise ValueError(
                f"Distillation expects a teacher of the labels {ours.tolist()}. Got one"
                f" of {theirs.tolist()}. Name these as classes= of the classifier."
            )
        size = image_format(classifier)["size"]
        others = {image_format(member)["size"] for member in members} - {size}
        if others:
            raise ValueError(
                f"Distillation expects a teacher whose network reads images of {size}."
                f" Got {others.pop()}. Set padding= to that of the teacher."
            )
        networks = [copy.deepcopy(m.net_.module_).to(device).eval() for m in members]
        weights = getattr(self.teacher, "weights", None)
        return Lesson(
            _reader_of(networks),
            [member.temperature_ * self.temperature for member in members],
            np.ones(len(members)) if weights is None else np.asarray(weights, float),
            self.temperature,
            self.share,
        )


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of the batches of one training.

    Attributes
    ----------
    read : callable
        Takes images of shape (n, 1, height, width), as a network does, and returns the
        logits of those that vote, of shape (n_networks, n, n_classes).

    divisors : list of float
        What the logits of each are divided by.

    weights : ndarray of shape (n_networks,)
        How much each counts.

    temperature : float
        What the logits of the network that learns are divided by.

    share : float
        Of the teacher in the loss.
    """

    read: "Callable[[Tensor], Tensor]"
    divisors: list[float]
    weights: "np.ndarray[Any, np.dtype[np.float64]]"
    temperature: float
    share: float

    def posteriors(self, images: "Tensor") -> "Tensor":
        """Read images.

        Parameters
        ----------
        images : Tensor of shape (n, 1, height, width)
            As a network takes them.

        Returns
        -------
        posteriors : Tensor of shape (n, n_classes)
            Means over the networks, at the temperature.
        """
        import torch

        with torch.no_grad():
            divisors = torch.tensor(self.divisors, device=images.device)
            logits = self.read(images).float() / divisors.view(-1, 1, 1)
            said = torch.softmax(logits, dim=2)
            shares = torch.tensor(self.weights / self.weights.sum()).to(said)
            return torch.tensordot(shares, said, dims=1)

    def mix(self, losses: "Tensor", logits: "Tensor", images: "Tensor") -> "Tensor":
        """Add what the teacher says to the losses of a batch.

        Parameters
        ----------
        losses : Tensor of shape (n,), or () for their mean
            By the labels.

        logits : Tensor of shape (n, n_classes)
            Of the network that learns.

        images : Tensor of shape (n, 1, height, width)
            The batch, as it was distorted.

        Returns
        -------
        losses : Tensor of shape (n,)
            Of both.
        """
        from torch.nn import functional

        own = functional.log_softmax(logits / self.temperature, dim=1)
        apart = functional.kl_div(own, self.posteriors(images), reduction="none")
        taught = self.temperature**2 * apart.sum(dim=1)
        return (1 - self.share) * losses + self.share * taught


def _reader_of(networks: "list[Any]") -> "Callable[[Tensor], Tensor]":
    """Read with networks at once where they are alike, which takes half the time."""
    from lenet_sklearn.network import LeNet5
    from lenet_sklearn.training.stack import NetworkStack

    kinds = {
        (type(net), str(net), getattr(net, "input_range", None)) for net in networks
    }
    if len(kinds) > 1 or type(networks[0]) is not LeNet5:
        return partial(_read_each, networks)
    stack = NetworkStack(networks, training=False)
    return partial(_read_at_once, stack, len(networks))


def _read_each(networks: "list[Any]", images: "Tensor") -> "Tensor":
    import torch

    return torch.stack([network(images) for network in networks])


def _read_at_once(stack: "NetworkStack", n_networks: int, images: "Tensor") -> "Tensor":
    return stack(images[:, 0].expand(n_networks, -1, -1, -1))

"""What a teacher says of the batches of a training."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lenet_sklearn.distillation import Distillation
from lenet_sklearn.inputs import image_format
from lenet_sklearn.network import LeNet5
from lenet_sklearn.training.stack import NetworkStack


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

    read: Callable[[Tensor], Tensor]
    divisors: list[float]
    weights: NDArray[np.float64]
    temperature: float
    share: float

    def posteriors(self, images: Tensor) -> Tensor:
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
        with torch.no_grad():
            divisors = torch.tensor(self.divisors, device=images.device)
            logits = self.read(images).float() / divisors.view(-1, 1, 1)
            said = torch.softmax(logits, dim=2)
            shares = torch.tensor(self.weights / self.weights.sum()).to(said)
            return torch.tensordot(shares, said, dims=1)

    def mix(self, losses: Tensor, logits: Tensor, images: Tensor) -> Tensor:
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
        own = functional.log_softmax(logits / self.temperature, dim=1)
        apart = functional.kl_div(own, self.posteriors(images), reduction="none")
        taught = self.temperature**2 * apart.sum(dim=1)
        return (1 - self.share) * losses + self.share * taught


def start_lesson(
    distillation: Distillation, classifier: Any, device: torch.device
) -> Lesson:
    """Make ready to teach a classifier.

    Parameters
    ----------
    distillation : Distillation
        Who teaches, and how much that counts.

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
    members = list(getattr(distillation.teacher, "estimators_", [distillation.teacher]))
    if not all(hasattr(member, "net_") for member in members):
        raise ValueError(
            "Distillation expects a teacher that is a fitted LeNet5Classifier or a"
            f" committee of them. Got {distillation.teacher!r}. Fit it before."
        )
    theirs, ours = distillation.teacher.classes_, classifier.classes_
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
    weights = getattr(distillation.teacher, "weights", None)
    return Lesson(
        _reader_of(networks),
        [member.temperature_ * distillation.temperature for member in members],
        np.ones(len(members)) if weights is None else np.asarray(weights, float),
        distillation.temperature,
        distillation.share,
    )


def _reader_of(networks: Sequence[Any]) -> Callable[[Tensor], Tensor]:
    """Read with networks at once where they are alike, which takes half the time."""
    kinds = {
        (type(net), str(net), getattr(net, "input_range", None)) for net in networks
    }
    if len(kinds) > 1 or type(networks[0]) is not LeNet5:
        return partial(_read_each, networks)
    stack = NetworkStack(networks, training=False)
    return partial(_read_at_once, stack, len(networks))


def _read_each(networks: Sequence[Any], images: Tensor) -> Tensor:
    return torch.stack([network(images) for network in networks])


def _read_at_once(stack: NetworkStack, n_networks: int, images: Tensor) -> Tensor:
    return stack(images[:, 0].expand(n_networks, -1, -1, -1))

"""Train a classifier of characters on strings, through lattices of arcs."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor, nn

from lenet_sklearn.averaging import keep_share
from lenet_sklearn.batches import to_network_input
from lenet_sklearn.classifier import LeNet5Classifier
from lenet_sklearn.devices import seeded
from lenet_sklearn.lattices import align_arcs, string_losses
from lenet_sklearn.schedules import rate_factor
from lenet_sklearn.transfer import take_over

# A string that no path reads has a loss above this, and one that a path reads a
# much smaller one.
_UNREADABLE = 1e3

# Now and then the gradient of a string is many times the usual one, above all in the
# first steps; cut to this norm it does no harm.
_LARGEST_GRADIENT = 5.0

_WEIGHT_DECAY = 0.01


class ArcSample(NamedTuple):
    """A lattice whose string is known.

    Parameters
    ----------
    glyphs : ndarray of shape (n_arcs, height, width), dtype uint8
        How each arc looks, ink bright on 0.

    terms : ndarray of shape (n_arcs, n_terms), dtype float32
        What was measured of each, of mean 0 and deviation 1.

    starts, stops : ndarrays of shape (n_arcs,), dtype int64
        Cuts between which each lies.

    text : sequence of int
        Columns of the characters of the string.
    """

    glyphs: NDArray[np.uint8]
    terms: NDArray[np.float32]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    text: Sequence[int]


class ArcNetwork(nn.Module):
    """Scores of arcs: what a network says of their looks, and a line of their measures.

    Parameters
    ----------
    looks : torch module
        Gives a logit for every character, and in the last column for none.

    measures : torch.nn.Linear
        From terms to as many columns; the last is the score of being passed over.
    """

    def __init__(self, looks: nn.Module, measures: nn.Linear) -> None:
        super().__init__()
        self.looks = looks
        self.measures = measures

    def forward(self, glyphs: Tensor, terms: Tensor) -> Tensor:
        """Score arcs.

        Parameters
        ----------
        glyphs : Tensor of shape (n_arcs, 1, height, width), dtype float32
            Ink 1 on 0.

        terms : Tensor of shape (n_arcs, n_terms), dtype float32
            Measures.

        Returns
        -------
        scores : Tensor of shape (n_arcs, n_characters + 1)
            As for :func:`lenet_sklearn.lattices.string_losses`.
        """
        logits = self.looks(glyphs)
        odds = logits - logits[:, -1:]  # 0 in the last column
        scores: Tensor = odds + self.measures(terms)
        return scores


def add_class(classifier: LeNet5Classifier, label: Any) -> LeNet5Classifier:
    """Make room for one more label in a fitted classifier.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted; not changed.

    label : int or str
        The new label, larger than the others.

    Returns
    -------
    wider : LeNet5Classifier
        Tells the old labels as before, and knows nothing of the new one.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier
    >>> from lenet_sklearn.arcs import add_class
    >>> add_class(LeNet5Classifier.from_pretrained("mnist"), 10).classes_.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    labels = [*classifier.classes_.tolist(), label]
    wider = clone(classifier).set_params(classes=labels, initial_weights=None)
    wider.classes_ = np.array(labels)
    for name in ("image_shape_", "input_scale_", "n_features_in_", "temperature_"):
        setattr(wider, name, getattr(classifier, name))
    with seeded(0, torch.device("cpu")):
        wider.net_ = wider._build_net()
    weights = classifier.net_.module_.state_dict()
    take_over(wider.net_.module_, weights, wider.classes_, classifier.classes_)
    return wider


def train_arcs(
    network: ArcNetwork,
    batches: Iterable[Sequence[ArcSample]],
    *,
    n_steps: int,
    lr: float,
    distort: Callable[[Tensor], Tensor] | None = None,
    initial_share: float = 0.0,
) -> None:
    """Train a network so that the right strings become the most probable ones.

    No arc is told what it is: the gradient of a string reaches the arcs of all its
    paths, by their share in it, and those of all others with the other sign.

    Parameters
    ----------
    network : ArcNetwork
        Changed in place.

    batches : iterable of sequences of ArcSample
        What to learn from. Strings that no path reads teach nothing.

    n_steps : int
        How many batches there are.

    lr : float
        Highest learning rate of a one-cycle schedule.

    distort : callable, default=None
        Changes a batch of glyphs, as a :class:`lenet_sklearn.Distortion` does.

    initial_share : float, default=0.0
        Share of the weights it begins with in those it ends with.

    Notes
    -----
    About a tenth of a millisecond for every arc, on one core.
    """
    begun = deepcopy(network)
    network.train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=lr, weight_decay=_WEIGHT_DECAY
    )
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = lr * rate_factor("one-cycle", step / n_steps)
        losses = _losses(network, batch, distort)
        losses = losses[losses < _UNREADABLE]
        if len(losses):
            optimizer.zero_grad()
            torch.autograd.backward(losses.mean())
            nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
    keep_share(network, begun, initial_share)
    network.eval()


def _losses(
    network: ArcNetwork,
    batch: Sequence[ArcSample],
    distort: Callable[[Tensor], Tensor] | None,
) -> Tensor:
    """Losses of the strings of a batch."""
    device = next(network.parameters()).device
    glyphs = torch.from_numpy(np.concatenate([sample.glyphs for sample in batch]))
    terms = torch.from_numpy(np.concatenate([sample.terms for sample in batch]))
    images = to_network_input(glyphs[:, None].to(device), scale=1)
    if distort is not None:
        images = distort(images)
    # Lattices are many small steps, which a GPU takes no faster.
    scores = network(images, terms.to(device)).cpu()
    arcs = align_arcs(
        [torch.from_numpy(sample.starts) for sample in batch],
        [torch.from_numpy(sample.stops) for sample in batch],
    )
    return string_losses(scores, arcs, [sample.text for sample in batch])

"""Train a classifier of characters on strings, through lattices of arcs."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor, nn
from torch.nn import functional

from lenet_sklearn.classifier import LeNet5Classifier
from lenet_sklearn.training.batches import to_network_input
from lenet_sklearn.training.callbacks import rate_factor
from lenet_sklearn.training.fitting import extend_classes
from lenet_sklearn.training.nets import keep_share

# Stands for minus infinity, whose differences have no gradient: no sum of scores
# comes near it.
_NEVER = -1e5


class Arcs(NamedTuple):
    """Where the arcs of a batch of lattices lie, right ends aligned.

    Parameters
    ----------
    lattices : Tensor of shape (n_arcs,), dtype int64
        Number of the lattice each arc belongs to.

    stops : Tensor of shape (n_arcs,), dtype int64
        Cut at which it ends; the last cut of every lattice is `n_cuts`.

    spans : Tensor of shape (n_arcs,), dtype int64
        Pieces it joins, less one.

    firsts : Tensor of shape (n_lattices,), dtype int64
        First cut of each lattice.

    n_cuts : int
        Cuts of the longest lattice, less one.
    """

    lattices: Tensor
    stops: Tensor
    spans: Tensor
    firsts: Tensor
    n_cuts: int


def align_arcs(starts: Sequence[Tensor], stops: Sequence[Tensor]) -> Arcs:
    """Bring the arcs of several lattices together.

    Parameters
    ----------
    starts, stops : sequences of n_lattices Tensors of shape (n_arcs,), dtype int64
        Cuts between which the arcs of each lattice lie; it begins at cut 0.

    Returns
    -------
    arcs : Arcs
        In the order given.
    """
    counts = torch.tensor([len(own) for own in stops])
    lengths = torch.tensor([int(own.max()) for own in stops])
    n_cuts = int(lengths.max())
    lattices = torch.repeat_interleave(torch.arange(len(counts)), counts)
    ends, begins = torch.cat(list(stops)), torch.cat(list(starts))
    firsts = n_cuts - lengths
    return Arcs(lattices, ends + firsts[lattices], ends - begins - 1, firsts, n_cuts)


def string_losses(scores: Tensor, arcs: Arcs, texts: Sequence[Sequence[int]]) -> Tensor:
    """Compute minus the log-probability of the string of every lattice.

    The probability of a string is the share of its paths in all paths, each
    weighing the exponential of the sum of its scores [1]_.

    Parameters
    ----------
    scores : Tensor of shape (n_arcs, n_characters + 1)
        For every character on every arc, any numbers. The last column is for
        being passed over, which happens to single pieces only.

    arcs : Arcs
        Where they lie.

    texts : sequence of n_lattices sequences of int
        Columns of the characters of each string.

    Returns
    -------
    losses : Tensor of shape (n_lattices,)
        Above 10,000 where no path reads the string.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), 1998, section VI:
       discriminative forward training.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.strings.lattice_training import align_arcs, string_losses
    >>> starts, stops = torch.tensor([0, 0, 1]), torch.tensor([2, 1, 2])
    >>> scores = torch.zeros(3, 3)  # two characters on each of three arcs
    >>> arcs = align_arcs([starts], [stops])
    >>> [loss] = string_losses(scores, arcs, [[0, 1]])
    >>> round(float(torch.exp(-loss)), 4)  # one path of 2 + 3 * 3
    0.0909
    """
    dense = _spread(scores, arcs)
    return _sum_all(dense, arcs) - _sum_texts(dense, arcs, texts)


def _spread(scores: Tensor, arcs: Arcs) -> Tensor:
    """Scores by lattice, cut at the end, span, and character."""
    several = (arcs.spans > 0)[:, None]
    passed = scores[:, -1:].masked_fill(several, _NEVER)
    size = (len(arcs.firsts), arcs.n_cuts + 1, int(arcs.spans.max()) + 1)
    dense = scores.new_full((*size, scores.shape[1]), _NEVER)
    places = (arcs.lattices, arcs.stops, arcs.spans)
    return dense.index_put(places, torch.cat([scores[:, :-1], passed], dim=1))


def _sum_all(dense: Tensor, arcs: Arcs) -> Tensor:
    """Sum over all paths of every lattice."""
    gains = dense.logsumexp(dim=3)
    begin = dense.new_zeros(len(dense))
    sums = [torch.where(arcs.firsts == 0, begin, _NEVER)]
    for cut in range(1, arcs.n_cuts + 1):
        reach = min(dense.shape[2], cut)
        ways = [sums[cut - span - 1] + gains[:, cut, span] for span in range(reach)]
        total = torch.stack(ways).logsumexp(dim=0)
        sums.append(torch.where(arcs.firsts == cut, begin, total))
    return sums[-1]


def _sum_texts(dense: Tensor, arcs: Arcs, texts: Sequence[Sequence[int]]) -> Tensor:
    """Sum over the paths of every lattice that read its text."""
    longest = max(1, *map(len, texts))
    columns = torch.tensor([[*text] + [0] * (longest - len(text)) for text in texts])
    size = (*dense.shape[:3], longest)
    gains = dense.gather(3, columns[:, None, None].expand(size))
    # By the number of characters that were read so far.
    begin = dense.new_full((len(dense), longest + 1), _NEVER)
    begin[:, 0] = 0.0
    firsts = arcs.firsts[:, None]
    sums = [torch.where(firsts == 0, begin, _NEVER)]
    for cut in range(1, arcs.n_cuts + 1):
        ways = [sums[cut - 1] + dense[:, cut, 0, -1:]]
        for span in range(min(dense.shape[2], cut)):
            read = sums[cut - span - 1][:, :-1] + gains[:, cut, span]
            ways.append(functional.pad(read, (1, 0), value=_NEVER))
        total = torch.stack(ways).logsumexp(dim=0)
        sums.append(torch.where(firsts == cut, begin, total))
    lengths = torch.tensor([len(text) for text in texts])
    return sums[-1].gather(1, lengths[:, None])[:, 0]


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

    factor : float, default=1.0
        What its loss is multiplied by.
    """

    glyphs: NDArray[np.uint8]
    terms: NDArray[np.float32]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    text: Sequence[int]
    factor: float = 1.0


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
            As for :func:`lenet_sklearn.strings.lattice_training.string_losses`.
        """
        logits = self.looks(glyphs)
        odds = logits - logits[:, -1:]  # 0 in the last column
        return odds + self.measures(terms)


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
    >>> from lenet_sklearn.strings.lattice_training import add_class
    >>> add_class(LeNet5Classifier.from_pretrained("mnist"), 10).classes_.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    labels = [*classifier.classes_.tolist(), label]
    wider = clone(classifier).set_params(classes=labels, initial_weights=None)
    return extend_classes(wider, classifier)


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
        factors = losses.new_tensor([sample.factor for sample in batch])
        readable = losses < _UNREADABLE
        if readable.any():
            optimizer.zero_grad()
            torch.autograd.backward((losses * factors)[readable].mean())
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

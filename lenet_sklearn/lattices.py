"""Probabilities of strings in lattices of arcs, by the batch and with gradients."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

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
    >>> from lenet_sklearn.lattices import align_arcs, string_losses
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

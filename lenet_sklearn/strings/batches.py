"""Batches of strips to train on, drawn on demand and sorted by width."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lenet_sklearn.strings.ctc import Symbols
from lenet_sklearn.strings.strips import Strip, prepare_strip, stack_strips

# Batches that are drawn together, sorted by width and trained on in random order:
# enough for hardly any padding, few enough to hold.
_CHUNK_BATCHES = 16


@dataclass(frozen=True)
class Targets:
    """What a batch of strips says, as CTC wants it.

    Parameters
    ----------
    symbols : Tensor of shape (n_symbols_in_all,), dtype int64
        The strings, one behind the other.

    lengths : Tensor of shape (n,), dtype int64
        Of each string.

    widths : Tensor of shape (n,), dtype int64
        Of each strip, in pixels.
    """

    symbols: Tensor
    lengths: Tensor
    widths: Tensor


class StripDataset(Dataset[tuple[Strip, Symbols]]):
    """Strips and their strings; a strip is drawn when it is asked for.

    Parameters
    ----------
    strips : sequence of n ndarrays of shape (height, width), dtype uint8
        May be lazy: only its length and single items are asked for.

    strings : sequence of n tuples of int
        What they say.

    least_widths : sequence of n ints
        To which narrower strips are widened, in pixels.

    caller : str
        Whose strips they are, for messages.
    """

    def __init__(
        self,
        strips: Sequence[Strip],
        strings: Sequence[Symbols],
        *,
        least_widths: Sequence[int],
        caller: str,
    ) -> None:
        self.strips = strips
        self.strings = strings
        self.least_widths = least_widths
        self.caller = caller

    def __len__(self) -> int:
        return len(self.strings)

    def __getitem__(self, index: int) -> tuple[Strip, Symbols]:
        strip = prepare_strip(
            self.strips[index], index, self.caller, self.least_widths[index]
        )
        return strip, self.strings[index]


class StripBatches:
    """Walk once over a data set in random batches of strips of similar widths.

    Parameters
    ----------
    dataset : StripDataset
        What to walk over.

    batch_size : int
        Strips in a batch; the last one of a walk may have fewer.
    """

    def __init__(self, dataset: StripDataset, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Targets]]:
        order = torch.randperm(len(self.dataset)).tolist()
        size = self.batch_size
        for start in range(0, len(order), size * _CHUNK_BATCHES):
            chunk = order[start : start + size * _CHUNK_BATCHES]
            samples = [self.dataset[index] for index in chunk]
            samples.sort(key=lambda sample: sample[0].shape[1])
            firsts = range(0, len(samples), size)
            for place in torch.randperm(len(firsts)).tolist():
                first = firsts[place]
                yield collate(samples[first : first + size])


def collate(samples: Sequence[tuple[Strip, Symbols]]) -> tuple[Tensor, Targets]:
    """Make a batch.

    Parameters
    ----------
    samples : sequence of n tuples of (strip, string)
        Strips 32 pixels high.

    Returns
    -------
    strips : Tensor of shape (n, 1, 32, widest), dtype float32
        Ink 1 on 0, narrow ones filled up on the right.

    targets : Targets
        Their strings.
    """
    strips, strings = zip(*samples, strict=True)
    targets = Targets(
        symbols=torch.tensor([s for string in strings for s in string]).long(),
        lengths=torch.tensor([len(string) for string in strings]),
        widths=torch.tensor([strip.shape[1] for strip in strips]),
    )
    return torch.from_numpy(stack_strips(strips)).float() / 255, targets

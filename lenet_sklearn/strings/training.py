"""The training of a string network: batches of strips, and skorch's loop with CTC."""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch import NeuralNet
from skorch.utils import to_tensor
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from lenet_sklearn.devices import draw_seed, resolve_device, seeded
from lenet_sklearn.inference import weights_of
from lenet_sklearn.models.files import ModelFileError, model_path, read_model
from lenet_sklearn.strings.ctc import Symbols, positions_needed
from lenet_sklearn.strings.distortions import StripDistortion, make_strip_distortion
from lenet_sklearn.strings.network import StringNetwork
from lenet_sklearn.strings.strips import (
    LAYOUTS,
    Strip,
    prepare_strip,
    stack_strips,
)
from lenet_sklearn.training.callbacks import copy_callbacks, steer_training
from lenet_sklearn.training.nets import (
    is_state_dict,
    keep_share,
    run_epochs,
    start_from_state,
    take_over,
)
from lenet_sklearn.training.samples import check_weights, repeat_by_weight

if TYPE_CHECKING:  # it imports this module
    from lenet_sklearn.strings.recognizer import StringRecognizer

# Batches that are drawn together, sorted by width and trained on in random order:
# enough for hardly any padding, few enough to hold.
_CHUNK_BATCHES = 16


# A strip, what it says, and what its loss is multiplied by.
Sample: TypeAlias = tuple[Strip, Symbols, float]


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

    factors : Tensor of shape (n,), dtype float32
        What the loss of each is multiplied by.
    """

    symbols: Tensor
    lengths: Tensor
    widths: Tensor
    factors: Tensor


@dataclass(eq=False)
class StripDataset(Dataset[Sample]):
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

    weights : ndarray of shape (n,), dtype float64, or None, default=None
        How much each counts, as :class:`lenet_sklearn.LeNet5Classifier` has it: whole
        numbers say how often a strip is there, others multiply its loss.
    """

    strips: Sequence[Strip]
    strings: Sequence[Symbols]
    least_widths: Sequence[int]
    caller: str
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        rows, factors = np.arange(len(self.strings)), None
        if self.weights is not None:
            rows, factors = repeat_by_weight(self.weights)
        if factors is None:
            factors = np.ones(len(rows))
        self.rows = rows.tolist()
        self.factors = (factors / factors.mean()).tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        row = self.rows[index]
        strip = prepare_strip(
            self.strips[row], row, self.caller, self.least_widths[row]
        )
        return strip, self.strings[row], self.factors[index]


@dataclass(eq=False)
class StripBatches:
    """Walk once over a data set in random batches of strips of similar widths.

    Parameters
    ----------
    dataset : StripDataset
        What to walk over.

    batch_size : int
        Strips in a batch; the last one of a walk may have fewer.
    """

    dataset: StripDataset
    batch_size: int

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


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Targets]:
    """Make a batch.

    Parameters
    ----------
    samples : sequence of n tuples of (strip, string, factor)
        Strips 32 pixels high.

    Returns
    -------
    strips : Tensor of shape (n, 1, 32, widest), dtype float32
        Ink 1 on 0, narrow ones filled up on the right.

    targets : Targets
        Their strings.
    """
    strips, strings, factors = zip(*samples, strict=True)
    targets = Targets(
        symbols=torch.tensor([s for string in strings for s in string]).long(),
        lengths=torch.tensor([len(string) for string in strings]),
        widths=torch.tensor([strip.shape[1] for strip in strips]),
        factors=torch.tensor(factors, dtype=torch.float32),
    )
    return torch.from_numpy(stack_strips(strips)).float() / 255, targets


# CTC now and then gives a gradient many times the usual one, above all in the
# first steps; cut to this norm it does no harm.
_LARGEST_GRADIENT = 10.0


class StringLoss(nn.Module):
    """Mean over a batch of minus the log-probability of the right string, weighted."""

    def forward(self, logits: Tensor, targets: Targets, lengths: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        logits : Tensor of shape (n, n_symbols + 1, n_positions)
            Output of the network.

        targets : Targets
            The right strings.

        lengths : Tensor of shape (n,), dtype int64
            Positions that belong to each strip.

        Returns
        -------
        loss : Tensor of shape ()
        """
        scores = logits.float().permute(2, 0, 1).log_softmax(dim=2)
        if scores.device.type == "mps":  # torch has no CTC there
            scores = scores.cpu()
        losses = functional.ctc_loss(
            scores,
            targets.symbols.to(scores.device),
            lengths,
            targets.lengths,
            blank=scores.shape[2] - 1,
            reduction="none",
        )
        return (losses * targets.factors.to(losses.device)).mean()


class StringNet(NeuralNet):
    """Skorch's net with distorted batches of strips and CTC.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNet`.

    distortion : StripDistortion, or None
        What is done to training batches; None leaves them as they are.
    """

    def __init__(
        self, *args: Any, distortion: StripDistortion | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.distortion = distortion

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        """Distort a batch and compute its loss and gradients."""
        # An autocast around a whole training keeps the first weights for ever.
        torch.clear_autocast_cache()
        strips, targets = batch
        if self.distortion is not None:
            strips = to_tensor(strips, device=self.device)
            widths = targets.widths.to(strips.device)
            strips, widths = self.distortion(strips, widths)
            targets = replace(targets, widths=widths.cpu())
        step = super().train_step_single((strips, targets), **fit_params)
        nn.utils.clip_grad_norm_(self.module_.parameters(), _LARGEST_GRADIENT)
        return step

    def get_loss(
        self, y_pred: Tensor, y_true: Targets, *args: Any, **kwargs: Any
    ) -> Tensor:
        """Compute the loss of a batch."""
        lengths = self.module_.layout.n_positions(y_true.widths)
        return self.criterion_(y_pred, y_true, lengths)


def build_string_net(
    params: Mapping[str, Any], n_samples: int | None = None
) -> StringNet:
    """Make the initialised net that a recognizer's parameters describe.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.strings.StringRecognizer`.

    n_samples : int, default=None
        Strips in an epoch; None for a net that is not to be trained.

    Returns
    -------
    net : StringNet
        With weights drawn from torch's global generator.
    """
    callbacks = []
    if n_samples is not None:
        n_steps = -(-n_samples // params["batch_size"])
        callbacks = [*steer_training(params, n_steps), *copy_callbacks(params)]
    net = StringNet(
        StringNetwork,
        module__kind=params["network"],
        module__n_symbols=len(params["characters"]),
        module__dropout=params["dropout"],
        criterion=StringLoss,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=params["weight_decay"],
        lr=params["lr"],
        max_epochs=params["max_epochs"],
        batch_size=params["batch_size"],
        iterator_train=StripBatches,
        train_split=None,
        callbacks=callbacks,
        callbacks__print_log=None,
        device=str(resolve_device(params["device"])),
        distortion=_distortion(params),
    )
    return net.initialize()


def _distortion(params: Mapping[str, Any]) -> StripDistortion | None:
    given = params["distortion"]
    return None if given is None else make_strip_distortion(given)


def train_network(
    recognizer: "StringRecognizer",
    strips: Sequence[Strip],
    strings: Sequence[Symbols],
    sample_weight: ArrayLike | None = None,
) -> tuple[StringNet, float]:
    """Train a network as a recognizer's parameters say.

    Parameters
    ----------
    recognizer : StringRecognizer
        Whose parameters say how.

    strips : sequence of n ndarrays of shape (height, width), dtype uint8
        What to learn from; may be lazy.

    strings : sequence of n tuples of int
        What they say.

    sample_weight : array-like of shape (n,), default=None
        How much each counts.

    Returns
    -------
    net : StringNet
        Trained.

    temperature : float
        That of what it started from, or 1.
    """
    params = recognizer.get_params(deep=False)
    caller = type(recognizer).__name__
    weights = check_weights(sample_weight, len(strings), caller=caller)
    dataset: Any = StripDataset(
        strips, strings, _least_widths(params, strings), caller, weights
    )
    device = resolve_device(recognizer.device)
    with seeded(draw_seed(recognizer.random_state), device):
        net = build_string_net(params, len(dataset))
        temperature = _start(recognizer, net.module_)
        begun = deepcopy(net.module_)
        run_epochs(net, dataset, recognizer.max_epochs)
        keep_share(net.module_, begun, recognizer.initial_share)
    return net, temperature


def _least_widths(params: Mapping[str, Any], strings: Sequence[Symbols]) -> list[int]:
    """Widths at which each string has room, however narrow distortion makes it."""
    distortion = _distortion(params)
    narrowing = 0.0 if distortion is None else distortion.width
    step = LAYOUTS[params["network"]].step / (1 - narrowing)
    return [math.ceil(step * positions_needed(string)) for string in strings]


def _start(recognizer: "StringRecognizer", network: nn.Module) -> float:
    """Give a network its first weights; return the temperature they bring."""
    ours = _symbols(recognizer.characters)
    if recognizer.warm_start and recognizer.__sklearn_is_fitted__():
        known = _symbols(recognizer.characters_)
        take_over(network, weights_of(recognizer), ours, known)
        return recognizer.temperature_
    source = recognizer.initial_weights
    if source is None:
        return 1.0
    if is_state_dict(source):
        return start_from_state(network, source, ours)
    header, weights = read_model(model_path(source))
    if header.get("model") != "StringRecognizer":
        raise ModelFileError(
            f"{source} is no single StringRecognizer, so its weights cannot start one."
            " Name the file of one."
        )
    theirs = header["params"]
    if theirs["network"] != recognizer.network:
        raise ValueError(
            f"initial_weights={str(source)!r} are of network={theirs['network']!r},"
            f" but StringRecognizer has network={recognizer.network!r}."
            " Set it to the same."
        )
    take_over(network, weights, ours, _symbols(theirs["characters"]))
    return float(header["temperature"])


def _symbols(characters: str) -> NDArray[np.object_]:
    """Classes of a network: the blank is one beside the characters."""
    return np.array([*characters, "blank"], dtype=object)

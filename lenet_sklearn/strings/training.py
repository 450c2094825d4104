"""The training of a string network: skorch's loop, with CTC."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from skorch import NeuralNet
from skorch.utils import to_tensor
from torch import Tensor, nn

from lenet_sklearn.averaging import WeightAverage
from lenet_sklearn.devices import resolve_device
from lenet_sklearn.schedules import RateSchedule, make_course
from lenet_sklearn.strings.batches import StripBatches, Targets
from lenet_sklearn.strings.ctc import ctc_losses
from lenet_sklearn.strings.distortions import StripDistortion, make_strip_distortion
from lenet_sklearn.strings.network import StringNetwork
from lenet_sklearn.training import copy_callbacks

# CTC now and then gives a gradient many times the usual one, above all in the
# first steps; cut to this norm it does no harm.
_LARGEST_GRADIENT = 10.0


class StringLoss(nn.Module):
    """Mean over a batch of minus the log-probability of the right string."""

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
        scores = logits.permute(2, 0, 1).log_softmax(dim=2)
        if scores.device.type == "mps":  # torch has no CTC there
            scores = scores.cpu()
        losses = ctc_losses(
            scores,
            targets=targets.symbols.to(scores.device),
            lengths=lengths,
            target_lengths=targets.lengths,
        )
        return losses.mean()


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
        strips, targets = batch
        if self.distortion is not None:
            strips = to_tensor(strips, device=self.device)
            widths = targets.widths.to(strips.device)
            strips, widths = self.distortion(strips, widths)
            targets = replace(targets, widths=widths.cpu())
        step: dict[str, Tensor] = super().train_step_single(
            (strips, targets), **fit_params
        )
        nn.utils.clip_grad_norm_(self.module_.parameters(), _LARGEST_GRADIENT)
        return step

    def get_loss(
        self, y_pred: Tensor, y_true: Targets, *args: Any, **kwargs: Any
    ) -> Tensor:
        """Compute the loss of a batch."""
        lengths = self.module_.n_positions(y_true.widths)
        loss: Tensor = self.criterion_(y_pred, y_true, lengths)
        return loss


def build_string_net(
    params: Mapping[str, Any], *, callbacks: Sequence[Any] = ()
) -> StringNet:
    """Make the initialised net that a recognizer's parameters describe.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.strings.StringRecognizer`.

    callbacks : sequence of skorch callbacks, default=()
        Those of the training, which come before the user's.

    Returns
    -------
    net : StringNet
        With weights drawn from torch's global generator.
    """
    distortion = params["distortion"]
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
        callbacks=[*callbacks, *copy_callbacks(params)],
        callbacks__print_log=None,
        device=str(resolve_device(params["device"])),
        distortion=None if distortion is None else make_strip_distortion(distortion),
    )
    return net.initialize()


def training_callbacks(params: Mapping[str, Any], n_samples: int) -> list[Any]:
    """Make what steers a training.

    Parameters
    ----------
    params : mapping
        Parameters of the recognizer.

    n_samples : int
        Strips in an epoch.

    Returns
    -------
    callbacks : list of tuples of (name, skorch callback)
        The course of the learning rate, and the mean of the weights if wanted.
    """
    n_steps = -(-n_samples // params["batch_size"])
    callbacks: list[Any] = [("schedule", RateSchedule(make_course(params), n_steps))]
    if params["averaging"] is not None:
        average = WeightAverage(params["averaging"], n_steps, params["max_epochs"])
        callbacks.append(("average", average))
    return callbacks

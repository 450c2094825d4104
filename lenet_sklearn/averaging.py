"""Means of weights: over a training, and of those it began and ended with."""

from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import Tensor

# A moving average starts with the weights themselves and looks back over at most
# this share of the steps: the first ones are not worth remembering.
_YOUNG = 0.1


class WeightAverage(Callback):
    """Average the weights over the training, and put the mean in at its end.

    Parameters
    ----------
    averaging : int or float
        A whole number: the mean of all steps of so many last epochs. A fraction:
        a moving average, which keeps so much of itself in every step.

    n_steps : int
        Batches in an epoch.

    n_epochs : int
        Epochs of the training.

    References
    ----------
    .. [1] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson,
       "Averaging weights leads to wider optima and better generalization",
       Proc. UAI 2018.
    """

    def __init__(self, averaging: float, n_steps: int, n_epochs: int) -> None:
        self.averaging = averaging
        self.n_steps = n_steps
        self.n_epochs = n_epochs

    def initialize(self) -> "WeightAverage":
        """Start anew; skorch calls this for every new network."""
        self.step_ = 0
        self.mean_: list[Tensor] | None = None
        self.done_ = False
        return self

    def on_batch_end(
        self, net: NeuralNetClassifier, training: bool = False, **_: Any
    ) -> None:
        """Take the weights of this step in."""
        if self.done_ or not training:
            return
        share = self._share_of_step()
        self.step_ += 1
        if share <= 0:
            return
        weights = _float_state(net.module_)
        if self.mean_ is None:
            self.mean_ = [tensor.clone() for tensor in weights]
        else:
            with torch.no_grad():
                torch._foreach_lerp_(self.mean_, weights, share)

    def swap(self, net: NeuralNetClassifier) -> None:
        """Exchange the weights of the network and their mean, where there is one.

        Parameters
        ----------
        net : skorch NeuralNetClassifier
            Its module is changed in place. A second call undoes the first.
        """
        for weight, mean in zip(
            _float_state(net.module_), self.mean_ or [], strict=False
        ):
            kept = weight.clone()
            weight.copy_(mean)
            mean.copy_(kept)

    def on_train_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Put the mean into the network; what comes later is not averaged."""
        self.swap(net)
        self.mean_, self.done_ = None, True

    def _share_of_step(self) -> float:
        """Weight of the newest weights in their mean."""
        if self.averaging < 1:
            return max(1 - self.averaging, 1 / (1 + _YOUNG * self.step_))
        first = (self.n_epochs - self.averaging) * self.n_steps
        return 1 / (1 + self.step_ - max(first, 0)) if self.step_ >= first else 0.0


def keep_share(network: torch.nn.Module, begun: torch.nn.Module, share: float) -> None:
    """Move weights part of the way back to those that a training began with.

    Fitted to a few samples, a network forgets some of what it knew; the weights
    between know both, and read better than either [1]_.

    Parameters
    ----------
    network : torch module
        After the training; changed in place.

    begun : torch module
        A copy of it from before.

    share : float
        How much of the way: 0 leaves `network` as it is.

    References
    ----------
    .. [1] M. Wortsman et al., "Robust fine-tuning of zero-shot models", Proc. CVPR
       2022.
    """
    with torch.no_grad():
        torch._foreach_lerp_(_float_state(network), _float_state(begun), share)


def _float_state(network: torch.nn.Module) -> list[Tensor]:
    """Weights and running means; a count of batches has no mean."""
    state = network.state_dict()
    return [tensor for tensor in state.values() if tensor.is_floating_point()]

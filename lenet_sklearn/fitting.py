"""The steps of a classifier's fit."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from lenet_sklearn.devices import resolve_device
from lenet_sklearn.inputs import image_format, label_columns
from lenet_sklearn.models.pretrained import start_from, take_over
from lenet_sklearn.training.batches import ImageDataset
from lenet_sklearn.training.callbacks import (
    KeepBest,
    RateSchedule,
    StopInTime,
    WeightAverage,
    make_course,
)
from lenet_sklearn.training.nets import TrainingNet, build_net, history_columns
from lenet_sklearn.training.samples import Samples, check_groups, check_weights

Weights = tuple[Mapping[str, Tensor], NDArray[Any]]


class FittingMixin(BaseEstimator):
    """From checked images to a trained net, for a classifier.

    Expects the attributes and parameters of
    :class:`lenet_sklearn.LeNet5Classifier`.
    """

    averaging: float | None
    batch_size: int
    class_weight: Mapping[Any, float] | str | None
    classes: ArrayLike | None
    classes_: NDArray[Any]
    device: str
    image_shape_: tuple[int, int]
    initial_weights: str | os.PathLike[str] | None
    max_epochs: int
    net_: TrainingNet
    patience: int
    temperature_: float
    warm_start: bool

    def _weigh(
        self,
        rows: NDArray[Any],
        labels: NDArray[Any],
        sample_weight: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> Samples:
        """Bring together what is known of the training set."""
        weights = check_weights(sample_weight, len(rows))
        columns = label_columns(labels, self.classes_)
        return Samples(rows, columns, weights, check_groups(groups, len(rows)))

    def _place(self, samples: Samples) -> ImageDataset:
        """Put samples on the device of the network."""
        return samples.dataset(
            self.classes_,
            self.class_weight,
            device=resolve_device(self.device),
            reading=image_format(self),
        )

    def _training_callbacks(
        self, n_samples: int, stop: ImageDataset | None
    ) -> dict[str, list[tuple[str, Any]]]:
        """What steers a training of `max_epochs`: before and after the user's."""
        n_steps = -(-n_samples // self.batch_size)
        course = make_course(self.get_params(deep=False))
        callbacks: list[tuple[str, Any]] = [("schedule", RateSchedule(course, n_steps))]
        average = None
        if self.averaging is not None:
            average = WeightAverage(self.averaging, n_steps, self.max_epochs)
            callbacks.append(("average", average))
        if stop is None:
            return {"callbacks": callbacks}
        best = KeepBest(stop, average)
        callbacks.append(("best", best))
        return {
            "callbacks": callbacks,
            "last": [("stop", StopInTime(best, self.patience))],
        }

    def _earlier_weights(self) -> Weights | None:
        """Weights and classes of the last fit, if they are to be used again."""
        if not self.warm_start or not hasattr(self, "net_"):
            return None
        return self.net_.module_.state_dict(), self.classes_

    def _classes_to_learn(self, classes: ArrayLike | None) -> NDArray[Any]:
        """Classes of a partial_fit: told in the first call, the same in all others."""
        if not hasattr(self, "net_"):
            known = self.classes if classes is None else classes
            if known is None:
                raise ValueError(
                    "The first call of LeNet5Classifier.partial_fit must be told all"
                    " classes. Pass classes=np.unique(y_of_all_batches)."
                )
            return np.unique(np.asarray(known))
        if classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"LeNet5Classifier was fitted for the classes {self.classes_.tolist()}."
                f" Got classes={np.unique(classes).tolist()}. Use fit to start anew."
            )
        return self.classes_

    def _start(self, network: nn.Module, earlier: Weights | None) -> float:
        """Give a network its first weights; return the temperature they bring."""
        if earlier is not None:
            take_over(network, earlier[0], self.classes_, earlier[1])
            return self.temperature_
        if self.initial_weights is None:
            return 1.0
        return start_from(
            network,
            self.initial_weights,
            classes=self.classes_,
            params=self.get_params(deep=False),
        )

    def _keep(self, net: TrainingNet) -> None:
        """Keep what a training gave."""
        self.net_ = net
        self.history_ = history_columns(net.history)
        self.best_epoch_ = len(net.history)
        best = dict(net.callbacks_).get("best")
        if best is not None and best.n_epochs_ == len(net.history):
            self.best_epoch_ = best.best_epoch_

    def _build_net(self, **callbacks: Sequence[Any]) -> TrainingNet:
        """Make an initialised net; draws its weights."""
        return build_net(
            self.get_params(deep=False),
            n_classes=len(self.classes_),
            image_shape=self.image_shape_,
            **callbacks,
        )

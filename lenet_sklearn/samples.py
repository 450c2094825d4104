"""A training set on its way to the network: ordered, split, weighted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lenet_sklearn.batches import ImageDataset, as_images
from lenet_sklearn.inputs import ImageFormat
from lenet_sklearn.stopping import split_inside
from lenet_sklearn.weighting import loss_factors, repeat_by_weight, sort_samples


@dataclass(frozen=True)
class Samples:
    """Flattened images with all that is known of each.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    columns : ndarray of shape (n,), dtype int64
        Their classes.

    weights : ndarray of shape (n,), or None
        How much each counts.

    groups : ndarray of shape (n,), or None
        Such as the writer of each.
    """

    rows: NDArray[Any]
    columns: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[Any] | None = None

    def take(self, indices: NDArray[np.int64]) -> "Samples":
        """Give some of the samples, in the order of their indices.

        Parameters
        ----------
        indices : ndarray of shape (m,), dtype int64
            Which ones.

        Returns
        -------
        samples : Samples
            Those.
        """
        return Samples(
            self.rows[indices],
            self.columns[indices],
            None if self.weights is None else self.weights[indices],
            None if self.groups is None else self.groups[indices],
        )

    def split(self, fraction: float, seed: int) -> tuple["Samples", "Samples"]:
        """Split off samples to stop by; those of a weight of 0 are in neither part.

        Parameters
        ----------
        fraction : float
            Their share.

        seed : int
            What to draw with.

        Returns
        -------
        train, stop : Samples
            As :func:`lenet_sklearn.stopping.split_inside` has it, whatever the
            weights that are not 0.

        Raises
        ------
        ValueError
            If one of the two would be empty.
        """
        order = sort_samples(self.rows, self.columns)
        if self.weights is not None:
            order = order[self.weights[order] > 0]
        ordered = self.take(order)
        train, stop = split_inside(
            ordered.columns, fraction=fraction, groups=ordered.groups, seed=seed
        )
        return ordered.take(train), ordered.take(stop)

    def dataset(
        self,
        classes: NDArray[Any],
        class_weight: Mapping[Any, float] | str | None,
        *,
        device: torch.device,
        reading: ImageFormat,
    ) -> ImageDataset:
        """Put the samples on a device, in an order that is always the same.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            Labels of the columns.

        class_weight : mapping, "balanced" or None
            Weights of labels.

        device : torch.device
            Where to put them.

        reading : ImageFormat
            How the network is to read them.

        Returns
        -------
        dataset : ImageDataset
            Samples of a weight of 0 are left out.
        """
        order = sort_samples(self.rows, self.columns)
        weights = None
        if self.weights is not None:
            repeated, weights = repeat_by_weight(self.weights[order])
            order = order[repeated]
        columns = self.columns[order]
        factors = loss_factors(
            columns, classes, factors=weights, class_weight=class_weight
        )
        return ImageDataset(
            as_images(self.rows[order], reading["image_shape"], device),
            torch.tensor(columns, device=device),
            reading["scale"],
            size=reading["size"],
            factors=None if factors is None else torch.tensor(factors, device=device),
        )

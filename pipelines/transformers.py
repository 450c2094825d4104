"""What all stateless transformers of images have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from pipelines.images import Image, check_images


class StatelessTransformer(TransformerMixin, BaseEstimator, ABC):
    """Turn images into images, one by one, with nothing to learn.

    A subclass stores its parameters, states their constraints and transforms
    one image in `_transform_one`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def fit(self, X: Sequence[Image], y: object = None) -> Self:
        """Validate the parameters; nothing is learned from `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey images. Their sizes may differ.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : StatelessTransformer
            The transformer itself.
        """
        self._validate_params()
        return self

    def transform(self, X: Sequence[Image]) -> Sequence[Image] | Image:
        """Transform every image of `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey images, dark ink on light paper. Their sizes may differ.

        Returns
        -------
        X_transformed : list of n_samples ndarrays, dtype uint8
            One image for each, in the same order.

        Raises
        ------
        TypeError, ValueError
            If something in `X` is not such an image; says which one.
        """
        images = check_images(X, caller=type(self).__name__)
        return [self._transform_one(image) for image in images]

    @abstractmethod
    def _transform_one(self, image: Image) -> Image:
        """Transform one image that has been checked."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

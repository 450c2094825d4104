"""What a fitted classifier says about images."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.extmath import softmax
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from lenet_sklearn.engines import ENGINES
from lenet_sklearn.inputs import check_images, image_format, label_columns
from lenet_sklearn.lecun1998 import rubbish_posteriors
from lenet_sklearn.metrics import fit_temperature
from lenet_sklearn.training.nets import TrainingNet


def _knows_rubbish(classifier: "PredictionMixin") -> bool:
    return classifier.rubbish is not None


class PredictionMixin(BaseEstimator):
    """Logits, posteriors, labels and calibration, for a classifier with a net.

    Expects the attributes and parameters of
    :class:`lenet_sklearn.LeNet5Classifier`.
    """

    classes_: NDArray[Any]
    engine: str
    net_: TrainingNet
    rubbish: float | None
    temperature_: float

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the logits.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        logits : ndarray of shape (n, n_classes), or (n,) for two classes
            For two classes the second logit minus the first, positive where the
            second class is predicted.
        """
        logits = self._logits(X)
        if len(self.classes_) == 2:
            return logits[:, 1] - logits[:, 0]
        return logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the posterior probability of each class.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        posteriors : ndarray of shape (n, n_classes)
            Softmax of the logits divided by `temperature_`; rows sum to 1, also
            where there is a rubbish class, whose share is not in them.
        """
        posteriors: NDArray[np.float64] = softmax(self._logits(X) / self.temperature_)
        return posteriors

    @available_if(_knows_rubbish)
    def predict_rubbish_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the posterior probability that an image is no character at all.

        There where the parameter `rubbish` is a number. What is left of 1 is
        shared by the classes as :meth:`predict_proba` has it.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        posteriors : ndarray of shape (n,)
            In [0, 1].
        """
        rubbish = float(self.rubbish or 0.0)  # not None: else this is not here
        temperature = self.temperature_
        return rubbish_posteriors(self._logits(X) / temperature, rubbish / temperature)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the label of each image.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n,)
            In the dtype of the labels given to :meth:`fit`.
        """
        columns = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[columns]
        return labels

    def calibrate(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit `temperature_`, so that posteriors are neither too sure nor too shy.

        Parameters
        ----------
        X : array-like
            Images the network was not trained on.

        y : array-like of shape (n,)
            Their labels.

        Returns
        -------
        self : LeNet5Classifier
            The classifier; its predictions are unchanged.

        Raises
        ------
        ValueError
            If there is not one label for each image, or one is unknown.

        See Also
        --------
        lenet_sklearn.fit_temperature : The function that does it.
        """
        logits = self._logits(X)
        labels = column_or_1d(y, warn=True)
        check_consistent_length(logits, labels)
        columns = label_columns(labels, self.classes_)
        self.temperature_ = fit_temperature(logits, columns)
        return self

    def _logits(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self, "net_")
        rows = check_images(self, X)
        engine = ENGINES[self.engine]
        return engine(self.net_.module_, rows, **image_format(self))

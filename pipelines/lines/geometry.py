"""Tell whole digits from parts, pairs and marks by their measures."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What an arc may hold: the columns of what a geometry predicts.
WHOLE, MARK, WRONG = 0, 1, 2
_KINDS = 3

# Inverse of the penalty: there are hundreds of weights and they are alike.
_FREEDOM = 0.1

# Steps of the solver; the posteriors change in the third digit from half of them on.
_MOST_STEPS = 100


@dataclass(frozen=True)
class Geometry:
    """Logistic model of features and their products.

    Attributes
    ----------
    mean, scale : ndarrays of shape (n_features,), dtype float64
        What features are shifted and divided by.

    weights : ndarray of shape (n_terms + 1, 3), dtype float64
        For each feature and each product of two, and a constant in the last row.
    """

    mean: Floats
    scale: Floats
    weights: Floats

    def predict(self, features: Floats) -> Floats:
        """Compute the posteriors of the kinds.

        Parameters
        ----------
        features : ndarray of shape (n, n_features), dtype float64
            From :func:`pipelines.lines.segments.describe_arcs`.

        Returns
        -------
        posteriors : ndarray of shape (n, 3), dtype float64
            Of `WHOLE`, `MARK` and `WRONG`.
        """
        terms = _expand((features - self.mean) / self.scale)
        logits = terms @ self.weights[:-1] + self.weights[-1]
        logits -= logits.max(axis=1, keepdims=True)
        likely = np.exp(logits)
        posteriors: Floats = likely / likely.sum(axis=1, keepdims=True)
        return posteriors


def fit_geometry(features: Floats, kinds: Ints) -> Geometry:
    """Fit the model to arcs whose kinds are known.

    Parameters
    ----------
    features : ndarray of shape (n, n_features), dtype float64
        From :func:`pipelines.lines.segments.describe_arcs`.

    kinds : ndarray of shape (n,), dtype int64
        `WHOLE`, `MARK` or `WRONG`. A kind that does not occur gets the
        probability 0.

    Returns
    -------
    geometry : Geometry
        Fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.geometry import WHOLE, WRONG, fit_geometry
    >>> widths = np.linspace(0, 2, 200)[:, None]
    >>> kinds = np.where(np.abs(widths[:, 0] - 0.6) < 0.3, WHOLE, WRONG)
    >>> geometry = fit_geometry(widths, kinds)
    >>> geometry.predict(np.array([[0.1], [0.6], [1.5]])).argmax(axis=1).tolist()
    [2, 0, 2]
    """
    mean = features.mean(axis=0)
    scale = np.maximum(features.std(axis=0), 1e-6)
    terms = _expand((features - mean) / scale)
    spread = np.maximum(terms.std(axis=0), 1e-6)
    model = LogisticRegression(C=_FREEDOM, max_iter=_MOST_STEPS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(terms / spread, kinds)
    weights = np.zeros((terms.shape[1] + 1, _KINDS))
    weights[-1] = -np.inf
    if len(model.classes_) == 2:
        # Of two classes scikit-learn keeps the log-odds of the second.
        weights[:, model.classes_[0]] = 0.0
        columns = model.classes_[1:]
    else:
        columns = model.classes_
    weights[:-1, columns] = (model.coef_ / spread).T
    weights[-1, columns] = model.intercept_
    return Geometry(mean, scale, weights)


def _expand(features: Floats) -> Floats:
    """Append all products of two features."""
    first, second = np.triu_indices(features.shape[1])
    return np.concatenate([features, features[:, first] * features[:, second]], axis=1)

"""What the measures of an arc say about what it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Geometry:
    """Linear scores of measures and their products.

    Attributes
    ----------
    mean, scale : ndarrays of shape (n_terms,), dtype float64
        What terms are shifted and divided by.

    weights : ndarray of shape (n_terms, n_characters + 1), dtype float64
        What each term adds to the score of each character; in the last column, to
        that of being passed over.

    bias : ndarray of shape (n_characters + 1,), dtype float64
        What is added to all.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    @property
    def n_numbers(self) -> int:
        """Numbers that a training sets."""
        return self.weights.size + self.bias.size

    def terms(self, measures: Floats) -> Floats:
        """Compute terms of mean 0 and deviation 1.

        Parameters
        ----------
        measures : ndarray of shape (n_arcs, n_measures), dtype float64
            From :func:`pipelines.lines.arcs.join_pieces`.

        Returns
        -------
        terms : ndarray of shape (n_arcs, n_terms), dtype float64
            Measures and products of two.
        """
        terms: Floats = (_expand(measures) - self.mean) / self.scale
        return terms

    def score(self, measures: Floats) -> Floats:
        """Score arcs by their measures.

        Parameters
        ----------
        measures : ndarray of shape (n_arcs, n_measures), dtype float64
            From :func:`pipelines.lines.arcs.join_pieces`.

        Returns
        -------
        scores : ndarray of shape (n_arcs, n_characters + 1), dtype float64
            Logarithms of odds.
        """
        scores: Floats = self.terms(measures) @ self.weights + self.bias
        return scores


def start_geometry(measures: Floats, n_columns: int) -> Geometry:
    """Make what knows how measures are spread, and nothing of what they mean.

    Parameters
    ----------
    measures : ndarray of shape (n_arcs, n_measures), dtype float64
        Of some hundred arcs.

    n_columns : int
        Characters, and one.

    Returns
    -------
    geometry : Geometry
        All of whose scores are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.geometry import start_geometry
    >>> geometry = start_geometry(np.random.default_rng(0).normal(size=(50, 2)), 11)
    >>> geometry.mean.shape, geometry.score(np.ones((3, 2))).shape
    ((5,), (3, 11))
    """
    terms = _expand(measures)
    # A term that never changes in the sample would count too much where it does.
    scale = np.maximum(terms.std(axis=0), 1e-3)
    weights = np.zeros((terms.shape[1], n_columns))
    return Geometry(terms.mean(axis=0), scale, weights, np.zeros(n_columns))


def _expand(measures: Floats) -> Floats:
    """Append all products of two measures, their squares among them."""
    first, second = np.triu_indices(measures.shape[1])
    products = measures[:, first] * measures[:, second]
    return np.concatenate([measures, products], axis=1)

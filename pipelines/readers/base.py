"""What all readers of fields have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from pipelines.images import Image


def split_reader(field_reader: Any) -> tuple[list[Any], Any]:
    """Part a Pipeline into its transformers and the reader at its end.

    Parameters
    ----------
    field_reader : Pipeline or estimator
        As :func:`pipelines.make_field_reader` makes it, or a reader alone.

    Returns
    -------
    steps : list of transformers
        None of them "passthrough".

    reader : estimator
        The reader.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> from pipelines.readers.base import split_reader
    >>> steps, reader = split_reader(make_field_reader())
    >>> [type(step).__name__ for step in steps], type(reader).__name__
    (['Despeckler', 'BackgroundFlattener'], 'FieldReader')
    """
    if not isinstance(field_reader, Pipeline):
        return [], field_reader
    *steps, (_, reader) = field_reader.steps
    return [step for _, step in steps if step not in (None, "passthrough")], reader


def clean_images(steps: Sequence[Any], images: Sequence[Image]) -> list[Image]:
    """Clean images of fields, as a reader does before it reads.

    Parameters
    ----------
    steps : sequence of transformers
        From :func:`split_reader`.

    images : sequence of ndarrays of shape (height, width), dtype uint8
        Fields.

    Returns
    -------
    cleaned : list of ndarrays of shape (height, width), dtype uint8
        The same fields, transformed.
    """
    cleaned = list(images)
    for step in steps:
        cleaned = step.transform(cleaned)
    return cleaned


def check_texts(y: Sequence[str], n_fields: int, *, caller: str) -> list[str]:
    """Check that there is one string for each field.

    Parameters
    ----------
    y : sequence of n_fields str
        What fields say; ``""`` for an empty one.

    n_fields : int
        How many fields there are.

    caller : str
        Name of who asks, for messages.

    Returns
    -------
    texts : list of n_fields str

    Raises
    ------
    ValueError
        If there are more or fewer, or `y` has another number of dimensions.

    TypeError
        If one is no str.

    Examples
    --------
    >>> from pipelines.readers.base import check_texts
    >>> check_texts(["042", ""], 2, caller="reader")
    ['042', '']
    """
    texts = np.asarray(y, dtype=object)
    if texts.shape != (n_fields,):
        raise ValueError(
            f"{caller} expects one string for each field, y of shape ({n_fields},)."
            f" Got shape {texts.shape}. Pass a list of strings, or a single column as"
            " y.ravel()."
        )
    return [check_text(text, i, caller=caller) for i, text in enumerate(texts)]


def check_text(text: object, index: int, *, caller: str) -> str:
    """Check what one field, or one field of a page, is said to hold.

    Parameters
    ----------
    text : str
        Its string.

    index : int
        Number of the sample, for the message.

    caller : str
        Name of who asks, for the message.

    Returns
    -------
    text : str

    Raises
    ------
    TypeError
        If it is of another type: a number has lost its leading zeros, and a missing
        value says nothing of the field.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"Sample {index}: {caller} expects strings. Got {text!r} of type"
            f" {type(text).__name__}. Write numbers as strings, with their zeros; read"
            " a table as text, as pandas.read_csv(..., dtype=str,"
            " keep_default_na=False) does."
        )
    return str(text)


class StringReader(BaseEstimator):
    """Base of estimators that read one string in every image of a field.

    They read without having been fitted.
    """

    @abstractmethod
    def predict(self, X: Sequence[Image]) -> NDArray[np.object_]:
        """Read every field of `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        Returns
        -------
        values : ndarray of shape (n_samples,), dtype object
            Strings; ``""`` is an empty field.
        """

    def score(self, X: Sequence[Image], y: Sequence[str]) -> float:
        """Return the share of fields whose whole string is right.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        y : sequence of n_samples str
            What they say.

        Returns
        -------
        score : float
            Exact-string accuracy.

        Raises
        ------
        ValueError, TypeError
            If there is no field, or fields and strings do not fit.
        """
        values = self.predict(X)
        texts = check_texts(y, len(values), caller=type(self).__name__)
        if not texts:
            raise ValueError(
                f"{type(self).__name__} expects at least one field to be scored."
                " Got none. Pass fields whose strings are known."
            )
        return float(np.mean(values == np.array(texts, dtype=object)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class FreeReader(StringReader):
    """Base of estimators that read fields without boxes, with several strings each."""

    @abstractmethod
    def read(self, X: Sequence[Image]) -> list[list[Any]]:
        """Read the most probable strings of every field.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        Returns
        -------
        readings : list of n_samples lists of one Hypothesis
            Of a `text` and its `probability`.
        """

    def predict(self, X: Sequence[Image]) -> NDArray[np.object_]:
        """Read every field of `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        Returns
        -------
        values : ndarray of shape (n_samples,), dtype object
            Strings; ``""`` is an empty field.
        """
        return np.array([best.text for [best] in self.read(X)], dtype=object)

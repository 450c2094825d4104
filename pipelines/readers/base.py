"""What all readers of fields have in common."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from lenet_sklearn.strings.boxes import GAP
from pipelines.images import Image, check_images


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


def check_characters(
    text: str, index: int, known: Collection[str], *, caller: str
) -> None:
    """Refuse a string of other characters than are read.

    Parameters
    ----------
    text : str
        What a field says.

    index : int
        Number of the sample, for the message.

    known : collection of str
        Characters that are read.

    caller : str
        Name of who asks, for the message.

    Raises
    ------
    ValueError
        If there is another, the sign of an empty box aside.
    """
    if unknown := set(text) - set(known) - {GAP}:
        raise ValueError(
            f"Sample {index}: {caller} expects strings of the digits"
            f" {sorted(known)} and '{GAP}' for an empty box. Got {text!r}."
            f" Leave out {sorted(unknown)}."
        )


def each_of(
    known: Sequence[Any] | None, n_fields: int, what: str, *, caller: str
) -> Sequence[Any]:
    """Return what is known of each field; None where nothing is known of any.

    Parameters
    ----------
    known : sequence of n_fields objects, or None
        Such as frames.

    n_fields : int
        How many fields there are.

    what, caller : str
        What it is and who asks, for the message.

    Returns
    -------
    known : sequence of n_fields objects

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    if known is None:
        return [None] * n_fields
    if len(known) != n_fields:
        raise ValueError(
            f"{caller} expects one {what} for each of {n_fields} images."
            f" Got {len(known)}. Put None where it is not known."
        )
    return known


def weigh(
    sample_weight: ArrayLike | None, n_samples: int, *, caller: str
) -> tuple[list[int], dict[str, Any]]:
    """Check the weights of samples, and leave out those that have none.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), or None
        How much each counts; None for all alike.

    n_samples : int
        How many there are.

    caller : str
        Name of who asks, for messages.

    Returns
    -------
    rows : list of int
        Samples that count, in order.

    given : dict of str to ndarray
        Their weights as ``sample_weight``, of shape (n_rows,), for a `fit`; empty where
        all count alike, so that what knows no weights is asked for none.

    Raises
    ------
    ValueError
        If there is not a weight for each sample, one is negative or not finite, or
        all are zero.

    Examples
    --------
    >>> from pipelines.readers.base import weigh
    >>> weigh([0.5, 0.0, 2.0], 3, caller="reader")
    ([0, 2], {'sample_weight': array([0.5, 2. ])})
    """
    if sample_weight is None:
        return list(range(n_samples)), {}
    from lenet_sklearn.training.samples import check_weights  # imports torch

    weights = check_weights(sample_weight, n_samples, caller=caller)
    found = np.asarray(weights)
    rows = np.flatnonzero(found)
    return rows.tolist(), {"sample_weight": found[rows]}


def is_fitted(model: Any) -> bool:
    """Return whether an estimator, or a step of a Pipeline, has learned something.

    Parameters
    ----------
    model : object
        Of anything that has no `fit` it is not true.

    Returns
    -------
    fitted : bool

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier, load_model
    >>> from pipelines.readers.base import is_fitted
    >>> is_fitted(LeNet5Classifier()), is_fitted(load_model("mnist"))
    (False, True)
    """
    if isinstance(model, Pipeline):
        return any(is_fitted(step) for _, step in model.steps)
    return hasattr(model, "fit") and any(
        name.endswith("_") and not name.startswith("_") for name in vars(model)
    )


def continue_from(reader: Any) -> Any:
    """Make a copy of a reader whose `fit` begins with what the reader has learned.

    Parameters
    ----------
    reader : estimator, or Pipeline that ends in one
        What it has learned of a part that it was given bears the name of the part with
        an underscore, such as `line_reader_`.

    Returns
    -------
    copy : estimator
        Not fitted: what was learned is what it is given.
    """
    copy = clone(reader)
    if isinstance(reader, Pipeline):
        name, last = reader.steps[-1]
        copy.steps[-1] = (name, continue_from(last))
        return copy
    for name in reader.get_params(deep=False):
        if hasattr(reader, f"{name}_"):
            setattr(copy, name, deepcopy(getattr(reader, f"{name}_")))
    return copy


class Reader(BaseEstimator):
    """Base of all readers: they read without having been fitted.

    A copy that scikit-learn's `clone` makes is not fitted, but reads with the fitted
    models that the reader was given: they are its parameters, as the form is.
    """

    def __sklearn_clone__(self) -> Self:
        copy: Self = super().__sklearn_clone__()
        for name, given in self.get_params(deep=False).items():
            if is_fitted(given):
                setattr(copy, name, deepcopy(given))
        return copy

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class StringReader(Reader):
    """Base of estimators that read one string in every image of a field."""

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
        return np.array(self._texts(X), dtype=object)

    @abstractmethod
    def _texts(self, X: Sequence[Image]) -> list[str]:
        """Read the most probable string of every field."""

    def score(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the share of fields whose whole string is right.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        y : sequence of n_samples str
            What they say.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each counts.

        Returns
        -------
        score : float
            Exact-string accuracy.

        Raises
        ------
        ValueError, TypeError
            If there is no field, or fields, strings and weights do not fit.
        """
        values = self.predict(X)
        texts = check_texts(y, len(values), caller=type(self).__name__)
        if not texts:
            raise ValueError(
                f"{type(self).__name__} expects at least one field to be scored."
                " Got none. Pass fields whose strings are known."
            )
        rows, given = weigh(sample_weight, len(texts), caller=type(self).__name__)
        right = (values == np.array(texts, dtype=object))[rows]
        return float(np.average(right, weights=given.get("sample_weight")))


class FreeReader(StringReader):
    """Base of estimators that read fields without boxes, with several strings each."""

    def fit(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the reader to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each counts, as for :class:`lenet_sklearn.LeNet5Classifier`: whole
            numbers say how often a field is there, 0 that it is not.

        Returns
        -------
        self : FreeReader
            The reader itself.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit, or nothing can be learned from them.
        """
        self._check_params()
        fields = check_images(X, caller=type(self).__name__)
        texts = check_texts(y, len(fields), caller=type(self).__name__)
        rows, given = weigh(sample_weight, len(fields), caller=type(self).__name__)
        self._fit([fields[n] for n in rows], [texts[n] for n in rows], **given)
        return self

    def read(
        self,
        X: Sequence[Image],
        *,
        n_best: int = 1,
        lengths: int | Collection[int] | None = None,
        mask: str | None = None,
    ) -> list[list[Any]]:
        """Read the most probable strings of every field.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        n_best : int, default=1
            Strings for each field.

        lengths : int or collection of int, default=None
            Numbers of digits a string may have.

        mask : str, default=None
            ``#`` for any digit; another stands for itself: "20##" for a year.

        Returns
        -------
        readings : list of n_samples lists of at most n_best Hypothesis
            Of a `text` and its `probability`, the best first; none where the field
            has no room for such a string. Probabilities do not look at `lengths` and
            `mask`. A :class:`CuttingReader` gives the `boxes` of the digits, too.

        Raises
        ------
        ValueError
            If lengths or mask are of another form.
        """
        self._check_params()
        fields = check_images(X, caller=type(self).__name__)
        return self._read(fields, n_best=n_best, lengths=lengths, mask=mask)

    def locate(
        self, X: Sequence[Image], texts: Sequence[str] | None = None
    ) -> list[list[tuple[int, int]]]:
        """Find where in every field the digits of a string stand.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        texts : sequence of n_samples str, default=None
            What they say; None for what is read.

        Returns
        -------
        spans : list of n_samples lists of tuples of (left, right)
            Columns of the field between which each digit lies.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit, a string has characters that the reader
            does not know, or a field has no room for its string.
        """
        self._check_params()
        fields = check_images(X, caller=type(self).__name__)
        if texts is None:
            texts = [best.text for [best] in self._read(fields)]
        texts = check_texts(texts, len(fields), caller=type(self).__name__)
        return self._locate(fields, texts)

    def _texts(self, X: Sequence[Image]) -> list[str]:
        return [best.text for [best] in self.read(X)]

    def _check_params(self) -> None:
        self._validate_params()

    @abstractmethod
    def _fit(self, fields: Sequence[Image], texts: Sequence[str], **given: Any) -> None:
        """Learn from fields and strings that were checked; of weights, if `given`."""

    @abstractmethod
    def _read(
        self, fields: Sequence[Image], *, n_best: int = 1, **rule: Any
    ) -> list[list[Any]]:
        """Read fields that have been checked; `rule` is of `lengths` and `mask`."""

    @abstractmethod
    def _locate(
        self, fields: Sequence[Image], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        """Locate the digits of strings that have been checked."""

"""From images of fields to strings."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from pipelines.confidence import settle
from pipelines.decoding import GAP, decode_boxes
from pipelines.fields.combs import Frame, cut_comb, find_combs
from pipelines.fields.speckle import Despeckler
from pipelines.glyphs.cut import Piece, cut_boxes
from pipelines.glyphs.normalize import GlyphNormalizer
from pipelines.glyphs.strings import cut_string
from pipelines.images import Image, check_images
from pipelines.outcomes import FieldReading
from pipelines.pages.flatten import BackgroundFlattener

# How the pretrained network is adapted to the writers of a few fields: at a
# twentieth of the rate it was trained with. A faster one forgets other writers.
_ADAPTATION = {"lr": 3e-4, "max_epochs": 10, "batch_size": 32, "random_state": 0}


class FieldReader(BaseEstimator):
    """Read the digits in images of fields.

    A comb is looked for in the field and cut at its walls; a field without one
    is cut into connected pieces. Each piece is scaled and centred as MNIST's
    digits are, and classified.

    Parameters
    ----------
    classifier : estimator, default=None
        Classifier of glyphs ``(n, 28, 28)`` with `predict_proba`, whose labels
        are the ten digits. None takes the LeNet-5 that ships with the package,
        which reads without having been fitted.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    normalizer : transformer, default=None
        Turns pieces into glyphs; None for ``GlyphNormalizer()``.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Attributes
    ----------
    classifier_ : estimator
        The classifier, fitted on the digits of the fields. Only after `fit`.

    n_aligned_ : int
        Number of fields `fit` could use: as many digits found as in the string.

    See Also
    --------
    make_field_reader : The reader after the steps that clean its fields.

    Notes
    -----
    Digits that touch each other outside of a comb are read as one.

    Examples
    --------
    >>> from pipelines import FieldReader
    >>> from pipelines.demo import draw_comb
    >>> fields = [draw_comb(text, random_state=3) for text in ["042", "1998"]]
    >>> [str(value) for value in FieldReader().predict(fields)]
    ['042', '1998']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "digits": [Interval(Integral, 1, None, closed="left"), None],
        "normalizer": [HasMethods(["transform"]), None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        classifier: Any = None,
        *,
        digits: int | None = None,
        normalizer: Any = None,
        threshold: float = 0.9,
    ) -> None:
        self.classifier = classifier
        self.digits = digits
        self.normalizer = normalizer
        self.threshold = threshold

    def fit(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
    ) -> Self:
        """Adapt the classifier to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        self : FieldReader
            The reader itself.

        Raises
        ------
        ValueError
            If no field has as many digits as its string.
        """
        self._validate_params()
        pieces = self.cut(X, frames)
        if len(pieces) != len(y):
            raise ValueError(
                f"FieldReader expects one string for each field."
                f" Got {len(pieces)} fields and {len(y)} strings."
            )
        aligned = [_aligned(p, str(text)) for p, text in zip(pieces, y, strict=True)]
        self.n_aligned_ = sum(digits is not None for digits in aligned)
        images = [piece.image for digits in aligned for piece, _ in digits or []]
        labels = [label for digits in aligned for _, label in digits or []]
        if not images:
            raise ValueError(
                "FieldReader found no field with as many digits as its string,"
                " so there is nothing to learn from. Look at what"
                " FieldReader().cut(fields) finds, and set digits= for combs."
            )
        classifier = self._trainable()
        columns = {str(c): c for c in getattr(classifier, "classes", None) or range(10)}
        if unknown := set(labels) - set(columns):
            raise ValueError(
                f"FieldReader expects strings of the digits {sorted(columns)} and"
                f" '{GAP}' for an empty box. Got {sorted(unknown)} in y."
            )
        self.classifier_ = classifier.fit(
            self._normalizer().transform(images), np.array([columns[n] for n in labels])
        )
        return self

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
        return np.array([reading.value for reading in self.read(X)], dtype=object)

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
        """
        return float(np.mean(self.predict(X) == np.asarray(y, dtype=object)))

    def read(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None = None
    ) -> list[FieldReading]:
        """Read every field of `X` and tell how far each value can be trusted.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`, which only a page can tell.
        """
        return self.read_pieces(self.cut(X, frames))

    def cut(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None = None
    ) -> list[list[Piece]]:
        """Cut every field of `X` into pieces, the first half of :meth:`read`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        pieces : list of n_samples lists of Piece
            From left to right.
        """
        fields = check_images(X, caller=type(self).__name__)
        known = frames if frames is not None else [None] * len(fields)
        return [
            _cut(field, frame, self.digits)
            for field, frame in zip(fields, known, strict=True)
        ]

    def read_pieces(self, pieces: Sequence[Sequence[Piece]]) -> list[FieldReading]:
        """Classify the pieces of fields, the second half of :meth:`read`.

        Parameters
        ----------
        pieces : sequence of n_samples sequences of Piece
            As :meth:`cut` returns them.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`.
        """
        classifier = self._reading_classifier()
        posteriors = iter(self._posteriors(classifier, pieces))
        characters = [str(label) for label in classifier.classes_]
        readings = []
        for field in pieces:
            boxes = [next(posteriors) if p.kind == "digit" else None for p in field]
            value, confidence = decode_boxes(boxes, characters)
            readings.append(settle(value, confidence, self.threshold))
        return readings

    def _posteriors(
        self, classifier: Any, pieces: Sequence[Sequence[Piece]]
    ) -> list[NDArray[np.float64]]:
        """Classify all digits at once; average over what a box may hold."""
        digits = [piece for field in pieces for piece in field if piece.kind == "digit"]
        if not digits:
            return []
        others = [n for n, piece in enumerate(digits) if piece.alternative is not None]
        images = [p.image for p in digits] + [digits[n].alternative for n in others]
        likely = classifier.predict_proba(self._normalizer().transform(images))
        posteriors = likely[: len(digits)].copy()
        doubt = np.array([[digits[n].doubt] for n in others])
        if others:
            posteriors[others] += doubt * (likely[len(digits) :] - posteriors[others])
        certainty = np.array([[piece.certainty] for piece in digits])
        return list(certainty * posteriors)

    def _normalizer(self) -> Any:
        return GlyphNormalizer() if self.normalizer is None else self.normalizer

    def _reading_classifier(self) -> Any:
        """Return the adapted classifier, else the one given, else the pretrained."""
        if hasattr(self, "classifier_"):
            return self.classifier_
        if self.classifier is not None:
            check_is_fitted(self.classifier)
            return self.classifier
        return _pretrained()

    def _trainable(self) -> Any:
        """Return an unfitted copy of the classifier that `fit` may train."""
        if self.classifier is not None:
            return clone(self.classifier)
        adapted = clone(_pretrained())
        return adapted.set_params(**_ADAPTATION, classes=list(range(10)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def make_field_reader(
    classifier: Any = None, *, digits: int | None = None, threshold: float = 0.9
) -> Pipeline:
    """Compose the default Pipeline that reads images of fields.

    Parameters
    ----------
    classifier : estimator, default=None
        Classifier of glyphs; None for the LeNet-5 that ships with the package.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Returns
    -------
    reader : Pipeline
        Steps ``despeckle``, ``flatten`` and ``read``. It reads without having
        been fitted; fitting it adapts the classifier.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> list(make_field_reader().named_steps)
    ['despeckle', 'flatten', 'read']
    """
    reader = FieldReader(classifier, digits=digits, threshold=threshold)
    return Pipeline(
        [
            ("despeckle", Despeckler()),
            ("flatten", BackgroundFlattener()),
            ("read", reader),
        ]
    )


@cache
def _pretrained() -> Any:
    """Load the shipped LeNet-5 once."""
    # Importing torch takes seconds, and who imports `pipelines` may not need it.
    from lenet_sklearn import LeNet5Classifier

    return LeNet5Classifier.from_pretrained("forms")


def _cut(field: Image, frame: Frame | None, digits: int | None) -> list[Piece]:
    """Cut a field at the walls of its comb, or into connected pieces."""
    if frame is None:
        combs = find_combs(field, digits)
        if not combs:
            pieces = cut_string(field)
            # Whoever says that there is a comb does not expect a free string.
            doubt = 1.0 if digits is None else 0.5
            return [replace(p, certainty=doubt * p.certainty) for p in pieces]
        field, frame = cut_comb(field, max(combs, key=lambda comb: comb.score))
    if not frame.digits:
        return cut_string(field, ruled=frame.ruled)
    return cut_boxes(field, frame)


def _aligned(pieces: Sequence[Piece], text: str) -> list[tuple[Piece, str]] | None:
    """Pair digits with the characters they show; None if their numbers differ."""
    digits = [piece for piece in pieces if piece.kind == "digit"]
    text = text.replace(GAP, "")
    if len(digits) != len(text):
        return None
    return list(zip(digits, text, strict=True))

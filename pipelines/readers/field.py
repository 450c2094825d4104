"""From images of fields to strings."""

from collections.abc import Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from pipelines.confidence import settle
from pipelines.decoding import GAP, decode_boxes
from pipelines.fields.combs import Frame
from pipelines.fields.speckle import Despeckler
from pipelines.formfields import Field
from pipelines.glyphs.cut import Piece
from pipelines.glyphs.normalize import GlyphNormalizer
from pipelines.images import Image, check_images
from pipelines.outcomes import FieldReading
from pipelines.pages.flatten import BackgroundFlattener
from pipelines.readers.base import StringReader
from pipelines.readers.layout import lay_out, writing_part
from pipelines.readers.ruled import read_ruled
from pipelines.readers.vote import VoteReader

# How the pretrained network is adapted to the writers of a few fields: at a
# twentieth of the rate it was trained with. A faster one forgets other writers.
_ADAPTATION = {"lr": 3e-4, "max_epochs": 10, "batch_size": 32, "random_state": 0}


class FieldReader(StringReader):
    """Read the digits in images of fields.

    A comb is looked for in the field and cut at its walls; each piece is scaled
    and centred as MNIST's digits are, and classified. In a field without one,
    digits are written freely: a :class:`VoteReader` reads it.

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

    line_reader : LineReader, SegmentReader or VoteReader, default=None
        Reads fields without a comb; None for ``VoteReader()``.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Attributes
    ----------
    classifier_ : estimator
        The classifier, fitted on the digits of combs. Only after a `fit` that
        found some.

    line_reader_ : LineReader, SegmentReader or VoteReader
        The reader of lines, fitted on the fields without a comb. Only after a
        `fit` that found some.

    n_aligned_ : int
        Number of combs `fit` could use: as many digits found as in the string.

    See Also
    --------
    make_field_reader : The reader after the steps that clean its fields.

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
        "line_reader": [HasMethods(["fit", "read", "locate"]), None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        classifier: Any = None,
        *,
        digits: int | None = None,
        normalizer: Any = None,
        line_reader: Any = None,
        threshold: float = 0.9,
    ) -> None:
        self.classifier = classifier
        self.digits = digits
        self.normalizer = normalizer
        self.line_reader = line_reader
        self.threshold = threshold

    def fit(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
    ) -> Self:
        """Adapt the reader to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field. Fields without the comb that
            `digits` promises, or with a ``_`` in their string, are passed over.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        self : FieldReader
            The reader itself.

        Raises
        ------
        ValueError
            If there is no field to learn from: none at all, or only combs of which
            none has as many digits as its string.
        """
        self._validate_params()
        layouts = self._lay_out(X, frames)
        if len(layouts) != len(y):
            raise ValueError(
                f"FieldReader expects one string for each field."
                f" Got {len(layouts)} fields and {len(y)} strings."
            )
        combs: list[tuple[list[Piece], str]] = []
        lines: list[tuple[Image, str]] = []
        for layout, text in zip(layouts, map(str, y), strict=True):
            if isinstance(layout, list):
                combs.append((layout, text))
            # A comb that was not found teaches nothing about free writing.
            elif self.digits is None and GAP not in text:
                lines.append((layout, text))
        # What an earlier fit has learned is of other writers.
        for learned in ("classifier_", "line_reader_"):
            if hasattr(self, learned):
                delattr(self, learned)
        self._fit_classifier(combs, needed=not lines)
        if lines:
            fields, texts = zip(*lines, strict=True)
            self.line_reader_ = clone(self._given_line_reader()).fit(fields, texts)
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

    def read(
        self,
        X: Sequence[Image],
        frames: Sequence[Frame | None] | None = None,
        fields: Sequence[Field | None] | None = None,
    ) -> list[FieldReading]:
        """Read every field of `X` and tell how far each value can be trusted.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        fields : sequence of n_samples Field or None, default=None
            What a form says of each. Free writing is read as a string of a length
            and mask that the form allows, where one is not too improbable.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`, which only a page can tell.
        """
        layouts = self._lay_out(X, frames)
        known = fields if fields is not None else [None] * len(layouts)
        combs = [layout for layout in layouts if isinstance(layout, list)]
        lines = [
            (layout, field)
            for layout, field in zip(layouts, known, strict=True)
            if not isinstance(layout, list)
        ]
        in_combs, in_lines = (
            iter(self.read_pieces(combs)),
            iter(self._read_lines(lines)),
        )
        return [
            next(in_combs if isinstance(layout, list) else in_lines)
            for layout in layouts
        ]

    def locate(
        self,
        X: Sequence[Image],
        texts: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
    ) -> list[list[tuple[int, int]]]:
        """Find where in every field the digits of a string are written freely.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields without a comb.

        texts : sequence of n_samples str
            What they say, as :meth:`read` reads them.

        frames : sequence of n_samples Frame or None, default=None
            Where in the images the fields are, where that is known.

        Returns
        -------
        spans : list of n_samples lists of tuples of (left, right)
            Columns of the image between which each digit lies.
        """
        fields = check_images(X, caller=type(self).__name__)
        known = frames if frames is not None else [None] * len(fields)
        whole = (slice(0, None), slice(0, None))
        parts = [whole if frame is None else writing_part(frame) for frame in known]
        images = [field[part] for field, part in zip(fields, parts, strict=True)]
        found = self._line_reader().locate(images, texts)
        return [
            [(columns.start + left, columns.start + right) for left, right in spans]
            for (_, columns), spans in zip(parts, found, strict=True)
        ]

    def cut(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None = None
    ) -> list[list[Piece]]:
        """Cut every comb of `X` into pieces, the first half of reading it.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        pieces : list of n_samples lists of Piece
            From left to right; none for a field without a comb.
        """
        layouts = self._lay_out(X, frames)
        return [layout if isinstance(layout, list) else [] for layout in layouts]

    def read_pieces(self, pieces: Sequence[Sequence[Piece]]) -> list[FieldReading]:
        """Classify the pieces of combs, the second half of reading them.

        Parameters
        ----------
        pieces : sequence of n_samples sequences of Piece
            As :meth:`cut` returns them.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`.
        """
        if not pieces:
            return []
        classifier = self._reading_classifier()
        posteriors = iter(self._posteriors(classifier, pieces))
        characters = [str(label) for label in classifier.classes_]
        readings = []
        for field in pieces:
            boxes = [next(posteriors) if p.kind == "digit" else None for p in field]
            value, confidence = decode_boxes(boxes, characters)
            readings.append(settle(value, confidence, self.threshold))
        return readings

    def _lay_out(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None
    ) -> list[list[Piece] | Image]:
        """Give the pieces of every comb, and the part of other fields to read."""
        fields = check_images(X, caller=type(self).__name__)
        known = frames if frames is not None else [None] * len(fields)
        return [
            lay_out(field, frame, self.digits)
            for field, frame in zip(fields, known, strict=True)
        ]

    def _read_lines(
        self, lines: Sequence[tuple[Image, Field | None]]
    ) -> list[FieldReading]:
        """Read fields without a comb."""
        if not lines:
            return []
        # Whoever says that there is a comb does not expect a free string.
        doubt = 1.0 if self.digits is None else 0.5
        return [
            _settle_line(best.text, doubt * best.probability, self.threshold)
            for best in read_ruled(self._line_reader(), *zip(*lines, strict=True))
        ]

    def _fit_classifier(
        self, combs: Sequence[tuple[list[Piece], str]], *, needed: bool
    ) -> None:
        """Train the classifier on the digits of combs, if they are to be told."""
        aligned = [_aligned(pieces, text) for pieces, text in combs]
        self.n_aligned_ = sum(digits is not None for digits in aligned)
        images = [piece.image for digits in aligned for piece, _ in digits or []]
        labels = [label for digits in aligned for _, label in digits or []]
        if not images and not needed:
            return
        if not images:
            raise ValueError(
                "FieldReader found no field with as many digits as its string,"
                " so there is nothing to learn from. Look at what"
                " FieldReader().cut(fields) finds, and set digits= for combs."
            )
        classifier = self._trainable()
        classes = getattr(classifier, "classes", None)
        columns = {str(c): c for c in (range(10) if classes is None else classes)}
        if unknown := set(labels) - set(columns):
            raise ValueError(
                f"FieldReader expects strings of the digits {sorted(columns)} and"
                f" '{GAP}' for an empty box. Got {sorted(unknown)} in y."
            )
        self.classifier_ = classifier.fit(
            self._normalizer().transform(images), np.array([columns[n] for n in labels])
        )

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

    def _line_reader(self) -> Any:
        """Return the adapted reader of lines, else the one given, else the shipped."""
        if hasattr(self, "line_reader_"):
            return self.line_reader_
        return self._given_line_reader()

    def _given_line_reader(self) -> Any:
        return VoteReader() if self.line_reader is None else self.line_reader

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


def make_field_reader(
    classifier: Any = None,
    *,
    line_reader: Any = None,
    digits: int | None = None,
    threshold: float = 0.9,
) -> Pipeline:
    """Compose the default Pipeline that reads images of fields.

    Parameters
    ----------
    classifier : estimator, default=None
        Classifier of glyphs; None for the LeNet-5 that ships with the package.

    line_reader : LineReader, SegmentReader or VoteReader, default=None
        Reads fields without a comb; None for ``VoteReader()``.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Returns
    -------
    reader : Pipeline
        Steps ``despeckle``, ``flatten`` and ``read``. It reads without having
        been fitted. Fitting it adapts the classifier and the reader of lines that
        ship; those that are given are trained by their own parameters.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> list(make_field_reader().named_steps)
    ['despeckle', 'flatten', 'read']
    """
    reader = FieldReader(
        classifier, digits=digits, line_reader=line_reader, threshold=threshold
    )
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


def _settle_line(text: str, confidence: float, threshold: float) -> FieldReading:
    """Decide about a line; one that may be empty, but is not surely, is not blank."""
    if text or confidence >= threshold:
        return settle(text, confidence, threshold)
    reason = f"confidence below {threshold:g}"
    return FieldReading(text, "rejected", confidence, reason=reason)


def _aligned(pieces: Sequence[Piece], text: str) -> list[tuple[Piece, str]] | None:
    """Pair digits with the characters they show; None if their numbers differ."""
    digits = [piece for piece in pieces if piece.kind == "digit"]
    text = text.replace(GAP, "")
    if len(digits) != len(text):
        return None
    return list(zip(digits, text, strict=True))

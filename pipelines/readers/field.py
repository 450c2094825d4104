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

from pipelines.decoding import GAP, decode_boxes
from pipelines.fields.combs import Frame
from pipelines.fields.speckle import Despeckler
from pipelines.forms.field import Field
from pipelines.glyphs.cut import Piece
from pipelines.glyphs.normalize import GLYPH_SHAPE, GlyphNormalizer
from pipelines.images import Image, check_images
from pipelines.outcomes import TOO_LOW, FieldReading, settle
from pipelines.pages.flatten import BackgroundFlattener
from pipelines.readers.base import StringReader, check_texts
from pipelines.readers.layout import lay_out, writing_part
from pipelines.readers.ruled import read_ruled
from pipelines.readers.segment import DIGITS
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
    >>> from pipelines.drawing import draw_comb
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
            What they say; ``""`` for an empty field, and ``_`` for an empty box of
            a comb. Fields without the comb that `digits` promises are passed over,
            and fields that have no boxes, with a ``_`` in their string.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        self : FieldReader
            The reader itself.

        Raises
        ------
        ValueError
            If there is no field to learn from: no free string, and no comb with as
            many digits as its string. Or if a string has other characters.
        """
        self._validate_params()
        layouts = self._lay_out(X, frames)
        texts = check_texts(y, len(layouts), caller=type(self).__name__)
        given = _each(frames, layouts, "frame")
        self._check_characters(layouts, texts, given)
        combs = [
            _aligned(layout, text)
            for layout, text in zip(layouts, texts, strict=True)
            if isinstance(layout, list)
        ]
        digits = [pair for aligned in combs for pair in aligned or []]
        lines = self._free_lines(layouts, texts, given)
        if not digits and not lines:
            raise ValueError(
                "FieldReader found nothing to learn from: no free string, and no comb"
                " with as many digits as its string. Look at what"
                " FieldReader().cut(fields) finds, and set digits= for combs."
            )
        learned = {
            "classifier_": self._fit_classifier(digits),
            "line_reader_": self._fit_line_reader(lines),
        }
        # Only now: a fit that fails leaves what an earlier one has learned.
        self.n_aligned_ = sum(aligned is not None for aligned in combs)
        for name, part in learned.items():
            if part is not None:
                setattr(self, name, part)
            elif hasattr(self, name):  # of other writers
                delattr(self, name)
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

        A list of fields, where :meth:`FormReader.read` takes one page.

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
        self._validate_params()
        layouts = self._lay_out(X, frames)
        combs = [layout for layout in layouts if isinstance(layout, list)]
        # Whoever says that there is a comb does not expect a free string.
        lines = [
            (layout, field, 0.5 if self._expects_comb(frame) else 1.0)
            for layout, field, frame in zip(
                layouts,
                _each(fields, layouts, "Field"),
                _each(frames, layouts, "frame"),
                strict=True,
            )
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

        Raises
        ------
        ValueError, TypeError
            If fields, strings and frames do not fit, or a field has no room for its
            string.
        """
        fields = check_images(X, caller=type(self).__name__)
        texts = check_texts(texts, len(fields), caller=type(self).__name__)
        whole = (slice(0, None), slice(0, None))
        parts = [
            whole if frame is None else writing_part(frame)
            for frame in _each(frames, fields, "frame")
        ]
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
        return [
            lay_out(field, frame, self.digits)
            for field, frame in zip(fields, _each(frames, fields, "frame"), strict=True)
        ]

    def _expects_comb(self, frame: Frame | None) -> bool:
        """Say whether a field ought to have a comb; a frame tells what it has."""
        return self.digits is not None and frame is None

    def _read_lines(
        self, lines: Sequence[tuple[Image, Field | None, float]]
    ) -> list[FieldReading]:
        """Read fields without a comb, each trusted as far as is said."""
        if not lines:
            return []
        images, fields, trusts = zip(*lines, strict=True)
        return [
            _settle_line(best.text, trust * best.probability, self.threshold)
            for best, trust in zip(
                read_ruled(self._line_reader(), images, fields), trusts, strict=True
            )
        ]

    def _check_characters(
        self,
        layouts: Sequence[list[Piece] | Image],
        texts: Sequence[str],
        frames: Sequence[Frame | None],
    ) -> None:
        """Refuse strings of other characters than combs and lines are read as."""
        in_combs, in_lines = set(self._labels()), set(self._line_characters())
        for index, (layout, text, frame) in enumerate(
            zip(layouts, texts, frames, strict=True)
        ):
            is_comb = isinstance(layout, list) or self._expects_comb(frame)
            known = in_combs if is_comb else in_lines
            if unknown := set(text) - known - {GAP}:
                raise ValueError(
                    f"Sample {index}: FieldReader expects strings of the digits"
                    f" {sorted(known)} and '{GAP}' for an empty box. Got {text!r}."
                    f" Leave out {sorted(unknown)}."
                )

    def _free_lines(
        self,
        layouts: Sequence[list[Piece] | Image],
        texts: Sequence[str],
        frames: Sequence[Frame | None],
    ) -> list[tuple[Image, str]]:
        """List the free writing that teaches something."""
        lines = [
            (layout, text)
            for layout, text, frame in zip(layouts, texts, frames, strict=True)
            # A comb that was not found teaches nothing about free writing.
            if not (isinstance(layout, list) or self._expects_comb(frame))
            and GAP not in text
        ]
        # Empty paper alone teaches nothing.
        return lines if any(text for _, text in lines) else []

    def _fit_classifier(self, digits: Sequence[tuple[Piece, str]]) -> Any:
        """Train a classifier on the digits of combs; None where there are none."""
        if not digits:
            return None
        columns = self._labels()
        return self._trainable().fit(
            self._normalizer().transform([piece.image for piece, _ in digits]),
            np.array([columns[digit] for _, digit in digits]),
        )

    def _fit_line_reader(self, lines: Sequence[tuple[Image, str]]) -> Any:
        """Fit a reader of lines to free writing; None where there is none."""
        if not lines:
            return None
        return clone(self._given_line_reader()).fit(*zip(*lines, strict=True))

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

    def _line_characters(self) -> str:
        """Name the characters of free writing; a recognizer may be of others."""
        recognizer = getattr(self._given_line_reader(), "recognizer", None)
        return getattr(recognizer, "characters", DIGITS)

    def _labels(self) -> dict[str, Any]:
        """Give the label that the classifier has for each digit."""
        classes = getattr(self.classifier, "classes", None)
        return {str(c): c for c in (range(10) if classes is None else classes)}

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
        Reads fields without a comb; None for ``VoteReader()``. One that was fitted to
        fields of yours comes from :func:`pipelines.load_line_reader`.

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

    Raises
    ------
    ValueError
        If the classifier is a LeNet-5, or a committee, for images of another size.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> list(make_field_reader().named_steps)
    ['despeckle', 'flatten', 'read']
    """
    _check_image_shape(classifier)
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


def _check_image_shape(classifier: Any) -> None:
    """Refuse a LeNet-5 that cannot take glyphs; every field would be told so."""
    # All members of a committee were trained on the same images.
    member = next(iter(getattr(classifier, "estimators_", ())), classifier)
    shape = getattr(member, "image_shape_", GLYPH_SHAPE)
    if shape != GLYPH_SHAPE:
        height, width = shape
        raise ValueError(
            "A reader of fields expects a classifier of images of 28 x 28 pixels, as"
            f" digits are cut from boxes. Got one of images of {height} x {width}. Take"
            " one trained on images of 28 x 28, such as MNIST's."
        )


@cache
def _pretrained() -> Any:
    """Load the shipped LeNet-5 once."""
    # Importing torch takes seconds, and who imports `pipelines` may not need it.
    from lenet_sklearn import LeNet5Classifier

    return LeNet5Classifier.from_pretrained("forms")


def _each(
    known: Sequence[Any] | None, fields: Sequence[Any], what: str
) -> Sequence[Any]:
    """Give what is known of each field; None where nothing is known of any."""
    if known is None:
        return [None] * len(fields)
    if len(known) != len(fields):
        raise ValueError(
            f"FieldReader expects one {what} for each of {len(fields)} images."
            f" Got {len(known)}. Put None where it is not known."
        )
    return known


def _settle_line(text: str, confidence: float, threshold: float) -> FieldReading:
    """Decide about a line; one that may be empty, but is not surely, is not blank."""
    if text or confidence >= threshold:
        return settle(text, confidence, threshold)
    reason = f"{TOO_LOW} {threshold:g}"
    return FieldReading(text, "rejected", confidence, reason=reason)


def _aligned(pieces: Sequence[Piece], text: str) -> list[tuple[Piece, str]] | None:
    """Pair digits with the characters they show; None if their numbers differ."""
    digits = [piece for piece in pieces if piece.kind == "digit"]
    text = text.replace(GAP, "")
    if len(digits) != len(text):
        return None
    return list(zip(digits, text, strict=True))

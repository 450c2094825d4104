"""From images of combs to strings: cut at the walls, classify, decode."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.parameters import COUNT, POSITIVE, HasMethods, Interval
from lenet_sklearn.strings.boxes import GAP, BoxPosteriors, read_boxes
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.fields.combs import Comb, Frame, cut_comb, find_combs
from pipelines.glyphs.cut import BoxCutter, Piece
from pipelines.glyphs.minus import is_minus
from pipelines.glyphs.normalize import GlyphNormalizer
from pipelines.images import Floats, Image, Mask, check_images
from pipelines.lines.surroundings import mark_dark
from pipelines.lines.walls import has_ruled_walls, has_walls
from pipelines.memory import map_images
from pipelines.outcomes import (
    MINUS,
    N_CANDIDATES,
    FieldReading,
    Reason,
    ReasonKind,
    forbid,
    settle,
)
from pipelines.readers.base import (
    StringReader,
    check_characters,
    check_texts,
    each_of,
    is_fitted,
    weigh,
)

# Whoever cuts a comb out cuts close to it. What is narrower than this share of the
# field, and was not asked for, is two zeros that touch.
_LEAST_SPAN = 0.5

# Ones and stems in a frame have gaps where walls have none.
_WHOLE = 0.97

# How a network that knows digits is adapted to the writers of a few fields: at a
# twentieth of the rate that the one which ships was trained with. A faster one forgets
# other writers.
_ADAPTATION = {
    "lr": 3e-4,
    "max_epochs": 10,
    "batch_size": 32,
    "optimizer": "adamw",
    "schedule": "one-cycle",
    "averaging": None,
    "early_stopping": False,
    "random_state": 0,
}

# Parameters of a reader that take the place of these.
_GIVEN: Final = ("max_epochs", "lr", "distortion")

SHIPPED: Final = "boxes"
SHIPPED_CONTENTS: Final = "contents"

# Characters that are read; a classifier may have a class more for what is none.
_DIGITS: Final = tuple("0123456789")

# Column of the content classifier for nothing, behind those of the digits.
_NOTHING: Final = len(_DIGITS)
_N_CONTENTS: Final = _NOTHING + 2

# Ink in a box that may hold a sign is a digit if that is so probable.
_SURELY_A_DIGIT: Final = 0.98

_MAYBE_SIGN = Reason(ReasonKind.UNCERTAIN, "the first box may hold a sign")

_NO_COMB = Reason(ReasonKind.NOT_FOUND, "no comb was found in the field")


class CombReader(StringReader):
    """Read the digits in the boxes of combs.

    A comb is looked for in the field and cut at its walls; each piece is scaled
    and centred as MNIST's digits are, and classified.

    Parameters
    ----------
    classifier : estimator, default=None
        Classifier of glyphs ``(n, 28, 28)`` with `predict_proba`, whose labels
        are the ten digits. None takes the LeNet-5 that ships with the package,
        which reads without having been fitted. `fit` goes on from the weights of a
        fitted LeNet5Classifier, or of a committee of them, in a few epochs at a low
        rate; a copy of any other is trained anew, by its own parameters. A class that
        is no digit stands for what is none.

    content_classifier : estimator, default=None
        Classifier of boxes ``(n, 28, 56)`` with `predict_proba`, whose labels are 0 to
        9 for the digits, 10 for nothing that is to be read and 11 for anything else.
        The left half of an image is the glyph, the right one the whole box. None takes
        the LeNet-5 that ships with the package.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    cutter : BoxCutter, default=None
        Cuts the boxes; None for ``BoxCutter()``.

    normalizer : transformer, default=None
        Turns pieces into glyphs; None for ``GlyphNormalizer()``.

    max_epochs : int, default=None
        Passes over the digits where `fit` goes on from a classifier; None for 10.

    lr : float, default=None
        Highest learning rate there; None for 0.0003.

    distortion : str or mapping, default=None
        Distortion of the digits there, as for :class:`lenet_sklearn.LeNet5Classifier`;
        None for that which the classifier was trained with.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Attributes
    ----------
    classifier_ : estimator
        The classifier, fitted on the digits of combs. Only after a `fit` that
        found some.

    n_aligned_ : int
        Number of combs `fit` could use: as many digits found as in the string.

    See Also
    --------
    FieldReader : Reads fields without a comb, too.

    Examples
    --------
    >>> from pipelines import CombReader
    >>> from pipelines.drawing import draw_comb
    >>> fields = [draw_comb(text, random_state=3) for text in ["042", "1998"]]
    >>> [str(value) for value in CombReader().predict(fields)]
    ['042', '1998']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "content_classifier": [HasMethods(["predict_proba"]), None],
        "digits": [Interval(Integral, 1, None, closed="left"), None],
        "cutter": [HasMethods(["cut"]), None],
        "normalizer": [HasMethods(["transform"]), None],
        "max_epochs": [COUNT, None],
        "lr": [POSITIVE, None],
        "distortion": [str, Mapping, None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        classifier: Any = None,
        *,
        content_classifier: Any = None,
        digits: int | None = None,
        cutter: Any = None,
        normalizer: Any = None,
        max_epochs: int | None = None,
        lr: float | None = None,
        distortion: str | Mapping[str, float] | None = None,
        threshold: float = 0.9,
    ) -> None:
        self.classifier = classifier
        self.content_classifier = content_classifier
        self.digits = digits
        self.cutter = cutter
        self.normalizer = normalizer
        self.max_epochs = max_epochs
        self.lr = lr
        self.distortion = distortion
        self.threshold = threshold

    def fit(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the classifier to the writing in combs whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field, and ``_`` for an empty box.
            Fields in which no comb is found are passed over.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        sample_weight : array-like of shape (n_samples,), default=None
            How much the digits of each count, as for
            :class:`lenet_sklearn.LeNet5Classifier`.

        Returns
        -------
        self : CombReader
            The reader itself.

        Raises
        ------
        ValueError
            If no comb has as many digits as its string, or a string has other
            characters.
        """
        self._validate_params()
        pieces = self.cut(X, frames)
        texts = check_texts(y, len(pieces), caller=type(self).__name__)
        for index, text in enumerate(texts):
            check_characters(text, index, self.labels(), caller=type(self).__name__)
        rows, given = weigh(sample_weight, len(pieces), caller=type(self).__name__)
        n_aligned, classifier = self.learn(
            [pieces[n] for n in rows], [texts[n] for n in rows], **given
        )
        if classifier is None:
            raise ValueError(
                "CombReader found no comb with as many digits as its string. Look at"
                " what CombReader().cut(fields) finds, and set digits=."
            )
        self.n_aligned_, self.classifier_ = n_aligned, classifier
        return self

    def learn(
        self,
        pieces: Sequence[Sequence[Piece]],
        texts: Sequence[str],
        sample_weight: Floats | None = None,
    ) -> tuple[int, Any]:
        """Train a classifier on combs that are cut, and leave the reader as it is.

        Parameters
        ----------
        pieces : sequence of n_samples sequences of Piece
            As :meth:`cut` returns them.

        texts : sequence of n_samples str
            What the combs say.

        sample_weight : ndarray of shape (n_samples,), dtype float64, default=None
            How much the digits of each count.

        Returns
        -------
        n_aligned : int
            Number of combs with as many digits as their string.

        classifier : estimator or None
            Fitted; None where those combs have no digits.
        """
        aligned = {
            n: pairs
            for n, (comb, text) in enumerate(zip(pieces, texts, strict=True))
            if (pairs := _align(comb, text)) is not None
        }
        digits = [pair for pairs in aligned.values() for pair in pairs]
        if not digits:
            return len(aligned), None
        labels = self.labels()
        glyphs = self._normalizer().transform([piece.image for piece, _ in digits])
        given = {}
        if sample_weight is not None:
            of_digits = [
                sample_weight[n] for n, pairs in aligned.items() for _ in pairs
            ]
            given["sample_weight"] = np.array(of_digits)
        return len(aligned), _fit_classifier(
            _shipped(SHIPPED) if self.classifier is None else self.classifier,
            (glyphs, np.array([labels[digit] for _, digit in digits])),
            {k: v for k in _GIVEN if (v := getattr(self, k)) is not None},
            given,
        )

    def labels(self, classifier: Any = None) -> dict[str, Any]:
        """Return the labels that a classifier has for the digits.

        Parameters
        ----------
        classifier : estimator, default=None
            None for the one given.

        Returns
        -------
        labels : dict of str to object
            By what is written in a string.
        """
        given = self.classifier if classifier is None else classifier
        classes = getattr(given, "classes_", getattr(given, "classes", None))
        known = range(10) if classes is None else classes
        return {str(c): c for c in known if len(str(c)) == 1}

    def read(
        self,
        X: Sequence[Image],
        frames: Sequence[Frame | None] | None = None,
    ) -> list[FieldReading]:
        """Read every field of `X`, with the confidence of each value.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`; a field without a comb is ``unlocated``.
        """
        self._validate_params()
        pieces = self.cut(X, frames)
        readings = iter(self.read_pieces([comb for comb in pieces if comb]))
        missing = FieldReading("", "unlocated", 0.0, reason=_NO_COMB)
        return [next(readings) if comb else missing for comb in pieces]

    def _texts(self, X: Sequence[Image]) -> list[str]:
        return [reading.value for reading in self.read(X)]

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
        fields = check_images(X, caller=type(self).__name__)
        known = each_of(frames, len(fields), "frame", caller=type(self).__name__)
        pairs = list(zip(fields, known, strict=True))
        cutter = BoxCutter() if self.cutter is None else self.cutter
        return map_images(_cut, pairs, (self.digits, cutter))

    def read_pieces(
        self,
        pieces: Sequence[Sequence[Piece]],
        in_place: Sequence[bool] | None = None,
        signed: Sequence[bool] | None = None,
    ) -> list[FieldReading]:
        """Classify the pieces of combs, the second half of reading them.

        Parameters
        ----------
        pieces : sequence of n_samples sequences of Piece
            As :meth:`cut` returns them.

        in_place : sequence of n_samples bool, default=None
            Whether empty boxes are ordinary in each; None if in none.

        signed : sequence of n_samples bool, default=None
            Whether the first box of each may hold a minus; None if of none.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`.
        """
        kept = [False] * len(pieces) if in_place is None else in_place
        may = [False] * len(pieces) if signed is None else signed
        boxes = [piece for comb in pieces for piece in comb]
        if not boxes:  # no model need be loaded
            none = BoxPosteriors(np.zeros((0, len(_DIGITS) + 1)), _DIGITS)
            return [self._settle(none) for _ in pieces]
        likely, characters = self._posteriors(boxes)
        ends = np.cumsum([len(comb) for comb in pieces])
        return [
            self._settle_signed(comb, BoxPosteriors(rows, characters, each))
            if sign and comb
            else self._settle(BoxPosteriors(rows, characters, each))
            for comb, rows, each, sign in zip(
                pieces, np.split(likely, ends[:-1]), kept, may, strict=True
            )
        ]

    def _settle_signed(
        self, comb: Sequence[Piece], boxes: BoxPosteriors
    ) -> FieldReading:
        """Read a comb whose first box holds a minus, a digit or nothing."""
        first, likely = comb[0], boxes.likely.copy()
        if is_minus(first):
            likely[0] = 0
            likely[0, -1] = 1.0
            return replace(self._settle(replace(boxes, likely=likely)), sign=MINUS)
        reading = self._settle(boxes)
        # What is written there and is no digit may be a sign.
        if first.kind != "empty" and likely[0, :-1].sum() < _SURELY_A_DIGIT:
            return forbid(reading, _MAYBE_SIGN)
        return reading

    def _settle(self, boxes: BoxPosteriors) -> FieldReading:
        """Read the most probable string, and accept it or not."""
        candidates = tuple(read_boxes(boxes, n_best=N_CANDIDATES))
        best = candidates[0] if candidates else Hypothesis("", 0.0)
        reading = settle(
            best.text,
            best.probability,
            self.threshold,
            emptiness=boxes.emptiness(best.text),
        )
        return replace(reading, candidates=candidates, boxes=boxes)

    def _posteriors(
        self, boxes: Sequence[Piece]
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Weigh for every box each digit, and, in the last column, that it has none."""
        glyphs = self._normalizer().transform([piece.image for piece in boxes])
        contents = self._contents(glyphs, boxes)
        written = [n for n, piece in enumerate(boxes) if piece.kind == "digit"]
        characters, of_digits = _DIGITS, np.zeros((0, len(_DIGITS)))
        if written:
            digits = [boxes[n] for n in written]
            characters, of_digits = self._classify(glyphs[written], digits)
        likely = np.zeros((len(boxes), len(characters) + 1))
        one_digit = contents[:, :_NOTHING].sum(axis=1, keepdims=True)
        likely[written, :-1] = one_digit[written] * of_digits
        likely[:, -1] = contents[:, _NOTHING]
        return likely, characters

    def _contents(
        self, glyphs: NDArray[np.uint8], boxes: Sequence[Piece]
    ) -> NDArray[np.float64]:
        """Weigh which digit each box holds, or nothing, or anything else."""
        windows = np.array([piece.window for piece in boxes])
        classifier = self.content_classifier
        if classifier is None:
            classifier = _shipped(SHIPPED_CONTENTS)
        weighed = classifier.predict_proba(np.concatenate([glyphs, windows], axis=2))
        contents = np.asarray(weighed, dtype=np.float64)
        if contents.shape[1] != _N_CONTENTS:
            raise ValueError(
                f"{type(self).__name__} expects a content_classifier of {_N_CONTENTS}"
                f" labels. Got one of {contents.shape[1]}. Train it on the data set"
                " 'contents'."
            )
        return contents

    def _classify(
        self, glyphs: NDArray[np.uint8], digits: Sequence[Piece]
    ) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Classify all digits at once; average over what a box may hold."""
        classifier = self._reading_classifier()
        others = [n for n, piece in enumerate(digits) if piece.alternative is not None]
        if others:
            more = self._normalizer().transform([digits[n].alternative for n in others])
            glyphs = np.concatenate([glyphs, more])
        likely = classifier.predict_proba(glyphs)
        posteriors = likely[: len(digits)].copy()
        doubt = np.array([[digits[n].doubt] for n in others])
        if others:
            posteriors[others] += doubt * (likely[len(digits) :] - posteriors[others])
        certainty = np.array([[piece.certainty] for piece in digits])
        labels = self.labels(classifier)
        columns = [list(classifier.classes_).index(label) for label in labels.values()]
        return tuple(labels), certainty * posteriors[:, columns]

    def _normalizer(self) -> Any:
        return GlyphNormalizer() if self.normalizer is None else self.normalizer

    def _reading_classifier(self) -> Any:
        """Return the adapted classifier, else the one given, else the pretrained."""
        if hasattr(self, "classifier_"):
            return self.classifier_
        if self.classifier is not None:
            check_is_fitted(self.classifier)
            return self.classifier
        return _shipped(SHIPPED)


def _cut(
    field: Image, frame: Frame | None, digits: int | None, cutter: Any
) -> list[Piece]:
    """Cut a field at the walls of its comb, which is looked for without a frame."""
    if frame is not None:
        return list(cutter.cut(field, frame)) if frame.digits else []
    combs = find_combs(field, digits)
    if digits is None:
        combs = [c for c in combs if _spans(c, field) and _has_walls(c, field)]
    if not combs:
        return []
    comb = max(combs, key=lambda comb: comb.score)
    field, frame = cut_comb(field, comb)
    pieces = list(cutter.cut(field, frame))
    is_sure = digits is not None or comb.make != "closed"
    return pieces if is_sure or not _may_be_ones(field, frame, pieces) else []


def _spans(comb: Comb, field: Image) -> bool:
    return float(np.ptp(comb.quad[:, 0])) >= _LEAST_SPAN * field.shape[1]


def _has_walls(comb: Comb, field: Image) -> bool:
    """Return whether a comb has walls: ones and stems in a frame stand like some."""
    if comb.make != "closed":
        return True
    strip, frame = cut_comb(field, comb)
    marked = _mark(strip, frame)
    return marked is not None and has_walls(*marked, is_whole=comb.score >= _WHOLE)


def _may_be_ones(strip: Image, frame: Frame, pieces: Sequence[Piece]) -> bool:
    """Return whether the walls of a comb may be all that is written."""
    if any(piece.kind != "empty" for piece in pieces):
        return False
    marked = _mark(strip, frame)
    return marked is not None and not has_ruled_walls(*marked)


def _mark(strip: Image, frame: Frame) -> tuple[Mask, Frame] | None:
    """Mark what is dark in a field, and where its boxes are there."""
    dark = mark_dark(strip)
    if dark is None:
        return None
    scale = len(dark) / len(strip)
    left, top = round(scale * frame.left), round(scale * frame.top)
    right, bottom = round(scale * frame.right), round(scale * frame.bottom)
    return dark, Frame(left, top, right, bottom, frame.digits)


def _align(pieces: Sequence[Piece], text: str) -> list[tuple[Piece, str]] | None:
    """Pair digits with the characters they show; None if their numbers differ."""
    digits = [piece for piece in pieces if piece.kind == "digit"]
    text = text.replace(GAP, "")
    if not pieces or len(digits) != len(text):
        return None
    return list(zip(digits, text, strict=True))


def _fit_classifier(
    start: Any,
    lesson: tuple[NDArray[Any], NDArray[Any]],
    own: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Any:
    """Train a copy: further if it is fitted and can go on from there, else anew."""
    members = getattr(start, "estimators_", [start])
    if not is_fitted(start) or not all(map(_can_go_on, members)):
        return clone(start).fit(*lesson, **given)
    glyphs, labels = lesson
    adapted = deepcopy(start)
    members = getattr(adapted, "estimators_", [adapted])
    if members[0] is not adapted:  # a committee numbers the labels for its members
        labels = adapted.le_.transform(labels)
    for member in members:
        before = member.warm_start
        usual = {k: v for k, v in _ADAPTATION.items() if k in member.get_params()}
        settings = {**usual, **own}
        member.set_params(**settings, classes=member.classes_.tolist(), warm_start=True)
        member.fit(glyphs, labels, **given).set_params(warm_start=before)
    return adapted


def _can_go_on(classifier: Any) -> bool:
    """Return whether fit may begin with what a fitted classifier has learned."""
    return all(hasattr(classifier, name) for name in ("warm_start", "classes"))


@cache
def _shipped(name: str) -> Any:
    """Load a model that ships once."""
    return load_model(name)

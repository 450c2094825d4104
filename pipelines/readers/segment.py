"""From images of free writing to strings, by cutting it."""

from collections.abc import Collection, Sequence
from functools import cache
from numbers import Integral
from typing import Any, ClassVar, Final, Self

from sklearn.utils._param_validation import Interval

from pipelines.images import Image, check_images
from pipelines.lines.segments import (
    LineReading,
    SegmentModel,
    load_segments,
    locate_digits,
    read_lines,
)
from pipelines.readers.base import FreeReader, check_texts

SHIPPED: Final = "segments"

DIGITS: Final = "0123456789"


class SegmentReader(FreeReader):
    """Read digits that are written freely, by over-segmentation and a best path.

    Fields are cut more finely than digits are written, neighbouring pieces are
    joined again in all ways, and each of these is classified: as one of the ten
    digits, or as none. The string is that of the best path through them [1]_.

    It reads what a :class:`LineReader` reads, by the same methods. It is the slower
    of the two, and knows a box for every digit.

    Parameters
    ----------
    model : SegmentModel, default=None
        What is known about pieces of writing. None takes the model that ships with
        the package, which reads without having been fitted. `fit` adapts a copy.

    random_state : int, default=0
        Seed of the training in `fit`.

    Attributes
    ----------
    model_ : SegmentModel
        The model, adapted to the fields. Only after `fit`.

    See Also
    --------
    LineReader : Slides a network over the field, and does not cut.
    VoteReader : Lets both vote.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), 1998, section V.

    Examples
    --------
    >>> from pipelines import SegmentReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["308", "60291"]]
    >>> [str(value) for value in SegmentReader().predict(fields)]
    ['308', '60291']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [SegmentModel, None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, model: SegmentModel | None = None, *, random_state: int = 0
    ) -> None:
        self.model = model
        self.random_state = random_state

    def fit(self, X: Sequence[Image], y: Sequence[str]) -> Self:
        """Adapt the model to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field. Fields that cannot be read
            so, however they are cut, are passed over.

        Returns
        -------
        self : SegmentReader
            The reader itself.

        Raises
        ------
        ValueError
            If fields and strings do not fit, or no string is found in its field.
        """
        from pipelines.lines.learning import adapt  # scikit-learn's models are slow

        self._validate_params()
        fields = self._check(X)
        texts = check_texts(y, len(fields), caller=type(self).__name__)
        check_digits(texts, caller=type(self).__name__)
        self.model_ = adapt(
            self._start(), fields, texts, random_state=self.random_state
        )
        return self

    def read(
        self,
        X: Sequence[Image],
        *,
        n_best: int = 1,
        lengths: int | Collection[int] | None = None,
        mask: str | None = None,
    ) -> list[list[LineReading]]:
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
        readings : list of n_samples lists of at most n_best LineReading
            Of a `text`, its `probability` and the `boxes` of its digits, the best
            first; none where no path reads such a string. Probabilities do not
            look at `lengths` and `mask`.

        Raises
        ------
        ValueError
            If lengths or mask are of another form.
        """
        from lenet_sklearn.strings.hypotheses import make_constraint  # imports torch

        self._validate_params()
        rule = make_constraint(DIGITS, lengths, mask)
        return read_lines(
            self._check(X),
            self.reading_model(),
            n_best=n_best,
            lengths=rule.lengths,
            mask=mask,
        )

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
            If fields and strings do not fit, a string is not of digits, or a field
            cannot be read so, however it is cut.
        """
        if texts is None:
            boxes = [list(best.boxes) for [best] in self.read(X)]
        else:
            fields = self._check(X)
            texts = check_texts(texts, len(fields), caller=type(self).__name__)
            check_digits(texts, caller=type(self).__name__)
            boxes = locate_digits(fields, texts, self.reading_model())
        return [
            [(left, left + width) for _, left, _, width in digits] for digits in boxes
        ]

    def reading_model(self) -> SegmentModel:
        """Return what is read with: the adapted model, the given, or the shipped one.

        Returns
        -------
        model : SegmentModel
            Ready to read.
        """
        return self.model_ if hasattr(self, "model_") else self._start()

    def _check(self, X: Sequence[Image]) -> list[Image]:
        return check_images(X, caller=type(self).__name__)

    def _start(self) -> SegmentModel:
        return _pretrained() if self.model is None else self.model


def check_digits(texts: Sequence[str], *, caller: str) -> None:
    """Refuse strings of anything but digits.

    Parameters
    ----------
    texts : sequence of str
        To be found in fields.

    caller : str
        Name of who asks, for messages.

    Raises
    ------
    ValueError
        If a string has another character.
    """
    for index, text in enumerate(texts):
        if set(text) - set(DIGITS):
            raise ValueError(
                f"Sample {index}: {caller} expects strings of the ten digits."
                f" Got {text!r}. Leave out all other characters."
            )


@cache
def _pretrained() -> SegmentModel:
    """Load the shipped model once."""
    return load_segments(SHIPPED)

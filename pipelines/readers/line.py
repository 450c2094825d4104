"""From images of free writing to strings."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, ClassVar, Final, Self

from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from pipelines.images import Image, check_images
from pipelines.lines.learning import KEPT
from pipelines.lines.strips import normalize_line
from pipelines.readers.base import FreeReader, check_texts

# Few fields are passed over often, many need it less: 100 fields take 120 passes, 900
# take 80.
_LEAST_EPOCHS = 30
_MOST_EPOCHS = 120
_STRIPS_IN_ALL = 72_000

# The smallest network learns the slowest, and takes twice as many.
_PATIENCE = {"lenet5": 2}

# The widest network would know the fields by heart without; the others have less room
# for that, and read more with a quarter of it.
_DROPOUT = {"wide": 0.2}
_LITTLE_DROPOUT = 0.05

# The rate is less than half of what a training from nothing bears: the weights know
# digits already.
_ADAPTATION = {
    "batch_size": 16,
    "lr": 0.002,
    "schedule": "one-cycle",
    "distortion": "writing",
    "initial_share": KEPT,
    "random_state": 0,
}

SHIPPED: Final = "wide"


class LineReader(FreeReader):
    """Read digits that are written freely, without boxes and without cutting them.

    Fields are normalised to strips, and a network slides over them. Digits may
    touch, lean and overlap; commas, dashes, lines and patterns of the paper are
    passed over.

    Parameters
    ----------
    recognizer : StringRecognizer or StringCommittee, default=None
        Reads strips. None takes the recognizer that ships with the package, which
        reads without having been fitted. `fit` trains a copy of one that is given,
        by its own parameters: `initial_weights` say what it starts from.

    Attributes
    ----------
    recognizer_ : StringRecognizer or StringCommittee
        The recognizer, fitted on the fields. Only after `fit`.

    See Also
    --------
    SegmentReader : Cuts the field, and joins the pieces.
    VoteReader : Lets both vote.

    Examples
    --------
    >>> from pipelines import LineReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["1742", "308"]]
    >>> [str(value) for value in LineReader().predict(fields)]
    ['1742', '308']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "recognizer": [HasMethods(["fit", "read"]), None],
    }

    def __init__(self, recognizer: Any = None) -> None:
        self.recognizer = recognizer

    def fit(self, X: Sequence[Image], y: Sequence[str]) -> Self:
        """Adapt the recognizer to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field.

        Returns
        -------
        self : LineReader
            The reader itself.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit.
        """
        self._validate_params()
        strips = self._strips(X)
        texts = check_texts(y, len(strips), caller=type(self).__name__)
        self.recognizer_ = self._trainable(len(strips)).fit(strips, texts)
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
            Of a `text` and its `probability`, the best first; none where the
            field has no room for such a string.

        Raises
        ------
        ValueError
            If lengths or mask are of another form.
        """
        self._validate_params()
        readings: list[list[Any]] = self.reading_recognizer().read(
            self._strips(X), n_best=n_best, lengths=lengths, mask=mask
        )
        return readings

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
            If fields and strings do not fit, or a field has no room for its string.
        """
        strips = self._strips(X)
        if texts is not None:
            texts = check_texts(texts, len(strips), caller=type(self).__name__)
        found = self.reading_recognizer().locate(strips, texts)
        scales = [f.shape[1] / s.shape[1] for f, s in zip(X, strips, strict=True)]
        return [
            [(round(scale * left), round(scale * right)) for left, right in spans]
            for scale, spans in zip(scales, found, strict=True)
        ]

    def reading_recognizer(self) -> Any:
        """Return what is read with: adapted, given, or the one that ships.

        Returns
        -------
        recognizer : StringRecognizer or StringCommittee
            Ready to read.
        """
        if hasattr(self, "recognizer_"):
            return self.recognizer_
        return _pretrained() if self.recognizer is None else self.recognizer

    def _strips(self, X: Sequence[Image]) -> list[Image]:
        fields = check_images(X, caller=type(self).__name__)
        return [normalize_line(field) for field in fields]

    def _trainable(self, n_fields: int) -> Any:
        """Return an unfitted copy of the recognizer that `fit` may train."""
        if self.recognizer is not None:
            return clone(self.recognizer)
        return clone(_pretrained()).set_params(
            **adaptation(SHIPPED, n_fields), initial_weights=SHIPPED
        )


def adaptation(network: str, n_fields: int) -> dict[str, Any]:
    """Say how a trained recognizer is fitted to some fields.

    Parameters
    ----------
    network : {"wide", "lenet5_dense", "lenet5"}
        Which network it has.

    n_fields : int
        How many there are.

    Returns
    -------
    params : dict
        Parameters of :class:`lenet_sklearn.strings.StringRecognizer`.

    Examples
    --------
    >>> from pipelines.readers.line import adaptation
    >>> [adaptation("wide", n)["max_epochs"] for n in (20, 900, 5000)]
    [120, 80, 30]
    >>> adaptation("lenet5", 900)["max_epochs"]
    160
    """
    epochs = _STRIPS_IN_ALL // max(n_fields, 1)
    passes = min(max(epochs, _LEAST_EPOCHS), _MOST_EPOCHS)
    return {
        **_ADAPTATION,
        "dropout": _DROPOUT.get(network, _LITTLE_DROPOUT),
        "max_epochs": _PATIENCE.get(network, 1) * passes,
    }


@cache
def _pretrained() -> Any:
    """Load the shipped recognizer once."""
    # Importing torch takes seconds, and who imports `pipelines` may not need it.
    from lenet_sklearn.strings import StringRecognizer

    return StringRecognizer.load(SHIPPED)

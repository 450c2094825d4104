"""From images of free writing to strings, by cutting it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from numbers import Integral
from typing import Any, ClassVar, Final

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.parameters import COUNT, POSITIVE, Interval
from pipelines.images import Image
from pipelines.lines.segments import CuttingModel, locate_digits, read_lines
from pipelines.readers.base import FreeReader

SHIPPED: Final = "segments"

DIGITS: Final = "0123456789"


class CuttingReader(FreeReader):
    """Read digits that are written freely, by over-segmentation and a best path.

    Fields are cut more finely than digits are written, neighbouring pieces are
    joined again in all ways, and each of these is classified: as one of the ten
    digits, or as none. The string is that of the best path through them [1]_.

    It reads what a :class:`SlidingReader` reads, by the same methods. It is the slower
    of the two, and knows a box for every digit.

    Parameters
    ----------
    model : CuttingModel, default=None
        What is known about pieces of writing. None takes the model that ships with
        the package, which reads without having been fitted. `fit` adapts a copy.

    narrowest : float, default=None
        Least distance of two cuts, as a share of the height of the writing; here as
        below, None takes what the model was trained with: 0.12. Less cuts more finely.

    most_ink : float, default=None
        Most ink that a cut goes through, as a share of the height: 0.6.

    most_pieces : int, default=None
        Most pieces of a digit: 5.

    widest : float, default=None
        Greatest width of a digit of several pieces, in heights of the writing: 1.6.

    random_state : int, default=0
        Seed of the training in `fit`.

    Attributes
    ----------
    model_ : CuttingModel
        The model, adapted to the fields. Only after `fit`.

    See Also
    --------
    SlidingReader : Slides a network over the field, and does not cut.
    VotingReader : Combines both.

    Notes
    -----
    `fit` passes over fields that cannot be read as their strings, however they are
    cut.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), 1998, section V.

    Examples
    --------
    >>> from pipelines import CuttingReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["308", "60291"]]
    >>> [str(value) for value in CuttingReader().predict(fields)]
    ['308', '60291']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model": [CuttingModel, None],
        "narrowest": [POSITIVE, None],
        "most_ink": [POSITIVE, None],
        "most_pieces": [COUNT, None],
        "widest": [POSITIVE, None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        model: CuttingModel | None = None,
        *,
        narrowest: float | None = None,
        most_ink: float | None = None,
        most_pieces: int | None = None,
        widest: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.narrowest = narrowest
        self.most_ink = most_ink
        self.most_pieces = most_pieces
        self.widest = widest
        self.random_state = random_state

    def reading_model(self) -> CuttingModel:
        """Return what is read with: the adapted model, the given, or the shipped one.

        Returns
        -------
        model : CuttingModel
            Ready to read.
        """
        return self._cutting_as_set(getattr(self, "model_", self.model))

    def _cutting_as_set(self, model: CuttingModel | None) -> CuttingModel:
        """Let a model, by default the shipped one, cut as the parameters say."""
        model = _pretrained() if model is None else model
        given = {
            name: value
            for name in vars(model.cutting)
            if (value := getattr(self, name)) is not None
        }
        return replace(model, cutting=replace(model.cutting, **given))

    def _fit(self, fields: Sequence[Image], texts: Sequence[str]) -> None:
        from pipelines.lines.learning import adapt_model  # scikit-learn's are slow

        check_digits(texts, caller=type(self).__name__)
        self.model_ = adapt_model(
            self._cutting_as_set(self.model),
            fields,
            texts,
            random_state=self.random_state,
        )

    def _read(
        self, fields: Sequence[Image], *, n_best: int = 1, **rule: Any
    ) -> list[list[Any]]:
        from lenet_sklearn.strings.decoding import make_constraint  # imports torch

        lengths, mask = rule.get("lengths"), rule.get("mask")
        lengths = make_constraint(DIGITS, lengths, mask).lengths
        return read_lines(
            fields, self.reading_model(), n_best=n_best, lengths=lengths, mask=mask
        )

    def _locate(
        self, fields: Sequence[Image], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        check_digits(texts, caller=type(self).__name__)
        boxes = locate_digits(fields, texts, self.reading_model())
        return [
            [(left, left + width) for _, left, _, width in digits] for digits in boxes
        ]


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
def _pretrained() -> CuttingModel:
    """Load the shipped model once."""
    model: CuttingModel = load_model(SHIPPED)
    return model

"""From images of free writing to strings: by sliding over it, and by cutting it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from numbers import Integral
from typing import Any, ClassVar, Final

from sklearn.base import clone

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.parameters import COUNT, POSITIVE, HasMethods, Interval
from pipelines.images import Image
from pipelines.lines.learning import KEPT
from pipelines.lines.segments import CuttingModel, locate_digits, read_lines
from pipelines.lines.strips import normalize_line
from pipelines.memory import map_images
from pipelines.readers.base import FreeReader, is_fitted

# Models that ship with the package, for the one and the other.
SHIPPED_SLIDING: Final = "wide"
SHIPPED_CUTTING: Final = "segments"

DIGITS: Final = "0123456789"

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
}

# Parameters of a reader that take the place of these.
_GIVEN: Final = ("max_epochs", "lr", "distortion")


class SlidingReader(FreeReader):
    """Read digits that are written freely, without boxes and without cutting them.

    Fields are normalised to strips, and a network slides over them. Digits may
    touch, lean and overlap; commas, dashes, lines and patterns of the paper are
    passed over.

    Parameters
    ----------
    recognizer : StringRecognizer or StringCommittee, default=None
        Reads strips. None takes the recognizer that ships with the package, which
        reads without having been fitted. `fit` goes on from the weights of one that is
        fitted, with settings of its own for few fields; a copy of one that is not
        fitted is trained by its own parameters.

    max_epochs : int, default=None
        Passes over the fields where `fit` goes on from weights; None for 30 to 120, the
        more, the fewer they are, and twice as many for the smallest network.

    lr : float, default=None
        Highest learning rate there; None for 0.002.

    distortion : str or mapping, default=None
        Distortion of the strips there, as for
        :class:`lenet_sklearn.strings.StringRecognizer`; None for "writing".

    random_state : int, default=0
        Seed of `fit` where it goes on from weights.

    Attributes
    ----------
    recognizer_ : StringRecognizer or StringCommittee
        The recognizer, fitted on the fields. Only after `fit`.

    See Also
    --------
    CuttingReader : Cuts the field, and joins the pieces.
    VotingReader : Combines both.

    Examples
    --------
    >>> from pipelines import SlidingReader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> writer = draw_writer(3)
    >>> fields = [draw_string(t, writer, random_state=3) for t in ["1742", "308"]]
    >>> [str(value) for value in SlidingReader().predict(fields)]
    ['1742', '308']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "recognizer": [HasMethods(["fit", "read"]), None],
        "max_epochs": [COUNT, None],
        "lr": [POSITIVE, None],
        "distortion": [str, Mapping, None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        recognizer: Any = None,
        *,
        max_epochs: int | None = None,
        lr: float | None = None,
        distortion: str | Mapping[str, float] | None = None,
        random_state: int = 0,
    ) -> None:
        self.recognizer = recognizer
        self.max_epochs = max_epochs
        self.lr = lr
        self.distortion = distortion
        self.random_state = random_state

    def reading_recognizer(self) -> Any:
        """Return what is read with: adapted, given, or the one that ships.

        Returns
        -------
        recognizer : StringRecognizer or StringCommittee
            Ready to read.
        """
        if hasattr(self, "recognizer_"):
            return self.recognizer_
        return self._start()

    def _start(self) -> Any:
        return _pretrained_recognizer() if self.recognizer is None else self.recognizer

    def _fit(self, fields: Sequence[Image], texts: Sequence[str], **given: Any) -> None:
        strips = _normalize(fields)
        start = self._start()
        if is_fitted(start):
            own = {name: getattr(self, name) for name in _GIVEN}
            settings = {k: v for k, v in own.items() if v is not None}
            settings["random_state"] = self.random_state
            self.recognizer_ = _adapt(start, (strips, texts), settings, given)
        else:
            self.recognizer_ = clone(start).fit(strips, texts, **given)

    def _read(
        self, fields: Sequence[Image], *, n_best: int = 1, **rule: Any
    ) -> list[list[Any]]:
        strips = _normalize(fields)
        readings: list[list[Any]] = self.reading_recognizer().read(
            strips, n_best=n_best, **rule
        )
        return readings

    def _locate(
        self, fields: Sequence[Image], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        strips = _normalize(fields)
        found = self.reading_recognizer().locate(strips, texts)
        scales = [f.shape[1] / s.shape[1] for f, s in zip(fields, strips, strict=True)]
        return [
            [(round(scale * left), round(scale * right)) for left, right in spans]
            for scale, spans in zip(scales, found, strict=True)
        ]


def _normalize(fields: Sequence[Image]) -> list[Image]:
    return map_images(normalize_line, [(field,) for field in fields])


def adaptation(network: str, n_fields: int) -> dict[str, Any]:
    """Return the settings with which a trained recognizer is fitted to some fields.

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
    >>> from pipelines.readers.free import adaptation
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


def _adapt(
    recognizer: Any,
    lesson: tuple[Sequence[Image], Sequence[str]],
    own: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Any:
    """Train a copy of a recognizer, or of each member of a committee, further."""
    adapted = deepcopy(recognizer)
    for member in getattr(adapted, "members_", [adapted]):
        settings = {**adaptation(member.network, len(lesson[1])), **own}
        share = member.initial_share
        member.set_params(**settings, warm_start=True)
        member.fit(*lesson, **given)
        member.set_params(warm_start=False, initial_share=share)
    return adapted


@cache
def _pretrained_recognizer() -> Any:
    """Load the shipped recognizer once."""
    return load_model(SHIPPED_SLIDING)


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

    max_epochs : int, default=None
        Passes over the fields in `fit`; None for 8 to 40: the more, the fewer they are.

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
        "max_epochs": [COUNT, None],
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
        max_epochs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.narrowest = narrowest
        self.most_ink = most_ink
        self.most_pieces = most_pieces
        self.widest = widest
        self.max_epochs = max_epochs
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
        model = _pretrained_model() if model is None else model
        given = {
            name: value
            for name in vars(model.cutting)
            if (value := getattr(self, name)) is not None
        }
        return replace(model, cutting=replace(model.cutting, **given))

    def _fit(self, fields: Sequence[Image], texts: Sequence[str], **given: Any) -> None:
        from pipelines.lines.learning import adapt_model  # scikit-learn's are slow

        check_digits(texts, caller=type(self).__name__)
        self.model_ = adapt_model(
            self._cutting_as_set(self.model),
            fields,
            texts,
            max_epochs=self.max_epochs,
            random_state=self.random_state,
            **given,
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
def _pretrained_model() -> CuttingModel:
    """Load the shipped model once."""
    model: CuttingModel = load_model(SHIPPED_CUTTING)
    return model

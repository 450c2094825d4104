"""From images of free writing to strings, by a network that slides over them."""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from numbers import Integral
from typing import Any, ClassVar, Final

from sklearn.base import clone

from lenet_sklearn.models.registry import load_model
from lenet_sklearn.parameters import HasMethods, Interval
from pipelines.images import Image
from pipelines.lines.learning import KEPT
from pipelines.lines.strips import normalize_line
from pipelines.readers.base import FreeReader, is_fitted

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

SHIPPED: Final = "wide"


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
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, recognizer: Any = None, *, random_state: int = 0) -> None:
        self.recognizer = recognizer
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
        return _pretrained() if self.recognizer is None else self.recognizer

    def _fit(self, fields: Sequence[Image], texts: Sequence[str]) -> None:
        strips = [normalize_line(field) for field in fields]
        start = self._start()
        if is_fitted(start):
            self.recognizer_ = _adapt(start, strips, texts, self.random_state)
        else:
            self.recognizer_ = clone(start).fit(strips, texts)

    def _read(
        self, fields: Sequence[Image], *, n_best: int = 1, **rule: Any
    ) -> list[list[Any]]:
        strips = [normalize_line(field) for field in fields]
        readings: list[list[Any]] = self.reading_recognizer().read(
            strips, n_best=n_best, **rule
        )
        return readings

    def _locate(
        self, fields: Sequence[Image], texts: Sequence[str]
    ) -> list[list[tuple[int, int]]]:
        strips = [normalize_line(field) for field in fields]
        found = self.reading_recognizer().locate(strips, texts)
        scales = [f.shape[1] / s.shape[1] for f, s in zip(fields, strips, strict=True)]
        return [
            [(round(scale * left), round(scale * right)) for left, right in spans]
            for scale, spans in zip(scales, found, strict=True)
        ]


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
    >>> from pipelines.readers.sliding import adaptation
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
    recognizer: Any, strips: Sequence[Image], texts: Sequence[str], random_state: int
) -> Any:
    """Train a copy of a recognizer, or of each member of a committee, further."""
    adapted = deepcopy(recognizer)
    for member in getattr(adapted, "members_", [adapted]):
        settings = adaptation(member.network, len(strips))
        share = member.initial_share
        member.set_params(**settings, random_state=random_state, warm_start=True)
        member.fit(strips, texts)
        member.set_params(warm_start=False, initial_share=share)
    return adapted


@cache
def _pretrained() -> Any:
    """Load the shipped recognizer once."""
    return load_model(SHIPPED)

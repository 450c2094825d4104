"""What a pile of fields teaches: strings that two readers vote for, and drawn ones."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np

from pipelines.drawing.borrowing import BorrowedLines, borrow
from pipelines.drawing.lines import DrawnLines
from pipelines.drawing.skeletons import thin_glyphs
from pipelines.images import Image
from pipelines.lines.segments import cut_digits
from pipelines.lines.strips import normalize_line
from pipelines.readers.free import CuttingReader, SlidingReader
from pipelines.readers.voting import VotingReader, pool_readings
from pipelines.training.habits import StringHabits
from pipelines.training.unlabelled import FieldPile, Weighed

# What a field may say, by its number, and how much each string counts.
Labels: TypeAlias = dict[int, dict[str, float]]

# Strings that each reader names.
_N_BEST: Final = 5

# What is less probable than this by the vote is no lesson.
_LEAST_SURE: Final = 0.5

# Shares of what is learned from that are drawn: on the pile's own paper, and on any.
_OWN_SHARE: Final = 0.35
_OTHER_SHARE: Final = 0.1

# Digits that ship and are drawn with, where the pile has fewer of its own.
_LEAST_SHIPPED: Final = 500

# Fields that over-segmentation looks at in a round, and passes over them at the most.
_CUTTING_FIELDS: Final = 6_000
_CUTTING_EPOCHS: Final = 16

# As fields with labels are learned from: see pipelines.readers.free.adaptation.
_SETTINGS: Final[dict[str, Any]] = {
    "batch_size": 16,
    "lr": 0.002,
    "schedule": "one-cycle",
    "distortion": "writing",
    "dropout": 0.2,
    "initial_share": 0.3,
    "max_epochs": 1,
    "warm_start": True,
}


@dataclass(frozen=True)
class Voters:
    """Two readers of different kinds.

    Attributes
    ----------
    sliding : SlidingReader
        The network.

    cutting : CuttingReader
        Over-segmentation.
    """

    sliding: SlidingReader
    cutting: CuttingReader

    def read(self, images: Sequence[Image]) -> list[dict[str, float]]:
        """Pool what both say of fields.

        Parameters
        ----------
        images : sequence of n_fields ndarrays of shape (height, width), dtype uint8
            Fields.

        Returns
        -------
        pooled : list of n_fields dicts of str to float
            Probabilities of strings, the most probable first.
        """
        both = [read_shares(reader, images) for reader in (self.sliding, self.cutting)]
        weights = VotingReader().weights
        return [dict(pool_readings(own, weights)) for own in zip(*both, strict=True)]


def read_shares(
    reader: SlidingReader | CuttingReader, images: Sequence[Image]
) -> list[dict[str, float]]:
    """Read the most probable strings of every field.

    Parameters
    ----------
    reader : SlidingReader or CuttingReader
        What reads.

    images : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Fields.

    Returns
    -------
    shares : list of n_fields dicts of str to float
        Their probabilities, the most probable first.
    """
    found = reader.read(images, n_best=_N_BEST)
    return [{one.text: one.probability for one in own} for own in found]


def label_fields(pile: FieldPile, learned: Sequence[int], voters: Voters) -> Labels:
    """Give strings to fields: what is known, or what is voted for.

    Parameters
    ----------
    pile : FieldPile
        The fields.

    learned : sequence of int
        Those that may be learned from.

    voters : Voters
        What reads them.

    Returns
    -------
    labels : dict of int to dict of str to float
        Strings by the number of the field, and how much each counts: as much as it is
        probable by the vote, the habits of the pile and the rules. Fields whose best
        string is improbable, or breaks a rule, have none.
    """
    labels = {n: {text: 1.0} for n in learned if (text := pile.texts[n]) is not None}
    unknown = [n for n in learned if n not in labels]
    if not unknown:
        return labels
    read = voters.read([pile.images[n] for n in unknown])
    best = [next(iter(own.items())) for own in (*labels.values(), *read)]
    habits = StringHabits(*zip(*best, strict=True))
    usual = dict(zip(unknown, map(habits.weigh, read), strict=True))
    weighed = pile.weigh({**labels, **usual})
    voted = {
        n: {weighed[n].text: weighed[n].probability}
        for n in unknown
        if _is_lesson(weighed[n])
    }
    return {n: own for n in learned if (own := labels.get(n) or voted.get(n))}


def _is_lesson(weighed: Weighed) -> bool:
    return weighed.probability > _LEAST_SURE and not weighed.is_broken


class Lessons(Sequence[Image]):
    """Strips to learn from, some of them drawn when they are asked for.

    Parameters
    ----------
    everything : list of tuples of (strips, place, text, weight)
        Where each strip is, what it says, and how much that counts.

    Attributes
    ----------
    texts : list of str
        What they say.

    weights : ndarray of shape (n_strips,), dtype float64
        How much each counts.
    """

    def __init__(
        self, everything: Sequence[tuple[Sequence[Image], int, str, float]]
    ) -> None:
        self._sources = [(strips, place) for strips, place, *_ in everything]
        self.texts = [text for *_, text, _ in everything]
        self.weights = np.array([weight for *_, weight in everything])

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, index: Any) -> Any:
        strips, place = self._sources[index]
        return strips[place]


def gather_lessons(
    pile: FieldPile, labels: Labels, n_strips: int, cutting: CuttingReader, seed: int
) -> Lessons:
    """Mix fields that have labels with drawn strings.

    Parameters
    ----------
    pile : FieldPile
        The fields.

    labels : dict of int to dict of str to float
        What they say, as of :func:`label_fields`.

    n_strips : int
        How many strips there are to be.

    cutting : CuttingReader
        Finds the digits of the labels, which are drawn with.

    seed : int
        Of the drawing.

    Returns
    -------
    lessons : Lessons

    Raises
    ------
    ValueError
        If no field has a label with a digit.
    """
    numbers = list(labels)
    images = [pile.images[n] for n in numbers]
    strips = [normalize_line(image) for image in images]
    best = [max(labels[n], key=labels[n].__getitem__) for n in numbers]
    n_own, n_other = (round(s * n_strips) for s in (_OWN_SHARE, _OTHER_SHARE))
    drawn = _draw(images, best, (n_own, n_other), cutting, seed)
    written = [
        (strips, place, text, share)
        for place, n in enumerate(numbers)
        for text, share in labels[n].items()
    ]
    rng = np.random.default_rng(seed)
    n_written = n_strips - n_own - n_other
    order = np.resize(rng.permutation(len(written)), n_written).tolist()
    everything: list[tuple[Sequence[Image], int, str, float]]
    everything = [written[n] for n in order]
    for lines in drawn:
        everything += [(lines, n, text, 1.0) for n, text in enumerate(lines.texts)]
    return Lessons(everything)


def _draw(
    images: Sequence[Image],
    texts: Sequence[str],
    n_lines: tuple[int, int],
    cutting: CuttingReader,
    seed: int,
) -> tuple[DrawnLines, DrawnLines]:
    """Draw strings on the paper of fields with their digits, and on any."""
    from lenet_sklearn import load_dataset

    loans = [loan for image in images if (loan := borrow(image)) is not None]
    if not loans or not any(texts):
        raise ValueError(
            f"None of {len(images)} fields could be read surely enough to learn from."
            " Label some, and name them by --truth."
        )
    shipped, names = load_dataset("digits")
    glyphs, labels = cut_digits(images, texts, cutting.reading_model())
    inked = np.flatnonzero(thin_glyphs(glyphs).any(axis=1))
    # Digits that the pile lacks, or has few of, are drawn too.
    size = glyphs.shape[1:]
    shipped = np.array([cv2.resize(glyph, size) for glyph in shipped])
    kept = np.random.default_rng(seed).permutation(len(shipped))
    kept = kept[: max(len(glyphs), _LEAST_SHIPPED)]
    mixed = np.concatenate([glyphs[inked], shipped[kept]])
    known = [labels[n] for n in inked.tolist()]
    known += map(str, names[kept].tolist())
    return (
        BorrowedLines(
            loans, texts, mixed, known, n_lines=n_lines[0], random_state=seed
        ),
        DrawnLines(shipped, names, n_lines=n_lines[1], random_state=seed + 1),
    )


def teach_sliding(start: SlidingReader, lessons: Lessons, seed: int) -> SlidingReader:
    """Train a copy of a network.

    Parameters
    ----------
    start : SlidingReader
        Where to begin.

    lessons : Lessons
        What to learn from; each strip is seen once.

    seed : int
        Of the training.

    Returns
    -------
    reader : SlidingReader
        With the parameters of the one started from.
    """
    from lenet_sklearn.devices import fast_precision, resolve_device

    recognizer = deepcopy(start.reading_recognizer())
    before = recognizer.get_params(deep=False)
    recognizer.set_params(**_SETTINGS, random_state=seed)
    with fast_precision(resolve_device(recognizer.device)):
        recognizer.fit(lessons, lessons.texts, sample_weight=lessons.weights)
    recognizer.set_params(**{n: before[n] for n in (*_SETTINGS, "random_state")})
    return SlidingReader(recognizer)


def teach_cutting(pile: FieldPile, labels: Labels, seed: int) -> CuttingReader:
    """Let over-segmentation learn from the best string of every field.

    Parameters
    ----------
    pile : FieldPile
        The fields.

    labels : dict of int to dict of str to float
        What they say, as of :func:`label_fields`.

    seed : int
        Of the training.

    Returns
    -------
    reader : CuttingReader
        The one that ships, adapted.
    """
    texts = [max(own, key=own.__getitem__) for own in labels.values()]
    epochs = min(-(-_CUTTING_FIELDS // len(labels)), _CUTTING_EPOCHS)
    reader = CuttingReader(max_epochs=epochs, random_state=seed)
    return reader.fit([pile.images[n] for n in labels], texts)

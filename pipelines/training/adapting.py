"""Learn from a pile of free fields of which nobody has said what they say."""

import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit
from tqdm import tqdm

from pipelines.drawing.borrowing import BorrowedLines, borrow
from pipelines.drawing.lines import DrawnLines
from pipelines.images import Image
from pipelines.lines.segments import cut_digits
from pipelines.lines.strips import normalize_line
from pipelines.models import (
    CUTTING,
    VOTE,
    VOTING,
    kind_of,
    load_line_reader,
    save_line_reader,
)
from pipelines.readers.free import (
    DIGITS,
    SHIPPED_SLIDING,
    CuttingReader,
    SlidingReader,
)
from pipelines.readers.voting import VotingReader, pool_readings
from pipelines.training.labelled import StrPath
from pipelines.training.unlabelled import FieldPile, Weighed

# Fewer fields teach nothing that shows on those kept back.
LEAST_FIELDS: Final = 40

# Share of the documents that nothing is learned from.
_KEPT_BACK: Final = 0.15

# Strings that each reader names.
_N_BEST: Final = 5

# What is less probable than this by the vote is no lesson, and neither is a string
# beside the best one.
_LEAST_SURE: Final = 0.5

# Strips that a round and the last training see, and the shares of them that are
# drawn: on the pile's own paper, and on any.
_N_STRIPS: Final = (10_000, 10_000, 20_000)
_OWN_SHARE: Final = 0.35
_OTHER_SHARE: Final = 0.1

# Passes of over-segmentation over the fields, in each round.
_CUTTING_EPOCHS: Final = 6

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

# What learns from a pile, and what else a file may hold.
_LEARNING: Final = "StringRecognizer"
_OTHERS: Final = {
    VOTING: "a vote that has been fitted",
    "StringCommittee": "a committee",
    CUTTING: "a model of pieces",
}
_START_FROM: Final = "Start from 'wide', 'lenet5_dense', 'lenet5' or a file of one."

_CALIBRATED: Final = "that of the model started from"

# What a reader says of each field of a pile, by the number of the field.
Read: TypeAlias = Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class Doubts:
    """How far a network can be doubted on fields kept back.

    Attributes
    ----------
    n_fields : int
        Fields kept back without a label.

    differing : float
        How many of them over-segmentation, which has not learned from the pile, reads
        otherwise: the sum of the probabilities that it gives to other strings.

    n_broken : int
        How many break a rule of the form.

    n_labelled, n_wrong : int
        Labelled fields kept back, and how many of them are read wrong.
    """

    n_fields: int
    differing: float
    n_broken: int
    n_labelled: int
    n_wrong: int

    def falls_to(self, other: "Doubts") -> bool:
        """Return whether there is less to doubt in another network.

        Parameters
        ----------
        other : Doubts
            Of the same fields.

        Returns
        -------
        answer : bool
            Whether nothing has risen, and something has fallen.
        """
        ours = (self.differing, self.n_broken, self.n_wrong)
        theirs = (other.differing, other.n_broken, other.n_wrong)
        rises = any(b > a for a, b in zip(ours, theirs, strict=True))
        return not rises and theirs != ours

    def __str__(self) -> str:
        said = []
        if self.n_fields:
            share = self.differing / self.n_fields
            said = [f"{share:.1%} of {self.n_fields} fields read otherwise by cutting"]
            said += [f"{self.n_broken} break a rule"] if self.n_broken else []
        if self.n_labelled:
            said.append(f"{self.n_wrong} of {self.n_labelled} labelled fields wrong")
        return ", ".join(said)


@dataclass(frozen=True, eq=False)
class PileLessons:
    """What was learned from a pile.

    Attributes
    ----------
    reader : SlidingReader
        What reads better: the network that has learned, or the one started from.

    before, after : Doubts
        Of the network started from, and the one that has learned, on fields kept back.

    n_read : int
        Fields of the pile.

    n_labelled : int
        Those of them whose string was known.

    n_kept : tuple of int
        Pseudo-labels learned from in each round.

    temperature : float
        What the logits of the network are divided by.

    seconds : float
        CPU time of all.
    """

    reader: SlidingReader
    before: Doubts
    after: Doubts
    n_read: int
    n_labelled: int
    n_kept: tuple[int, ...]
    temperature: float
    seconds: float

    @property
    def is_gain(self) -> bool:
        """Whether the network that has learned is the better one."""
        return self.before.falls_to(self.after)

    @property
    def figures(self) -> dict[str, str]:
        """What the card says."""
        kept = ", ".join(map(str, self.n_kept))
        figures = {
            "read": f"{self.n_read} fields, {self.n_labelled} of them labelled",
            "learned from": f"{kept} labels in {len(self.n_kept)} rounds",
            "before": f"{self.before}, of those kept back",
            "after": f"{self.after}, of those kept back",
            "temperature": f"{self.temperature:.2f}, {_CALIBRATED}",
        }
        if not self.is_gain:
            figures["kept"] = "the weights started from: nothing was gained"
        return figures

    def __str__(self) -> str:
        lines = {**self.figures, "CPU time": f"{self.seconds / 60:.1f} min"}
        return "\n".join(f"{name:13s}{said}" for name, said in lines.items())


def adapt_to_pile(
    pile: FieldPile,
    start: SlidingReader,
    *,
    n_strips: Sequence[int] = _N_STRIPS,
    random_state: int = 0,
) -> PileLessons:
    """Let a network learn from fields that nobody has labelled.

    In every round the fields are read by two readers of different kinds that vote, the
    network and over-segmentation. Strings that are probable enough and break no rule
    become labels, weighted by their probability. The network learns from them, mixed
    with strings drawn on the pile's own paper and on any other; so does
    over-segmentation. The last round trains the network that is kept, from the vote of
    those before.

    Parameters
    ----------
    pile : FieldPile
        The fields.

    start : SlidingReader
        Where to begin, with a single recognizer that is fitted.

    n_strips : sequence of int, default=(10000, 10000, 20000)
        Strips that are learned from in each round.

    random_state : int, default=0
        Seed of everything that is random.

    Returns
    -------
    lessons : PileLessons

    Raises
    ------
    ValueError
        If there are too few fields.
    """
    begun = time.process_time()
    rng = np.random.default_rng(random_state)
    learned, held = _split(pile, random_state)
    voters = _Voters(start, CuttingReader())
    kept = []
    # disable=None: no bar where nobody looks.
    with tqdm(total=2 * len(n_strips) + 2, unit="step", disable=None) as bar:
        before = _doubt(pile, held, voters.sliding, voters.cutting)
        bar.update()
        for number, n in enumerate(n_strips, 1):
            labels = _label(pile, learned, voters)
            kept.append(len(labels))
            bar.update()
            lessons = _gather(pile, labels, n, voters.cutting, rng)
            sliding = _teach(start, lessons, int(rng.integers(2**31)))
            cutting = voters.cutting
            if number < len(n_strips):
                cutting = _teach_cutting(pile, labels, int(rng.integers(2**31)))
            voters = _Voters(sliding, cutting)
            bar.update()
        after = _doubt(pile, held, voters.sliding, CuttingReader())
        bar.update()
    found = voters.sliding if before.falls_to(after) else start
    return PileLessons(
        reader=found,
        before=before,
        after=after,
        n_read=len(pile.images),
        n_labelled=sum(text is not None for text in pile.texts),
        n_kept=tuple(kept),
        temperature=found.reading_recognizer().temperature_,
        seconds=time.process_time() - begun,
    )


@dataclass(frozen=True)
class _Voters:
    """Two readers of different kinds."""

    sliding: SlidingReader
    cutting: CuttingReader

    def read(
        self, pile: FieldPile, chosen: Sequence[int]
    ) -> dict[int, dict[str, float]]:
        """Pool what both say of some fields."""
        images = [pile.images[n] for n in chosen]
        both = [_shares(reader, images) for reader in (self.sliding, self.cutting)]
        weights = VotingReader().weights
        pooled = (pool_readings(own, weights) for own in zip(*both, strict=True))
        return {n: dict(own) for n, own in zip(chosen, pooled, strict=True)}


def _shares(reader: Any, images: Sequence[Image]) -> list[dict[str, float]]:
    """Read the most probable strings of every field, with their probabilities."""
    found = reader.read(images, n_best=_N_BEST)
    return [{one.text: one.probability for one in own} for own in found]


def _split(pile: FieldPile, random_state: int) -> tuple[list[int], list[int]]:
    """Choose fields to learn from, and documents to keep back."""
    n_fields = len(pile.images)
    if n_fields < LEAST_FIELDS:
        raise ValueError(
            f"There are {n_fields} fields of free writing, and a pile needs"
            f" {LEAST_FIELDS} at the least, better some hundreds. Name more scans."
        )
    documents = pile.documents
    if len(set(documents)) < 2:
        documents = [str(n) for n in range(n_fields)]
    splits = GroupShuffleSplit(1, test_size=_KEPT_BACK, random_state=random_state)
    [(learned, held)] = splits.split(documents, groups=documents)
    return learned.tolist(), held.tolist()


def _doubt(
    pile: FieldPile, held: Sequence[int], sliding: SlidingReader, cutting: CuttingReader
) -> Doubts:
    """Say how far what a network reads in fields kept back can be doubted."""
    images = [pile.images[n] for n in held]
    said = dict(zip(held, _shares(sliding, images), strict=True))
    other = dict(zip(held, _shares(cutting, images), strict=True))
    weighed = pile.weigh(said)
    free = [n for n in held if pile.texts[n] is None]
    known = [n for n in held if pile.texts[n] is not None]
    return Doubts(
        n_fields=len(free),
        differing=sum(1 - other[n].get(weighed[n].text, 0.0) for n in free),
        n_broken=sum(weighed[n].is_broken for n in free),
        n_labelled=len(known),
        n_wrong=sum(next(iter(said[n])) != pile.texts[n] for n in known),
    )


def _label(
    pile: FieldPile, learned: Sequence[int], voters: _Voters
) -> dict[int, dict[str, float]]:
    """Give strings, with their weights, to fields: those known, and those voted for."""
    weighed = pile.weigh(voters.read(pile, learned))
    labels = {}
    for n in learned:
        text = pile.texts[n]
        if text is not None:
            labels[n] = {text: 1.0}
        elif _is_lesson(weighed[n]):
            labels[n] = {weighed[n].text: weighed[n].probability}
    return labels


def _is_lesson(weighed: Weighed) -> bool:
    return weighed.probability > _LEAST_SURE and not weighed.is_broken


@dataclass(frozen=True, eq=False)
class _Lessons(Sequence[Image]):
    """Strips to learn from, some of them drawn when they are asked for."""

    sources: list[tuple[Sequence[Image], int]]
    texts: list[str]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: Any) -> Any:
        strips, n = self.sources[index]
        return strips[n]


def _gather(
    pile: FieldPile,
    labels: Mapping[int, Mapping[str, float]],
    n_strips: int,
    cutting: CuttingReader,
    rng: Generator,
) -> _Lessons:
    """Mix labelled fields with drawn strings."""
    from lenet_sklearn import load_dataset

    numbers = list(labels)
    best = [max(labels[n], key=labels[n].__getitem__) for n in numbers]
    images = [pile.images[n] for n in numbers]
    glyphs, names = cut_digits(images, best, cutting.reading_model())
    loans = [loan for image in images if (loan := borrow(image)) is not None]
    seed = int(rng.integers(2**31))
    n_own, n_other = (round(s * n_strips) for s in (_OWN_SHARE, _OTHER_SHARE))
    drawn = [
        BorrowedLines(loans, best, glyphs, names, n_lines=n_own, random_state=seed),
        DrawnLines(*load_dataset("digits"), n_lines=n_other, random_state=seed),
    ]
    strips = [normalize_line(image) for image in images]
    written = [
        (place, text, share)
        for place, n in enumerate(numbers)
        for text, share in labels[n].items()
    ]
    n_written = n_strips - n_own - n_other
    order = np.resize(rng.permutation(len(written)), n_written).tolist()
    chosen = [written[n] for n in order]
    return _Lessons(
        sources=[(strips, place) for place, *_ in chosen]
        + [(lines, n) for lines in drawn for n in range(len(lines))],
        texts=[text for _, text, _ in chosen]
        + [t for lines in drawn for t in lines.texts],
        weights=np.array([share for *_, share in chosen] + [1.0] * (n_own + n_other)),
    )


def _teach(start: SlidingReader, lessons: _Lessons, seed: int) -> SlidingReader:
    """Train a copy of a network with lessons."""
    recognizer = deepcopy(start.reading_recognizer())
    before = recognizer.get_params(deep=False)
    recognizer.set_params(**_SETTINGS, random_state=seed)
    recognizer.fit(lessons, lessons.texts, sample_weight=lessons.weights)
    recognizer.set_params(**{name: before[name] for name in _SETTINGS})
    return SlidingReader(recognizer)


def _teach_cutting(
    pile: FieldPile, labels: Mapping[int, Mapping[str, float]], seed: int
) -> CuttingReader:
    """Let over-segmentation learn from the best string of every field."""
    texts = [max(own, key=own.__getitem__) for own in labels.values()]
    reader = CuttingReader(max_epochs=_CUTTING_EPOCHS, random_state=seed)
    return reader.fit([pile.images[n] for n in labels], texts)


def load_pile_start(model: StrPath, device: str = "auto") -> SlidingReader:
    """Make the reader that learning from a pile begins with.

    Parameters
    ----------
    model : str or path
        A recognizer of digits, one that ships with the package or a file; "vote" for
        the one in it.

    device : str, default="auto"
        Where it is to run.

    Returns
    -------
    reader : SlidingReader

    Raises
    ------
    ValueError
        If it is something else: a vote that has been fitted, a committee, a model of
        pieces or of single characters, or what reads signs.
    """
    model = SHIPPED_SLIDING if model == VOTE else model
    kind = kind_of(model)
    if kind != _LEARNING:
        what = _OTHERS.get(kind, "a classifier of single characters")
        raise ValueError(
            f"{model} is {what}, and it is a single network that slides which learns"
            f" from a pile. {_START_FROM}"
        )
    reader: Any = load_line_reader(model, device=device)
    characters = reader.reading_recognizer().characters_
    if set(characters) != set(DIGITS):
        raise ValueError(
            f"{model} reads {characters!r}, and a pile teaches digits. {_START_FROM}"
        )
    return SlidingReader(reader.reading_recognizer())


def save_lessons(
    lessons: PileLessons,
    output: StrPath,
    *,
    model: StrPath,
    command: str | None = None,
) -> None:
    """Write the network that reads better, with a card that says how it was found.

    Parameters
    ----------
    lessons : PileLessons
        What was learned.

    output : path
        Model file to write.

    model : str or path
        What was started from.

    command : str, default=None
        The command line, for the model card.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    from lenet_sklearn.models.cards import ModelCard

    origin = Path(model).stem
    if lessons.is_gain:
        origin = f"{origin}, then a pile of fields"
    card = ModelCard.write_today(origin, lessons.n_read, command)
    card = replace(card, figures=lessons.figures)
    save_line_reader(lessons.reader, Path(output), card=card)

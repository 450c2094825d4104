"""Learn from a pile of free fields of which nobody has said what they say."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.model_selection import GroupShuffleSplit
from tqdm import tqdm

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
from pipelines.training.labelled import StrPath
from pipelines.training.lessons import (
    Voters,
    gather_lessons,
    label_fields,
    read_shares,
    teach_cutting,
    teach_sliding,
)
from pipelines.training.unlabelled import FieldPile

# Fewer fields teach nothing that shows on those kept back.
LEAST_FIELDS: Final = 40

# Share of the documents that nothing is learned from.
_KEPT_BACK: Final = 0.15

# Strips that are learned from in each round for every field, and those of the only
# round where all labels are known: more, as none of them is wrong.
_STRIPS_A_FIELD: Final = (8, 12, 96)
_LABELLED_STRIPS_A_FIELD: Final = (220,)

# Strips of a round at the least, and fields from which on a round grows no longer.
_LEAST_STRIPS: Final = 2_000
_MOST_FIELDS: Final = 1_000

# What learns from a pile, and what else a file may hold.
_LEARNING: Final = "StringRecognizer"
_OTHERS: Final = {
    VOTING: "a vote that has been fitted",
    "StringCommittee": "a committee",
    CUTTING: "a model of pieces",
}
_START_FROM: Final = "Start from 'wide', 'lenet5_dense', 'lenet5' or a file of one."


@dataclass(frozen=True)
class Comparison:
    """What a network reads in fields kept back that has learned, and one before.

    Attributes
    ----------
    n_fields : int
        Fields kept back without a label.

    n_changed : int
        How many of them the two read differently.

    n_for, n_against : int
        In how many of these over-segmentation, which has learned nothing from the pile,
        finds the new string the more probable, and the old one.

    n_broken : tuple of (int, int)
        Fields whose string breaks a rule, before and after.

    n_labelled : int
        Labelled fields kept back.

    n_wrong : tuple of (int, int)
        Those of them that are read wrong, before and after.
    """

    n_fields: int
    n_changed: int
    n_for: int
    n_against: int
    n_broken: tuple[int, int]
    n_labelled: int
    n_wrong: tuple[int, int]

    @property
    def is_gain(self) -> bool:
        """Whether nothing speaks against the new network, and something for it."""
        gains = [self.n_for - self.n_against]
        gains += [before - after for before, after in (self.n_broken, self.n_wrong)]
        return min(gains) >= 0 and max(gains) > 0

    def __str__(self) -> str:
        said = []
        if self.n_fields:
            said.append(
                f"{self.n_changed} of {self.n_fields} fields read otherwise than"
                f" before; over-segmentation is for {self.n_for} of these, against"
                f" {self.n_against}"
            )
        if any(self.n_broken):
            before, after = self.n_broken
            said.append(f"{after} break a rule, {before} before")
        if self.n_labelled:
            before, after = self.n_wrong
            said.append(
                f"{after} of {self.n_labelled} labelled fields wrong, {before} before"
            )
        return "; ".join(said)


@dataclass(frozen=True, eq=False)
class PileLessons:
    """What was learned from a pile.

    Attributes
    ----------
    reader : SlidingReader
        What reads better: the network that has learned, or the one started from.

    compared : Comparison
        Both networks on fields kept back.

    n_read : int
        Fields of the pile.

    n_labelled : int
        Those of them whose string was known.

    n_kept : tuple of int
        Fields with a label, known or voted for, in each round.

    temperature : float
        What the logits of the network are divided by.

    seconds : float
        CPU time of all.
    """

    reader: SlidingReader
    compared: Comparison
    n_read: int
    n_labelled: int
    n_kept: tuple[int, ...]
    temperature: float
    seconds: float

    @property
    def is_gain(self) -> bool:
        """Whether the network that has learned is the better one."""
        return self.compared.is_gain

    @property
    def figures(self) -> dict[str, str]:
        """What the card says."""
        kept = ", ".join(map(str, self.n_kept))
        figures = {
            "read": f"{self.n_read} fields, {self.n_labelled} of them labelled",
            "learned from": f"{kept} labels in {len(self.n_kept)} rounds",
            "kept back": str(self.compared),
            "temperature": f"{self.temperature:.2f}, that of the model started from",
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
    n_strips: Sequence[int] | None = None,
    random_state: int = 0,
) -> PileLessons:
    """Let a network learn from fields that nobody has labelled, or only some.

    This is self-training with pseudo-labels [1]_, of two readers of different kinds
    [2]_. In every round the fields are read by both, the network and over-segmentation,
    which vote. Strings that are probable enough and break no rule become labels,
    weighted by their probability. The network learns from them, mixed with strings
    drawn on the pile's own paper and on any other; so does over-segmentation, in the
    first round. The last round trains the network that is kept, from the vote of those
    before. Each begins with the network started from. Labels that are known need no
    vote, and if all are, one round.

    Parameters
    ----------
    pile : FieldPile
        The fields.

    start : SlidingReader
        Where to begin, with a single recognizer that is fitted.

    n_strips : sequence of int, default=None
        Strips that are learned from in each round; None for as many rounds and strips
        as the number of fields, and of those with a label, asks for.

    random_state : int, default=0
        Seed of everything that is random.

    Returns
    -------
    lessons : PileLessons

    Raises
    ------
    ValueError
        If there are too few fields, or none can be read.

    References
    ----------
    .. [1] D.-H. Lee, "Pseudo-label: the simple and efficient semi-supervised learning
       method for deep neural networks", ICML workshop on challenges in representation
       learning, 2013.
    .. [2] A. Blum, T. Mitchell, "Combining labeled and unlabeled data with
       co-training", Proc. COLT, pp. 92-100, 1998.
    """
    begun = time.process_time()
    learned, held = _split(pile, random_state)
    if n_strips is None:
        n_strips = _plan(pile, learned)
    voters, kept = _learn(pile, learned, start, n_strips, random_state)
    compared = _compare(pile, held, start, voters.sliding)
    found = voters.sliding if compared.is_gain else start
    return PileLessons(
        reader=found,
        compared=compared,
        n_read=len(pile.images),
        n_labelled=sum(text is not None for text in pile.texts),
        n_kept=kept,
        temperature=found.reading_recognizer().temperature_,
        seconds=time.process_time() - begun,
    )


def _plan(pile: FieldPile, learned: Sequence[int]) -> list[int]:
    """Say how many strips each round has."""
    all_known = all(pile.texts[n] is not None for n in learned)
    each = _LABELLED_STRIPS_A_FIELD if all_known else _STRIPS_A_FIELD
    n_fields = min(len(learned), _MOST_FIELDS)
    return [max(n * n_fields, _LEAST_STRIPS) for n in each]


def _learn(
    pile: FieldPile,
    learned: Sequence[int],
    start: SlidingReader,
    n_strips: Sequence[int],
    random_state: int,
) -> tuple[Voters, tuple[int, ...]]:
    """Let both readers learn round by round; say how many labels there were in each."""
    rng = np.random.default_rng(random_state)
    voters = Voters(start, CuttingReader())
    kept = []
    # disable=None: no bar where nobody looks.
    with tqdm(total=3 * len(n_strips), unit="step", disable=None) as bar:
        for number, n in enumerate(n_strips, 1):
            labels = label_fields(pile, learned, voters)
            kept.append(len(labels))
            bar.update()
            seed, other = rng.integers(2**31, size=2).tolist()
            lessons = gather_lessons(pile, labels, n, voters.cutting, seed)
            sliding = teach_sliding(start, lessons, seed)
            bar.update()
            # Over-segmentation gains the most at once, and takes as long each time.
            first = number == 1 < len(n_strips)
            cutting = teach_cutting(pile, labels, other) if first else voters.cutting
            voters = Voters(sliding, cutting)
            bar.update()
    return voters, tuple(kept)


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
    if 2 * len(learned) < LEAST_FIELDS:
        raise ValueError(
            f"Of {n_fields} fields only {len(learned)} are left to learn from, as whole"
            " documents are kept back. Name more files, or the pages one by one."
        )
    return learned.tolist(), held.tolist()


def _compare(
    pile: FieldPile, held: Sequence[int], start: SlidingReader, learned: SlidingReader
) -> Comparison:
    """Compare what two networks read in fields kept back."""
    images = [pile.images[n] for n in held]
    free = [n for n in held if pile.texts[n] is None]
    known = [n for n in held if pile.texts[n] is not None]
    said, broken, wrong = [], [], []
    for reader in (start, learned):
        shares = dict(zip(held, read_shares(reader, images), strict=True))
        weighed = pile.weigh(shares)
        own = {n: next(iter(candidates)) for n, candidates in shares.items()}
        said.append(own)
        broken.append(
            sum(weighed[n].is_broken or weighed[n].text != own[n] for n in free)
        )
        wrong.append(sum(own[n] != pile.texts[n] for n in known))
    before, after = said
    changed = [n for n in free if before[n] != after[n]]
    # What has learned from the pile would side with what else has.
    others = read_shares(CuttingReader(), [pile.images[n] for n in changed])
    leans = [
        np.sign(own.get(after[n], 0.0) - own.get(before[n], 0.0))
        for n, own in zip(changed, others, strict=True)
    ]
    return Comparison(
        n_fields=len(free),
        n_changed=len(changed),
        n_for=leans.count(1),
        n_against=leans.count(-1),
        n_broken=(broken[0], broken[1]),
        n_labelled=len(known),
        n_wrong=(wrong[0], wrong[1]),
    )


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

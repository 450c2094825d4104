"""Which fields of a run a person is to look at, and in which order."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from lenet_sklearn.strings.boxes import GAP, BoxPosteriors
from pipelines.forms.form import Form, Sum
from pipelines.outcomes import FieldReading, ReasonKind
from pipelines.review.corrections import document_key
from pipelines.review.remarks import Key, Remark
from pipelines.scoring.table import PageResult

# Doubts that a look at every single digit settles.
_OF_DIGITS: Final = (None, ReasonKind.UNCERTAIN)


@dataclass(frozen=True)
class Glyph:
    """What was read at the place of one digit.

    Attributes
    ----------
    text : str
        A digit; empty for a box that holds none.

    probability : float
        That this is right, in [0, 1].
    """

    text: str
    probability: float


@dataclass(frozen=True)
class Item:
    """A field that is to be looked at.

    Attributes
    ----------
    page : int
        Number of its page in the pages of the queue, counted from 0.

    name : str
        Of the field.

    reading : FieldReading
        What was read.

    is_sampled : bool
        Whether it was accepted, and chosen by chance.

    glyphs : tuple of Glyph
        Of each box of a comb, or of each digit of free writing whose places are known;
        else none.

    is_whole : bool
        Whether a look at all glyphs one by one tells what the field says. Else the
        field must be seen as a whole.

    remark : Remark or None
        What is known of it besides what was read.
    """

    page: int
    name: str
    reading: FieldReading
    is_sampled: bool = False
    glyphs: tuple[Glyph, ...] = ()
    is_whole: bool = False
    remark: Remark | None = None


@dataclass
class Queue:
    """What a person looks at, and what is known of all the rest.

    Attributes
    ----------
    items : list of Item
        The least certain first. Fields of a sum stand together, where the least certain
        of them has its place, and what was chosen by chance stands anywhere.

    pages : list of PageResult
        Those with an item.

    failed : list of PageResult
        Pages that could not be read.

    n_accepted : int
        Accepted fields, of which some were chosen by chance.
    """

    items: list[Item] = field(default_factory=list)
    pages: list[PageResult] = field(default_factory=list)
    failed: list[PageResult] = field(default_factory=list)
    n_accepted: int = 0


def make_queue(
    results: Iterable[PageResult],
    form: Form | None,
    *,
    n_sampled: int,
    seed: str,
    remarks: Mapping[Key, Remark] | None = None,
) -> Queue:
    """Choose the fields that a person is to look at.

    These are the fields that are neither accepted nor blank, those that a rule of the
    form or a list decided, and, of the others that are accepted, some that are chosen
    by chance: they tell how often what is accepted is wrong.

    Parameters
    ----------
    results : iterable of PageResult
        What was read.

    form : Form or None
        The fields; None for images of single fields.

    n_sampled : int
        How many accepted fields are chosen by chance; all of them if there are fewer.

    seed : str
        The same one chooses the same fields of the same results.

    remarks : mapping of tuple to Remark, default=None
        What a list says, by document, page and name of the field.

    Returns
    -------
    queue : Queue

    Examples
    --------
    >>> from pipelines import PageReading
    >>> from pipelines.outcomes import settle
    >>> from pipelines.review.queue import make_queue
    >>> fields = {"a": settle("1", 0.6, 0.9), "b": settle("2", 0.95, 0.9)}
    >>> fields["c"] = settle("3", 0.3, 0.9)
    >>> page = PageResult("a.png", 1, PageReading(fields))
    >>> [item.name for item in make_queue([page], None, n_sampled=0, seed="").items]
    ['c', 'a']
    """
    chance = random.Random(seed)  # no secret hangs on it
    queue = Queue()
    sample = _Sample(n_sampled, chance)
    wanted: list[_Wanted] = []
    for result in results:
        if result.reading.status == "failed":
            queue.failed.append(result)
        if result.reading.status in ("failed", "empty"):
            continue
        for name, reading in result.reading.fields.items():
            remark = _find_remark(remarks, result, name)
            if _is_open(reading, remark):
                wanted.append(_Wanted(result, name, remark))
            elif reading.status == "accepted":
                sample.offer(_Wanted(result, name, None))
    queue.n_accepted = sample.n_offered
    _fill(queue, wanted, is_sampled=False)
    _fill(queue, sample.chosen, is_sampled=True)
    queue.items = _in_order(queue.items, form, chance)
    return queue


def make_queue_of(
    results: Iterable[PageResult], form: Form | None, remarks: Mapping[Key, Remark]
) -> Queue:
    """List the fields of which something is known, and no others.

    Parameters
    ----------
    results : iterable of PageResult
        What was read.

    form : Form or None
        The fields; None for images of single fields.

    remarks : mapping of tuple to Remark
        What people say who differ, by document, page and name of the field.

    Returns
    -------
    queue : Queue

    Raises
    ------
    ValueError
        If the results do not have one of the fields.
    """
    wanted = [
        _Wanted(result, name, remark)
        for result in results
        for name in result.reading.fields
        if (remark := _find_remark(remarks, result, name)) is not None
    ]
    known = {(document_key(r.document), r.page, name) for r, name, _ in wanted}
    for document, page, name in remarks.keys() - known:
        raise ValueError(f"{document} page {page} has no field {name} in these results")
    queue = Queue()
    _fill(queue, wanted, is_sampled=False)
    queue.items = _in_order(queue.items, form, random.Random(0))
    return queue


class _Wanted(NamedTuple):
    result: PageResult
    name: str
    remark: Remark | None


def _find_remark(
    remarks: Mapping[Key, Remark] | None, result: PageResult, name: str
) -> Remark | None:
    if not remarks:
        return None
    return remarks.get((document_key(result.document), result.page, name))


def _is_open(reading: FieldReading, remark: Remark | None) -> bool:
    """Return whether a field was not read, or not by its digits alone."""
    if remark is not None and remark.proposed != reading.value:
        return True
    return not reading.is_settled or bool(reading.decided_by)


def _fill(queue: Queue, wanted: Iterable[_Wanted], *, is_sampled: bool) -> None:
    """Put fields into a queue, with their pages."""
    numbers = {(r.document, r.page): n for n, r in enumerate(queue.pages)}
    for result, name, remark in wanted:
        key = (result.document, result.page)
        if key not in numbers:
            numbers[key] = len(queue.pages)
            queue.pages.append(result)
        item = _make_item(result.reading.fields[name], name, numbers[key])
        if remark is not None:
            item = replace(item, remark=remark, is_whole=False)
        queue.items.append(replace(item, is_sampled=is_sampled))


class _Sample:
    """Fields chosen by chance of a stream of fields, each as likely as the others."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self._size = size
        self._chance = chance
        self.chosen: list[_Wanted] = []
        self.n_offered = 0

    def offer(self, one: _Wanted) -> None:
        self.n_offered += 1
        if len(self.chosen) < self._size:
            self.chosen.append(one)
            return
        place = self._chance.randrange(self.n_offered)
        if place < self._size:
            self.chosen[place] = one


def _make_item(reading: FieldReading, name: str, page: int) -> Item:
    item = Item(page, name, reading)
    if reading.raw != reading.value:
        return item  # its characters are not those that are written
    if reading.boxes is not None and reading.quad is not None:
        glyphs = _glyphs_of_boxes(reading.boxes, reading.value)
        return replace(item, glyphs=glyphs, is_whole=_hangs_on_digits(reading))
    if len(reading.digit_quads) == len(reading.value) and reading.digit_quads:
        # Free writing may have a digit more than was found: it is seen as a whole.
        glyphs = tuple(Glyph(digit, reading.confidence) for digit in reading.value)
        return replace(item, glyphs=glyphs)
    return item


def _hangs_on_digits(reading: FieldReading) -> bool:
    kind = reading.reason.kind if reading.reason else None
    by_digits = kind in _OF_DIGITS and reading.veto is None and not reading.decided_by
    return by_digits and bool(reading.value)


def _glyphs_of_boxes(boxes: BoxPosteriors, value: str) -> tuple[Glyph, ...]:
    """Place a value in its boxes, where it most likely begins."""
    columns = {mark: n for n, mark in enumerate((*boxes.characters, GAP))}
    n_boxes, empty = boxes.likely.shape[0], boxes.likely.shape[1] - 1
    marks = value if set(value) <= columns.keys() and len(value) <= n_boxes else ""
    rows = np.arange(n_boxes)

    def read(start: int) -> list[int]:
        before, after = start, n_boxes - start - len(marks)
        return [empty] * before + [columns[mark] for mark in marks] + [empty] * after

    starts = range(n_boxes - len(marks) + 1)
    fillings = [read(start) for start in starts]
    best = max(fillings, key=lambda filling: float(boxes.likely[rows, filling].prod()))
    texts = (*boxes.characters, "")
    return tuple(
        Glyph(texts[column], float(boxes.likely[row, column]))
        for row, column in enumerate(best)
    )


def _in_order(
    items: Sequence[Item], form: Form | None, chance: random.Random
) -> list[Item]:
    """Order by certainty, what belongs to a sum together."""
    if not items:
        return []
    root = _roots(form.sums if form else ())
    certainty = [item.reading.confidence for item in items]
    known = [c for item, c in zip(items, certainty, strict=True) if not item.is_sampled]
    if known:
        certainty = [
            chance.choice(known) if item.is_sampled else own
            for item, own in zip(items, certainty, strict=True)
        ]
    groups: dict[tuple[int, str], list[tuple[float, Item]]] = {}
    for item, own in zip(items, certainty, strict=True):
        key = (item.page, root.get(item.name, item.name))
        groups.setdefault(key, []).append((own, item))
    ordered = sorted(groups.values(), key=lambda group: min(own for own, _ in group))
    return [item for group in ordered for _, item in sorted(group, key=_first)]


def _first(pair: tuple[float, Item]) -> float:
    return pair[0]


def _roots(sums: Sequence[Sum]) -> dict[str, str]:
    """Name for each field of a sum the first of all that hang together with it."""
    root: dict[str, str] = {}
    for names in _connected(sums):
        root |= dict.fromkeys(names, names[0])
    return root


def _connected(sums: Sequence[Sum]) -> Iterator[list[str]]:
    """Join sums that share a field."""
    groups: list[dict[str, None]] = []
    for one in sums:
        names = dict.fromkeys((one.total, *one.parts))
        apart = [group for group in groups if not group.keys() & names.keys()]
        joined = [group for group in groups if group.keys() & names.keys()]
        for group in joined:
            names = group | names
        groups = [*apart, names]
    yield from map(list, groups)

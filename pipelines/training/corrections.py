"""Adapt the reader of a run to corrections: ``lenet train corrections``."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from lenet_sklearn.acceptance import AcceptanceRule
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.outputs import check_writable
from pipelines.fields.combs import Frame
from pipelines.images import Image
from pipelines.models import save_field_reader
from pipelines.outcomes import FieldReading, hangs_on_confidence
from pipelines.readers.base import split_reader
from pipelines.readers.form import FormReader
from pipelines.review.applying import Change, Review
from pipelines.runs.plan import Plan
from pipelines.runs.reading import plan_run
from pipelines.scans.identity import Document
from pipelines.scans.remote import as_path
from pipelines.scoring.batch import Answering, Reader, Task, Worker, read_tasks
from pipelines.scoring.processes import Lost, PageLimits, Processes
from pipelines.scoring.table import PageResult
from pipelines.training.labelled import StrPath

# Fields that were accepted and that nobody has looked at, from which the reader learns
# not to forget: more take time, and teach what it knows.
_MOST_KEPT: Final = 2000

_N_FOLDS: Final = 5

# Fields that are cut out, by their names.
_Cuts: TypeAlias = dict[str, tuple[Image, Frame]]

# What a page says in a field that is not found on it any more.
_NOT_READ: Final = FieldReading("", "unlocated", 0.0)


@dataclass(frozen=True)
class ReviewedPage:
    """A page on which somebody has looked at fields.

    Attributes
    ----------
    task : Task
        Where it is.

    changes : dict of str to Change
        What people say of the fields that are learned, by name.

    accepted : dict of str to str
        What was accepted in others, which nobody has looked at.
    """

    task: Task
    changes: dict[str, Change]
    accepted: dict[str, str]

    @property
    def place(self) -> tuple[Path, int]:
        """Its file, and the number of the page in it, counted from 0."""
        return self.task.file, self.task.index

    @property
    def texts(self) -> dict[str, str]:
        """What all these fields say."""
        written = {name: one.after.value for name, one in self.changes.items()}
        return {**self.accepted, **written}


@dataclass(frozen=True)
class Counts:
    """How some fields were read that people have looked at.

    Attributes
    ----------
    n_right : int
        Fields whose value is right.

    n_open : int
        Fields that are neither accepted nor blank.

    n_wrong : int
        Fields that are accepted, or called blank, and are not so.

    n_wrong_before_too : int
        Those of them that the reader of the run had accepted, too.
    """

    n_right: int
    n_open: int
    n_wrong: int
    n_wrong_before_too: int

    @classmethod
    def of(
        cls, changes: Sequence[Change], readings: Sequence[FieldReading]
    ) -> "Counts":
        """Count readings of fields that were reviewed.

        Parameters
        ----------
        changes : sequence of n Change
            What is written in them.

        readings : sequence of n FieldReading
            What a reader says.

        Returns
        -------
        counts : Counts
        """
        right = [
            one.after.value == reading.value and reading.status != "unlocated"
            for one, reading in zip(changes, readings, strict=True)
        ]
        closed = [reading.is_settled for reading in readings]
        wrong = [c and not r for c, r in zip(closed, right, strict=True)]
        before = [one.before.is_settled for one in changes]
        return cls(
            n_right=sum(right),
            n_open=len(closed) - sum(closed),
            n_wrong=sum(wrong),
            n_wrong_before_too=sum(w and b for w, b in zip(wrong, before, strict=True)),
        )


@dataclass(frozen=True)
class Relearning:
    """What adapting a reader to corrections has gained.

    Attributes
    ----------
    path : Path
        The model file.

    n_fields : int
        Reviewed fields that were kept back in turn.

    n_pages : int
        Pages that they are on.

    n_kept : int
        Fields besides, that were accepted and nobody has looked at.

    n_folds : int
        Folds of the cross-validation.

    before, after : Counts
        Of the reviewed fields, as the run read them, and by readers that have learned
        from the other folds.

    allowed : float
        Share of what is accepted that may be wrong by the threshold of the run.

    rule : AcceptanceRule or None
        Fitted to the confidences of the fields kept back; None where none of them
        hangs on its confidence.
    """

    path: Path
    n_fields: int
    n_pages: int
    n_kept: int
    n_folds: int
    before: Counts
    after: Counts
    allowed: float
    rule: AcceptanceRule | None

    @property
    def doubts(self) -> list[str]:
        """Why the adapted reader is not better than that of the run; none if it is."""
        before, after = self.before, self.after
        n_new = before.n_open - after.n_open
        n_new_wrong = after.n_wrong - after.n_wrong_before_too
        reasons = {
            "it reads fewer of them right": after.n_right < before.n_right,
            "it gains nothing": (after.n_right, -after.n_open)
            <= (before.n_right, -before.n_open),
            "more are wrong of what was accepted before": after.n_wrong_before_too
            > before.n_wrong_before_too,
            f"of what it accepts anew, {n_new_wrong} of {n_new} are wrong": n_new_wrong
            > self.allowed * max(n_new, 0),
        }
        return [reason for reason, is_so in reasons.items() if is_so][:1]

    @property
    def figures(self) -> dict[str, str]:
        """What the card says of the cross-validation."""
        return {
            "before": self._figure(self.before),
            "after": f"{self._figure(self.after)}, {self.n_folds} folds",
        }

    def _figure(self, counts: Counts) -> str:
        n_accepted = self.n_fields - counts.n_open
        return (
            f"{counts.n_right} of {self.n_fields} reviewed fields read correctly,"
            f" {counts.n_open} to be looked at, {counts.n_wrong} of {n_accepted}"
            " accepted wrong"
        )

    def __str__(self) -> str:
        lines = [
            f"reviewed     {self.n_fields} fields on {self.n_pages} pages",
            f"besides      {self.n_kept} that were accepted",
            *(f"{name:13s}{said}" for name, said in self.figures.items()),
        ]
        if self.doubts:
            better = (
                f"The model of the run is better than the adapted one: {self.doubts[0]}"
            )
            return "\n".join([*lines, f"{better}.", "Nothing is written."])
        rule = "none: no confidence is known" if self.rule is None else str(self.rule)
        indented = rule.replace("\n", "\n" + " " * 13)
        return "\n".join(
            [*lines, f"rule         {indented}", f"saved in     {self.path}"]
        )


@dataclass(frozen=True)
class RunReader:
    """What read the pages of a run, and how.

    Attributes
    ----------
    reader : FormReader
        With the threshold of the run; its field reader is what is adapted.

    kinds : collection of str
        Of the fields that it is adapted by, such as ``{"comb"}``.

    dpi : float
        Resolution at which PDF pages are rendered.

    hold : callable
        Makes a reader keep to the acceptance rules of the run.
    """

    reader: FormReader
    kinds: Collection[str]
    dpi: float
    hold: Callable[[Reader], Reader] = lambda reader: reader

    @property
    def names(self) -> set[str]:
        """The fields that it is adapted by."""
        form = self.reader.form
        return {field.name for field in form.fields if field.kind in self.kinds}

    @property
    def allowed(self) -> float:
        """Share of what is accepted that may be wrong by its threshold."""
        return 1 - float(split_reader(self.reader.field_reader)[1].threshold)


def find_reviewed(
    results: Iterable[PageResult],
    review: Review,
    names: Collection[str],
    documents: Iterable[Document],
    *,
    random_state: int = 0,
) -> list[ReviewedPage]:
    """List the pages on which somebody has said what is written in fields.

    Parameters
    ----------
    results : iterable of PageResult
        All of the run.

    review : Review
        With the corrections.

    names : collection of str
        The fields that can be learned.

    documents : iterable of Document
        The files of the run.

    random_state : int, default=0
        Seed by which the accepted fields are drawn that nobody has looked at.

    Returns
    -------
    pages : list of ReviewedPage
        Together they have at most 2,000 such fields.
    """
    known = {document.path: document for document in documents}
    pages, n_before = [], 0
    for result in review.watch(results):
        fresh, n_before = review.changes[n_before:], len(review.changes)
        changes = {c.field: c for c in fresh if c.is_taken and c.field in names}
        if not changes:
            continue
        seen = {one.field for one in fresh}
        accepted = {
            name: one.value
            for name, one in result.reading.fields.items()
            if one.status == "accepted" and name in names and name not in seen
        }
        document = known[result.document]
        file, index = as_path(document.path), result.page - 1
        task = Task(file, index, result.n_pages, None, version=document.version)
        pages.append(ReviewedPage(task, changes, accepted))
    every = [(n, name) for n, page in enumerate(pages) for name in page.accepted]
    order = np.random.default_rng(random_state).permutation(len(every))
    kept = {every[at] for at in order[:_MOST_KEPT].tolist()}
    return [
        replace(
            page, accepted={k: v for k, v in page.accepted.items() if (n, k) in kept}
        )
        for n, page in enumerate(pages)
    ]


class _Cutter(Worker):
    """Cuts the fields of pages out that something is to be learned from."""

    def __init__(self, how: RunReader, pages: Sequence[ReviewedPage]) -> None:
        super().__init__(how.reader, how.dpi)
        self._form_reader = how.reader
        self._wanted = {page.place: page.texts.keys() for page in pages}

    def __call__(self, request: Any) -> Any:
        """Identify a file, or cut one page; a str says why that cannot be done."""
        if not isinstance(request, Task):
            return super().__call__(request)
        try:
            page, damage = self.load(request)
            if damage:
                return f"{request.file}: a part of the page is damaged: {damage}"
            cuts = self._form_reader.cut(page)
        except MemoryError:
            raise
        except Exception as error:
            return " ".join(str(error).split())
        wanted = self._wanted[request.file, request.index]
        return {name: cut for name, cut in cuts.items() if name in wanted}


def cut_reviewed(
    pages: Sequence[ReviewedPage], how: RunReader, plan: Plan
) -> tuple[list[ReviewedPage], list[_Cuts], list[str]]:
    """Open the scans of reviewed pages again, and cut their fields out.

    Parameters
    ----------
    pages : sequence of ReviewedPage
        Of a run.

    how : RunReader
        What read them.

    plan : Plan
        That of the run, which says what the scans were.

    Returns
    -------
    pages : list of n_pages ReviewedPage
        Those that are as they were.

    cuts : list of n_pages dicts of str to tuple of (image, frame)
        The fields of each that were found.

    lost : list of str
        A line for each scan, or page, that is passed over.
    """
    found, cuts = [], []
    with Processes(_Cutter(how, pages), jobs=-1, limits=PageLimits()) as processes:
        pages, lost = _keep_unchanged(pages, plan, processes)
        answers = processes.map([page.task for page in pages])
        for page, answer in zip(pages, answers, strict=True):
            if isinstance(answer, dict):
                found.append(page)
                cuts.append(answer)
                continue
            why = answer.reason if isinstance(answer, Lost) else answer
            lost.append(f"{page.task.file} page {page.task.index + 1}: {why}")
    return found, cuts, lost


def _keep_unchanged(
    pages: Sequence[ReviewedPage], plan: Plan, processes: Answering
) -> tuple[list[ReviewedPage], list[str]]:
    """Pass over the pages of files that are not what they were."""
    hashes = {as_path(document.path): document.sha256 for document in plan}
    files = list(dict.fromkeys(page.task.file for page in pages))
    now = dict(zip(files, plan_run(files, {}, plan, processes), strict=True))
    changed = [file for file in files if now[file].sha256 != hashes[file]]
    kept = [
        replace(page, task=replace(page.task, version=now[page.task.file].version))
        for page in pages
        if page.task.file not in changed
    ]
    return kept, [
        f"{file} has changed since it was read, or is gone" for file in changed
    ]


def train_corrections(
    pages: Sequence[ReviewedPage],
    cuts: Sequence[_Cuts],
    how: RunReader,
    output: StrPath,
    *,
    rule: AcceptanceRule,
    card: ModelCard,
) -> Relearning:
    """Adapt the reader of a run to what people have corrected, if that is a gain.

    The gain is measured first, by cross-validation: pages are read by readers that have
    learned from other pages. What is counted are the fields that somebody has looked
    at; those that were accepted besides are learned from only.

    Parameters
    ----------
    pages : sequence of n_pages ReviewedPage
        At least two.

    cuts : sequence of n_pages dicts of str to tuple of (image, frame)
        As :func:`cut_reviewed` returns them.

    how : RunReader
        What read them.

    output : path
        Model file to write.

    rule : AcceptanceRule
        Not fitted; what it is to promise.

    card : ModelCard
        Of the file, without figures.

    Returns
    -------
    relearning : Relearning
        What was measured; its string is the report to print. If it has `doubts`,
        nothing was written.

    Raises
    ------
    ValueError
        If there are too few pages, or nothing can be learned from them.

    OutputError
        If `output` cannot be written; found out before the work.

    Notes
    -----
    The rule is fitted to the confidences that fields kept back were read with, by
    readers that had learned from the others. Fields are reviewed because they were
    uncertain, and a part of the accepted ones by chance: these are harder than the
    fields of a batch, so that the rule promises less than it keeps there, never more.
    It belongs to readers that learned from four fifths of what the one in the file has
    learned from. Pages are what is independent, where several of their fields were
    reviewed.
    """
    path = Path(output)
    check_writable(path)
    n_folds = min(_N_FOLDS, len(pages))
    if n_folds < 2:
        raise ValueError(
            "the gain of training is measured on pages kept back, and fields were"
            f" reviewed on {len(pages)} that can be read. Review fields of more pages"
        )
    held: list[list[FieldReading]] = [[] for _ in pages]
    folds = GroupKFold(n_folds).split(pages, groups=range(len(pages)))
    # disable=None: no bar where nobody looks.
    with tqdm(total=n_folds + 1, unit="fit", disable=None) as bar:
        for rest, kept_back in folds:
            adapted = _adapt(how.reader, pages, cuts, rest)
            read = _read_again(adapted, how, [pages[n] for n in kept_back])
            for n, readings in zip(kept_back, read, strict=True):
                held[n] = readings
            bar.update()
        relearning = _judge(pages, held, how, path, rule, n_folds)
        if not relearning.doubts:
            adapted = _adapt(how.reader, pages, cuts, range(len(pages)))
            _save(adapted, relearning, card)
        bar.update()
    return relearning


def _adapt(
    reader: FormReader,
    pages: Sequence[ReviewedPage],
    cuts: Sequence[_Cuts],
    numbers: Iterable[int],
) -> FormReader:
    """Fit a copy of a reader to the fields of some pages."""
    lessons = [
        (cut, pages[n].texts[name]) for n in numbers for name, cut in cuts[n].items()
    ]
    if not lessons:
        raise ValueError("no reviewed field was found again on any page")
    images, texts = zip(*lessons, strict=True)
    adapted: FormReader = clone(reader)
    return adapted.fit_cuts(images, texts)


def _read_again(
    reader: FormReader, how: RunReader, pages: Sequence[ReviewedPage]
) -> list[list[FieldReading]]:
    """Read pages as the run did, and return what their reviewed fields say."""
    worker = Worker(how.hold(reader), how.dpi)
    with Processes(worker, jobs=-1, limits=PageLimits()) as processes:
        results = read_tasks([page.task for page in pages], processes)
        return [
            [result.reading.fields.get(name, _NOT_READ) for name in page.changes]
            for page, result in zip(pages, results, strict=True)
        ]


def _judge(
    pages: Sequence[ReviewedPage],
    held: Sequence[Sequence[FieldReading]],
    how: RunReader,
    path: Path,
    rule: AcceptanceRule,
    n_folds: int,
) -> Relearning:
    """Count what was read of the reviewed fields before and after, and fit the rule."""
    changes = [one for page in pages for one in page.changes.values()]
    readings = [one for own in held for one in own]
    groups = [n for n, page in enumerate(pages) for _ in page.changes]
    decided = [n for n, one in enumerate(readings) if hangs_on_confidence(one)]
    fitted = None
    if decided:
        fitted = clone(rule).fit(
            [readings[n].confidence for n in decided],
            [readings[n].value == changes[n].after.value for n in decided],
            [groups[n] for n in decided],
        )
    return Relearning(
        path=path,
        n_fields=len(changes),
        n_pages=len(pages),
        n_kept=sum(len(page.accepted) for page in pages),
        n_folds=n_folds,
        before=Counts.of(changes, [one.before for one in changes]),
        after=Counts.of(changes, readings),
        allowed=how.allowed,
        rule=fitted,
    )


def _save(adapted: FormReader, relearning: Relearning, card: ModelCard) -> None:
    """Write what was adapted, with its card, and its rule if that accepts anything."""
    path, rule = relearning.path, relearning.rule
    n_samples = relearning.n_fields + relearning.n_kept
    told = replace(card, n_samples=n_samples, figures=relearning.figures)
    save_field_reader(adapted.field_reader_, path, card=told, rule=rule)

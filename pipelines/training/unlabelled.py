"""A pile of free fields of which nobody has said, or only of some, what is in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.forms.deciding import decide
from pipelines.forms.field import Field
from pipelines.forms.form import Form
from pipelines.images import Image
from pipelines.outcomes import FieldReading, settle
from pipelines.readers.base import clean_images, split_reader
from pipelines.readers.field import make_field_reader
from pipelines.readers.form import make_form_reader
from pipelines.scans.read import ScanError, open_scan
from pipelines.scoring.comparing import Truth
from pipelines.training.labelled import StrPath

# Kinds of fields that are written freely.
_FREE: Final = frozenset({"line", "box"})

# Confidence from which a field decides what others of a sum say, as in reading.
_THRESHOLD: Final = 0.9

# What the only field of an image is called, as the truth of fields calls it.
_VALUE: Final = "value"


@dataclass(frozen=True)
class Weighed:
    """What a field may say by its reader and by all rules.

    Attributes
    ----------
    shares : dict of str to float
        Probabilities of strings, the most probable first.

    is_broken : bool
        Whether the most probable one breaks a rule.
    """

    shares: dict[str, float]
    is_broken: bool = False

    @property
    def text(self) -> str:
        """The most probable string."""
        return next(iter(self.shares))

    @property
    def probability(self) -> float:
        """That of the most probable string."""
        return self.shares[self.text]


@dataclass(frozen=True, eq=False)
class PiledPage:
    """A page, or the image of a single field.

    Attributes
    ----------
    document : str
        The file that it is of.

    places : dict of str to int
        Which image of the pile each of its free fields is, by name.

    others : dict of str to FieldReading
        What its other fields say, before the rules.
    """

    document: str
    places: dict[str, int]
    others: dict[str, FieldReading]


@dataclass(frozen=True, eq=False)
class FieldPile:
    """Images of free fields, and what is known of them.

    Attributes
    ----------
    images : list of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper, as what reads lines is given them.

    texts : list of n_fields str or None
        What they say; None where nobody has said it.

    pages : list of PiledPage
        Where they are.

    form : Form
        With the rules.

    passed_over : tuple of str
        What could not be used and why, a line for each kind.
    """

    images: list[Image]
    texts: list[str | None]
    pages: list[PiledPage]
    form: Form
    passed_over: tuple[str, ...] = ()

    @classmethod
    def of_images(
        cls,
        images: Sequence[Image],
        texts: Sequence[str | None] | None = None,
        *,
        documents: Sequence[str] | None = None,
        form: Form | None = None,
    ) -> "FieldPile":
        """Make a pile of images that are given.

        Parameters
        ----------
        images : sequence of n_fields ndarrays of shape (height, width), dtype uint8
            Grey fields.

        texts : sequence of n_fields str or None, default=None
            What they say, where it is known.

        documents : sequence of n_fields str, default=None
            What fields share that are not independent; None for nothing.

        form : Form, default=None
            With the rules of the only field; None for none.

        Returns
        -------
        pile : FieldPile
        """
        form = form or _form_of_one()
        [field] = form.fields
        names = documents or [str(n) for n in range(len(images))]
        pages = [PiledPage(name, {field.name: n}, {}) for n, name in enumerate(names)]
        known: list[str | None] = list(texts or [None] * len(images))
        return cls(list(images), known, pages, form)

    @property
    def documents(self) -> list[str]:
        """The document of each field."""
        found = {n: page.document for page in self.pages for n in page.places.values()}
        return [found[n] for n in range(len(self.images))]

    def weigh(self, read: Mapping[int, Mapping[str, float]]) -> dict[int, Weighed]:
        """Weigh what fields may say by the rules of their form.

        Parameters
        ----------
        read : mapping of int to mapping of str to float
            Probabilities of strings by the number of the field, the most probable
            first.

        Returns
        -------
        weighed : dict of int to Weighed
            For the same fields. A sum counts where all fields of a page are given.
        """
        weighed = {}
        for page in self.pages:
            places = {name: n for name, n in page.places.items() if n in read}
            if not places:
                continue
            before = {name: _as_reading(read[n]) for name, n in places.items()}
            for name, after in self._decide(page, before).items():
                rest = {
                    one.text: one.probability
                    for one in after.candidates
                    if one.text != after.value
                }
                shares = {after.value: after.confidence, **rest}
                weighed[places[name]] = Weighed(shares, after.status == "invalid")
        return weighed

    def _decide(
        self, page: PiledPage, read: Mapping[str, FieldReading]
    ) -> dict[str, FieldReading]:
        missing = FieldReading("", "unlocated", 0.0)
        whole = {
            field.name: read.get(field.name, page.others.get(field.name, missing))
            for field in self.form.fields
        }
        decided = decide(self.form, whole, _THRESHOLD)
        return {name: decided[name] for name in read}


def pile_of_fields(
    files: Sequence[Path], *, truth: StrPath | None = None, form: Form | None = None
) -> FieldPile:
    """Read images of single fields.

    Parameters
    ----------
    files : sequence of Path
        Images; a file with several pages holds as many fields.

    truth : path, default=None
        CSV file with the columns ``file`` and ``value``, of some of them or all.

    form : Form, default=None
        With the rules of the only field; None for none.

    Returns
    -------
    pile : FieldPile
        Of those that are written freely. Fields of one file are one document.

    Raises
    ------
    ValueError
        If no field can be read, or the truth does not fit.
    """
    form = form or _form_of_one()
    known = _Known(truth, [field.name for field in form.fields])
    steps, reader = split_reader(make_field_reader())
    pile = _Gathered(form, known)
    for path, number, image, is_alone in _open_all(files, pile):
        [line] = reader.free_writing(clean_images(steps, [image]))
        if line is None:
            pile.count("rows of boxes, passed over")
            continue
        at = known.find(path, number, is_alone)
        pile.add(path, {form.fields[0].name: line}, at)
    return pile.finish()


def pile_of_pages(
    files: Sequence[Path], form: Form, *, truth: StrPath | None = None
) -> FieldPile:
    """Cut the free fields out of pages of a form.

    Parameters
    ----------
    files : sequence of Path
        Scans.

    form : Form
        The form.

    truth : path, default=None
        CSV file with a row for each page, of some or all, as for
        :func:`pipelines.training.material.page_material`.

    Returns
    -------
    pile : FieldPile
        Pages of one file are one document.

    Raises
    ------
    ValueError
        If the form has no free field, none was found on any page, or the truth does
        not fit.
    """
    free = [f for f in form.fields if f.kind in _FREE and not f.has_own_form]
    if not free:
        raise ValueError(
            "The form has no field of free writing (kind line or box), and adapting is"
            " to such. Rows of boxes learn from labels: lenet search, or lenet train"
            " corrections."
        )
    known = _Known(truth, [field.name for field in free])
    reader = make_form_reader(form)
    steps, lines = split_reader(reader.field_reader)
    names = {field.name for field in free}
    pile = _Gathered(form, known)
    for path, number, image, is_alone in _open_all(files, pile):
        cuts = {n: cut for n, cut in reader.cut(image).items() if n in names}
        if not cuts:
            pile.count("pages without any of the fields")
            continue
        if len(cuts) < len(names):
            pile.count("fields not found on their page", len(names) - len(cuts))
        images, frames = zip(*cuts.values(), strict=True)
        found = lines.free_writing(clean_images(steps, images), frames)
        written = {
            n: line for n, line in zip(cuts, found, strict=True) if line is not None
        }
        others = {}
        if form.sums:
            read = reader.read(image)
            others = {**read.fields, **read.before_rules}
        pile.add(path, written, known.find(path, number, is_alone), others)
    return pile.finish()


def with_roster(form: Form | None, numbers: Sequence[str], name: str = _VALUE) -> Form:
    """Let a field of a form be one of the numbers of a roster.

    Parameters
    ----------
    form : Form or None
        None for images of single fields.

    numbers : sequence of str
        The roster.

    name : str, default="value"
        The field.

    Returns
    -------
    form : Form
        Another.
    """
    form = form or _form_of_one()
    fields = [
        field.model_copy(update={"choices": tuple(numbers)})
        if field.name == name
        else field
        for field in form.fields
    ]
    return form.model_copy(update={"fields": tuple(fields)})


def _form_of_one() -> Form:
    """The form of the image of a single field."""
    return Form(fields=(Field(name=_VALUE, kind="line"),))


def _as_reading(shares: Mapping[str, float]) -> FieldReading:
    """What a reader says of a field, before any rule."""
    candidates = tuple(Hypothesis(*one) for one in shares.items())
    best = candidates[0]
    reading = settle(best.text, best.probability, _THRESHOLD)
    return replace(reading, candidates=candidates)


class _Known:
    """What the truth says of fields of free writing, by their names."""

    def __init__(self, path: StrPath | None, names: Sequence[str]) -> None:
        self._path = path
        self._truth = None if path is None else Truth(Path(path), None)
        self.names = [n for n in names if self._truth and n in self._truth.names]
        if self._truth is not None and not self.names:
            raise ValueError(
                f"{path} has no column {names[0]!r}. Its first line must name the"
                f" columns: file,{','.join(names)}"
            )
        self._used: set[int] = set()

    def find(self, path: Path, number: int, is_alone: bool) -> int | None:
        if self._truth is None:
            return None
        at = self._truth.find(str(path), number + 1, is_alone=is_alone)
        if at is not None:
            self._used.add(at)
        return at

    def value(self, at: int | None, name: str, path: Path) -> str | None:
        if at is None or self._truth is None or name not in self.names:
            return None
        text = self._truth.value(at, name)
        if text and not (text.isascii() and text.isdigit()):
            raise ValueError(
                f"{self._path} has the value {text!r} for {name} of {path.name}. Values"
                " are digits only."
            )
        return text

    def unused(self) -> int:
        """Count rows that name nothing of the pile; refuse a truth of other files."""
        if self._truth is None:
            return 0
        if not self._used:
            raise ValueError(
                f"{self._path} names none of the fields. Name files as they are given,"
                " or without their folder."
            )
        return len(self._truth) - len(self._used)


class _Gathered:
    """A pile while it is gathered."""

    def __init__(self, form: Form, known: _Known) -> None:
        self._form, self._known = form, known
        self._images: list[Image] = []
        self._texts: list[str | None] = []
        self._pages: list[PiledPage] = []
        self._counts: dict[str, int] = {}
        self._problems: dict[str, list[str]] = {}

    def count(self, what: str, n: int = 1, *, said: str = "") -> None:
        self._counts[what] = self._counts.get(what, 0) + n
        if said:
            self._problems.setdefault(what, []).append(said)

    def add(
        self,
        path: Path,
        lines: Mapping[str, Image],
        at: int | None,
        others: Mapping[str, FieldReading] | None = None,
    ) -> None:
        first = len(self._images)
        places = {name: first + n for n, name in enumerate(lines)}
        rest = {n: r for n, r in (others or {}).items() if n not in places}
        self._images += lines.values()
        self._texts += [self._known.value(at, name, path) for name in lines]
        self._pages.append(PiledPage(str(path), places, rest))

    def finish(self) -> FieldPile:
        if not self._images:
            passed = "; ".join(self._passed_over())
            raise ValueError(
                "There is no field of free writing to learn from."
                f" {passed or 'Name images of fields'}."
            )
        if unused := self._known.unused():
            self.count("rows of the truth that name no field that was read", unused)
        passed_over = tuple(self._passed_over())
        return FieldPile(
            self._images, self._texts, self._pages, self._form, passed_over
        )

    def _passed_over(self) -> Iterable[str]:
        for what, n in self._counts.items():
            yield "\n  ".join([f"{what}: {n}", *self._problems.get(what, [])])


def _open_all(
    files: Sequence[Path], pile: _Gathered
) -> Iterable[tuple[Path, int, Image, bool]]:
    """Open every page of every file; those that cannot be read are counted."""
    for path in files:
        try:
            with open_scan(path) as scan:
                for number in range(len(scan)):
                    try:
                        page = scan.read(number)
                    except ScanError as error:
                        pile.count("pages that cannot be read", said=str(error))
                        continue
                    yield path, number, page, len(scan) == 1
        except ScanError as error:
            pile.count("files that cannot be read", said=str(error))

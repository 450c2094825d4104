"""From page images to the fields of a form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils import Tags

from lenet_sklearn.parameters import HasMethods
from pipelines.fields.combs import Frame, cut_comb
from pipelines.fields.marks import MarksCut
from pipelines.forms.deciding import decide
from pipelines.forms.form import Field, Form
from pipelines.glyphs.cut import Piece
from pipelines.images import Image, check_image, check_images
from pipelines.memory import ImageMemory, is_remembering, map_images, use_memory
from pipelines.outcomes import (
    FieldReading,
    PageReading,
    Reason,
    ReasonKind,
    forbid,
    settle_anew,
)
from pipelines.pages.cleaning import is_empty_page, is_light_on_dark
from pipelines.pages.codes import Code, find_codes
from pipelines.pages.placement import Registration
from pipelines.pages.register import register
from pipelines.pages.upright import upright_log_odds
from pipelines.readers.base import (
    Reader,
    check_text,
    clean_images,
    continue_from,
    is_fitted,
    split_reader,
    weigh,
)
from pipelines.readers.codes import read_codes
from pipelines.readers.comb import CombReader
from pipelines.readers.field import FieldReader, cleaning_steps, make_field_reader
from pipelines.readers.mark import read_marks
from pipelines.readers.places import (
    SoughtCombs,
    cut_placed,
    locate_digits,
    other_combs,
    page_quad,
    seek_combs,
)

# One page in a hundred lies in the scanner on its head.
_UPRIGHT_LOG_ODDS = float(np.log(99))

# If the other way up is this much less likely, the print need not be asked.
_CLEAR_LOG_ODDS = 7.0

# What the posteriors of a network say of a turned digit is no proof: however
# small they are, they count for no more than this in a field.
_LEAST_CONFIDENCE = 1e-4

# What is said of white writing on black.
LIGHT_ON_DARK = "most of it is dark: if it is white on black, invert it"

# What is said of free writing that the form gives no place.
_PLACELESS = "only a comb can be looked for: the form must say where this is (box)"


class FormReader(Reader):
    """Read the fields of a form on page images.

    A field with a place is found by registering the page onto the blank one;
    a comb without a place is looked for on the page, whichever way it lies.

    Parameters
    ----------
    form : Form
        The fields to read.

    field_reader : estimator, default=None
        A :class:`FieldReader`, or a Pipeline that ends in one; None for
        ``make_field_reader()``. `fit` fits a copy, from what it has learned on.

    locate_digits : bool, default=False
        Find where on the page each digit of free writing stands, and the combs that
        are no field's, for pictures. The network goes over such fields twice then.

    mark_classifier : estimator, default=None
        Classifier of boxes to tick, ``(n, 28, 28)``, fitted, with `predict_proba` and
        the labels ``corrected``, ``empty``, ``filled`` and ``ticked``, as ``lenet train
        digits marks`` trains it. None takes the LeNet-5 that ships with the package.
        `fit` leaves it as it is.

    memory : ImageMemory or str, default=None
        Keeps what was cut out of each page, and how its fields are laid out; a str is
        its folder. Pages that are read again, as by a search over parameters of the
        field reader, are neither registered nor cut again. See
        :class:`pipelines.ImageMemory`.

    Attributes
    ----------
    field_reader_ : estimator
        The field reader, adapted to the pages. Only after `fit`.

    See Also
    --------
    make_form_reader : Compose the reader with its default parts.
    FieldReader : Reads fields that are cut out already.

    Examples
    --------
    >>> from pipelines import Form, FormReader
    >>> from pipelines.drawing import draw_comb
    >>> page = draw_comb("4711", random_state=3)
    >>> reader = FormReader(Form.from_combs({"number": 4}))
    >>> str(reader.predict([page])[0, 0])
    '4711'
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "form": [Form],
        "field_reader": [HasMethods(["fit", "predict"]), None],
        "locate_digits": ["boolean"],
        "mark_classifier": [HasMethods(["predict_proba"]), None],
        "memory": [ImageMemory, str, None],
    }

    def __init__(
        self,
        form: Form,
        *,
        field_reader: Any = None,
        locate_digits: bool = False,
        mark_classifier: Any = None,
        memory: ImageMemory | str | None = None,
    ) -> None:
        self.form = form
        self.field_reader = field_reader
        self.locate_digits = locate_digits
        self.mark_classifier = mark_classifier
        self.memory = memory

    def fit(
        self,
        X: Sequence[Image],
        y: NDArray[Any],
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the reader to the writing on pages whose fields are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey pages, dark ink on light paper.

        y : array-like of shape (n_samples, n_fields), dtype str
            What the fields say, in the order of the form; or a DataFrame, whose columns
            are taken by the names of the fields.

        sample_weight : array-like of shape (n_samples,) or (n_samples, n_fields), \
                default=None
            How much each page, or each field of it, counts, as for
            :class:`FieldReader`.

        Returns
        -------
        self : FormReader
            The reader itself.

        Raises
        ------
        ValueError
            If no field of any page was found, or `y` has another shape or no column for
            a field.
        """
        self._validate_params()
        self._given_field_reader()
        pages = check_images(X, caller=type(self).__name__)
        texts = self._check_texts(y, len(pages))
        weights = self._weights_of(sample_weight, len(pages))
        cuts, strings, given = [], [], []
        for page, row, counts in zip(pages, texts, weights, strict=True):
            found = self.cut(page) if any(counts) else {}
            for field, text, weight in zip(self.form.fields, row, counts, strict=True):
                if field.name in found:
                    cuts.append(found[field.name])
                    strings.append(text)
                    given.append(weight)
        if not cuts:
            raise ValueError("FormReader found none of its fields on any page.")
        return self.fit_cuts(cuts, strings, None if sample_weight is None else given)

    def _weights_of(
        self, sample_weight: ArrayLike | None, n_pages: int
    ) -> NDArray[np.float64]:
        """Give each field of each page a weight."""
        shape = n_pages, len(self.form.fields)
        if sample_weight is None:
            return np.ones(shape)
        weights = np.asarray(sample_weight, dtype=np.float64)
        name = type(self).__name__
        if weights.shape == shape:
            weigh(weights.ravel(), weights.size, caller=name)
            return weights
        weigh(weights, n_pages, caller=name)
        return np.repeat(weights[:, None], shape[1], axis=1)

    def fit_cuts(
        self,
        cuts: Sequence[tuple[Image, Frame]],
        strings: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the reader to fields that are cut out, the second half of fitting it.

        Parameters
        ----------
        cuts : sequence of n_fields tuples of (image, frame)
            As :meth:`cut` returns them.

        strings : sequence of n_fields str
            What they say; ``""`` for an empty field.

        sample_weight : array-like of shape (n_fields,), default=None
            How much each counts, as for :class:`FieldReader`.

        Returns
        -------
        self : FormReader
            The reader itself.

        Raises
        ------
        ValueError, TypeError
            If fields and strings do not fit, or nothing can be learned from them.
        """
        adapted = continue_from(self._given_field_reader())
        steps, reader = split_reader(adapted)
        images: Any = [image for image, _ in cuts]
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        with use_memory(self.memory):
            for step in steps:
                images = step.fit_transform(images, strings)
            reader.fit(images, strings, [frame for _, frame in cuts], **given)
        self.field_reader_ = adapted
        return self

    def cut(self, page: Image) -> dict[str, tuple[Image, Frame]]:
        """Cut out every field that is found, the first half of fitting the reader.

        Parameters
        ----------
        page : ndarray of shape (height, width), dtype uint8
            Grey page, dark ink on light paper.

        Returns
        -------
        cuts : dict of str to tuple of (image, frame)
            By the names of the fields: the image of each, straight, without what is
            printed where the form has a blank page; and where its boxes are in it.
            Marks and choices are left out: no digit is in them. So are fields that may
            have signs or a point: nothing is learned from them.
        """
        with use_memory(self.memory):
            cuts = self._cut_placed(page) | self._cut_sought(page)
        others = {field.name for field in self.form.fields if field.has_own_form}
        return {name: cut for name, cut in cuts.items() if name not in others}

    def _cut_placed(self, page: Image) -> dict[str, tuple[Image, Frame]]:
        """Cut out what is written in the fields that have a place."""
        placed, _ = self._kept(cut_placed, page, self.form)
        return {
            name: (cut.image, cut.frame)
            for name, cut in placed.items()
            if not isinstance(cut, MarksCut)
        }

    def _cut_sought(self, page: Image) -> dict[str, tuple[Image, Frame]]:
        """Cut out the combs that have no place, from the page the right way up."""
        fields = self._sought_fields()
        if not fields:
            return {}
        steps = [step for _, step in cleaning_steps()]  # those given are not fitted
        reader = self._orienting_reader()
        sought = self._kept(seek_combs, page, fields)
        pieces = _cut_combs(sought, steps, reader)
        named = {field.name: field for field in fields}
        ways = _read_both_ways(pieces, reader, [named[name] for name in sought.combs])
        if _upright_log_odds(sought, *ways) < 0:
            sought = self._kept(seek_combs, _half_turn(sought.page), fields)
        return {
            name: cut_comb(sought.page, comb) for name, comb in sought.combs.items()
        }

    def _kept(self, cut: Callable[..., Any], page: Image, what: Any) -> Any:
        """Cut a page, or look up what was cut out of it before."""
        if not is_remembering():
            return cut(page, what)
        blank = self.form.blank_version() if self.form.blank else None
        [found] = map_images(_cut, [(page,)], (cut, what, blank))
        return found

    def _orienting_reader(self) -> FieldReader | CombReader:
        """Return what tells upright combs from turned ones before `fit`."""
        _, given = split_reader(self._given_field_reader())
        ready = given.classifier is None or is_fitted(given.classifier)
        return given if ready or is_fitted(given) else CombReader()

    def _sought_fields(self) -> list[Field]:
        """List the fields that are looked for: only a comb can be known again."""
        return [f for f in self.form.fields if f.box is None and f.kind == "comb"]

    def _check_texts(self, y: Any, n_pages: int) -> NDArray[np.object_]:
        if hasattr(y, "columns"):  # pandas, polars
            y = self._take_columns(y)
        texts = np.asarray(y, dtype=object)
        expected = (n_pages, len(self.form.fields))
        if texts.shape != expected:
            raise ValueError(
                f"FormReader expects y of shape (n_pages, n_fields) = {expected}."
                f" Got shape {texts.shape}. Pass one row of strings for each page."
            )
        rows = [
            [check_text(text, index, caller=type(self).__name__) for text in row]
            for index, row in enumerate(texts)
        ]
        return np.array(rows, dtype=object).reshape(expected)

    def _take_columns(self, frame: Any) -> Any:
        """Put the columns of a frame in the order of the form."""
        names = [field.name for field in self.form.fields]
        columns = list(frame.columns)
        missing = [name for name in names if columns.count(name) != 1]
        if missing:
            raise ValueError(
                f"FormReader expects one column for each field. Got {missing[0]!r}"
                f" {columns.count(missing[0])} times among the columns {columns}."
                " Name them as the fields of the form, or pass an array."
            )
        return frame[names]

    def predict(self, X: Sequence[Image]) -> NDArray[np.object_]:
        """Read the fields of every page of `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey pages, dark ink on light paper.

        Returns
        -------
        values : ndarray of shape (n_samples, n_fields), dtype object
            Strings; ``""`` for a field that is empty or was not found. Of a mark ``1``
            if it is ticked, of a choice the value of the option.
        """
        pages = check_images(X, caller=type(self).__name__)
        values = [[f.value for f in self.read(p).fields.values()] for p in pages]
        return np.array(values, dtype=object).reshape(-1, len(self.form.fields))

    def score(
        self,
        X: Sequence[Image],
        y: NDArray[Any],
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the share of fields whose whole string is right.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey pages, dark ink on light paper.

        y : array-like of shape (n_samples, n_fields), dtype str
            What the fields say, in the order of the form; or a DataFrame, whose columns
            are taken by the names of the fields.

        sample_weight : array-like of shape (n_samples,) or (n_samples, n_fields), \
                default=None
            How much each page, or each field of it, counts.

        Returns
        -------
        score : float
            Exact-field accuracy.

        Raises
        ------
        ValueError, TypeError
            If there is no page, or `y` has another shape or is not of strings.
        """
        values = self.predict(X)
        texts = self._check_texts(y, len(values))
        if not values.size:
            raise ValueError(
                "FormReader expects at least one page to be scored. Got none."
                " Pass pages whose fields are known."
            )
        weights = self._weights_of(sample_weight, len(texts))
        return float(np.average(values == texts, weights=weights))

    def read(
        self,
        page: Image,
        registration: Registration | None = None,
        codes: Sequence[Code] | None = None,
    ) -> PageReading:
        """Read one page, with the confidence of each value.

        One page, not a list as :meth:`predict` takes: pages are large.

        Parameters
        ----------
        page : ndarray of shape (height, width), dtype uint8
            Grey page, dark ink on light paper.

        registration : Registration, default=None
            Where the blank page of the form is on the page, if that is known already.

        codes : sequence of Code, default=None
            The codes on the page, if they are known already.

        Returns
        -------
        reading : PageReading
            One reading for each field of the form.

        Raises
        ------
        TypeError, ValueError
            If `page` is not an image.
        """
        self._validate_params()
        check_image(page, caller=type(self).__name__)
        with use_memory(self.memory):
            return self._read(page, registration, codes)

    def _read(
        self,
        page: Image,
        registration: Registration | None,
        codes: Sequence[Code] | None,
    ) -> PageReading:
        steps, reader = split_reader(self._field_reader())
        placeless = [
            f for f in self.form.fields if f.box is None and f.kind in ("line", "box")
        ]
        readings = _unlocated({field.name: _PLACELESS for field in placeless})
        readings |= self._read_placed(page, steps, reader, registration)
        sought = self._seek(page)
        readings |= self._read_sought(page, sought, steps, reader)
        readings |= self._read_codes(page, registration, codes)
        if all(reading.status == "unlocated" for reading in readings.values()):
            readings = _explain_nothing(page, readings)
        decided = decide(self.form, readings, reader.threshold)
        changed = [name for name in decided if decided[name] is not readings[name]]
        return PageReading(
            decided,
            before_rules={name: readings[name] for name in changed},
            others=other_combs(sought, page) if sought and self.locate_digits else (),
        )

    def _read_placed(
        self,
        page: Image,
        steps: Sequence[Any],
        reader: FieldReader,
        registration: Registration | None,
    ) -> dict[str, FieldReading]:
        """Read the fields that have a place on the blank page."""
        if registration is None:
            found, missing = self._kept(cut_placed, page, self.form)
        else:
            found, missing = cut_placed(page, self.form, registration)
        marks = {n: cut for n, cut in found.items() if isinstance(cut, MarksCut)}
        cuts = {n: cut for n, cut in found.items() if not isinstance(cut, MarksCut)}
        images = clean_images(steps, [cut.image for cut in cuts.values()])
        frames = [cut.frame for cut in cuts.values()]
        fields = {field.name: field for field in self.form.fields}
        read = reader.read(images, frames, [fields[name] for name in cuts])
        placed = {
            name: replace(reading, quad=cuts[name].quad)
            for name, reading in zip(cuts, read, strict=True)
        }
        if self.locate_digits:
            placed = locate_digits(placed, cuts, images, reader)
        ticked = read_marks(
            [fields[name] for name in marks],
            list(marks.values()),
            self.mark_classifier,
            reader.threshold,
        )
        return _unlocated(missing) | placed | dict(zip(marks, ticked, strict=True))

    def _seek(self, page: Image) -> SoughtCombs | None:
        """Look for the combs that have no place; None where all fields have one."""
        fields = self._sought_fields()
        return self._kept(seek_combs, page, fields) if fields else None

    def _read_sought(
        self,
        page: Image,
        sought: SoughtCombs | None,
        steps: Sequence[Any],
        reader: FieldReader,
    ) -> dict[str, FieldReading]:
        """Read the combs that have no place."""
        if sought is None:
            return {}
        fields = {field.name: field for field in self.form.fields}
        pieces = _cut_combs(sought, steps, reader)
        ways = _read_both_ways(pieces, reader, [fields[name] for name in sought.combs])
        read = _decide_way(page, sought, ways, reader.threshold)
        return _unlocated(sought.missing) | read

    def _read_codes(
        self,
        page: Image,
        registration: Registration | None,
        codes: Sequence[Code] | None,
    ) -> dict[str, FieldReading]:
        """Read the fields that are codes."""
        fields = [field for field in self.form.fields if field.kind == "code"]
        if not fields:
            return {}
        codes = find_codes(page) if codes is None else codes
        if registration is None and any(field.box for field in fields):
            registration = register(page, self.form.prepared_blank())
        return read_codes(fields, codes, registration)

    def _field_reader(self) -> Any:
        """Return the adapted field reader, else the one given, else the shipped."""
        if hasattr(self, "field_reader_"):
            return self.field_reader_
        return self._given_field_reader()

    def _given_field_reader(self) -> Any:
        if self.field_reader is None:
            return make_field_reader()
        last = split_reader(self.field_reader)[1]
        if not hasattr(last, "read_pieces"):
            raise TypeError(
                "FormReader expects a FieldReader, or a Pipeline that ends in one, as"
                f" field_reader. Got {type(last).__name__}. Pass what reads lines"
                " within one: FieldReader(line_reader=...)."
            )
        return self.field_reader

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.two_d_labels = True
        return tags


def make_form_reader(
    form: Form,
    *,
    classifier: Any = None,
    line_reader: Any = None,
    threshold: float = 0.9,
    locate_digits: bool = False,
    memory: ImageMemory | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> FormReader:
    """Compose the default reader of a form.

    Parameters
    ----------
    form : Form
        The fields to read.

    classifier : estimator, default=None
        Classifier of glyphs; None for the LeNet-5 that ships with the package.

    line_reader : SlidingReader, CuttingReader or VotingReader, default=None
        Reads fields without boxes; None for ``VotingReader()``.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    locate_digits : bool, default=False
        Find where on the page each digit of free writing stands, for pictures.

    memory : ImageMemory or str, default=None
        As for :class:`FormReader`.

    settings : mapping of str to object, default=None
        As for :func:`make_field_reader`.

    Returns
    -------
    reader : FormReader
        It reads without having been fitted; fitting it adapts the classifier and
        the reader of lines.

    Examples
    --------
    >>> from pipelines import Form, make_form_reader
    >>> reader = make_form_reader(Form.from_combs({"student_id": 9}))
    >>> list(reader.field_reader.named_steps)
    ['despeckle', 'flatten', 'read']
    """
    fields = make_field_reader(
        classifier, line_reader=line_reader, threshold=threshold, settings=settings
    )
    return FormReader(
        form, field_reader=fields, locate_digits=locate_digits, memory=memory
    )


def _cut(page: Image, cut: Callable[..., Any], what: Any, _blank: Any) -> Any:
    """Cut a page; the version of the blank page is here for a memory to know."""
    return cut(page, what)


def _unlocated(missing: Mapping[str, str | Reason]) -> dict[str, FieldReading]:
    reasons = {
        name: why if isinstance(why, Reason) else Reason(ReasonKind.NOT_FOUND, why)
        for name, why in missing.items()
    }
    return {
        name: FieldReading("", "unlocated", 0.0, reason=reason)
        for name, reason in reasons.items()
    }


def _explain_nothing(
    page: Image, readings: dict[str, FieldReading]
) -> dict[str, FieldReading]:
    """Say what may be wrong with a page on which no field was found."""
    if is_empty_page(page):
        reason = Reason(ReasonKind.EMPTY_PAGE, "the page is empty")
        return {name: replace(field, reason=reason) for name, field in readings.items()}
    if not is_light_on_dark(page):
        return readings
    return {
        name: replace(
            field,
            reason=Reason(ReasonKind.UNSUITED, f"{field.reason}; {LIGHT_ON_DARK}"),
        )
        for name, field in readings.items()
    }


def _decide_way(
    page: Image,
    sought: SoughtCombs,
    ways: tuple[list[FieldReading], list[FieldReading]],
    threshold: float,
) -> dict[str, FieldReading]:
    """Take combs the way up that is more likely, and doubt what both ways read."""
    upright, turned = ways
    log_odds = _upright_log_odds(sought, upright, turned)
    certainty = float(expit(abs(log_odds)))
    result = {}
    for name, right_way, other_way in zip(sought.combs, upright, turned, strict=True):
        quad = page_quad(sought.combs[name].quad, page, sought.quarter_turns)
        reading = right_way
        if log_odds < 0:
            name, reading = sought.counterparts[name], other_way
            quad = np.roll(quad, 2, axis=0)
        reading = _doubt_way(reading, certainty, threshold)
        # Blank, too: another comb may be the one that somebody has filled in.
        if name in sought.doubtful:
            reading = forbid(reading, sought.doubtful[name])
        result[name] = replace(reading, quad=quad)
    return result


def _doubt_way(
    reading: FieldReading, certainty: float, threshold: float
) -> FieldReading:
    """Trust a value as far as it is certain which way up its page lies."""
    doubted = replace(
        reading,
        confidence=certainty * reading.confidence,
        certainty=certainty,
        candidates=tuple(
            replace(c, probability=certainty * c.probability)
            for c in reading.candidates
        ),
    )
    return settle_anew(doubted, threshold)


def _cut_combs(
    sought: SoughtCombs, steps: Sequence[Any], reader: FieldReader | CombReader
) -> list[list[Piece]]:
    """Cut the combs that were found into pieces."""
    cuts = [cut_comb(sought.page, comb) for comb in sought.combs.values()]
    images = clean_images(steps, [image for image, _ in cuts])
    return reader.cut(images, [frame for _, frame in cuts])


def _read_both_ways(
    pieces: Sequence[Sequence[Piece]],
    reader: FieldReader | CombReader,
    fields: Sequence[Field],
) -> tuple[list[FieldReading], list[FieldReading]]:
    """Read combs as they lie, and turned by half a turn."""
    turned = [_turned(field) for field in pieces]
    both = reader.read_pieces(
        [*pieces, *turned],
        [field.gaps for field in (*fields, *fields)],
        [field.sign for field in (*fields, *fields)],
    )
    return both[: len(pieces)], both[len(pieces) :]


def _upright_log_odds(
    sought: SoughtCombs,
    upright: Sequence[FieldReading],
    turned: Sequence[FieldReading],
) -> float:
    """Weigh whether a page lies the right way up, or on its head."""
    log_odds = _UPRIGHT_LOG_ODDS + sum(
        _log_confidence(a) - _log_confidence(b)
        for a, b in zip(upright, turned, strict=True)
    )
    if log_odds < _CLEAR_LOG_ODDS:
        log_odds += upright_log_odds(sought.page, skew=sought.skew)
    return log_odds


def _log_confidence(reading: FieldReading) -> float:
    return float(np.log(max(reading.confidence, _LEAST_CONFIDENCE)))


def _turned(pieces: Sequence[Piece]) -> list[Piece]:
    """Turn a cut field by half a turn."""
    return [
        replace(
            p,
            image=_half_turn(p.image),
            alternative=_half_turn(p.alternative),
            window=_half_turn(p.window),
        )
        for p in reversed(pieces)
    ]


def _half_turn(image: Any) -> Any:
    return None if image is None else np.ascontiguousarray(image[::-1, ::-1])

"""From images of fields to strings, whether they have boxes or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from lenet_sklearn.parameters import (
    COUNT,
    POSITIVE,
    HasMethods,
    Interval,
    StrOptions,
)
from lenet_sklearn.strings.boxes import GAP
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.fields.combs import Frame
from pipelines.forms.allowed import BREAKING
from pipelines.forms.field import Field
from pipelines.glyphs.cut import BoxCutter, Piece
from pipelines.glyphs.normalize import GLYPH_SHAPE, GlyphNormalizer
from pipelines.images import Floats, Image, check_images
from pipelines.lines.following import follow_writing
from pipelines.lines.surroundings import RuleRemover
from pipelines.memory import ImageMemory, as_memory, map_images, use_memory
from pipelines.outcomes import (
    N_CANDIDATES,
    ArraysCompare,
    FieldReading,
    settle,
)
from pipelines.pages.cleaning import BackgroundFlattener, Despeckler
from pipelines.readers.base import (
    StringReader,
    check_characters,
    check_texts,
    continue_from,
    each_of,
    weigh,
)
from pipelines.readers.comb import CombReader
from pipelines.readers.free import DIGITS, CuttingReader, SlidingReader
from pipelines.readers.signs import knows_signs, read_signed, shipped_sign_reader
from pipelines.readers.voting import VotingReader

# Whoever says that there is a comb does not expect a free string.
_WITHOUT_COMB = 0.5

# What keeps the rule of its field is so much more common than what breaks it.
_KEEPING_ODDS = (1 - BREAKING) / BREAKING

# Strings that are looked at where the most probable one breaks a rule. Of those that
# lack only a check digit one in ten has it.
_N_SEARCHED = 30


@dataclass(frozen=True, eq=False)
class LineLayout(ArraysCompare):
    """Free writing.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        The part of the field that holds it, without what is round it.

    lacks_comb : bool, default=False
        Whether a comb was to be there.

    left : int, default=0
        Its first column in the image of the field.

    certainty : float, default=1.0
        Probability that it is all of the writing, and nothing else.
    """

    image: Image
    lacks_comb: bool = False
    left: int = 0
    certainty: float = 1.0


@dataclass(frozen=True)
class Layouts:
    """How some fields are laid out.

    Attributes
    ----------
    combs : dict of int to list of Piece
        The pieces of the fields that have a comb, by the number of the sample.

    lines : dict of int to LineLayout
        The others.
    """

    combs: dict[int, list[Piece]] = field(default_factory=dict)
    lines: dict[int, LineLayout] = field(default_factory=dict)


class FieldReader(StringReader):
    """Read the digits in images of fields.

    A comb is looked for in the field, and read by a :class:`CombReader`. In a field
    without one, digits are written freely: a :class:`VotingReader` reads it.

    Parameters
    ----------
    classifier : estimator, default=None
        As for :class:`CombReader`.

    content_classifier : estimator, default=None
        As for :class:`CombReader`.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    cutter : BoxCutter, default=None
        As for :class:`CombReader`.

    normalizer : transformer, default=None
        As for :class:`CombReader`.

    line_reader : SlidingReader, CuttingReader or VotingReader, default=None
        Reads fields without a comb; None for ``VotingReader()``. `fit` fits a copy,
        from what it has learned on.

    max_epochs, lr, distortion : default=None
        As for :class:`CombReader`.

    sign_reader : SlidingReader or VotingReader, default=None
        Reads free writing that may have signs, as the form says. None for the reader of
        lines, if it knows signs, else for the one that ships. It is not fitted.

    rules : RuleRemover or "passthrough", default=None
        What takes print and neighbours' writing out of fields without a comb; None for
        ``RuleRemover()``. Where it is left out, a wall that is printed beside digits
        may be read as a one, and surely: fit the reader, and its rule of acceptance,
        to such fields.

    memory : ImageMemory or str, default=None
        Keeps how each field is laid out and its writing cut, for searches over other
        parameters; a str is its folder. See :class:`pipelines.ImageMemory`.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    Attributes
    ----------
    classifier_ : estimator
        The classifier, fitted on the digits of combs. Only after a `fit` that
        found some.

    line_reader_ : SlidingReader, CuttingReader or VotingReader
        The reader of lines, fitted on the fields without a comb. Only after a
        `fit` that found some.

    n_aligned_ : int
        Number of combs `fit` could use: as many digits found as in the string.

    See Also
    --------
    make_field_reader : The reader after the steps that clean its fields.

    Notes
    -----
    Weights are loaded when they are first used: fields that all have a comb need no
    reader of lines.

    Examples
    --------
    >>> from pipelines import FieldReader
    >>> from pipelines.drawing import draw_comb
    >>> fields = [draw_comb(text, random_state=3) for text in ["042", "1998"]]
    >>> [str(value) for value in FieldReader().predict(fields)]
    ['042', '1998']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "content_classifier": [HasMethods(["predict_proba"]), None],
        "digits": [Interval(Integral, 1, None, closed="left"), None],
        "cutter": [HasMethods(["cut"]), None],
        "normalizer": [HasMethods(["transform"]), None],
        "line_reader": [HasMethods(["fit", "read", "locate"]), None],
        "max_epochs": [COUNT, None],
        "lr": [POSITIVE, None],
        "distortion": [str, Mapping, None],
        "sign_reader": [HasMethods(["read"]), None],
        "rules": [HasMethods(["clear"]), StrOptions({"passthrough"}), None],
        "memory": [ImageMemory, str, None],
        "threshold": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        classifier: Any = None,
        *,
        content_classifier: Any = None,
        digits: int | None = None,
        cutter: Any = None,
        normalizer: Any = None,
        line_reader: Any = None,
        max_epochs: int | None = None,
        lr: float | None = None,
        distortion: str | Mapping[str, float] | None = None,
        sign_reader: Any = None,
        rules: RuleRemover | str | None = None,
        memory: ImageMemory | str | None = None,
        threshold: float = 0.9,
    ) -> None:
        self.classifier = classifier
        self.content_classifier = content_classifier
        self.digits = digits
        self.cutter = cutter
        self.normalizer = normalizer
        self.line_reader = line_reader
        self.max_epochs = max_epochs
        self.lr = lr
        self.distortion = distortion
        self.sign_reader = sign_reader
        self.rules = rules
        self.memory = memory
        self.threshold = threshold

    def fit(
        self,
        X: Sequence[Image],
        y: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Adapt the reader to the writing in fields whose strings are known.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields. Their sizes may differ.

        y : sequence of n_samples str
            What they say; ``""`` for an empty field, and ``_`` for an empty box of
            a comb. Fields without the comb that `digits` promises are passed over,
            and fields that have no boxes, with a ``_`` in their string.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each counts, as for :class:`lenet_sklearn.LeNet5Classifier`: whole
            numbers say how often a field is there, 0 that it is not.

        Returns
        -------
        self : FieldReader
            The reader itself.

        Raises
        ------
        ValueError
            If there is no field to learn from: no free string, and no comb with as
            many digits as its string. Or if a string has other characters.
        """
        self._validate_params()
        name = type(self).__name__
        texts = check_texts(y, len(X), caller=name)
        known = each_of(frames, len(X), "frame", caller=name)
        rows, given = weigh(sample_weight, len(X), caller=name)
        texts = [texts[n] for n in rows]
        with use_memory(self.memory):
            layouts = self._lay_out([X[n] for n in rows], [known[n] for n in rows])
            self._check_characters(layouts, texts)
            self._learn(layouts, texts, **given)
        return self

    def _learn(
        self,
        layouts: Layouts,
        texts: Sequence[str],
        sample_weight: Floats | None = None,
    ) -> None:
        """Adapt to fields that are laid out, and whose strings are known."""
        lines = _lessons(layouts, texts)
        combs = list(layouts.combs)
        n_aligned, classifier = self._given_comb_reader().learn(
            list(layouts.combs.values()),
            [texts[n] for n in combs],
            **_weights_of(combs, sample_weight),
        )
        if classifier is None and not lines:
            raise ValueError(
                "FieldReader found nothing to learn from: no free string, and no comb"
                " with as many digits as its string. Look at what"
                " FieldReader().cut(fields) finds, and set digits= for combs."
            )
        line_reader = None
        if lines:
            line_reader = continue_from(self._given_line_reader()).fit(
                [layouts.lines[n].image for n in lines],
                [texts[n] for n in lines],
                **_weights_of(lines, sample_weight),
            )
        # Only now: a fit that fails leaves what an earlier one has learned.
        self.n_aligned_ = n_aligned
        self._keep(classifier_=classifier, line_reader_=line_reader)

    def read(
        self,
        X: Sequence[Image],
        frames: Sequence[Frame | None] | None = None,
        fields: Sequence[Field | None] | None = None,
    ) -> list[FieldReading]:
        """Read every field of `X`, with the confidence of each value.

        A list of fields, where :meth:`FormReader.read` takes one page.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        fields : sequence of n_samples Field or None, default=None
            What a form says of each. Free writing is read as a string that keeps the
            rules of its field, where one is not too improbable.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`, which only a page can tell.
        """
        self._validate_params()
        with use_memory(self.memory):
            return self._read(X, frames, fields)

    def _read(
        self,
        X: Sequence[Image],
        frames: Sequence[Frame | None] | None,
        fields: Sequence[Field | None] | None,
    ) -> list[FieldReading]:
        layouts = self._lay_out(X, frames)
        rules = each_of(fields, len(X), "Field", caller=type(self).__name__)
        of_combs = [rules[n] for n in layouts.combs]
        in_combs = self.read_pieces(
            list(layouts.combs.values()),
            [rule is not None and rule.gaps for rule in of_combs],
            [rule is not None and rule.sign for rule in of_combs],
        )
        in_lines = self._read_lines(
            list(layouts.lines.values()), [rules[n] for n in layouts.lines]
        )
        readings = dict(zip(layouts.combs, in_combs, strict=True))
        readings |= zip(layouts.lines, in_lines, strict=True)
        return [readings[n] for n in range(len(X))]

    def locate(
        self,
        X: Sequence[Image],
        texts: Sequence[str],
        frames: Sequence[Frame | None] | None = None,
    ) -> list[list[tuple[int, int]]]:
        """Find where in every field the digits of a string are written freely.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields without a comb.

        texts : sequence of n_samples str
            What they say, as :meth:`read` reads them.

        frames : sequence of n_samples Frame or None, default=None
            Where in the images the fields are, where that is known.

        Returns
        -------
        spans : list of n_samples lists of tuples of (left, right)
            Columns of the image between which each digit lies.

        Raises
        ------
        ValueError, TypeError
            If fields, strings and frames do not fit, or a field has no room for its
            string.
        """
        images = check_images(X, caller=type(self).__name__)
        texts = check_texts(texts, len(images), caller=type(self).__name__)
        known = each_of(frames, len(images), "frame", caller=type(self).__name__)
        with use_memory(self.memory):
            lines = self._find_writing(list(zip(images, known, strict=True)))
            found = self._line_reader().locate([line.image for line in lines], texts)
        return [
            [(line.left + left, line.left + right) for left, right in spans]
            for line, spans in zip(lines, found, strict=True)
        ]

    def _texts(self, X: Sequence[Image]) -> list[str]:
        return [reading.value for reading in self.read(X)]

    def cut(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None = None
    ) -> list[list[Piece]]:
        """Cut every comb of `X` into pieces, the first half of reading it.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            Where the boxes are in each field, where that is known.

        Returns
        -------
        pieces : list of n_samples lists of Piece
            From left to right; none for a field without a comb.
        """
        combs = self._lay_out(X, frames).combs
        return [combs.get(n, []) for n in range(len(X))]

    def free_writing(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None = None
    ) -> list[Image | None]:
        """Take the free writing of every field, as what reads lines is given it.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Images of fields.

        frames : sequence of n_samples Frame or None, default=None
            As for :meth:`read`.

        Returns
        -------
        lines : list of n_samples ndarrays of shape (height, width), or None
            Without what is printed round the writing; None for a row of boxes.
        """
        images = check_images(X, caller=type(self).__name__)
        lines = self._lay_out(images, frames).lines
        found = (lines.get(n) for n in range(len(images)))
        return [None if one is None or one.lacks_comb else one.image for one in found]

    def read_pieces(
        self,
        pieces: Sequence[Sequence[Piece]],
        in_place: Sequence[bool] | None = None,
        signed: Sequence[bool] | None = None,
    ) -> list[FieldReading]:
        """Classify the pieces of combs, the second half of reading them.

        Parameters
        ----------
        pieces : sequence of n_samples sequences of Piece
            As :meth:`cut` returns them.

        in_place : sequence of n_samples bool, default=None
            Whether empty boxes are ordinary in each; None if in none.

        signed : sequence of n_samples bool, default=None
            Whether the first box of each may hold a minus; None if of none.

        Returns
        -------
        readings : list of n_samples FieldReading
            Without a `quad`.
        """
        return self._comb_reader().read_pieces(pieces, in_place, signed)

    def _lay_out(
        self, X: Sequence[Image], frames: Sequence[Frame | None] | None
    ) -> Layouts:
        """Cut what has a comb, and leave what has none to a reader of lines."""
        images = check_images(X, caller=type(self).__name__)
        known = each_of(frames, len(images), "frame", caller=type(self).__name__)
        pieces = self._given_comb_reader().cut(images, known)
        combs = {n: comb for n, comb in enumerate(pieces) if comb}
        others = [n for n, comb in enumerate(pieces) if not comb]
        lines = self._find_writing([(images[n], known[n]) for n in others])
        # A frame says what a field has.
        lacking = [self.digits is not None and known[n] is None for n in others]
        return Layouts(
            combs,
            {
                n: replace(line, lacks_comb=lacks)
                for n, line, lacks in zip(others, lines, lacking, strict=True)
            },
        )

    def _find_writing(
        self, fields: Sequence[tuple[Image, Frame | None]]
    ) -> list[LineLayout]:
        """Find the free writing of fields, without what is round it."""
        remover = RuleRemover() if self.rules is None else self.rules
        return map_images(_free_writing, fields, (remover,))

    def _read_lines(
        self, lines: Sequence[LineLayout], rules: Sequence[Field | None]
    ) -> list[FieldReading]:
        """Read free writing, and settle what is certain enough."""
        signed = {
            n: rule
            for n, rule in enumerate(rules)
            if rule is not None and rule.characters is not None
        }
        plain = [n for n in range(len(lines)) if n not in signed]
        read: dict[int, Sequence[Any]] = {}
        if plain:
            images, own = [lines[n].image for n in plain], [rules[n] for n in plain]
            found = read_ruled(self._line_reader(), images, own)
            read |= zip(plain, found, strict=True)
        if signed:
            images = [lines[n].image for n in signed]
            values = read_signed(self._sign_reader(), images, list(signed.values()))
            read |= zip(signed, values, strict=True)
        return [self._settle_line(read[n], line) for n, line in enumerate(lines)]

    def _settle_line(
        self, candidates: Sequence[Hypothesis], line: LineLayout
    ) -> FieldReading:
        share = _WITHOUT_COMB if line.lacks_comb else 1.0
        share *= line.certainty
        kept = tuple(
            Hypothesis(c.text, share * c.probability, getattr(c, "raw", ""))
            for c in candidates
        )
        best = kept[0]
        reading = settle(best.text, best.probability, self.threshold)
        return replace(reading, candidates=kept)

    def _check_characters(self, layouts: Layouts, texts: Sequence[str]) -> None:
        """Refuse strings of other characters than combs and lines are read as."""
        in_combs = self._given_comb_reader().labels()
        in_lines = self._line_characters()
        for index, text in enumerate(texts):
            line = layouts.lines.get(index)
            known = in_combs if line is None or line.lacks_comb else in_lines
            check_characters(text, index, known, caller=type(self).__name__)

    def _keep(self, **learned: Any) -> None:
        """Keep what was learned, and forget what an earlier fit learned of others."""
        for name, part in learned.items():
            if part is not None:
                setattr(self, name, part)
            elif hasattr(self, name):
                delattr(self, name)

    def _given_comb_reader(self) -> CombReader:
        return CombReader(
            self.classifier,
            content_classifier=self.content_classifier,
            digits=self.digits,
            cutter=self.cutter,
            normalizer=self.normalizer,
            max_epochs=self.max_epochs,
            lr=self.lr,
            distortion=self.distortion,
            threshold=self.threshold,
        )

    def _comb_reader(self) -> CombReader:
        """Return what reads combs, with the adapted classifier if there is one."""
        reader = self._given_comb_reader()
        reader.classifier = getattr(self, "classifier_", self.classifier)
        return reader

    def _given_line_reader(self) -> Any:
        return VotingReader() if self.line_reader is None else self.line_reader

    def _line_reader(self) -> Any:
        """Return the adapted reader of lines, else the one given, else the shipped."""
        if hasattr(self, "line_reader_"):
            return self.line_reader_
        return self._given_line_reader()

    def _sign_reader(self) -> Any:
        """Return the reader of signs given, else that of lines if it knows them."""
        if self.sign_reader is not None:
            return self.sign_reader
        reader = self._line_reader()
        return reader if knows_signs(reader) else shipped_sign_reader()

    def _line_characters(self) -> str:
        """Return the characters of free writing; a recognizer may be of others."""
        recognizer = getattr(self._given_line_reader(), "recognizer", None)
        return getattr(recognizer, "characters", DIGITS)


def make_field_reader(
    classifier: Any = None,
    *,
    line_reader: Any = None,
    digits: int | None = None,
    threshold: float = 0.9,
    memory: ImageMemory | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Compose the default Pipeline that reads images of fields.

    Parameters
    ----------
    classifier : estimator, default=None
        Classifier of glyphs; None for the LeNet-5 that ships with the package.

    line_reader : SlidingReader, CuttingReader or VotingReader, default=None
        Reads fields without a comb; None for ``VotingReader()``. One that was fitted to
        fields of yours comes from :func:`pipelines.load_line_reader`.

    digits : int, default=None
        Number of boxes of the combs in the fields. By default any number.

    threshold : float, default=0.9
        Confidence below which a value is rejected.

    memory : ImageMemory or str, default=None
        Keeps what is made of each field before a network sees it, so that no search
        makes it again; a str is its folder.

    settings : mapping of str to object, default=None
        Parameters of the steps that differ, as a model file tells them, such as
        ``{"flatten": "passthrough"}``.

    Returns
    -------
    reader : Pipeline
        Steps ``despeckle``, ``flatten`` and ``read``. What each of them decides by is
        a parameter, as ``read__cutter__touching``. It reads without having
        been fitted. Fitting it adapts the classifier and the reader of lines, those
        that ship as those that are given and fitted; what is given unfitted is trained
        by its own parameters.

    Raises
    ------
    ValueError
        If the classifier is a LeNet-5, or a committee, for images of another size.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> list(make_field_reader().named_steps)
    ['despeckle', 'flatten', 'read']
    """
    _check_image_shape(classifier)
    if line_reader is None:
        line_reader = VotingReader(
            sliding_reader=SlidingReader(), cutting_reader=CuttingReader()
        )
    reader = FieldReader(
        classifier,
        digits=digits,
        cutter=BoxCutter(),
        normalizer=GlyphNormalizer(),
        line_reader=line_reader,
        rules=RuleRemover(),
        memory=as_memory(memory),
        threshold=threshold,
    )
    steps = Pipeline([*cleaning_steps(), ("read", reader)], memory=as_memory(memory))
    return steps.set_params(**(settings or {}))


def cleaning_steps() -> list[tuple[str, Any]]:
    """Make the steps that clean images of fields before they are read.

    Returns
    -------
    steps : list of tuples of (name, transformer)
        Of the Pipeline of :func:`make_field_reader`, without its reader.
    """
    return [("despeckle", Despeckler()), ("flatten", BackgroundFlattener())]


def read_ruled(
    line_reader: Any, images: Sequence[Image], rules: Sequence[Field | None]
) -> list[list[Any]]:
    """Read lines; where one breaks the rules of its field, look for what keeps them.

    Parameters
    ----------
    line_reader : SlidingReader
        Or what reads as it does.

    images : sequence of n ndarrays of shape (height, width), dtype uint8
        Fields without a comb.

    rules : sequence of n Field or None
        What the form says of each.

    Returns
    -------
    readings : list of n lists of Hypothesis
        Each of a `text` and its `probability`, which a rule does not raise; the first
        is what is read. A string that breaks the rule stays first where it is much
        more probable than any that keeps it. An empty one breaks none.

    Notes
    -----
    Lengths and masks are searched under. Of the strings that are found so, those that
    keep all rules are taken.
    """
    read = [list(own) for own in line_reader.read(images, n_best=N_CANDIDATES)]
    # The most probable string of all is also that of those allowed, if it is one.
    return [
        own if _keeps(rule, own[0].text) else _reread(line_reader, image, rule, own)
        for image, rule, own in zip(images, rules, read, strict=True)
    ]


def _keeps(rule: Field | None, text: str) -> bool:
    return rule is None or not rule.check(text)


def _reread(line_reader: Any, image: Image, rule: Any, free: list[Any]) -> list[Any]:
    """Search under the rule, and weigh a slip of the writer's against a misreading."""
    [found] = line_reader.read(
        [image], n_best=_N_SEARCHED, lengths=rule.lengths, mask=rule.mask
    )
    kept = [one for one in found if _keeps(rule, one.text)][:N_CANDIDATES]
    named = {one.text for one in kept}
    others = [one for one in free if one.text not in named]
    if kept and _KEEPING_ODDS * kept[0].probability >= free[0].probability:
        return [
            kept[0],
            *sorted([*kept[1:], *others], key=lambda one: -one.probability),
        ]
    return [*free, *(one for one in kept if one.text not in {f.text for f in free})]


def _free_writing(
    image: Image, frame: Frame | None, remover: RuleRemover | str
) -> LineLayout:
    """Find the free writing of a field, without what is round it."""
    line = LineLayout(image)
    if frame is not None:
        followed = follow_writing(image, frame)
        line = LineLayout(
            followed.image, left=followed.left, certainty=followed.certainty
        )
    if isinstance(remover, str):  # "passthrough"
        return line
    cleared = remover.clear(line.image)
    certainty = min(line.certainty, cleared.certainty)
    return replace(line, image=cleared.image, certainty=certainty)


def _lessons(layouts: Layouts, texts: Sequence[str]) -> list[int]:
    """List the fields of free writing that something can be learned from."""
    lessons = [
        n
        for n, line in layouts.lines.items()
        # A comb that was not found teaches nothing about free writing.
        if not line.lacks_comb and GAP not in texts[n]
    ]
    # Empty paper alone teaches nothing.
    return lessons if any(texts[n] for n in lessons) else []


def _weights_of(rows: Sequence[int], weights: Floats | None) -> dict[str, Floats]:
    return {} if weights is None else {"sample_weight": weights[list(rows)]}


def _check_image_shape(classifier: Any) -> None:
    """Refuse a LeNet-5 that cannot take glyphs; every field would be told so."""
    # All members of a committee were trained on the same images.
    member = next(iter(getattr(classifier, "estimators_", ())), classifier)
    shape = getattr(member, "image_shape_", GLYPH_SHAPE)
    if shape != GLYPH_SHAPE:
        height, width = shape
        raise ValueError(
            "A reader of fields expects a classifier of images of 28 x 28 pixels, as"
            f" digits are cut from boxes. Got one of images of {height} x {width}. Take"
            " one trained on images of 28 x 28, such as MNIST's."
        )

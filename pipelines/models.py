"""Models by name or file: readers of free writing to load and save, and their cards."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from lenet_sklearn.acceptance import AcceptanceRule, attach_rule, read_rule
from lenet_sklearn.models.cards import ModelCard, read_card
from lenet_sklearn.models.files import (
    ModelFileError,
    model_path,
    read_header,
    read_model,
    weights_of_part,
    write_model,
)
from lenet_sklearn.models.registry import (
    check_number,
    load_model,
    pack_model,
    save_model,
    unpack_model,
)
from pipelines.lines.segments import CuttingModel
from pipelines.readers import (
    CuttingReader,
    SlidingReader,
    VotingReader,
    make_field_reader,
)
from pipelines.readers.base import split_reader
from pipelines.readers.free import SHIPPED_CUTTING, SHIPPED_SLIDING

AnyLineReader: TypeAlias = SlidingReader | CuttingReader | VotingReader

# Names no file, but two models that ship: the network that slides and the one that
# classifies pieces.
VOTE: Final = "vote"
MEMBERS: Final = (SHIPPED_SLIDING, SHIPPED_CUTTING)

# Readers of what the models that ship are for, by their names.
_SHIPPED = {
    SHIPPED_SLIDING: SlidingReader,
    SHIPPED_CUTTING: CuttingReader,
    VOTE: VotingReader,
}

# The rule of a vote that ships lies beside the models, as no file is its own.
VOTE_RULE: Final = model_path(SHIPPED_SLIDING).parent / f"{VOTE}.json"

# Kinds of files: of two readers, and of what reads strips.
VOTING: Final = VotingReader.__name__
CUTTING: Final = CuttingModel.__name__
_OF_STRIPS = ("StringRecognizer", "StringCommittee")

# Parameters of a reader of fields that a file of its weights tells besides: the steps
# that clean, and what cuts boxes.
_SET: Final = (
    "despeckle",
    "flatten",
    "read__cutter__",
    "read__normalizer__",
    "read__rules",
)

# What a model file calls them.
_SETTINGS: Final = "settings"

# Names of weights begin so, according to the reader that they belong to.
_PARTS = ("sliding", "cutting")


def holds_line_reader(path: str | os.PathLike[str]) -> bool:
    """Return whether a model file reads strings rather than characters.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        True for a recognizer, a committee of some, a model of pieces, and a vote.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.models import holds_line_reader
    >>> [holds_line_reader(name) for name in ("wide", "segments", "vote", "forms")]
    [True, True, True, False]
    """
    return kind_of(path) in (VOTING, CUTTING, *_OF_STRIPS)


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return what kind of model a file holds.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    kind : str
        Such as ``"StringRecognizer"``; that of a vote for the name "vote" too.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.models import kind_of
    >>> kind_of("wide"), kind_of("segments")
    ('StringRecognizer', 'CuttingModel')
    """
    return VOTING if path == VOTE else str(read_header(model_path(path)).get("model"))


def load_line_reader(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> AnyLineReader:
    """Make the reader of fields without boxes that a model file is for.

    Parameters
    ----------
    path : str or path
        File to read, as ``lenet train fields`` writes it, or the name of a model that
        ships with the package; "vote" for two of these that vote.

    device : str, default="auto"
        Where it is to run.

    Returns
    -------
    reader : SlidingReader, CuttingReader or VotingReader
        Ready to read. Its `fit` goes on from the weights that the file holds. Weights
        that ship are loaded when they are first used, unless a device is named.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or holds a classifier of characters.

    See Also
    --------
    make_field_reader : Takes it as `line_reader`, and cleans the fields first.
    lenet_sklearn.load_model : Loads a classifier, which reads what is in boxes.

    Examples
    --------
    >>> from pipelines import load_line_reader, make_field_reader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> reader = make_field_reader(line_reader=load_line_reader("segments"))
    >>> field = draw_string("308", draw_writer(3), random_state=3)
    >>> [str(value) for value in reader.predict([field])]
    ['308']
    """
    if device == "auto" and path in _SHIPPED:
        return _SHIPPED[str(path)]()
    if path == VOTE:
        slides, cuts = (load_line_reader(one, device=device) for one in MEMBERS)
        return VotingReader(sliding_reader=slides, cutting_reader=cuts)
    if not holds_line_reader(path):
        raise ModelFileError(
            f"{path} holds a classifier of characters, and no reader of strings."
            " Load it with lenet_sklearn.load_model."
        )
    model = load_model(path, device=device)
    if isinstance(model, VotingReader):
        return model
    return (
        CuttingReader(model)
        if isinstance(model, CuttingModel)
        else SlidingReader(model)
    )


def save_line_reader(
    reader: AnyLineReader,
    path: str | os.PathLike[str],
    *,
    card: ModelCard | None = None,
) -> None:
    """Write what a reader of lines reads with to one file.

    Parameters
    ----------
    reader : SlidingReader, CuttingReader or VotingReader
        Fitted, or made with what is.

    path : str or path
        File to write, by custom ending in ``.safetensors``.

    card : ModelCard, default=None
        Where the model comes from; ``lenet info`` prints it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    save_model(_model_of(reader), path, card=card)


def pack_voting_reader(
    reader: VotingReader,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Turn two readers that vote into what a file holds.

    Parameters
    ----------
    reader : VotingReader
        Fitted, or made with what is.

    Returns
    -------
    header : dict
        All but the numbers, as JSON has it.

    weights : dict of str to ndarray
        The numbers; names begin with the part and a dot.
    """
    header: dict[str, Any] = {"weights": [float(weight) for weight in reader.weights]}
    weights: dict[str, NDArray[Any]] = {}
    for part, member in zip(_PARTS, reader.reading_readers(), strict=True):
        header[part], own = pack_model(_model_of(member))
        weights |= {f"{part}.{name}": values for name, values in own.items()}
    return header, weights


def unpack_voting_reader(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    **params: Any,
) -> VotingReader:
    """Make the readers that :func:`pack_voting_reader` packed.

    Parameters
    ----------
    source : str or path
        Where they were read, for messages.

    header : mapping
        As they were packed.

    weights : mapping of str to ndarray
        As they were packed.

    **params : dict
        Parameters of the networks in place of those of the file.

    Returns
    -------
    reader : VotingReader
        Ready to read.

    Raises
    ------
    ModelFileError
        If they are of something else.
    """
    recognizer, model = (
        unpack_model(source, header[part], weights_of_part(weights, part), **params)
        for part in _PARTS
    )
    try:
        reader = VotingReader(
            sliding_reader=SlidingReader(recognizer),
            cutting_reader=CuttingReader(model),
            weights=tuple(check_number(w, "weights") for w in header["weights"]),
        )
        for one in (reader, reader.sliding_reader, reader.cutting_reader):
            one._check_params()
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"{source} does not describe a VotingReader: {error}. Train the model anew."
        ) from error
    return reader


def rule_of(model: str | os.PathLike[str]) -> AcceptanceRule | None:
    """Return the acceptance rule that a model brings.

    Parameters
    ----------
    model : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    rule : AcceptanceRule or None
        None where it brings none.

    Raises
    ------
    ValueError
        If the file cannot be read, or its rule is of another version.
    """
    if model == VOTE:
        there = VOTE_RULE.is_file()
        return AcceptanceRule.from_file(VOTE_RULE) if there else None
    return read_rule(model)


def _model_of(reader: AnyLineReader) -> Any:
    """Return what of a reader a file holds."""
    if isinstance(reader, VotingReader):
        return reader
    if isinstance(reader, CuttingReader):
        return reader.reading_model()
    return reader.reading_recognizer()


def settings_of(model: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a model wants a reader of fields to be set to.

    Parameters
    ----------
    model : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    settings : dict of str to object
        Parameters of :func:`pipelines.make_field_reader`; none for most models.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or its settings are of another form.
    """
    if model == VOTE:
        return {}
    settings = read_header(model_path(model)).get(_SETTINGS, {})
    if not isinstance(settings, dict) or not all(map(is_setting, settings)):
        raise ModelFileError(
            f"{model} does not describe how fields are cleaned and cut. Search anew, or"
            " take a newer release."
        )
    return settings


def is_setting(name: str) -> bool:
    """Return whether a model file tells a parameter, beside its weights.

    Parameters
    ----------
    name : str
        A parameter of :func:`pipelines.make_field_reader`.

    Returns
    -------
    told : bool

    Examples
    --------
    >>> from pipelines.models import is_setting
    >>> is_setting("flatten"), is_setting("read__digits")
    (True, False)
    """
    return name.startswith(_SET)


def save_field_reader(
    reader: Pipeline,
    path: str | os.PathLike[str],
    *,
    card: ModelCard,
    rule: AcceptanceRule | None = None,
    kind: str | None = None,
) -> None:
    """Write what a reader of fields has learned, and how it cleans and cuts them.

    Parameters
    ----------
    reader : Pipeline
        As of :func:`pipelines.make_field_reader`, fitted.

    path : str or path
        File to write, by custom ending in ``.safetensors``.

    card : ModelCard
        Where the model comes from.

    rule : AcceptanceRule, default=None
        For its confidences; one that accepts nothing is left out.

    kind : {"lines", "combs"}, default=None
        Whether to write what it has learned from free writing, or from rows of boxes:
        a file holds one of them. None for free writing, where it has learned from both.

    Raises
    ------
    OSError
        If the file cannot be written.

    ValueError
        If it has learned nothing from fields of that kind.
    """
    last = split_reader(reader)[1]
    if kind is None:
        kind = "lines" if hasattr(last, "line_reader_") else "combs"
    part = {"lines": "line_reader_", "combs": "classifier_"}[kind]
    if not hasattr(last, part):
        what = {"lines": "free writing", "combs": "rows of boxes"}[kind]
        raise ValueError(
            f"{path} is to read {what}, and nothing was learned from such."
        )
    if kind == "lines":
        save_line_reader(last.line_reader_, path, card=card)
    else:
        save_model(last.classifier_, path, card=card)
    usual = make_field_reader().get_params()
    settings = {
        name: value
        for name, value in reader.get_params().items()
        if is_setting(name)
        and isinstance(value, str | int | float | None)
        and value != usual.get(name)
    }
    if settings:
        header, weights = read_model(path)
        write_model(path, {**header, _SETTINGS: settings}, weights)
    if rule is not None and not rule.accepts_nothing:
        attach_rule(path, rule)


def describe_model(model: str | os.PathLike[str]) -> str:
    """Describe a model file and repeat its card.

    Parameters
    ----------
    model : str or path
        The name of a model that ships with the package, or a file.

    Returns
    -------
    text : str
        Several lines.

    Raises
    ------
    ValueError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.models import describe_model
    >>> print(describe_model("mnist").splitlines()[0])
    classes      0 1 2 3 4 5 6 7 8 9
    """
    rule = rule_of(model)
    lines = [] if rule is None else [f"rule         {_describe_rule(rule)}"]
    if settings := settings_of(model):
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        lines.append(f"settings     {told}")
    if model == VOTE:
        members = [describe_model(member) for member in MEMBERS]
        own = [_describe_voting(VotingReader()), *lines]
        return "\n\n".join(["\n".join(own), *members])
    path = model_path(model)
    describe = _describe_reader if holds_line_reader(path) else _describe_classifier
    card = read_card(path)
    no_card = "no model card: the file is older, or was saved from Python"
    return "\n".join([*describe(path), *lines, no_card if card is None else str(card)])


def _describe_rule(rule: AcceptanceRule) -> str:
    """Say on one line what a rule promises, and from which confidence."""
    stated = f"at most {100 * rule.max_error:g} % of the accepted wrong"
    if rule.accepts_nothing:
        return f"{stated}: not certified on {rule.fitted_on}"
    return f"{stated}: from confidence {rule.threshold_:g}, on {rule.fitted_on}"


def _describe_classifier(path: Path) -> list[str]:
    from lenet_sklearn.committee import members_of

    classifier = load_model(path, device="cpu")
    members = members_of(classifier)
    described = [line for member in members for line in _describe_member(member)]
    return [
        f"classes      {' '.join(map(str, classifier.classes_))}",
        *([f"members      {len(members)}"] if len(members) > 1 else []),
        *dict.fromkeys(described),  # once what all members have in common
    ]


def _describe_reader(path: Path) -> list[str]:
    reader = load_line_reader(path, device="cpu")
    if isinstance(reader, VotingReader):
        sliding_reader, cutting_reader = reader.reading_readers()
        return [
            _describe_voting(reader),
            *_describe_sliding(sliding_reader),
            *_describe_cutting(cutting_reader),
        ]
    if isinstance(reader, CuttingReader):
        return _describe_cutting(reader)
    return _describe_sliding(reader)


def _describe_voting(reader: VotingReader) -> str:
    slides, cuts = reader.weights
    return f"votes        of two, raised to the powers {slides:g} and {cuts:g}"


def _describe_sliding(reader: SlidingReader) -> list[str]:
    from lenet_sklearn import count_parameters

    recognizer = reader.reading_recognizer()
    members = getattr(recognizer, "members_", [recognizer])
    lines = [f"strings of   {' '.join(recognizer.characters_)}"]
    for member in members:
        lines += [
            f"parameters   {count_parameters(member.net_.module_)}",
            f"temperature  {member.temperature_:.3f}",
            f"estimator    {' '.join(repr(member).split())}",
        ]
    return lines


def _describe_cutting(reader: CuttingReader) -> list[str]:
    model = reader.reading_model()
    return [
        "strings of   the ten digits, by cutting them apart",
        *_describe_member(model.classifier),
        f"geometry     {model.geometry.n_numbers} numbers",
    ]


def _describe_member(classifier: Any) -> list[str]:
    from lenet_sklearn import count_parameters

    height, width = classifier.image_shape_
    return [
        f"images       {height} x {width}, full ink {_full_ink(classifier)}",
        f"parameters   {count_parameters(classifier.net_.module_)}",
        f"temperature  {classifier.temperature_:.3f}",
        f"estimator    {' '.join(repr(classifier).split())}",
    ]


def _full_ink(classifier: object) -> str:
    scale = getattr(classifier, "input_scale_", 1.0)
    return "255 in bytes, 1 in floats" if scale == 1 else f"{scale:g}"

"""What is known about a model: what ``lenet info`` prints."""

import os
from pathlib import Path
from typing import Any

from pipelines.readers import LineReader, SegmentReader, VoteReader


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
    from lenet_sklearn.models.cards import read_card
    from lenet_sklearn.models.pretrained import model_path
    from pipelines.readers.loading import VOTE, VOTERS, holds_line_reader

    if model == VOTE:
        voters = [describe_model(voter) for voter in VOTERS]
        return "\n\n".join([_describe_vote(VoteReader()), *voters])
    path = model_path(model)
    describe = _describe_reader if holds_line_reader(path) else _describe_classifier
    card = read_card(path)
    if card is None:
        told = "no model card: the file is older, or was saved from Python"
    else:
        told = str(card)
    return "\n".join([*describe(path), told])


def _describe_classifier(path: Path) -> list[str]:
    from lenet_sklearn import load_model
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
    from pipelines.readers.loading import load_line_reader

    reader = load_line_reader(path, device="cpu")
    if isinstance(reader, VoteReader):
        line_reader, segment_reader = reader.reading_readers()
        return [
            _describe_vote(reader),
            *_describe_sliding(line_reader),
            *_describe_cutting(segment_reader),
        ]
    if isinstance(reader, SegmentReader):
        return _describe_cutting(reader)
    return _describe_sliding(reader)


def _describe_vote(reader: VoteReader) -> str:
    slides, cuts = reader.weights
    return f"votes        of two, raised to the powers {slides:g} and {cuts:g}"


def _describe_sliding(reader: LineReader) -> list[str]:
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


def _describe_cutting(reader: SegmentReader) -> list[str]:
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

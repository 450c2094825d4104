"""What the fields of a drawing are called, and what is said of them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pipelines.forms.drawn import DrawnBox
from pipelines.forms.field import Field, as_field_name
from pipelines.forms.files import FormError

_KINDS: Final = ("comb", "line", "box", "mark")

# Attributes that tools have of their own accord, and words for "not said".
_OF_TOOLS: Final = frozenset({"occluded", "rotation", "track_id", "keyframe", ""})
_UNSAID: Final = ("", "__undefined__")

# What a label cannot say as a rule of the field.
_PLACED: Final = frozenset({"name", "box"})
_OWN_KEYS: Final = frozenset(Field.model_fields) - {"box"}


def choose_names(boxes: Sequence[DrawnBox], notes: list[str]) -> list[str]:
    """Name the field of each box, and number those of one name in reading order.

    Parameters
    ----------
    boxes : sequence of DrawnBox
        In any order.

    notes : list of str
        What is named otherwise than it was drawn is added to it.

    Returns
    -------
    names : list of str
        One for each box.

    Raises
    ------
    FormError
        If a box has no label, or nothing of it can be a name.
    """
    asked = [_asked_name(box, number) for number, box in enumerate(boxes, 1)]
    names = [as_field_name(name) for name in asked]
    for number, (name, wanted) in enumerate(zip(names, asked, strict=True), 1):
        if not name:
            raise FormError(
                f"box no. {number}: its label {wanted!r} is no name: letters, digits,"
                " '_', and between them '-' or spaces"
            )
    for name, wanted in dict(zip(names, asked, strict=True)).items():
        if name != wanted:
            notes.append(f"field {name!r}: is what was called {wanted!r}")
    for name, count in Counter(names).items():
        if count == 1:
            continue
        notes.append(f"fields {name!r}: are numbered in reading order, 1 to {count}")
        alike = [i for i, each in enumerate(names) if each == name]
        n_digits = len(str(count))
        for number, i in enumerate(_in_reading_order(boxes, alike), 1):
            names[i] = f"{name}_{number:0{n_digits}}"
    return names


def _asked_name(box: DrawnBox, number: int) -> str:
    """Return what a field is called; a label such as comb says what it is instead."""
    texts = [box.said.get("name"), box.attributes.get("name")]
    if box.label.strip().lower() in _KINDS:
        # The only text that was typed for it, whatever it is called.
        others = [v for k, v in box.attributes.items() if k not in _OWN_KEYS and v]
        texts += [each for each in others if isinstance(each, str)][:1]
    texts.append(box.label)
    names = (each for each in texts if each not in (None, *_UNSAID))
    name = str(next(names, "")).strip()
    if not name:
        raise FormError(f"box no. {number}: has no label; it is the name of the field")
    return name


def _in_reading_order(boxes: Sequence[DrawnBox], indices: Iterable[int]) -> list[int]:
    """Sort indices of boxes into lines, and from left to right in each line."""
    lines: list[list[int]] = []
    for i in sorted(indices, key=lambda i: _middle(boxes[i])):
        # Of one line are those whose middles differ by less than half a box.
        if lines and _middle(boxes[i]) - _middle(boxes[lines[-1][0]]) < (
            boxes[i].sides[2] / 2
        ):
            lines[-1].append(i)
        else:
            lines.append([i])
    return [i for line in lines for i in sorted(line, key=lambda i: boxes[i].sides[1])]


def _middle(box: DrawnBox) -> float:
    return box.sides[0] + box.sides[2] / 2


def read_attributes(box: DrawnBox, notes: list[str]) -> dict[str, Any]:
    """Collect what is said of a field, as the file of a form has it.

    Parameters
    ----------
    box : DrawnBox
        What its tool, its label and a text say. A label that is a kind of field says
        that.

    notes : list of str
        Attributes that no field has are added to it, for a tool may have others.

    Returns
    -------
    said : dict of str to object
        By the keys of a field, without its name and its box. A key that stood in a
        label is kept even if no field has it.
    """
    said: dict[str, Any] = {}
    label = box.label.strip().lower()
    if label in _KINDS:
        said["kind"] = label
    for key, value in box.attributes.items():
        if key in _OWN_KEYS:
            said[key] = _convert(key, value)
        elif key not in _OF_TOOLS and not (label in _KINDS and isinstance(value, str)):
            note = f"the attribute {key!r} is passed over: no field has it"
            notes += [] if note in notes else [note]
    # A pair that is written out is meant, and may not be misspelt.
    said |= {key: _convert(key, value) for key, value in box.said.items()}
    unsaid = (None, *_UNSAID)
    return {k: v for k, v in said.items() if v not in unsaid and k not in _PLACED}


def _convert(key: str, value: Any) -> Any:
    """Give the text of an attribute the type that the file of a form has."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if key == "kind":
        return text.lower()
    if key in ("digits", "minimum", "maximum") and re.fullmatch(r"-?\d{1,30}", text):
        return int(text)
    if key == "length" and text:
        numbers = [int(each) for each in re.findall(r"\d{1,9}", text)]
        return numbers[0] if len(numbers) == 1 else numbers
    if key == "choices" and text:
        return re.findall(r"[^\s,;|\[\]'\"]+", text)
    if key == "check_digit" and text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text

"""The JSON files of forms: reading, writing, and saying what is wrong with one."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from lenet_sklearn.outputs import check_readable, read_rows, write_whole
from pipelines.forms.field import MOST_BOXES
from pipelines.forms.notation import is_number


class FormError(ValueError):
    """A form cannot be used; says which file and field, and why, in one line."""


# What a key wants, where pydantic's own words are those of a programmer.
_WANTED = {
    "blank": "the path of a scan, relative to the folder of this file",
    "box": "four whole numbers of pixels, [top, left, height, width], of which the"
    " last two are above 0",
    "check_digit": "'luhn', 'mod11', 'mod11,10', 'mod97-10', 'verhoeff' or 'damm', or"
    " an object with a list of 'weights' and a 'modulus', which is 10 or 11",
    "choices": "a list of strings of digits, or an object with a 'file' and a 'column',"
    " which are names",
    "date": "such as 'DDMMYYYY'",
    "earliest": "a date such as '2020-01-31'",
    "digits": f"the number of boxes, a whole number from 1 to {MOST_BOXES}",
    "fields": "a list of at least one field",
    "filled": "'ticked' or 'corrected'",
    "kind": "'comb', 'line', 'box', 'code', 'mark' or 'choice'",
    "latest": "a date such as '2029-12-31'",
    "length": "a number of digits above 0, or a list of the least and the most",
    "maximum": "a whole number",
    "minimum": "a whole number",
    "options": "a list of values, or of objects with a 'value' and a 'box', which is"
    " [top, left, height, width]",
    "pattern": "what the code says, such as 'SHEET-*-1'",
    "several": "true or false",
    "sums": "a list of objects with a 'total', which is a name, and 'parts', which"
    " is a list of names",
}

# A longer value than this makes a message that is no longer one line.
_SHOWN = 60


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : Path
        The file, UTF-8 with or without a byte order mark.

    Returns
    -------
    content : dict
        The object.

    Raises
    ------
    FormError
        If it cannot be read or holds anything else, with line and column.
    """
    content = parse_json(path)
    if not isinstance(content, dict):
        raise FormError(f'{path}: must hold an object, {{"version": 1, "fields": ...}}')
    return content


def parse_json(path: Path) -> Any:
    """Read a file that holds JSON of any kind.

    Parameters
    ----------
    path : Path
        The file, UTF-8 with or without a byte order mark.

    Returns
    -------
    content : object
        What it holds.

    Raises
    ------
    FormError
        If it cannot be read or is no JSON, with line and column.
    """
    text = read_text(path, "JSON")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise FormError(f"{path}: {place}: is not JSON: {error.msg}") from None
    except ValueError:  # Python's limit of digits, for the time they take
        place = _place_of_number(text)
        raise FormError(f"{path}: {place}: a number has too many digits") from None
    except RecursionError:
        raise FormError(f"{path}: is no form, it is nested too deeply") from None


def read_text(path: Path, kind: str) -> str:
    """Read a file of text.

    Parameters
    ----------
    path : Path
        The file, UTF-8 with or without a byte order mark.

    kind : str
        What it should be, such as JSON.

    Returns
    -------
    text : str
        All of it.

    Raises
    ------
    FormError
        If it cannot be read or does not hold text.
    """
    try:
        check_readable(path)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FormError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormError(f"{path}: is no {kind} file, it does not hold text") from None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object to a file as JSON, each field on a line of its own.

    Parameters
    ----------
    path : Path
        The file; one that exists is replaced as a whole or not at all.

    content : mapping
        Its lists are written with one entry a line, so that a user can rename
        the fields of a form in a column.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "form.json")
    ...     write_json(path, {"version": 1, "fields": [{"name": "a"}, {"name": "b"}]})
    ...     print(path.read_text(), end="")
    {
      "version": 1,
      "fields": [
        {"name": "a"},
        {"name": "b"}
      ]
    }
    """
    lines = ",\n".join(f"  {json.dumps(k)}: {_layout(v)}" for k, v in content.items())
    write_whole(path, f"{{\n{lines}\n}}\n".encode())


def load_choices(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    r"""Put the columns of CSV files in place of where a form names them as choices.

    Parameters
    ----------
    content : mapping
        What the file of a form holds.

    path : Path
        That file. CSV files are named from its folder.

    Returns
    -------
    content : dict
        The same, with lists of choices only. What is no form is left as it is.

    Raises
    ------
    FormError
        If a file cannot be read, has no such column, or a cell is not of digits.

    Examples
    --------
    >>> import tempfile
    >>> field = {"name": "id", "choices": {"file": "ids.csv", "column": "id"}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "ids.csv").write_text("id,room\n007,12\n")
    ...     load_choices({"fields": [field]}, Path(folder, "form.json"))
    {'fields': [{'name': 'id', 'choices': ('007',)}]}
    """
    fields = content.get("fields")
    if not isinstance(fields, list):
        return dict(content)
    return {**content, "fields": [_with_choices(field, path) for field in fields]}


def draft_images(output: Path) -> tuple[Path, Path]:
    """Name the images that drafting a form writes beside its file.

    Parameters
    ----------
    output : Path
        The JSON file of the form.

    Returns
    -------
    picture, copy : Path
        The picture of the fields, and the blank page.

    See Also
    --------
    pipelines.forms.drafting.write_draft : Writes them.

    Examples
    --------
    >>> [path.name for path in draft_images(Path("form.json"))]
    ['form.png', 'form.blank.png']
    """
    return output.with_suffix(".png"), output.with_suffix(".blank.png")


def explain(error: pydantic.ValidationError, content: object) -> str:
    """Put pydantic's first finding in the words of a form.

    Parameters
    ----------
    error : pydantic.ValidationError
        Raised by a form's model.

    content : object
        What the model was to be made of; fields are named from it.

    Returns
    -------
    words : str
        One line: the field, the key and the reason.
    """
    finding = error.errors()[0]
    loc = finding["loc"]
    words = []
    if loc[:1] == ("fields",) and len(loc) > 1:
        # Named as well as its mistake allows.
        name = _value_at(content, ("fields", loc[1], "name"))
        named = isinstance(name, str) and name
        words.append(f"field {name!r}" if named else f"field no. {int(loc[1]) + 1}")
        loc = loc[2:]
    # What follows the key names an arm of a union or a place in a tuple.
    if loc:
        words.append(str(loc[0]))
    return ": ".join([*words, _reason(finding, content)])


def _with_choices(field: Any, path: Path) -> Any:
    """Read the choices of a field, if it names a column."""
    named = field.get("choices") if isinstance(field, Mapping) else None
    if not isinstance(named, Mapping) or set(named) != {"file", "column"}:
        return field
    file, column = named["file"], named["column"]
    if not (isinstance(file, str) and isinstance(column, str)):
        return field
    try:
        return {**field, "choices": _read_column(path.parent / file, column)}
    except ValueError as error:
        where = f"{path}: field {field.get('name')!r}: choices"
        raise FormError(f"{where}: {error}") from None


def _read_column(path: Path, column: str) -> tuple[str, ...]:
    """Read the values of a column, each once."""
    names, rows = read_rows(path)
    if names.count(column) != 1:
        known = ", ".join(map(repr, names))
        raise ValueError(
            f"{path} has {names.count(column)} columns {column!r}, not one. It has"
            f" {known or 'none'}"
        )
    values = []
    for line, row in rows:
        value = (row[column] or "").strip()
        if value and not is_number(value):
            raise ValueError(
                f"{path}: line {line}: {value!r} is not a string of digits"
            )
        values.append(value)
    return tuple(dict.fromkeys(filter(None, values)))


def _place_of_number(text: str) -> str:
    """Say where a number stands that has too many digits."""
    most = sys.get_int_max_str_digits()
    found = re.search(rf"\d{{{most + 1}}}", text)
    start = found.start() if found else 0
    line, before = text.count("\n", 0, start) + 1, text.rfind("\n", 0, start)
    return f"line {line}, column {start - before}"


def _layout(value: object) -> str:
    """Write a value, a list of objects with one of them a line."""
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    entries = ",\n".join(f"    {json.dumps(v, ensure_ascii=False)}" for v in value)
    return f"[\n{entries}\n  ]"


def _value_at(content: object, loc: tuple[int | str, ...]) -> object:
    """Follow keys and indices into JSON; None where they lead nowhere."""
    value: Any = content
    for step in loc:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _reason(finding: Any, content: object) -> str:
    """Describe what was expected and what came."""
    kind, loc = finding["type"], finding["loc"]
    if kind == "value_error":
        return str(finding["ctx"]["error"])
    # What a list lacks has a number, and the list is what is to be mended.
    if kind == "missing" and isinstance(loc[-1], str):
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a key of a form; is it misspelt?"
    in_field = loc[0] == "fields" and len(loc) > 2
    key_loc = loc[: 3 if in_field else 1]
    got = json.dumps(_value_at(content, key_loc), default=str, ensure_ascii=False)
    got = got if len(got) <= _SHOWN else f"{got[:_SHOWN]}..."
    wanted = _WANTED.get(str(key_loc[-1]))
    if loc[0] == "fields" and len(loc) == 2:
        return "must be an object with a name"
    if wanted is None:
        return f"{finding['msg'].replace('Input should', 'must')}. Got {got}"
    return f"must be {wanted}. Got {got}"

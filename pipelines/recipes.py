"""Ready grids for searches over readers of fields, by the question that they answer.

A grid is what scikit-learn takes: a dictionary from names of parameters of
:func:`pipelines.make_field_reader` to lists of values, or a list of such. Searches over
pages put ``field_reader__`` before the names. Two things are more than that, so that
grids can be read from a file: ``{"model": name}`` stands for the model of that name,
and ``n_labelled`` for the number of labelled samples that are learned from.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from lenet_sklearn import LeNet5Classifier
from lenet_sklearn.models.registry import load_model
from lenet_sklearn.outputs import check_readable
from lenet_sklearn.parameters import is_net_parameter
from lenet_sklearn.recipes import GRIDS as GLYPH_GRIDS
from pipelines.models import holds_line_reader, load_line_reader

Kind: TypeAlias = Literal["lines", "combs", "glyphs"]
Grid: TypeAlias = list[dict[str, list[Any]]]

# How many samples are learned from; a parameter of the search, not of a reader.
N_LABELLED: Final = "n_labelled"

_VOTE: Final = "read__line_reader__"
_SLIDING: Final = f"{_VOTE}sliding_reader__"
_CUTTING: Final = f"{_VOTE}cutting_reader__"

# A few passes bring most of what many bring, in a tenth of the time.
_FEW: Final[dict[str, list[Any]]] = {
    f"{_SLIDING}max_epochs": [5],
    f"{_CUTTING}max_epochs": [4],
}

# What cleans a field: all steps, and each left out.
_CLEANING: Final[Grid] = [
    {},
    {"despeckle": ["passthrough"]},
    {"flatten": ["passthrough"]},
    {"despeckle": ["passthrough"], "flatten": ["passthrough"]},
]

# What takes print out of free writing: frames and walls, ruling lines besides, nothing.
_LINE_REMOVAL: Final[Grid] = [
    {},
    {"read__rules__ruling": [True]},
    {"read__rules": ["passthrough"]},
]

# Half as much of everything as "writing" has, and nothing.
_HALF: Final = {
    "width": 0.1,
    "height": 0.06,
    "slant": 0.15,
    "shift": 1.0,
    "bend": 0.75,
    "thickness": 0.2,
    "contrast": 0.15,
}
_NONE: Final = dict.fromkeys(_HALF, 0.0)

_SIZES: Final = [25, 50, 100, 200, 400, 800]

LINE_GRIDS: Final[Mapping[str, Grid]] = MappingProxyType(
    {
        "cleaning": [{**part, **_FEW} for part in _CLEANING],
        "cutting": [{**_FEW, f"{_CUTTING}most_ink": [0.3, 0.6, 0.9]}],
        "distortion": [{**_FEW, f"{_SLIDING}distortion": [_NONE, _HALF, "writing"]}],
        "labels": [{**_FEW, N_LABELLED: _SIZES}],
        "line_removal": [{**part, **_FEW} for part in _LINE_REMOVAL],
        "network": [
            {
                "read__line_reader": [
                    {"model": name} for name in ("lenet5", "lenet5_dense", "wide")
                ],
                f"{_VOTE}max_epochs": [10],
            }
        ],
        "quick": [{**_FEW, f"{_SLIDING}max_epochs": [5, 20]}],
    }
)

COMB_GRIDS: Final[Mapping[str, Grid]] = MappingProxyType(
    {
        "cleaning": _CLEANING,
        "cutting": [
            {
                "read__cutter__touching": [0.2, 0.3, 0.45],
                "read__cutter__faintest": [230, 248],
            }
        ],
        "distortion": [{"read__distortion": ["affine", "writing"]}],
        "labels": [{N_LABELLED: _SIZES}],
        "network": [
            {"read__classifier": [{"model": name} for name in ("boxes", "forms")]}
        ],
        "quick": [{"read__max_epochs": [5, 10], "read__lr": [3e-4, 1e-3]}],
    }
)

_GRIDS: Final[Mapping[Kind, Mapping[str, Grid]]] = MappingProxyType(
    {"lines": LINE_GRIDS, "combs": COMB_GRIDS, "glyphs": GLYPH_GRIDS}
)


def find_grid(name: str, kind: Kind) -> Grid:
    """Look a grid up by its name, or read it from a file.

    Parameters
    ----------
    name : str
        One of the names here, or the path of a file that ends in ``.toml``: a table
        ``[grid]``, or several ``[[grid]]``, from parameters to lists of values.

    kind : {"lines", "combs", "glyphs"}
        What is read: free writing, rows of boxes, or single digits.

    Returns
    -------
    grid : list of dicts of str to list
        For :class:`sklearn.model_selection.GridSearchCV`. Models are loaded.

    Raises
    ------
    ValueError
        If there is no such grid, or the file holds none.

    Examples
    --------
    >>> from pipelines.recipes import find_grid
    >>> find_grid("quick", "combs")
    [{'read__max_epochs': [5, 10], 'read__lr': [0.0003, 0.001]}]
    """
    grids = _GRIDS[kind]
    if name in grids:
        grid = grids[name]
    elif name.endswith(".toml"):
        grid = _read_grid(Path(name))
    else:
        raise ValueError(
            f"There is no grid {name!r}. There are {', '.join(sorted(grids))}, or name"
            " a file that ends in .toml."
        )
    return [
        {param: [_resolve(value) for value in values] for param, values in part.items()}
        for part in grid
    ]


def check_grid(grid: Grid, estimator: Any) -> None:
    """Refuse a grid that an estimator does not take, before any work.

    Parameters
    ----------
    grid : list of dicts of str to list
        As of :func:`find_grid`.

    estimator : estimator
        Whose parameters it names.

    Raises
    ------
    ValueError
        If it names a parameter that there is not, and which there is that is written
        alike; or if the part of the estimator that has a parameter refuses a value.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> from pipelines.recipes import check_grid
    >>> check_grid([{"read__lr": [0.001, "fast"]}], make_field_reader())
    Traceback (most recent call last):
      ...
    ValueError: The grid has 'fast' for read__lr. The 'lr' parameter of FieldReader ...
    """
    params = list(estimator.get_params())
    for part in grid:
        for name in part:
            inside = any(name.startswith(f"{other}__") for other in part)
            of_net = isinstance(estimator, LeNet5Classifier) and is_net_parameter(name)
            if not (name in (N_LABELLED, *params) or inside or of_net):
                close = difflib.get_close_matches(name, params, 1, 0.0)
                raise ValueError(
                    f"The grid names {name!r}, which is no parameter. Did you mean"
                    f" {', '.join(close)}?"
                )
        for name, values in part.items():
            for value in values:
                _check_value(estimator, part, name, value)


def _check_value(
    estimator: Any, part: Mapping[str, Any], name: str, value: Any
) -> None:
    if name == N_LABELLED:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(
                f"The grid has {value!r} for {name}, which expects whole numbers from"
                " 1 on."
            )
        return
    # A part that the grid itself puts in has the parameters of that.
    held = {n: values[0] for n, values in part.items() if name.startswith(f"{n}__")}
    try:
        filled = clone(estimator).set_params(**held, **{name: value})
        _validate_owner(filled, name.split("__"), value)
    except (TypeError, ValueError) as error:
        is_model = isinstance(value, str) and name.endswith(("reader", "classifier"))
        hint = ' A model is written {model = "wide"}.' if is_model else ""
        raise ValueError(f"The grid has {value!r} for {name}. {error}{hint}") from error


def _validate_owner(estimator: Any, path: Sequence[str], value: Any) -> None:
    """Have the innermost part that a parameter is of look at it."""
    params = {"": estimator, **estimator.get_params()}
    owners = [params.get("__".join(path[:n])) for n in range(len(path))]
    # Estimators of other projects may say nothing of what they take.
    told = (o for o in reversed(owners) if hasattr(o, "_parameter_constraints"))
    owner = next(told, None)
    if owner is None:
        return
    if not isinstance(owner, Pipeline):
        owner._validate_params()
    elif path[-1] in owner.named_steps and not (
        value in (None, "passthrough") or hasattr(value, "fit")
    ):
        raise ValueError(f"The step {path[-1]} may be left out by 'passthrough'.")


def _resolve(value: Any) -> Any:
    """Load the model that a value stands for."""
    if not (isinstance(value, Mapping) and set(value) == {"model"}):
        return value
    model = value["model"]
    if not isinstance(model, str):
        raise ValueError(f"A model is named by a string. Got model = {model!r}.")
    return load_line_reader(model) if holds_line_reader(model) else load_model(model)


def _read_grid(path: Path) -> Grid:
    try:
        check_readable(path)
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    grid = content.get("grid")
    parts = [grid] if isinstance(grid, dict) else grid
    if set(content) != {"grid"} or not isinstance(parts, list) or not parts:
        raise ValueError(f"{path} expects one table, [grid], or several, [[grid]].")
    for part in parts:
        if not isinstance(part, dict):
            raise ValueError(f"{path} expects tables, [[grid]]. Got {part!r}.")
        for name, values in part.items():
            if not isinstance(values, list) or not values:
                example = "0.001, 0.003" if values == [] else repr(values)
                raise ValueError(
                    f"{path} expects a list of values for {name}. Got {values!r}. Write"
                    f" {name} = [{example}]."
                )
    return parts

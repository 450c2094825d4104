"""The plan of the two packages: rooms in order, small functions, few private names."""

import ast
import io
import tokenize
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("lenet_sklearn", "pipelines")

# Rooms of pipelines in the order in which the data meets them. A room imports those of
# lines above its own only; those of one line do not import each other.
ORDER = (
    ("memory",),
    ("images", "outcomes", "web"),
    ("scans",),
    ("pages",),
    ("fields",),
    ("glyphs",),
    ("lines",),
    ("forms",),
    ("readers",),
    ("models",),
    ("recipes",),
    ("scoring",),
    ("runs",),
    ("review",),
    ("plotting",),
    ("training",),
    ("cli",),
)

# It draws filled-in forms, and strips as `lines` normalises them, for training and the
# demo: what reads must not import it, nor it what reads.
DRAWING = "drawing"
DRAWING_IMPORTS = {"images", "lines", "forms"}

MOST_MODULES = 236
LONGEST_BODY = 40
MOST_PARAMETERS = 8
MOST_OF_A_CONSTRUCTOR = 25


def _read_modules():
    """Parse all modules of the two packages, by their dotted names."""
    modules = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            source = path.read_text(encoding="utf-8")
            modules[".".join(parts).removesuffix(".__init__")] = source
    return modules


MODULES = _read_modules()
TREES = {name: ast.parse(source) for name, source in MODULES.items()}


def _imported(tree):
    """List the modules that a module imports, in functions too, not for types only."""
    statements = [tree]
    while statements:
        node = statements.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            statements += node.orelse
        else:
            statements += ast.iter_child_nodes(node)


def _longest_known(name):
    """Name the module that holds what is imported; None for other packages."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def _room(module):
    """Name the folder of a module; a module that lies in no folder is its own room."""
    parts = module.split(".")
    return ".".join(parts[:2])


def _arrows(place=_room):
    """List which rooms import which, without those that an `__init__` gathers."""
    arrows = defaultdict(set)
    for name, tree in TREES.items():
        for other in map(_longest_known, _imported(tree)):
            if other in (None, *PACKAGES) or name in PACKAGES:
                continue
            arrows[place(name)].add(place(other))
        arrows[place(name)].discard(place(name))
    return arrows


def _level(room):
    """Return the place of a room of pipelines in their order."""
    return next((n for n, row in enumerate(ORDER) if room in row), None)


def _own_lines(source, function):
    """Count the lines of a body that are neither blank, comment nor docstring."""
    first, *_ = body = function.body
    if ast.get_docstring(function) is not None and len(body) > 1:
        first = body[1]
    skipped = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
    }
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines & set(range(first.lineno, function.end_lineno + 1)))


def _functions():
    """Yield every function with the name of its module and the source of that."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node


def _n_parameters(function):
    arguments = function.args
    names = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        *filter(None, (arguments.vararg, arguments.kwarg)),
    ]
    return len([each for each in names if each.arg not in ("self", "cls")])


@pytest.mark.parametrize("place", [_room, lambda module: module], ids=["rooms", "all"])
def test_imports_run_in_no_circle(place):
    try:
        TopologicalSorter(_arrows(place)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_the_classifier_imports_nothing_of_the_pipelines():
    arrows = _arrows(lambda module: module.partition(".")[0])
    assert "pipelines" not in arrows["lenet_sklearn"]


def test_every_room_of_the_pipelines_has_its_place_in_the_order():
    rooms = {_room(name) for name in MODULES} - set(PACKAGES)
    own = {room.removeprefix("pipelines.") for room in rooms if "pipelines." in room}
    assert own - {DRAWING} == {room for row in ORDER for room in row}


def test_no_room_of_the_pipelines_imports_upwards():
    upwards = [
        f"{room} -> {other}"
        for room, others in _arrows().items()
        for other in others
        if _is_upwards(*(r.removeprefix("pipelines.") for r in (room, other)))
    ]
    assert upwards == []


def _is_upwards(room, other):
    if other == DRAWING:
        return room not in ("training", "cli")
    if room == DRAWING:
        return not other.startswith("lenet_sklearn") and other not in DRAWING_IMPORTS
    below, above = _level(other), _level(room)
    return below is not None and above is not None and below >= above


def test_modules_are_few():
    assert len(MODULES) <= MOST_MODULES


def test_functions_are_short():
    lengths = {
        f"{name}.{function.name}": _own_lines(MODULES[name], function)
        for name, function in _functions()
        if function.end_lineno - function.lineno > LONGEST_BODY
    }
    assert {f: n for f, n in lengths.items() if n > LONGEST_BODY} == {}


def test_functions_take_few_parameters():
    many = {}
    for name, function in _functions():
        is_constructor = function.name == "__init__"
        most = MOST_OF_A_CONSTRUCTOR if is_constructor else MOST_PARAMETERS
        if _n_parameters(function) > most:
            many[f"{name}.{function.name}"] = _n_parameters(function)
    assert many == {}


PRIVATE_NAMES_OF_SCIKIT_LEARN = "lenet_sklearn.parameters"


def _is_private(name):
    parts = name.split(".")
    return parts[0] == "sklearn" and any(
        part.startswith("_") and not part.startswith("__") for part in parts
    )


def test_private_names_of_scikit_learn_are_imported_in_one_module():
    importing = [
        name for name, tree in TREES.items() if any(map(_is_private, _imported(tree)))
    ]
    assert importing == [PRIVATE_NAMES_OF_SCIKIT_LEARN]


def test_private_names_of_scikit_learn_are_still_there():
    for name in filter(_is_private, _imported(TREES[PRIVATE_NAMES_OF_SCIKIT_LEARN])):
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), (
            f"scikit-learn has no {name} any more: change lenet_sklearn/parameters.py,"
            " and the versions of scikit-learn that pyproject.toml allows"
        )


def test_what_counts_as_an_import():
    source = (
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
        "def f():\n    from c.d import e\n    from sklearn.utils._x import y\n"
    )
    assert set(_imported(ast.parse(source))) == {"b", "c.d.e", "sklearn.utils._x.y"}
    assert _is_private("sklearn.utils._x.y")
    assert not _is_private("sklearn.utils.validation.check_is_fitted")


def test_what_counts_as_the_body_of_a_function():
    source = (
        'def f(a, *b, c, **d):\n    """One\n    two."""\n\n    # why\n    return a\n'
    )
    [function] = ast.parse(source).body
    assert _own_lines(source, function) == 1
    assert _n_parameters(function) == 4

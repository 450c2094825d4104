"""What the words given to ``lenet`` stand for: forms, scans, models and readers."""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.scans.find import (
    ScanError,
    find_passed,
    find_scans,
    printable,
    real_path,
)

if TYPE_CHECKING:
    from pipelines.cli.options import DecidingOptions
    from pipelines.forms.field import Field
    from pipelines.forms.pile import Pile
    from pipelines.scoring.ruled import RuledBatch

# What a reader accepts from, unless the user or a rule decides.
_THRESHOLD = 0.9

# Files that a message names.
_MOST_NAMES = 3


def say(text: object) -> None:
    """Print a report; of names in it nothing reaches a terminal that steers it.

    Parameters
    ----------
    text : object
        Whose string has one line or more.
    """
    try:
        print("\n".join(map(printable, str(text).split("\n"))), flush=True)
    except BrokenPipeError:  # nobody reads on: the work and its status stay
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str) -> None:
    """Print a line to stderr, in which names may hold anything.

    Parameters
    ----------
    text : str
        What is to be known, without the name of the program.
    """
    print(printable(f"lenet: {text}"), file=sys.stderr)


def choose_pile(
    forms: Sequence[Path], combs: Sequence[str], grids: Sequence[str] = ()
) -> "Pile":
    """Return the form, or the forms, that the options of a command stand for.

    Parameters
    ----------
    forms : sequence of Path
        The files of forms, and folders of them.

    combs : sequence of str
        Comb fields, each as ``NAME=N``.

    grids : sequence of str, default=()
        Grids, each as ``NAME=ROWSxCOLUMNS``.

    Returns
    -------
    pile : Pile
        Of one form, or of several.

    Raises
    ------
    typer.BadParameter
        If there is neither or both, or a comb is not as it should be.

    FormError
        If a form cannot be used.
    """
    from pipelines.forms.form import Form
    from pipelines.forms.pile import Pile, PiledForm

    named = [*combs, *grids]
    if not forms and not named:
        raise typer.BadParameter(
            "Say what to read: either --form FILE or --comb NAME=N, or --grid"
            " NAME=ROWSxCOLUMNS"
        )
    if forms and named:
        option = "--comb NAME=N" if combs else "--grid NAME=ROWSxCOLUMNS"
        raise typer.BadParameter(
            f"Say what to read by --form FILE or by {option}, not by both"
        )
    if not forms:
        form = Form.from_combs(_parse_combs(combs), _parse_grids(grids))
        return Pile(forms=(PiledForm(name="combs", pages=(form,)),))
    pile = Pile.from_files(forms)
    if pile.is_mixed:
        pile.check_known_again()
    return pile


def _parse_grids(grids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Read the names of grids, and how many rows and columns they have."""
    from pipelines.forms.field import MOST_BOXES  # it takes a while

    sizes: dict[str, tuple[int, int]] = {}
    for text in grids:
        name, _, size = text.rpartition("=")
        rows, _, columns = size.lower().replace("×", "x").partition("x")  # noqa: RUF001
        if not (name and rows.isdecimal() and columns.isdecimal()):
            raise typer.BadParameter(
                f"--grid expects NAME=ROWSxCOLUMNS, such as sudoku=9x9. Got {text!r}"
            )
        if name in sizes:
            raise typer.BadParameter(
                f"--grid names {name} twice. Give each grid a name of its own"
            )
        sizes[name] = int(rows), int(columns)
        if not all(2 <= n <= MOST_BOXES for n in sizes[name]):
            raise typer.BadParameter(
                f"--grid {text}: a grid has 2 to {MOST_BOXES} rows, and as many"
                " columns. A single row of boxes is a --comb"
            )
    return sizes


def _parse_combs(combs: Sequence[str]) -> dict[str, int]:
    """Read the names of combs and how many boxes they have."""
    from pipelines.forms.field import MOST_BOXES  # it takes a while

    numbers: dict[str, int] = {}
    for text in combs:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise typer.BadParameter(
                f"--comb expects NAME=N, such as student_id=9. Got {text!r}"
            )
        if name in numbers:
            raise typer.BadParameter(
                f"--comb names {name} twice. Give each comb a name of its own"
            )
        numbers[name] = int(number)
        if not 1 <= numbers[name] <= MOST_BOXES:
            raise typer.BadParameter(
                f"--comb {text}: a comb has 1 to {MOST_BOXES} boxes."
                " Count those that are printed in a row"
            )
    return numbers


def load_reading_model(model: str) -> dict[str, Any]:
    """Load what ``--model`` names, as the argument of a reader.

    Parameters
    ----------
    model : str
        A file, or the name of a model that ships with the package.

    Returns
    -------
    argument : dict
        A `line_reader` of strings, or a fitted `classifier` of characters, and
        `settings` if it brings some: of :func:`pipelines.make_field_reader`. None for
        the classifier that a reader
        takes by default, which is loaded when it is first used.

    Raises
    ------
    typer.BadParameter
        If there is no such model.

    ValueError
        If the file holds no model.
    """
    from pipelines.readers.comb import SHIPPED

    if model == SHIPPED:
        return {}
    from lenet_sklearn.models.registry import load_model
    from pipelines.models import holds_line_reader, load_line_reader, settings_of

    check_model(model)
    settings = settings_of(model)
    own: dict[str, Any] = {"settings": settings} if settings else {}
    if holds_line_reader(model):
        return {"line_reader": load_line_reader(model), **own}
    return {"classifier": load_model(model), **own}


def make_reader_of(model: str, **params: Any) -> Any:
    """Make a reader of fields that reads with what ``--model`` names.

    Parameters
    ----------
    model : str
        A file, or the name of a model that ships with the package.

    **params : dict
        As for :func:`pipelines.make_field_reader`.

    Returns
    -------
    reader : Pipeline

    Raises
    ------
    typer.BadParameter
        If there is no such model.
    """
    from pipelines.readers import make_field_reader

    return make_field_reader(**load_reading_model(model), **params)


def free_field(characters: str | None, digits: int | None) -> "Field | None":
    """Make the field that images of free writing with signs are of.

    Parameters
    ----------
    characters : str or None
        What ``--characters`` names.

    digits : int or None
        What ``--digits`` names: boxes, which hold no signs.

    Returns
    -------
    field : Field or None
        None where no characters are named.

    Raises
    ------
    typer.BadParameter
        If they cannot be read, or boxes are named besides.
    """
    if characters is None:
        return None
    from pipelines.forms.form import Form, FormError

    if digits is not None:
        raise typer.BadParameter("--characters is of free writing, --digits of boxes")
    named = {"name": "value", "kind": "line", "characters": characters}
    try:
        return Form._validated({"fields": [named]}, "--characters").fields[0]
    except FormError as error:
        raise typer.BadParameter(str(error)) from None


def find_rules(
    deciding: "DecidingOptions", model: str, kinds: Collection[str]
) -> "RuledBatch | None":
    """Find the acceptance rules that ``--max-error`` or ``--rule`` asks for.

    Parameters
    ----------
    deciding : DecidingOptions
        What the user wants.

    model : str
        What ``--model`` names.

    kinds : collection of {"comb", "line", "box", "mark", "choice"}
        Kinds of the fields that are read.

    Returns
    -------
    batch : RuledBatch or None
        None where a threshold decides.

    Raises
    ------
    typer.BadParameter
        If a threshold is given besides, a model brings no rule for these fields, or
        nothing would be accepted.

    ValueError
        If a rule cannot be read, or `max_error` is no share.
    """
    if deciding.rule is None and deciding.max_error is None:
        return None
    if deciding.threshold is not None:
        raise typer.BadParameter(
            "--threshold is what a rule chooses. Give it, or --max-error and --rule"
        )
    from lenet_sklearn.acceptance import AcceptanceRule
    from pipelines.scoring.ruled import RuledBatch

    if deciding.rule is not None:
        rule = AcceptanceRule.from_file(deciding.rule)
        combs: AcceptanceRule | None = rule
        lines: AcceptanceRule | None = rule
    else:
        combs, lines = _rules_of_models(model, kinds)
    if deciding.max_error is not None:
        known = {
            id(r): r.with_max_error(deciding.max_error) for r in (combs, lines) if r
        }
        combs, lines = known.get(id(combs)), known.get(id(lines))
    batch = RuledBatch(combs, lines)
    if batch.threshold > 1:
        [reason, *_] = [str(rule) for rule in (combs, lines) if rule]
        raise typer.BadParameter(
            f"nothing would be accepted: {' '.join(reason.split())}"
        )
    return batch


def _rules_of_models(model: str, kinds: Collection[str]) -> "list[Any]":
    """Return the rules for boxes and for free writing; None where not needed."""
    from pipelines.models import VOTE, holds_line_reader, rule_of
    from pipelines.readers.comb import SHIPPED

    check_model(model)
    models = (SHIPPED, model) if holds_line_reader(model) else (model, VOTE)
    rules = [rule_of(name) for name in models]
    needed = "comb" in kinds, bool({"line", "box"} & set(kinds))
    for name, rule, is_needed in zip(models, rules, needed, strict=True):
        if is_needed and rule is None:
            raise typer.BadParameter(
                f"the model {name} brings no acceptance rule. Fit one with lenet"
                " calibrate, and name it by --rule"
            )
    return rules


def threshold_of(deciding: "DecidingOptions", batch: "RuledBatch | None") -> float:
    """Return the confidence below which a reader is to reject values.

    Parameters
    ----------
    deciding : DecidingOptions
        What the user wants.

    batch : RuledBatch or None
        As of :func:`find_rules`.

    Returns
    -------
    threshold : float
    """
    if batch is not None:
        return batch.threshold
    return _THRESHOLD if deciding.threshold is None else deciding.threshold


def say_rules(batch: "RuledBatch | None") -> None:
    """Print what the rules promise, and to stderr what speaks against it.

    Parameters
    ----------
    batch : RuledBatch or None
        After the results have gone by.
    """
    if batch is None:
        return
    for promise in batch.promises():
        say(f"Rule: {promise}")
    for doubt in batch.doubts():
        warn(f"warning: {doubt}")


def use_one_thread() -> None:
    """Keep to one thread a process: more only cost time on images this small.

    To be called before numpy and torch are imported, which take the number over then.
    A process that has one thread can also be forked, to read pages.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import cv2

    cv2.setNumThreads(1)


def check_model(model: str) -> None:
    """Check that there is a model of this name.

    Parameters
    ----------
    model : str
        A file, or the name of a model that ships with the package.

    Raises
    ------
    typer.BadParameter
        If there is no such file.
    """
    from lenet_sklearn.models.files import (
        model_path,
        shipped_models,
        shipped_recognizers,
        shipped_segmenters,
    )
    from pipelines.models import VOTE

    if model == VOTE or model_path(model).is_file():
        return
    shipped = " or ".join(
        [*shipped_models(), *shipped_recognizers(), *shipped_segmenters(), VOTE]
    )
    raise typer.BadParameter(
        f"there is no model file {model}. Give one that `lenet train` wrote, or"
        f" {shipped}"
    )


def find_inputs(
    paths: Sequence[str],
    outputs: Sequence[Path],
    *,
    model: str,
    others: Sequence[Path | None] = (),
    exclude: Path | None = None,
) -> list[Path]:
    """List the scans to read, and refuse to write a table over what is read.

    Parameters
    ----------
    paths : sequence of str
        As for :func:`pipelines.scans.find.find_scans`.

    outputs : sequence of Path
        The tables.

    model : str
        What ``--model`` names.

    others : sequence of Path or None, default=()
        Further files that the command reads, and files that belong to those. They
        are scans only if `paths` names them one by one.

    exclude : Path, default=None
        A folder whose files are not scans.

    Returns
    -------
    files : list of Path

    Raises
    ------
    typer.BadParameter
        If a table is one of the scans, the model, or one of the others.

    ScanError
        If a path stands for no scan.
    """
    passed = find_passed(paths)
    _report_files("passed over, of a kind that is not read", passed.other_kinds)
    _report_files("passed over, no regular files", passed.not_regular)
    files = find_scans(paths, exclude=exclude)
    files, own = _separate(files, others, named=paths)
    _report_files("left out, as parts of the form", own)
    if not files:
        raise ScanError(
            f"{' '.join(paths)}: no scans, only parts of the form. Name a folder with"
            " pages that are filled in"
        )
    written = {os.path.realpath(output): output for output in outputs}
    read = (os.path.realpath(file) for file in [*files, *others] if file is not None)
    clashing = [written[path] for path in read if path in written]
    clashing += [output for output in outputs if _is_model_file(model, output)]
    if clashing:
        raise typer.BadParameter(
            f"{clashing[0]} is one of the files to read, and would be written over."
            " Name another file for the table"
        )
    return files


def check_outputs(
    output: Path | None, others: Sequence[Path] = (), *, force: bool
) -> None:
    """Refuse, before any work, what cannot be written or would replace what is there.

    Parameters
    ----------
    output : Path or None
        The file that the command is to write.

    others : sequence of Path, default=()
        Files that it writes besides, in folders that need not be there.

    force : bool
        Whether the user wants files replaced that exist.

    Raises
    ------
    OutputError
        If one cannot be written, or is there and is not to be replaced.
    """
    from lenet_sklearn.outputs import check_free, check_writable

    if output is not None:
        check_writable(output)
    if not force:
        check_free([path for path in (output, *others) if path is not None])


def _separate(
    files: Sequence[Path], others: Sequence[Path | None], *, named: Sequence[str]
) -> tuple[list[Path], list[Path]]:
    """Separate scans from other files that lie in the same folder."""
    real = {real_path(other) for other in others if other is not None}
    asked = {os.path.abspath(name) for name in named}
    own = [
        file
        for file in files
        if real_path(file) in real and os.path.abspath(file) not in asked
    ]
    return [file for file in files if file not in own], own


def _report_files(what: str, files: Sequence[Path]) -> None:
    """Print to stderr which files are not read, and why."""
    if not files:
        return
    names = ", ".join(path.name for path in files[:_MOST_NAMES])
    more = ", ..." if len(files) > _MOST_NAMES else ""
    warn(f"{what}: {names}{more} ({len(files)} file{'s' * (len(files) != 1)})")


def _is_model_file(model: str, path: Path) -> bool:
    """Return whether ``--model`` names this very file, and not a model that ships."""
    if real_path(model) != real_path(path):
        return False
    use_one_thread()
    from lenet_sklearn.models.files import model_path
    from pipelines.models import VOTE

    return model != VOTE and model_path(model) == Path(model)


def warn_of_doubts(fields: Path, truth: Path) -> None:
    """Warn before the work, which goes on, of what may be wrong with the truth.

    Parameters
    ----------
    fields, truth : Path
        As for :func:`pipelines.training.labelled.read_labelled_fields`.
    """
    from pipelines.training.labelled import doubt_values

    for doubt in doubt_values(fields, truth):
        warn(f"warning: {doubt}")

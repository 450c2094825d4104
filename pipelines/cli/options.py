"""What the commands of ``lenet`` take, and what it stands for."""

import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pipelines.forms.rules import MOST_BOXES
from pipelines.scans.find import SCAN_SUFFIXES, ScanError, find_other_images, find_scans

if TYPE_CHECKING:
    from pipelines.forms.form import Form


class Command(TyperCommand):
    """A command whose help has the names of arguments and no types of Python."""

    def get_help(self, ctx: Any) -> str:
        """Return the help, columns in line."""
        text = re.sub(r"\{(\w+)\}", r"\1", super().get_help(ctx))
        return re.sub(r" <[a-z\[\]]+>", lambda found: " " * len(found[0]), text)


def _number(
    kind: type[int] | type[float], least: float, most: float = math.inf
) -> Callable[[Any], Any]:
    """Make what turns the word after an option into a number within limits."""
    noun = "a whole number" if kind is int else "a number"
    limits = f"from {least} up" if most == math.inf else f"from {least} to {most}"

    def parse(word: Any) -> Any:
        try:
            number = kind(word)
        except ValueError:
            number = math.nan
        if not least <= number <= most or number == math.inf:
            raise typer.BadParameter(f"must be {noun} {limits}, not {word}")
        return number

    return parse


Scans = Annotated[
    list[str],
    typer.Argument(
        metavar="SCANS",
        help="Files (PNG, JPEG, WebP, BMP, TIFF, PDF), folders, or quoted patterns.",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The table to write.")
]
Jobs = Annotated[
    int,
    typer.Option(metavar="N", parser=_number(int, 1), help="Processes side by side."),
]
Pages = Annotated[
    int, typer.Option(metavar="N", parser=_number(int, 1), help="Forms to draw.")
]
Seed = Annotated[
    int,
    typer.Option(metavar="N", parser=_number(int, 0), help="Of everything random."),
]
Dpi = Annotated[
    float,
    typer.Option(
        metavar="N", parser=_number(float, 36), help="To render PDF pages at."
    ),
]
Digits = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=_number(int, 1),
        help="Boxes of each comb; else any number.",
    ),
]
Epochs = Annotated[
    int | None, typer.Option(metavar="N", parser=_number(int, 1), help="Passes.")
]
Members = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=_number(int, 1),
        help="Networks; more than one are a committee, which votes.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="A model of `lenet train`, or one that ships: forms or mnist for boxes;"
        " wide, lenet5_dense, lenet5, segments, or vote (wide with segments) for what"
        " has none, which vote reads unless another is named.",
    ),
]
Threshold = Annotated[
    float,
    typer.Option(
        metavar="P",
        parser=_number(float, 0, 1),
        help="Confidence, from 0 to 1, below which a value is rejected.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Digits: mnist, forms, digits, or a folder."),
]
Strings = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Digits to draw strings from, in place of --data."
    ),
]
Fields = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Images of fields, in place of --data."),
]
Truth = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What they say: a CSV file with file,value."),
]
Network = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="For strings wide (the default), lenet5_dense, lenet5, or segments, which"
        " cuts; for fields also vote (the default), which is wide with segments, or a"
        " file.",
    ),
]
Lines = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=_number(int, 1),
        help="Strings to draw: 200000; for segments, which learns from fewer, 16000.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the MNIST files are; else downloaded."),
]
Recipe = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Settings to train with: modern, lecun1998, avg_relu, keras_tanh,"
        " max_relu, padded_max_relu.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the classifier that differs; may be repeated.",
    ),
]
Plots = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Draw pictures here; needs lenet-sklearn[plot]."),
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps...")]

# Files that a message names.
_MOST_NAMES = 3


def choose_form(form: Path | None, combs: Sequence[str]) -> "Form":
    """Return the form that the options of a command stand for.

    Parameters
    ----------
    form : Path or None
        The file of a form.

    combs : sequence of str
        Comb fields, each as ``NAME=N``.

    Returns
    -------
    form : Form

    Raises
    ------
    typer.BadParameter
        If there is neither or both, or a comb is not as it should be.

    FormError
        If the form cannot be used.
    """
    from pipelines.forms.form import Form

    if form is None and not combs:
        raise typer.BadParameter(
            "Say what to read: either --form FILE or --comb NAME=N"
        )
    if form is not None and combs:
        raise typer.BadParameter(
            "Say what to read by --form FILE or by --comb NAME=N, not by both"
        )
    if form is not None:
        return Form.from_file(form)
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
    return Form.from_combs(numbers)


def load_reading_model(model: str) -> dict[str, Any]:
    """Load what ``--model`` names, as the argument of a reader that it is.

    Parameters
    ----------
    model : str
        A file, or the name of a model that ships with the package.

    Returns
    -------
    argument : dict
        As of :func:`pipelines.models.load_reader_parts`.

    Raises
    ------
    typer.BadParameter
        If there is no such model.

    ValueError
        If the file holds no model.
    """
    from pipelines.models import load_reader_parts

    check_model(model)
    return load_reader_parts(model)


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

    use_one_thread()
    return make_field_reader(**load_reading_model(model), **params)


def use_one_thread() -> None:
    """Keep to one thread a process: on images this small, more only cost time.

    To be called before torch is imported, which takes the number over then.
    """
    import cv2

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)


def check_model(model: str) -> None:
    """See that there is a model of this name.

    Parameters
    ----------
    model : str
        A file, or the name of a model that ships with the package.

    Raises
    ------
    typer.BadParameter
        If there is no such file.
    """
    from lenet_sklearn.models.pretrained import (
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


def check_one_source(**sources: object) -> None:
    """See that one option of several was given.

    Parameters
    ----------
    **sources : dict
        Values of the options; None for those that were not given.

    Raises
    ------
    typer.BadParameter
        If there is none, or more than one.
    """
    if sum(value is not None for value in sources.values()) != 1:
        options = " or ".join(f"--{name}" for name in sources)
        raise typer.BadParameter(f"Say what with: either {options}")


def check_truth(fields: Path | None, truth: Path | None) -> None:
    """See that fields come with what they say.

    Parameters
    ----------
    fields : Path or None
        Folder of the images.

    truth : Path or None
        CSV file of their values.

    Raises
    ------
    typer.BadParameter
        If one is there without the other.
    """
    if (fields is None) != (truth is None):
        raise typer.BadParameter("--fields DIR and --truth FILE belong together")


def find_inputs(
    paths: Sequence[str],
    output: Path,
    *,
    model: str,
    others: Sequence[Path | None] = (),
    exclude: Path | None = None,
) -> list[Path]:
    """List the scans to read, and refuse to write the table over what is read.

    Parameters
    ----------
    paths : sequence of str
        As for :func:`pipelines.scans.find.find_scans`.

    output : Path
        The table.

    model : str
        What ``--model`` names.

    others : sequence of Path or None, default=()
        Further files that the command reads, and files that belong to those. They
        are scans only if `paths` names them one by one.

    exclude : Path, default=None
        A folder whose files are no scans.

    Returns
    -------
    files : list of Path

    Raises
    ------
    typer.BadParameter
        If the table is one of the scans, the model, or one of the others, or is
        named as if it were a scan.

    ScanError
        If a path stands for no scan.
    """
    files = find_scans(paths, exclude=exclude)
    _tell_files("passed over, of a kind that is not read", find_other_images(paths))
    files, own = _part_from(files, others, named=paths)
    _tell_files("left out, as parts of the form", own)
    if not files:
        raise ScanError(
            f"{' '.join(paths)}: no scans, only parts of the form. Name a folder with"
            " pages that are filled in"
        )
    read = {file.resolve() for file in [*files, *others] if file is not None}
    if output.resolve() in read or _is_model_file(model, output):
        raise typer.BadParameter(
            f"{output} is one of the files to read, and would be written over."
            " Name another file for the table"
        )
    check_name(output, suffix=".csv")
    return files


def _part_from(
    files: Sequence[Path], others: Sequence[Path | None], *, named: Sequence[str]
) -> tuple[list[Path], list[Path]]:
    """Part scans from other files that lie in the same folder."""
    real = {other.resolve() for other in others if other is not None}
    asked = {os.path.abspath(name) for name in named}
    own = [
        file
        for file in files
        if file.resolve() in real and os.path.abspath(file) not in asked
    ]
    return [file for file in files if file not in own], own


def _tell_files(what: str, files: Sequence[Path]) -> None:
    """Say on stderr which files are not read, and why."""
    if not files:
        return
    names = ", ".join(path.name for path in files[:_MOST_NAMES])
    more = ", ..." if len(files) > _MOST_NAMES else ""
    print(
        f"lenet: {what}: {names}{more} ({len(files)} file{'s' * (len(files) != 1)})",
        file=sys.stderr,
    )


def check_name(output: Path, *, suffix: str) -> None:
    """Refuse to write what is no scan under the name of one.

    It would be read as a page by the next command that is given its folder.

    Parameters
    ----------
    output : Path
        File that is to be written.

    suffix : str
        How such files are named by custom.

    Raises
    ------
    typer.BadParameter
        If its name ends as those of scans do.
    """
    if output.suffix.lower() in SCAN_SUFFIXES:
        raise typer.BadParameter(
            f"{output} would be named like a scan, and is none. Name it"
            f" {output.with_suffix(suffix)}"
        )


def _is_model_file(model: str, path: Path) -> bool:
    """Say whether ``--model`` names this very file, and no model that ships."""
    if Path(model).resolve() != path.resolve():
        return False
    use_one_thread()
    from lenet_sklearn.models.pretrained import model_path
    from pipelines.models import VOTE

    return model != VOTE and model_path(model) == Path(model)

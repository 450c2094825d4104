"""What the commands of ``lenet`` take, and what it stands for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.files import find_scans

if TYPE_CHECKING:
    from pipelines.forms import Form

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
Jobs = Annotated[int, typer.Option(min=1, help="Processes to read with.")]
Model = Annotated[
    str,
    typer.Option(metavar="FILE", help="A model of `lenet train`; mnist ships with it."),
]
Threshold = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="Confidence below which a value is rejected."),
]
Data = Annotated[
    str,
    typer.Option(metavar="NAME", help="mnist, digits, or a folder of one per class."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the MNIST files are; else downloaded."),
]
Plots = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Draw pictures here; needs lenet-sklearn[plot]."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps...")]


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
    from pipelines.forms import Form

    if (form is None) == (not combs):
        raise typer.BadParameter(
            "Say what to read: either --form FILE or --comb NAME=N"
        )
    if form is not None:
        return Form.from_file(form)
    numbers: dict[str, int] = {}
    for text in combs:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal() or name in numbers:
            raise typer.BadParameter(
                f"--comb expects NAME=N, such as student_id=9, each name once."
                f" Got {text!r}"
            )
        numbers[name] = int(number)
    return Form.from_combs(numbers)


def load_classifier(model: str) -> Any:
    """Load the classifier that ``--model`` names.

    Parameters
    ----------
    model : str
        A file, or ``mnist``.

    Returns
    -------
    classifier : LeNet5Classifier or None
        None stands for the one that ships with the package.

    Raises
    ------
    ValueError
        If the file holds no model.
    """
    if model == "mnist" and not Path(model).exists():
        return None
    from lenet_sklearn import LeNet5Classifier

    return LeNet5Classifier.load(model)


def find_inputs(
    paths: Sequence[str], output: Path, *, exclude: Path | None = None
) -> list[Path]:
    """List the scans to read, and refuse to write the table over one of them.

    Parameters
    ----------
    paths : sequence of str
        As for :func:`pipelines.files.find_scans`.

    output : Path
        The table.

    exclude : Path, default=None
        A folder whose files are no scans.

    Returns
    -------
    files : list of Path

    Raises
    ------
    typer.BadParameter
        If the table is one of the scans.

    ScanError
        If a path stands for no scan.
    """
    files = find_scans(paths, exclude=exclude)
    if output.resolve() in {file.resolve() for file in files}:
        raise typer.BadParameter(f"{output} is one of the scans to read")
    return files

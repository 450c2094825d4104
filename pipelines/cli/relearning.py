"""The reader of a run, made anew from its settings to be adapted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.settings import describe_form, describe_networks, restore_rules
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.cli.options import TrainingOptions
    from pipelines.forms.form import Form
    from pipelines.runs.folder import RunFolder
    from pipelines.training.corrections import RunReader


def make_run_reader(
    folder: "RunFolder", training: "TrainingOptions", read: Sequence[Path]
) -> "RunReader":
    """Make the reader that has read the pages of a run.

    Parameters
    ----------
    folder : RunFolder
        Of the run, which must be whole.

    training : TrainingOptions
        What is to be written, and with which seed and device.

    read : sequence of Path
        Other files that the command reads.

    Returns
    -------
    how : RunReader

    Raises
    ------
    typer.BadParameter
        If the run is of single fields, its networks or form are others now, or a file
        would be written over that is read.

    ValueError
        If the run is not whole, or its model cannot be adapted.
    """
    from lenet_sklearn.models.files import model_path
    from lenet_sklearn.models.registry import load_model
    from pipelines.models import holds_line_reader, settings_of
    from pipelines.readers import make_form_reader
    from pipelines.training.corrections import RunReader
    from pipelines.training.fields import load_start

    _check(folder, [*read, model_path(folder.settings["model"])], training.output)
    settings, model = folder.settings, folder.settings["model"]
    form = _form_of(settings)
    start: dict[str, Any] = {"settings": settings_of(model)}
    if holds_line_reader(model):
        kinds = {"line", "box"}
        start["line_reader"] = load_start(model, training.device, training.seed)
    else:
        kinds = {"comb"}
        start["classifier"] = load_model(model, device=training.device)
    if not any(field.kind in kinds for field in form.fields):
        raise typer.BadParameter(f"the model {model} has read no field of the form")
    reader = make_form_reader(form, **start, threshold=settings["threshold"])
    batch = restore_rules(settings)
    hold = {"hold": batch.wrap} if batch else {}
    return RunReader(reader, kinds, settings["dpi"], **hold)


def _check(folder: "RunFolder", read: Sequence[Path], output: Path) -> None:
    """Refuse a run that no reader can be made for, and to write over what is read."""
    folder.check_whole()
    settings = folder.settings
    if settings["unit"] == "field":
        raise typer.BadParameter(
            f"{folder.path} is of single fields: lenet train fields learns from their"
            " images"
        )
    if describe_networks(settings["model"]) != settings["networks"]:
        raise typer.BadParameter(
            f"the model {settings['model']} is not the one that read the pages any"
            " more. Read them again with lenet score"
        )
    if real_path(output) in map(real_path, read):
        raise typer.BadParameter(
            f"{output} is one of the files to read, and would be written over. Name"
            " another"
        )


def _form_of(settings: Mapping[str, Any]) -> "Form":
    """Find the form of a run, with its blank page, and refuse another."""
    from pipelines.forms.form import Form

    if settings["form_file"] is None:
        return Form.model_validate(settings["form"])
    path = Path(settings["form_file"])
    if not path.is_file():
        raise typer.BadParameter(
            f"{path} is not there, the form of the run. Give the command in the folder"
            " in which lenet score was given"
        )
    form = Form.from_file(path)
    # Another release may know more of a form, which the run then says nothing of.
    read = Form.model_validate(settings["form"]).model_dump(mode="json")
    if describe_form(path, form)["form"] != read:
        raise typer.BadParameter(
            f"{path} is not the form that was read any more. Read the scans again with"
            " lenet score"
        )
    return form

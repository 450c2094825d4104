"""The commands ``lenet evaluate``: measure a model on what it is to read."""

from pathlib import Path

import typer

from pipelines.cli.inputs import (
    check_model,
    make_reader_of,
    use_one_thread,
    warn_of_doubts,
)
from pipelines.cli.options import (
    CharacterData,
    Command,
    Device,
    LabelledFields,
    Model,
    Plots,
    group_options,
)

evaluate = typer.Typer(
    name="evaluate",
    help="Print the error of a model, and what it misreads.",
    epilog="Example: lenet evaluate digits --help",
)


@evaluate.command(cls=Command, epilog="Example: lenet evaluate digits mnist mnist")
@group_options
def digits(
    model: Model,
    source: CharacterData,
    device: Device = "auto",
    plots: Plots = None,
) -> None:
    """Measure a model on images of single digits.

    Prints the error on the test set of DATA, or on all of a folder that has none,
    and how often each digit is read as each.
    """
    from pipelines.training import evaluation

    check_model(model)
    print(
        evaluation.evaluate(
            model, source.data, data_dir=source.data_dir, device=device, plots=plots
        )
    )
    _say_where(plots)


@evaluate.command(
    cls=Command, epilog="Example: lenet evaluate fields vote held/ --truth held.csv"
)
@group_options
def fields(model: Model, labelled: LabelledFields, plots: Plots = None) -> None:
    """Measure a model on images of fields.

    Prints how many fields are read correctly, and lists those that are misread, the
    most confident first: where the reader is confident, the truth may be wrong. With
    --plots they are drawn, and listed in a table.
    """
    use_one_thread()
    from pipelines.training import evaluation

    check_model(model)
    warn_of_doubts(labelled.fields, labelled.truth)
    reader = make_reader_of(model)[-1]
    print(
        evaluation.evaluate_fields(reader, labelled.fields, labelled.truth, plots=plots)
    )
    if reader.line_reader is None:
        print(f"\n{model} read the combs; vote read the fields without boxes.")
    _say_where(plots)


def _say_where(plots: Path | None) -> None:
    if plots:
        print(f"\nPictures: {plots}")

"""The commands of ``lenet`` that make models and look at them."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import (
    Data,
    DataDir,
    Device,
    Epochs,
    Fields,
    Jobs,
    Lines,
    Members,
    Network,
    Plots,
    Recipe,
    Seed,
    Settings,
    Strings,
    Truth,
    check_model,
    check_name,
    check_one_source,
    check_truth,
    make_reader_of,
    use_one_thread,
)

# What is slow to import is imported by the command that needs it: `lenet --help`
# is part of the user's time.

# Options that something is made of only with some sources, by their parameters.
_OF_TRAINING = {
    "data_dir": ("data", "strings"),
    "recipe": ("data",),
    "epochs": ("data",),
    "settings": ("data",),
    "members": ("data",),
    "jobs": ("data",),
    "plots": ("data",),
    "network": ("strings", "fields"),
    "lines": ("strings",),
}
_OF_EVALUATION = {"data_dir": ("data",), "device": ("data",)}

# Parameters of the classifier that have options of their own.
_WITH_OPTIONS = {
    "device": "--device",
    "max_epochs": "--epochs",
    "random_state": "--seed",
}


def train(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Model to write.")
    ],
    data: Data = None,
    strings: Strings = None,
    fields: Fields = None,
    truth: Truth = None,
    data_dir: DataDir = None,
    recipe: Recipe = "modern",
    epochs: Epochs = None,
    settings: Settings = None,
    members: Members = 1,
    jobs: Jobs = 1,
    network: Network = None,
    lines: Lines = None,
    seed: Seed = 0,
    device: Device = "auto",
    plots: Plots = None,
) -> None:
    """Train a model: for digits, for strings, or for your own fields.

    --data: a LeNet-5 for single digits, or with --members a committee that --jobs
    processes train. --recipe, --epochs, --set and --plots belong to it.

    --strings: a network that slides over a field and reads it without cutting, from
    --lines drawn strings of such digits; with --network segments, one that tells the
    pieces of a field that was cut.

    --fields and --truth: fits such networks to your own fields, and prints what share
    is right before and after, on fields kept back. A hundred fields take some four
    minutes on one core.
    """
    report: object = None
    check_truth(fields, truth)
    check_one_source(data=data, strings=strings, fields=fields)
    _check_belonging(context, _OF_TRAINING)
    check_name(output, suffix=".safetensors")
    if data is not None:
        from pipelines.training import characters

        params = characters.parse_params(settings or [])
        for name in _WITH_OPTIONS.keys() & params.keys():
            raise typer.BadParameter(f"--set {name}: say it by {_WITH_OPTIONS[name]}")
        if jobs != 1 and members == 1:
            raise typer.BadParameter("--jobs belongs to --members")
        if epochs is not None:
            params["max_epochs"] = epochs
        model = characters.make_model(
            recipe,
            params=params,
            random_state=seed,
            device=device,
            n_members=members,
            n_jobs=jobs,
        )
        report = characters.train(
            model, data, output, data_dir=data_dir, command=context.obj, plots=plots
        )
    elif strings is not None:
        from lenet_sklearn.models.pretrained import shipped_recognizers
        from pipelines.training.strings import SEGMENTS, train_lines, train_segments

        if network not in {None, SEGMENTS, *shipped_recognizers()}:
            raise typer.BadParameter(
                f"--network: {network} cannot be trained on strings."
                f" There are {', '.join([*shipped_recognizers(), SEGMENTS])}"
            )
        slides = partial(train_lines, network=network or "wide")
        train_on = train_segments if network == SEGMENTS else slides
        report = train_on(
            strings,
            output,
            data_dir=data_dir,
            n_lines=lines,
            random_state=seed,
            device=device,
            command=context.obj,
        )
    elif fields is not None and truth is not None:
        from pipelines.models import VOTE
        from pipelines.training.fields import adapt_reader

        model = network or VOTE
        check_model(model)
        _tell_doubts(fields, truth)
        report = adapt_reader(
            fields,
            truth,
            output,
            model=model,
            random_state=seed,
            device=device,
            command=context.obj,
        )
    print(report)


def evaluate(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Model file, or the name of one shipped."),
    ],
    data: Data = None,
    fields: Fields = None,
    truth: Truth = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    plots: Plots = None,
) -> None:
    """Print the error of a model on digits, or on fields, and what it misreads.

    With --plots the misread fields are drawn and listed too, the surest first: where
    the reader is sure, look whether it is the truth that is wrong.
    """
    check_truth(fields, truth)
    check_one_source(data=data, fields=fields)
    _check_belonging(context, _OF_EVALUATION)
    if fields is not None:
        use_one_thread()
    check_model(model)
    if data is not None:
        from pipelines.training.evaluation import evaluate

        print(evaluate(model, data, data_dir=data_dir, device=device, plots=plots))
    elif fields is not None and truth is not None:
        from pipelines.training.evaluation import evaluate_fields

        _tell_doubts(fields, truth)
        reader = make_reader_of(model)[-1]
        print(evaluate_fields(reader, fields, truth, plots=plots))
        if reader.line_reader is None:
            print(f"\n{model} read the combs; fields without boxes were read by vote.")
    if plots:
        print(f"\nPictures: {plots}")


def info(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Model file, or the name of one shipped."),
    ],
) -> None:
    """Print where a model comes from: its card."""
    from pipelines.models import describe_model

    check_model(model)
    print(describe_model(model))


def _tell_doubts(fields: Path, truth: Path) -> None:
    """Say before the work, which goes on, what may be wrong with the truth."""
    from pipelines.training.labelled import doubt_values

    for doubt in doubt_values(fields, truth):
        print(f"lenet: warning: {doubt}", file=sys.stderr)


def _check_belonging(
    context: typer.Context, belongs: Mapping[str, tuple[str, ...]]
) -> None:
    """See that no option was given that the source at hand makes nothing of."""
    words = {option.name: option.opts[0] for option in context.command.params}
    for name, sources in belongs.items():
        given = context.get_parameter_source(name)
        if given is None or given.name != "COMMANDLINE":
            continue
        if all(context.params[source] is None for source in sources):
            owners = " or ".join(words[source] for source in sources)
            raise typer.BadParameter(f"{words[name]} belongs to {owners}")

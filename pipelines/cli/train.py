"""The commands ``lenet train``, ``evaluate`` and ``calibrate``."""

import json
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import (
    check_model,
    check_outputs,
    make_reader_of,
    say,
    use_one_thread,
    warn,
    warn_of_doubts,
)
from pipelines.cli.options import (
    AsJson,
    CharacterData,
    ClassifierOptions,
    Command,
    Confidence,
    Corrections,
    Device,
    FittedOn,
    Force,
    LabelledFields,
    Lines,
    MaxError,
    Model,
    NetworkName,
    Plots,
    Results,
    ReviewedResults,
    RuleFile,
    RuleModel,
    RuleOptions,
    StartModel,
    StringNetwork,
    TrainingOptions,
    Written,
    group_options,
)
from pipelines.cli.review import open_run

# What is slow to import is imported by the command that needs it: `lenet --help`
# is part of the user's time.


class _Trainings(TyperGroup):
    """Commands of which ``corrections`` may be given as an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments; ``--corrections`` stands for the command of that name."""
        if args and args[0] == "--corrections":
            args = ["corrections", *args[1:]]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


train = typer.Typer(
    name="train",
    cls=_Trainings,
    help="Train a model: for digits, for strings, or for your own fields.",
    epilog="Example: lenet train fields --help",
)

# Parameters of the classifier that have options of their own.
_OWN_OPTIONS = {
    "device": "--device",
    "max_epochs": "--epochs",
    "random_state": "--seed",
}


@train.command(
    cls=Command, epilog="Example: lenet train digits mnist -o digits.safetensors"
)
@group_options
def digits(
    context: typer.Context,
    source: CharacterData,
    training: TrainingOptions,
    classifier: ClassifierOptions,
    plots: Plots = None,
) -> None:
    """Train a LeNet-5 on images of single digits, and test it.

    DATA is mnist; forms, which is MNIST with digits as they are written on forms;
    boxes, which is what the reader cuts from drawn boxes, digits or not; contents,
    which is whole boxes with a digit, with nothing, or with anything else; marks,
    which is boxes and circles that are ticked or not; digits, which is
    scikit-learn's, small and quick, to try training out; or a folder of your own.

    With --members N, N networks are trained, in --jobs processes side by side. They
    vote, and are saved in one file, which is used like a single model.

    MNIST takes about twenty minutes on one core, scikit-learn's digits half a
    minute.
    """
    from pipelines.plotting import TRAINING_PICTURES
    from pipelines.training import characters

    params = characters.parse_params(classifier.settings or [])
    for name in _OWN_OPTIONS.keys() & params.keys():
        raise typer.BadParameter(f"--set {name}: use {_OWN_OPTIONS[name]} instead")
    if classifier.jobs != 1 and classifier.members == 1:
        raise typer.BadParameter("--jobs belongs to --members")
    pictures = [plots / name for name in TRAINING_PICTURES] if plots else []
    check_outputs(training.output, pictures, force=training.force)
    if classifier.epochs is not None:
        params["max_epochs"] = classifier.epochs
    model = characters.make_model(
        classifier.recipe.value,
        params=params,
        random_state=training.seed,
        device=training.device,
        n_members=classifier.members,
        n_jobs=classifier.jobs,
    )
    report = characters.train(
        model,
        source.data,
        training.output,
        data_dir=source.data_dir,
        command=context.obj,
        plots=plots,
    )
    say(report)


@train.command(
    cls=Command, epilog="Example: lenet train strings mnist -o strings.safetensors"
)
@group_options
def strings(
    context: typer.Context,
    source: CharacterData,
    training: TrainingOptions,
    network: StringNetwork = NetworkName.wide,
    lines: Lines = None,
) -> None:
    """Train a network on drawn strings, to read fields without boxes.

    The strings are drawn with the single digits of DATA: mnist, forms, or a folder
    of your own. Each is drawn once, and the network is tested on strings of other
    digits.

    wide, lenet5_dense and lenet5 slide over a field and read it without cutting;
    segments reads the pieces of a field that was cut. signs is a wide network that
    reads points, commas, minus signs and the like among the digits.

    The widest network takes a quarter of an hour on one core, segments five
    minutes.
    """
    from pipelines.training.strings import train_strings

    check_outputs(training.output, force=training.force)
    report = train_strings(
        source.data,
        training.output,
        data_dir=source.data_dir,
        network=network.value,
        n_lines=lines,
        random_state=training.seed,
        device=training.device,
        command=context.obj,
    )
    say(report)


@train.command(
    cls=Command,
    epilog="Example: lenet train fields fields/ --truth truth.csv -o own.safetensors",
)
@group_options
def fields(
    context: typer.Context,
    labelled: LabelledFields,
    training: TrainingOptions,
    network: StartModel = "vote",
) -> None:
    """Fit a model to your own fields, and measure the gain.

    FIELDS is a folder of images, each of one field. --truth says what is written in
    them: a CSV file with the columns file and value, where the value is empty for a
    field with nothing written in it. Label a hundred fields, better some hundreds.

    Prints what share of the fields is read correctly before and after, by
    cross-validation: each field is read by a model that was fitted without it.

    A hundred fields take about five minutes on one core.
    """
    from pipelines.training.fields import adapt_reader

    check_model(network)
    check_outputs(training.output, force=training.force)
    warn_of_doubts(labelled.fields, labelled.truth)
    report = adapt_reader(
        labelled.fields,
        labelled.truth,
        training.output,
        model=network,
        random_state=training.seed,
        device=training.device,
        command=context.obj,
    )
    say(report)


@train.command(
    cls=Command,
    epilog="Example: lenet train corrections results.csv anna.csv -o own.safetensors",
)
@group_options
def corrections(
    context: typer.Context,
    results: ReviewedResults,
    corrections: Corrections,
    training: TrainingOptions,
    max_error: MaxError = 0.01,
    confidence: Confidence = 0.95,
    fitted_on: FittedOn = None,
) -> None:
    """Adapt the model of a run to what people have corrected, and fit its rule anew.

    RESULTS and CORRECTIONS are as for `lenet apply`. The scans are opened again: the
    command is given where `lenet score` was. What the model of the run reads is
    learned, rows of boxes or free writing, and `lenet score --model` goes on with what
    is written, also with --max-error where the rule could be certified.

    Prints how many of the reviewed fields are read right, and how many are left to
    look at, before and after, by cross-validation: each page is read by a model that
    has learned from other pages. If that is no gain, nothing is written.

    Exit status: 0 done, 1 nothing was gained.
    """
    use_one_thread()
    from lenet_sklearn.acceptance import AcceptanceRule
    from lenet_sklearn.models.cards import ModelCard
    from pipelines.cli.relearning import make_run_reader
    from pipelines.review.applying import Review
    from pipelines.review.corrections import read_corrections
    from pipelines.training.corrections import (
        cut_reviewed,
        find_reviewed,
        train_corrections,
    )

    folder = open_run(results)
    check_outputs(training.output, force=training.force)
    how = make_run_reader(folder, training, corrections)
    rows = [row for path in corrections for row in read_corrections(path)]
    review = Review(rows, how.reader.form, batch=folder.parts.run)
    pages = find_reviewed(
        folder.results(), review, how.names, folder.plan, random_state=training.seed
    )
    pages, cuts, lost = cut_reviewed(pages, how, folder.plan)
    for line in lost:
        warn(f"warning: {line}: passed over")
    model = Path(folder.settings["model"]).stem
    told = train_corrections(
        pages,
        cuts,
        how,
        training.output,
        rule=AcceptanceRule(
            max_error=max_error,
            confidence=confidence,
            fitted_on=fitted_on or f"those of {results.name} that were reviewed",
        ),
        card=ModelCard.write_today(f"{model}, then corrections", 0, context.obj),
    )
    say(told)
    if told.doubts:
        raise typer.Exit(ExitCode.FAILED)


class _Evaluations(TyperGroup):
    """Commands of which ``results`` need not be named before a table of results."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments; a table, or an option of that command, stands for it."""
        first = args[0] if args else ""
        if first.endswith(".csv") or first.startswith(("--truth", "--json")):
            args = ["results", *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


evaluate = typer.Typer(
    name="evaluate",
    cls=_Evaluations,
    help="Print the error of a model, or of results, and what is misread.",
    epilog="Example: lenet evaluate results.csv --truth truth.csv",
)


@evaluate.command(
    "digits", cls=Command, epilog="Example: lenet evaluate digits mnist mnist"
)
@group_options
def evaluate_digits(
    model: Model,
    source: CharacterData,
    device: Device = "auto",
    plots: Plots = None,
    force: Force = False,
) -> None:
    """Measure a model on images of single digits.

    Prints the error on the test set of DATA, or on all of a folder that has none,
    and how often each digit is read as each.
    """
    from pipelines.plotting import EVALUATION_PICTURES
    from pipelines.training import evaluation

    check_model(model)
    if plots:
        check_outputs(None, [plots / name for name in EVALUATION_PICTURES], force=force)
    say(
        evaluation.evaluate(
            model, source.data, data_dir=source.data_dir, device=device, plots=plots
        )
    )
    _say_where(plots)


@evaluate.command(
    "fields",
    cls=Command,
    epilog="Example: lenet evaluate fields vote held/ --truth held.csv",
)
@group_options
def evaluate_fields(
    model: Model, labelled: LabelledFields, plots: Plots = None, force: Force = False
) -> None:
    """Measure a model on images of fields.

    Prints how many fields are read correctly, and lists those that are misread, the
    most confident first: where the reader is confident, the truth may be wrong. With
    --plots they are drawn, and listed in a table.
    """
    use_one_thread()
    from pipelines.training import evaluation

    check_model(model)
    if plots:
        check_outputs(
            None, [plots / name for name in evaluation.FIELD_PLOTS], force=force
        )
    warn_of_doubts(labelled.fields, labelled.truth)
    reader = make_reader_of(model)
    say(
        evaluation.evaluate_fields(reader, labelled.fields, labelled.truth, plots=plots)
    )
    if reader[-1].line_reader is None:
        say(f"\n{model} read the combs; vote read the fields without boxes.")
    _say_where(plots)


@evaluate.command(
    "results",
    cls=Command,
    epilog="Example: lenet evaluate results.csv --truth truth.csv",
)
def evaluate_results(results: Results, truth: Written, as_json: AsJson = False) -> None:
    """Compare a table of results with what was written.

    Prints the read rate (accepted / all), the error rate (wrong / accepted) with a
    95 % interval that takes the fields for independent, the reject rate (to be looked
    at / all), written fields that are called blank, and which digits are confused; for
    each field of the form, too. The word results may be left out.
    """
    from pipelines.scoring.comparing import compare_results

    compared = compare_results(results, truth)
    say(json.dumps(compared.to_dict(), indent=1) if as_json else compared)


# What a rule is told for besides the one that is asked for.
_OTHER_ERRORS = (0.05, 0.02, 0.01, 0.005, 0.001)


@group_options
def calibrate(
    results: Results,
    truth: Written,
    output: RuleFile,
    model: RuleModel = None,
    force: Force = False,
    *,
    wanted: RuleOptions,
) -> None:
    """Fit an acceptance rule to results whose values are known.

    The rule accepts values so that of the accepted at most --max-error are wrong, with
    a stated confidence, on pages like these. Their fields must have trained nothing.
    299 fields that are accepted and right certify 1 %, 2,995 certify 0.1 %; more are
    needed where some are wrong. Fields of one page count as one: see --groups.

    lenet score and lenet read take the file as --rule, with any --max-error.
    """
    from lenet_sklearn.acceptance import AcceptanceRule, attach_rule
    from lenet_sklearn.models.files import read_header
    from pipelines.scoring.comparing import compare_results

    check_outputs(output, force=force)
    if model is not None:
        read_header(model)  # says what is wrong with it before any work
    compared = compare_results(results, truth, groups=wanted.groups)
    rule = AcceptanceRule(
        max_error=wanted.max_error,
        confidence=wanted.confidence,
        fitted_on=wanted.fitted_on or f"those of {results.name}",
    ).fit(*compared.labelled())
    rule.to_file(output)
    if model is not None:
        attach_rule(model, rule)
    others = [rule.with_max_error(p) for p in _OTHER_ERRORS if p != wanted.max_error]
    shares = [
        f"{100 * other.max_error:g} %: "
        + ("none" if other.accepts_nothing else f"{100 * other.accepted_share_:.1f} %")
        for other in others
    ]
    say(f"{rule}\naccepted with --max-error of {', '.join(shares)}\nRule: {output}")


def _say_where(plots: Path | None) -> None:
    if plots:
        say(f"\nPictures: {plots}")

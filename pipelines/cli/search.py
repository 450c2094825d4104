"""The command ``lenet search``."""

import re

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import check_outputs, say, use_one_thread, warn_of_doubts
from pipelines.cli.options import (
    Force,
    ModelFile,
    Plots,
    RuleOptions,
    SearchedFields,
    SearchOptions,
    group_options,
)

# Seconds of each unit of time.
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@group_options
def search(
    context: typer.Context,
    labelled: SearchedFields,
    output: ModelFile,
    plots: Plots = None,
    force: Force = False,
    *,
    how: SearchOptions,
    wanted: RuleOptions,
) -> None:
    """Search for what reads your own fields best, and save it.

    --fields is a folder of images, each of one field, and --truth says what is written
    in them, as for `lenet train fields`. Each candidate of the grid is fitted to your
    fields and judged by cross-validation: what is held out teaches nothing. With
    --groups, whole writers are held out.

    The grids are quick, cleaning, cutting, distortion, labels (how many labelled fields
    are needed) and network; or a TOML file, in which a table [grid] gives parameters
    lists of values, such as read__lr = [0.001, 0.003].

    Prints mean and deviation over the folds, and the time of a fit; writes them as a
    table, FILE.search.csv, with all measures. The best is fitted to all fields and
    saved, with an acceptance rule, if it reads better than what ships. Finished fits
    are kept in the folder FILE.search: a search that was interrupted goes on, if the
    same command is given.

    Exit status: 0 done, 1 nothing was gained.
    """
    use_one_thread()
    from lenet_sklearn.acceptance import AcceptanceRule
    from pipelines.training.best import Outputs, search_fields
    from pipelines.training.search import SearchPlan

    outputs = Outputs(output, plots, context.obj)
    pictures = [outputs.picture] if outputs.picture else []
    check_outputs(output, [outputs.table, *pictures], force=force)
    warn_of_doubts(labelled.fields, labelled.truth)
    plan = SearchPlan(
        outputs.folder,
        scoring=how.scoring,
        n_folds=how.folds,
        jobs=-1 if how.jobs is None else how.jobs,
        budget=None if how.budget is None else read_seconds(how.budget),
        random_state=how.seed,
    )
    searched = search_fields(
        labelled.fields,
        labelled.truth,
        outputs,
        grid=how.grid,
        plan=plan,
        rule=AcceptanceRule(
            max_error=wanted.max_error,
            confidence=wanted.confidence,
            fitted_on=wanted.fitted_on or f"those of {labelled.truth.name}",
        ),
        groups=wanted.groups,
    )
    say(searched)
    if not searched.found.is_gain:
        raise typer.Exit(ExitCode.FAILED)


def read_seconds(text: str) -> float:
    """Read how long something may take.

    Parameters
    ----------
    text : str
        A number, with ``s``, ``m`` or ``h`` behind it.

    Returns
    -------
    seconds : float

    Raises
    ------
    typer.BadParameter
        If it is something else, or 0.

    Examples
    --------
    >>> from pipelines.cli.search import read_seconds
    >>> read_seconds("10m"), read_seconds("1.5h"), read_seconds("90")
    (600.0, 5400.0, 90.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds:
        raise typer.BadParameter(
            f"--budget expects a time, such as 90s, 10m or 1.5h. Got {text!r}"
        )
    return seconds

"""The command ``lenet search``."""

import re
import time
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import check_outputs, say, use_one_thread, warn_of_doubts
from pipelines.cli.options import (
    Force,
    ModelFile,
    Plots,
    RuleOptions,
    SearchedSamples,
    SearchOptions,
    group_options,
)
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.training.best import Outputs
    from pipelines.training.material import Material

# Seconds of each unit of time.
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

# What else each kind of samples needs, and may have.
_NEEDED = {"fields": ("truth",), "pages": ("truth", "form"), "digits": ()}
_OTHERS = {"fields": ("truth",), "pages": ("truth", "form"), "digits": ("data_dir",)}


@group_options
def search(
    context: typer.Context,
    samples: SearchedSamples,
    output: ModelFile,
    plots: Plots = None,
    force: Force = False,
    *,
    how: SearchOptions,
    wanted: RuleOptions,
) -> None:
    """Search for what reads your own fields best, and save it.

    With --fields, a folder of images, each of one field, and --truth, what is written
    in them, as for `lenet train fields`; with --pages, --form and --truth; or with
    --digits. Each candidate of the grid is fitted to them and judged by
    cross-validation: what is held out teaches nothing. With --groups, whole writers are
    held out; pages of one document always are.

    The grids are quick, cleaning, line_removal (of free writing), cutting, distortion,
    labels (how many labelled fields are needed) and network; or a TOML file, in which a
    table [grid] gives parameters lists of values: for rows of boxes, say, read__lr =
    [0.001, 0.003]; for free writing read__line_reader__sliding_reader__lr.

    Prints mean and deviation over the folds, and the time of a fit; writes them as a
    table, FILE.search.csv, with all measures. The best is fitted to all samples and
    saved, with an acceptance rule, if it reads better than what ships. Finished fits
    are kept in the folder FILE.search: a search that was interrupted goes on, if the
    same command is given.

    200 fields without boxes take about four minutes on two cores with the grid quick.

    Exit status: 0 done, 1 nothing was gained.
    """
    began = time.monotonic()
    use_one_thread()
    from lenet_sklearn.acceptance import AcceptanceRule
    from pipelines.training.best import Outputs, search_best
    from pipelines.training.search import SearchPlan

    kind = _kind_of(samples)
    outputs = Outputs(output, plots, context.obj)
    pictures = [outputs.picture] if outputs.picture else []
    check_outputs(output, [outputs.table, *pictures], force=force)
    budget = None if how.budget is None else read_seconds(how.budget)
    name = samples.truth.name if samples.truth else samples.digits
    rule = AcceptanceRule(
        max_error=wanted.max_error,
        confidence=wanted.confidence,
        fitted_on=wanted.fitted_on or f"those of {name}",
    )
    material = _read(kind, samples, outputs, wanted.groups, how.seed)
    spent = time.monotonic() - began
    if budget is not None and budget <= spent:
        raise typer.BadParameter(
            f"--budget {how.budget} is over before any fit: to read the samples took"
            f" {spent:.0f} s. Name a longer one"
        )
    plan = SearchPlan(
        outputs.folder,
        scoring=how.scoring,
        max_error=wanted.max_error,
        n_folds=how.folds,
        jobs=-1 if how.jobs is None else how.jobs,
        # What reading the samples took is part of it.
        budget=None if budget is None else budget - spent,
        random_state=how.seed,
    )
    searched = search_best(material, outputs, grid=how.grid, plan=plan, rule=rule)
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


def _kind_of(samples: SearchedSamples) -> str:
    """Say which samples are given; refuse what does not belong to them."""
    given = [kind for kind in _NEEDED if getattr(samples, kind) is not None]
    if len(given) != 1:
        raise typer.BadParameter(
            "Say what to search with: one of --fields DIR, --pages DIR or --digits DATA"
        )
    [kind] = given
    for name in _NEEDED[kind]:
        if getattr(samples, name) is None:
            raise typer.BadParameter(f"--{kind} needs --{name} FILE")
    for name in ("truth", "form", "data_dir"):
        if getattr(samples, name) is not None and name not in _OTHERS[kind]:
            option = name.replace("_", "-")
            raise typer.BadParameter(f"--{option} does not belong to --{kind}")
    return kind


def _read(
    kind: str,
    samples: SearchedSamples,
    outputs: "Outputs",
    groups: str | None,
    seed: int,
) -> "Material":
    """Read the samples, which nothing is written over."""
    from pipelines.training import material

    truth: Any = samples.truth
    written = [real_path(path) for path in (outputs.model, outputs.table)]
    if truth is not None and real_path(truth) in written:
        raise typer.BadParameter(
            f"{truth} is the truth that is read, and would be written over. Write"
            " another file"
        )
    if kind == "digits":
        if groups is not None:
            raise typer.BadParameter("--groups does not belong to --digits")
        return material.digit_material(
            samples.digits or "", data_dir=samples.data_dir, random_state=seed
        )
    if kind == "pages":
        return material.page_material(
            samples.pages or "",
            samples.form or "",
            truth,
            groups=groups,
            random_state=seed,
        )
    fields: Any = samples.fields
    warn_of_doubts(fields, truth)
    return material.field_material(fields, truth, groups=groups, random_state=seed)

"""Search with a user's own samples, and save the best: ``lenet search``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.base import clone

from lenet_sklearn.acceptance import AcceptanceRule
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.outputs import OutputError, check_writable, write_rows
from pipelines.memory import use_memory
from pipelines.models import is_setting
from pipelines.plotting import check_plots
from pipelines.recipes import N_LABELLED, Grid, check_grid, find_grid
from pipelines.training.candidates import Candidate, Found, draw_found, rank, show_value
from pipelines.training.material import Material
from pipelines.training.search import SearchPlan, search

# The picture that is drawn of a search.
PICTURE: Final = "search.png"

# What a model file holds by itself, and what decides only how it is trained.
_HELD: Final = (
    "read__line_reader",
    "read__classifier",
    "read__max_epochs",
    "read__lr",
    "read__distortion",
)

# What of that makes no difference to samples of each kind.
_IDLE: Final[Mapping[str, tuple[str, ...]]] = {
    "lines": ("read__classifier", "read__max_epochs", "read__lr", "read__distortion"),
    "combs": ("read__line_reader", "read__rules"),
}

# An example of what does.
_OWN: Final[Mapping[str, str]] = {
    "lines": "read__line_reader__sliding_reader__lr",
    "combs": "read__lr",
}

_MEASURES: Final = (
    "exact_strings",
    "neg_digit_error",
    "read_rate",
    "neg_calibration_error",
)


@dataclass(frozen=True)
class Outputs:
    """Where the results of a search go.

    Attributes
    ----------
    model : Path
        The model file; `table` and `folder` lie beside it.

    plots : Path or None
        Folder for the picture.

    command : str or None
        The command line, which makes all of it again.
    """

    model: Path
    plots: Path | None = None
    command: str | None = None

    @property
    def table(self) -> Path:
        """A CSV file with a row for each candidate."""
        return self.model.with_suffix(".search.csv")

    @property
    def folder(self) -> Path:
        """Where finished fits are kept."""
        return self.model.with_suffix(".search")

    @property
    def picture(self) -> Path | None:
        """The picture, if one is drawn."""
        return self.plots / PICTURE if self.plots else None


@dataclass(frozen=True)
class Searched:
    """What a search with a user's own samples has found.

    Attributes
    ----------
    found : Found
        All candidates.

    outputs : Outputs
        Where the table is, and the model if it is a gain.

    material : Material
        What was searched with.

    rule : AcceptanceRule or None
        Fitted to what the best read of the folds; None if no value hangs on its
        confidence.
    """

    found: Found
    outputs: Outputs
    material: Material
    rule: AcceptanceRule | None

    @property
    def figures(self) -> dict[str, str]:
        """What the card says of the cross-validation."""
        before = self.found.before
        told = {} if before is None else {"before": _describe(before)}
        n_folds = len(self.found.splits)
        after = f"{_describe(self.found.best)}, {n_folds} folds, best of"
        return {**told, "after": f"{after} {self.found.n_settings}"}

    @property
    def _advice(self) -> str:
        """What to do where nothing was gained."""
        before = self.found.before
        perfect = 0.0 if self.found.best.scoring.startswith("neg_") else 1.0
        if before is not None and before.mean == perfect:
            return ": what ships reads them without an error"
        return f": label more {self.material.unit}"

    def __str__(self) -> str:
        best, outputs = self.found.best, self.outputs
        head = f"{'score':>8s} {'+-':>6s} {'seconds':>8s}"
        lines = [f"{head}  parameters"]
        rows = [c for c in (self.found.before,) if c is not None]
        rows += rank(self.found.candidates)
        for candidate in rows:
            mark = "  <- best" if candidate is best else ""
            lines.append(f"{_numbers(candidate)}  {candidate.name}{mark}")
        n_samples, unit = len(self.material.X), self.material.unit
        lines += ["", f"searched     {n_samples} {unit}"]
        if self.material.left_out:
            lines.append(f"left out     {self.material.left_out}")
        lines += [f"{name:13s}{said}" for name, said in self.figures.items()]
        if self.rule is not None and self.found.is_gain:
            lines.append(
                "rule         " + str(self.rule).replace("\n", "\n" + " " * 13)
            )
        lines.append(f"table        {outputs.table}")
        if outputs.picture:
            lines.append(f"picture      {outputs.picture}")
        if outputs.command:
            lines.append(f"made by      {outputs.command}")
        if not self.found.is_gain:
            lines.append(f"Nothing was gained, and no model is written{self._advice}.")
        else:
            lines.append(f"saved in     {outputs.model}")
        return "\n".join(lines)


def search_best(
    material: Material,
    outputs: Outputs,
    *,
    grid: str,
    plan: SearchPlan,
    rule: AcceptanceRule,
) -> Searched:
    """Search the parameters of a reader, fit the best to all samples, and save it.

    Parameters
    ----------
    material : Material
        Labelled samples, and what reads them.

    outputs : Outputs
        What is to be written.

    grid : str
        As for :func:`pipelines.recipes.find_grid`.

    plan : SearchPlan
        How to go about it.

    rule : AcceptanceRule
        Not fitted; what it is to promise.

    Returns
    -------
    searched : Searched
        Its string is the report to print. If it `is_gain`, the model is written.

    Raises
    ------
    ValueError
        If the grid cannot be used, or the budget is too short.

    OutputError
        If something cannot be written; found out before the work.

    Notes
    -----
    The rule is fitted to the confidences that the best candidate read the folds with,
    each by a reader that learned from the others. That it is the best of several is
    paid for: it keeps its promise as often as a rule for each of them would that all
    keep theirs [1]_. Single digits have no rule: it is for the values of fields.

    References
    ----------
    .. [1] O. J. Dunn, "Multiple comparisons among means", J. American Statistical
       Association 56(293), pp. 52-64, 1961.
    """
    check_writable(outputs.model)
    if outputs.folder.exists() and not outputs.folder.is_dir():
        raise OutputError(
            f"{outputs.folder} is a file, and finished fits are kept in a folder of"
            " that name. Move it, or write another model."
        )
    if outputs.plots:
        check_plots(outputs.plots)
    chosen = material.name_grid(find_grid(grid, material.kind))
    check_grid(chosen, material.reader)
    if material.kind != "glyphs":
        _check_idle(chosen, material)
        _check_kept(chosen, material.prefix)
    found = search(
        material.reader, material.X, material.y, chosen, plan, groups=material.groups
    )
    fitted = fit_rule(rule, found, material)
    searched = Searched(found, outputs, material, fitted)
    with use_memory(plan.memory):
        best = fit_best(material, found.best) if found.is_gain else None
    # Only now: a search that was interrupted finds nothing that it would replace.
    write_search(found, outputs.table)
    if outputs.picture:
        draw_found(found, outputs.picture)
    plan.memory.clear()
    if best is not None:
        origin = f"{material.kind}, then {material.unit}"
        card = ModelCard.write_today(origin, len(material.X), outputs.command)
        card = replace(card, figures=searched.figures)
        material.save(best, outputs.model, card=card, rule=fitted)
    return searched


def fit_best(material: Material, best: Candidate) -> Any:
    """Fit a reader as the best candidate was, to all samples.

    Parameters
    ----------
    material : Material
        What was searched with.

    best : Candidate
        Its parameters; all samples are learned from, whatever its number of them was.

    Returns
    -------
    fitted : estimator
    """
    params = {k: v for k, v in best.params.items() if k != N_LABELLED}
    reader = clone(material.reader).set_params(**params)
    return reader.fit(material.X, material.y)


def fit_rule(
    rule: AcceptanceRule, found: Found, material: Material
) -> AcceptanceRule | None:
    """Fit a rule to what the best candidate read of the folds.

    Parameters
    ----------
    rule : AcceptanceRule
        Not fitted.

    found : Found
        The search.

    material : Material
        What was searched with: a rule is for the fields that the model file reads.

    Returns
    -------
    fitted : AcceptanceRule or None
        Its `confidence` is raised for the number of settings, which it says; None if
        there is no value that hangs on its confidence.
    """
    if not material.told:
        return None
    held = np.concatenate([held for _, held in found.splits])
    decided, right, sureness = (
        np.concatenate([getattr(one, name) for one in found.best.outcomes])
        .reshape(len(held), -1)[:, material.told]
        .ravel()
        for name in ("decided", "right", "confidences")
    )
    if not decided.any():
        return None
    samples = range(len(material.X)) if material.groups is None else material.groups
    units = np.repeat(np.asarray(samples, dtype=object)[held], len(material.told))
    n_settings = found.n_settings
    told = rule.fitted_on
    if n_settings > 1:
        told += f" (the best of {n_settings} settings: {100 * rule.confidence:g} %)"
    confidence = 1 - (1 - rule.confidence) / n_settings
    raised = clone(rule).set_params(confidence=confidence, fitted_on=told)
    return raised.fit(sureness[decided], right[decided], units[decided])


def write_search(found: Found, path: Path) -> None:
    """Write a row for each candidate, the best first; what reads as it comes on top.

    Parameters
    ----------
    found : Found
        The search.

    path : Path
        The CSV file to write: parameters, means and deviations over the folds of all
        scorers, and seconds.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    ranked = rank(found.candidates)
    rows = [found.before, *ranked] if found.before else ranked
    names = list(dict.fromkeys(name for row in rows for name in row.params))
    measures = [f"{side}_{name}" for name in _MEASURES for side in ("mean", "std")]
    table = [
        [
            *(show_value(row.params[n]) if n in row.params else "" for n in names),
            *(
                f"{side(row.all_scores(name)):.4f}"
                for name in _MEASURES
                for side in (np.mean, np.std)
            ),
            f"{np.mean(row.seconds):.1f}",
        ]
        for row in rows
    ]
    write_rows(path, [*names, *measures, "seconds"], table)


def _check_idle(grid: Grid, material: Material) -> None:
    """Refuse, before the work, what makes no difference to samples of this kind."""
    other = {"lines": "rows of boxes", "combs": "free writing"}[material.kind]
    for part in grid:
        for full in part:
            name = full.removeprefix(material.prefix)
            if name.startswith(_IDLE[material.kind]):
                raise ValueError(
                    f"The grid searches {name}, which is for {other}: these"
                    f" {material.unit} have none. Leave it out, or name one that makes"
                    f" a difference, such as {_OWN[material.kind]}."
                )


def _check_kept(grid: Grid, prefix: str) -> None:
    """Refuse, before the work, what no model file can tell whoever reads with it."""
    for part in grid:
        for full, values in part.items():
            name = full.removeprefix(prefix)
            plain = all(isinstance(v, str | int | float | None) for v in values)
            is_held = name == N_LABELLED or name.startswith(_HELD)
            if not is_held and not (is_setting(name) and plain):
                raise ValueError(
                    f"The grid searches {name}, which a model file does not hold."
                    " Search it in Python: pipelines.training.search.search."
                )


def _numbers(candidate: Candidate) -> str:
    seconds = float(np.mean(candidate.seconds))
    return f"{candidate.mean:8.3f} {candidate.deviation:6.3f} {seconds:8.1f}"


def _describe(candidate: Candidate) -> str:
    return (
        f"{candidate.scoring} {candidate.mean:.3f} +- {candidate.deviation:.3f} (mean"
        " and deviation over the folds)"
    )

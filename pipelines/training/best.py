"""Search a reader for a user's own fields, and save the best: ``lenet search``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.base import clone

from lenet_sklearn.acceptance import AcceptanceRule
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.outputs import check_writable, write_rows
from pipelines.images import Image
from pipelines.models import is_setting, save_field_reader
from pipelines.plotting import check_plots, plot_search
from pipelines.readers.field import FieldReader, make_field_reader
from pipelines.recipes import N_LABELLED, Grid, Kind, check_grid, find_grid
from pipelines.scans.find import real_path
from pipelines.training.labelled import (
    LabelledField,
    StrPath,
    clean_fields,
    read_labelled_fields,
)
from pipelines.training.search import (
    Candidate,
    Found,
    SearchPlan,
    search,
    show_params,
    show_value,
)

# The picture that is drawn of a search.
PICTURE: Final = "search.png"

# What a reader that reads as it comes is called.
_AS_IT_COMES: Final = "as it comes"

# What a model file holds by itself, and what decides only how it is trained.
_HELD: Final = (
    "read__line_reader",
    "read__classifier",
    "read__max_epochs",
    "read__lr",
    "read__distortion",
)

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
    """What a search for a user's own fields has found.

    Attributes
    ----------
    found : Found
        All candidates.

    outputs : Outputs
        Where the table is, and the model if it is a gain.

    n_fields : int
        Fields that were searched with.

    rule : AcceptanceRule or None
        Fitted to what the best read of the folds; None if no value hangs on its
        confidence.
    """

    found: Found
    outputs: Outputs
    n_fields: int
    rule: AcceptanceRule | None

    @property
    def figures(self) -> dict[str, str]:
        """What the card says of the cross-validation."""
        before = self.found.before
        told = {} if before is None else {"before": _describe(before)}
        n_folds = len(self.found.splits)
        after = f"{_describe(self.found.best)}, {n_folds} folds, best of"
        return {**told, "after": f"{after} {len(self.found.candidates)}"}

    def __str__(self) -> str:
        best, outputs = self.found.best, self.outputs
        head = f"{'score':>8s} {'+-':>6s} {'seconds':>8s}"
        lines = [f"{head}  parameters"]
        rows = [c for c in (self.found.before,) if c is not None]
        rows += sorted(self.found.candidates, key=lambda c: -c.mean)
        for candidate in rows:
            mark = "  <- best" if candidate is best else ""
            lines.append(f"{_numbers(candidate)}  {_name(candidate)}{mark}")
        lines += [
            "",
            f"fitted on    {self.n_fields} fields, {show_params(best.params)}",
        ]
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
            lines.append(
                "Nothing was gained, and no model is written: label more fields."
            )
        else:
            lines.append(f"saved in     {outputs.model}")
        return "\n".join(lines)


def search_fields(
    fields: StrPath,
    truth: StrPath,
    outputs: Outputs,
    *,
    grid: str,
    plan: SearchPlan,
    rule: AcceptanceRule,
    groups: str | None = None,
) -> Searched:
    """Search the parameters of a reader of fields, fit the best to all, and save it.

    Parameters
    ----------
    fields : path
        Folder with the images of the fields.

    truth : path
        CSV file with the columns ``file`` and ``value``.

    outputs : Outputs
        What is to be written.

    grid : str
        As for :func:`pipelines.recipes.find_grid`.

    plan : SearchPlan
        How to go about it.

    rule : AcceptanceRule
        Not fitted; what it is to promise.

    groups : str, default=None
        Column of the truth with the writer or document of each field.

    Returns
    -------
    searched : Searched
        Its string is the report to print. If it `is_gain`, the model is written.

    Raises
    ------
    ValueError
        If the fields, the truth or the grid cannot be used, or the budget is too short.

    OutputError
        If something cannot be written; found out before the work.

    Notes
    -----
    The rule is fitted to the confidences that the best candidate read the folds with,
    each by a reader that learned from the others. That it is the best of several is
    paid for: it keeps its promise as often as a rule for each of them would that all
    keep theirs [1]_.

    References
    ----------
    .. [1] O. J. Dunn, "Multiple comparisons among means", J. American Statistical
       Association 56(293), pp. 52-64, 1961.
    """
    check_writable(outputs.model)
    if outputs.plots:
        check_plots(outputs.plots)
    _check_separate(outputs, truth)
    labelled = read_labelled_fields(fields, truth, groups=groups)
    kind = find_kind(labelled)
    reader = _seeded(make_field_reader(), plan.random_state)
    chosen = find_grid(grid, kind)
    check_grid(chosen, list(reader.get_params()))
    _check_kept(chosen)
    images, texts = zip(*((f.image, f.value) for f in labelled), strict=True)
    units = [f.group for f in labelled] if groups is not None else None
    found = search(reader, list(images), list(texts), chosen, plan, groups=units)
    fitted = fit_rule(rule, found, units)
    searched = Searched(found, outputs, len(labelled), fitted)
    best = None
    if found.is_gain:
        best = fit_best(reader, found.best, list(images), list(texts))
    # Only now: a search that was interrupted finds nothing that it would replace.
    write_search(found, outputs.table)
    if outputs.picture:
        plot_search(*_pictured(found), outputs.picture)
    if best is not None:
        card = ModelCard.write_today(f"{kind}, then fields", len(labelled))
        card = replace(card, command=outputs.command, figures=searched.figures)
        save_field_reader(best, outputs.model, card=card, rule=fitted)
    return searched


def find_kind(labelled: Sequence[LabelledField]) -> Kind:
    """Say whether most fields are rows of boxes, or free writing.

    Parameters
    ----------
    labelled : sequence of LabelledField
        Fields as scanned.

    Returns
    -------
    kind : {"combs", "lines"}
    """
    pieces = FieldReader().cut(clean_fields(labelled))
    n_combs = sum(bool(comb) for comb in pieces)
    return "combs" if 2 * n_combs > len(labelled) else "lines"


def fit_best(
    reader: Any, best: Candidate, images: Sequence[Image], texts: Sequence[str]
) -> Any:
    """Fit a reader as the best candidate was, to all fields.

    Parameters
    ----------
    reader : Pipeline
        What was searched.

    best : Candidate
        Its parameters; all fields are learned from, whatever its number of them was.

    images : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Fields as scanned.

    texts : sequence of n_fields str
        What they say.

    Returns
    -------
    fitted : Pipeline
    """
    params = {k: v for k, v in best.params.items() if k != N_LABELLED}
    return clone(reader).set_params(**params).fit(images, texts)


def fit_rule(
    rule: AcceptanceRule, found: Found, groups: Sequence[Any] | None
) -> AcceptanceRule | None:
    """Fit a rule to what the best candidate read of the folds.

    Parameters
    ----------
    rule : AcceptanceRule
        Not fitted.

    found : Found
        The search, of fields.

    groups : sequence of n_fields objects, or None
        The writer or document of each.

    Returns
    -------
    fitted : AcceptanceRule or None
        Its `confidence` is raised for the number of candidates; None if there is no
        value that hangs on its confidence.
    """
    held = np.concatenate([held for _, held in found.splits])
    units = held if groups is None else np.asarray(groups, dtype=object)[held]
    outcomes = found.best.outcomes
    decided, right, sureness = (
        np.concatenate([getattr(one, name) for one in outcomes])
        for name in ("decided", "right", "confidences")
    )
    if not decided.any():
        return None
    confidence = 1 - (1 - rule.confidence) / len(found.candidates)
    raised = clone(rule).set_params(confidence=confidence)
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
    ranked = sorted(found.candidates, key=lambda candidate: -candidate.mean)
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


def _pictured(found: Found) -> tuple[list[str], list[list[float]]]:
    """Name all candidates, and list their scores, for a picture."""
    rows = sorted(found.candidates, key=lambda candidate: candidate.mean)
    if found.before is not None:
        rows = [found.before, *rows]
    return [_name(row) for row in rows], [row.scores for row in rows]


def _check_separate(outputs: Outputs, truth: StrPath) -> None:
    if real_path(truth) in map(real_path, (outputs.model, outputs.table)):
        raise ValueError(
            f"{truth} is the truth that is read, and would be written over. Write"
            " another."
        )


def _check_kept(grid: Grid) -> None:
    """Refuse, before the work, what no model file can tell whoever reads with it."""
    for part in grid:
        for name, values in part.items():
            plain = all(isinstance(v, str | int | float | None) for v in values)
            is_held = name == N_LABELLED or name.startswith(_HELD)
            if not is_held and not (is_setting(name) and plain):
                raise ValueError(
                    f"The grid searches {name}, which a model file does not hold."
                    " Search it in Python: pipelines.training.search.search."
                )


def _seeded(reader: Any, random_state: int) -> Any:
    seeds = [name for name in reader.get_params() if name.endswith("random_state")]
    return reader.set_params(**dict.fromkeys(seeds, random_state))


def _name(candidate: Candidate) -> str:
    if candidate.params == {N_LABELLED: 0}:
        return _AS_IT_COMES
    return show_params(candidate.params) or "as it is adapted usually"


def _numbers(candidate: Candidate) -> str:
    seconds = float(np.mean(candidate.seconds))
    return f"{candidate.mean:8.3f} {candidate.deviation:6.3f} {seconds:8.1f}"


def _describe(candidate: Candidate) -> str:
    return (
        f"{candidate.scoring} {candidate.mean:.3f} +- {candidate.deviation:.3f} (mean"
        " and deviation over the folds)"
    )

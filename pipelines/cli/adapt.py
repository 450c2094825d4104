"""The command ``lenet adapt``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import (
    check_model,
    check_outputs,
    find_inputs,
    say,
    use_one_thread,
    warn,
)
from pipelines.cli.options import (
    FormFile,
    PartialTruth,
    PiledFields,
    PileModel,
    RosterOptions,
    TrainingOptions,
    group_options,
)

if TYPE_CHECKING:
    from pipelines.forms.form import Form
    from pipelines.training.unlabelled import FieldPile


@group_options
def adapt(
    context: typer.Context,
    fields: PiledFields,
    training: TrainingOptions,
    form: FormFile = None,
    truth: PartialTruth = None,
    model: PileModel = "wide",
    *,
    listed: RosterOptions,
) -> None:
    """Let a model learn from your own fields without boxes, labelled or not.

    FIELDS are images of single fields, as for `lenet read`; or, with --form, pages of
    that form, whose fields of free writing are learned from. Nobody needs to say what
    is written: strings count that two readers of different kinds agree on and that
    keep the rules of the form and the numbers of the --roster. A hundred fields are
    worth it, better some hundreds.

    --truth says what is written in some fields. Where all are known, `lenet train
    fields` reads more.

    Some documents are kept back, and nothing is learned from them. If a reader of
    another kind sides with what was read before there, more rules are broken, or more
    labelled fields are misread, what was learned is thrown away: the model that is
    written is the one started from, under the new name.

    300 fields take about four minutes on one core, 864 about eleven.

    Exit status: 0 done, 1 nothing was gained.
    """
    use_one_thread()
    from pipelines.training.adapting import adapt_to_pile, load_pile_start, save_lessons

    check_model(model)
    check_outputs(training.output, force=training.force)
    read = [form, truth, listed.roster]
    files = find_inputs(fields, [training.output], model=model, others=read)
    start = load_pile_start(model, training.device)
    pile = _gather(files, _form_of(form, listed), form, truth)
    for line in pile.passed_over:
        warn(f"warning: {line}")
    lessons = adapt_to_pile(pile, start, random_state=training.seed)
    save_lessons(lessons, training.output, model=model, command=context.obj)
    say(lessons)
    say(f"saved in     {training.output}")
    if not lessons.is_gain:
        raise typer.Exit(ExitCode.FAILED)
    option = f" --form {shlex.quote(str(form))}" if form else ""
    reading = "score" if form else "read"
    names = shlex.join(fields)
    written = shlex.quote(str(training.output))
    say(f"read with    lenet {reading} {names}{option} --model {written}")


def _form_of(path: Path | None, listed: RosterOptions) -> "Form | None":
    """Read the form, and let its field be of the roster."""
    from pipelines.forms.form import Form
    from pipelines.scoring.roster import Roster
    from pipelines.training.unlabelled import with_roster

    form = None if path is None else Form.from_file(path)
    if listed.roster is None and listed.match is None:
        return form
    if listed.roster is None or listed.match is None:
        raise typer.BadParameter(
            "--roster FILE and --match NAME belong together: the list, and its column"
            " with the numbers, which is the field of the form if there is one"
        )
    name, _, column = listed.match.partition("=")
    roster = Roster.from_file(listed.roster, column or name)
    if form is None:
        return with_roster(None, roster.numbers)
    if name not in [field.name for field in form.fields]:
        raise typer.BadParameter(
            f"--match {listed.match}: the form has no field {name}"
        )
    return with_roster(form, roster.numbers, name)


def _gather(
    files: list[Path], form: "Form | None", pages: Path | None, truth: Path | None
) -> "FieldPile":
    """Read the fields of images, or of pages of a form."""
    from pipelines.training import unlabelled

    if pages is not None and form is not None:
        return unlabelled.pile_of_pages(files, form, truth=truth)
    return unlabelled.pile_of_fields(files, form=form, truth=truth)

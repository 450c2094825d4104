"""``lenet status``, ``merge`` and ``redo``: what goes on with the folder of a run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.exits import ExitCode
from pipelines.cli.inputs import find_rules, say, threshold_of, use_one_thread
from pipelines.cli.matching import find_matcher
from pipelines.cli.options import (
    DecidingOptions,
    Force,
    FormFile,
    NewTable,
    RosterOptions,
    Run,
    Runs,
    group_options,
)
from pipelines.cli.piles import list_tables, refuse_pile
from pipelines.cli.runs import finish
from pipelines.cli.settings import (
    describe_form,
    describe_networks,
    pack_rules,
    pile_of,
    restore_rules,
)
from pipelines.cli.tables import check_free_tables

if TYPE_CHECKING:
    from pipelines.forms.form import Form
    from pipelines.forms.pile import Pile


def status(run: Run) -> None:
    """Print how far a run is.

    Exit status: 0 all pages were read, 1 all were and some failed, 5 some are left.
    """
    from pipelines.runs.folder import RunFolder

    folder = RunFolder(run)
    n_pages, n_read, n_failed = folder.count_pages()
    share = 100 * n_read / max(n_pages, 1)
    say(
        f"{n_read} of {n_pages} {folder.settings['unit']}s were read ({share:.0f} %),"
        f" {n_failed} of them failed"
    )
    if folder.is_at_work():
        say("A run is at work here")
    elif n_read < n_pages:
        say("No run is at work here: the command that began it goes on")
    if n_read < n_pages:
        raise typer.Exit(ExitCode.INCOMPLETE)
    if n_failed:
        raise typer.Exit(ExitCode.FAILED)


def merge(runs: Runs, output: NewTable, force: Force = False) -> None:
    """Write the table of a run that was read in shards.

    Where machines shared no disk, name the folders of all: their parts are copied into
    the first. Parts that are missing, were read twice or are of another run are
    refused.
    """
    use_one_thread()
    from pipelines.runs.folder import RunFolder
    from pipelines.runs.parts import adopt_parts

    folder, *others = map(RunFolder, runs)
    batch = restore_rules(folder.settings)
    tables = list_tables(output, folder.settings)
    check_free_tables(tables, [], folder, force=force)
    with folder.locked():
        adopt_parts(folder.parts, [other.parts for other in others])
        folder.check_whole()
        finish(folder, output, folder.results(), folder.settings, batch=batch)


@group_options
def redo(
    run: Run,
    output: NewTable,
    form: FormFile = None,
    *,
    listed: RosterOptions,
    deciding: DecidingOptions,
    force: Force = False,
) -> None:
    """Decide anew what a run has read, without opening a scan.

    With another form, of the same fields and other rules; another acceptance rule or
    threshold; or a list to match the pages with. What is not named stays as it was.
    """
    use_one_thread()
    from pipelines.forms.form import Form
    from pipelines.runs.again import check_same_fields, decide_anew
    from pipelines.runs.folder import RunFolder

    folder = RunFolder(run)
    settings = folder.settings
    read = Form.model_validate(settings["form"]) if settings["form"] else None
    wanted, pile = read, pile_of(settings)
    if pile and (form or listed.roster or listed.match):
        refuse_pile(settings, "lenet redo with --form or --roster")
    if form is not None:
        if read is None:
            raise typer.BadParameter("--form is of pages, and this run is of fields")
        wanted = Form.from_file(form)
        check_same_fields(read, wanted)
        settings = {**settings, **describe_form(form, wanted)}
    batch, settings = _decide_by(deciding, settings, pile or wanted)
    if wanted is None and listed.roster:
        raise typer.BadParameter("--roster is of pages, and this run is of fields")
    threshold = threshold_of(deciding, None)
    matcher = wanted and find_matcher(listed, wanted, output[0], threshold)
    companions, written = ([matcher], [matcher.table]) if matcher else ([], [])
    tables = list_tables(output, settings)
    check_free_tables(tables, written, folder, settings=settings, force=force)
    with folder.locked():
        folder.check_whole()
        results = decide_anew(folder.results(), pile or wanted, settings["threshold"])
        finish(folder, output, results, settings, batch=batch, companions=companions)


def _decide_by(
    deciding: DecidingOptions,
    settings: Mapping[str, Any],
    form: "Form | Pile | None",
) -> tuple[Any, dict[str, Any]]:
    """Find the rules that decide, and the settings with them."""
    given = (deciding.threshold, deciding.max_error, deciding.rule)
    if all(each is None for each in given):
        return restore_rules(settings), dict(settings)
    if deciding.max_error is not None and deciding.rule is None:
        _check_networks(settings)
    kinds = form.kinds if form else {"comb", "line"}
    batch = find_rules(deciding, settings["model"], kinds)
    threshold = threshold_of(deciding, batch)
    return batch, {**settings, "threshold": threshold, "rules": pack_rules(batch)}


def _check_networks(settings: Mapping[str, Any]) -> None:
    """Refuse the rule of a model that is not the one that read the pages."""
    if describe_networks(settings["model"]) != settings["networks"]:
        raise typer.BadParameter(
            f"the model {settings['model']} is not the one that read the pages, and so"
            " its rule is not for them. Name a rule by --rule"
        )

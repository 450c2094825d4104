"""The command line: ``lenet demo``, ``score``, ``read``, ``form``, ``train``..."""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.adapt import adapt
from pipelines.cli.again import merge, redo, status
from pipelines.cli.exits import ExitCode, exit_code_of
from pipelines.cli.inputs import (
    check_model,
    check_outputs,
    choose_pile,
    find_inputs,
    find_rules,
    free_field,
    load_reading_model,
    make_reader_of,
    say,
    threshold_of,
    use_one_thread,
    warn,
)
from pipelines.cli.matching import find_matcher
from pipelines.cli.options import (
    Blank,
    Characters,
    Command,
    DecidingOptions,
    DemoFolder,
    Digits,
    Draft,
    EditorPage,
    FieldImages,
    FilledIn,
    Force,
    FormFiles,
    Model,
    OfFields,
    PageOptions,
    Pages,
    ReadingOptions,
    RosterOptions,
    Scans,
    Seed,
    SoughtOptions,
    Sources,
    Tables,
    group_options,
)
from pipelines.cli.piles import (
    check_options_of_pile,
    describe_forms,
    list_form_files,
    list_tables,
    warn_of_places,
)
from pipelines.cli.review import apply, find_reviews, review
from pipelines.cli.runs import Job, execute, run_of
from pipelines.cli.search import search
from pipelines.cli.settings import describe_job
from pipelines.cli.tables import check_free_tables, check_log
from pipelines.cli.train import calibrate, evaluate, train
from pipelines.scans.find import ScanError, printable

if TYPE_CHECKING:
    from pipelines.forms.form import Form
    from pipelines.forms.pile import Pile
    from pipelines.runs.tables import TableSource
    from pipelines.scoring.table import PageResult, Summary


_ENDING = (signal.SIGINT, signal.SIGTERM)

app = typer.Typer(
    name="lenet",
    help="Read handwritten digits in scanned forms into a table.",
    epilog="Example: lenet demo. Each command shows one too: lenet COMMAND --help",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"lenet {version('lenet-sklearn')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    pass


@app.command(cls=Command, epilog="Example: lenet demo -o demo --pages 12")
def demo(
    output: DemoFolder = Path("lenet-demo"),
    pages: Pages = 12,
    seed: Seed = 0,
    fields: OfFields = False,
    force: Force = False,
) -> None:
    """Draw filled-in forms, read them, compare.

    With --fields, images of fields without boxes are drawn, with a table of what they
    say, to try lenet read, lenet train fields and lenet evaluate fields on.
    """
    from lenet_sklearn.outputs import make_folder

    if fields:
        _demonstrate_fields(output, n_fields=10 * pages, seed=seed, force=force)
        return
    use_one_thread()
    from pipelines.drawing import draw_filled_forms
    from pipelines.forms.form import Form
    from pipelines.runs.tables import TableSource
    from pipelines.scoring.batch import score_documents
    from pipelines.scoring.table import truth_table

    table, pictures = output / "results.csv", output / "pictures"
    clear_demo_folder(
        output, n_pages=pages, table=table, pictures=pictures, force=force
    )
    make_folder(output)
    say(f"Drawing {pages} filled-in forms...")
    forms = draw_filled_forms(output, n_pages=pages, random_state=seed)
    form = Form.from_file(forms.form)
    results: list[PageResult] = []

    def scored() -> Iterator["PageResult"]:
        reader = _form_reader(form, "boxes", 0.9)
        for result in score_documents(list(forms.scans), reader, overlay=pictures):
            results.append(result)
            yield result

    summary = _write(table, TableSource.of_form(form), scored(), pages)
    say(f"{truth_table(results, forms.truth)}\n{summary}")
    say(f"Table: {table}\nPictures: {pictures}\nScans: {forms.scans[0].parent}")
    _exit_by(summary)


@app.command(
    cls=Command, epilog="Example: lenet score scans/ --comb student_id=9 -o results.csv"
)
@group_options
def score(
    scans: Scans,
    output: Tables,
    form: FormFiles = None,
    *,
    sought: SoughtOptions,
    drawn: PageOptions,
    listed: RosterOptions,
    deciding: DecidingOptions,
    reading: ReadingOptions,
) -> None:
    """Read scanned pages: a table with a row for each.

    The columns are document, page, status and error, then for each field its
    value, NAME, and NAME.status and NAME.confidence.

    With --grid sudoku=9x9 the fields are sudoku_1 to sudoku_9, the rows from top to
    bottom. A row has a character for each box: _ where it is empty.

    A page is ok; review: look at the fields that are neither accepted nor blank;
    empty: nothing is on it, as on the backs of sheets; or failed: it could not be
    read. The column error says why, unless a low confidence does.

    A field is accepted; rejected: look at it; blank; invalid: it breaks a rule
    of the form; or unlocated: it was not found on the page.

    Pages are kept in the folder RESULTS.run as they are read. After an interruption
    the same command goes on: it reads what is missing, and what has failed.

    Of several forms, each page goes to the one that it fits. RESULTS.NAME.csv is the
    table of the form NAME.json, with a row for each of its sheets, and
    RESULTS.ledger.csv says of every page which it is, or why it is of none.

    With --roster, RESULTS.roster.csv has a row for each page too: matched with a
    number of the list; unlisted: it is of none; conflict: another page has the same;
    rejected: look at it, suggestions has the nearest; or unread: no number was found.
    Rows without a page follow: absent. It is written when all pages are read.

    Exit status: 0 all pages were read, 1 some failed (their rows say why), 2 misuse,
    3 the disk is full, 4 another run is at work.
    """
    use_one_thread()
    from pipelines.scoring.batch import list_first_pictures

    pile = choose_pile(form or [], sought.comb or [], sought.grid or [])
    overlay = drawn.overlay
    warn_of_places(pile)
    described = describe_forms(pile)
    tables = list_tables(output, described)
    # What `lenet form` wrote, and pictures of an earlier run, may lie among the scans.
    others = [*list_form_files(pile), deciding.rule, listed.roster]
    files = find_inputs(
        scans, tables, model=reading.model, others=others, exclude=overlay
    )
    if listed.roster and reading.shard:
        raise typer.BadParameter(
            "--roster needs all pages: give it to lenet redo when the shards are merged"
        )
    check_options_of_pile(pile, listed, reading)
    wanted = threshold_of(deciding, None)
    matcher = find_matcher(listed, pile.forms[0].pages[0], output[0], wanted)
    written = [matcher.table] if matcher else []
    written += list_first_pictures(files, overlay) if overlay else []
    written += [reading.review] if reading.review else []
    batch = find_rules(deciding, reading.model, pile.kinds)
    threshold = threshold_of(deciding, batch)
    settings = describe_job(reading.model, threshold, batch)
    settings |= described | {"dpi": drawn.dpi}
    run = run_of(output)
    check_free_tables(tables, written, run, force=reading.force)
    check_log(reading.log, [*tables, *written, *files, *others])
    reader = _pile_reader(pile, reading.model, threshold, locate_digits=bool(overlay))
    if batch:
        reader = batch.wrap(reader)
    companions = [*([matcher] if matcher else []), *find_reviews(run, reading)]
    job = Job(files, reader, settings, drawn.dpi, overlay, batch=batch)
    execute(job, run, output, reading, companions)


@app.command(
    cls=Command, epilog="Example: lenet read fields/*.png --digits 9 -o values.csv"
)
@group_options
def read(
    fields: FieldImages,
    output: Tables,
    digits: Digits = None,
    characters: Characters = None,
    *,
    deciding: DecidingOptions,
    reading: ReadingOptions,
) -> None:
    """Read images of single fields, already cut out.

    The columns are file, value, status and confidence. What was read is kept in the
    folder VALUES.run, as `lenet score --help` says, which has the exit statuses too.

    With --characters 0123456789.- the images are free writing with points and minus
    signs; a value with a sign that is not named is invalid.
    """
    use_one_thread()
    from pipelines.scoring.batch import OneField

    field = free_field(characters, digits)
    files = find_inputs(fields, output, model=reading.model, others=[deciding.rule])
    batch = find_rules(deciding, reading.model, ("comb", "line"))
    threshold = threshold_of(deciding, batch)
    reader = make_reader_of(reading.model, digits=digits, threshold=threshold)
    settings = describe_job(reading.model, threshold, batch, unit="field")
    settings |= {"digits": digits}
    settings |= {"characters": characters} if field else {}
    run = run_of(output)
    written = [reading.review] if reading.review else []
    check_free_tables(output, written, run, force=reading.force)
    check_log(reading.log, [*output, *files, deciding.rule])
    job = Job(files, OneField(reader, field), settings, batch=batch)
    execute(job, run, output, reading, find_reviews(run, reading))


for command, example in (
    (status, "lenet status results.run"),
    (merge, "lenet merge results.run -o results.csv"),
    (redo, "lenet redo results.run --max-error 0.02 -o other.csv"),
    (review, "lenet review results.csv -o review.html"),
    (apply, "lenet apply results.csv anna.csv ben.csv -o corrected.csv"),
):
    app.command(cls=Command, epilog=f"Example: {example}")(command)


@app.command(
    cls=Command,
    epilog="Example: lenet form blank.pdf -o form.json, or lenet form scans/ --edit"
    " form.html",
)
def form(
    sources: Sources,
    output: Draft = None,
    edit: EditorPage = None,
    filled: FilledIn = False,
    blank: Blank = None,
    force: Force = False,
) -> None:
    """Draft a form from a blank page, from filled-in pages, or from a drawing.

    With --edit PAGE.html instead of -o, a page is written in which fields are drawn,
    moved, named and given rules: open it in a browser, and save the form from there.
    SOURCE may be the JSON file of a form, too.

    SOURCE is a scan or a PDF of the blank form: the fields are named field_01,
    field_02... in reading order. Look at the picture, then rename them in the JSON
    file. Of a file with several pages, the first is the form. Text fields of a PDF
    that is filled in on a screen are taken as they are.

    Without a blank page, name filled-in ones, three at least and better ten: scans/,
    *.png, or --filled scans.pdf. What they share is the blank page, and is written
    beside the form, as form.blank.png; pages that do not fit the others are named.

    Or it is a drawing of the fields, made with LabelMe, a tool that writes COCO, CVAT
    or Label Studio, with the page that was drawn on as --blank. A label is the name of
    its field, and may say more: "total digits=3; maximum=400".
    """
    use_one_thread()
    from pipelines.forms.editing import write_editor
    from pipelines.forms.importing import write_form

    if (written := output or edit) is None or (output and edit):
        raise typer.BadParameter(
            "give either -o form.json, which is to be the form, or --edit form.html,"
            " a page to edit it in"
        )
    write_it = write_form if output else write_editor
    is_pile = filled or len(sources) > 1 or sources[0].is_dir()

    def write(source: Any) -> tuple[str, tuple[str, ...]] | Exception:
        try:
            return write_it(source, written, blank=blank, overwrite=force)
        except (ValueError, OSError) as error:
            return error

    answer = _write_apart(write, sources if is_pile else sources[0])
    if isinstance(answer, Exception):
        raise answer
    summary, notes = answer
    for note in notes:
        warn(f"warning: {written}: {note}")
    say(summary)


def _write_apart(write: Callable[[Any], Any], source: Any) -> Any:
    """Write a form in a process of its own, which a harmful page may end."""
    from pipelines.forms.filled import MOST_PAGES
    from pipelines.scoring.processes import Lost, PageLimits, Processes

    limits = PageLimits()
    if isinstance(source, list):
        # A page is registered onto several others, and all are held at once.
        limits = PageLimits(MOST_PAGES * limits.seconds, 4 * limits.gigabytes)
    with Processes(write, jobs=1, limits=limits) as processes:
        answer = processes.ask(source)
    if isinstance(answer, Lost):
        named = source[0] if isinstance(source, list) else source
        raise ScanError(f"{named}: {answer.reason}")
    return answer


app.add_typer(train)
app.command(
    cls=Command,
    epilog="Example: lenet search --fields fields/ --truth truth.csv"
    " -o best.safetensors",
)(search)
app.command(cls=Command, epilog="Example: lenet adapt fields/ -o own.safetensors")(
    adapt
)
app.add_typer(evaluate)
app.command(
    cls=Command,
    epilog="Example: lenet calibrate results.csv --truth truth.csv -o rule.json",
)(calibrate)


@app.command(cls=Command, epilog="Example: lenet info mnist")
def info(model: Model) -> None:
    """Print where a model comes from: its card."""
    from pipelines.models import describe_model

    check_model(model)
    say(describe_model(model))


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    args : sequence of str, default=None
        Arguments after the program's name; by default those of the process.

    Returns
    -------
    status : int
        An :class:`ExitCode`. What is not `DONE` or `FAILED` is explained in one line
        on stderr.
    """
    words = list(sys.argv[1:] if args is None else args)
    _open_streams()
    command = shlex.join(["lenet", *words])  # for model cards
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        return int(app(words or ["--help"], standalone_mode=False, obj=command) or 0)
    except BaseException as error:
        explained = _explain(error)
        if explained is None:
            if not isinstance(error, Exception):
                raise
            traceback.print_exception(error)
            return ExitCode.BUG
        text, status = explained
        notes = getattr(error, "__notes__", [])
        line = printable(" ".join("; ".join([text, *notes]).split()))
        with suppress(OSError):  # nobody reads it: the status says what became of all
            print(line, file=sys.stderr, flush=True)
        return status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_streams() -> None:
    """Lead streams nowhere that whoever started this has closed.

    The first files that are opened would take their numbers, and what is meant for a
    terminal would be written into them.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # has the lowest number that is free
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115


class _Interrupted(BaseException):
    """Ctrl-C, or a polite request to end; typer would keep a KeyboardInterrupt."""


def _demonstrate_fields(output: Path, *, n_fields: int, seed: int, force: bool) -> None:
    """Draw fields without boxes, read them, and say what they can be used for."""
    from lenet_sklearn.outputs import make_folder
    from pipelines.drawing.stack import draw_fields, list_drawn_fields
    from pipelines.models import VOTE
    from pipelines.runs.tables import TableSource
    from pipelines.scoring.batch import score_fields

    table = output / "values.csv"
    check_outputs(None, [*list_drawn_fields(output), table], force=force)
    make_folder(output)
    say(f"Drawing {n_fields} fields...")
    drawn = draw_fields(output, n_fields=n_fields, random_state=seed)
    n_right = 0

    def compared() -> Iterator["PageResult"]:
        nonlocal n_right
        for result in score_fields(drawn.images, make_reader_of(VOTE)):
            [field] = result.reading.fields.values()
            n_right += field.value == drawn.truth[Path(result.document).name]
            yield result

    summary = _write(table, TableSource(("value",), "field"), compared(), n_fields)
    folder = drawn.images[0].parent
    share = f"{n_right} of {n_fields} fields read correctly"
    say(f"{share} ({100 * n_right / n_fields:.1f} %)\n{summary}\nTable: {table}")
    say(f"Fields: {folder}\nTruth: {drawn.truth_file}")
    _exit_by(summary)


def clear_demo_folder(
    folder: Path, *, n_pages: int, table: Path, pictures: Path, force: bool = False
) -> None:
    """Make room for a demonstration where nothing but an earlier one would be lost.

    The folder is that of an earlier one if it holds its form, byte for byte. The
    pages that its truth names are taken away: a new one may have fewer.

    Parameters
    ----------
    folder : Path
        Folder to write to; it need not be there.

    n_pages : int
        Number of filled-in forms.

    table : Path
        Where the values read will be written.

    pictures : Path
        Folder for the pictures of the pages.

    force : bool, default=False
        Replace files of others, too.

    Raises
    ------
    OutputError
        If a file is there that the demonstration would replace and is not its own.

    OSError
        If a page cannot be taken away.
    """
    from lenet_sklearn.outputs import OutputError
    from pipelines.drawing.stack import (
        holds_drawn_form,
        list_drawn_files,
        list_drawn_scans,
    )

    written = list_drawn_files(folder, n_pages=n_pages)
    written += [table, *pictures.glob("page_*")]
    there = next((path for path in written if path.exists()), None)
    if there is None:
        return
    if not force and not holds_drawn_form(folder):
        raise OutputError(
            f"{there} is there, is of no demonstration by this release, and would be"
            " written over. Name another folder, or replace it with --force"
        )
    for scan in list_drawn_scans(folder):
        for page in (scan, pictures / f"{scan.stem}-p1.png"):
            if page.is_file():
                page.unlink()


def _interrupt(number: int, *_: object) -> None:
    raise _Interrupted(number)


def _explain(error: BaseException) -> tuple[str, int] | None:
    """Return what went wrong, and the exit status; None for a bug."""
    if isinstance(error, _Interrupted):
        return "lenet: interrupted", 128 + error.args[0]  # as shells have it
    if isinstance(error, BrokenExecutor):
        return "lenet: a process was killed; try fewer --jobs", ExitCode.INCOMPLETE
    if isinstance(error, ValueError | OSError):
        return f"lenet: {error}", exit_code_of(error)
    if not hasattr(error, "format_message"):  # typer's errors have no public base
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lenet"
    message = error.format_message().removeprefix("Invalid value: ").rstrip(".")
    return f"{command}: {message}. Try: {command} --help", ExitCode.MISUSE


def _form_reader(form: "Form", model: str, threshold: float, **params: Any) -> Any:
    from pipelines.readers import make_form_reader

    reading = load_reading_model(model)
    return make_form_reader(form, **reading, threshold=threshold, **params)


def _pile_reader(pile: "Pile", model: str, threshold: float, **params: Any) -> Any:
    """Make what reads the pages of one form, or of several."""
    reading = load_reading_model(model)
    if "line_reader" in reading and not pile.kinds & {"line", "box"}:
        raise typer.BadParameter(
            f"--model {model} reads free writing, and all fields of the form are combs."
            " These are read with a classifier of digits, such as boxes"
        )
    if not pile.is_mixed:
        return _form_reader(pile.forms[0].pages[0], model, threshold, **params)
    from pipelines.readers import make_form_reader
    from pipelines.readers.pile import PileReader

    make = partial(make_form_reader, **reading, threshold=threshold, **params)
    return PileReader(pile, make)


def _write(
    table: Path, source: "TableSource", results: Iterable["PageResult"], n_results: int
) -> "Summary":
    """Write a table while its rows come in, with a progress bar on a terminal."""
    from pipelines.runs.tables import open_tables
    from pipelines.scoring.batch import Bar
    from pipelines.scoring.table import Summary

    summary = Summary(source.unit)
    # None: no bar where stderr is no terminal.
    bar = Bar(results, total=n_results, unit=source.unit, disable=None)
    with open_tables([table], source) as write, bar:
        for result in bar:
            write(result)
            summary.add(result)
    return summary


def _exit_by(summary: "Summary") -> None:
    if summary.pages["failed"]:
        raise typer.Exit(ExitCode.FAILED)

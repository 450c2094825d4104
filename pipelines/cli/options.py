"""The options of the commands of ``lenet``: what each is called, takes and means."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from pipelines.scans.find import SCAN_SUFFIXES

if TYPE_CHECKING:
    from pipelines.scoring.processes import PageLimits


class Command(TyperCommand):
    """A command whose help has no types of Python, and whose options are given once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments; refuse an option of which only the last would count."""
        *_, given = self.make_parser(ctx).parse_args(list(args))
        for option in given:
            once = option.param_type_name == "option" and not option.multiple
            if once and given.count(option) > 1 and not option.is_eager:
                raise typer.BadParameter(
                    f"{option.opts[0]} is given {given.count(option)} times. Give it"
                    " once",
                    ctx=ctx,
                )
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def get_help(self, ctx: Any) -> str:
        """Return the help, columns in line."""
        text = re.sub(r"\{(\w+)\}", r"\1", super().get_help(ctx))
        return re.sub(r" <[A-Za-z\[\]]+>", lambda found: " " * len(found[0]), text)


def group_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take dataclasses, each of which stands for several options.

    Parameters
    ----------
    command : callable
        Some of its parameters are annotated with a dataclass, the fields of which
        are annotated as the parameters of a typer command are.

    Returns
    -------
    command : callable
        One for typer: it takes the fields in place of the dataclasses.
    """
    groups: dict[str, Any] = {}
    options: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            groups[name] = group
            options += inspect.signature(group).parameters.values()
        else:
            options.append(parameter)

    @wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            own = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**own)
        command(**values)

    # By keyword, so that an option that must be given may follow one that need not.
    options = [option.replace(kind=option.KEYWORD_ONLY) for option in options]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


# Suffixes of files of other kinds than those that are written here.
_OTHER_KINDS = frozenset(
    [
        ".csv",
        ".db",
        ".doc",
        ".docx",
        ".feather",
        ".gz",
        ".h5",
        ".htm",
        ".html",
        ".joblib",
        ".json",
        ".keras",
        ".md",
        ".npy",
        ".npz",
        ".numbers",
        ".ods",
        ".odt",
        ".onnx",
        ".parquet",
        ".pickle",
        ".pkl",
        ".pt",
        ".pth",
        ".safetensors",
        ".sqlite",
        ".toml",
        ".tsv",
        ".xls",
        ".xlsb",
        ".xlsm",
        ".xlsx",
        ".xml",
        ".yaml",
        ".yml",
        ".zip",
    ]
)


# Endings of the tables that a run may write.
_TABLES = frozenset({".csv", ".jsonl", ".parquet", ".xlsx"})


def _check_share(value: float) -> float:
    if not 0 < value < 1:
        raise typer.BadParameter(f"expects a share above 0 and below 1. Got {value:g}")
    return value


def _check_tables(outputs: list[Path]) -> list[Path]:
    """Check the names of tables; what they end in says what they are."""
    check = _named(".csv")
    for output in outputs:
        if output.suffix.lower() not in _TABLES:
            check(output)
    return outputs


def _named(suffix: str) -> Callable[[Path | None], Path | None]:
    """Make a check of names: what a file is called, others take it for."""

    def check(output: Path | None) -> Path | None:
        if output is None:
            return None
        found = output.suffix.lower()
        if found == suffix or found not in SCAN_SUFFIXES | _OTHER_KINDS:
            return output
        better = output.with_suffix("")
        if better.suffix.lower() != suffix:  # as that of r.csv.gz
            better = output.with_suffix(suffix)
        kind = "a scan" if found in SCAN_SUFFIXES else f"a {found} file"
        raise typer.BadParameter(
            f"{output} would be named like {kind}, which it is not. Name it {better}"
            + (", which spreadsheets open" if suffix == ".csv" else "")
        )

    return check


def _check_review(output: Path) -> Path:
    """Check the name of a review; what it ends in says what it is."""
    if output.suffix.lower() not in (".html", ".htm", ".json"):
        raise typer.BadParameter(
            f"What to write cannot be told from the name {output}. Let it end in .html"
            " for a page, or in .json for tasks for Label Studio"
        )
    return output


# As of pipelines.readers.scorers, which takes a while to import.
_SCORERS = ("exact_strings", "neg_calibration_error", "neg_digit_error", "read_rate")


def _check_scorer(name: str) -> str:
    if name not in _SCORERS:
        raise typer.BadParameter(
            f"there is no {name}. Name one of {', '.join(_SCORERS)}"
        )
    return name


class RecipeName(StrEnum):
    """Recipes that ship, as of :mod:`lenet_sklearn.recipes`."""

    modern = "modern"
    lecun1998 = "lecun1998"
    avg_relu = "avg_relu"
    keras_tanh = "keras_tanh"
    max_relu = "max_relu"
    padded_max_relu = "padded_max_relu"


class NetworkName(StrEnum):
    """Networks that read strings, and are trained on drawn ones."""

    wide = "wide"
    lenet5_dense = "lenet5_dense"
    lenet5 = "lenet5"
    segments = "segments"
    signs = "signs"


Scans = Annotated[
    list[str],
    typer.Argument(
        metavar="SCANS",
        help="PNG, JPEG, WebP, BMP, PNM, TIFF or PDF files, folders, quoted patterns,"
        " or URLs of these.",
    ),
]
FieldImages = Annotated[
    list[str],
    typer.Argument(metavar="FIELDS", help="Images of single fields, or folders."),
]
PiledFields = Annotated[
    list[str],
    typer.Argument(
        metavar="FIELDS",
        help="Images of single fields, or folders; with --form, scans of its pages.",
    ),
]
Tables = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_check_tables,
        help="The table to write: .csv has a row a page, .long.csv, .parquet and .xlsx"
        " a row a field with all that is known of it, .jsonl an object a page. May be"
        " repeated.",
    ),
]
NewTable = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_check_tables,
        help="The table to write, as for `lenet score`. May be repeated.",
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="K/N",
        help="Read only the K-th of N equal shares, such as 3/8, on one of several"
        " machines; auto/N in a job array. `lenet merge` writes the table.",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Read on the workers of this Dask scheduler, such as tcp://10.0.0.1:8786;"
        " needs lenet-sklearn[dask].",
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A file to add a line of JSON to for each page."),
]
Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        exists=True,
        file_okay=False,
        help="The folder of a run: that of results.csv is results.run.",
    ),
]
Runs = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN",
        exists=True,
        file_okay=False,
        help="The folder of a run; more of them where machines shared no disk.",
    ),
]
ReviewPage = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_check_review,
        help="The page to write, or tasks for Label Studio if the name ends in .json.",
    ),
]
Sampled = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        show_default="100",
        help="Accepted fields, chosen by chance, to look at too.",
    ),
]
ReviewToo = Annotated[
    Path | None,
    typer.Option(
        "--review",
        metavar="FILE",
        callback=_named(".html"),
        help="Make a page of what is to be reviewed, too, as `lenet review` does.",
    ),
]
ReviewShard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="K/N",
        help="Only the K-th of N equal shares of the pages, such as 1/4, for one of"
        " several people.",
    ),
]
Differing = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What `lenet apply` wrote where people differ: only these fields, to be"
        " settled by a third.",
    ),
]
KnownTruth = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What is written, as for `lenet evaluate`: the page then shows how many"
        " accepted values are wrong for every threshold.",
    ),
]
ReviewedResults = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS",
        exists=True,
        help="A table that `lenet score` wrote, beside the folder of its run, or that"
        " folder.",
    ),
]
Corrections = Annotated[
    list[Path],
    typer.Argument(
        metavar="CORRECTIONS",
        exists=True,
        dir_okay=False,
        help="Files that the page of a review has saved, or what Label Studio exports"
        " as JSON.",
    ),
]
FormFile = Annotated[
    Path | None,
    typer.Option("--form", metavar="FILE", help="The form, as `lenet form` drafts it."),
]
FormFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--form",
        metavar="FILE",
        help="The form, as `lenet form` drafts it. May be repeated, or be a folder of"
        " forms: each page then goes to the one that it fits.",
    ),
]
Combs = Annotated[
    list[str] | None,
    typer.Option(
        "--comb",
        metavar="NAME=N",
        help="A row of N boxes, wherever it is on the page. May be repeated.",
    ),
]
Grids = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="NAME=ROWSxCOLUMNS",
        help="A grid of boxes, wherever it is on the page. Its rows are NAME_1,"
        " NAME_2..., in which _ is an empty box. May be repeated.",
    ),
]
Dpi = Annotated[
    int, typer.Option(metavar="N", min=36, help="Resolution to render PDF pages at.")
]
Overlay = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder for pictures of what was read."),
]
RosterFile = Annotated[
    Path | None,
    typer.Option(
        "--roster",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A list, such as students.csv: each page is of one of its rows or of none,"
        " no row has two pages.",
    ),
]
MatchField = Annotated[
    str | None,
    typer.Option(
        "--match",
        metavar="NAME",
        help="Field with the number of the list, and the column there; NAME=COLUMN if"
        " that is called otherwise.",
    ),
]
Digits = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Boxes of each comb; otherwise any number."),
]
Characters = Annotated[
    str | None,
    typer.Option(
        metavar="CHARS",
        help="What free writing may consist of: the ten digits, and signs among"
        " . , - / : = * x +",
    ),
]
Jobs = Annotated[
    int, typer.Option(metavar="N", min=1, help="Processes that work side by side.")
]
ReadingJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes that work side by side; one for each core unless given, fewer"
        " where there are few pages.",
    ),
]
DemoFolder = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to fill.")
]
Pages = Annotated[int, typer.Option(metavar="N", min=1, help="Forms to draw.")]
OfFields = Annotated[
    bool,
    typer.Option(
        "--fields", help="Draw images of single fields, ten for each page, no forms."
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, help="Seed of everything that is random.")
]
Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE",
        help="Scan or PDF of the blank form; several filled-in pages, or a folder of"
        " them; or a drawing of its fields.",
    ),
]
FilledIn = Annotated[
    bool,
    typer.Option(
        "--filled",
        help="The pages of SOURCE are filled in: for one PDF or TIFF that holds all.",
    ),
]
Blank = Annotated[
    Path | None,
    typer.Option(
        "--blank", metavar="FILE", help="The page that SOURCE, a drawing, is of."
    ),
]
Draft = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_named(".json"),
        help="The JSON file to write.",
    ),
]
EditorPage = Annotated[
    Path | None,
    typer.Option(
        "--edit",
        metavar="PAGE",
        callback=_named(".html"),
        help="Instead, write a page to edit the form in, such as form.html.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
ReplaceRun = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace tables that exist, and another run that they are of.",
    ),
]
ReadingModel = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="A model of `lenet train`, or one that ships: forms or mnist for boxes;"
        " wide, lenet5_dense, lenet5, segments, signs, or vote (wide with segments) for"
        " fields without boxes, which vote reads unless another is named.",
    ),
]
PageTimeout = Annotated[
    float,
    typer.Option(
        metavar="S", min=0.1, help="Seconds after which a page is given up, as failed."
    ),
]
PageMemory = Annotated[
    float,
    typer.Option(
        metavar="GB",
        min=0.1,
        help="Gigabytes of memory at which a page is given up, as failed.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        min=0,
        max=1,
        help="Confidence, from 0 to 1, below which a value is rejected; 0.9 unless a"
        " rule decides.",
    ),
]
AllowedError = Annotated[
    float | None,
    typer.Option(
        "--max-error",
        metavar="P",
        help="Share of the accepted values that may be wrong, such as 0.01: the"
        " acceptance rule of the model, or of --rule, decides what is accepted.",
    ),
]
Rule = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="An acceptance rule that `lenet calibrate` fitted."
    ),
]
MaxError = Annotated[
    float,
    typer.Option(
        metavar="P",
        callback=_check_share,
        help="Share of the accepted values that may be wrong, above 0 and below 1.",
    ),
]
Confidence = Annotated[
    float,
    typer.Option(
        metavar="P",
        callback=_check_share,
        help="Probability with which the rule keeps to that, above 0 and below 1.",
    ),
]
Results = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS",
        exists=True,
        dir_okay=False,
        help="A table that `lenet score` or `lenet read` wrote.",
    ),
]
Written = Annotated[
    Path,
    typer.Option(
        "--truth",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What was written: a CSV file with a column document or file, and one for"
        " each field under its name (value, for lenet read).",
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of the truth with what fields share that are not independent, such"
        " as their writer; otherwise their page.",
    ),
]
RuleFile = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_named(".json"),
        help="The JSON file to write.",
    ),
]
RuleModel = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A model file that the rule is put into, too: --max-error finds it there.",
    ),
]
FittedOn = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="What the fields are, for the sentence of the promise."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Model file, or the name of one shipped.")
]
ModelFile = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_named(".safetensors"),
        help="The model file to write.",
    ),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="mnist, forms, boxes, contents, marks, digits, or a folder of images with"
        " a sub-folder for each character.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with the files of MNIST, which are downloaded otherwise.",
    ),
]
LabelledFolder = Annotated[
    Path,
    typer.Argument(
        metavar="FIELDS",
        exists=True,
        file_okay=False,
        help="Folder with the images of fields.",
    ),
]
Truth = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Their values: a CSV file with the columns file,value.",
    ),
]
PartialTruth = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What is written in some fields or all: a CSV file with the columns"
        " file,value; with --form, a column for each field.",
    ),
]
PileModel = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="What to start from: wide, lenet5_dense, lenet5, or a file of one.",
    ),
]
Recipe = Annotated[
    RecipeName,
    typer.Option(
        metavar="NAME", help=f"Settings to train with: {', '.join(RecipeName)}."
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Passes over the data, in place of the recipe's."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the classifier that differs, such as lr=0.01 or"
        " module__pooling=average. May be repeated.",
    ),
]
Members = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        help="Networks to train; several vote, as a committee.",
    ),
]
StringNetwork = Annotated[
    NetworkName,
    typer.Option(metavar="NAME", help=f"One of {', '.join(NetworkName)}."),
]
Lines = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Strings to draw: 200000 unless given, and 16000 for segments.",
    ),
]
StartModel = Annotated[
    str,
    typer.Option(
        "--network",
        metavar="NAME",
        help="What to start from: vote (wide with segments), wide, lenet5_dense,"
        " lenet5, segments, signs, or a model file.",
    ),
]
SearchFields = Annotated[
    Path | None,
    typer.Option(
        "--fields",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with images of fields; --truth has the columns file,value.",
    ),
]
SearchPages = Annotated[
    Path | None,
    typer.Option(
        "--pages",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder with scans of the pages of --form; --truth is as for"
        " `lenet evaluate results`.",
    ),
]
SearchDigits = Annotated[
    str | None,
    typer.Option(
        "--digits",
        metavar="DATA",
        help="Labelled images of single digits, as for `lenet train digits`.",
    ),
]
SearchTruth = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="What is written in fields or pages: a CSV file.",
    ),
]
SearchGrid = Annotated[
    str,
    typer.Option(
        metavar="GRID",
        help="What to try: quick, cleaning, line_removal, cutting, distortion, labels,"
        " network, or a TOML file.",
    ),
]
ScorerName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        callback=_check_scorer,
        help=f"What ranks: {', '.join(_SCORERS)}.",
    ),
]
FoldNumber = Annotated[
    int, typer.Option(metavar="N", min=2, help="Folds of the cross-validation.")
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long it may take, such as 10m. If all candidates would take longer,"
        " the worse are left out after a part of the fields (halving).",
    ),
]
SearchJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes that work side by side; one for each core unless given.",
    ),
]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="Where to compute: auto, cpu, cuda, mps...")
]
Plots = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Folder for pictures; needs lenet-sklearn[plot].",
    ),
]


@dataclass(frozen=True)
class DecidingOptions:
    """What is accepted."""

    threshold: Threshold = None
    max_error: AllowedError = None
    rule: Rule = None


@dataclass(frozen=True)
class ReadingOptions:
    """How pages and fields are read."""

    jobs: ReadingJobs = None
    page_timeout: PageTimeout = 60.0
    page_memory: PageMemory = 2.0
    model: ReadingModel = "boxes"
    shard: Shard = None
    dask: Dask = None
    log: Log = None
    review: ReviewToo = None
    force: ReplaceRun = False

    def limits(self) -> "PageLimits":
        """Return what one page may cost."""
        from pipelines.scoring.processes import PageLimits  # it takes a while

        return PageLimits(seconds=self.page_timeout, gigabytes=self.page_memory)


@dataclass(frozen=True)
class SoughtOptions:
    """The rows of boxes that are looked for on every page."""

    comb: Combs = None
    grid: Grids = None


@dataclass(frozen=True)
class PageOptions:
    """How pages are rendered, and where pictures of them go."""

    dpi: Dpi = 200
    overlay: Overlay = None


@dataclass(frozen=True)
class RosterOptions:
    """The list that pages are matched with."""

    roster: RosterFile = None
    match: MatchField = None


@dataclass(frozen=True)
class ReviewOptions:
    """Which fields are reviewed."""

    sample: Sampled = None
    shard: ReviewShard = None
    differing: Differing = None


@dataclass(frozen=True)
class RuleOptions:
    """Which acceptance rule is fitted, and to what."""

    max_error: MaxError = 0.01
    confidence: Confidence = 0.95
    groups: Groups = None
    fitted_on: FittedOn = None


@dataclass(frozen=True)
class CharacterData:
    """Labelled images of single characters."""

    data: Data
    data_dir: DataDir = None


@dataclass(frozen=True)
class LabelledFields:
    """Images of fields, and what they say."""

    fields: LabelledFolder
    truth: Truth


@dataclass(frozen=True)
class SearchedSamples:
    """Labelled fields, pages or digits to search with."""

    fields: SearchFields = None
    pages: SearchPages = None
    digits: SearchDigits = None
    form: FormFile = None
    truth: SearchTruth = None
    data_dir: DataDir = None


@dataclass(frozen=True)
class SearchOptions:
    """How a search goes."""

    grid: SearchGrid = "quick"
    scoring: ScorerName = "exact_strings"
    folds: FoldNumber = 3
    budget: Budget = None
    jobs: SearchJobs = None
    seed: Seed = 0


@dataclass(frozen=True)
class ClassifierOptions:
    """Which classifier is trained."""

    recipe: Recipe = RecipeName.modern
    epochs: Epochs = None
    settings: Settings = None
    members: Members = 1
    jobs: Jobs = 1


@dataclass(frozen=True)
class TrainingOptions:
    """What every training takes."""

    output: ModelFile
    seed: Seed = 0
    device: Device = "auto"
    force: Force = False

"""Feed files that are damaged at random to what reads them, and keep what breaks it.

    pip install hypothesis
    python examples/benchmarks/fuzz.py form truth model image pdf --minutes 10

Each kind of file starts from good ones that are drawn here. What reads a file may
refuse it, by an error that it promises and that names the file; anything else is
found: another error, a process that dies, or one that is at its limit of time. Pages
(image, pdf) may be at a limit too: that is a row of the table. A file that is found is
made as small a change as possible and written to the folder of --found; the examples
that lead there are kept beside it, and are tried first the next time.

Exit status: 0 nothing was found, 1 something was.
"""

import argparse
import io
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from lenet_sklearn import load_model
from lenet_sklearn.models.files import model_path
from pipelines import Form
from pipelines.drawing import draw_filled_forms, draw_string, draw_writer
from pipelines.scans.read import ScanError, open_scan
from pipelines.scoring.processes import Lost, PageLimits, Processes
from pipelines.training.labelled import read_labelled_fields

LIMITS = PageLimits(seconds=20.0, gigabytes=1.0)

# Numbers and words that stand where others are expected.
ODD_WORDS = (
    b"0",
    b"-1",
    b"1e999",
    b"9" * 5000,
    b"null",
    b"NaN",
    b"\x00",
    b"\x1b[31m",
    b"\xff\xfe",
    b"[" * 2000,
    b"{" * 200,
    b'"' + b"a" * 5000 + b'"',
    b"\r\n",
)


@dataclass(frozen=True)
class Target:
    """What reads a kind of file, the good files of it, and the errors it promises."""

    suffix: str
    read: Callable[[Path], object]
    refusals: tuple[type[Exception], ...]
    seeds: Callable[[Path], list[bytes]]
    limits_are_rows: bool = False


def read_form(path: Path) -> None:
    """Read a form, and what a batch asks of it."""
    form = Form.from_file(path)
    form.check_sums({field.name: "12" for field in form.fields})


def read_truth(path: Path) -> None:
    """Read a table of labelled fields beside their images."""
    read_labelled_fields(path.parent, path)


def read_model(path: Path) -> None:
    """Load a model and read with it."""
    model = load_model(path)
    posteriors = model.predict_proba(np.zeros((2, 28, 28), np.uint8))
    if not np.isfinite(posteriors).all():
        raise AssertionError("posteriors that are no numbers")


def read_scan(path: Path) -> None:
    """Read the first pages of a scan."""
    with open_scan(path) as scan:
        for index in range(min(len(scan), 3)):
            scan.read(index)


def draw_forms(folder: Path) -> list[bytes]:
    """Return forms with and without a blank page."""
    draw_filled_forms(folder, n_pages=1, random_state=0)
    combs = Form.from_combs({"id": 9, "date": 8})
    combs.to_file(folder / "combs.json")
    ruled = {
        "version": 1,
        "fields": [
            {"name": "a", "kind": "line", "minimum": 0, "maximum": 99},
            {"name": "b", "kind": "line", "length": [1, 3], "mask": "##"},
            {"name": "c", "kind": "comb", "digits": 9, "check_digit": "luhn"},
        ],
        "sums": [{"total": "a", "parts": ["b", "c"]}],
    }
    drawn = [path.read_bytes() for path in folder.glob("*.json")]
    return [*drawn, json.dumps(ruled).encode()]


def draw_truths(folder: Path) -> list[bytes]:
    """Return tables of two fields, whose images lie in the folder."""
    writer = draw_writer(0)
    for name, text in (("a.png", "42"), ("b.png", "1998")):
        image = draw_string(text, writer, random_state=0)
        PIL.Image.fromarray(image).save(folder / name)
    return [b"file,value\na.png,42\nb.png,1998\n", b"file;value\r\na.png;42\r\n"]


def draw_models(_folder: Path) -> list[bytes]:
    """Return a model that ships."""
    return [model_path("mnist").read_bytes()]


def draw_images(_folder: Path) -> list[bytes]:
    """Return a field in the formats and codings of scans."""
    image = PIL.Image.fromarray(draw_string("1742", draw_writer(1), random_state=1))
    black = image.convert("1")
    codings: list[tuple[PIL.Image.Image, dict[str, Any]]] = [
        (image, {"format": "PNG"}),
        (image, {"format": "JPEG"}),
        (image, {"format": "JPEG", "progressive": True}),
        (image, {"format": "WEBP"}),
        (image, {"format": "BMP"}),
        (image, {"format": "TIFF", "compression": "tiff_lzw"}),
        (image, {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
        (image, {"format": "TIFF", "compression": "jpeg"}),
        (black, {"format": "TIFF", "compression": "group4"}),
        (black, {"format": "TIFF", "compression": "group3"}),
        (black, {"format": "TIFF", "save_all": True, "append_images": [black]}),
    ]
    return [_coded(picture, options) for picture, options in codings]


def draw_pdfs(_folder: Path) -> list[bytes]:
    """Return PDFs with images of several kinds."""
    image = PIL.Image.fromarray(draw_string("1742", draw_writer(1), random_state=1))
    modes = ("L", "1", "RGB", "LA")
    return [_coded(image.convert(mode), {"format": "PDF"}) for mode in modes]


def _coded(image: PIL.Image.Image, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


TARGETS = {
    "form": Target(".json", read_form, (ValueError, OSError), draw_forms),
    "truth": Target(".csv", read_truth, (ValueError, OSError), draw_truths),
    "model": Target(".safetensors", read_model, (ValueError, OSError), draw_models),
    "image": Target(".scan", read_scan, (ScanError,), draw_images, True),
    "pdf": Target(".scan", read_scan, (ScanError,), draw_pdfs, True),
}

# Where a change is made, as a share of the file, and what it is.
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.tuples(st.just("flip"), st.integers(0, 7)),
            st.tuples(st.just("byte"), st.integers(0, 255)),
            st.tuples(st.just("cut"), st.integers(1, 400)),
            st.tuples(st.just("double"), st.integers(1, 400)),
            st.tuples(st.just("word"), st.sampled_from(ODD_WORDS)),
            st.tuples(st.just("end"), st.just(0)),
        ),
    ),
    min_size=1,
    max_size=6,
)


def damage(content: bytes, changes: list[tuple[float, tuple[str, Any]]]) -> bytes:
    """Change a file at some places."""
    wrong = bytearray(content)
    for share, (kind, what) in changes:
        place = int(share * len(wrong))
        if kind == "flip" and wrong:
            wrong[place] ^= 1 << what
        elif kind == "byte" and wrong:
            wrong[place] = what
        elif kind == "cut":
            del wrong[place : place + what]
        elif kind == "double":
            wrong[place:place] = wrong[place : place + what]
        elif kind == "word":
            wrong[place : place + len(what)] = what
        elif kind == "end":
            del wrong[place:]
    return bytes(wrong)


def try_file(name: str, path: Path) -> str:
    """Return what became of a file: "read", "refused", or what is wrong."""
    target = TARGETS[name]
    try:
        target.read(path)
    except target.refusals as error:
        # An error of a scan begins with its name, wherever that is.
        named = str(path.parent) in str(error) or isinstance(error, ScanError)
        return "refused" if named else f"no file named: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def fuzz(name: str, minutes: float, found: Path) -> Counter[str]:
    """Try damaged files of one kind until the time is up."""
    target, outcomes = TARGETS[name], Counter[str]()
    until = time.monotonic() + 60 * minutes
    with (
        tempfile.TemporaryDirectory() as folder,
        Processes(lambda path: try_file(name, path), jobs=1, limits=LIMITS) as runs,
    ):
        seeds = target.seeds(Path(folder))
        path = Path(folder, f"tried{target.suffix}")

        def attempt(content: bytes, changes: list[Any]) -> None:
            if time.monotonic() > until:
                return
            path.write_bytes(damage(content, changes))
            outcome = runs.ask(path)
            at_limit = isinstance(outcome, Lost) and target.limits_are_rows
            outcomes["at a limit" if at_limit else str(outcome).split(":")[0]] += 1
            if not at_limit and outcome not in ("read", "refused"):
                (found / f"{name}{target.suffix}").write_bytes(path.read_bytes())
                raise AssertionError(str(outcome))

        options = settings(
            max_examples=1000,
            deadline=None,
            database=DirectoryBasedExampleDatabase(found / "examples"),
            suppress_health_check=list(HealthCheck),
        )
        for round_number in itertools.count():
            examples = given(content=st.sampled_from(seeds), changes=CHANGES)
            seed(round_number)(options(examples(attempt)))()
            if time.monotonic() > until:
                break
    return outcomes


def main() -> int:
    """Fuzz what is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=list(TARGETS), metavar="KIND")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each kind")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    options.found.mkdir(parents=True, exist_ok=True)
    status = 0
    for name in options.kinds:
        try:
            outcomes = fuzz(name, options.minutes, options.found)
        except AssertionError as error:
            print(f"{name}: found {error}", flush=True)
            status = 1
        else:
            print(f"{name}: {dict(outcomes.most_common())}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())

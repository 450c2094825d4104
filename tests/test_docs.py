"""What the README and the documentation show runs as it stands there."""

import contextlib
import doctest
import importlib
import io
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

import lenet_sklearn.datasets
from pipelines import Form
from pipelines.cli import main
from pipelines.drawing import draw_filled_forms, draw_string, draw_writer
from pipelines.forms.placing import doubt_places
from pipelines.recipes import find_grid

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
PAGES = [
    README,
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "guide").glob("*.md")),
]
# With every change; .ci/run reads the other pages beside the tests.
QUICKLY = (README, ROOT / "docs" / "index.md")
TEXTS = ["1742", "308", "5", "60291", "33", "982"]

# A block of a page, and the comment before it, if there is one.
BLOCK = re.compile(r"(?:^<!-- (\S+) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(page, language):
    text = page.read_text("utf-8")
    return [code for _, kind, code in BLOCK.findall(text) if kind == language]


def marked(page, name):
    """Give what a page has between two comments."""
    pattern = rf"<!-- {name} -->\n(.*?)<!-- /{name} -->"
    [content] = re.findall(pattern, page.read_text("utf-8"), re.DOTALL)
    return content


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A folder with a demo of three pages."""
    return prepare(tmp_path_factory.mktemp("docs"), 3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with the whole demo: how much it certifies depends on its pages."""
    return prepare(tmp_path_factory.mktemp("docs"), 12)


def prepare(folder, n_pages):
    """Write what the commands read: the demo's files, and labelled fields.

    Return the folder, and what each command printed that has been run: none is run
    twice.
    """
    printed = {}
    with contextlib.chdir(folder):
        demo = ["demo", "-o", "demo"]
        run_lenet([*demo, "--pages", str(n_pages)], printed)
        [printed[tuple(demo)]] = printed.values()
        for scan in sorted(Path("demo/scans").iterdir())[3:]:
            scan.unlink()  # three pages show as much as twelve
        for name in ("fields", "more", "held"):
            Path(name).mkdir()
            for n, text in enumerate(TEXTS):
                field = draw_string(text, draw_writer(n), random_state=n)
                cv2.imwrite(f"{name}/{n}.png", field)
        rows = [f"{n}.png,{text}\n" for n, text in enumerate(TEXTS)]
        for name in ("truth.csv", "held.csv"):
            Path(name).write_text("file,value\n" + "".join(rows), encoding="utf-8")
        Path("docs").mkdir()
        shutil.copy(BENCHMARKS, "docs")
        shutil.copy(README, ".")
    return folder, printed


@pytest.fixture
def short_trainings(monkeypatch):
    """Train on sixty digits, in one pass; export nothing."""
    digits, labels = lenet_sklearn.load_dataset("digits")
    large = np.pad(digits.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))

    for name, images in {"mnist": large, "digits": digits}.items():
        few = images[:60], labels[:60]
        monkeypatch.setattr(
            lenet_sklearn.datasets, f"_load_{name}", lambda *_, r=few: r
        )
    monkeypatch.setattr("lenet_sklearn.models.registry._try", lambda export: None)
    monkeypatch.setitem(lenet_sklearn.recipes.modern, "max_epochs", 1)
    for name in ("_N_LINES", "_N_LINES_OF_SEGMENTS", "_N_TEST"):
        monkeypatch.setattr(f"pipelines.training.strings.{name}", 20)
    for module in ("lines.learning", "readers.free"):
        monkeypatch.setattr(f"pipelines.{module}._MOST_EPOCHS", 1)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.relative_to(ROOT).as_posix(),
            marks=[] if page in QUICKLY else [pytest.mark.slow],
        )
        for page in PAGES
    ],
)
def test_what_a_page_shows_runs(page, request, short_trainings, monkeypatch):
    folder, printed = request.getfixturevalue("quick" if page in QUICKLY else "whole")
    monkeypatch.chdir(folder)
    names = {}
    for file, language, code in BLOCK.findall(page.read_text("utf-8")):
        if language == "sh":
            for line in code.splitlines():
                run_command(shlex.split(line), monkeypatch, printed)
        elif language == "python":
            check_example(code, names)
        elif language == "pycon":
            check_session(code, names, page)
        elif language == "json":
            Path(file).write_text(code, encoding="utf-8")


def run_command(words, monkeypatch, printed):
    """Run a command of a page, or see that what it does is done elsewhere."""
    match words:
        case ["lenet", "search", *words]:
            see_search(words, monkeypatch)
        case ["lenet", "adapt", *words]:
            see_adapt(words, monkeypatch)
        case ["lenet" | ".venv/bin/lenet", *words]:
            run_lenet(words, printed)
        case ["python", script, *words] if script.startswith("examples/benchmarks/"):
            run_benchmark(Path(script), words, monkeypatch)
        case ["python", script, *_]:
            tested = (ROOT / "tests" / "test_search_examples.py").read_text("utf-8")
            assert f'"{Path(script).name}"' in tested
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)
        case ["python3", "-m", "venv", ".venv"]:
            pass  # tests/test_packaging.py makes one and installs into it
        case ["pip" | ".venv/bin/pip", "install", "-e", target]:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            extras = re.findall(r"\w+", target.removeprefix("."))
            assert set(extras) <= set(project["optional-dependencies"])
        case _:
            pytest.fail(f"nothing runs the command {shlex.join(words)}")


def run_lenet(words, printed):
    if tuple(words) in printed:
        return
    # Thirty fields show as much as those of a dozen pages.
    few = ["--pages", "3"] if words[:2] == ["demo", "--fields"] else []
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([*words, *few]) == 0
    printed[tuple(words)] = out.getvalue()


def see_search(words, monkeypatch):
    """See that a search can be asked for so; tests/cli/test_cli_search.py searches."""
    asked = []
    monkeypatch.setattr(
        "pipelines.training.best.search_best",
        lambda *_, grid, plan, **__: asked.append((grid, plan)) or mock.MagicMock(),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["search", *words]) == 0
    [(grid, plan)] = asked
    assert find_grid(grid, "lines")
    assert plan.n_folds > 1


def see_adapt(words, monkeypatch):
    """See that a pile can be learned from so; tests/cli/test_cli_adapt.py does it."""
    piles = []
    module = "pipelines.training.adapting"
    monkeypatch.setattr(
        f"{module}.adapt_to_pile",
        lambda pile, *_, **__: piles.append(pile) or mock.MagicMock(),
    )
    monkeypatch.setattr(f"{module}.save_lessons", mock.MagicMock())
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["adapt", *words]) == 0
    [pile] = piles
    assert pile.images


def run_benchmark(script, words, monkeypatch):
    """Run a benchmark with one measure that takes no time."""
    monkeypatch.syspath_prepend(ROOT / script.parent)
    monkeypatch.setattr(sys, "argv", [script.name, *words])
    if script.stem == "pages":
        pages = importlib.import_module("pages")
        pages.fill_page(Path(words[0]), "demo", "It was filled in.\n")
        return
    module = importlib.import_module(script.stem)
    row = importlib.import_module("tables").Row("what", "measured", "bar")
    monkeypatch.setattr(module, "MEASURES", {"quick": lambda *_: iter([row])})
    with contextlib.redirect_stdout(io.StringIO()) as out:
        module.main()
    assert "| what | measured | bar |" in out.getvalue()
    if "--page" in words:
        assert out.getvalue() in Path(words[words.index("--page") + 1]).read_text()


def check_example(code, names):
    """Run an example, and hold what it prints to its comments."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, "example", "exec"), names)
    promised = re.findall(r"^(?:print\(.*\)  )?# (.*)$", code, re.M)
    promised = promised[: promised.index("...")] if "..." in promised else promised
    assert out.getvalue().splitlines()[: len(promised)] == promised


def check_session(code, names, page):
    """Run a session, and hold each answer to what it is on the page."""
    session = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), 0)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        failed, _ = doctest.DocTestRunner().run(session, clear_globs=False)
    names |= session.globs
    assert not failed, out.getvalue()


@pytest.mark.slow  # a dozen whole pages
def test_the_output_of_the_demo_is_that_of_the_readme(whole, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples" / "benchmarks")
    shorten = importlib.import_module("pages").shorten_demo
    shown = f"```console\n{shorten(whole[1]['demo', '-o', 'demo'])}\n```\n"
    assert marked(README, "demo") == shown


def test_the_figures_of_the_readme_are_those_of_the_benchmarks():
    rows = [row for row in marked(README, "figures").splitlines()[2:] if row]
    measured = BENCHMARKS.read_text("utf-8")
    assert len(rows) == 6
    assert [row for row in rows if f"\n{row} " not in measured] == []


def test_the_rules_of_the_guide_are_those_of_the_demo(tmp_path):
    draw_filled_forms(tmp_path, n_pages=0)
    code, *_ = blocks(ROOT / "docs" / "guide" / "forms.md", "json")
    assert (tmp_path / "rules.json").read_text("utf-8") == code


def test_the_form_fits_the_blank_page_of_the_demo(quick):
    folder, _ = quick
    code, *_ = blocks(ROOT / "docs" / "guide" / "forms.md", "json")
    path = folder / "demo" / "form_of_the_guide.json"
    path.write_text(code, encoding="utf-8")
    form = Form.from_file(path)
    assert doubt_places(form) == []
    places = {f.name: f.box for f in Form.from_file(folder / "demo/form.json").fields}
    assert all(places[field.name] == field.box for field in form.fields)


def test_the_pictures_and_files_that_are_linked_exist():
    links = re.findall(r"\]\(([^):]+)\)", README.read_text("utf-8"))
    assert links
    assert [name for name in links if not (README.parent / name).exists()] == []

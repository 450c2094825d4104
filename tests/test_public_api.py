"""The public names, and what importing them costs: neither may slip."""

import ast
import importlib
import inspect
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

import lenet_sklearn
import pipelines

ROOT = Path(__file__).resolve().parents[1]

PUBLIC = {
    "lenet_sklearn": [
        "AcceptanceRule",
        "Distillation",
        "Distortion",
        "LeNet5",
        "LeNet5Classifier",
        "ModelFileError",
        "StackedGridSearchCV",
        "attach_rule",
        "calibrate_committee",
        "count_parameters",
        "fit_temperature",
        "join_classifiers",
        "load_dataset",
        "load_model",
        "load_writers",
        "make_committee",
        "read_rule",
        "recipes",
        "save_model",
    ],
    "lenet_sklearn.plotting": [
        "ErrorRejectDisplay",
        "FeatureMapDisplay",
        "KernelDisplay",
        "MisreadDisplay",
        "ReliabilityDisplay",
        "StringPosteriorDisplay",
        "TrainingCurveDisplay",
    ],
    "lenet_sklearn.strings": [
        "Hypothesis",
        "StringCommittee",
        "StringNetwork",
        "StringRecognizer",
        "StripDistortion",
        "join_recognizers",
    ],
    "pipelines": [
        "BackgroundFlattener",
        "BoxCutter",
        "Change",
        "Comb",
        "CombReader",
        "ComparedField",
        "Comparison",
        "Correction",
        "CuttingReader",
        "Deskewer",
        "Despeckler",
        "DrawnLines",
        "Field",
        "FieldCut",
        "FieldReader",
        "FieldReading",
        "Form",
        "FormError",
        "FormReader",
        "Frame",
        "GlyphNormalizer",
        "ImageMemory",
        "LatticeDisplay",
        "LineNormalizer",
        "MarkReading",
        "Match",
        "Matching",
        "Option",
        "PageLimits",
        "PageReading",
        "PageRegistrar",
        "PageResult",
        "Piece",
        "PreparedBlank",
        "Reason",
        "ReasonKind",
        "Registration",
        "RegistrationError",
        "Review",
        "Roster",
        "RuleRemover",
        "Scan",
        "ScanError",
        "SlidingReader",
        "Sum",
        "Summary",
        "Tally",
        "VotingReader",
        "apply_corrections",
        "compare_results",
        "cut_comb",
        "cut_field",
        "deskew",
        "despeckle",
        "draft_form",
        "draw_overlay",
        "drop_print",
        "estimate_skew",
        "find_combs",
        "find_scans",
        "flatten_background",
        "load_line_reader",
        "make_field_reader",
        "make_form_reader",
        "match_pages",
        "normalize_glyph",
        "normalize_line",
        "open_scan",
        "prepare_blank",
        "read_corrections",
        "read_pages",
        "register",
        "score_documents",
        "score_fields",
        "to_dicts",
        "to_frame",
        "upright_log_odds",
        "write_matches",
        "write_table",
    ],
    "pipelines.drawing": [
        "CombField",
        "DrawnFields",
        "FilledForms",
        "Pen",
        "Photograph",
        "Scanner",
        "Writer",
        "compress_page",
        "draw_blank_form",
        "draw_comb",
        "draw_digit",
        "draw_entries",
        "draw_fields",
        "draw_filled_forms",
        "draw_pen",
        "draw_scanner",
        "draw_string",
        "draw_writer",
        "entry_value",
        "fill_comb",
        "fill_form",
        "ink_strokes",
        "make_form",
        "photograph_page",
        "print_comb",
        "scan_page",
        "trace_digit",
    ],
}
NAMES = [(package, name) for package, names in PUBLIC.items() for name in names]

# The readers bring the network: what reads must import it, but only when it reads.
TORCH = {"torch", "torchvision", "skorch"}


def _source_files(package):
    return sorted((ROOT / package).rglob("*.py"))


def _run(code):
    """Run a program in a fresh interpreter and return what it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _imports(tree):
    """List the modules that the imports below a node name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _without_functions(tree):
    """Take out what does not run at import: functions and blocks for type checkers."""
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(node, field, [s for s in statements if not _is_deferred(s)])
    return tree


def _is_deferred(statement):
    if isinstance(statement, ast.If):
        return ast.unparse(statement.test).endswith("TYPE_CHECKING")
    return isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)


def _top_packages(path, *, at_import=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = _imports(_without_functions(tree) if at_import else tree)
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_these_in_this_order(package):
    module = importlib.import_module(package)
    assert list(module.__all__) == PUBLIC[package]
    assert PUBLIC[package] == sorted(PUBLIC[package])
    assert set(PUBLIC[package]) <= set(dir(module))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_name_can_be_imported_and_is_documented(package, name):
    documented = getattr(importlib.import_module(package), name)
    first, *_ = inspect.getdoc(documented).splitlines()
    assert first.endswith("."), "the first line is one whole sentence"
    if documented.__doc__ is not None and inspect.isfunction(documented):
        nothing = inspect.signature(documented).return_annotation is None
        texts = ("Returns\n", "Yields\n")
        assert nothing or any(text in documented.__doc__ for text in texts)


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_parameter_is_documented(package, name):
    documented = getattr(importlib.import_module(package), name)
    if inspect.ismodule(documented):
        return
    if isinstance(documented, type) and issubclass(documented, Exception | Enum):
        return
    text = inspect.getdoc(documented)
    words = set(text.translate(str.maketrans(",:*", "   ")).split())
    assert set(inspect.signature(documented).parameters) <= words


def test_a_public_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="binarise"):
        pipelines.binarise  # noqa: B018


@pytest.mark.parametrize("package", ["pipelines", "pipelines/drawing"])
def test_a_stub_lists_what_it_imports_and_nothing_else(package):
    stub = ast.parse((ROOT / package / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    imported = [alias.asname or alias.name for node in imports for alias in node.names]
    [assignment] = [node for node in stub.body if isinstance(node, ast.Assign)]
    listed = ast.literal_eval(assignment.value)
    assert listed == sorted(listed)
    assert listed == sorted(imported)
    assert all(node.level == 1 for node in imports), "lazy_loader reads relative ones"
    modules = [node.module for node in imports]
    assert modules == sorted(modules)


@pytest.mark.parametrize(
    "code",
    [
        "import pipelines",
        "import pipelines; pipelines.FormReader, pipelines.FieldReader",
        pytest.param("from pipelines import *", marks=pytest.mark.slow),
        "import pipelines.drawing",
        "from pipelines.cli.commands import main; main(['--help'])",
        "from pipelines.cli.commands import main; main(['score', '--help'])",
        "from pipelines.cli.commands import main; main(['train', 'digits', '--help'])",
    ],
)
def test_starting_up_does_not_import_torch(code):
    check = f"import sys; print(sorted({TORCH} & set(sys.modules)))"
    guarded = f"try:\n    {code}\nexcept SystemExit:\n    pass\n{check}"
    if "import *" in code:
        guarded = f"{code}\n{check}"
    assert _run(guarded).splitlines()[-1] == "[]"


def test_importing_the_packages_costs_nothing_that_is_not_used():
    check = "import sys, pipelines; print({'cv2', 'sklearn'} & set(sys.modules))"
    assert _run(check) == "set()"


def test_the_classifier_does_without_opencv_and_the_pipelines():
    check = (
        "import sys, lenet_sklearn;"
        "lenet_sklearn.LeNet5Classifier.from_pretrained('mnist');"
        "print([m for m in sys.modules if m.split('.')[0] in ('cv2', 'pipelines')])"
    )
    assert _run(check) == "[]"


@pytest.mark.parametrize(
    "path", _source_files("lenet_sklearn"), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_the_classifier_imports_neither_opencv_nor_the_pipelines(path):
    assert not _top_packages(path) & {"cv2", "pipelines"}


@pytest.mark.parametrize(
    "path", _source_files("pipelines"), ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_the_pipelines_do_not_import_torch_when_they_are_imported(path):
    at_import = _top_packages(path, at_import=True)
    assert not at_import & TORCH


def test_the_check_of_imports_sees_what_runs_at_import(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b\n"
        "class C:\n    import c\n    def f(self):\n        import d\n"
        "try:\n    import e.f\nexcept ImportError:\n    import g\n"
    )
    assert _top_packages(path) == {"a", "b", "c", "d", "e", "g"}
    assert _top_packages(path, at_import=True) >= {"c", "e", "g"}
    assert not _top_packages(path, at_import=True) & {"a", "d"}


def test_the_packages_say_that_they_are_typed():
    for package in (lenet_sklearn, pipelines):
        assert (Path(package.__file__).parent / "py.typed").is_file()

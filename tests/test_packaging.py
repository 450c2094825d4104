"""What a user installs: everything that is needed, and nothing else."""

import csv
import email.parser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("lenet_sklearn", "pipelines")

# What pip says where there is no way to the registry.
_OFFLINE = (
    "NewConnectionError",
    "NameResolutionError",
    "name resolution",
    "ReadTimeout",
)


def _environment():
    """Keep what finds programs, the home folder and the registry, and nothing else."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "TMPDIR")
        or name.startswith("PIP_")
        # Behind a proxy, or with certificates of its own, pip needs these too.
        or name.lower().endswith(("_proxy", "_ca_bundle", "ssl_cert_file"))
    }


def _run(*command, cwd):
    """Run a program in a clean environment; skip the test if the network is missing."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode and any(word in said for word in _OFFLINE):
        pytest.skip("the package registry is out of reach")
    assert done.returncode == 0, f"{command}\n{said[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build the sdist, and from nothing but what is in it the wheel."""
    pytest.importorskip("build", reason="building needs the package 'build'")
    folder = tmp_path_factory.mktemp("distributions")
    _run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    [wheel] = folder.glob("*.whl")
    [sdist] = folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def in_wheel(distributions):
    with zipfile.ZipFile(distributions[0]) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def in_sdist(distributions):
    with tarfile.open(distributions[1]) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def metadata(distributions):
    with zipfile.ZipFile(distributions[0]) as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        content = archive.read(name).decode("utf-8")
    return email.parser.Parser().parsestr(content)


def _sources():
    """List every file of the packages, as it should be in the wheel."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_both_packages_and_nothing_else(in_wheel):
    ours = {name for name in in_wheel if ".dist-info/" not in name}
    assert ours == _sources()


@pytest.mark.parametrize(
    "name",
    [
        "lenet_sklearn/py.typed",
        "lenet_sklearn/weights/forms.safetensors",
        "lenet_sklearn/weights/mnist.safetensors",
        "lenet_sklearn/weights/segments/segments.safetensors",
        "lenet_sklearn/weights/strings/lenet5.safetensors",
        "lenet_sklearn/weights/strings/lenet5_dense.safetensors",
        "lenet_sklearn/weights/strings/wide.safetensors",
        "pipelines/__init__.pyi",
        "pipelines/drawing/shapes.json",
        "pipelines/drawing/sheet.json",
        "pipelines/py.typed",
        "pipelines/web/editor/main.js",
        "pipelines/web/editor/style.css",
    ],
)
def test_what_is_no_python_file_is_in_the_wheel_and_the_sdist(in_wheel, in_sdist, name):
    assert name in in_wheel
    assert name in in_sdist


def test_the_wheel_is_small(distributions):
    # The weights of eleven networks take 3.9 MB of it.
    assert distributions[0].stat().st_size < 5_000_000


def test_the_sdist_holds_what_tests_it(in_sdist):
    tests = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/*.py")}
    documents = {"README.md", "CHANGES.md", "LICENSE", "Makefile", "pyproject.toml"}
    assert tests | documents <= in_sdist


def test_no_data_is_in_either(in_wheel, in_sdist):
    data = {".npz", ".gz", ".csv", ".pdf", ".jpg", ".tif"}
    assert not {name for name in in_wheel | in_sdist if Path(name).suffix in data}


def test_the_metadata_say_what_the_package_is(metadata):
    assert metadata["Name"] == "lenet-sklearn"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-File"] == "LICENSE"


def test_the_readme_is_the_description(metadata):
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "lenet demo" in metadata.get_payload()


def test_plots_and_graphical_opencv_are_not_asked_for(metadata):
    required = {
        requirement.partition(">")[0].partition(";")[0].strip().lower()
        for requirement in metadata.get_all("Requires-Dist")
        if "extra ==" not in requirement
    }
    assert "opencv-python-headless" in required
    assert not required & {"matplotlib", "onnx", "opencv-python", "pandas", "pytest"}


@pytest.fixture
def fresh_venv(tmp_path):
    """An empty virtual environment, gone after the test: torch fills gigabytes."""
    folder = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", folder, cwd=tmp_path)
    yield folder / ("Scripts" if os.name == "nt" else "bin")
    shutil.rmtree(folder)


# One test and no more, so that the installation, which takes minutes, is paid once.
@pytest.mark.slow
def test_the_wheel_installs_into_an_empty_venv_and_reads(
    distributions, fresh_venv, tmp_path
):
    python = fresh_venv / "python"
    wheel = distributions[0]
    _run(python, "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    _run(python, "-m", "pip", "check", cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = (
        "import pipelines, lenet_sklearn as l; print(l.__file__, pipelines.__file__)"
    )
    for path in _run(python, "-c", where, cwd=elsewhere).split():
        assert Path(path).is_relative_to(fresh_venv.parent)
    printed = _run(
        fresh_venv / "lenet", "demo", "-o", "drawn", "--pages", "3", cwd=elsewhere
    )
    assert "of 33 fields read correctly" in printed
    _check_demo(elsewhere / "drawn")


def _check_demo(folder):
    """Hold the table of the demonstration to its own truth."""
    results, truth = (_rows(folder / name) for name in ("results.csv", "truth.csv"))
    assert len(results) == len(truth) == len(list((folder / "pictures").iterdir())) == 3
    for row, right in zip(results, truth, strict=True):
        assert Path(row["document"]).name == right.pop("document")
        assert row["status"] in ("ok", "review")
        n_right = sum(row[name] == value for name, value in right.items())
        assert n_right >= 0.9 * len(right)


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

"""What many tests share."""

import os
from pathlib import Path

import numpy as np
import pytest

# Workers side by side are faster with one thread each; torch reads this once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_SCANS = Path(__file__).resolve().parents[1] / "../shared/data"


def pytest_report_header():
    """Say whether the tests on real scans will run."""
    here = _SCANS.is_dir()
    return f"real scans: {_SCANS.resolve() if here else 'not here, their tests skip'}"


@pytest.fixture(scope="session")
def scans():
    """Folder of the real scans and digits, which are not part of the project."""
    if not _SCANS.is_dir():
        pytest.skip("the scans of ../shared/data are not here")
    return _SCANS


@pytest.fixture
def numpy_state():
    """Give the whole state of numpy's global generator, with its place in the keys."""

    def state():
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        return [name, keys.tolist(), *rest]

    return state

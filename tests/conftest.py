"""What many tests share."""

import os
from pathlib import Path

import pytest

# Workers side by side are faster with one thread each; torch reads this once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_SCANS = Path(__file__).resolve().parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def scans():
    """Folder of the real scans, which are not part of the project."""
    if not _SCANS.is_dir():
        pytest.skip("the scans of ../shared/data are not here")
    return _SCANS

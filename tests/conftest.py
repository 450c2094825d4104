"""What many tests share."""

import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

# Workers side by side are faster with one thread each; torch reads this once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
cv2.setNumThreads(1)

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


@pytest.fixture(autouse=True)
def processes_are_copies(monkeypatch):
    """Start the processes of a batch as the command does: as copies of this one.

    The command has one thread. Here there is a second, by which pytest-xdist listens.
    It holds no lock that a copy could miss, but for its sake every process would be a
    program of its own, which imports all that is there in two seconds.
    """

    def may_fork():
        # Threads of a test are such as may hold locks.
        return threading.current_thread() is threading.main_thread()

    monkeypatch.setattr("pipelines.scoring.processes._may_fork", may_fork)


@pytest.fixture
def numpy_state():
    """Give the whole state of numpy's global generator, with its place in the keys."""

    def state():
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        return [name, keys.tolist(), *rest]

    return state


# Of a PDF: its catalog, its pages, and a page that draws a form.
_BOMB_OBJECTS = (
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    (
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        "/Resources<</XObject<</F 5 0 R>>>>>>"
    ),
)


@pytest.fixture
def bomb(tmp_path):
    """Write a PDF of 600 bytes whose page draws itself, until memory runs out."""
    draw_twice = b"/F Do /F Do"
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources"
        b"<</XObject<</F 5 0 R>>>>/Length %d>>stream\n%s\nendstream"
    ) % (len(draw_twice), draw_twice)
    content = b"<</Length 5>>stream\n/F Do\nendstream"
    bodies = [*(text.encode() for text in _BOMB_OBJECTS), content, form]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 6\n0000000000 65535 f \n" + table
    data += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % data.rindex(
        b"xref\n0"
    )
    path = tmp_path / "bomb.pdf"
    path.write_bytes(data)
    return path

"""The exit statuses: those of the documentation, and which error has which."""

import errno
import re
from pathlib import Path

import pytest

from lenet_sklearn.outputs import OutputError, make_folder
from pipelines.cli.exits import ExitCode, exit_code_of
from pipelines.runs.errors import BusyError, IncompleteError, RunError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "commands.md"


def test_the_documentation_lists_every_status():
    listed = re.findall(r"^\| (\d+) \| (\w+) \|", PAGE.read_text("utf-8"), re.M)
    assert [(int(number), name) for number, name in listed] == [
        (code.value, code.name.lower()) for code in ExitCode
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("no form"), ExitCode.MISUSE),
        (OSError(errno.EACCES, "Permission denied"), ExitCode.MISUSE),
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), ExitCode.FULL),
        (RunError("another run"), ExitCode.MISUSE),
        (BusyError("at work"), ExitCode.BUSY),
        (IncompleteError("not yet"), ExitCode.INCOMPLETE),
    ],
)
def test_an_error_has_its_status(error, code):
    assert exit_code_of(error) is code


def test_a_file_that_cannot_be_written_has_the_status_of_its_reason(tmp_path):
    def fail(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "mkdir", fail)
        with pytest.raises(OutputError) as refused:
            make_folder(tmp_path / "r.run")
    assert exit_code_of(refused.value) is ExitCode.FULL

"""The exit statuses of ``lenet``: an interface for scripts."""

import errno
from enum import IntEnum
from typing import Final

# A disk without room, and a quota that is used up.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class ExitCode(IntEnum):
    """What became of a command; a signal that ended it has 128 more than its number.

    Attributes
    ----------
    DONE
        Everything was done, and every page read.

    FAILED
        The table is whole, and some pages failed: their rows say why.

    MISUSE
        The command, or a file that it names, is not as it should be.

    FULL
        The disk is full. What was read before is kept, and the same command goes on.

    BUSY
        Another run is at work in the folder.

    INCOMPLETE
        There is no table: pages of a run were not read yet, or a cluster or processes
        were lost. Or people who have reviewed it differ: the table is there.

    BUG
        An error of the program itself, which it prints in full.

    INTERRUPTED
        Ctrl-C. What was read before is kept, and the same command goes on.

    TERMINATED
        The same, by a polite request to end (SIGTERM).
    """

    DONE = 0
    FAILED = 1
    MISUSE = 2
    FULL = 3
    BUSY = 4
    INCOMPLETE = 5
    BUG = 70  # as sysexits.h has it
    INTERRUPTED = 130
    TERMINATED = 143


def exit_code_of(error: Exception) -> ExitCode:
    """Return the exit status for an error that is told to the user.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    code : ExitCode

    Examples
    --------
    >>> from pipelines.cli.exits import exit_code_of
    >>> exit_code_of(OSError(errno.ENOSPC, "No space left on device")).name
    'FULL'
    """
    from pipelines.runs.errors import BusyError, IncompleteError
    from pipelines.scoring.cluster import ClusterError

    if isinstance(error, BusyError):
        return ExitCode.BUSY
    if isinstance(error, IncompleteError | ClusterError):
        return ExitCode.INCOMPLETE
    # The error of a file that cannot be written comes from one of the system.
    if any(getattr(each, "errno", None) in _FULL for each in (error, error.__cause__)):
        return ExitCode.FULL
    return ExitCode.MISUSE

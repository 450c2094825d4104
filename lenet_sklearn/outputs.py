"""Files that are written wholly or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file wholly or not at all.

    The bytes go to a temporary file in the same folder, which then takes the name of
    `path`: whoever reads it sees the old content or the new one.

    Parameters
    ----------
    path : str or path
        File to write. An existing file is replaced.

    content : bytes
        What goes into it.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner may read.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    """Return the mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)  # for a moment, in which other threads may make files
    os.umask(mask)
    return mask

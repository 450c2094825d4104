"""Write a file as a whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Parameters
    ----------
    path : str or path
        File to write. One that exists is replaced as a whole or not at all; of a
        symbolic link, the file that it leads to.

    content : bytes
        What the file is to hold.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.

    Notes
    -----
    The bytes go to a temporary file in the same folder, which then takes the name
    of the file: whoever reads it sees the old content or the new one.
    """
    target = replaced_file(Path(path))
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # Only its owner may read a temporary file; a new file is as the umask says.
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def replaced_file(path: Path) -> Path:
    """Return the file that writing to a path replaces.

    Parameters
    ----------
    path : Path
        It need not exist.

    Returns
    -------
    file : Path
        The path itself, or where it leads to if it is a symbolic link.
    """
    try:
        return Path(os.path.realpath(path)) if path.is_symlink() else path
    except OSError:  # whoever opens it says what is wrong with it
        return path


def _umask() -> int:
    """Return the mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

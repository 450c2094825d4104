"""Packages that only some users need, and what to say where they are missing."""

import importlib
from types import ModuleType


def import_extra(module: str, *, extra: str, caller: str) -> ModuleType:
    """Import a module that an extra of this package installs.

    Parameters
    ----------
    module : str
        Name of the module, such as ``"matplotlib.pyplot"``.

    extra : str
        The extra that brings it.

    caller : str
        Who needs it, for the message.

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the package is not installed; says how to install it. What a package
        that is there fails to import itself is raised as it is.

    Examples
    --------
    >>> from lenet_sklearn.extras import import_extra
    >>> import_extra("json", extra="plot", caller="This example").dumps([1])
    '[1]'
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ImportError(
            f"{caller} needs {package}, which is not installed."
            f' Install it with pip install "lenet-sklearn[{extra}]".',
            name=package,
        ) from error

"""What can be wrong with the folder of a run."""


class RunError(ValueError):
    """A folder of a run cannot be used as it is asked for; says which, and why."""


class BusyError(RunError):
    """Another run is at work in the folder."""


class IncompleteError(RunError):
    """Pages of a run have not been read yet."""

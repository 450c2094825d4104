"""Which share of a run a command reads: ``--shard``."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from pipelines.runs.plan import Shard

# Where engines say which task of an array this is, and which number is the first.
_ARRAYS: Final = {
    "SLURM_ARRAY_TASK_ID": "SLURM_ARRAY_TASK_MIN",
    "JOB_COMPLETION_INDEX": "",
    "AWS_BATCH_JOB_ARRAY_INDEX": "",
}


def parse_shard(text: str, environment: Mapping[str, str]) -> "Shard":
    """Read which share of a run is wanted.

    Parameters
    ----------
    text : str
        ``K/N``; or ``auto/N``, or ``auto`` alone in a job array of Slurm: the number
        is then that of this task, which the engine says in its environment.

    environment : mapping of str to str
        Variables of the environment.

    Returns
    -------
    shard : Shard

    Raises
    ------
    typer.BadParameter
        If there is no such share.

    Examples
    --------
    >>> from pipelines.cli.shards import parse_shard
    >>> str(parse_shard("3/8", {}))
    '3/8'
    >>> str(parse_shard("auto/8", {"JOB_COMPLETION_INDEX": "0"}))
    '1/8'
    """
    from pipelines.runs.plan import Shard

    found = re.fullmatch(r"(\d+|auto)(?:/(\d+))?", text)
    number, n_shards = found.groups() if found else ("", None)
    if number == "auto":
        number = _task_number(environment)
        n_shards = n_shards or environment.get("SLURM_ARRAY_TASK_COUNT")
    if not number or not n_shards or not 1 <= int(number) <= int(n_shards):
        raise typer.BadParameter(
            f"--shard expects K/N, such as 3/8, with K from 1 to N. Got {text}"
            + (f", which is task {number or 'of no array'} here" * ("auto" in text))
        )
    return Shard(int(number), int(n_shards))


def _task_number(environment: Mapping[str, str]) -> str:
    """Return the number of this task in a job array, counted from 1."""
    for name, first in _ARRAYS.items():
        number, least = environment.get(name, ""), environment.get(first, "0")
        if number.isdecimal() and least.isdecimal():
            return str(int(number) - int(least) + 1)
    return ""

"""What pages include and programs know best: cards of models, help texts."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import typer

from pipelines.cli import main
from pipelines.cli.commands import app

MODELS = (
    "boxes",
    "contents",
    "marks",
    "mnist",
    "forms",
    "wide",
    "lenet5_dense",
    "lenet5",
    "segments",
    "signs",
)


def write_cards(folder: Path) -> None:
    """Write what ``lenet info`` prints of each model that ships."""
    folder.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        (folder / f"{model}.txt").write_text(_print("info", model), encoding="utf-8")


def write_commands(path: Path) -> None:
    """Write a section for each command, with its help text."""
    sections = [
        f"## {' '.join(('lenet', *words))}\n\n```text\n{_print(*words, '--help')}```\n"
        for words in _commands(typer.main.get_command(app))
    ]
    path.write_text("\n".join(sections), encoding="utf-8")


def _commands(command: object, *words: str) -> Iterator[tuple[str, ...]]:
    """List the words of every command, also inside groups."""
    commands = getattr(command, "commands", None)
    if commands is None:
        yield words
        return
    for name, inner in commands.items():
        yield from _commands(inner, *words, name)


def _print(*words: str) -> str:
    """Run a command, and return what it prints."""
    with (
        mock.patch.object(sys, "argv", ["lenet", *words]),  # as help names it
        contextlib.redirect_stdout(io.StringIO()) as printed,
    ):
        status = main()
    if status:
        raise RuntimeError(f"lenet {' '.join(words)} ended with status {status}")
    return printed.getvalue()

"""Write into the README what commands print, between the marks it has for them."""

import re
import tempfile
from pathlib import Path

from runs import run_code

_MOST_ROWS = 6  # of the demo's table; the rest looks the same


def refresh_readme(path: Path, table: str) -> None:
    """Put a table of measures, and the output of `lenet demo`, into a README."""
    text = path.read_text(encoding="utf-8")
    text = fill_mark(text, "measured", table)
    text = fill_mark(text, "demo", f"```console\n{demo_output()}\n```\n")
    path.write_text(text, encoding="utf-8")


def fill_mark(text: str, name: str, content: str) -> str:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    pattern = f"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)"
    filled, count = re.subn(pattern, lambda _: content, text, flags=re.DOTALL)
    if not count:
        raise ValueError(
            f"The README has no lines <!-- {name} --> and <!-- /{name} -->."
        )
    return filled


def demo_output() -> str:
    """Run `lenet demo`, and shorten its table to the first page read wrongly."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"import os, pipelines.cli as cli; os.chdir({folder!r}); cli.main()"
        lines = run_code(run, "demo", "-o", "demo").splitlines()
    ends = [n + 1 for n, line in enumerate(lines) if line.startswith("  written")]
    first = next(n for n, line in enumerate(lines) if line.startswith("page"))
    last = next(n for n, line in enumerate(lines) if " fields read correctly" in line)
    end = min([first + _MOST_ROWS, last, *ends])
    return "\n".join(["$ lenet demo -o demo", *lines[:end], "...", *lines[last:]])

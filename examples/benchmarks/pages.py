"""Write into pages what commands print, between the marks they have for it.

    python examples/benchmarks/pages.py README.md

writes the output of `lenet demo` into the README.
"""

import re
import sys
import tempfile
from pathlib import Path

from runs import run_code

_MOST_ROWS = 6  # of the demo's table; the rest looks the same


def fill_page(path: Path, name: str, content: str) -> None:
    """Replace what a page has between ``<!-- name -->`` and ``<!-- /name -->``."""
    pattern = f"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)"
    text = path.read_text(encoding="utf-8")
    filled, count = re.subn(pattern, lambda _: content, text, flags=re.DOTALL)
    if not count:
        raise ValueError(f"{path} has no lines <!-- {name} --> and <!-- /{name} -->.")
    path.write_text(filled, encoding="utf-8")


def demo_output() -> str:
    """Run `lenet demo`, and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"import os, pipelines.cli as cli; os.chdir({folder!r}); cli.main()"
        return run_code(run, "demo", "-o", "demo")


def shorten_demo(printed: str) -> str:
    """Cut the table of the demo off after the first page that is misread."""
    lines = printed.splitlines()
    ends = [n + 1 for n, line in enumerate(lines) if line.startswith("  written")]
    first = next(n for n, line in enumerate(lines) if line.startswith("page"))
    last = next(n for n, line in enumerate(lines) if " fields read " in line)
    end = min([first + _MOST_ROWS, last, *ends])
    return "\n".join(["$ lenet demo -o demo", *lines[:end], "...", *lines[last:]])


if __name__ == "__main__":
    demo = f"```console\n{shorten_demo(demo_output())}\n```\n"
    fill_page(Path(sys.argv[1]), "demo", demo)

"""Make one file of HTML of scripts, styles and data: it needs nothing else."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final

_IMPORT: Final = re.compile(
    r'^import\s*\{[^}]*\}\s*from\s*"(?P<path>[^"]+)";\n', re.MULTILINE
)
_EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE
)

# What ends a script or begins another, wherever in a page it stands.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}

_STYLE: Final = "style.css"

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page needs JavaScript. It loads nothing from elsewhere.</noscript>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def make_page(name: str, title: str, data: Any) -> str:
    """Make a page that works from a disk or a mail, without a server or a network.

    Parameters
    ----------
    name : str
        Folder of ``pipelines/web`` with its ``main.js`` and ``style.css``.

    title : str
        What a browser calls it.

    data : object
        What its script finds in the element ``data``, as JSON has it.

    Returns
    -------
    page : str
        HTML. A browser runs no script in it but that of the package, and lets it load
        nothing but the pictures it holds.
    """
    script, style = f"\n{join_scripts(name)}", f"\n{_join_styles(name)}"
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return _PAGE.format(
        policy=policy,
        title=html.escape(title),
        style=style,
        data=_as_json(data),
        script=script,
    )


def join_scripts(name: str) -> str:
    """Join the modules that a page imports, each after those that it imports.

    Parameters
    ----------
    name : str
        As for :func:`make_page`.

    Returns
    -------
    script : str
        One function, which is called; no names leave it.

    Raises
    ------
    ValueError
        If modules import each other in a circle.
    """
    modules = "".join(_list_modules(f"{name}/main.js", []))
    return f'"use strict";\n(() => {{\n{modules}}})();\n'


def _list_modules(
    path: str, above: list[str], known: set[str] | None = None
) -> Iterator[str]:
    """Yield modules without their imports, those that are imported first."""
    known = set() if known is None else known
    if path in above:
        raise ValueError(f"{' > '.join([*above, path])}: scripts import each other")
    if path in known:
        return
    known.add(path)
    source = (files(__package__) / path).read_text("utf-8")
    for found in _IMPORT.finditer(source):
        other = _resolve(path, found["path"])
        yield from _list_modules(other, [*above, path], known)
    yield _EXPORT.sub("", _IMPORT.sub("", source))


def _resolve(path: str, other: str) -> str:
    """Name a module that another imports, from the folder of all pages."""
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / other).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _join_styles(name: str) -> str:
    folder = files(__package__)
    sheets = (f"shared/{_STYLE}", f"{name}/{_STYLE}")
    return "".join((folder / sheet).read_text("utf-8") for sheet in sheets)


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _as_json(data: Any) -> str:
    """Write data so that nothing in it is taken for a tag."""
    text = json.dumps(data, separators=(",", ":"))
    return "".join(_ESCAPES.get(letter, letter) for letter in text)

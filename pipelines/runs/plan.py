"""What a run is to do: which pages of which files, in which parts, how."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

from pipelines.scans.identity import Document

# Pages of a part: of so many, work is lost that is ended in its midst.
PART_PAGES: Final = 20

# Files whose pages are cut into parts together: a file that could not be opened, and
# can be when the run goes on, changes no part of other blocks.
_BLOCK_FILES: Final = 20

# Settings that change no result.
_NAMES: Final = ("form_file", "form_files")

# Files that a message names.
_MOST_NAMED: Final = 3


class Part(NamedTuple):
    """Some tens of pages, which one file holds.

    Attributes
    ----------
    block : int
        Which files they are of.

    chunk : int
        Which of their pages.
    """

    block: int
    chunk: int

    @property
    def name(self) -> str:
        """The name of its file; they sort as the pages do."""
        return f"{self.block:06d}-{self.chunk:06d}.jsonl"


class Place(NamedTuple):
    """A page of a run.

    Attributes
    ----------
    document : int
        Number of the file in the plan, counted from 0.

    page : int
        Number of the page in it, counted from 0.
    """

    document: int
    page: int


class Shard(NamedTuple):
    """One of several equal shares of a run, such as the third of eight.

    Attributes
    ----------
    number : int
        Counted from 1.

    n_shards : int
        How many there are.
    """

    number: int
    n_shards: int

    def __str__(self) -> str:
        return f"{self.number}/{self.n_shards}"

    def of(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that belong to this share.

        Parameters
        ----------
        parts : sequence of Part
            All of them.

        Returns
        -------
        parts : list of Part
        """
        return list(parts[self.number - 1 :: self.n_shards])


@dataclass(frozen=True)
class Plan:
    """The pages of a run, and what decides what is read on them.

    Attributes
    ----------
    settings : dict of str to object
        All that changes a result, as JSON has it.

    documents : tuple of Document
        The files, in the order of the table.

    Examples
    --------
    >>> from pipelines.runs.plan import Plan
    >>> plan = Plan({}, (Document("a.pdf", 50), Document("b.png", 1)))
    >>> plan.n_pages, [part.name for part in plan.parts]
    (51, ['000000-000000.jsonl', '000000-000001.jsonl', '000000-000002.jsonl'])
    """

    settings: dict[str, Any]
    documents: tuple[Document, ...]

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings without names that say only where something lies."""
        return {key: self.settings[key] for key in self.settings if key not in _NAMES}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the settings and of all files; it tells runs apart."""
        content = hashlib.sha256(json.dumps(self.decisive, sort_keys=True).encode())
        for document in self:
            known = [document.path, document.n_pages, document.sha256]
            content.update(json.dumps(known).encode())
        return content.hexdigest()

    @property
    def n_pages(self) -> int:
        """Rows of the table."""
        return sum(document.n_pages for document in self.documents)

    @property
    def parts(self) -> list[Part]:
        """All parts, in the order of their pages."""
        return [
            Part(block, chunk)
            for block in range(-(-len(self.documents) // _BLOCK_FILES))
            for chunk in range(-(-self._ends(block)[-1] // PART_PAGES))
        ]

    def pages_of(self, part: Part) -> list[Place]:
        """List the pages of a part.

        Parameters
        ----------
        part : Part

        Returns
        -------
        places : list of Place
            In their order.
        """
        first = part.block * _BLOCK_FILES
        begin, end = part.chunk * PART_PAGES, (part.chunk + 1) * PART_PAGES
        return [
            Place(first + n, page - start)
            for n, (start, stop) in enumerate(pairwise(self._ends(part.block)))
            for page in range(max(start, begin), min(stop, end))
        ]

    def part_of(self, place: Place) -> Part:
        """Return the part that a page belongs to.

        Parameters
        ----------
        place : Place

        Returns
        -------
        part : Part
        """
        block, n = divmod(place.document, _BLOCK_FILES)
        return Part(block, (self._ends(block)[n] + place.page) // PART_PAGES)

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    def _ends(self, block: int) -> list[int]:
        """Count the pages of a block before its first file, its second, and so on."""
        first = block * _BLOCK_FILES
        counts = (d.n_pages for d in self.documents[first : first + _BLOCK_FILES])
        return list(accumulate(counts, initial=0))


def describe_changes(old: Plan, new: Plan) -> str:
    """Say why two plans are of different runs.

    Parameters
    ----------
    old, new : Plan
        The plan of a folder, and that of a command.

    Returns
    -------
    text : str
        Empty if they are of one run. A file that could not be opened when the old plan
        was made is no difference.

    Examples
    --------
    >>> from pipelines.runs.plan import Plan, describe_changes
    >>> scans = (Document("a.png", sha256="5f"),)
    >>> describe_changes(Plan({"dpi": 200}, scans), Plan({"dpi": 300}, scans))
    'dpi is 300, and was 200'
    """
    before, now = old.decisive, new.decisive
    keys = dict.fromkeys([*before, *now])
    differing = [key for key in keys if before.get(key) != now.get(key)]
    reasons = [_describe(key, before, now) for key in differing]
    return "; ".join([*reasons, *_describe_files(old, new)])


def _describe_files(old: Plan, new: Plan) -> list[str]:
    before = {document.path: document for document in old}
    now = {document.path: document for document in new}
    changed = [p for p in now if p in before and _is_other(before[p], now[p])]
    kinds = {
        "added": [path for path in now if path not in before],
        "gone": [path for path in before if path not in now],
        "changed": changed,
    }
    reasons = [_count(kind, paths) for kind, paths in kinds.items() if paths]
    if not reasons and list(before) != list(now):
        return ["the scans have another order"]
    return reasons


def _describe(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    before, now = old.get(key), new.get(key)
    if isinstance(before, dict | list) or isinstance(now, dict | list):
        return f"{key} is another"
    return f"{key} is {now}, and was {before}"


def _is_other(before: Document, now: Document) -> bool:
    return bool(before.sha256) and before.sha256 != now.sha256


def _count(kind: str, paths: Sequence[str]) -> str:
    n_more = len(paths) - _MOST_NAMED
    named = ", ".join(paths[:_MOST_NAMED]) + (f" and {n_more} more" * (n_more > 0))
    nouns = "scan was" if len(paths) == 1 else "scans were"
    verb = {"added": "added", "gone": "taken away", "changed": "changed"}[kind]
    return f"{len(paths)} {nouns} {verb}: {named}"

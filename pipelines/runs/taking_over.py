"""Take over what was read of files that are as they were, into another plan."""

import shutil
from dataclasses import replace
from functools import lru_cache
from itertools import groupby

from pipelines.runs.parts import Parts
from pipelines.runs.plan import Part, Place, Plan
from pipelines.scans.identity import Document

# Parts that are kept in memory while they are taken over: files are mostly in the same
# order in both plans.
_N_KEPT = 8


def failed_alone(old: Plan, plan: Plan, parts: Parts) -> Plan:
    """Forget the content of files that are others now, and of which all pages failed.

    Parameters
    ----------
    old : Plan
        That of the parts.

    plan : Plan
        What is to be done now.

    parts : Parts
        What was read.

    Returns
    -------
    plan : Plan
        The old one; such a file counts as one that could not be opened yet.
    """
    now = {document.path: document for document in plan}
    documents = list(old.documents)
    for n, document in enumerate(documents):
        same = now.get(document.path)
        if same is None or same.sha256 == document.sha256:
            continue
        places = (Place(n, page) for page in range(document.n_pages))
        results = (parts.read(old.part_of(place)).get(place) for place in places)
        # Mostly the first page shows that it did not fail.
        if all(result and result.reading.status == "failed" for result in results):
            documents[n] = replace(document, sha256="")
    return Plan(old.settings, tuple(documents))


def take_over(old: Plan, kept: Parts, plan: Plan, parts: Parts) -> None:
    """Cut what was read into the parts of another plan.

    Parameters
    ----------
    old : Plan
        That of the parts that are there.

    kept : Parts
        What was read.

    plan : Plan
        Another one, of the same settings.

    parts : Parts
        In the same folder; they replace those that are there when all are written.

    Raises
    ------
    OSError
        If a part cannot be written.

    RunError
        If one is damaged.
    """
    if kept.run == parts.run and _are_cut_alike(old, plan):
        return
    drafts = Parts(kept.folder.with_name("parts.new"), parts.run)
    shutil.rmtree(drafts.folder, ignore_errors=True)
    drafts.folder.mkdir()
    read = lru_cache(_N_KEPT)(kept.read)
    known = {_content(document): n for n, document in enumerate(old)}
    places = (
        (part, place, Place(number, place.page))
        for part in plan.parts
        for place in plan.pages_of(part)
        if (number := known.get(_content(plan.documents[place.document]))) is not None
    )
    for part, group in groupby(places, key=_part_of):
        results = {
            place: result
            for _, place, before in group
            if (result := read(old.part_of(before)).get(before)) is not None
        }
        if results:
            drafts.write(part, results)
    before = kept.folder.with_name("parts.old")
    kept.folder.rename(before)
    drafts.folder.rename(parts.folder)
    shutil.rmtree(before)


def _part_of(item: tuple[Part, Place, Place]) -> Part:
    return item[0]


def _content(document: Document) -> tuple[str, int, str]:
    return document.path, document.n_pages, document.sha256 or "never read"


def _are_cut_alike(old: Plan, plan: Plan) -> bool:
    """Return whether all pages have their places in both plans."""
    return [(d.path, d.n_pages) for d in old] == [(d.path, d.n_pages) for d in plan]

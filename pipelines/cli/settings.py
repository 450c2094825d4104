"""What changes the result of a run: its settings, as JSON has them."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pipelines.forms.form import Form
    from pipelines.forms.pile import Pile
    from pipelines.runs.tables import TableSource
    from pipelines.scoring.ruled import RuledBatch
    from pipelines.scoring.table import Unit

# Letters of a hash that tell two contents apart.
_OF_HASH: Final = 12

# Settings that decide what is made of what was read.
_DECIDING: Final = ("form", "threshold", "rules")


def describe_job(
    model: str, threshold: float, batch: "RuledBatch | None", unit: "Unit" = "page"
) -> dict[str, Any]:
    """Collect what changes a result, but for the form and the pages.

    Parameters
    ----------
    model : str
        What ``--model`` names.

    threshold : float
        Confidence below which a value is rejected.

    batch : RuledBatch or None
        The acceptance rules.

    unit : {"page", "field"}, default="page"
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    return {
        "unit": unit,
        "release": version("lenet-sklearn"),
        "form": None,
        "model": model,
        "networks": describe_networks(model),
        "threshold": threshold,
        "rules": pack_rules(batch),
    }


def describe_form(path: Path | None, form: "Form") -> dict[str, Any]:
    """Collect the settings of a run that lie in its form.

    Parameters
    ----------
    path : Path or None
        Its file; None for combs that the command names.

    form : Form
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    content = form.model_dump(mode="json")
    if form.blank:
        # Wherever it lies.
        content["blank"] = hashlib.sha256(form.blank.read_bytes()).hexdigest()
    return {"form_file": path and str(path), "form": content}


def describe_pile(pile: "Pile") -> dict[str, Any]:
    """Collect the settings of a run that lie in the forms of a mixed pile.

    Parameters
    ----------
    pile : Pile
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    forms = [form.model_dump(mode="json") for form in pile.forms]
    for content, form in zip(forms, pile.forms, strict=True):
        for each, page in zip(content["pages"], form.pages, strict=True):
            each["blank"] = describe_form(None, page)["form"]["blank"]
    files = [form.file and str(form.file) for form in pile.forms]
    return {"form_files": files, "forms": forms}


def pile_of(settings: Mapping[str, Any]) -> "Pile | None":
    """Make the forms of a run anew, if they are those of a mixed pile.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    pile : Pile or None
        Its blank pages cannot be opened.
    """
    from pipelines.forms.pile import Pile

    if "forms" not in settings:
        return None
    return Pile.model_validate({"forms": settings["forms"]})


def source_of(settings: Mapping[str, Any]) -> "TableSource":
    """Say what the tables of a run are of.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    source : TableSource
    """
    from pipelines.runs.tables import TableSource

    form, rules = settings["form"], settings["rules"]
    piled = zip(settings.get("form_files", ()), settings.get("forms", ()), strict=True)
    threshold = f"threshold {settings['threshold']:g}"
    raws = [f["name"] for f in form["fields"] if _has_own_form(f)] if form else []
    raws += ["value"] if settings.get("characters") else []
    return TableSource(
        raws=frozenset(raws),
        names=tuple(each["name"] for each in form["fields"]) if form else ("value",),
        forms={each["name"]: f"{file} {hash_of(each)}" for file, each in piled},
        unit=settings["unit"],
        form=f"{settings['form_file'] or 'combs'} {hash_of(form)}" if form else "",
        model=f"{settings['model']} {settings['networks'][:_OF_HASH]}",
        rule=f"rule {hash_of(rules)}" if rules else threshold,
        release=settings["release"],
    )


def _has_own_form(field: Mapping[str, Any]) -> bool:
    said = map(field.get, ("characters", "decimals", "sign"))
    return any(one not in (None, False) for one in said)


def pack_rules(batch: "RuledBatch | None") -> dict[str, Any] | None:
    """Turn acceptance rules into what JSON can hold.

    Parameters
    ----------
    batch : RuledBatch or None
        None where a threshold decides.

    Returns
    -------
    rules : dict or None
    """
    if batch is None:
        return None
    kinds = {"combs": batch.combs, "lines": batch.lines}
    return {kind: rule and rule.to_dict() for kind, rule in kinds.items()}


def restore_rules(settings: Mapping[str, Any]) -> "RuledBatch | None":
    """Make the acceptance rules of a run anew.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    batch : RuledBatch or None
    """
    from lenet_sklearn.acceptance import AcceptanceRule
    from pipelines.scoring.ruled import RuledBatch

    packed = settings["rules"]
    if packed is None:
        return None
    combs, lines = (
        packed[kind] and AcceptanceRule.from_dict(packed[kind])
        for kind in ("combs", "lines")
    )
    return RuledBatch(combs, combs if packed["combs"] == packed["lines"] else lines)


def describe_networks(model: str) -> str:
    """Hash the networks that a command may read with.

    Parameters
    ----------
    model : str
        What ``--model`` names.

    Returns
    -------
    letters : str
    """
    from lenet_sklearn.models.files import (
        model_path,
        shipped_models,
        shipped_recognizers,
        shipped_segmenters,
    )

    names = [*shipped_models(), *shipped_recognizers(), *shipped_segmenters(), model]
    content = hashlib.sha256()
    for path in map(model_path, names):
        if path.is_file():  # vote is the name of two
            content.update(path.read_bytes())
    return content.hexdigest()


def hash_of(content: object) -> str:
    """Hash what JSON can hold, to tell two contents apart.

    Parameters
    ----------
    content : object

    Returns
    -------
    letters : str
    """
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_OF_HASH]


def hash_deciding(settings: Mapping[str, Any]) -> str:
    """Hash what decides what is made of what was read.

    Parameters
    ----------
    settings : mapping of str to object
        Those of a run.

    Returns
    -------
    letters : str
    """
    deciding = [settings.get(key) for key in _DECIDING]
    deciding += [settings["forms"]] if "forms" in settings else []
    # A table that people have corrected is another one than that of the run.
    return hash_of([*deciding, "reviewed"] if settings.get("reviewed") else deciding)

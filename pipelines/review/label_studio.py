"""Write what is to be reviewed as tasks with predictions for Label Studio."""

import base64
import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.forms.label_studio import enclose
from pipelines.outcomes import FieldReading, show_confidence
from pipelines.review.corrections import document_key
from pipelines.review.exports import CHOICES, FIELD, LEGIBLE, VALUE
from pipelines.review.pictures import PagePictures, PageRequest
from pipelines.review.queue import Item, Queue
from pipelines.runs.plan import Plan
from pipelines.scans.remote import as_path
from pipelines.scoring.table import PageResult, Unit

# The longer side of the picture of a page, in pixels: A4 at 200 dpi is smaller.
_SIDE: Final = 2400

# WebP's quality, from 0 to 100: that of single fields on a page of review.
_QUALITY: Final = 40

_IMAGE: Final = "image"

# Of what stands beside the picture, in CSS: "nothing written" fits in.
_SIDE_WIDTH: Final = "11em"

# Letters of a hash that tell regions apart.
_OF_ID: Final = 12


@dataclass(frozen=True)
class TaskSource:
    """The run that tasks are of.

    Attributes
    ----------
    batch : str
        Its id, as corrections name it.

    release : str
        Of the package that read it.

    unit : {"page", "field"}
        What was read. An image of a single field is all of the field.
    """

    batch: str
    release: str
    unit: Unit

    def knows_place(self, reading: FieldReading) -> bool:
        """Whether it is known where on its page a field lies."""
        return reading.quad is not None or self.unit == "field"


def request_pages(queue: Queue, plan: Plan) -> list[PageRequest]:
    """List the pictures of whole pages that tasks need.

    Parameters
    ----------
    queue : Queue
        What is reviewed.

    plan : Plan
        Of the run that read it.

    Returns
    -------
    requests : list of PageRequest
        One for each page of the queue.
    """
    known = {document.path: document for document in plan}
    return [
        PageRequest(
            as_path(result.document),
            result.page - 1,
            (),
            known.get(result.document),
            side=_SIDE,
            quality=_QUALITY,
        )
        for result in queue.pages
    ]


def make_configuration(names: Iterable[str]) -> str:
    """Make the labelling configuration that tasks need.

    Parameters
    ----------
    names : iterable of str
        Of the fields.

    Returns
    -------
    configuration : str
        XML, to be pasted as the labelling interface of a project.

    References
    ----------
    Label Studio documentation, template "Optical Character Recognition".

    Examples
    --------
    >>> from pipelines.review.label_studio import make_configuration
    >>> print(make_configuration(["id", "points"]))
    <View style="display: flex">
      <View style="flex: 0 0 11em">
        <RectangleLabels name="field" toName="image" showInline="false">
          <Label value="id" />
          <Label value="points" />
        </RectangleLabels>
        <TextArea name="value" toName="image" perRegion="true" editable="true" \
maxSubmissions="1" rows="1" placeholder="Digits" displayMode="region-list" />
        <Choices name="legible" toName="image" perRegion="true" choice="single">
          <Choice value="nothing written" />
          <Choice value="unreadable" />
        </Choices>
      </View>
      <View style="flex: 1">
        <Image name="image" value="$image" zoom="true" rotateControl="true" />
      </View>
    </View>
    """
    view = ET.Element("View", style="display: flex")
    # Beside the picture: below it nobody would see that there is something to choose.
    side = ET.SubElement(view, "View", style=f"flex: 0 0 {_SIDE_WIDTH}")
    shapes = {"name": FIELD, "toName": _IMAGE, "showInline": "false"}
    fields = ET.SubElement(side, "RectangleLabels", shapes)
    for name in names:
        ET.SubElement(fields, "Label", value=name)
    per_region = {"toName": _IMAGE, "perRegion": "true"}
    typed = {"editable": "true", "maxSubmissions": "1", "rows": "1"}
    shown = {"placeholder": "Digits", "displayMode": "region-list"}
    ET.SubElement(side, "TextArea", {"name": VALUE, **per_region, **typed, **shown})
    legible = {"name": LEGIBLE, **per_region, "choice": "single"}
    choices = ET.SubElement(side, "Choices", legible)
    for each in CHOICES:
        ET.SubElement(choices, "Choice", value=each)
    picture = {"name": _IMAGE, "value": f"${_IMAGE}"}
    main = ET.SubElement(view, "View", style="flex: 1")
    ET.SubElement(main, "Image", {**picture, "zoom": "true", "rotateControl": "true"})
    ET.indent(view)
    return ET.tostring(view, encoding="unicode")


def make_task(
    result: PageResult,
    items: Sequence[Item],
    picture: PagePictures,
    source: TaskSource,
) -> dict[str, Any]:
    """Make the task of one page, with what was read as its prediction.

    Parameters
    ----------
    result : PageResult
        What was read on it.

    items : sequence of Item
        The fields on it that are reviewed, at least one.

    picture : PagePictures
        The page, with its picture.

    source : TaskSource
        The run that read it.

    Returns
    -------
    task : dict of str to object
        As JSON has it. A field whose place is not known has no region: a person may
        draw one. The score of the page is that of its least certain field.

    References
    ----------
    Label Studio documentation, "Import pre-annotated data".
    """
    document, fields = document_key(result.document), result.reading.fields
    wanted = {item.name for item in items}
    regions: list[dict[str, Any]] = []
    # In the order of the form, in which a person goes down the page.
    for name, reading in fields.items():
        if name in wanted and source.knows_place(reading):
            key = repr((source.batch, document, result.page, name)).encode()
            regions += _describe(name, reading, picture, _identify(key))
    prediction = {
        "model_version": f"lenet-sklearn {source.release}",
        "score": min(_score(item.reading) for item in items),
        "result": regions,
    }
    return {
        "data": {
            _IMAGE: _as_uri(picture.content),
            "document": document,
            "page": result.page,
            "batch": source.batch,
            "read": {name: reading.value for name, reading in fields.items()},
        },
        "predictions": [prediction],
    }


def _identify(key: bytes) -> str:
    # A name of a file may hold what Label Studio joins ids with, such as "#".
    return hashlib.sha256(key).hexdigest()[:_OF_ID]


def _describe(
    name: str, reading: FieldReading, picture: PagePictures, key: str
) -> Iterator[dict[str, Any]]:
    """Give the rectangle of a field, and the value that was read in it."""
    place = enclose(reading.quad, picture.size)
    width, height = picture.content_size
    shared = {
        "id": key,
        "to_name": _IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": _score(reading),
    }
    kind, said = "rectanglelabels", {"rectanglelabels": [name]}
    yield {**shared, "from_name": FIELD, "type": kind, "value": {**place, **said}}
    if reading.value:
        said = {"text": [reading.value]}
        yield {
            **shared,
            "from_name": VALUE,
            "type": "textarea",
            "value": {**place, **said},
        }


def _score(reading: FieldReading) -> float:
    return float(show_confidence(reading.confidence, 4))


def _as_uri(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"

"""Boxes that people drew on an image with LabelMe, CVAT, COCO's tools or Label Studio.

Each format comes to the same: images, and on each of them boxes in pixels, with what is
said about them.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pydantic
from pydantic import BaseModel, FiniteFloat

from lenet_sklearn.outputs import check_readable
from pipelines.forms.drawn import (
    DrawnBox,
    DrawnImage,
    around,
    base_name,
    check_upright,
    is_float,
    name_box,
    of_corners,
    read_pairs,
)
from pipelines.forms.files import FormError, parse_json, read_text
from pipelines.forms.label_studio import Annotation, Rectangle, Region
from pipelines.scans.find import HEAD, name_content

FORMATS: Final = (
    "LabelMe JSON, COCO JSON, CVAT for images 1.1 (XML), or Label Studio JSON"
)

Point = tuple[FiniteFloat, FiniteFloat]

# How the types of Label Studio's regions begin that are no rectangles.
_OTHER_SHAPES: Final = ("polygon", "brush", "ellipse", "keypoint", "vector", "bitmask")


def is_annotation(path: Path) -> bool:
    """Return whether a file may be a drawing of boxes: JSON or XML, and no scan.

    Parameters
    ----------
    path : Path
        Any file. One that cannot be read is none.

    Returns
    -------
    answer : bool
    """
    try:
        check_readable(path)
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[", b"<")
    named = path.suffix.lower() in (".json", ".xml")
    return not name_content(head)[0] and (begins or named)


def read_annotations(path: Path) -> tuple[str, list[DrawnImage]]:
    """Read the boxes that somebody drew.

    Parameters
    ----------
    path : Path
        A file of one of `FORMATS`; which, is told from what it holds.

    Returns
    -------
    made_with : str
        The format.

    images : list of DrawnImage
        Those with at least one box.

    Raises
    ------
    FormError
        If the file cannot be read, is of no such format, or a box is turned, is no
        rectangle or has no label.
    """
    text = read_text(path, "JSON or XML")
    is_xml = text.lstrip()[:1] == "<"
    content = None if is_xml else parse_json(path)
    try:
        made_with, images = _read_xml(text) if is_xml else _read_json(content)
    except pydantic.ValidationError as error:
        raise FormError(f"{path}: {_explain(error)}") from None
    except FormError as error:
        raise FormError(f"{path}: {error}") from None
    images = [image for image in images if image.boxes]
    if not images:
        raise FormError(f"{path}: no box is drawn in this file")
    return made_with, images


def _read_json(content: Any) -> tuple[str, list[DrawnImage]]:
    """Tell the format of a JSON file from its keys, and read it."""
    if isinstance(content, dict):
        if "shapes" in content:
            return "LabelMe", [_read_labelme(_LabelMe.model_validate(content))]
        if "images" in content and "annotations" in content:
            return "COCO", list(_read_coco(_Coco.model_validate(content)))
        if "fields" in content:
            raise FormError("is the file of a form already: give it to lenet score")
        content = [content]
    tasks = content if isinstance(content, list) else []
    if any(map(_is_task, tasks)) and all(isinstance(task, dict) for task in tasks):
        return "Label Studio", [_read_task(task) for task in tasks]
    raise FormError(f"is no drawing of fields that is known, which are {FORMATS}")


class _Shape(BaseModel):
    label: str
    points: list[Point]
    shape_type: str = "polygon"
    description: str | None = None
    attributes: dict[str, Any] = {}


class _LabelMe(BaseModel):
    shapes: list[_Shape]
    # Files of Windows have its backslashes.
    imagePath: str = ""  # noqa: N815
    imageHeight: FiniteFloat | None = None  # noqa: N815
    imageWidth: FiniteFloat | None = None  # noqa: N815


def _read_labelme(content: _LabelMe) -> DrawnImage:
    boxes = []
    for number, shape in enumerate(content.shapes, 1):
        what = name_box(number, shape.label)
        if shape.shape_type not in ("rectangle", "polygon", "rotation"):
            raise FormError(f"{what} is a {shape.shape_type}; draw a rectangle")
        name, said = read_pairs(shape.label)
        said |= read_pairs(shape.description or "")[1]
        two = shape.shape_type == "rectangle" and len(shape.points) == 2
        sides = around(shape.points) if two else of_corners(shape.points, what)
        boxes.append(DrawnBox(name, sides, said, shape.attributes))
    height, width = content.imageHeight, content.imageWidth
    shape_of = (height, width) if height and width else None
    return DrawnImage(base_name(content.imagePath), shape_of, tuple(boxes))


class _CocoImage(BaseModel):
    id: int | str
    file_name: str = ""
    width: FiniteFloat | None = None
    height: FiniteFloat | None = None


class _CocoCategory(BaseModel):
    id: int | str
    name: str


class _CocoBox(BaseModel):
    image_id: int | str
    category_id: int | str
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    attributes: dict[str, Any] = {}
    segmentation: list[list[FiniteFloat]] | dict[str, Any] | None = None


class _Coco(BaseModel):
    images: list[_CocoImage]
    categories: list[_CocoCategory]
    annotations: list[_CocoBox]


def _read_coco(content: _Coco) -> Iterator[DrawnImage]:
    names = {category.id: category.name for category in content.categories}
    boxes: dict[int | str, list[DrawnBox]] = {each.id: [] for each in content.images}
    for number, each in enumerate(content.annotations, 1):
        if each.category_id not in names or each.image_id not in boxes:
            raise FormError(f"annotations: no. {number} names no category or no image")
        what = name_box(number, names[each.category_id])
        check_upright(each.attributes.get("rotation"), what)
        if isinstance(each.segmentation, dict):
            raise FormError(f"{what} is a mask; draw a rectangle")
        for flat in each.segmentation or ():
            of_corners(list(zip(flat[::2], flat[1::2], strict=False)), what)
        left, top, wide, tall = each.bbox
        name, said = read_pairs(names[each.category_id])
        box = DrawnBox(name, (top, left, tall, wide), said, each.attributes)
        boxes[each.image_id].append(box)
    for image in content.images:
        height, width = image.height, image.width
        shape = (height, width) if height and width else None
        yield DrawnImage(base_name(image.file_name), shape, tuple(boxes[image.id]))


def _read_xml(text: str) -> tuple[str, list[DrawnImage]]:
    # Entities that name each other fill the memory; no annotation tool writes any.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormError("is no drawing of fields: it defines entities")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        (line, column), reason = error.position, str(error).partition(":")[0]
        where = f"line {line}, column {column + 1}"
        raise FormError(f"{where}: is not XML: {reason}") from None
    return "CVAT", list(_read_cvat(root))


def _read_cvat(root: ET.Element) -> Iterator[DrawnImage]:
    if root.tag != "annotations":
        raise FormError(f"is no drawing of fields that is known, which are {FORMATS}")
    if root.find("track") is not None:
        raise FormError("is CVAT for video; export the task as CVAT for images 1.1")
    for image in root.iter("image"):
        shapes = [each for each in image if each.tag not in ("tag", "attribute")]
        boxes = [_read_cvat_shape(each, n) for n, each in enumerate(shapes, 1)]
        known = {"width", "height"} <= set(image.keys())
        shape = (_number(image, "height"), _number(image, "width")) if known else None
        yield DrawnImage(base_name(image.get("name", "")), shape, tuple(boxes))


def _read_cvat_shape(shape: ET.Element, number: int) -> DrawnBox:
    what = name_box(number, shape.get("label", ""))
    if shape.tag == "box":
        left, top = _number(shape, "xtl"), _number(shape, "ytl")
        corners = [(left, top), (_number(shape, "xbr"), _number(shape, "ybr"))]
        sides = around(corners)
    elif shape.tag == "polygon":
        points = [pair.split(",") for pair in shape.get("points", "").split(";")]
        if any(len(pair) != 2 or not all(map(is_float, pair)) for pair in points):
            raise FormError(f"{what} has points that are no pairs of numbers")
        sides = of_corners([(float(x), float(y)) for x, y in points], what)
    else:
        raise FormError(f"{what} is a {shape.tag}; draw a rectangle")
    check_upright(shape.get("rotation"), what)
    name, said = read_pairs(shape.get("label", ""))
    own = {each.get("name", ""): each.text or "" for each in shape.iter("attribute")}
    return DrawnBox(name, sides, said, own)


def _is_task(content: Any) -> bool:
    """Return whether something is an image of Label Studio, in its JSON or JSON-MIN."""
    if not isinstance(content, dict):
        return False
    return isinstance(content.get("annotations"), list) or bool(_min_regions(content))


def _min_regions(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the rectangles of JSON-MIN as JSON has them."""
    kept = ("original_width", "original_height", "image_rotation")
    return [
        {"id": f"{key} {n}", "type": "rectanglelabels", "value": each}
        | {name: each[name] for name in kept if name in each}
        for key, value in task.items()
        if isinstance(value, list)
        for n, each in enumerate(value)
        if isinstance(each, dict) and "rectanglelabels" in each
    ]


def _read_task(task: Mapping[str, Any]) -> DrawnImage:
    named = task.get("data", task)
    texts = named.values() if isinstance(named, dict) else ()
    name = base_name(next((each for each in texts if isinstance(each, str)), ""))
    if isinstance(task.get("annotations"), list):
        regions = _choose_annotation(task["annotations"], name)
    else:
        regions = [Region.model_validate(each) for each in _min_regions(task)]
    drawn = [each for each in regions if "x" in each.value and each.is_shape]
    sizes = {(each.original_height, each.original_width) for each in drawn}
    height, width = sizes.pop() if len(sizes) == 1 else (None, None)
    if drawn and not (height and width):
        raise FormError("a rectangle has no original_width and original_height")
    if not height or not width:
        return DrawnImage(name, None, ())
    boxes = [
        _read_region(each, number, [r for r in regions if r.id == each.id])
        for number, each in enumerate(drawn, 1)
    ]
    return DrawnImage(name, (height, width), tuple(boxes))


def _choose_annotation(annotations: Sequence[Any], name: str) -> list[Region]:
    """Return the regions of the annotation that counts, of those of several people."""
    given = [Annotation.model_validate(each) for each in annotations]
    given = [each for each in given if not each.was_cancelled]
    chosen = [each for each in given if each.ground_truth] or given
    if len(chosen) > 1:
        raise FormError(
            f"{name or 'an image'}: has {len(chosen)} annotations, and which counts is"
            " not known. Mark one as ground truth, or delete the others"
        )
    regions = chosen[0].result if chosen else []
    for region in regions:
        if region.type.startswith(_OTHER_SHAPES):
            raise FormError(f"a region is of the type {region.type}; draw a rectangle")
    return regions


def _read_region(region: Region, number: int, all_said: Iterable[Region]) -> DrawnBox:
    """Read a rectangle, and what the regions of the same id say about it."""
    place = Rectangle.model_validate(region.value)
    said: dict[str, str] = {}
    own: dict[str, Any] = {}
    label, pairs = read_pairs(" ".join(place.rectanglelabels))
    for each in all_said:
        text = each.text
        name, more = read_pairs(text)
        if each.type == "labels":
            label = label or name
        elif more:
            said |= more
        elif text:
            own[each.from_name] = text
    what = name_box(number, label)
    check_upright(place.rotation or region.image_rotation, what)
    sides = place.sides(region.original_height or 0, region.original_width or 0)
    return DrawnBox(label, sides, pairs | said, own)


def _number(element: ET.Element, key: str) -> float:
    value = element.get(key)
    if not is_float(value):
        name = element.get("label") or element.get("name") or ""
        raise FormError(f"{element.tag} {name!r}: {key} is no number. Got {value!r}")
    return float(value or 0)


def _explain(error: pydantic.ValidationError) -> str:
    """Say in one line where a file is not as its tool writes it."""
    finding = error.errors()[0]
    steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in finding["loc"])
    made_with = {"_LabelMe": "LabelMe", "_Coco": "COCO"}.get(
        error.title, "Label Studio"
    )
    message = finding["msg"].replace("Input should", "must")
    where = "".join(steps).lstrip(".")
    return f"is not as {made_with} writes it: {where}: {message}"

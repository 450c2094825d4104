"""Import: the demo's form, drawn with other tools, is the demo's form again."""

import json
from xml.sax.saxutils import quoteattr

import numpy as np
import PIL.Image
import pytest

from pipelines.drawing import draw_filled_forms
from pipelines.forms.form import Form, FormError
from pipelines.forms.importing import import_form, write_form
from pipelines.readers import make_form_reader
from pipelines.scans.read import open_scan

SHAPE = (2339, 1654)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's form, its blank page, and a page."""
    return draw_filled_forms(tmp_path_factory.mktemp("demo"), n_pages=1)


@pytest.fixture(scope="module")
def own(demo):
    return Form.from_file(demo.form)


@pytest.fixture(scope="module")
def readings(demo, own):
    return read_pages(demo, own)


def read_pages(demo, form):
    reader = make_form_reader(form)
    values = []
    for path in demo.scans:
        with open_scan(path) as scan:
            fields = reader.read(scan.read(0)).fields
        values.append({n: (f.value, f.status) for n, f in fields.items()})
    return values


def as_labelme(boxes, name="blank.png", shape=SHAPE):
    shapes = [
        {
            "label": label,
            "points": [[left, top], [left + width, top + height]],
            "group_id": None,
            "description": said,
            "shape_type": "rectangle",
            "flags": {},
        }
        for label, (top, left, height, width), said in boxes
    ]
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imageData": None}
    size = {"imagePath": name, "imageHeight": shape[0], "imageWidth": shape[1]}
    return json.dumps(content | size)


def as_coco(boxes, name="blank.png", shape=SHAPE, **attributes):
    labels = sorted({label for label, *_ in boxes})
    annotations = [
        {
            "id": n,
            "image_id": 7,
            "category_id": labels.index(label) + 1,
            "bbox": [left, top, width, height],
            "area": height * width,
            "segmentation": [],
            "iscrowd": 0,
            "attributes": {"occluded": False, "rotation": 0.0, **attributes},
        }
        for n, (label, (top, left, height, width), _) in enumerate(boxes, 1)
    ]
    image = {"id": 7, "file_name": name, "height": shape[0], "width": shape[1]}
    categories = [{"id": n, "name": label} for n, label in enumerate(labels, 1)]
    content = {"images": [image], "categories": categories}
    return json.dumps(content | {"annotations": annotations})


def as_cvat(boxes, name="blank.png", shape=SHAPE, more=""):
    lines = [
        f"<box label={quoteattr(label)} source='manual' occluded='0' z_order='0'"
        f" xtl='{left:.2f}' ytl='{top:.2f}' xbr='{left + width:.2f}'"
        f" ybr='{top + height:.2f}'><attribute name='digits'>{said[7:]}</attribute>"
        "</box>"
        for label, (top, left, height, width), said in boxes
    ]
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version>"
        f"<meta/><image id='0' name='{name}' width='{shape[1]}' height='{shape[0]}'>"
        f"{''.join(lines)}{more}</image></annotations>"
    )


def region(n, label, box, shape=SHAPE, **value):
    top, left, height, width = 100 * np.array(box) / np.tile(shape, 2)
    place = {"x": left, "y": top, "width": width, "height": height, "rotation": 0}
    return {
        "id": f"r{n}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": shape[1],
        "original_height": shape[0],
        "image_rotation": 0,
        "value": place | {"rectanglelabels": [label]} | value,
    }


def as_task(result, name="blank.png", **more):
    image = {"image": f"/data/upload/1/0123abcd-{name}"}
    annotation = {"id": 1, "was_cancelled": False, "result": result}
    return {"id": 1, "data": image, "annotations": [annotation]} | more


def as_label_studio(boxes):
    result = []
    for n, (label, box, said) in enumerate(boxes):
        result.append(region(n, label, box))
        if said:
            value = {**result[-1]["value"], "text": [said]}
            text = {"type": "textarea", "from_name": "rules", "value": value}
            result.append(result[-1] | text)
    return json.dumps([as_task(result)])


def as_label_studio_min(boxes):
    labels = [
        region(n, label, box)["value"]
        | {"original_width": SHAPE[1], "original_height": SHAPE[0]}
        for n, (label, box, _) in enumerate(boxes)
    ]
    return json.dumps([{"image": "/data/upload/1/0123abcd-blank.png", "label": labels}])


FORMATS = {
    "labelme.json": as_labelme,
    "coco.json": as_coco,
    "cvat.xml": as_cvat,
    "studio.json": as_label_studio,
    "min.json": as_label_studio_min,
}


@pytest.mark.parametrize("says_digits", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_the_form_of_the_demo_is_imported_as_it_is(
    demo, own, tmp_path, name, says_digits
):
    boxes = [
        (field.name, field.box, f"digits={field.digits}" if says_digits else "")
        for field in own.fields
    ]
    (tmp_path / name).write_text(FORMATS[name](boxes), "utf-8")
    output = tmp_path / "form.json"
    summary, notes = write_form(tmp_path / name, output, blank=demo.blank)
    assert notes == ()
    assert "11 comb fields, as drawn with" in summary
    form = Form.from_file(output)
    assert form.fields == own.fields
    assert np.array_equal(form.load_blank(), own.load_blank())
    with PIL.Image.open(tmp_path / "form.png") as picture:
        assert picture.size == SHAPE[::-1]


@pytest.mark.parametrize(
    "name",
    [
        name if name == "labelme.json" else pytest.param(name, marks=pytest.mark.slow)
        for name in FORMATS
    ],
)
def test_a_page_is_read_by_what_was_imported(demo, own, readings, tmp_path, name):
    boxes = [(field.name, field.box, f"digits={field.digits}") for field in own.fields]
    (tmp_path / name).write_text(FORMATS[name](boxes), "utf-8")
    write_form(tmp_path / name, tmp_path / "form.json", blank=demo.blank)
    assert read_pages(demo, Form.from_file(tmp_path / "form.json")) == readings


def test_combs_that_are_drawn_by_hand_are_put_onto_the_print(
    demo, own, readings, tmp_path
):
    rng = np.random.default_rng(0)
    boxes = []
    for field in own.fields:
        top, left, bottom, right = rng.integers(-6, 7, 4)
        t, le, h, w = field.box
        sides = (t + top, le + left, h + bottom - top, w + right - left)
        boxes.append((field.name, tuple(map(int, sides)), ""))
    (tmp_path / "d.json").write_text(as_labelme(boxes))
    draft = import_form(tmp_path / "d.json", demo.blank).draft
    form = Form(blank=demo.blank, fields=draft.fields)
    for field, wanted in zip(form.fields, own.fields, strict=True):
        assert (field.kind, field.digits) == ("comb", wanted.digits)
        assert field.box == pytest.approx(wanted.box, abs=2)
    assert read_pages(demo, form) == readings


@pytest.fixture
def imported(demo, tmp_path):
    """Return a function that imports what a file says, onto the demo's blank."""

    def run(content, name="drawing.json"):
        (tmp_path / name).write_text(content, "utf-8")
        return import_form(tmp_path / name, demo.blank)

    return run


@pytest.fixture
def complaint(imported, tmp_path):
    """Return a function that gives the line in which a file is refused."""

    def run(content, name="drawing.json"):
        with pytest.raises(FormError) as caught:
            imported(content, name)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / name}: ")
        assert "\n" not in message
        return message

    return run


ROOM = (772, 756, 67, 220)
PAPER = (1700, 200, 60, 400)
FRAME = (1047, 1181, 96, 277)


def test_what_a_label_says_is_taken(imported):
    said = "kind=comb digits=4; choices=0101,0204 length=4, maximum = 300"
    [field] = imported(as_labelme([(f"room {said}", ROOM, "")])).draft.fields
    assert (field.name, field.kind, field.digits) == ("room", "comb", 4)
    assert (field.choices, field.length, field.maximum) == (("0101", "0204"), 4, 300)


def test_what_attributes_say_is_taken_and_others_are_named(imported):
    result = imported(as_coco([("room", ROOM, "")], mask="01##", colour="red"))
    assert result.draft.fields[0].mask == "01##"
    assert result.notes == ("the attribute 'colour' is passed over: no field has it",)


def test_what_is_not_said_is_found_on_the_blank_page(imported):
    boxes = [("a", ROOM, ""), ("b", PAPER, ""), ("c", FRAME, "")]
    fields = imported(as_labelme(boxes)).draft.fields
    assert [field.kind for field in fields] == ["comb", "line", "box"]


def test_a_label_may_be_a_kind_and_an_attribute_the_name(imported):
    content = as_coco([("comb", ROOM, "")]).replace(
        '"rotation"', '"name": "room", "rotation"'
    )
    [comb] = imported(content).draft.fields
    assert (comb.name, comb.kind, comb.digits) == ("room", "comb", 4)
    value = {"text": ["amount"]}
    text = {"id": "r0", "type": "textarea", "from_name": "title", "value": value}
    task = as_task([region(0, "line", PAPER), text])
    [line] = imported(json.dumps([task])).draft.fields
    assert (line.name, line.kind) == ("amount", "line")


def test_label_studio_has_a_control_for_each_attribute(imported):
    said = [
        {"type": "number", "from_name": "digits", "value": {"number": 4}},
        {"type": "choices", "from_name": "kind", "value": {"choices": ["comb"]}},
        {"type": "textarea", "from_name": "mask", "value": {"text": ["01##"]}},
    ]
    result = [region(0, "room", ROOM), *({"id": "r0", **each} for each in said)]
    [field] = imported(json.dumps([as_task(result)])).draft.fields
    assert (field.kind, field.digits, field.mask) == ("comb", 4, "01##")


def test_boxes_of_one_name_are_numbered_in_reading_order(imported, own):
    boxes = [("points", f.box, "") for f in own.fields if "points" in f.name]
    result = imported(as_labelme(boxes[::-1]))
    names = [field.name for field in result.draft.fields]
    assert names == [f"points_{n}" for n in (5, 4, 3, 2, 1)]
    assert result.notes == ("fields 'points': are numbered in reading order, 1 to 5",)


def test_a_label_that_is_no_name_is_made_one(imported):
    result = imported(as_labelme([("Room (no.)", ROOM, ""), ("page", PAPER, "")]))
    assert [field.name for field in result.draft.fields] == ["Room_no", "page_"]
    assert "field 'Room_no': is what was called 'Room (no.)'" in result.notes


def test_a_drawing_of_another_resolution_is_scaled(imported):
    half = tuple(side / 2 for side in ROOM)
    shape = (SHAPE[0] / 2, SHAPE[1] / 2)
    [field] = imported(as_labelme([("room", half, "")], shape=shape)).draft.fields
    assert field.box == ROOM


def test_of_several_images_the_one_called_like_the_blank_counts(imported, complaint):
    one = json.loads(as_coco([("room", ROOM, "")]))
    one["images"][0]["file_name"] = r"C:\upload\0123abcd-blank.png"
    two = json.loads(as_coco([("other", PAPER, "")], name="page.png"))
    two["images"][0]["id"] = two["annotations"][0]["image_id"] = 8
    two["categories"][0]["id"] = two["annotations"][0]["category_id"] = 9
    both = {key: one[key] + two[key] for key in one}
    [field] = imported(json.dumps(both)).draft.fields
    assert field.name == "room"
    one["images"][0]["file_name"] = "a.png"
    assert "not one of them is called blank.png: a.png, page.png" in complaint(
        json.dumps(both)
    )


def test_a_polygon_of_four_upright_corners_is_a_box(imported, complaint):
    polygon = "<polygon label='a' points='{}'/>"
    corners = "756,772;976,772;976,839;756,839"
    [field] = imported(as_cvat([], more=polygon.format(corners)), "d.xml").draft.fields
    assert field.box == ROOM
    turned = "756,772;976,802;970,869;750,839"
    message = complaint(as_cvat([], more=polygon.format(turned)), "d.xml")
    assert "box 'a' is turned, or no rectangle" in message


def test_doubts_are_said(imported):
    boxes = [("a", ROOM, ""), ("b", (780, 760, 60, 200), "kind=line")]
    boxes.append(("c", PAPER, "digits=3"))
    off, overlap = imported(as_labelme(boxes)).notes
    assert off.startswith("field 'c': box: no comb of 3 boxes was found there")
    assert overlap.startswith("field 'b': box: ")


def labelme(**changes):
    content = json.loads(as_labelme([("a", ROOM, "")]))
    content["shapes"][0] |= changes
    return json.dumps(content)


def coco(**changes):
    content = json.loads(as_coco([("a", ROOM, "")]))
    content["annotations"][0] |= changes
    return json.dumps(content)


def studio(*tasks, **value):
    return json.dumps([as_task([region(0, "a", ROOM, **value)]), *tasks])


TWO_PEOPLE = as_task([], annotations=[{"result": []}, {"result": []}])
BOMB = "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>"
VOC = "<annotation><object><name>a</name></object></annotation>"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1, column 1: is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "is no drawing of fields that is known, which are LabelMe JSON, COCO"),
        ("[]", "which are LabelMe JSON"),
        ("[1]", "which are LabelMe JSON"),
        ('{"version": 1, "fields": []}', "is the file of a form already"),
        ('{"shapes": []}', "no box is drawn in this file"),
        ('{"shapes": 3}', "is not as LabelMe writes it: shapes: must be"),
        (labelme(points=[[1, 2], [3]]), "writes it: shapes[0].points[1][1]: F"),
        (labelme(points=[[1, 2], [3, "NaN"]]), "finite number"),
        (labelme(points=[]), "polygon of 0 points"),
        (labelme(shape_type="circle"), "box 'a' is a circle; draw a rectangle"),
        (labelme(shape_type="polygon"), "'a' is a polygon of 2 points; draw a rec"),
        (labelme(label=""), "box no. 1: has no label; it is the name of the field"),
        (labelme(label="???"), "box no. 1: its label '???' is no name"),
        (labelme(label="a digit=3"), "field 'a': digit: is not a key of a form"),
        (labelme(label="a digits=x"), "field 'a': digits: must be the number of box"),
        (labelme(label="a kind=row"), "'box', 'code', 'mark' or 'choice'"),
        (labelme(label="a mask=1#### digits=4"), "mask: has 5 digits instead of"),
        (labelme(points=[[1600, 9], [1700, 50]]), "field 'a': its box, from row 9 to"),
        (labelme(points=[[200, 1700], [200, 1750]]), "field 'a': box: must be four"),
        (labelme(label="comb", points=[[200, 1700], [600, 1760]]), "none was found th"),
        (as_labelme([("a", ROOM, "")], shape=(600, 800)), "drawn on an image 600 high"),
        (labelme(points=[[-1e308, 0], [1e308, 9]]), "reaches beyond the page"),
        (as_labelme([("a", ROOM, "")], shape=(1e-300, 1e-300)), "drawn on an image"),
        (coco(bbox=[1, 2, 3]), "is not as COCO writes it: annotations[0].bbox"),
        (coco(category_id=5), "annotations: no. 1 names no category or no image"),
        (coco(segmentation={"counts": [], "size": [1, 2]}), "box 'a' is a mask"),
        (coco(segmentation=[[1, 1, 9, 1, 5, 9]]), "polygon of 3 points"),
        (coco(attributes={"rotation": 12.0}), "box 'a' is turned by 12 degrees; draw"),
        (studio(rotation=348), "box 'a' is turned by -12 degrees"),
        (studio(x="left"), "is not as Label Studio writes it: x: "),
        (studio(rectanglelabels=["a", "b"]), "rectanglelabels: "),
        (json.dumps([TWO_PEOPLE]), "2 annotations, and which counts is not known"),
        (json.dumps(as_task([{"type": "polygonlabels"}])), "of the type polygonlabels"),
        ("<annotations>", "line 1, column 14: is not XML"),
        (BOMB, "it defines entities"),
        (VOC, "which are LabelMe JSON, COCO JSON, CVAT for images"),
        ("<annotations><track/></annotations>", "export the task as CVAT for images"),
        (as_cvat([], more="<ellipse label='a'/>"), "box 'a' is a ellipse"),
        (as_cvat([], more="<box label='a' xtl='x'/>"), "box 'a': xtl is no number"),
        (as_cvat([], more="<polygon label='a' points='1;2'/>"), "no pairs of numbers"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(complaint, content, reason):
    assert reason in complaint(content)


def test_a_box_of_cvat_that_is_turned_is_refused(complaint):
    content = as_cvat([("a", ROOM, "")]).replace("<box ", "<box rotation='5.00' ")
    assert "box 'a' is turned by 5 degrees" in complaint(content, "d.xml")


def test_files_that_are_no_text_are_refused(demo, tmp_path):
    path = tmp_path / "d.json"
    path.write_bytes(b"{\xff\xfe")
    with pytest.raises(FormError, match="is no JSON or XML file, it does not hold"):
        import_form(path, demo.blank)

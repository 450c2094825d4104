"""Forms: what is valid is kept, and what is not is named in one line."""

import copy
import json
import os
import pickle
import sys

import PIL.Image
import pytest

from pipelines.forms.check_digits import Weights
from pipelines.forms.form import Field, Form, FormError, Sum
from pipelines.forms.placing import doubt_fields, doubt_places
from pipelines.scans.read import open_scan


@pytest.fixture
def folder(tmp_path):
    PIL.Image.new("L", (200, 100), 255).save(tmp_path / "blank.png")
    return tmp_path


def write(folder, content):
    path = folder / "form.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def form_of(**field):
    return {
        "version": 1,
        "blank": "blank.png",
        "fields": [{"name": "total", "kind": "comb", "digits": 3} | field],
    }


def complaint_about(folder, content):
    path = write(folder, content)
    with pytest.raises(FormError) as caught:
        Form.from_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_the_form_of_the_design_is_read(folder):
    form = Form.from_file(write(folder, form_of(box=[10, 20, 30, 60])))
    [field] = form.fields
    assert (field.name, field.kind, field.digits) == ("total", "comb", 3)
    assert field.box == (10, 20, 30, 60)
    assert form.load_blank().shape == (100, 200)


def test_the_blank_page_is_read_once_until_it_changes(folder, monkeypatch):
    opened = []

    def open_noted(path):
        opened.append(path)
        return open_scan(path)

    monkeypatch.setattr("pipelines.forms.form.open_scan", open_noted)
    path = write(folder, form_of(box=[10, 20, 30, 60]))
    for _ in range(2):
        form = Form.from_file(path)
        assert form.load_blank().max() == 255
        assert doubt_places(form)
    assert opened == [folder / "blank.png"]
    os.utime(folder / "blank.png", ns=(0, 0))
    form.load_blank()
    assert len(opened) == 2


def test_what_is_written_is_read_back(folder):
    fields = (
        Field(name="a", digits=3, box=(1, 2, 30, 60), length=(1, 3), choices=("07",)),
        Field(name="b", kind="line", minimum=1, maximum=9, mask="#"),
        Field(name="c", kind="box", check_digit="luhn", length=4),
        Field(name="d", kind="line", date="MMYYYY", latest="2030-12-31"),
        Field(name="e", digits=9, check_digit=Weights(weights=(3, 1), modulus=10)),
    )
    form = Form(
        blank=folder / "blank.png",
        fields=fields,
        sums=(Sum(total="a", parts=("b", "c")),),
    )
    form.to_file(folder / "form.json")
    assert Form.from_file(folder / "form.json") == form


def test_the_blank_is_written_relative_to_the_form(folder):
    (folder / "forms").mkdir()
    path = folder / "forms" / "form.json"
    form = Form(blank=folder / "blank.png", fields=(Field(name="a", digits=2),))
    form.to_file(path)
    assert json.loads(path.read_text())["blank"] == "../blank.png"
    assert Form.from_file(path).load_blank().shape == (100, 200)


def test_a_form_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    path = write(folder, form_of())
    before = path.read_text()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        Form.from_combs({"a": 2}).to_file(path)
    assert path.read_text() == before
    assert sorted(p.name for p in folder.iterdir()) == ["blank.png", "form.json"]


def test_from_combs_makes_fields_without_a_place():
    form = Form.from_combs({"rin": 9, "room": 3})
    assert [(f.name, f.kind, f.digits, f.box) for f in form.fields] == [
        ("rin", "comb", 9, None),
        ("room", "comb", 3, None),
    ]


@pytest.mark.parametrize("combs", [{}, {"rin": 0}, {"status": 9}, {"a,b": 9}])
def test_from_combs_refuses_what_cannot_be_a_form(combs):
    with pytest.raises(FormError):
        Form.from_combs(combs)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"digits": None}, "field 'total': digits: a comb needs the number"),
        ({"digits": 0}, "field 'total': digits: must be the number of boxes"),
        ({"digits": "many"}, '100. Got "many"'),
        ({"kind": "combs"}, "'code', 'mark' or 'choice'. Got \"combs\""),
        ({"box": [1, 2, 3]}, "box: must be four whole numbers of pixels"),
        ({"box": [1, 2, 30, -6]}, "of which the last two are above 0"),
        ({"box": [1, 2, 30, 2]}, "box: 2 pixels are too narrow for 3 boxes"),
        ({"box": [80, 2, 30, 60]}, "reaches beyond the blank page, which is 100 high"),
        ({"length": [3, 1]}, "length: the least comes first"),
        ({"length": "three"}, "field 'total': length: must be a number of digits"),
        ({"mask": "99-9"}, "mask: must be made of '#'"),
        ({"minimum": 5, "maximum": 4}, "maximum: is less than the minimum"),
        ({"choices": ["a"]}, "choices: must be a list of strings of digits"),
        ({"length": 5}, "field 'total': length: 5 digits do not fit into 3 boxes"),
        ({"mask": "####"}, "mask: has 4 digits instead of 1 to 3"),
        ({"mask": "##", "length": 3}, "mask: has 2 digits instead of 3"),
        ({"minimum": 1000}, "minimum: 1000 has more digits than 3"),
        ({"maximum": -1}, "maximum: no value is as small as -1"),
        ({"choices": []}, "choices: must be a list of strings of digits"),
        ({"choices": ["07"], "length": 3}, "'07' can never be read: has 2 digits"),
        ({"choices": ["7", "9"], "maximum": 8}, "'9' can never be read: 9 is more"),
        ({"check_digit": "crc"}, "check_digit: must be 'luhn', 'mod11', 'mod11,10'"),
        ({"check_digit": "mod11-2"}, 'which is 10 or 11. Got "mod11-2"'),
        ({"check_digit": {"weights": []}}, "check_digit: must be "),
        ({"check_digit": {"weights": [3], "modulus": 12}}, "check_digit: must be "),
        ({"date": "DDYY", "digits": 4}, "date: must be DD, MM and YYYY or YY"),
        ({"date": "DDMMYYYY"}, "date: DDMMYYYY is of another length than"),
        (
            {"date": "DDMM", "digits": 4, "length": 3},
            "date: DDMM is of another length than",
        ),
        ({"latest": "2020-01-31"}, "date: earliest and latest are the range of a date"),
        (
            {"date": "MMYY", "digits": 4, "earliest": 2020},
            "earliest: must be a date such",
        ),
        (
            {"date": "MMYY", "digits": 4, "earliest": "2100-01-01"},
            "latest: is before the earliest",
        ),
        (
            {"date": "MMYY", "digits": 4, "choices": ["1324"]},
            "choices: '1324' can never be read: 1324 is no date MMYY",
        ),
        (
            {"choices": {"file": "ids.csv"}},
            "choices: must be a list of strings of digits",
        ),
        ({"digit": 3}, "field 'total': digit: is not a key of a form"),
        ({"name": "=1+1"}, "field '=1+1': name: must be letters"),
        ({"name": "page"}, "field 'page': name: is already the name of a column"),
        ({"name": 7}, "field no. 1: name: "),
    ],
)
def test_a_mistake_in_a_field_is_named(folder, field, words):
    assert words in complaint_about(folder, form_of(**field))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"version": 1,\n "fields": [}', "line 2, column 13: is not JSON"),
        ("[]", "must hold an object"),
        ({"version": 1}, "fields: is missing"),
        ({"fields": []}, "fields: must be a list of at least one field"),
        ({"fields": [3]}, "field no. 1: must be an object with a name"),
        ({"version": 2, "fields": []}, "version: is 2, and 1 is the newest"),
        ({"version": 0, "fields": []}, "version: "),
        ({"fields": [{"kind": "line"}]}, "field no. 1: name: is missing"),
        (form_of() | {"blank": "none.png"}, "blank: "),
        (form_of() | {"balnk": "none.png"}, "balnk: is not a key"),
        (form_of() | {"sums": [{"total": "x", "parts": ["total"]}]}, "named 'x'"),
        (form_of() | {"sums": [{"total": "total"}]}, "sums: "),
        (
            form_of() | {"sums": [{"total": "total", "parts": ["total"]}]},
            "sums: field 'total' is among its own parts",
        ),
        (form_of(box=[0, 0, 9, 9]) | {"blank": None}, "box: the form has no blank"),
        (form_of(mask="111", check_digit="luhn"), "'total': no value keeps all its"),
        (
            form_of(date="MMYYYY", digits=6, mask="13####"),
            "no value keeps all its rules",
        ),
    ],
)
def test_a_mistake_in_a_form_is_named(folder, content, words):
    assert words in complaint_about(folder, content)


def test_two_fields_of_one_name_are_refused(folder):
    content = form_of()
    content["fields"] *= 2
    assert "field 'total': there are two" in complaint_about(folder, content)


def test_a_form_that_is_not_there_is_refused(folder):
    with pytest.raises(FormError, match=r"none\.json: cannot be read: No such file"):
        Form.from_file(folder / "none.json")


def test_a_picture_in_place_of_a_form_is_refused(folder):
    with pytest.raises(FormError, match=r"blank\.png: is no JSON file"):
        Form.from_file(folder / "blank.png")


def test_a_number_of_too_many_digits_is_named_by_its_place(folder):
    text = '{"version": 1,\n "fields": [{"name": "a", "maximum": %s}]}' % ("9" * 5000)
    words = complaint_about(folder, text)
    assert words == "line 2, column 38: a number has too many digits"


def test_a_form_that_is_nested_too_deeply_is_refused(folder):
    assert "nested too deeply" in complaint_about(folder, "[" * 5000 + "]" * 5000)


def test_the_blank_page_may_have_no_name_that_no_file_has(folder):
    content = form_of()
    for name in ("a\0b.png", "a" * 5000):
        assert complaint_about(folder, content | {"blank": name}).startswith("blank: ")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are of POSIX")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(
        FormError, match="pipe: cannot be read: it is a pipe, not a reg"
    ):
        Form.from_file(folder / "pipe")
    words = complaint_about(folder, form_of() | {"blank": "pipe"})
    assert "it is a pipe, not a regular file" in words


IDS = {"file": "ids.csv", "column": "id"}


def test_choices_are_a_column_of_a_csv_file_beside_the_form(folder):
    (folder / "ids.csv").write_text("name;id\na;007\nb;\nc; 012\nd;007\n")
    form = Form.from_file(write(folder, form_of(choices=IDS)))
    assert form.fields[0].choices == ("007", "012")
    form.to_file(folder / "again.json")
    (folder / "ids.csv").unlink()
    assert Form.from_file(folder / "again.json") == form


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "ids.csv cannot be read: No such file or directory"),
        ("nr,name\n1,a\n", "ids.csv has 0 columns 'id', not one. It has 'nr', 'name'"),
        ("id,id\n1,2\n", "has 2 columns 'id', not one"),
        ("id\n1\nx2\n", "ids.csv: line 3: 'x2' is not a string of digits"),
        ("id\n", "choices: must be a list of strings of digits"),
        ("id\n1234\n", "choices: '1234' can never be read: has 4 digits in 3 boxes"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(folder, table, words):
    if table is not None:
        (folder / "ids.csv").write_text(table)
    complaint = complaint_about(folder, form_of(choices=IDS))
    assert complaint.startswith("field 'total': choices: ")
    assert words in complaint


def test_a_form_can_be_copied_and_pickled(folder):
    form = Form.from_file(write(folder, form_of(box=[10, 20, 30, 60])))
    assert copy.deepcopy(form) == form
    assert pickle.loads(pickle.dumps(form)) == form


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ({}, "12", "1234"),
        ({}, "123", "1_3"),
        ({}, "123", "1a3"),
        ({"length": 2}, "07", "7"),
        ({"length": (1, 2)}, "7", "007"),
        ({"mask": "2#"}, "27", "17"),
        ({"mask": "2#"}, "27", "2"),
        ({"minimum": 10}, "010", "9"),
        ({"maximum": 10}, "010", "11"),
        ({"choices": ("01", "02")}, "01", "1"),
        ({"check_digit": "luhn"}, "042", "043"),
        ({"check_digit": Weights(weights=(3, 1), modulus=10)}, "116", "118"),
    ],
)
def test_check_gives_a_reason_for_what_breaks_a_constraint(constraint, good, bad):
    field = Field(name="a", digits=3, **constraint)
    assert field.check(good) == ""
    assert field.check(bad) != ""


@pytest.mark.parametrize(
    ("rules", "lengths"),
    [
        ({}, None),
        ({"length": 4}, range(4, 5)),
        ({"length": (2, 4)}, range(2, 5)),
        ({"digits": 3}, range(1, 4)),
        ({"digits": 3, "length": (2, 9)}, range(2, 4)),
        ({"date": "DDMMYY"}, range(6, 7)),
        ({"choices": ("7", "12")}, range(1, 3)),
    ],
)
def test_a_field_says_how_many_digits_it_may_have(rules, lengths):
    assert Field(name="a", kind="line", **rules).lengths == lengths


def test_an_empty_value_is_never_invalid():
    field = Field(name="a", digits=3, length=3, minimum=1, choices=("001",))
    assert field.check("") == ""


def test_check_sums_names_all_that_may_be_wrong():
    form = Form(
        fields=[Field(name=name, kind="line") for name in "abct"],
        sums=[Sum(total="t", parts=["a", "b", "c"])],
    )
    values = {"a": "001", "b": "2", "c": "", "t": "03"}
    assert form.check_sums(values) == []
    reason = "t is 4, and its parts add up to 3"
    assert form.check_sums(values | {"t": "4"}) == [(("t", "a", "b", "c"), reason)]
    assert form.check_sums(values | {"t": ""}) == []
    assert form.check_sums(values | {"a": "1_1", "t": "4"}) == []


def test_boxes_that_overlap_are_doubted():
    def field(name, *box):
        return Field(name=name, kind="line", box=box)

    fields = [field("a", 10, 10, 30, 90), field("wall", 10, 97, 30, 60)]
    assert doubt_fields(fields, []) == []
    fields.append(field("inner", 12, 20, 20, 40))
    [doubt] = doubt_fields(fields, [])
    assert doubt.startswith(
        "field 'inner': box: 100% of it or of field 'a' are in both"
    )


def test_from_combs_names_the_rows_of_a_grid():
    form = Form.from_combs({}, {"marks": (3, 5)})
    assert [field.name for field in form.fields] == ["marks_1", "marks_2", "marks_3"]
    assert {(f.digits, f.grid, f.gaps) for f in form.fields} == {(5, "marks", True)}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("4_1", ""),
        ("", ""),
        ("41", "has not a digit, or '_', for each box"),
        ("4x1", "has not a digit, or '_', for each box"),
    ],
)
def test_a_field_with_gaps_has_a_character_for_each_box(value, reason):
    assert Field(name="row", digits=3, gaps=True).check(value) == reason


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"gaps": True, "maximum": 9}, "only a comb without rules"),
        ({"gaps": True, "kind": "line"}, "only a comb without rules"),
        ({"grid": "g", "box": (0, 0, 40, 90)}, "only combs are looked for"),
    ],
)
def test_gaps_and_grids_are_of_plain_combs(keys, message):
    with pytest.raises(ValueError, match=message):
        Field(**{"name": "row", "digits": 3} | keys)


def test_rows_of_a_grid_have_one_length():
    rows = [Field(name=f"g{n}", digits=n, grid="g") for n in (3, 4)]
    with pytest.raises(ValueError, match="its rows have not one length"):
        Form(fields=rows)


def test_a_field_with_gaps_adds_up_to_nothing():
    fields = [Field(name="a", digits=2, gaps=True), Field(name="b", digits=2)]
    with pytest.raises(ValueError, match="a field with gaps is no number"):
        Form(fields=fields, sums=[{"total": "b", "parts": ["a"]}])

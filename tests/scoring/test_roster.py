"""Lists of numbers: read from a table, or refused with what is wrong."""

import pytest

from pipelines import Roster


@pytest.fixture
def students(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "students.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_numbers_are_text_in_the_order_of_the_file(students, mark):
    path = students(f"name{mark}id\nAda{mark}007\nBob{mark} 0451 \n")
    assert Roster.from_file(path, "id").numbers == ("007", "0451")


def test_a_spreadsheet_may_mark_its_text_and_leave_rows_below(students):
    path = students("name,id\nZo\u00eb,007\n,\n\n", encoding="utf-8-sig")
    assert Roster.from_file(path, "id").numbers == ("007",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,number\nAda,1\n", "has no column 'id'. It has 'name', 'number'$"),
        ("", "has no column 'id'. It has none"),
        ("id,id\n1,2\n", "has 2 columns 'id'"),
        ("id\n", "has no rows"),
        ("id,name\n1,Ada\n,Bob\n", "line 3 has no id"),
        ("name,id\nAda\n", "line 2 has no id"),
        ("id\n1\n2\n1\n", "line 4 has the id 1 of line 2"),
        ("id\nA12\n", "line 2 has the id 'A12'. Numbers are digits only"),
        ("id\n12.0\n", "'12.0'"),
        ("id\n\u0661\n", "digits only"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(students, text, reason):
    with pytest.raises(ValueError, match=rf"students\.csv.*{reason}"):
        Roster.from_file(students(text), "id")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_list_in_another_encoding_is_to_be_saved_as_utf_8(students, encoding):
    path = students("id,name\n1,M\u00fcller\n", encoding=encoding)
    with pytest.raises(ValueError, match="Save it as UTF-8"):
        Roster.from_file(path, "id")


@pytest.mark.parametrize(
    ("numbers", "error", "reason"),
    [
        ([], ValueError, "Got none"),
        ([7], TypeError, "dtype=str"),
        (["7", "7"], ValueError, "twice"),
        (["7a"], ValueError, "digits only"),
    ],
)
def test_numbers_that_are_no_list_are_refused(numbers, error, reason):
    with pytest.raises(error, match=reason):
        Roster(numbers)


def test_numbers_of_another_length_than_the_boxes_are_doubted():
    assert Roster(["0451", "1998"]).doubts(4) == []
    assert Roster(["0451", "1998"]).doubts(9) == []  # all may be shorter
    longer, shorter = Roster(["1", "2", "345", "67"]).doubts(2)
    assert longer.startswith("1 of 4 numbers has over 2 digits, such as 345")
    assert shorter.startswith("2 of 4 numbers have under 2 digits, such as 1")

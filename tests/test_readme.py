"""What the README shows runs as it stands there."""

import re
from pathlib import Path

from pipelines import Form
from pipelines.drawing import draw_filled_forms
from pipelines.forms.drafting import doubt_places

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_python_example_prints_what_its_comments_say(capsys):
    [_, example] = blocks("python")
    exec(compile(example, str(README), "exec"), {})
    assert capsys.readouterr().out.startswith("['042' '1998' '67']\n")


def test_the_page_of_the_demo_is_read_as_its_comments_say(
    tmp_path, monkeypatch, capsys
):
    draw_filled_forms(tmp_path / "demo", n_pages=1, random_state=0)
    monkeypatch.chdir(tmp_path)
    [example, _] = blocks("python")
    exec(compile(example, str(README), "exec"), {})
    read = capsys.readouterr().out.splitlines()
    assert len(read) == 11
    shown = re.findall(r"^# (\w.*)$", example, re.MULTILINE)
    assert shown
    assert shown == read[: len(shown)]


def test_the_form_fits_the_blank_page_of_the_demo(tmp_path):
    drawn = draw_filled_forms(tmp_path, n_pages=1, random_state=0)
    path = tmp_path / "rules.json"
    path.write_text(*blocks("json"), encoding="utf-8")
    form = Form.from_file(path)
    assert doubt_places(form) == []
    places = {field.name: field.box for field in Form.from_file(drawn.form).fields}
    assert all(places[field.name] == field.box for field in form.fields)


def test_the_pictures_and_files_that_are_linked_exist():
    links = re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8"))
    assert links
    assert [name for name in links if not (README.parent / name).exists()] == []

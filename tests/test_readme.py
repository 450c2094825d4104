"""What the README shows runs as it stands there."""

import json
import re
from pathlib import Path

from pipelines import Form

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_python_example_prints_what_its_comments_say(capsys):
    [example] = blocks("python")
    exec(compile(example, str(README), "exec"), {})
    assert capsys.readouterr().out.startswith("['042' '1998' '67']\n")


def test_the_form_is_valid():
    [example] = blocks("json")
    assert len(Form.model_validate(json.loads(example)).fields) == 4


def test_the_pictures_and_files_that_are_linked_exist():
    links = re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8"))
    assert links
    assert [name for name in links if not (README.parent / name).exists()] == []

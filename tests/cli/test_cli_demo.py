"""The demonstration writes over its own files and over no others."""

import pytest

from lenet_sklearn.outputs import OutputError
from pipelines.cli.commands import clear_demo_folder
from pipelines.drawing import draw_filled_forms


def clear(folder, n_pages):
    table, pictures = folder / "results.csv", folder / "pictures"
    clear_demo_folder(folder, n_pages=n_pages, table=table, pictures=pictures)


@pytest.mark.parametrize(
    "name",
    ["scans/page_02.jpg", "results.csv", "pictures/page_09.png"],
)
def test_only_a_folder_of_the_demonstration_may_be_written_anew(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(OutputError, match=f"{path.name} is there.*another folder"):
        clear(tmp_path, n_pages=2)
    draw_filled_forms(tmp_path, n_pages=0)
    clear(tmp_path, n_pages=2)
    assert path.exists()


def test_pages_that_will_not_be_drawn_may_lie_anywhere(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "page_02.jpg").touch()
    clear(tmp_path, n_pages=1)


def test_pages_of_an_earlier_demonstration_are_taken_away(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    forms = draw_filled_forms(tmp_path, n_pages=2)
    old = [*forms.scans, pictures / f"{forms.scans[0].stem}-p1.png"]
    mine = [tmp_path / "scans" / "page_13.jpg", pictures / "page_13-p1.png"]
    for path in (old[-1], *mine):
        path.touch()
    forms.form.rename(tmp_path / "kept.json")
    with pytest.raises(OutputError):
        clear(tmp_path, n_pages=2)
    assert all(path.exists() for path in old + mine)
    (tmp_path / "kept.json").rename(forms.form)
    clear(tmp_path, n_pages=2)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in mine)

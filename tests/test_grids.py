"""Ready grids: every name in them is a parameter, and files are read as they are."""

import pytest
from sklearn.model_selection import ParameterGrid

from lenet_sklearn import LeNet5Classifier, recipes
from pipelines import SlidingReader, make_field_reader
from pipelines.recipes import (
    COMB_GRIDS,
    LINE_GRIDS,
    N_LABELLED,
    check_grid,
    find_grid,
)

# Boxes have no print that could be left.
OF_LINES = "line_removal"
ALL = [
    *(("lines", name) for name in LINE_GRIDS),
    *(("combs", name) for name in COMB_GRIDS),
]


SLIDING = "read__line_reader__sliding_reader__"


def test_the_grids_answer_these_questions():
    expected = ["cleaning", "cutting", "distortion", "labels", "network", "quick"]
    assert sorted(COMB_GRIDS) == expected
    assert sorted(LINE_GRIDS) == sorted([*expected, OF_LINES])
    with pytest.raises(ValueError, match="no grid 'line_removal'"):
        find_grid(OF_LINES, "combs")
    assert sorted(recipes.GRIDS) == ["distortion", "labels", "network", "quick"]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_reader_takes_every_point_of_a_grid(kind, name):
    grid = find_grid(name, kind)
    check_grid(grid, make_field_reader())
    for params in ParameterGrid(grid):
        params.pop(N_LABELLED, None)
        reader = make_field_reader().set_params(**params)
        assert {k: reader.get_params()[k] for k in params} == params


@pytest.mark.parametrize("name", recipes.GRIDS)
def test_a_classifier_takes_every_point_of_a_grid(name):
    for params in ParameterGrid(find_grid(name, "glyphs")):
        params.pop(N_LABELLED, None)
        LeNet5Classifier().set_params(**params)
    check_grid(find_grid(name, "glyphs"), LeNet5Classifier())


def test_a_grid_is_read_from_a_file(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        '[[grid]]\nread__lr = [0.001]\nflatten = ["passthrough"]\n'
        '[[grid]]\nread__line_reader = [{model = "lenet5"}]\n'
    )
    first, second = find_grid(str(path), "lines")
    assert first == {"read__lr": [0.001], "flatten": ["passthrough"]}
    [reader] = second["read__line_reader"]
    assert isinstance(reader, SlidingReader)
    assert reader.recognizer.network == "lenet5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("read__lr = [1]", r"expects one table, \[grid\]"),
        ("[grid]\nread__lr = 1", r"a list of values for read__lr. Got 1. Write read"),
        (
            "[grid]\nread__lr = []",
            r"a list of values for read__lr. Got \[\]. Write read__lr = \[0",
        ),
        ("[grid", "is no TOML"),
        ("grid = [1, 2]", r"expects tables, \[\[grid\]\]. Got 1"),
        (
            "[grid]\nread__line_reader = [{model = 3}]",
            "named by a string. Got model = 3",
        ),
    ],
)
def test_a_file_without_a_grid_is_refused(tmp_path, text, said):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        find_grid(str(path), "lines")


def test_a_grid_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no grid 'quik'. There are cleaning, cut"):
        find_grid("quik", "lines")
    with pytest.raises(ValueError, match=r"none.toml cannot be read: No such file"):
        find_grid(str(tmp_path / "none.toml"), "lines")


def test_a_parameter_that_is_not_there_is_named_with_one_that_is():
    reader = make_field_reader()
    with pytest.raises(ValueError, match=r"'read__lrs'.*Did you mean read__lr"):
        check_grid([{"read__lrs": [1]}], reader)
    part = {"read__line_reader": [SlidingReader()], "read__line_reader__lr": [0.1]}
    check_grid([part], reader)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("read__lr", "fast", "'lr' parameter of FieldReader"),
        (f"{SLIDING}max_epochs", "x", "'max_epochs' parameter of SlidingReader"),
        (f"{SLIDING}max_epochs", -1, "'max_epochs' parameter of SlidingReader"),
        ("read__line_reader", "wide", "A model is written {model"),
        ("despeckle", "nothing", "left out by 'passthrough'"),
        ("n_labelled", "many", "whole numbers from 1"),
        ("n_labelled", 0.5, "whole numbers from 1"),
        ("n_labelled", -5, "whole numbers from 1"),
    ],
)
def test_a_value_that_no_fit_would_take_is_refused_beforehand(name, value, said):
    good = {"despeckle": ["passthrough"]} if name != "despeckle" else {}
    with pytest.raises(ValueError, match=rf"has {value!r} for {name}.*{said}"):
        check_grid([{**good, name: [value]}], make_field_reader())


def test_a_classifier_refuses_a_value_beforehand():
    with pytest.raises(
        ValueError, match=r"'x' for max_epochs\. The 'max_epochs' param"
    ):
        check_grid([{"max_epochs": [3, "x"]}], LeNet5Classifier())

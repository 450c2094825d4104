"""What cutters and cleaners decide by has names, and is found by a search."""

import cv2
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from lenet_sklearn.committee import members_of
from lenet_sklearn.models.files import ModelFileError
from lenet_sklearn.models.registry import pack_model, unpack_model
from pipelines import (
    BoxCutter,
    CombReader,
    CuttingReader,
    Despeckler,
    Form,
    Frame,
    SlidingReader,
    make_field_reader,
    make_form_reader,
)
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.lines import learning
from pipelines.lines.cuts import Cutting
from pipelines.lines.segments import segment_field
from pipelines.models import load_line_reader, save_line_reader

OF_READING = (
    "despeckle__contrast",
    "flatten__kernel_size",
    "read__distortion",
    "read__lr",
    "read__max_epochs",
    "read__cutter__faintest",
    "read__cutter__speck",
    "read__cutter__touching",
    "read__normalizer__box_size",
    "read__normalizer__stroke_width",
    "read__line_reader__weights",
    "read__line_reader__cutting_reader__most_ink",
    "read__line_reader__cutting_reader__most_pieces",
    "read__line_reader__cutting_reader__narrowest",
    "read__line_reader__cutting_reader__widest",
    "read__line_reader__cutting_reader__max_epochs",
    "read__line_reader__sliding_reader__distortion",
    "read__line_reader__sliding_reader__lr",
    "read__line_reader__sliding_reader__max_epochs",
)


def test_what_reading_decides_by_is_among_the_parameters():
    of_fields = make_field_reader().get_params()
    of_forms = make_form_reader(Form.from_combs({"id": 9})).get_params()
    assert set(OF_READING) <= set(of_fields)
    assert {f"field_reader__{name}" for name in OF_READING} <= set(of_forms)


def test_a_search_goes_over_what_cuts_boxes():
    texts = ["042", "198", "777", "305", "611", "284"]
    fields = [draw_comb(text, random_state=n) for n, text in enumerate(texts)]
    # Ink as dark as this is paper to the first of the two: nothing is read.
    grid = {"read__cutter__faintest": [1, 210]}
    reader = make_field_reader(digits=3)
    search = GridSearchCV(reader, grid, cv=2, refit=False, error_score=0.0)
    with pytest.warns(FitFailedWarning):
        search.fit(fields, texts)
    blind, sighted = search.cv_results_["mean_test_score"]
    assert blind == 0.0
    assert sighted > 0.5


def test_readers_of_combs_are_adapted_as_their_parameters_say():
    fields = [draw_comb(text, random_state=3) for text in ("042", "198")]
    reader = CombReader(max_epochs=1, lr=2e-3, distortion="affine", digits=3)
    for member in members_of(reader.fit(fields, ["042", "198"]).classifier_):
        assert (member.max_epochs, member.lr) == (1, 2e-3)
        assert member.distortion == "affine"
        assert len(member.history_["epoch"]) == 1
    within = make_field_reader(digits=3).set_params(read__max_epochs=1)
    within.fit(fields, ["042", "198"])
    assert all(m.max_epochs == 1 for m in members_of(within[-1].classifier_))


def test_readers_of_lines_are_adapted_as_their_parameters_say(line):
    sliding = SlidingReader(max_epochs=1, lr=1e-4, distortion={"slant": 0.1})
    adapted = sliding.fit([line], ["60291"]).recognizer_
    assert (adapted.max_epochs, adapted.lr) == (1, 1e-4)
    assert adapted.distortion == {"slant": 0.1}


@pytest.mark.parametrize(("max_epochs", "n_steps"), [(3, 3), (None, 40)])
def test_a_model_of_pieces_is_adapted_in_so_many_passes(
    line, monkeypatch, max_epochs, n_steps
):
    taken = []
    monkeypatch.setattr(
        learning, "_train", lambda model, batches, **how: taken.append(how["n_steps"])
    )
    CuttingReader(max_epochs=max_epochs).fit([line], ["60291"])
    assert taken == [n_steps]


@pytest.fixture(scope="module")
def line():
    return draw_string("60291", draw_writer(3), random_state=3)


def test_writing_is_cut_as_finely_as_is_asked(line):
    usual, coarse = (
        segment_field(line, cutting) for cutting in (Cutting(), Cutting(narrowest=1.0))
    )
    assert len(coarse.pieces) < len(usual.pieces)
    single = segment_field(line, Cutting(most_pieces=1))
    assert len(single.arcs) == len(single.pieces) < len(usual.arcs)
    narrow = segment_field(line, Cutting(widest=0.1))
    assert len(narrow.arcs) == len(narrow.pieces)
    timid = segment_field(line, Cutting(most_ink=1e-6))
    assert len(timid.pieces) <= len(usual.pieces)


def test_a_reader_cuts_as_its_parameters_say(line):
    usual, whole = CuttingReader(), CuttingReader(most_pieces=1)
    assert usual.reading_model().cutting == Cutting()
    assert whole.reading_model().cutting == Cutting(most_pieces=1)
    assert clone(whole).reading_model().cutting == Cutting(most_pieces=1)
    [[best]], [[other]] = usual.read([line]), whole.read([line])
    assert best.probability != other.probability


def test_a_file_keeps_how_its_model_cuts(tmp_path):
    reader = CuttingReader(narrowest=0.2, widest=1.2)
    save_line_reader(reader, tmp_path / "model")
    loaded = load_line_reader(tmp_path / "model")
    expected = Cutting(narrowest=0.2, widest=1.2)
    assert loaded.reading_model().cutting == expected
    # What a parameter says later counts, for what it says.
    loaded.set_params(widest=2.0)
    assert loaded.reading_model().cutting == Cutting(narrowest=0.2, widest=2.0)


def test_a_file_that_cuts_impossibly_is_refused():
    header, weights = pack_model(CuttingReader().reading_model())
    for wrong in ({"narrowest": -1}, {"widest": float("nan")}, {"coarsest": 1}):
        with pytest.raises(ModelFileError, match=next(iter(wrong))):
            unpack_model("a file", {**header, "cutting": wrong}, weights)


@pytest.mark.parametrize(
    "reader",
    [
        CuttingReader(narrowest=0),
        CuttingReader(most_pieces=0),
        CombReader(cutter=BoxCutter(touching=2)),
    ],
)
def test_impossible_parameters_are_refused(reader):
    field = draw_comb("042", random_state=3)
    with pytest.raises(ValueError, match="must be"):
        reader.predict([field])


def test_ink_in_a_neighbouring_box_is_parted_or_not():
    field = np.full((40, 100), 255, np.uint8)
    cv2.circle(field, (46, 20), 12, 0, 3)  # two fifths of it are beyond the wall at 50
    frame = Frame(10, 5, 90, 35, 2, ruled=False)
    parted = BoxCutter(touching=0.3).cut(field, frame)
    whole = BoxCutter(touching=0.5).cut(field, frame)
    assert [piece.kind != "empty" for piece in parted] == [True, True]
    assert [piece.kind != "empty" for piece in whole] == [True, False]


def test_specks_are_what_stands_out_by_so_much():
    image = np.full((5, 9), 255, np.uint8)
    image[2, 2] = 200
    usual, strict = (Despeckler(contrast=c).transform([image]) for c in (24, 60))
    assert usual[0].min() == 255
    assert strict[0].min() == 200

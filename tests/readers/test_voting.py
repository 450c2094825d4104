"""A network that slides and one that tells pieces read fields together."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from lenet_sklearn import ModelFileError, load_model
from lenet_sklearn.models.files import read_header
from lenet_sklearn.strings import (
    Hypothesis,
    StringRecognizer,
    join_recognizers,
)
from pipelines import CuttingReader, FieldReader, SlidingReader, VotingReader
from pipelines.drawing import draw_string, draw_writer
from pipelines.models import (
    describe_model,
    holds_line_reader,
    kind_of,
    load_line_reader,
    save_line_reader,
)

PAPER = np.full((60, 200), 250, np.uint8)
TEXTS = ["1742", "308", "5", "60291"]


class Parrot:
    """A reader that says of every field what it was told to say."""

    def __init__(self, *readings):
        self.readings = [Hypothesis(*reading) for reading in readings]

    def fit(self, X, y):
        return self

    def read(self, X, *, n_best=1, lengths=None, mask=None):
        return [self.readings[:n_best] for _ in X]

    def locate(self, X, texts=None):
        return [[(0, 1) for _ in text] for text in texts]


@pytest.fixture(scope="module")
def fields():
    writer = draw_writer(3)
    return [draw_string(text, writer, random_state=3) for text in TEXTS]


def test_it_reads_without_having_been_fitted(fields):
    reader = VotingReader()
    assert reader.score([*fields, PAPER], [*TEXTS, ""]) >= 0.8
    lengths = [len(text) for text in reader.predict(fields)]
    assert [len(spans) for spans in reader.locate(fields)] == lengths


def test_what_both_hold_for_possible_wins_over_what_one_is_for():
    sliding = Parrot(("11", 0.5), ("17", 0.45))
    cutting = Parrot(("77", 0.6), ("17", 0.35))
    [found] = VotingReader(
        sliding_reader=sliding, cutting_reader=cutting, weights=(1, 1)
    ).read([PAPER], n_best=3)
    assert [one.text for one in found] == ["17", "77", "11"]
    assert sum(one.probability for one in found) <= 1


def test_weights_say_who_is_believed():
    sliding, cutting = Parrot(("11", 0.9)), Parrot(("77", 0.9))
    for weights, said in (((1, 0.5), "11"), ((0.5, 1), "77")):
        [[best]] = VotingReader(
            sliding_reader=sliding, cutting_reader=cutting, weights=weights
        ).read([PAPER])
        assert best.text == said
        assert best.probability < 0.7  # they disagree


@pytest.mark.parametrize("weights", [(1.0, 0.0), (1.0, np.nan), 1.0, ("a", "b")])
def test_weights_are_two_numbers_above_0(weights):
    with pytest.raises(ValueError, match="weights"):
        VotingReader(weights=weights).predict([PAPER])


def test_where_neither_finds_a_string_there_is_none():
    mute, alone = Parrot(), Parrot(("3", 0.2))
    assert VotingReader(sliding_reader=mute, cutting_reader=mute).read([PAPER]) == [[]]
    [[best]] = VotingReader(sliding_reader=mute, cutting_reader=alone).read([PAPER])
    assert best.text == "3"


def test_a_mask_and_lengths_are_kept_to(fields):
    [[free]] = VotingReader().read(fields[:1])
    [[best]] = VotingReader().read(fields[:1], mask="99##")
    assert best.text.startswith("99")
    assert best.probability < 0.1
    [[best]] = VotingReader().read(fields[:1], mask="#" * len(free.text))
    assert best.text == free.text
    np.testing.assert_allclose(best.probability, free.probability, rtol=0.1)
    [[best]] = VotingReader().read(fields[:1], lengths=3)
    assert len(best.text) == 3


def test_parameters_of_both_readers_can_be_set():
    reader = VotingReader(cutting_reader=CuttingReader())
    reader.set_params(cutting_reader__random_state=7, weights=(1.0, 1.0))
    assert clone(reader).cutting_reader.random_state == 7


def test_fitting_adapts_copies_of_both(fields):
    recognizer = StringRecognizer(
        network="lenet5_dense", max_epochs=2, batch_size=2, random_state=0, device="cpu"
    )
    line_reader = SlidingReader(recognizer)
    model = load_model("segments", device="cpu")
    reader = VotingReader(
        sliding_reader=line_reader, cutting_reader=CuttingReader(model)
    )
    reader.fit(fields, TEXTS)
    assert not hasattr(line_reader, "recognizer_")
    assert hasattr(reader.sliding_reader_, "recognizer_")
    assert hasattr(reader.cutting_reader_, "model_")
    assert not hasattr(clone(reader), "sliding_reader_")
    copy = pickle.loads(pickle.dumps(reader))
    assert list(copy.predict(fields)) == list(reader.predict(fields))


def test_one_file_keeps_both(fields, tmp_path):
    path = tmp_path / "vote.safetensors"
    reader = load_line_reader("vote", device="cpu").set_params(weights=(1.0, 0.7))
    save_line_reader(reader, path)
    assert kind_of(path) == "VotingReader"
    assert holds_line_reader(path)
    assert read_header(path)["weights"] == [1.0, 0.7]
    again = load_line_reader(path, device="cpu")
    assert again.weights == (1.0, 0.7)
    assert again.read(fields, n_best=2) == reader.read(fields, n_best=2)
    described = describe_model(path)
    assert described.count("strings of") == 2
    assert describe_model("vote").count("strings of") == 2
    assert describe_model("vote").startswith("votes        of two")


def test_files_of_single_readers_are_no_votes(tmp_path):
    assert kind_of("vote") == "VotingReader"
    assert kind_of("wide") == "StringRecognizer"
    assert kind_of("segments") == "CuttingModel"
    with pytest.raises(ModelFileError, match="Cannot read"):
        load_line_reader(tmp_path / "vote", device="cpu")


def test_a_file_keeps_a_committee_too(fields, tmp_path):
    networks = [load_model(n, device="cpu") for n in ("wide", "lenet5")]
    committee = SlidingReader(join_recognizers(networks))
    reader = VotingReader(sliding_reader=committee)
    save_line_reader(reader, tmp_path / "m")
    again = load_line_reader(tmp_path / "m", device="cpu")
    assert list(again.predict(fields)) == list(reader.predict(fields))


def test_digits_stand_where_one_of_the_readers_finds_room(fields):
    class Cramped(Parrot):
        def locate(self, X, texts=None):
            raise ValueError("no room")

    reader = VotingReader(sliding_reader=Cramped())
    [spans] = reader.locate(fields[:1], TEXTS[:1])
    assert [spans] == CuttingReader().locate(fields[:1], TEXTS[:1])
    with pytest.raises(ValueError, match=r"Sample 1: .*no room for '1234567'"):
        reader.locate([fields[0], PAPER], [TEXTS[0], "1234567"])
    with pytest.raises(ValueError, match=r"Sample 1: .*Got '6_2'"):
        reader.locate(fields[:2], [TEXTS[0], "6_2"])


@pytest.mark.parametrize(
    "reader", [SlidingReader(), CuttingReader(), VotingReader(), FieldReader()]
)
def test_strings_that_are_no_match_for_the_fields_are_refused(fields, reader):
    name = type(reader).__name__
    with pytest.raises(ValueError, match=f"{name} expects one string for each field"):
        reader.locate(fields[:2], TEXTS[:1])
    with pytest.raises(TypeError, match=f"Sample 1: {name} expects strings"):
        reader.locate(fields[:2], [TEXTS[0], 308.0])
    with pytest.raises(ValueError, match=f"{name} expects at least one field"):
        reader.score([], [])


def test_a_field_reader_takes_it_for_its_lines(fields):
    reader = FieldReader(line_reader=VotingReader())
    readings = reader.read([fields[2], PAPER])
    assert readings[0].value == VotingReader().predict(fields[2:3])[0]
    assert readings[1].status == "blank"

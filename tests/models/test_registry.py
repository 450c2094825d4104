"""Kinds of models, one way to save and to load them; their graphs, kept or found."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from torch import nn

from lenet_sklearn import (
    LeNet5Classifier,
    ModelFileError,
    load_dataset,
    load_model,
    save_model,
)
from lenet_sklearn.inference import Graph
from lenet_sklearn.models import registry
from lenet_sklearn.models.cards import read_card
from lenet_sklearn.models.files import model_path, read_model, write_model
from lenet_sklearn.models.registry import (
    Kind,
    find_graph,
    pack_graph,
    pack_model,
    register_kind,
    unpack_graph,
    unpack_model,
)
from pipelines import load_line_reader


def test_a_header_says_what_kind_of_model_it_describes():
    header, weights = pack_model(load_model("mnist", device="cpu"))
    assert header["model"] == "LeNet5Classifier"
    again = unpack_model("here", header, weights, device="cpu")
    assert again.get_params() == load_model("mnist", device="cpu").get_params()


IMPOSSIBLE = [
    {"temperature": float("nan")},
    {"temperature": "1"},
    {"input_scale": 0},
    {"n_features": -1},
    {"n_features": 10**9},
    {"image_shape": [28]},
    {"image_shape": [0, 28]},
    {"image_shape": "28"},
    {"classes": {"dtype": "int64", "values": [1] * 10}},
    {"classes": {"dtype": "int64", "values": [[1, 2]]}},
    {"classes": {"dtype": "int64", "values": list(range(11))}},
    {"classes": {"dtype": "int64", "values": [1]}},
    {"temperature": 1e308},
    {"classes": {"dtype": "U999999999", "values": list("0123456789")}},
    {"classes": 3},
    {"params": [1]},
    {"params": {"lr": -1}},
    {"graph": 7},
]


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=str)
def test_impossible_values_are_refused_when_a_model_is_loaded(wrong, tmp_path):
    header, weights = pack_model(load_model("mnist", device="cpu"))
    write_model(tmp_path / "bad", header | wrong, weights)
    with pytest.raises(ModelFileError, match="bad does not describe a LeNet5Class"):
        load_model(tmp_path / "bad")


@pytest.mark.parametrize("name", ["c1.weight", "output.weight", "output.bias"])
def test_weights_of_another_shape_are_refused(name, tmp_path, capfd):
    header, weights = pack_model(load_model("mnist", device="cpu"))
    write_model(tmp_path / "bad", header, weights | {name: weights[name][:-1]})
    with pytest.raises(ModelFileError, match="bad does not describe"):
        load_model(tmp_path / "bad")
    assert capfd.readouterr().err == "", "onnxruntime says nothing besides"


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0},
        {"params": {"widths": [-1.0]}},
        {"params": {"widths": [1.0, "1"]}},
        {"params": {"widths": [1e30]}},
        {"params": {"characters": ""}},
    ],
    ids=str,
)
def test_impossible_values_of_a_recognizer_are_refused(wrong, tmp_path):
    header, weights = pack_model(load_model("wide", device="cpu"))
    write_model(tmp_path / "bad", header | wrong, weights)
    with pytest.raises(ModelFileError, match="bad does not describe a StringRec"):
        load_model(tmp_path / "bad")


def test_impossible_values_of_what_cuts_and_votes_are_refused(tmp_path):
    header, weights = pack_model(load_line_reader("segments").reading_model())
    for name, values in (("bias", np.zeros(3)), ("scale", np.zeros(77))):
        write_model(tmp_path / "bad", header, weights | {f"geometry.{name}": values})
        with pytest.raises(ModelFileError, match="bad does not describe a CuttingMod"):
            load_model(tmp_path / "bad")
    header, weights = pack_model(load_line_reader("vote"))
    for wrong in (
        {"weights": [1, 10**40]},
        {"weights": [1, -1]},
        {"weights": 3},
        {"sliding": header["cutting"]},
    ):
        write_model(tmp_path / "bad", header | wrong, weights)
        with pytest.raises(ModelFileError, match="bad does not describe"):
            load_model(tmp_path / "bad")


def test_a_card_that_cannot_be_is_refused(tmp_path):
    header, weights = pack_model(load_model("mnist", device="cpu"))
    for card in ({"figures": 3}, {"data": "mine"}, 3):
        write_model(tmp_path / "bad", header | {"card": card}, weights)
        with pytest.raises(ModelFileError, match="bad has no model card that can be"):
            read_card(tmp_path / "bad")


def test_a_class_derived_from_a_kind_is_of_that_kind():
    class Mine(LeNet5Classifier):
        pass

    mine = Mine.from_pretrained("mnist")
    assert type(mine) is Mine
    header, _ = pack_model(mine)
    assert header["model"] == "LeNet5Classifier"


def test_a_foreign_object_is_refused_with_the_kinds_there_are(tmp_path):
    with pytest.raises(TypeError, match=r"LeNet5Classifier.* Got LogisticRegression"):
        save_model(LogisticRegression(), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_an_unknown_kind_is_named(tmp_path):
    for header in ({"model": "Abacus"}, {}):
        write_model(tmp_path / "abacus", header, {"beads": np.ones(10)})
        with pytest.raises(ModelFileError, match=r"abacus holds a model of the kind"):
            load_model(tmp_path / "abacus")


class Abacus:
    """Stands for a kind of model that another package brings."""

    def __init__(self, beads, device):
        self.beads, self.device = beads, device


def pack_abacus(abacus):
    return {"country": "JP"}, {"beads": abacus.beads}


def unpack_abacus(source, header, weights, **params):
    assert header["country"] == "JP"
    return Abacus(weights["beads"], **params)


def test_a_kind_that_is_registered_is_saved_and_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))
    own = [f"{__name__}.{name}" for name in ("Abacus", "pack_abacus", "unpack_abacus")]
    register_kind("Abacus", Kind(*own))
    save_model(Abacus(np.arange(5.0), "cpu"), tmp_path / "abacus")
    loaded = load_model(tmp_path / "abacus", device="cpu")
    assert type(loaded) is Abacus
    assert loaded.beads.tolist() == [0, 1, 2, 3, 4]


def test_what_a_caller_misspells_is_no_fault_of_the_file():
    for params in ({"lerning_rate": 1}, {"pooling": "max"}):
        with pytest.raises(ValueError, match="Invalid parameter") as caught:
            load_model("mnist", **params)
        assert not isinstance(caught.value, ModelFileError)


def test_parameters_without_sense_are_the_files_fault(tmp_path):
    header, weights = pack_model(load_model("mnist"))
    header["params"]["max_epochs"] = -1
    write_model(tmp_path / "model", header, weights)
    with pytest.raises(ModelFileError, match="model does not describe a LeNet5Class"):
        load_model(tmp_path / "model")


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:100], y[:100]


@pytest.fixture
def no_exporter(monkeypatch):
    """Have the extra `onnx` missing, and no graph known but those that ship."""
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    monkeypatch.setattr(registry, "_known", {})


def refuse():
    raise AssertionError("nothing is to be exported here")


def test_a_graph_and_its_weights_come_apart_again():
    graph, weights = Graph(b"what", ("a",), folded=True), {"a": np.ones(2)}
    stored = unpack_graph(*pack_graph({}, weights, graph))
    assert stored.graph == graph
    assert list(stored.weights) == ["a"]
    assert unpack_graph(*pack_graph({}, weights, None)).graph is None


def test_the_graphs_that_ship_are_found_without_an_export(no_exporter):
    header, _ = read_model(model_path("mnist"))
    assert find_graph(header["architecture"], refuse) is not None
    assert find_graph("wide", refuse) is not None


def test_an_architecture_is_exported_once(monkeypatch):
    exported = []

    def export():
        exported.append(Graph(b"new", ()))
        return exported[-1]

    monkeypatch.setattr(registry, "_known", {})
    found = [find_graph(key, export) for key in ("a", "a", "b", None, None)]
    assert len(exported) == 4, "of a network that nothing stands for, each time"
    assert found[0] is found[1]


def test_what_cannot_be_exported_has_no_graph(monkeypatch):
    def fail():
        raise ValueError("torch cannot export this")

    monkeypatch.setattr(registry, "_known", {})
    assert find_graph(None, fail) is None


def test_the_usual_network_of_other_labels_has_the_graph_that_ships(
    tmp_path, digits, no_exporter
):
    X, y = digits
    few = y < 3
    classifier = LeNet5Classifier(max_epochs=1, device="cpu").fit(X[few], y[few])
    save_model(classifier, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    got, expected = (one.predict_proba(X) for one in (loaded, classifier))
    assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert "_net" not in vars(loaded), "torch was not needed"


def test_without_an_exporter_a_model_is_saved_and_torch_reads_it(
    tmp_path, digits, no_exporter
):
    X, y = digits
    settings = {"module__activation": "tanh", "max_epochs": 1, "device": "cpu"}
    classifier = LeNet5Classifier(**settings).fit(X, y)
    save_model(classifier, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert loaded._stored.graph is None
    assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


class Squared(nn.Module):
    """A network of one's own that a graph of LeNet-5 does not fit."""

    def __init__(self, n_classes, image_shape, activation=nn.ReLU):
        super().__init__()
        self.activation = activation()
        self.output = nn.Linear(image_shape[0] * image_shape[1], n_classes)

    def forward(self, images):
        return self.activation(self.output(torch.flatten(images, 1) ** 2))


def test_a_graph_is_kept_from_file_to_file(tmp_path, digits, monkeypatch):
    X, y = digits
    own = {"module": Squared, "module__activation": nn.Tanh}
    classifier = LeNet5Classifier(**own, max_epochs=1, device="cpu").fit(X, y)
    save_model(classifier, tmp_path / "first")
    loaded = load_model(tmp_path / "first", device="cpu", **own)
    monkeypatch.setattr("lenet_sklearn.onnx.export_graph", refuse)
    save_model(loaded, tmp_path / "second")
    again = load_model(tmp_path / "second", device="cpu", **own)
    expected = classifier.predict_proba(X)
    for model in (loaded, again):
        assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-5)
        assert "_net" not in vars(model), "torch was not needed"
    assert_array_equal(again.set_params(engine="torch").predict_proba(X), expected)
    start = {"initial_weights": tmp_path / "second", "max_epochs": 1, "lr": 1e-9}
    resumed = LeNet5Classifier(**own, **start, device="cpu").fit(X, y)
    assert_allclose(resumed.predict_proba(X), expected, rtol=0, atol=1e-4)

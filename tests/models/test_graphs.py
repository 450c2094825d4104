"""Graphs in model files: found, kept, and done without."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from lenet_sklearn import LeNet5Classifier, load_dataset, load_model, save_model
from lenet_sklearn.inference import Graph
from lenet_sklearn.models import graphs
from lenet_sklearn.models.files import read_model
from lenet_sklearn.models.registry import find_graph, pack_graph, unpack_graph


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:100], y[:100]


@pytest.fixture
def no_exporter(monkeypatch):
    """Have the extra `onnx` missing, and no graph known but those that ship."""
    monkeypatch.setattr(graphs, "find_spec", lambda name: None)
    monkeypatch.setattr(graphs, "_known", {})


def refuse():
    raise AssertionError("nothing is to be exported here")


def test_a_graph_and_its_weights_come_apart_again():
    graph, weights = Graph(b"what", ("a",)), {"a": np.ones(2)}
    stored = unpack_graph(*pack_graph({}, weights, graph))
    assert stored.graph == graph
    assert list(stored.weights) == ["a"]
    assert unpack_graph(*pack_graph({}, weights, None)).graph is None


def test_the_graphs_that_ship_are_found_without_an_export(no_exporter):
    header, _ = read_model(graphs.model_path("mnist"))
    assert find_graph(header["architecture"], refuse) is not None
    assert find_graph("wide", refuse) is not None


def test_an_architecture_is_exported_once(monkeypatch):
    exported = []

    def export():
        exported.append(Graph(b"new", ()))
        return exported[-1]

    monkeypatch.setattr(graphs, "_known", {})
    found = [find_graph(key, export) for key in ("a", "a", "b", None, None)]
    assert len(exported) == 4, "of a network that nothing stands for, each time"
    assert found[0] is found[1]


def test_what_cannot_be_exported_has_no_graph(monkeypatch):
    def fail():
        raise ValueError("torch cannot export this")

    monkeypatch.setattr(graphs, "_known", {})
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

"""ONNX: the same posteriors in onnxruntime, and where they would differ, an error."""

import importlib
import json

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from lenet_sklearn import (
    LeNet5,
    LeNet5Classifier,
    load_dataset,
    load_model,
    save_model,
)
from lenet_sklearn.inference import start_session
from lenet_sklearn.onnx import export_graph
from lenet_sklearn.recipes import RECIPES

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)


def run_file(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["posteriors"], {"images": images.astype(np.float32)})[0]


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:200], np.array([f"digit {label}" for label in y[:200]])


def test_the_file_gives_the_same_posteriors_for_any_batch(tmp_path):
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    classifier.to_onnx(tmp_path / "model.onnx")
    expected = classifier.predict_proba(IMAGES)
    for n_images in (1, 2, 300):
        got = run_file(tmp_path / "model.onnx", IMAGES[:n_images, None] / 255)
        assert_allclose(got, expected[:n_images], rtol=0, atol=1e-5)


def test_the_file_resizes_scales_and_names_its_classes(tmp_path, digits):
    X, y = digits[0] / 16.0, digits[1]  # floats up to about 16, 8 x 8
    classifier = LeNet5Classifier(max_epochs=1, device="cpu").fit(X, y)
    classifier.calibrate(X, y).to_onnx(tmp_path / "model.onnx")
    got = run_file(tmp_path / "model.onnx", X[:, None])
    assert_allclose(got, classifier.predict_proba(X), rtol=0, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == classifier.classes_.tolist()


class Plain(nn.Module):
    """Has its maps flattened by a view, which asks for torch's usual order."""

    def __init__(self, n_classes):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 5, stride=3)
        self.output = nn.LazyLinear(n_classes)

    def forward(self, images):
        maps = torch.relu(self.convolution(images))
        return self.output(maps.view(maps.shape[0], -1))


# Each part of the network stands in one of them, those of the recipes aside.
OTHERS = {
    "normalised": {
        "module__batch_norm": True,
        "module__dropout": 0.2,
        "module__activation": "silu",
        "module__input_range": (-1, 1),
        "module__pooling": "average",
    },
    "unpadded": {
        "padding": 6,
        "module__c3": "table",
        "module__activation": "sigmoid",
    },
    "rubbish": {"module__output": "rbf", "rubbish": 3.0, "padding": 4},
    "module": {"module": Plain},
}
FAMILY = {**RECIPES, **OTHERS}


def fit_calibrated(params, digits):
    settings = {"device": "cpu", "random_state": 0, **params, "max_epochs": 1}
    return LeNet5Classifier(**settings).fit(*digits).calibrate(*digits)


# The first network, today's, the strangest of settings, and one of one's own.
QUICKLY = ("lecun1998", "max_relu", "modern", "normalised", "module")


@pytest.mark.parametrize(
    "params",
    [
        pytest.param(
            params, id=name, marks=[] if name in QUICKLY else [pytest.mark.slow]
        )
        for name, params in FAMILY.items()
    ],
)
def test_the_whole_family_reads_the_same_once_it_is_loaded(tmp_path, digits, params):
    X, _ = digits
    classifier = fit_calibrated(params, digits)
    # A few images are read by the network itself, many by a faster twin.
    few = [classifier.predict_proba(X[start : start + 10]) for start in (0, 10, 20, 30)]
    expected = classifier.predict_proba(X)
    assert_allclose(np.concatenate(few), expected[:40], rtol=0, atol=1e-5)
    save_model(classifier, tmp_path / "model")
    own = {"module": Plain} if "module" in params else {}
    loaded = load_model(tmp_path / "model", device="cpu", **own)
    assert_allclose(loaded.predict_proba(X), expected, rtol=0, atol=1e-5)
    assert "_net" not in vars(loaded), "torch was not needed"


@pytest.mark.slow
@pytest.mark.parametrize("params", FAMILY.values(), ids=FAMILY.keys())
def test_the_whole_family_is_exported(tmp_path, digits, params):
    X, _ = digits
    classifier = fit_calibrated(params, digits)
    classifier.to_onnx(tmp_path / "model.onnx")
    got = run_file(tmp_path / "model.onnx", X[:, None] / 255)
    assert_allclose(got, classifier.predict_proba(X), rtol=0, atol=1e-5)


def test_the_engine_follows_the_weights(digits):
    X, y = digits
    classifier = LeNet5Classifier(max_epochs=1, device="cpu", engine="onnxruntime")
    before = classifier.fit(X, y).decision_function(X)
    classifier.partial_fit(X, y)
    after = classifier.decision_function(X)
    assert np.abs(after - before).max() > 0.01
    expected = classifier.set_params(engine="torch").decision_function(X)
    assert_allclose(after, expected, rtol=0, atol=1e-4)
    for engine in ("onnxruntime", "torch"):
        classifier.set_params(engine=engine)
        before = classifier.decision_function(X)
        classifier.net_.module_.output.bias.data += 1  # behind torch's back
        after = classifier.decision_function(X)
        assert_allclose(after, before + 1, rtol=0, atol=1e-4)


def test_the_engine_belongs_to_the_machine_and_not_into_the_file(tmp_path):
    classifier = LeNet5Classifier.from_pretrained("mnist", engine="onnxruntime")
    save_model(classifier, tmp_path / "model")
    assert load_model(tmp_path / "model").engine == "auto"
    assert load_model(tmp_path / "model", engine="torch").engine == "torch"


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="'engine' parameter of LeNet5Classifier"):
        LeNet5Classifier(engine="steam").fit(IMAGES, np.arange(300) % 2)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, missing):
    def refuse(name, *args):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return importing(name, *args)

    importing = importlib.import_module
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    network = classifier.net_.module_
    monkeypatch.setattr("importlib.import_module", refuse)
    named = rf"needs {missing},.*lenet-sklearn\[onnx\]"
    with pytest.raises(ImportError, match=named):
        classifier.to_onnx(tmp_path / "model.onnx")
    with pytest.raises(ImportError, match=named):
        export_graph(network, (28, 28), axes={0: "n"})
    with pytest.raises(ImportError, match=named):
        classifier.set_params(engine="onnxruntime").predict(IMAGES)
    assert list(tmp_path.iterdir()) == []


class LooksAtValues(LeNet5):
    def forward(self, images):
        return super().forward(images if images.mean() > 0.5 else 1 - images)


class BoundToItsBatch(LeNet5):
    def forward(self, images):
        return super().forward(images) + torch.arange(len(images))[:, None]


@pytest.mark.parametrize(
    "kind", [pytest.param(LooksAtValues, marks=pytest.mark.slow), BoundToItsBatch]
)
def test_a_network_that_depends_on_values_or_batch_is_refused(tmp_path, kind):
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    classifier.net_.module_ = kind()
    with pytest.raises(ValueError, match="on the size of the batch"):
        classifier.to_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # the engine follows the weights above
def test_a_graph_is_as_good_for_other_weights():
    parts = {"output": "rbf", "c3": "table", "pooling": "trainable"}
    images = torch.rand(5, 1, 28, 28)
    graph = export_graph(LeNet5(**parts), (28, 28), axes={0: "n"})
    for _ in range(2):
        network = LeNet5(**parts).eval()
        weights = {name: t.numpy() for name, t in network.state_dict().items()}
        [got] = start_session(graph, weights).run(None, {"images": images.numpy()})
        with torch.no_grad():
            assert_allclose(got, network(images).numpy(), rtol=1e-5, atol=1e-4)

"""ONNX: the same posteriors in onnxruntime, from the same parameters and any layers."""

import builtins
import copy
import json
import pickle

import numpy as np
import onnxruntime
import pytest
import torch
from lenet_sklearn.onnx_tracing import trace_module
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from lenet_sklearn import LeNet5, LeNet5Classifier, load_dataset, load_model, save_model
from lenet_sklearn.recipes import RECIPES

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)


def run_file(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["posteriors"], {"images": images.astype(np.float32)})[0]


def run_module(module, images):
    """Run a module in torch and, translated, in onnxruntime."""
    module.eval()
    model = trace_module(module, images[:2], ["out"], input_name="in")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    with torch.no_grad():
        return module(images).numpy(), session.run(None, {"in": images.numpy()})[0]


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:200], np.array([f"digit {label}" for label in y[:200]])


@pytest.mark.parametrize("n_images", [1, 2, 300])
def test_the_file_gives_the_same_posteriors_for_any_batch(tmp_path, n_images):
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    classifier.to_onnx(tmp_path / "model.onnx")
    X = IMAGES[:n_images]
    got = run_file(tmp_path / "model.onnx", X[:, None] / 255)
    assert_allclose(got, classifier.predict_proba(X), rtol=0, atol=1e-5)


def test_the_file_resizes_scales_and_names_its_classes(tmp_path, digits):
    X, y = digits[0] / 16.0, digits[1]  # floats up to about 16, 8 x 8
    classifier = LeNet5Classifier(max_epochs=1, device="cpu").fit(X, y)
    classifier.calibrate(X, y).to_onnx(tmp_path / "model.onnx")
    got = run_file(tmp_path / "model.onnx", X[:, None])
    assert_allclose(got, classifier.predict_proba(X), rtol=0, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == classifier.classes_.tolist()


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "silu", "tanh"])
def test_every_variant_predicts_the_same_in_either_engine(digits, activation, pooling):
    classifier = LeNet5Classifier(
        activation=activation, pooling=pooling, max_epochs=1, device="cpu"
    ).fit(*digits)
    expected = classifier.predict_proba(digits[0])
    classifier.set_params(engine="onnxruntime")
    got = classifier.predict_proba(digits[0])
    assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert_array_equal(
        classifier.predict(digits[0]), classifier.classes_[got.argmax(axis=1)]
    )


class Plain(nn.Module):
    """Has its maps flattened by a view, which asks for torch's usual order."""

    def __init__(self, n_classes):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 5, stride=3)
        self.output = nn.LazyLinear(n_classes)

    def forward(self, images):
        maps = torch.relu(self.convolution(images))
        return self.output(maps.view(len(maps), -1))


OTHERS = {
    **{name: {**recipe, "max_epochs": 1} for name, recipe in RECIPES.items()},
    "batch normalisation": {"batch_norm": True, "dropout": 0.2},
    "other range": {"input_range": (-1, 1), "pooling": "average"},
    "unpadded": {"padding": 6, "c3": "table"},
    "rubbish": {"output": "rbf", "rubbish": 3.0, "padding": 4},
    "module": {"module": Plain},
}


@pytest.mark.parametrize("params", OTHERS.values(), ids=OTHERS.keys())
def test_the_whole_family_gives_the_same_posteriors(tmp_path, digits, params):
    X, y = digits
    settings = {"max_epochs": 1, "device": "cpu", "random_state": 0, **params}
    classifier = LeNet5Classifier(**settings).fit(X, y).calibrate(X, y)
    # A few images are read by the network itself, many by a faster twin.
    few = [classifier.predict_proba(X[start : start + 10]) for start in (0, 10, 20, 30)]
    expected = classifier.predict_proba(X)
    assert_allclose(np.concatenate(few), expected[:40], rtol=0, atol=1e-5)
    classifier.to_onnx(tmp_path / "model.onnx")
    got = run_file(tmp_path / "model.onnx", X[:, None] / _full_ink(classifier, X))
    assert_allclose(got, expected, rtol=0, atol=1e-5)
    got = classifier.set_params(engine="onnxruntime").predict_proba(X)
    assert_allclose(got, expected, rtol=0, atol=1e-5)


def _full_ink(classifier, X):
    return 255 if X.dtype == np.uint8 and classifier.input_scale_ == 1 else 1


def test_the_engine_follows_the_weights(digits):
    X, y = digits
    classifier = LeNet5Classifier(max_epochs=1, device="cpu", engine="onnxruntime")
    before = classifier.fit(X, y).decision_function(X)
    classifier.partial_fit(X, y)
    after = classifier.decision_function(X)
    assert np.abs(after - before).max() > 0.01
    expected = classifier.set_params(engine="torch").decision_function(X)
    assert_allclose(after, expected, rtol=0, atol=1e-4)


def test_a_weight_changed_behind_torchs_back_is_noticed():
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    for engine in ("onnxruntime", "torch"):
        classifier.set_params(engine=engine)
        before = classifier.decision_function(IMAGES[:3])
        classifier.net_.module_.output.bias.data += 1
        after = classifier.decision_function(IMAGES[:3])
        assert_allclose(after, before + 1, rtol=0, atol=1e-4)


def test_a_classifier_in_use_can_be_pickled_and_copied():
    classifier = LeNet5Classifier.from_pretrained(
        "mnist", device="cpu", engine="onnxruntime"
    )
    expected = classifier.predict_proba(IMAGES)
    for twin in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert_array_equal(twin.predict_proba(IMAGES), expected)


def test_the_engine_belongs_to_the_machine_and_not_into_the_file(tmp_path):
    classifier = LeNet5Classifier.from_pretrained("mnist", engine="onnxruntime")
    save_model(classifier, tmp_path / "model")
    assert load_model(tmp_path / "model").engine == "torch"


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="'engine' parameter of LeNet5Classifier"):
        LeNet5Classifier(engine="steam").fit(IMAGES, np.arange(300) % 2)


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, missing):
    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return importing(name, *args, **kwargs)

    importing = builtins.__import__
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(ImportError, match=rf"needs {missing}.*lenet-sklearn\[onnx\]"):
        classifier.to_onnx(tmp_path / "model.onnx")
    classifier.set_params(engine="onnxruntime")
    with pytest.raises(ImportError, match=rf"needs {missing}.*lenet-sklearn\[onnx\]"):
        classifier.predict(IMAGES)
    assert list(tmp_path.iterdir()) == []


class Distances(nn.Module):
    """Squared distances to fixed points, as an RBF output layer has them."""

    def __init__(self):
        super().__init__()
        self.register_buffer("points", torch.linspace(-1, 1, 30).reshape(5, 6))

    def forward(self, features):
        gaps = features.unsqueeze(1) - self.points
        return -gaps.pow(2).sum(-1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, maps):
        return torch.relu_(maps + self.inner(maps))


LAYERS = {
    "pooling, padded": [nn.MaxPool2d(3, 2, padding=1), nn.AvgPool2d(3, padding=1)],
    "batch normalisation": [nn.BatchNorm2d(4), nn.Dropout(), nn.Hardtanh()],
    "residual": [Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ELU()],
    "distances": [nn.Flatten(), nn.Linear(4 * 64, 6), nn.GELU(), Distances()],
    "depthwise": [nn.Conv2d(4, 8, 8, groups=4), nn.LeakyReLU(), nn.LogSoftmax(1)],
    "one position": [nn.Conv2d(4, 3, 8), nn.Flatten(), nn.Linear(3, 2, bias=False)],
    "resizing": [nn.ZeroPad2d((1, 2, 3, 0)), nn.Tanh(), nn.Sigmoid()],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS.keys())
def test_layers_of_ones_own_are_translated(layers):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), *layers)
    expected, got = run_module(module, torch.rand(5, 1, 10, 10))
    assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_the_sliding_network_is_translated_too():
    expected, got = run_module(LeNet5(), torch.rand(3, 1, 28, 40))
    assert expected.shape == (3, 10, 4)
    assert_allclose(got, expected, rtol=0, atol=1e-5)


class Sorted(nn.Module):
    def forward(self, images):
        return images.flatten(1).sort(dim=1).values


class BoundToItsBatch(LeNet5):
    def forward(self, images):
        return super().forward(images) + torch.arange(len(images))[:, None]


def test_an_operation_without_counterpart_is_named():
    with pytest.raises(NotImplementedError, match=r"operation sort .*onnxscript"):
        run_module(Sorted(), torch.rand(2, 1, 3, 3))


def test_a_network_bound_to_the_size_of_its_batch_is_refused(tmp_path):
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    classifier.net_.module_ = BoundToItsBatch()
    with pytest.raises(ValueError, match="on the size of the batch"):
        classifier.to_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []

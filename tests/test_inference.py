"""Reading without torch: the same numbers as torch, in a process that has none."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn import functional

from lenet_sklearn import load_model
from lenet_sklearn.inference import (
    StoredNetwork,
    count_threads,
    resizing_matrix,
    scale_images,
)
from lenet_sklearn.training.batches import as_images, to_network_input

ROOT = Path(__file__).resolve().parents[1]


def resize_in_torch(image, size, **how):
    stack = torch.from_numpy(image)[None, None]
    how = {"mode": "bilinear", "antialias": True, **how}
    return functional.interpolate(stack, size, **how)[0, 0].numpy()


@pytest.mark.parametrize(
    ("n_from", "n_to"), [(8, 28), (28, 28), (29, 28), (100, 28), (1, 5), (5, 1)]
)
def test_resizing_is_that_of_torch(n_from, n_to):
    image = np.random.default_rng(0).random((n_from, 37), dtype=np.float32)
    matrix = resizing_matrix(n_from, n_to)
    assert matrix.shape == (n_to, n_from)
    assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    got = matrix @ image @ resizing_matrix(37, 20).T
    assert_allclose(got, resize_in_torch(image, (n_to, 20)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("factor", [0.3, 0.85, 1.0, 1.15, 2.6])
def test_resizing_by_a_factor_is_that_of_torch(factor):
    image = np.random.default_rng(0).random((3, 411), dtype=np.float32)
    expected = functional.interpolate(
        torch.from_numpy(image)[None, None],
        scale_factor=(1.0, factor),
        mode="bilinear",
        antialias=True,
    )[0, 0].numpy()
    got = image @ resizing_matrix(411, expected.shape[1], factor).T
    assert_allclose(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_images_are_scaled_and_filled_up_as_in_training(dtype, scale):
    rows = np.random.default_rng(0).integers(0, 17, (3, 60)).astype(dtype)
    images = as_images(rows, (8, 8), torch.device("cpu"))
    expected = to_network_input(images, scale, (8, 8))[:, 0]
    assert_allclose(scale_images(rows, (8, 8), scale), expected.numpy(), rtol=1e-6)


def test_a_network_without_a_graph_is_not_run():
    with pytest.raises(ValueError, match="without a graph is run by torch only"):
        StoredNetwork({}).run(np.zeros((1, 1, 28, 28), np.float32))


def test_copies_of_a_loaded_model_start_sessions_of_their_own():
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    classifier = load_model("mnist", device="cpu")
    expected = classifier.predict_proba(images)
    for twin in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert twin._stored._session is None
        assert_array_equal(twin.predict_proba(images), expected)


def test_reading_uses_as_many_threads_as_torch():
    assert count_threads() == torch.get_num_threads()


# What reading must not import: these take seconds.
_HEAVY = {"onnx", "onnxscript", "skorch", "torch", "torchvision"}

_READING = """
import os, pickle, sys
import numpy as np
from lenet_sklearn import LeNet5Classifier, join_classifiers, load_model, save_model
from lenet_sklearn.inference import count_threads
from lenet_sklearn.strings import join_recognizers

images = np.zeros((2, 28, 28), np.uint8)
strips = [np.zeros((40, 70), np.uint8)]
digits = LeNet5Classifier.from_pretrained("mnist", device="cpu")
committee = join_classifiers([digits, load_model("forms")])
strings = join_recognizers([load_model("wide"), load_model("lenet5", device="cpu")])
for model, X in ((digits, images), (committee, images), (strings, strips)):
    save_model(model, sys.argv[1])
    for reader in (model, pickle.loads(pickle.dumps(model)), load_model(sys.argv[1])):
        reader.predict(X)
strings.read(strips, n_best=2), strings.locate(strips), strings.calibrate(strips, [""])
digits.calibrate(images, [0, 1])
print(count_threads(), sorted(set(sys.argv[2].split()) & set(sys.modules)))
"""


def test_loaded_models_read_save_and_calibrate_without_torch(tmp_path):
    command = [sys.executable, "-c", _READING, str(tmp_path / "m"), " ".join(_HEAVY)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split(maxsplit=1) == ["3", "[]\n"]

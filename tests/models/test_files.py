"""Model files: whole, checked, and free of pickle."""

import hashlib
import json
import os
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from lenet_sklearn import ModelFileError
from lenet_sklearn.inputs import decode_labels, encode_labels
from lenet_sklearn.models.files import (
    FORMAT_VERSION,
    read_header,
    read_model,
    write_model,
)

TENSORS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(4)}


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.safetensors"
    write_model(path, {"classes": [1, 2]}, TENSORS)
    return path


def test_what_is_written_is_read(model_file):
    header, tensors = read_model(model_file)
    assert header["classes"] == [1, 2]
    assert header["version"] == FORMAT_VERSION
    for name, values in TENSORS.items():
        assert tensors[name].shape == values.shape
        np.testing.assert_array_equal(tensors[name], values)


def test_the_same_model_gives_the_same_bytes(tmp_path, model_file):
    write_model(tmp_path / "again", {"classes": [1, 2]}, TENSORS)
    assert (tmp_path / "again").read_bytes() == model_file.read_bytes()


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_truncated_file_is_refused(model_file, keep):
    model_file.write_bytes(model_file.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match=r"model\.safetensors.*damaged.*Copy"):
        read_model(model_file)


def test_a_changed_weight_is_noticed(model_file):
    content = bytearray(model_file.read_bytes())
    content[-2] ^= 1
    model_file.write_bytes(content)
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        read_model(model_file)


# The first bit of each byte, and with the slow tests the other seven.
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_every_flipped_bit_of_the_header_is_noticed(model_file, first):
    content = model_file.read_bytes()
    length = 8 + int.from_bytes(content[:8], "little")
    for bit in range(first, 8 * length, 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        model_file.write_bytes(flipped)
        with pytest.raises(ModelFileError):
            read_model(model_file)


def test_swapped_classes_are_noticed(model_file):
    content = model_file.read_bytes()
    assert b"[1, 2]" in content
    model_file.write_bytes(content.replace(b"[1, 2]", b"[2, 1]"))
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        read_model(model_file)


def write_raw(path, header, tensors=b"", described=None):
    """Write a safetensors file by hand."""
    content = {"__metadata__": {"lenet_sklearn": header}, **(described or {})}
    text = json.dumps(content).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + tensors)


def test_numbers_of_a_kind_that_numpy_lacks_are_named(tmp_path):
    checksum = "0" * 64
    header = json.dumps({"checksum": checksum, "version": FORMAT_VERSION})
    described = {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    path = tmp_path / "brain"
    write_raw(path, header, bytes(4), described)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes().replace(checksum.encode(), right.encode()))
    with pytest.raises(ModelFileError, match=r"brain: w is of numbers .* BF16"):
        read_model(path)


@pytest.mark.parametrize(
    "header",
    ["[" * 5000 + "]" * 5000, "[]", "9" * 5000, '{"version": 1e999, "checksum": ""}'],
)
def test_a_header_that_is_no_model_is_refused(tmp_path, header):
    write_raw(tmp_path / "deep", header)
    for read in (read_model, read_header):
        with pytest.raises(ModelFileError, match="deep is a safetensors file, but not"):
            read(tmp_path / "deep")


def test_weights_that_are_no_numbers_are_neither_saved_nor_read(tmp_path, monkeypatch):
    path, broken = tmp_path / "nan", {"a": np.array([1, np.nan])}
    with pytest.raises(ValueError, match="diverged"):
        write_model(path, {}, broken)
    assert not path.exists()
    monkeypatch.setattr("lenet_sklearn.models.files._not_finite", lambda tensors: "")
    write_model(path, {}, broken)
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="nan: a has weights that are no numbers"):
        read_model(path)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model")
    with pytest.raises(ModelFileError, match="it is a pipe, not a regular file"):
        read_model(tmp_path / "model")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "foreign")
    with pytest.raises(ModelFileError, match="not a model of lenet_sklearn"):
        read_model(tmp_path / "foreign")


@pytest.mark.parametrize(
    ("change", "remedy"),
    [(1, "Update it with pip install -U"), (-1, "Train the model anew")],
)
def test_a_file_of_another_version_says_what_to_do(tmp_path, change, remedy):
    version = FORMAT_VERSION + change
    header = json.dumps({"version": version, "checksum": ""})
    save_file(TENSORS, tmp_path / "other", metadata={"lenet_sklearn": header})
    with pytest.raises(ModelFileError, match=rf"format version {version}.*{remedy}"):
        read_model(tmp_path / "other")


def test_the_header_is_read_without_the_weights(model_file):
    assert read_header(model_file)["classes"] == [1, 2]
    with pytest.raises(ModelFileError, match="Cannot read the model file"):
        read_header(model_file.parent / "missing")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="Cannot read the model file"):
        read_model(tmp_path / "missing")
    with pytest.raises(ModelFileError, match=str(tmp_path)):
        read_model(tmp_path)


def test_an_interrupted_write_leaves_the_old_file(model_file, monkeypatch):
    before = model_file.read_bytes()

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_model(model_file, {"classes": [3]}, TENSORS)
    assert model_file.read_bytes() == before
    assert [p.name for p in model_file.parent.iterdir()] == [model_file.name]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 5], dtype=np.int8),
        np.array([2**63 + 1], dtype=np.uint64),
        np.array([False, True]),
        np.array([1.0, 2.0], dtype=np.float32),
        np.array(["a", "bc"]),
        np.array(["a", "bc"], dtype=object),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_come_back_in_their_dtype(labels):
    description = json.loads(json.dumps(encode_labels(labels)))
    decoded = decode_labels(description)
    assert decoded.dtype == labels.dtype
    np.testing.assert_array_equal(decoded, labels)


def test_labels_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="numbers or strings"):
        encode_labels(np.array([None, 1], dtype=object))


def test_numbers_of_numpy_become_plain_ones(tmp_path):
    path = tmp_path / "model.safetensors"
    header = {"distortion": {"width": np.float32(0.5)}, "stages": [(np.int64(2), 0.1)]}
    write_model(path, header, TENSORS)
    read, _ = read_model(path)
    assert read["distortion"] == {"width": 0.5}
    assert read["stages"] == [[2, 0.1]]


def test_what_json_cannot_hold_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(TypeError, match="Leave it out"):
        write_model(path, {"callback": object()}, TENSORS)
    assert not path.exists()

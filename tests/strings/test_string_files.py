"""Recognizers as files: the same strings come back, in torch and in onnxruntime."""

import pickle

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lenet_sklearn import LeNet5Classifier, ModelFileError, load_model, save_model
from lenet_sklearn.models.files import shipped_recognizers, write_model
from lenet_sklearn.models.registry import pack_model
from lenet_sklearn.strings import StringRecognizer
from lenet_sklearn.strings.strips import LAYOUTS
from pipelines.training.strings import WIDTHS


def test_a_saved_recognizer_reads_the_same(recognizer, unseen, tmp_path):
    path = tmp_path / "strings.safetensors"
    save_model(recognizer, path)
    loaded = load_model(path, device="cpu", engine="torch", beam_width=8)
    assert loaded.read(unseen, n_best=3) == recognizer.read(unseen, n_best=3)
    ours, theirs = (r.get_params() for r in (recognizer, loaded))
    theirs["engine"] = "auto"
    assert ours == {**theirs, "widths": tuple(theirs["widths"])}


def test_a_file_keeps_the_widths_and_given_ones_take_their_place(
    recognizer, unseen, tmp_path
):
    several = pickle.loads(pickle.dumps(recognizer)).set_params(widths=(0.9, 1.0))
    save_model(several, tmp_path / "strings")
    loaded = load_model(tmp_path / "strings", device="cpu", engine="torch")
    assert loaded.read(unseen) == several.read(unseen)
    one = loaded.set_params(widths=(1.0,))
    assert one.read(unseen) == recognizer.read(unseen)


def test_what_ships_is_read_at_several_widths():
    for name in shipped_recognizers():
        assert tuple(load_model(name, device="cpu").widths) == WIDTHS


def test_saving_twice_gives_the_same_bytes(recognizer, tmp_path):
    for name in "ab":
        save_model(recognizer, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_training_starts_from_a_file(recognizer, drawn, unseen, tmp_path):
    path = tmp_path / "strings.safetensors"
    save_model(recognizer, path)
    again = StringRecognizer(
        network="lenet5_dense",
        initial_weights=path,
        lr=1e-5,
        max_epochs=1,
        device="cpu",
    )
    again.fit([drawn[i] for i in range(32)], drawn.texts[:32])
    assert again.score(unseen, unseen.texts) > 0.8


def test_characters_that_the_file_knows_are_taken_over(recognizer, drawn, tmp_path):
    path = tmp_path / "strings.safetensors"
    save_model(recognizer, path)
    more = StringRecognizer(
        network="lenet5_dense",
        characters="-9876543210",
        initial_weights=path,
        lr=1e-9,
        max_epochs=1,
        device="cpu",
    ).fit([drawn[0]], [drawn.texts[0]])
    ours, theirs = (r.net_.module_.output.weight for r in (more, recognizer))
    rows = [*range(10, 0, -1), 11]
    assert_allclose(ours[rows].detach(), theirs.detach(), atol=1e-6)


def test_weights_of_another_network_are_refused(recognizer, drawn, tmp_path):
    save_model(recognizer, tmp_path / "dense")
    wide = StringRecognizer(network="wide", initial_weights=tmp_path / "dense")
    with pytest.raises(ValueError, match=r"network='lenet5_dense', but .*'wide'"):
        wide.fit([drawn[0]], [drawn.texts[0]])


def test_a_misspelt_parameter_is_no_fault_of_the_file(recognizer, tmp_path):
    save_model(recognizer, tmp_path / "strings")
    with pytest.raises(ValueError, match="Invalid parameter 'width' for estimator"):
        load_model(tmp_path / "strings", width=1.0)
    loaded = load_model(tmp_path / "strings", device="moon")
    with pytest.raises(ValueError, match="device='moon'") as caught:
        loaded.predict([np.zeros((32, 9), np.uint8)])
    assert not isinstance(caught.value, ModelFileError)


@pytest.mark.parametrize("params", [{"network": "deep"}, {"distortion": "mirror"}])
def test_a_header_of_what_is_not_known_names_its_file(recognizer, params, tmp_path):
    header, weights = pack_model(recognizer)
    header["params"] |= params
    write_model(tmp_path / "newer", header, weights)
    with pytest.raises(ModelFileError, match="newer does not describe a String"):
        load_model(tmp_path / "newer", device="cpu")


def test_the_file_of_a_classifier_is_refused(tmp_path):
    X, y = np.zeros((2, 28, 28), np.uint8), [0, 1]
    path = tmp_path / "digits"
    save_model(LeNet5Classifier(max_epochs=1, device="cpu").fit(X, y), path)
    start = StringRecognizer(initial_weights=path)
    with pytest.raises(ModelFileError, match="no single StringRecognizer"):
        start.fit([np.zeros((32, 9), np.uint8)], ["1"])


@pytest.mark.slow  # what ships is compared below
def test_onnxruntime_gives_the_same_posteriors(recognizer, unseen):
    twin = pickle.loads(pickle.dumps(recognizer)).set_params(engine="onnxruntime")
    here, there = (one.posteriors(unseen) for one in (recognizer, twin))
    for one, other in zip(here, there, strict=True):
        assert_allclose(np.exp(one), np.exp(other), atol=1e-5)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_what_ships_gives_the_same_posteriors_without_torch(kind, unseen):
    strips = list(unseen)[:20]
    for width in (0.8, 1.0, 1.3):
        here, there = (
            load_model(kind, device="cpu", engine=engine, widths=(width,))
            for engine in ("auto", "torch")
        )
        for one, other in zip(
            here.posteriors(strips), there.posteriors(strips), strict=True
        ):
            assert_allclose(np.exp(one), np.exp(other), atol=1e-5)
        assert "_net" not in vars(here), "torch was not needed"


def test_an_onnx_file_takes_strips_of_any_width(recognizer, unseen, tmp_path):
    path = tmp_path / "strings.onnx"
    recognizer.to_onnx(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for strip, expected in zip(unseen, recognizer.posteriors(unseen), strict=True):
        image = strip[None, None].astype(np.float32) / 255
        [[got]] = session.run(None, {"strips": image})
        assert_allclose(np.exp(got), np.exp(expected), atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["characters"] == "0123456789"


def test_a_network_of_other_characters_has_the_graph_that_ships(tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_sklearn.models.registry.find_spec", lambda name: None)
    strips = [np.full((32, 40), 99, np.uint8)] * 2
    three = StringRecognizer(characters="abc", max_epochs=1, device="cpu")
    save_model(three.fit(strips, ["ab", "c"]), tmp_path / "strings")
    loaded = load_model(tmp_path / "strings", device="cpu")
    got, expected = (one.posteriors(strips) for one in (loaded, three))
    assert_allclose(np.exp(got), np.exp(expected), atol=1e-5)
    assert "_net" not in vars(loaded), "torch was not needed"


def test_the_engine_is_a_parameter(recognizer, unseen, tmp_path):
    save_model(recognizer, tmp_path / "strings")
    other = load_model(tmp_path / "strings", device="cpu", engine="onnxruntime")
    assert_array_equal(other.predict(unseen), recognizer.predict(unseen))
    assert "_net" not in vars(other), "torch was not needed"

"""Kinds of models: one way to save, one way to load."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lenet_sklearn import LeNet5Classifier, ModelFileError, load_model, save_model
from lenet_sklearn.models import registry
from lenet_sklearn.models.files import write_model
from lenet_sklearn.models.registry import (
    Kind,
    pack_model,
    register_kind,
    unpack_model,
)


def test_a_header_says_what_kind_of_model_it_describes():
    header, weights = pack_model(load_model("mnist", device="cpu"))
    assert header["model"] == "LeNet5Classifier"
    again = unpack_model("here", header, weights, device="cpu")
    assert again.get_params() == load_model("mnist", device="cpu").get_params()


def test_a_class_derived_from_a_kind_is_of_that_kind():
    class Mine(LeNet5Classifier):
        pass

    header, _ = pack_model(Mine.from_pretrained("mnist"))
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

"""What parameters may be, and which decide what the weights of a network mean."""

import inspect
from numbers import Real

import pytest
from sklearn.base import BaseEstimator

from lenet_sklearn import LeNet5
from lenet_sklearn.parameters import (
    DEFAULT_PARTS,
    HasMethods,
    Interval,
    StrOptions,
    architecture,
    check_net_parameters,
    is_net_parameter,
)


class Checked(BaseEstimator):
    _parameter_constraints = {  # noqa: RUF012
        "share": [Interval(Real, 0, 1, closed="neither")],
        "kind": [StrOptions({"a", "b"}), HasMethods(["fit"])],
    }

    def __init__(self, share=0.5, kind="a"):
        self.share = share
        self.kind = kind


def test_what_is_allowed_is_let_through():
    Checked()._validate_params()
    Checked(kind=Fittable())._validate_params()


class Fittable:
    def fit(self):
        return self


@pytest.mark.parametrize("params", [{"share": 1.0}, {"kind": "c"}, {"kind": object()}])
def test_what_is_not_allowed_is_refused_by_its_name(params):
    [name] = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of Checked must be"):
        Checked(**params)._validate_params()


def test_what_the_weights_mean_is_told_by_parts_that_are_not_at_their_default():
    usual = {"module": None, "module__pooling": "max", "module__dropout": 0.5, "lr": 1}
    assert architecture(usual) == {"module": None}
    other = {"module": None, "module__input_range": [0, 1], "module__c3": "table"}
    assert architecture(other) == {"module": None, "module__c3": "table"}


def test_all_arguments_of_ones_own_network_count():
    own = {"module": Fittable, "module__pooling": "max"}
    assert architecture(own) == {
        "module": f"{__name__}.Fittable",
        "module__pooling": "max",
    }


def test_the_defaults_of_the_parts_are_those_of_the_network():
    defaults = inspect.signature(LeNet5).parameters
    for name, value in DEFAULT_PARTS.items():
        assert defaults[name.removeprefix("module__")].default == value


def test_names_that_skorch_knows_are_handed_on():
    known = ("module__pooling", "optimizer__momentum", "criterion", "compile")
    check_net_parameters(known)
    for name in ("lr", "pooling", "module", "net_params"):
        assert not is_net_parameter(name)
        with pytest.raises(TypeError, match=f"no parameter '{name}'"):
            check_net_parameters([name])

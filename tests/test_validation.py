"""What is taken from scikit-learn's private modules is there, and does what it did."""

from numbers import Real

import pytest
from sklearn.base import BaseEstimator

from lenet_sklearn.parameters import HasMethods, Interval, StrOptions


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

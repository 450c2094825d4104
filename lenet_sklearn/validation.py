"""The private names of scikit-learn that this package uses: all of them, and here only.

scikit-learn checks the parameters of its own estimators with them, and gives no public
ones. A test fails where a new version has them no more.
"""

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

__all__ = ["HasMethods", "Interval", "StrOptions"]

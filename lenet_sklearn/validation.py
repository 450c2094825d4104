"""What is taken from scikit-learn's private modules: from here, and nowhere else.

They may change with any release, though they have not for years: `pyproject.toml`
allows no next major version, and a test imports what is named here.
"""

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

__all__ = ["HasMethods", "Interval", "StrOptions"]

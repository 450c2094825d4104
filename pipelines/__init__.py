"""Scikit-learn estimators that read handwritten digits in scanned documents.

The public names are listed in the stub beside this file and imported when they
are first used: scikit-learn and OpenCV take a second, which neither the help text
of the command line nor a program that needs one name should wait for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

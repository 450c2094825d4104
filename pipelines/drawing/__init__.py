"""Drawn handwriting: digits, strings, combs, forms filled in by hand and scanned.

The public names are listed in the stub beside this file and imported when they
are first used. :class:`pipelines.DrawnLines` draws fields to train on.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""LeNet-5 for scikit-learn: images of single characters into labels.

The public names are listed in the stub beside this file and imported when they are
first used: torch takes seconds, and reading does without it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

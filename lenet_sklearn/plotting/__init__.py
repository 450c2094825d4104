"""Pictures of classifiers, in the way of scikit-learn's displays; extra ``plot``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""
============================
What the layers of LeNet see
============================

The kernels of the three convolutions, and what every layer makes of one digit. C1
finds strokes of some direction, C3 corners and ends of them, C5 whole shapes.
"""

# %%
# The shipped network, and its kernels. A column of C3 holds what one of its maps
# looks for in each of the six maps of S2.

import matplotlib.pyplot as plt
import numpy as np

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.plotting import FeatureMapDisplay, KernelDisplay

classifier = LeNet5Classifier.from_pretrained("mnist")
KernelDisplay.from_estimator(classifier)

# %%
# One digit on its way through. The small digits of scikit-learn, 8 x 8, are drawn
# larger for a network that reads 28 x 28 with a margin of 4.

X, y = load_dataset("digits", split="test")
digit = np.pad(X[y == 3][0].repeat(5, axis=0).repeat(5, axis=1)[::2, ::2], 4)
FeatureMapDisplay.from_estimator(classifier, digit)
plt.show()

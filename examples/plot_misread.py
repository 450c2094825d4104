"""
==========================
The surest of all mistakes
==========================

The misread digits whose guess has the highest posterior, with truth and guess. They
tell more than an error rate does: wrong labels, hands the training set has not shown,
digits that are two at once.
"""

# %%
# A short training on scikit-learn's small digits, so that there is something to see.

import matplotlib.pyplot as plt

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.plotting import MisreadDisplay

X, y = load_dataset("digits")
X_test, y_test = load_dataset("digits", split="test")
classifier = LeNet5Classifier(max_epochs=5, random_state=0).fit(X, y)

# %%
# Fewer are shown where there are fewer.

MisreadDisplay.from_estimator(classifier, X_test, y_test, n_images=24)
plt.show()

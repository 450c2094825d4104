"""
=======================
What rejection is worth
=======================

A form that is read wrongly costs more than one that a person looks at. Digits whose
posterior is below a threshold are rejected; the error rate is that among the accepted
ones, the reject rate that among all.
"""

# %%
# Two networks, one trained for longer than the other.

import matplotlib.pyplot as plt

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.plotting import ErrorRejectDisplay, ReliabilityDisplay

X, y = load_dataset("digits")
X_test, y_test = load_dataset("digits", split="test")

_, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for ax, max_epochs in zip(axes, (4, 16), strict=True):
    classifier = LeNet5Classifier(max_epochs=max_epochs, random_state=0).fit(X, y)
    ErrorRejectDisplay.from_estimator(classifier, X_test, y_test, ax=ax)
    ax.set_title(f"{max_epochs} epochs")
plt.show()

# %%
# How far the posteriors can be believed: of the digits that are said to be right with
# 90 %, so many should be. The bars are 95 % intervals.

ReliabilityDisplay.from_estimator(classifier, X_test, y_test)
plt.show()

"""
==============================
How a training comes to an end
==============================

Loss of each epoch on the training set, and loss and error on digits kept back. The
training digits are distorted anew in every epoch, so their loss may well be the
higher of the two: there is no sign of overfitting in that.
"""

# %%
# A fifth of scikit-learn's small digits is kept back. The training stops when their
# loss has not fallen for five epochs, and goes back to the weights before these.

import matplotlib.pyplot as plt

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.plotting import TrainingCurveDisplay

X, y = load_dataset("digits")
classifier = LeNet5Classifier(
    max_epochs=60,
    batch_size=64,
    schedule="constant",
    distortion="affine",
    early_stopping=True,
    validation_fraction=0.2,
    random_state=0,
)

# %%
# Digits kept back are never distorted. A line marks the epoch whose weights stay.

classifier.fit(X, y)
display = TrainingCurveDisplay.from_estimator(classifier)
display.ax_.axvline(classifier.best_epoch_, color="0.6", linewidth=1)
plt.show()

"""
==============================
How a training comes to an end
==============================

Loss of each epoch on the training set, and loss and error on digits kept back. The
training digits are distorted anew in every epoch, so their loss may well be the
higher of the two: there is no sign of overfitting in that.
"""

# %%
# A fifth of scikit-learn's small digits is kept back: `net_params` passes on
# whatever skorch's net takes.

import matplotlib.pyplot as plt
from skorch.dataset import ValidSplit

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.plotting import TrainingCurveDisplay

X, y = load_dataset("digits")
classifier = LeNet5Classifier(
    max_epochs=15,
    batch_size=64,
    distortion="affine",
    net_params={"train_split": ValidSplit(5)},
    random_state=0,
)

# %%
# Validation batches are never distorted.

classifier.fit(X, y)
TrainingCurveDisplay.from_estimator(classifier)
plt.show()

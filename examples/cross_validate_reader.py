"""Cross-validate a reader of fields, and adapt it to its writers.

No field of a writer is read by a reader that learned from another of theirs:
the folds are made of writers. Fields are drawn here; with your own, `fields` is a
list of grey images, `texts` what they say, and `writers` who wrote them.

``python examples/cross_validate_reader.py 12 8`` draws eight fields of each of twelve
writers, as it does without these numbers.
"""

import sys

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold

from lenet_sklearn import LeNet5Classifier
from pipelines import make_field_reader
from pipelines.drawing import draw_comb, draw_writer

N_WRITERS, N_FIELDS = map(int, sys.argv[1:3] or (12, 8))
N_DIGITS = 9

# Fields of nine boxes, in as many hands as there are writers.
rng = np.random.default_rng(0)
fields, texts, writers = [], [], []
for writer in range(N_WRITERS):
    hand = draw_writer(rng)
    for _ in range(N_FIELDS):
        text = "".join(map(str, rng.integers(0, 10, N_DIGITS)))
        fields.append(draw_comb(text, writer=hand, random_state=rng))
        texts.append(text)
        writers.append(writer)

# As it comes: the reader needs no training.
print(f"as it comes: {make_field_reader().score(fields, texts):.3f}")

# Adapted: training starts from the weights that ship with the package. The whole
# chain is one estimator, so any parameter of any step can be searched.
classifier = LeNet5Classifier(
    initial_weights="mnist", classes=range(10), max_epochs=5, random_state=0
)
search = GridSearchCV(
    make_field_reader(classifier, digits=N_DIGITS),
    {"read__classifier__lr": [3e-5, 3e-4, 3e-3]},
    cv=GroupKFold(3),
)
search.fit(fields, texts, groups=writers)
results = search.cv_results_
for params, score in zip(results["params"], results["mean_test_score"], strict=True):
    print(f"adapted, read on writers it has not seen: {score:.3f} with {params}")

# `best_estimator_` is fitted on all writers, and reads new fields.
field = draw_comb("271828182", writer=draw_writer(rng), random_state=rng)
print(search.best_estimator_.predict([field]))

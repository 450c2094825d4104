"""Search with Optuna, and give up settings that read worse epoch by epoch.

``pip install optuna``, then ``python examples/search_with_optuna.py`` tries twenty
settings on scikit-learn's small digits; ``python examples/search_with_optuna.py 8``
tries eight. A callback of skorch tells Optuna after each epoch what is read right of a
fifth of the training set, which is kept back, and ends the training where Optuna's
pruner says so.
"""

import sys

import optuna
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit

from lenet_sklearn import LeNet5Classifier, load_dataset

N_TRIALS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
N_EPOCHS = 8


class PruneByEpoch(Callback):
    """Report each epoch to a trial, and end it where others had read more by then."""

    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        """Look at what is read right of the part that is kept back."""
        epoch = len(net.history)
        self.trial.report(net.history[-1, "valid_acc"], step=epoch)
        if epoch < N_EPOCHS and self.trial.should_prune():
            raise optuna.TrialPruned


def make_classifier(params, **others):
    return LeNet5Classifier(**params, max_epochs=N_EPOCHS, random_state=0, **others)


def objective(trial):
    """Train with the settings of a trial; return what is read right at the end."""
    params = {
        "lr": trial.suggest_float("lr", 1e-4, 3e-2, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64]),
        "module__dropout": trial.suggest_categorical("module__dropout", [0.0, 0.2]),
        "distortion": trial.suggest_categorical("distortion", [None, "affine"]),
    }
    watched = {
        "train_split": ValidSplit(5, stratified=True),
        "callbacks": [PruneByEpoch(trial)],
    }
    classifier = make_classifier(params, **watched)
    return classifier.fit(X, y).history_["valid_acc"][-1]


def show(_, trial):
    """Print what came of a trial."""
    last = max(trial.intermediate_values)
    read = f"{trial.intermediate_values[last]:.3f} after epoch {last}"
    params = {**trial.params, "lr": round(trial.params["lr"], 5)}
    print(f"{trial.number:2}  {read}  {trial.state.name.lower():8}  {params}")


digits, labels = load_dataset("digits")
n_training = 2 * len(digits) // 3
X, y = digits[:n_training], labels[:n_training]

# The rate rises in the first epochs, which tell little.
pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3)
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=pruner,
)
study.optimize(objective, n_trials=N_TRIALS, callbacks=[show])

# The best settings learn from all of the training set, and read what none has seen.
best = make_classifier(study.best_params).fit(X, y)
score = best.score(digits[n_training:], labels[n_training:])
print(f"best: trial {study.best_trial.number}, {score:.3f} of other digits")

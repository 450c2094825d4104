"""Log a search to MLflow: a run for each setting, and the best network.

``pip install mlflow``, then ``python examples/log_to_mlflow.py`` searches on
scikit-learn's small digits and logs to a folder of its own, which it prints; name
another as ``python examples/log_to_mlflow.py runs``. Nothing leaves the machine:
``mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`` shows the runs.
"""

import sys
import tempfile
from pathlib import Path

import mlflow

from lenet_sklearn import (
    LeNet5Classifier,
    StackedGridSearchCV,
    load_dataset,
    save_model,
)

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()).resolve()

digits, labels = load_dataset("digits")
n_training = 2 * len(digits) // 3
search = StackedGridSearchCV(
    LeNet5Classifier(max_epochs=8, random_state=0),
    {"lr": [0.001, 0.003, 0.01], "distortion": [None, "affine"]},
    cv=3,
)
search.fit(digits[:n_training], labels[:n_training])

FOLDER.mkdir(exist_ok=True)
mlflow.set_tracking_uri(f"sqlite:///{FOLDER / 'mlflow.db'}")
experiment = mlflow.create_experiment(
    "digits", artifact_location=(FOLDER / "artifacts").as_uri()
)
results = search.cv_results_
with mlflow.start_run(experiment_id=experiment, run_name="search") as run:
    mlflow.set_tag("way", search.way_)
    for place, params in enumerate(results["params"]):
        with mlflow.start_run(nested=True, experiment_id=experiment):
            mlflow.log_params(params)
            for name in ("mean_test_score", "std_test_score", "mean_fit_time"):
                mlflow.log_metric(name, results[name][place])

    # What was fitted on all of the training set: its course, its file, its score.
    best = search.best_estimator_
    mlflow.log_params(search.best_params_)
    for epoch, loss in enumerate(best.history_["train_loss"], 1):
        mlflow.log_metric("train_loss", loss, step=epoch)
    mlflow.log_metric("score", best.score(digits[n_training:], labels[n_training:]))
    save_model(best, FOLDER / "best.safetensors")
    mlflow.log_artifact(FOLDER / "best.safetensors")

# Read back, as another script would.
client = mlflow.MlflowClient()
found = client.search_runs(
    [experiment],
    filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
    order_by=["metrics.mean_test_score DESC"],
)
for one in found:
    mean, std = (one.data.metrics[f"{name}_test_score"] for name in ("mean", "std"))
    print(f"{mean:.3f} +- {std:.3f}  {one.data.params}")
logged = client.get_run(run.info.run_id).data
print(f"best: {logged.params}, {logged.metrics['score']:.3f} of other digits")
print(f"logged to {FOLDER}")

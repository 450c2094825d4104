"""Displays: what is drawn is what was measured."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lenet_sklearn import LeNet5Classifier, load_dataset, load_model
from lenet_sklearn.metrics import error_interval
from lenet_sklearn.plotting import (
    ErrorRejectDisplay,
    FeatureMapDisplay,
    KernelDisplay,
    MisreadDisplay,
    ReliabilityDisplay,
    StringPosteriorDisplay,
    TrainingCurveDisplay,
)
from lenet_sklearn.plotting.kernels import tile


@pytest.fixture(autouse=True)
def without_a_screen():
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", split="test")


@pytest.fixture(scope="module")
def fitted(digits):
    return LeNet5Classifier(max_epochs=2, device="cpu", random_state=0).fit(*digits)


def test_the_training_curve_draws_the_history(fitted):
    display = TrainingCurveDisplay.from_estimator(fitted)
    [line] = display.ax_.lines
    assert_array_equal(line.get_ydata(), fitted.net_.history[:, "train_loss"])
    assert display.error_ax_ is None


def test_validation_has_a_line_and_an_axis_of_its_own():
    row = {"train_loss": 0.5, "valid_loss": 0.4, "valid_acc": 0.75}
    display = TrainingCurveDisplay.from_history([row, row])
    assert [line.get_label() for line in display.ax_.lines] == [
        "training",
        "validation",
    ]
    assert_allclose(display.error_ax_.lines[0].get_ydata(), [25, 25])


def test_a_model_without_history_says_why():
    classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    with pytest.raises(ValueError, match=r"at least one epoch.*Draw before saving"):
        TrainingCurveDisplay.from_estimator(classifier)


def test_kernels_of_every_convolution_are_drawn_or_of_one(fitted):
    every = KernelDisplay.from_estimator(fitted)
    assert list(every.kernels) == ["c1", "c3", "c5"]
    assert len(every.axes_) == 3
    one = KernelDisplay.from_estimator(fitted, layers=["c3"])
    assert one.kernels["c3"].shape == (16, 6, 5, 5)
    assert "C3: 16 maps (columns) of 6 inputs" in one.axes_[0].get_title(loc="left")


def test_a_layer_without_kernels_is_refused(fitted):
    with pytest.raises(
        ValueError, match=r"among the convolutions \['c1', 'c3', 'c5'\]"
    ):
        KernelDisplay.from_estimator(fitted, layers=["f6"])


def test_feature_maps_are_those_after_squashing(fitted, digits):
    display = FeatureMapDisplay.from_estimator(fitted, digits[0][0])
    shapes = {name: maps.shape for name, maps in display.maps.items()}
    assert shapes == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84, 1, 1),
        "output": (10, 1, 1),
    }
    assert all(display.maps[name].min() >= 0 for name in ("c1", "c3", "c5", "f6"))
    expected = fitted.decision_function(digits[0][:1])[0]
    assert_allclose(display.maps["output"].ravel(), expected, rtol=0, atol=1e-4)
    assert_allclose(display.posteriors, fitted.predict_proba(digits[0][:1])[0])
    assert len(fitted.net_.module_.c1._forward_hooks) == 0


def test_misread_digits_come_the_surest_first():
    X = np.zeros((4, 2, 2)) + np.arange(4)[:, None, None]
    posteriors = [[0.1, 0.9], [0.3, 0.7], [0.8, 0.2], [0.0, 1.0]]
    display = MisreadDisplay.from_predictions(
        X, ["a", "a", "a", "b"], posteriors, classes=["a", "b"], n_images=1
    )
    assert display.images[0, 0, 0] == 0
    assert (display.truths, display.guesses) == (["a"], ["b"])
    assert display.ax_.get_title() == "2 of 4 digits misread (50.00 %); the 1 surest"
    assert "b (90 %)" in [text.get_text() for text in display.ax_.texts]


def test_flattened_digits_are_folded_again(fitted, digits):
    X, y = digits
    flat = MisreadDisplay.from_estimator(fitted, X.reshape(len(X), -1), y)
    square = MisreadDisplay.from_estimator(fitted, X, y)
    assert_array_equal(flat.images, square.images)


def test_no_misread_digit_is_no_error():
    display = MisreadDisplay.from_predictions(np.zeros((1, 4)), [0], [[1.0, 0.0]])
    assert display.ax_.get_title() == "0 of 1 digits misread (0.00 %)"


def test_the_error_reject_curve_is_drawn_in_per_cent():
    y_true, y_pred = np.zeros(1000), np.zeros(1000)
    y_pred[:20] = 1
    display = ErrorRejectDisplay.from_predictions(y_true, y_pred, np.arange(1000))
    curve = display.ax_.lines[0]
    assert curve.get_xdata()[0] == 0
    assert curve.get_ydata()[0] == pytest.approx(2)
    [note] = display.ax_.texts
    assert note.get_text() == "0.1 % wrong at 2.00 % rejected"
    assert "accepted" in display.ax_.get_ylabel()


def test_reliability_is_drawn_with_its_intervals():
    guess = np.arange(200) < 90  # 90 of 100 are right, then none
    confidence = np.repeat([0.9, 0.3], 100)
    display = ReliabilityDisplay.from_predictions(
        np.full(200, True), guess, confidence, n_bins=2
    )
    [line, bars] = display.ax_.lines[1], display.ax_.collections[0]
    assert_allclose(line.get_xydata(), [[0.3, 0.0], [0.9, 0.9]])
    low, high = bars.get_segments()[1][:, 1]
    assert_allclose([1 - high, 1 - low], error_interval(10, 100))
    assert display.ax_.get_title() == "Calibration error 15.00 %"


@pytest.mark.parametrize(
    "draw",
    [
        lambda c, X, y, ax: TrainingCurveDisplay.from_estimator(c, ax=ax),
        lambda c, X, y, ax: KernelDisplay.from_estimator(c, ax=ax),
        lambda c, X, y, ax: FeatureMapDisplay.from_estimator(c, X[0], ax=ax),
        lambda c, X, y, ax: MisreadDisplay.from_estimator(c, X, y, ax=ax),
        lambda c, X, y, ax: ErrorRejectDisplay.from_estimator(c, X, y, ax=ax),
        lambda c, X, y, ax: ReliabilityDisplay.from_estimator(c, X, y, ax=ax),
    ],
)
def test_every_display_draws_where_it_is_told_to(fitted, digits, draw):
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    display = draw(fitted, *digits, ax)
    assert display.figure_ is figure
    assert pyplot.get_fignums() == [figure.number]
    figure.canvas.draw()


def test_missing_matplotlib_is_named_with_its_extra(fitted, monkeypatch):
    def refuse(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(ImportError, match=r"Display needs .*lenet-sklearn\[plot\]"):
        KernelDisplay.from_estimator(fitted)


def test_tiles_keep_their_pixels_and_have_gaps():
    grid = tile(np.arange(3)[:, None, None] * np.ones((3, 7, 7)), 2)
    assert (grid[0, 0], grid[0, 8], grid[8, 0]) == (0, 1, 2)
    assert np.isnan(grid[7]).all()
    assert np.isnan(grid[8:, 8:]).all()


def test_the_parts_of_1998_are_drawn_as_any_others(digits):
    X, y = digits
    parts = {"c3": "table", "pooling": "trainable", "output": "rbf"}
    settings = {f"module__{name}": part for name, part in parts.items()}
    classifier = LeNet5Classifier(**settings, padding=12, max_epochs=1, device="cpu")
    classifier.fit(X, y)
    kernels = KernelDisplay.from_estimator(classifier).kernels
    assert kernels["c3"].shape == (16, 6, 5, 5)
    display = FeatureMapDisplay.from_estimator(classifier, X[0])
    assert display.image.shape == (8, 8)
    assert display.maps["c1"].shape == (6, 28, 28)


def test_a_string_is_drawn_with_its_posteriors_along_the_strip():
    strip = np.zeros((32, 90), np.uint8)
    strip[4:28, 20:24] = strip[4:28, 60:64] = 255
    recognizer = load_model("wide", device="cpu")
    display = StringPosteriorDisplay.from_estimator(recognizer, strip)
    assert display.axes_[0].get_title().startswith(f"read as {display.text}")
    assert [t.get_text() for t in display.axes_[1].get_yticklabels()] == list(
        "0123456789"
    )

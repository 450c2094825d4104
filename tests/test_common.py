"""One battery over every public transformer and reader: the contract of both."""

import inspect
import pickle
import re

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

import pipelines
from lenet_sklearn.strings import StringRecognizer
from pipelines import FieldReader, Form, PageRegistrar
from pipelines.drawing import draw_comb, draw_writer


def _public_estimators(method):
    """Find the public estimators with a method, so that none is forgotten."""
    names = (name for name in pipelines.__all__ if name[0].isupper())
    classes = {name: getattr(pipelines, name) for name in names}
    return {
        name: cls
        for name, cls in classes.items()
        if inspect.isclass(cls)
        and issubclass(cls, BaseEstimator)
        and hasattr(cls, method)
    }


def _printed_page():
    """Draw what registration needs: print that is nowhere the same."""
    random = np.random.default_rng(0)
    page = np.full((420, 360), 255, dtype=np.uint8)
    for y in range(160, 400, 30):
        words = "".join(random.choice(list("ABCDEFGHKLMNPRSTUVWXYZ 235"), 14))
        cv2.putText(page, words, (25, y), 0, 0.7, 0, 2, cv2.LINE_AA)
    return page


def _page(text, seed):
    """Draw a page that says something in a comb at its top."""
    page = _printed_page()
    field = draw_comb(text, writer=draw_writer(1), random_state=seed)
    page[20 : 20 + field.shape[0], 30 : 30 + field.shape[1]] = field
    return page


TRANSFORMERS = _public_estimators("transform")
READERS = _public_estimators("predict")
TEXTS = ["0451", "7283", "6915", "3820"]

# What an estimator cannot be made without.
REQUIRED = {
    "PageRegistrar": {"blank": _printed_page()},
    "FormReader": {"form": Form.from_combs({"number": 4})},
}


def _make(name):
    return getattr(pipelines, name)(**REQUIRED.get(name, {}))


@pytest.fixture(scope="module")
def pages():
    return [_page(text, seed) for seed, text in enumerate(TEXTS)]


def _read_only(images):
    for image in images:
        image.flags.writeable = False
    return images


def test_the_battery_finds_the_transformers_and_readers():
    assert {"BackgroundFlattener", "Deskewer", "Despeckler"} <= set(TRANSFORMERS)
    assert {"GlyphNormalizer", "PageRegistrar"} <= set(TRANSFORMERS)
    free = {"SlidingReader", "CuttingReader", "VotingReader"}
    assert set(READERS) == {"CombReader", "FieldReader", "FormReader"} | free


@pytest.mark.parametrize("name", sorted(TRANSFORMERS | READERS))
def test_parameters_are_keywords_with_defaults(name):
    parameters = inspect.signature(getattr(pipelines, name)).parameters.values()
    required = {p.name for p in parameters if p.default is p.empty}
    # A model or a form is what a reader is for: it comes first, unnamed.
    positional = {p.name for p in parameters if p.kind is not p.KEYWORD_ONLY}
    assert required <= {"form"}
    assert positional <= {"form", "classifier", "recognizer", "model"}


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_a_copy_a_clone_and_a_pickle_transform_alike(name, pages):
    fitted = _make(name).fit(pages)
    expected = fitted.transform(pages[:2])
    for other in (pickle.loads(pickle.dumps(fitted)), clone(fitted).fit(pages)):
        for image, right in zip(other.transform(pages[:2]), expected, strict=True):
            assert_array_equal(image, right)


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_fit_leaves_the_parameters_alone_and_transform_everything(name, pages):
    transformer = _make(name)
    before = transformer.get_params()
    assert transformer.fit(pages) is transformer
    after = transformer.get_params()
    assert all(after[key] is value for key, value in before.items())
    state = dict(vars(transformer))
    transformer.transform(pages[:1])
    assert vars(transformer) == state


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_learned_attributes_and_only_they_end_in_an_underscore(name, pages):
    transformer = _make(name).fit(pages)
    learned = set(vars(transformer)) - set(transformer.get_params())
    assert all(re.fullmatch(r"[a-z]\w*_", attribute) for attribute in learned)


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_what_must_be_fitted_says_so(name, pages):
    transformer = _make(name)
    if not transformer.__sklearn_tags__().requires_fit:
        transformer.transform(pages[:1])
        return
    with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted"):
        transformer.transform(pages[:1])


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_every_image_comes_out_once_and_as_if_alone(name, pages):
    transformer = _make(name).fit(pages)
    together = transformer.transform(pages)
    assert len(together) == len(pages)
    for page, image in zip(pages, together, strict=True):
        assert image.dtype == np.uint8
        assert_array_equal(image, transformer.transform([page])[0])


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_images_of_different_sizes_go_together(name, pages):
    mixed = [pages[0], np.pad(pages[1], 40, constant_values=255), pages[2][:-20]]
    assert len(_make(name).fit(mixed).transform(mixed)) == 3


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_the_input_is_not_written_into(name, pages):
    copies = _read_only([page.copy() for page in pages])
    _make(name).fit(copies).transform(copies)
    for page, copy in zip(pages, copies, strict=True):
        assert_array_equal(page, copy)


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_the_output_is_not_the_input_under_another_name(name, pages):
    for image, page in zip(_make(name).fit(pages).transform(pages), pages, strict=True):
        assert not np.shares_memory(image, page)


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_a_view_that_is_not_contiguous_is_an_image_too(name, pages):
    page = pages[0]
    transformer = _make(name).fit(pages)
    view = np.repeat(np.repeat(page, 2, axis=0), 2, axis=1)[::2, ::2]
    assert_array_equal(
        transformer.transform([view])[0], transformer.transform([page])[0]
    )


@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_an_empty_batch_gives_an_empty_batch(name, pages):
    assert len(_make(name).fit(pages).transform([])) == 0


REFUSED = {
    "colour": (
        np.zeros((40, 50, 3), np.uint8),
        ValueError,
        r"Got shape \(40, 50, 3\)\. Convert .*cv2\.cvtColor\(",
    ),
    "empty": (np.zeros((0, 50), np.uint8), ValueError, r"Got shape \(0, 50\)"),
    "float": (np.zeros((40, 50)), TypeError, r"Got dtype float64\. .*astype\("),
    "wide": (np.zeros((40, 50), np.uint16), TypeError, "Got dtype uint16"),
    "path": ("page.png", TypeError, "numpy array.*Got str"),
    "nested list": ([[255, 0], [0, 255]], TypeError, "numpy array.*Got list"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_what_is_no_grey_image_is_refused_with_its_number(name, kind, pages):
    refused, error, remedy = REFUSED[kind]
    transformer = _make(name).fit(pages)
    with pytest.raises(error, match=rf"^Sample 1: {name} expects .*{remedy}"):
        transformer.transform([pages[0], refused])


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("name", sorted(READERS))
def test_readers_refuse_the_same_and_name_the_sample(name, kind, pages):
    refused, error, remedy = REFUSED[kind]
    with pytest.raises(error, match=rf"^Sample 1: {name} expects .*{remedy}"):
        _make(name).predict([pages[0], refused])


@pytest.mark.parametrize("name", sorted(READERS))
def test_readers_leave_pages_and_parameters_alone(name, pages):
    reader = _make(name)
    before = reader.get_params()
    copies = _read_only([page.copy() for page in pages[:2]])
    reader.predict(copies)
    for page, copy in zip(pages[:2], copies, strict=True):
        assert_array_equal(page, copy)
    assert reader.get_params() == before


@pytest.mark.parametrize("name", sorted(READERS))
def test_readers_give_one_row_for_each_page_as_if_alone(name, pages):
    reader = _make(name)
    together = reader.predict(pages[:2])
    assert len(together) == 2
    alone = [reader.predict([page])[0] for page in pages[:2]]
    assert_array_equal(together, np.array(alone, dtype=object))
    assert len(reader.predict([])) == 0


def _last_step(name):
    """End a Pipeline with what reads the output of a transformer."""
    if name == "GlyphNormalizer":  # glyphs are for a classifier, not for a reader
        flat = FunctionTransformer(lambda glyphs: glyphs.reshape(len(glyphs), -1) / 255)
        return make_pipeline(flat, LogisticRegression())
    if name == "LineNormalizer":  # strips are for a recognizer
        return StringRecognizer(network="lenet5_dense", max_epochs=1, device="cpu")
    return FieldReader(digits=4)


# Deskewing is tried at three hundred angles for each page and each split.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "Deskewer" else [])
        for name in sorted(TRANSFORMERS)
    ],
)
def test_a_step_can_be_searched_with_a_reader_at_the_end(name, pages):
    pipeline = Pipeline([("step", _make(name)), ("read", _last_step(name))])
    grid = {f"step__{key}": [value] for key, value in _make(name).get_params().items()}
    targets = ["a", "b", "a", "b"] if name == "GlyphNormalizer" else TEXTS
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(pages, targets)
    assert len(search.predict(pages)) == len(pages)
    assert 0 <= search.best_score_ <= 1
    if isinstance(pipeline[-1], FieldReader):  # four drawn digits on clean paper
        assert search.score(pages, TEXTS) == 1


def test_a_page_that_cannot_be_registered_names_its_number(pages):
    registrar = PageRegistrar(**REQUIRED["PageRegistrar"]).fit(pages)
    empty = np.full((420, 360), 255, dtype=np.uint8)
    with pytest.raises(pipelines.RegistrationError, match="Sample 1: PageRegistrar"):
        registrar.transform([pages[0], empty])


# Scikit-learn's own checks skip estimators without 2-D input; these do not look at
# the data.
DATA_FREE = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
]
# These fit on data of scikit-learn's, which a transformer that learns nothing takes.
STATELESS = [
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_param_validation,
    estimator_checks.check_estimators_overwrite_params,
    estimator_checks.check_dont_overwrite_parameters,
    estimator_checks.check_estimators_fit_returns_self,
]


@pytest.mark.parametrize("check", DATA_FREE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(TRANSFORMERS | READERS))
def test_sklearn_finds_nothing_wrong_without_data(name, check):
    check(name, _make(name))


@pytest.mark.parametrize("check", STATELESS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", sorted(TRANSFORMERS))
def test_sklearn_finds_nothing_wrong_with_transformers(name, check):
    check(name, _make(name))


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("FieldReader", "threshold", 1.5),
        ("FieldReader", "digits", 0),
        ("FieldReader", "classifier", "lenet"),
        ("FieldReader", "normalizer", 28),
        ("FormReader", "form", {"number": 4}),
        ("FormReader", "field_reader", "fields"),
    ],
)
def test_readers_validate_their_parameters_in_fit(name, parameter, value, pages):
    reader = _make(name).set_params(**{parameter: value})
    texts = TEXTS if name == "FieldReader" else [[text] for text in TEXTS]
    with pytest.raises((ValueError, TypeError), match=f"'{parameter}' parameter"):
        reader.fit(pages, texts)

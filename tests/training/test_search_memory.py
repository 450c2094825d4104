"""Searches over the whole chain: steps on images are done once, and tell nothing."""

from collections import Counter
from functools import wraps

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from lenet_sklearn.strings import Hypothesis
from pipelines import (
    BackgroundFlattener,
    CuttingReader,
    FieldReader,
    Form,
    FormReader,
    ImageMemory,
    SlidingReader,
    make_field_reader,
)
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.lines import segments, surroundings
from pipelines.pages import cleaning, upright
from pipelines.readers import comb, free, places
from pipelines.training.search import SearchPlan, search

N_FIELDS = 3


class Knowing(BaseEstimator):
    """Knows strips by heart."""

    def __init__(self, accent="0", characters="0123456789"):
        self.accent = accent
        self.characters = characters

    def fit(self, X, y):
        self.known_ = {strip.tobytes(): text for strip, text in zip(X, y, strict=True)}
        return self

    def read(self, X, n_best=1, **_):
        known = getattr(self, "known_", {})
        texts = [known.get(strip.tobytes(), self.accent) for strip in X]
        return [[Hypothesis(text, 0.9)] for text in texts]


@pytest.fixture(scope="module")
def lines():
    """Fields of one hand, and what they say."""
    writer = draw_writer(3)
    texts = [f"{1000 + 731 * n}" for n in range(N_FIELDS)]
    drawn = [draw_string(text, writer, random_state=3) for text in texts]
    # In a light that fails: each way of cleaning makes another image of it.
    light = [np.geomspace(1, 0.4, image.shape[1]) for image in drawn]
    dim = [
        np.rint(i * row).astype(np.uint8) for i, row in zip(drawn, light, strict=True)
    ]
    return dim, texts


STEPS = {
    "despeckle": (cleaning, "despeckle"),
    "flatten": (cleaning, "flatten_background"),
    "look for combs": (comb, "find_combs"),
    "remove lines": (surroundings, "clear_surroundings"),
    "normalise": (free, "normalize_line"),
    "cut": (segments, "cut_writing"),
}


@pytest.fixture
def counts(monkeypatch):
    """How often each step was done with an image."""
    done = Counter()
    for step, (module, name) in STEPS.items():
        monkeypatch.setattr(module, name, counting(getattr(module, name), step, done))
    return done


def counting(whole, step, done):
    @wraps(whole)  # known by its own name, where it is what is kept
    def count(*args, **kwargs):
        done[step] += 1
        return whole(*args, **kwargs)

    return count


GRID = {
    "read__rules": ["passthrough", surroundings.RuleRemover()],
    "flatten": [
        "passthrough",
        BackgroundFlattener(),
        BackgroundFlattener(kernel_size=9),
    ],
    "read__line_reader__recognizer__accent": ["0", "1"],
}

# Each step, as often as its settings and those of the steps before it differ.
EXPECTED = {
    "despeckle": N_FIELDS,
    "flatten": 2 * N_FIELDS,
    "look for combs": 3 * N_FIELDS,
    "remove lines": 3 * N_FIELDS,
}


def test_a_search_does_each_step_once_for_each_setting_and_field(
    lines, counts, tmp_path
):
    reader = make_field_reader(line_reader=SlidingReader(Knowing()))
    found = search(reader, *lines, [GRID], SearchPlan(tmp_path))
    assert len(found.candidates) == 12
    normalized = counts.pop("normalise")
    assert counts == EXPECTED
    # Fewer than six for each field, where there are no lines to remove.
    assert 3 * N_FIELDS <= normalized <= 6 * N_FIELDS


def test_so_does_a_search_of_scikit_learn_and_finds_the_same(lines, counts, tmp_path):
    scores = []
    for memory in (None, ImageMemory(tmp_path)):
        counts.clear()
        reader = make_field_reader(line_reader=SlidingReader(Knowing()), memory=memory)
        searching = GridSearchCV(reader, GRID, cv=3, refit=False, error_score="raise")
        scores.append(searching.fit(*lines).cv_results_)
    counts.pop("normalise")
    assert counts == EXPECTED
    assert_array_equal(*(each["mean_test_score"] for each in scores))
    assert_array_equal(*(each["split0_test_score"] for each in scores))


def test_writing_is_cut_once_for_all_that_learn_from_it(lines, counts, tmp_path):
    reader = make_field_reader(
        line_reader=CuttingReader(max_epochs=1), memory=str(tmp_path)
    )
    grid = {"read__line_reader__random_state": [0, 1]}
    GridSearchCV(reader, grid, cv=2, refit=False, error_score="raise").fit(*lines)
    assert counts["cut"] == N_FIELDS


def test_what_was_learned_of_a_fold_is_not_kept_for_another(lines, tmp_path):
    X, y = lines
    reader = make_field_reader(line_reader=SlidingReader(Knowing()))
    # As many strings as there are folds: each is held out once.
    found = search(reader, X, y, [GRID], SearchPlan(tmp_path, n_folds=N_FIELDS))
    assert all(set(one.scores) == {0.0} for one in found.candidates)
    # It would be seen: strips that were learned are known, through the same memory.
    memory = SearchPlan(tmp_path).memory
    fitted = make_field_reader(line_reader=SlidingReader(Knowing()), memory=memory).fit(
        X, y
    )
    assert fitted.score(X, y) == 1
    # The same image says what it was taught as now, not what it was taught before.
    others = y[1:] + y[:1]
    assert fitted.fit(X, others).predict(X).tolist() == others


def test_no_entry_of_a_memory_knows_an_answer(lines, tmp_path):
    X, y = lines
    reader = make_field_reader(line_reader=SlidingReader(Knowing()))
    plans = [SearchPlan(tmp_path / name) for name in ("right", "planted")]
    search(reader, X, y, [GRID], plans[0])
    search(reader, X, [text[::-1] for text in y], [GRID], plans[1])
    kept = [
        {p.name: p.read_bytes() for p in (plan.folder / "images").glob("??/*")}
        for plan in plans
    ]
    assert kept[0]
    assert kept[0] == kept[1]


@pytest.mark.slow  # whole pages; fields are searched above
def test_pages_are_set_upright_and_searched_once_for_all_folds(tmp_path, monkeypatch):
    done = Counter()
    for module, name in ((upright, "estimate_skew"), (places, "find_combs")):
        monkeypatch.setattr(module, name, counting(getattr(module, name), name, done))
    texts = ["042", "998", "167", "305"]
    pages = []
    for text in texts:
        page = np.full((500, 500), 255, np.uint8)
        comb_of_page = draw_comb(text, random_state=3)
        height, width = comb_of_page.shape
        page[50 : 50 + height, 40 : 40 + width] = comb_of_page
        pages.append(page)
    form = Form.from_combs({"number": 3})
    alone = FormReader(form)
    for page in pages:
        alone.predict(upright.Deskewer().transform([page]))
    once = dict(done)
    done.clear()
    memory = ImageMemory(tmp_path)
    steps = Pipeline(
        [
            ("deskew", upright.Deskewer()),
            ("read", FormReader(form, field_reader=FieldReader(max_epochs=1))),
        ],
        memory=memory,
    ).set_params(read__memory=memory)
    grid = {"read__field_reader__threshold": [0.5, 0.7]}
    searching = GridSearchCV(steps, grid, cv=2, refit=False, error_score="raise")
    searching.fit(pages, [[text] for text in texts])
    assert done["estimate_skew"] == len(pages)
    assert done["find_combs"] == once["find_combs"]


@pytest.mark.parametrize("value", ["passthrough", None])
def test_a_reader_without_removal_of_lines_sees_all_that_is_there(value):
    writer = draw_writer(3)
    field = draw_string("1742", writer, random_state=3)
    framed = np.pad(field, 12, constant_values=250)
    framed[4:6, 4:-4] = framed[-6:-4, 4:-4] = 0
    framed[4:-4, 4:6] = framed[4:-4, -6:-4] = 0
    seen = []

    class Seeing(Knowing):
        def read(self, X, n_best=1, **_):
            seen.extend(X)
            return super().read(X)

    reader = make_field_reader(line_reader=SlidingReader(Seeing()))
    reader.set_params(read__rules=value).predict([framed])
    left = seen[0][:, :3].max()
    assert (left > 100) == (value == "passthrough")

"""What is made of images is kept by content, for all that read them again."""

import os
import pickle
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import pipelines.memory
from pipelines import BackgroundFlattener, Despeckler, FieldReader, GlyphNormalizer
from pipelines.images import StatelessTransformer
from pipelines.memory import ImageMemory, map_images, source_digest, use_memory
from pipelines.pages import cleaning
from pipelines.pages.cleaning import flatten_background


def fields(n=6):
    rng = np.random.default_rng(0)
    return [rng.integers(100, 255, (40, 60 + k), dtype=np.uint8) for k in range(n)]


@pytest.fixture
def counted(monkeypatch):
    """How often an image was flattened."""
    calls = []

    def count(image, **params):
        calls.append(params)
        return flatten_background(image, **params)

    monkeypatch.setattr(cleaning, "flatten_background", count)
    return calls


def test_what_comes_out_is_what_would_be_made(tmp_path):
    flattener = BackgroundFlattener()
    expected = flattener.transform(fields())
    for _ in range(2):
        with use_memory(str(tmp_path)):
            found = flattener.transform(fields())
        for one, other in zip(found, expected, strict=True):
            assert_array_equal(one, other)


def test_images_are_known_by_content_and_settings(tmp_path, counted):
    X = fields()
    with use_memory(ImageMemory(tmp_path)):
        BackgroundFlattener().transform(X)
        BackgroundFlattener().transform([image.copy() for image in X[::-1]])
        assert len(counted) == 6
        BackgroundFlattener(kernel_size=9).transform(X)
        assert len(counted) == 12
        for _ in range(2):
            BackgroundFlattener(kernel_size=np.int64(11)).transform(X)
        assert len(counted) == 18
        del counted[12:]
        X[0][0, 0] ^= 1
        BackgroundFlattener().transform(X)
        assert len(counted) == 13
        # As many bytes in another shape are another image.
        BackgroundFlattener().transform([X[1].reshape(61, 40)])
        assert len(counted) == 14


def test_nothing_is_kept_without_a_memory(tmp_path, counted):
    for _ in range(2):
        BackgroundFlattener().transform(fields())
    assert len(counted) == 12
    assert not list(tmp_path.iterdir())


def test_nobody_can_change_what_is_kept(tmp_path):
    X = fields(1)
    with use_memory(ImageMemory(tmp_path)):
        [first] = BackgroundFlattener().transform(X)
        expected = first.copy()
        for _ in range(2):
            [found] = BackgroundFlattener().transform(X)
            found[:] = 0
        assert_array_equal(BackgroundFlattener().transform(X)[0], expected)


@pytest.mark.parametrize("name", ["source_digest", "cv2.__version__"])
def test_after_an_upgrade_nothing_old_is_taken(tmp_path, monkeypatch, counted, name):
    def run():
        pipelines.memory.stamp.cache_clear()
        with use_memory(ImageMemory(tmp_path)):
            BackgroundFlattener().transform(fields())

    run()
    with monkeypatch.context() as edited:
        changed = (lambda: "of another edit") if name == "source_digest" else "9.9"
        edited.setattr(f"pipelines.memory.{name}", changed)
        run()
        assert len(counted) == 12
    run()
    assert len(counted) == 12


def test_an_edit_of_any_module_changes_the_digest(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    source = tmp_path / "pipelines" / "__init__.py"
    digests = []
    monkeypatch.setattr("pipelines.memory._OWN", ("pipelines",))
    monkeypatch.setattr(pipelines, "__file__", str(source))
    for text in ("a = 1", "a = 2", "a = 1"):
        source.write_text(text)
        source_digest.cache_clear()
        digests.append(source_digest())
    source_digest.cache_clear()
    assert digests[0] == digests[2] != digests[1]


def cut_off(content):
    return content[: len(content) // 2]


def altered(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [cut_off, altered])
def test_a_damaged_entry_is_made_anew(tmp_path, damage):
    X = fields(1)
    with use_memory(ImageMemory(tmp_path)):
        [expected] = BackgroundFlattener().transform(X)
        [entry] = tmp_path.glob("??/*")
        entry.write_bytes(damage(entry.read_bytes()))
        assert_array_equal(BackgroundFlattener().transform(X)[0], expected)


def test_what_somebody_else_has_kept_is_taken(tmp_path, monkeypatch, counted):
    def refuse(path):
        raise PermissionError(path)

    with use_memory(ImageMemory(tmp_path)):
        BackgroundFlattener().transform(fields())
        monkeypatch.setattr("pipelines.memory.os.utime", refuse)
        BackgroundFlattener().transform(fields())
    assert len(counted) == 6


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with use_memory(ImageMemory(blocked / "under")):
        assert len(BackgroundFlattener().transform(fields())) == 6


def test_a_folder_is_bounded_and_forgets_what_nobody_asks_for(tmp_path):
    X = fields(40)
    memory = ImageMemory(tmp_path, max_bytes=60_000)
    with use_memory(memory):
        BackgroundFlattener().transform(X[:1])
        for image in X[1:]:
            BackgroundFlattener().transform([image])
            time.sleep(0.002)  # for another time of modification
            BackgroundFlattener().transform(X[:1])
        kept = sum(path.stat().st_size for path in tmp_path.glob("??/*"))
        assert 30_000 < kept < 1.06 * 60_000
        found = set(tmp_path.glob("??/*"))
        BackgroundFlattener().transform(X[:1])  # asked for all the time: still there
        assert set(tmp_path.glob("??/*")) == found
    memory.clear()
    assert not tmp_path.exists()


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    others = [tmp_path / "de" / "guide.txt", tmp_path / "uv.lock", tmp_path / "own"]
    (tmp_path / "de").mkdir()
    for path in others:
        path.write_bytes(bytes(2000))
    memory = ImageMemory(tmp_path, max_bytes=1)
    with use_memory(memory):
        for image in fields():
            BackgroundFlattener().transform([image])
    assert len(list(tmp_path.glob("??/*"))) <= 2
    memory.clear()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(others)


class Own(StatelessTransformer):
    """A user's step, whose source nobody watches."""

    def _transform_one(self, image):
        return cleaning.flatten_background(image)


def test_steps_of_others_are_computed_each_time(tmp_path, counted):
    with use_memory(ImageMemory(tmp_path)):
        for _ in range(2):
            Own().transform(fields())
    assert len(counted) == 12
    assert not list(tmp_path.glob("??/*"))


def test_a_cutter_of_others_is_asked_each_time(tmp_path):
    class Cutter:
        n_asked = 0

        def cut(self, field, frame):
            self.n_asked += 1
            return []

    cutter = Cutter()
    reader = FieldReader(cutter=cutter, memory=str(tmp_path))
    frame = pipelines.Frame(10, 5, 50, 35, 2)
    for _ in range(2):
        reader.cut(fields(2), [frame, frame])
    assert cutter.n_asked == 4


def test_single_glyphs_are_not_worth_keeping(tmp_path):
    with use_memory(ImageMemory(tmp_path)):
        GlyphNormalizer().transform(fields())
    assert not list(tmp_path.glob("??/*"))


class Knower(FieldReader):
    """Learns nothing, and says nothing."""

    def fit(self, X, y):
        self.n_ = len(X)
        return self

    def predict(self, X):
        return np.array([""] * len(X), dtype=object)


def test_folds_and_what_is_held_out_share_a_memory(tmp_path, counted):
    steps = Pipeline(
        [("clean", Despeckler()), ("flatten", BackgroundFlattener()), ("r", Knower())],
        memory=ImageMemory(tmp_path),
    )
    grid = {"r__threshold": [0.5, 0.7], "flatten__kernel_size": [None, 9, 11]}
    search = GridSearchCV(steps, grid, cv=3, error_score="raise")
    search.fit(fields(), [""] * 6)
    assert len(counted) == 3 * 6


def test_a_memory_is_cloned_and_pickled_with_its_pipeline(tmp_path, counted):
    steps = make_pipeline(BackgroundFlattener(), Knower(), memory=ImageMemory(tmp_path))
    steps.fit(fields(), [""] * 6)
    again = pickle.loads(pickle.dumps(clone(steps)))
    again.fit(fields(), [""] * 6).predict(fields())
    assert len(counted) == 6


def _slowly(image, log):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.02)
    return image + 1


def _work(folder, log, both_are_there):
    both_are_there.wait()
    ImageMemory(folder).map(_slowly, [(image,) for image in fields(30)], (log,))


@pytest.mark.slow
def test_two_processes_make_nothing_both(tmp_path):
    log = tmp_path / "log"
    context = get_context("spawn")
    given = str(tmp_path / "kept"), str(log), context.Barrier(2)
    workers = [context.Process(target=_work, args=given) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    made = log.read_text().split()
    assert len(made) == 30
    assert len(set(made)) == 2


def test_what_a_function_raises_is_raised_and_not_kept(tmp_path):
    with use_memory(ImageMemory(tmp_path)), pytest.raises(ZeroDivisionError):
        map_images(divmod, [(1,)], (0,))
    assert not list(Path(tmp_path).glob("??/*"))

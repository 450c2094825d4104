"""The recognizer: it learns drawn strings, and behaves as an estimator does."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_checks

from lenet_sklearn import load_model, save_model
from lenet_sklearn.strings import Hypothesis, StringRecognizer

DATA_FREE = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
]


@pytest.mark.parametrize("check", DATA_FREE, ids=lambda c: c.__name__)
def test_sklearn_api(check):
    check("StringRecognizer", StringRecognizer())


def quick(**params):
    settings = {"network": "lenet5", "max_epochs": 1, "random_state": 0}
    return StringRecognizer(**{**settings, "device": "cpu", **params})


@pytest.mark.slow
def test_strings_are_learned_from_nothing(three_digits):
    drawn, unseen = three_digits
    learned = quick(max_epochs=10, lr=0.01).fit(drawn, drawn.texts)
    assert learned.score(unseen, unseen.texts) > 0.8


def test_what_is_read_is_an_array_of_strings(recognizer, unseen):
    texts = recognizer.predict(unseen)
    assert texts.shape == (100,)
    assert texts.dtype == object
    assert all(isinstance(text, str) for text in texts)
    assert recognizer.predict([]).shape == (0,)


def test_an_empty_strip_says_nothing(recognizer):
    [[best]] = recognizer.read([np.zeros((32, 80), np.uint8)])
    assert best.text == ""
    assert best.probability > 0.5


def test_the_best_of_many_is_what_is_predicted(recognizer, unseen):
    readings = recognizer.read(unseen, n_best=5)
    assert_array_equal([r[0].text for r in readings], recognizer.predict(unseen))
    for reading in readings:
        chances = [hypothesis.probability for hypothesis in reading]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1 + 1e-6


def test_lengths_and_masks_are_kept_to(recognizer, unseen):
    for [best] in recognizer.read(unseen, lengths=3):
        assert len(best.text) == 3
    for [best] in recognizer.read(unseen, mask="1#"):
        assert best.text[0] == "1"
        assert len(best.text) == 2


def test_a_strip_reads_the_same_in_any_company(recognizer, unseen):
    together = recognizer.read(unseen)
    alone = [recognizer.read([strip])[0] for strip in unseen]
    assert [r[0].text for r in together] == [r[0].text for r in alone]
    assert np.allclose(
        [r[0].probability for r in together], [r[0].probability for r in alone]
    )


def test_characters_are_found_where_they_were_set(recognizer, unseen):
    right = [
        i for i, t in enumerate(recognizer.predict(unseen)) if t == unseen.texts[i]
    ]
    spans = recognizer.locate(
        [unseen[i] for i in right], [unseen.texts[i] for i in right]
    )
    misses = [
        abs((left + end) / 2 - (12 + 16 * place))
        for of_strip in spans
        for place, (left, end) in enumerate(of_strip)
    ]
    assert [len(s) for s in spans] == [len(unseen.texts[i]) for i in right]
    assert np.mean(np.array(misses) < 5) > 0.95


def test_places_are_columns_of_the_strip_as_it_came(recognizer, unseen):
    twice = [np.kron(strip, np.ones((2, 2), np.uint8)) for strip in unseen][:20]
    texts = unseen.texts[:20]
    plain = recognizer.locate([unseen[i] for i in range(20)], texts)
    misses = [
        abs(left - 2 * expected)
        for spans, others in zip(recognizer.locate(twice, texts), plain, strict=True)
        for (left, _), (expected, _) in zip(spans, others, strict=True)
    ]
    assert np.mean(np.array(misses) <= 4) > 0.9


def test_what_one_width_has_room_for_is_located_at_all_of_them(recognizer):
    narrow = pickle.loads(pickle.dumps(recognizer)).set_params(widths=(0.5, 2.0))
    strip = np.full((32, 12), 255, np.uint8)
    [spans] = narrow.locate([strip], ["01234567"])
    assert len(spans) == 8


def test_posteriors_are_probabilities_along_the_strip(recognizer, unseen):
    for strip, scores in zip(unseen, recognizer.posteriors(unseen), strict=True):
        assert scores.shape == (strip.shape[1] // 2 + 1, 11)
        assert np.allclose(np.exp(scores).sum(axis=1), 1, atol=1e-5)


def test_several_widths_read_at_least_about_as_well(recognizer, unseen):
    several = pickle.loads(pickle.dumps(recognizer)).set_params(widths=(0.9, 1.0, 1.1))
    texts = unseen.texts
    assert several.score(unseen, texts) > recognizer.score(unseen, texts) - 0.05


def test_calibration_changes_the_temperature_and_what_is_read_hardly(
    recognizer, unseen
):
    copied = pickle.loads(pickle.dumps(recognizer))
    before = copied.predict(unseen)
    copied.calibrate(unseen, unseen.texts)
    assert np.mean(copied.predict(unseen) == before) > 0.95
    chances = [best.probability for [best] in copied.read(unseen)]
    right = copied.predict(unseen) == np.array(unseen.texts, dtype=object)
    assert np.mean(chances) == pytest.approx(right.mean(), abs=0.05)


def test_a_pickled_recognizer_reads_the_same(recognizer, unseen):
    copied = pickle.loads(pickle.dumps(recognizer))
    assert_array_equal(copied.predict(unseen), recognizer.predict(unseen))


def test_the_same_seed_gives_the_same_network(drawn):
    strips, texts = [drawn[i] for i in range(64)], drawn.texts[:64]
    state = torch.random.get_rng_state()
    first, second = (quick().fit(strips, texts) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    for one, other in zip(
        first.net_.module_.parameters(), second.net_.module_.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_a_lazy_sequence_trains_as_a_list_does(drawn):
    n_before = drawn.n_drawn
    lazy = quick().fit(drawn, drawn.texts)
    assert drawn.n_drawn - n_before == len(drawn)
    listed = quick().fit(list(drawn), drawn.texts)
    assert lazy.history_["train_loss"] == listed.history_["train_loss"]


@pytest.mark.parametrize("network", ["lenet5", "wide"])
def test_strips_too_narrow_for_their_string_are_widened(network):
    strips = [np.full((32, 3), 255, np.uint8)] * 8
    fitted = quick(network=network).fit(strips, ["1111"] * 8)
    assert np.isfinite(fitted.history_["train_loss"]).all()


def test_weights_are_averaged_where_asked(drawn):
    strips, texts = list(drawn)[:64], drawn.texts[:64]
    plain, averaged = (
        quick(max_epochs=2, averaging=averaging).fit(strips, texts)
        for averaging in (None, 2)
    )
    one, other = (f.net_.module_.c1.weight for f in (plain, averaged))
    assert not torch.equal(one, other)


def state_of(recognizer):
    return recognizer.net_.module_.state_dict()


def test_what_has_no_weight_is_learned_as_if_it_were_not_there(drawn):
    strips, texts = list(drawn)[:48], drawn.texts[:48]
    weights = np.random.default_rng(0).choice([0.0, 0.25, 1.0], 48)
    kept = np.flatnonzero(weights)
    left_out = quick().fit(strips, ["0"] * 48, sample_weight=[0.0] * 47 + [1.0])
    alone = quick().fit(strips[47:], ["0"])
    assert_states_equal(left_out, alone)
    weighted = quick().fit(strips, texts, sample_weight=weights)
    without = quick().fit(
        [strips[n] for n in kept], [texts[n] for n in kept], weights[kept]
    )
    assert_states_equal(weighted, without)


def assert_states_equal(one, other):
    for name, values in state_of(one).items():
        assert torch.equal(values, state_of(other)[name]), name


def test_a_weight_of_two_is_as_much_as_being_there_twice(drawn):
    strips, texts = list(drawn)[:3], drawn.texts[:3]
    weighted = quick().fit(strips, texts, sample_weight=[2, 1, 1])
    twice = quick().fit([strips[0], *strips], [texts[0], *texts])
    assert_states_equal(weighted, twice)


def test_a_strip_of_more_weight_is_learned_the_better(drawn):
    strips, texts = list(drawn)[:2], drawn.texts[:2]
    losses = []
    for weights in ([1.99, 0.01], [0.01, 1.99]):
        fitted = quick(distortion=None, max_epochs=30, lr=0.01, batch_size=2).fit(
            strips, texts, sample_weight=weights
        )
        read = fitted.read(strips, n_best=50)
        losses.append(
            [
                sum(one.probability for one in own if one.text == text)
                for own, text in zip(read, texts, strict=True)
            ]
        )
    assert losses[0][0] > losses[1][0]
    assert losses[1][1] > losses[0][1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"StringRecognizer expects sample_weight of shape \(2,\)"),
        ([1.0, -1.0], "StringRecognizer expects finite sample weights of at least 0"),
        ([0.0, 0.0], "StringRecognizer got sample weights that are all zero"),
    ],
)
def test_weights_without_sense_are_refused(weights, message):
    strips = [np.zeros((32, 9), np.uint8)] * 2
    with pytest.raises(ValueError, match=message):
        quick().fit(strips, ["1", ""], sample_weight=weights)


def test_a_share_of_the_initial_weights_is_kept_where_asked(drawn):
    strips, texts = list(drawn)[:64], drawn.texts[:64]
    shipped = load_model("lenet5", device="cpu")
    trained, kept = (
        quick(network="lenet5", initial_weights="lenet5", initial_share=share)
        .fit(strips, texts)
        .net_.module_.state_dict()
        for share in (0.0, 0.3)
    )
    for name, begun in shipped.net_.module_.state_dict().items():
        if begun.is_floating_point():
            mixed = 0.7 * trained[name] + 0.3 * begun
            torch.testing.assert_close(kept[name], mixed, msg=name)


def test_it_works_in_a_grid_search_and_in_cross_validation(drawn):
    strips, texts = list(drawn)[:60], drawn.texts[:60]
    search = GridSearchCV(quick(), {"distortion": [None, "writing"]}, cv=2)
    assert len(search.fit(strips, texts).predict(strips)) == 60
    assert len(cross_val_score(quick(), strips, texts, cv=3)) == 3


@pytest.mark.parametrize(
    ("strips", "texts", "message"),
    [
        ([], [], "at least one"),
        ([np.zeros((32, 9), np.uint8)], ["1", "2"], r"shape \(1,\)\. Got shape \(2,\)"),
        ([np.zeros((32, 9), np.uint8)] * 2, "12", r"Got shape \(\)\. Pass a list"),
        ([np.zeros((32, 9), np.uint8)], ["1x"], "Sample 0: .*Leave out 'x'"),
        ([np.zeros((32, 9, 3), np.uint8)], ["1"], r"Sample 0: .*Got shape"),
    ],
)
def test_strips_and_strings_that_do_not_fit_are_refused(strips, texts, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(strips, texts)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"widths": ()}, "widths above 0, at least one"),
        ({"widths": (1.0, 0.0)}, "widths above 0"),
        ({"characters": "0120"}, "Got '0120'. Name each once"),
        ({"characters": ""}, "characters that differ, at least one"),
        ({"initial_share": 0.3}, "there are none. Got initial_share=0.3"),
        ({"network": "deep"}, "'network' parameter of StringRecognizer must be"),
    ],
)
def test_settings_without_sense_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit([np.zeros((32, 9), np.uint8)], ["1"])


def test_a_score_takes_one_string_for_each_strip(recognizer, unseen):
    column = np.array(unseen.texts, dtype=object)[:, None]
    for texts in (column, unseen.texts[:-1], []):
        with pytest.raises(ValueError, match=r"one string for each strip.*y\.ravel"):
            recognizer.score(unseen, texts)
    with pytest.raises(ValueError, match="at least one strip"):
        recognizer.score([], [])
    with pytest.raises(TypeError, match=r"Sample 1: .*Got 7"):
        recognizer.score([unseen[0], unseen[1]], ["1", 7])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"engine": "onnx"}, "'engine' parameter of StringRecognizer"),
        ({"widths": ()}, "widths above 0, at least one"),
        ({"widths": (1.0, float("nan"))}, "widths above 0"),
        ({"beam_width": 0}, "'beam_width' parameter"),
    ],
)
def test_settings_are_looked_at_before_reading(recognizer, params, message):
    other = pickle.loads(pickle.dumps(recognizer)).set_params(**params)
    for read in (other.predict, other.posteriors, other.locate):
        with pytest.raises(ValueError, match=message):
            read([np.zeros((32, 40), np.uint8)])


def test_something_is_left_of_a_tiny_strip_at_any_width(recognizer):
    narrow = pickle.loads(pickle.dumps(recognizer)).set_params(widths=(0.02, 0.1))
    assert len(narrow.predict([np.zeros((32, 1), np.uint8)])) == 1


def test_what_was_fitted_does_not_change_with_the_parameters(
    recognizer, unseen, tmp_path
):
    other = pickle.loads(pickle.dumps(recognizer))
    other.set_params(network="wide", characters="abcdefghij!")
    assert other.read(unseen) == recognizer.read(unseen)
    save_model(other, tmp_path / "strings")
    loaded = load_model(tmp_path / "strings", device="cpu", engine="torch")
    assert (loaded.network, loaded.characters) == ("lenet5_dense", "0123456789")
    assert loaded.read(unseen) == recognizer.read(unseen)


def test_texts_that_cannot_be_located_are_refused_by_their_number(recognizer, unseen):
    strips = [unseen[0], unseen[1]]
    with pytest.raises(ValueError, match=r"Sample 1: .*no room"):
        recognizer.locate(strips, ["", "1" * 300])
    with pytest.raises(ValueError, match=r"shape \(2,\)\. Got shape \(1,\)"):
        recognizer.locate(strips, ["1"])
    assert recognizer.locate([], []) == []


def test_a_schedule_without_sense_is_refused_by_no_other_name():
    with pytest.raises(ValueError, match=r"Got \[\(0, 1\)\]") as caught:
        quick(schedule=[(0, 1)]).fit([np.zeros((32, 9), np.uint8)], ["1"])
    assert "LeNet5Classifier" not in str(caught.value)


def test_numbers_instead_of_strings_are_refused():
    with pytest.raises(TypeError, match=r"Got 12.*with their zeros"):
        quick().fit([np.zeros((32, 9), np.uint8)], [12])


def test_reading_before_fitting_is_refused():
    with pytest.raises(NotFittedError):
        quick().predict([np.zeros((32, 9), np.uint8)])


def test_a_hypothesis_cannot_be_changed():
    with pytest.raises(AttributeError):
        Hypothesis("1", 0.5).text = "2"

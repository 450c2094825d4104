"""Strips on their way to the network: checked, resized, drawn, sorted, distorted."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lenet_sklearn.strings import StripDistortion
from lenet_sklearn.strings.distortions import make_strip_distortion
from lenet_sklearn.strings.strips import cut_batches, prepare_strip
from lenet_sklearn.strings.training import StripBatches, StripDataset


def blank_strip(width, height=32):
    return np.zeros((height, width), dtype=np.uint8)


def test_a_strip_of_the_right_height_is_left_alone():
    strip = blank_strip(50)
    assert prepare_strip(strip, 0, "Reader") is strip


@pytest.mark.parametrize(
    ("shape", "least", "expected"),
    [((64, 100), 1, 50), ((16, 30), 1, 60), ((32, 10), 25, 25), ((90, 1), 1, 1)],
)
def test_strips_are_resized_in_proportion_or_widened(shape, least, expected):
    prepared = prepare_strip(np.full(shape, 200, np.uint8), 0, "Reader", least)
    assert_array_equal(prepared, np.full((32, expected), 200))


def test_views_that_run_backwards_are_strips_too():
    strip = np.random.default_rng(0).integers(256, size=(20, 30), dtype=np.uint8)
    view = np.ascontiguousarray(strip[::-1, ::-1])[::-1, ::-1]
    assert_array_equal(prepare_strip(view, 0, "Me"), prepare_strip(strip, 0, "Me"))


@pytest.mark.parametrize(
    ("strip", "error", "message"),
    [
        (np.zeros((32, 9)), TypeError, r"Sample 3: Reader .*Got float64.*astype"),
        ([[0]], TypeError, "Sample 3: .*Got list"),
        (np.zeros((4, 5, 3), np.uint8), ValueError, r"Got shape \(4, 5, 3\)"),
        (blank_strip(0), ValueError, r"Sample 3: .*non-empty"),
    ],
)
def test_other_strips_are_refused_with_a_remedy(strip, error, message):
    with pytest.raises(error, match=message):
        prepare_strip(strip, 3, "Reader")


def test_wide_and_narrow_strips_share_batches_without_much_padding():
    widths = np.random.default_rng(0).integers(30, 300, 500)
    batches = list(cut_batches(widths))
    assert sorted(place for batch in batches for place in batch) == list(range(500))
    padded = sum(len(batch) * max(widths[batch]) for batch in batches)
    assert padded < 1.1 * widths.sum()


def make_dataset(strips, strings):
    return StripDataset(strips, strings, least_widths=[1] * len(strings), caller="Me")


def test_an_epoch_sees_every_strip_once_with_its_string():
    widths = np.random.default_rng(0).integers(5, 100, 70)
    strings = [(1,) * (n % 4) for n in range(70)]
    strips = [np.full((32, w), n, np.uint8) for n, w in enumerate(widths)]
    seen = []
    for batch, targets in StripBatches(make_dataset(strips, strings), 16):
        numbers = (255 * batch[:, 0, 0, 0]).round().int().tolist()
        assert targets.lengths.tolist() == [n % 4 for n in numbers]
        assert targets.widths.tolist() == [widths[n] for n in numbers]
        seen += numbers
    assert sorted(seen) == list(range(70))


def drawn_of(strips, weights):
    dataset = StripDataset(
        strips, [()] * len(strips), [1] * len(strips), "Me", np.array(weights)
    )
    return [
        (round(255 * float(image[0, 0, 0])), float(factor))
        for batch, targets in StripBatches(dataset, 4)
        for image, factor in zip(batch, targets.factors, strict=True)
    ]


def test_whole_weights_say_how_often_a_strip_is_seen():
    strips = [np.full((32, 9), n, np.uint8) for n in range(3)]
    assert sorted(drawn_of(strips, [2.0, 0.0, 1.0])) == [(0, 1), (0, 1), (2, 1)]


def test_other_weights_multiply_losses_and_have_a_mean_of_one():
    strips = [np.full((32, 9), n, np.uint8) for n in range(3)]
    assert sorted(drawn_of(strips, [0.5, 0.0, 1.5])) == [(0, 0.5), (2, 1.5)]


def test_few_strips_are_held_at_a_time():
    class Counting(list):
        n_drawn = 0

        def __getitem__(self, index):
            self.n_drawn += 1
            return blank_strip(40)

    strips = Counting([None] * 1000)
    next(iter(StripBatches(make_dataset(strips, [()] * 1000), 8)))
    assert strips.n_drawn <= 128


def bars(widths):
    strips = torch.zeros(len(widths), 1, 32, max(widths))
    for row, width in zip(strips, widths, strict=True):
        row[:, 8:24, [1, width // 2, width - 2]] = 1
    return strips, torch.tensor(widths)


def test_without_any_limit_a_distortion_changes_nothing():
    names = StripDistortion.__dataclass_fields__
    strips, widths = bars([40, 61])
    got, got_widths = make_strip_distortion(dict.fromkeys(names, 0.0))(strips, widths)
    torch.testing.assert_close(got, strips, atol=1e-5, rtol=0)
    assert got_widths.tolist() == [40, 61]


def test_distortions_keep_all_strokes_within_the_new_width():
    strips, widths = bars([40] * 50 + [90] * 50)
    others = ("height", "bend", "thickness", "contrast", "blur", "noise")
    distort = make_strip_distortion(dict.fromkeys(others, 0.0))
    torch.manual_seed(0)
    got, got_widths = distort(strips, widths)
    # Seeds 0 to 59 of torch give 0.77 to 1.21: the width's limit, at a pixel's grain.
    scales = got.sum(dim=(1, 2, 3)) / strips.sum(dim=(1, 2, 3))
    assert scales.min() > 0.75
    assert scales.max() < 1.25
    for strip, width in zip(got, got_widths.tolist(), strict=True):
        assert strip[..., width:].abs().sum() < 0.1


def test_distorted_ink_stays_between_background_and_full():
    strips, widths = bars([40] * 20)
    got, _ = StripDistortion(noise=0.5)(strips, widths)
    assert got.min() >= 0
    assert got.max() <= 1


def test_an_unknown_distortion_is_refused():
    with pytest.raises(ValueError, match="parameters \\['width'"):
        make_strip_distortion({"rotation": 3})


@pytest.mark.parametrize("width", [-0.1, 1.0, float("nan")])
def test_a_distortion_that_leaves_nothing_of_a_strip_is_refused(width):
    with pytest.raises(ValueError, match=r"width .* in \[0, 1\)"):
        make_strip_distortion({"width": width})

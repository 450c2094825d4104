"""Distortions: random, bounded, and reproducible."""

import pytest
import torch

from lenet_sklearn import Distortion
from lenet_sklearn.training.batches import make_distortion

STILL = {
    "rotation": 0,
    "scale": 0,
    "shear": 0,
    "shift": 0,
    "bend": 0,
    "thickness": 0,
    "contrast": 0,
}


# The limits below hold for the torch seeds 0 to 99, with room to spare.
@pytest.fixture
def strokes():
    torch.manual_seed(0)
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, 6:22, 12:16] = 1
    return images


def test_no_distortion_at_all_gives_the_images_back(strokes):
    torch.testing.assert_close(Distortion(**STILL)(strokes), strokes)


def test_distort_does_not_change_its_input(strokes):
    before = strokes.clone()
    Distortion()(strokes)
    assert torch.equal(strokes, before)


def test_every_image_is_distorted_differently(strokes):
    first, second = Distortion()(strokes)[:2]
    assert not torch.allclose(first, second)


def test_the_same_seed_gives_the_same_distortions(strokes):
    torch.manual_seed(3)
    once = Distortion()(strokes)
    torch.manual_seed(3)
    assert torch.equal(Distortion()(strokes), once)


def test_a_shift_moves_the_centre_by_at_most_its_share_of_the_side(strokes):
    moved = Distortion(**STILL | {"shift": 0.1})(strokes)
    columns = torch.arange(28.0)
    centres = (moved.sum(dim=(1, 2)) * columns).sum(1) / moved.sum(dim=(1, 2, 3))
    offsets = (centres - 13.5).abs()
    assert 2.0 < offsets.max() <= 2.81


def test_a_rotation_keeps_the_amount_of_ink(strokes):
    turned = Distortion(**STILL | {"rotation": 20})(strokes)
    inks = turned.sum(dim=(1, 2, 3))
    torch.testing.assert_close(inks, strokes.sum(dim=(1, 2, 3)), rtol=0.02, atol=0)


def test_bends_move_parts_of_a_stroke_apart(strokes):
    bent = Distortion(**STILL | {"bend": 0.08})(strokes)
    columns = torch.arange(28.0)
    ends = [
        (bent[..., rows, :].sum(2) * columns).sum(-1) / bent[..., rows, :].sum((2, 3))
        for rows in (slice(6, 12), slice(16, 22))
    ]
    assert 1 < (ends[0] - ends[1]).abs().max() < 4.5


def test_the_pen_makes_strokes_thicker_and_thinner(strokes):
    inks = Distortion(**STILL | {"thickness": 0.5})(strokes).sum(dim=(1, 2, 3))
    assert inks.min() < 0.8 * strokes[0].sum() < 1.2 * strokes[0].sum() < inks.max()


def test_contrast_only_takes_ink_away(strokes):
    peaks = Distortion(**STILL | {"contrast": 0.4})(strokes).amax(dim=(1, 2, 3))
    assert 0.6 <= peaks.min() < 0.7
    assert peaks.max() <= 1


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'affine', 'writing'.*'elastic'"):
        make_distortion("elastic")


def test_an_unknown_parameter_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'rotation', 'scale'.*Got \{'slant'"):
        make_distortion({"slant": 1.0})


def test_a_dictionary_gives_parameters():
    assert make_distortion({"shear": 0.1}) == Distortion(shear=0.1)

"""Data sets: what is loaded, and what is said when it cannot be."""

import gzip
import os
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from lenet_sklearn import load_dataset, load_writers
from lenet_sklearn.datasets import has_test_split


def write_idx(path, array, kind=8, dtype=np.uint8):
    head = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wb") as file:
        file.write(head + array.astype(dtype).tobytes())


def write_character(path, ink=255, paper=0, size=(28, 28)):
    path.parent.mkdir(parents=True, exist_ok=True)
    page = np.full(size, paper, dtype=np.uint8)
    page[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = ink
    Image.fromarray(page).save(path)


def test_digits_are_split_into_disjoint_parts_of_all_classes():
    X_train, y_train = load_dataset("digits")
    X_test, y_test = load_dataset("digits", split="test")
    assert len(X_train) + len(X_test) == 1797
    assert np.bincount(y_test).min() >= 34
    assert np.bincount(y_train).min() >= 139


def test_digits_use_the_whole_range_of_uint8():
    X, y = load_dataset("digits")
    assert (X.dtype, X.shape[1:], X.max(), y.dtype) == (np.uint8, (8, 8), 255, np.int64)


def test_the_test_set_of_mnist_is_read_from_gzipped_files(scans):
    X, y = load_dataset("mnist", data_dir=scans / "mnist", split="test")
    assert X.shape == (10_000, 28, 28)
    assert y[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize(("folder", "suffix"), [("", ".gz"), ("MNIST/raw", "")])
def test_idx_files_are_found_in_both_layouts(tmp_path, folder, suffix):
    raw = tmp_path / folder
    raw.mkdir(parents=True, exist_ok=True)
    images = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256
    write_idx(raw / f"train-images-idx3-ubyte{suffix}", images)
    write_idx(raw / f"train-labels-idx1-ubyte{suffix}", np.array([4, 9]))
    X, y = load_dataset("mnist", data_dir=tmp_path)
    np.testing.assert_array_equal(X, images)
    assert y.tolist() == [4, 9]


def test_a_damaged_idx_file_is_named(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([4]))
    with pytest.raises(ValueError, match=r"train-images.*damaged.*Download it again"):
        load_dataset("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_writers_stand_in_the_third_column(tmp_path, suffix):
    labels = np.arange(3 * 8).reshape(3, 8) + 1000
    path = tmp_path / f"qmnist-train-labels-idx2-int{suffix}"
    write_idx(path, labels, kind=12, dtype=">i4")
    assert load_writers(tmp_path).tolist() == [1002, 1010, 1018]


def test_a_missing_list_of_writers_says_where_to_get_it(tmp_path):
    with pytest.raises(ValueError, match=r"no qmnist-test-labels.*Download it from"):
        load_writers(tmp_path, split="test")


def test_no_writer_of_mnist_is_in_both_parts(scans):
    folder = scans / "mnist_writers"
    train, test = load_writers(folder), load_writers(folder, split="test")
    assert (len(train), len(np.unique(train))) == (60_000, 539)
    assert (len(test), len(np.unique(test))) == (10_000, 297)
    assert not set(train) & set(test)


def test_a_failed_download_says_where_to_put_the_files(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.MNIST", refuse)
    with pytest.raises(ValueError, match=r"no network.*--data-dir"):
        load_dataset("mnist", data_dir=tmp_path)


def test_a_folder_gives_its_sub_folders_as_labels(tmp_path):
    write_character(tmp_path / "3" / "a.png")
    write_character(tmp_path / "12" / "b.png")
    X, y = load_dataset(tmp_path)
    assert X.shape == (2, 28, 28)
    assert sorted(y.tolist()) == [3, 12]


def test_names_that_are_no_numbers_stay_strings(tmp_path):
    write_character(tmp_path / "A" / "a.png")
    write_character(tmp_path / "7" / "b.png")
    assert sorted(load_dataset(tmp_path)[1].tolist()) == ["7", "A"]


def test_dark_ink_on_light_paper_is_inverted(tmp_path):
    write_character(tmp_path / "1" / "dark.png", ink=0, paper=255)
    write_character(tmp_path / "1" / "light.png", ink=255, paper=0)
    X, _ = load_dataset(tmp_path)
    np.testing.assert_array_equal(X[0], X[1])


@pytest.mark.parametrize("shade", [0, 255])
def test_what_is_transparent_is_paper(tmp_path, shade):
    write_character(tmp_path / "1" / "a.png")
    with Image.open(tmp_path / "1" / "a.png") as ink:
        character = Image.new("RGBA", ink.size, (shade,) * 3)
        character.putalpha(ink)
    character.save(tmp_path / "1" / "b.png")
    X, _ = load_dataset(tmp_path)
    np.testing.assert_array_equal(X[1], X[0])


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_deep_images_are_scaled_to_eight_bits(tmp_path, kind):
    write_character(tmp_path / "1" / "a.png", ink=200)
    with Image.open(tmp_path / "1" / "a.png") as ink:
        samples = np.asarray(ink).astype(kind) * kind(257)
    Image.fromarray(samples).save(tmp_path / "1" / "b.tif")
    X, _ = load_dataset(tmp_path)
    np.testing.assert_array_equal(X[1], X[0])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_images_are_turned_as_their_exif_tag_says(tmp_path, suffix):
    write_character(tmp_path / "1" / "a.png")
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise
    with Image.open(tmp_path / "1" / "a.png") as image:
        image.save(tmp_path / "1" / f"b.{suffix}", exif=exif)
    X, _ = load_dataset(tmp_path)
    np.testing.assert_array_equal(X[1], np.rot90(X[0], -1))


def test_an_image_too_large_to_be_meant_is_named(tmp_path):
    (tmp_path / "1").mkdir()
    Image.new("1", (20_000, 20_000)).save(tmp_path / "1" / "vast.png")
    with pytest.raises(ValueError, match=r"vast\.png cannot be read"):
        load_dataset(tmp_path)


def test_hidden_folders_are_no_classes(tmp_path):
    write_character(tmp_path / "1" / "a.png")
    write_character(tmp_path / ".ipynb_checkpoints" / "a.png")
    assert load_dataset(tmp_path)[1].tolist() == [1]


def test_a_narrow_image_keeps_its_proportions(tmp_path):
    write_character(tmp_path / "1" / "a.png", ink=0, paper=255, size=(56, 20))
    [image], _ = load_dataset(tmp_path)
    inked = np.flatnonzero(image.max(axis=0) > 127)
    assert 11 <= inked.min() < inked.max() <= 14


def test_a_divided_folder_has_a_test_set(tmp_path):
    write_character(tmp_path / "train" / "1" / "a.png")
    write_character(tmp_path / "test" / "2" / "a.png")
    assert has_test_split(tmp_path)
    assert load_dataset(tmp_path, split="test")[1].tolist() == [2]


def test_an_undivided_folder_has_none(tmp_path):
    write_character(tmp_path / "1" / "a.png")
    with pytest.raises(ValueError, match=r"no test set. Divide it"):
        load_dataset(tmp_path, split="test")


def test_a_text_file_called_png_is_named(tmp_path):
    write_character(tmp_path / "1" / "a.png")
    (tmp_path / "1" / "b.png").write_text("no image")
    with pytest.raises(ValueError, match=r"b\.png cannot be read"):
        load_dataset(tmp_path)


def test_an_empty_folder_says_what_it_should_hold(tmp_path):
    with pytest.raises(ValueError, match=r"no images in sub-folders. Put the images"):
        load_dataset(tmp_path)


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(ValueError, match=r"no data set 'minst'. Pass 'mnist'"):
        load_dataset("minst")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"'train' or 'test'. Got 'val'"):
        load_dataset("digits", split="val")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are of POSIX")
def test_a_pipe_among_the_images_is_not_waited_for(tmp_path):
    (tmp_path / "7").mkdir()
    os.mkfifo(tmp_path / "7" / "x.png")
    with pytest.raises(ValueError, match=r"x\.png cannot be read .*it is a pipe"):
        load_dataset(tmp_path)

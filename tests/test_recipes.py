"""Recipes: dictionaries of parameters, and nothing more."""

import pytest

from lenet_sklearn import (
    LeNet5,
    LeNet5Classifier,
    load_dataset,
    recipes,
)
from lenet_sklearn.recipes import RECIPES, find_recipe


def test_there_are_these_recipes():
    assert sorted(RECIPES) == [
        "avg_relu",
        "keras_tanh",
        "lecun1998",
        "max_relu",
        "modern",
        "padded_max_relu",
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_dictionary_of_parameters_that_trains(name):
    X, y = load_dataset("digits")
    recipe = getattr(recipes, name)
    assert type(recipe) is dict
    classifier = LeNet5Classifier(**recipe, device="cpu", random_state=0)
    classifier.set_params(max_epochs=1).fit(X[:200], y[:200])
    assert classifier.predict_proba(X).shape == (len(X), 10)


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        ("avg_relu", 61_706),
        ("keras_tanh", 44_426),
        ("lecun1998", 60_000),
        ("max_relu", 61_706),
        ("modern", 61_706),
        ("padded_max_relu", 61_706),
    ],
)
def test_a_recipe_has_the_network_of_its_source(name, n_parameters):
    recipe = find_recipe(name)
    parts = {
        name.removeprefix("module__"): part
        for name, part in recipe.items()
        if name.startswith("module__")
    }
    padding = recipe.get("padding", 2)
    network = LeNet5(**parts, padding=padding, image_shape=(28, 28))
    assert network.layer_table().parameters == n_parameters


def test_the_network_of_1998_has_its_input_loss_and_passes():
    recipe = recipes.lecun1998
    assert recipe["module__input_range"] == (-0.1, 1.175)
    assert recipe["rubbish"] is not None
    assert recipe["max_epochs"] == 20


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no recipe 'lenet'. There are avg_relu, ker"):
        find_recipe("lenet")

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from s5core.recipe import Recipe, RecipeError, differing

OTHER: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 64,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "momentum": 0.8,
    "nesterov": False,
    "weight_decay": 1e-4,
    "schedule": "plateau",
    "warmup": 0.2,
    "start": 0.1,
    "final": 0.01,
    "anneal": "cosine",
    "decay": 0.5,
    "every": 2,
    "patience": 0,
    "label_smoothing": 0.1,
    "dropout": 0.05,
    "rotation": 10.0,
    "shift": 1.7,
    "scale": 0.1,
    "shear": 5.0,
    "slash": 0.1,
    "plain_epochs": 1,
    "ema": 0.99,
    "teacher": "step5",
    "taught": 0.5,
    "softness": 2.0,
    "initialization": "he",
    "seed": 7,
    "split": "holdout",
    "device": "cpu",
    "way": "eager",
    "precision": "bfloat16",
}

# Field: accepted extremes, refused values, what the message says fits.
RANGES: dict[str, tuple[list[float], list[float], str]] = {
    "epochs": ([1, 1000], [0, -1, 1001], "at least 1 and at most 1,000"),
    "batch_size": ([1, 10_000], [0, -128, 10_001], "at least 1 and at most 10,000"),
    "learning_rate": ([1e-9, 100], [0, -0.1, 101], "more than 0 and at most 100"),
    "momentum": ([0, 0.999], [-0.1, 1, 2], "at least 0 and less than 1"),
    "weight_decay": ([0, 1], [-1e-9, 1.1], "at least 0 and at most 1"),
    "warmup": ([0, 0.99], [-0.1, 1], "at least 0 and less than 1"),
    "start": ([0, 1], [-0.1, 1.1], "at least 0 and at most 1"),
    "final": ([0, 1], [-0.1, 1.1], "at least 0 and at most 1"),
    "decay": ([1e-9, 1], [0, -0.1, 1.1], "more than 0 and at most 1"),
    "every": ([1, 1000], [0, -6, 1001], "at least 1 and at most 1,000"),
    "patience": ([0, 1000], [-1, 1001], "at least 0 and at most 1,000"),
    "label_smoothing": ([0, 0.99], [-0.1, 1], "at least 0 and less than 1"),
    "dropout": ([0, 0.99], [-0.1, 1], "at least 0 and less than 1"),
    "rotation": ([0, 180], [-10, 181], "at least 0 and at most 180"),
    "shift": ([0, 28], [-1, 29], "at least 0 and at most 28"),
    "scale": ([0, 0.99], [-0.1, 1], "at least 0 and less than 1"),
    "shear": ([0, 60], [-5, 61], "at least 0 and at most 60"),
    "slash": ([0, 1], [-0.1, 1.1], "at least 0 and at most 1"),
    "plain_epochs": ([0, 1000], [-1, 1001], "at least 0 and at most 1,000"),
    "ema": ([0, 0.9999], [-0.1, 1], "at least 0 and less than 1"),
    "taught": ([1e-9, 1], [0, 1.1], "more than 0 and at most 1"),
    "softness": ([1, 20], [0.9, 21], "at least 1 and at most 20"),
    "seed": ([0, 2**31 - 1], [-1, 2**31], "at least 0 and at most 2,147,483,647"),
}
WHOLE = ["epochs", "batch_size", "every", "patience", "plain_epochs", "seed"]
CHOICES = {
    "optimizer": "sgd or adamw",
    "schedule": "one of constant, step, exponential, cosine, one-cycle, plateau",
    "anneal": "linear or cosine",
    "initialization": "one of default, he, positive-head",
    "split": "test or holdout",
    "way": "one of auto, eager, halves, compiled, graph",
    "precision": "one of auto, float32, bfloat16",
}


def refusal(data: Any) -> str:
    with pytest.raises(RecipeError) as error:
        Recipe.from_json(data)
    return str(error.value)


def test_the_cases_here_cover_every_field() -> None:
    names = {field.name for field in fields(Recipe)}
    assert names == set(OTHER) == {*RANGES, *CHOICES, "nesterov", "device", "teacher"}
    assert all(value != getattr(Recipe(), name) for name, value in OTHER.items())


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(**OTHER)], ids=["defaults", "all changed"])
def test_json_round_trip(recipe: Recipe) -> None:
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_every_field_has_help() -> None:
    assert all(field.metadata["help"].endswith(".") for field in fields(Recipe))


def test_fields_left_out_take_their_defaults() -> None:
    assert Recipe.from_json({"epochs": 3}) == Recipe(epochs=3)


def test_unknown_field_is_refused() -> None:
    message = refusal({"epochs": 3, "learningrate": 0.1})
    assert "'learningrate'" in message
    assert "learning_rate" in message


@pytest.mark.parametrize("data", [None, [], "epochs", 3])
def test_json_that_is_no_object_is_refused(data: Any) -> None:
    assert "JSON object" in refusal(data)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in RANGES for value in RANGES[name][0]])
def test_extremes_are_accepted(name: str, value: float) -> None:
    assert getattr(Recipe(**{name: value}), name) == value


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in RANGES for value in RANGES[name][1]])
def test_value_out_of_range_is_refused(name: str, value: float) -> None:
    message = refusal({name: value})
    assert message.startswith(f"{name} is ")
    assert RANGES[name][2] in message


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [True, "3", math.nan, math.inf, -math.inf, None, [1], 1j], ids=repr)
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    message = refusal({name: value})
    assert message.startswith(f"{name} is ")
    assert "number" in message


@pytest.mark.parametrize("name", ["seed", "learning_rate"])
def test_enormous_whole_number_is_refused(name: str) -> None:
    assert refusal({name: 10**400}).startswith(f"{name} is ")


@pytest.mark.parametrize("name", WHOLE)
def test_fraction_is_refused_where_only_whole_numbers_fit(name: str) -> None:
    assert "whole number" in refusal({name: 1.5})


@pytest.mark.parametrize("name", WHOLE)
def test_whole_float_becomes_an_integer(name: str) -> None:
    assert type(getattr(Recipe(**{name: 4.0}), name)) is int


@pytest.mark.parametrize("name", [name for name in RANGES if name not in WHOLE])
def test_integer_becomes_a_float(name: str) -> None:
    value = getattr(Recipe(**{name: 1 if 0 in RANGES[name][1] or name == "softness" else 0}), name)
    assert type(value) is float


@pytest.mark.parametrize("name", CHOICES)
def test_unknown_word_is_refused(name: str) -> None:
    message = refusal({name: "other"})
    assert message.startswith(f"{name} is 'other'")
    assert CHOICES[name] in message


@pytest.mark.parametrize("name", [*CHOICES, "device"])
@pytest.mark.parametrize("value", [None, 3, True, ["sgd"]], ids=repr)
def test_what_is_no_word_is_refused(name: str, value: Any) -> None:
    assert refusal({name: value}).startswith(f"{name} is {value!r}")


@pytest.mark.parametrize(
    "value", ['=HYPERLINK("http://evil.example")', "", "cuda:", "cuda:1\n", "CPU", "x" * 30, "cuda:1234"]
)
def test_a_device_is_a_word_with_a_number_at_most(value: str) -> None:
    assert "but must be a word such as auto, cpu, cuda, cuda:1 or mps" in refusal({"device": value})
    assert Recipe(device="cuda:1").device == "cuda:1" and Recipe(device="xpu").device == "xpu"


@pytest.mark.parametrize("value", [0, 1, "true", None], ids=repr)
def test_nesterov_must_be_true_or_false(value: Any) -> None:
    assert "true or false" in refusal({"nesterov": value})


def test_replace_changes_a_copy() -> None:
    recipe = Recipe(epochs=3)
    assert recipe.replace(seed=1) == Recipe(epochs=3, seed=1)
    assert recipe == Recipe(epochs=3)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"epoch": 3}])
def test_replace_refuses_what_the_constructor_does(change: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=next(iter(change))):
        Recipe().replace(**change)


def test_recipe_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Recipe().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", ["rotation", "shift", "scale", "shear", "slash"])
def test_each_movement_makes_a_recipe_augment(name: str) -> None:
    assert Recipe(**{name: 0.5}).augments


def test_the_default_recipe_moves_nothing() -> None:
    assert not Recipe().augments


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "as the step"),
        ({"seed": 3}, "as the step, seed 3"),
        ({"learning_rate": 0.1}, "rate 0.1"),
        ({"learning_rate": 1e-4, "seed": 3}, "rate 0.0001, seed 3"),
        ({"rotation": 0, "shift": 0, "epochs": 7}, "no augmentation, 7 epochs"),
        ({"plain_epochs": 14}, "no augmentation"),
        ({"rotation": 0}, "no rotation"),
        ({"rotation": 15, "epochs": 1, "batch_size": 32}, "1 epoch, rotation 15, batches of 32"),
        ({"schedule": "step", "every": 4}, "step schedule, every 4"),
        ({"nesterov": False, "dropout": 0.1}, "no Nesterov, dropout 0.1"),
        ({"optimizer": "adamw", "nesterov": False}, "adamw"),
        ({"teacher": "step5", "softness": 2.0}, "taught by step5, softness 2"),
        ({"softness": 2.0}, "as the step"),  # there is no teacher
        ({"every": 3, "patience": 4}, "as the step"),  # a one-cycle schedule has neither
        ({"final": 0.5, "split": "holdout", "device": "cpu"}, "final 0.5, on held-out digits, on cpu"),
    ],
)
def test_a_name_is_what_differs_from_the_usual_recipe(changes: dict[str, Any], name: str) -> None:
    usual = Recipe(rotation=10, shift=2, batch_size=64, learning_rate=0.3)
    assert usual.replace(**changes).name(usual) == name


def test_the_name_of_a_design_comes_first() -> None:
    usual = Recipe()
    assert usual.name(usual, "narrow") == "narrow"
    assert usual.replace(epochs=3, seed=1).name(usual, "narrow") == "narrow, 3 epochs, seed 1"


def test_the_name_of_each_change_begins_with_its_field_and_no_two_are_alike() -> None:
    usual = Recipe(rotation=10)
    names = {
        usual.replace(**{field: 0.25}).name(usual) for field in ("shift", "scale", "shear", "slash", "ema")
    }
    assert len(names) == 5 and all(name.endswith(" 0.25") for name in names)


def test_recipes_differ_in_fields_that_have_an_effect_in_one_of_them() -> None:
    one = Recipe(every=3)
    assert differing([one, Recipe(every=4)]) == []
    assert differing([one, Recipe(every=4, schedule="step"), Recipe(epochs=3)]) == [
        "epochs",
        "schedule",
        "every",
    ]
    assert differing([one]) == []


def test_movements_matter_only_where_an_epoch_is_augmented():
    one, other = (Recipe(epochs=1, plain_epochs=1, rotation=degrees) for degrees in (7, 20))
    assert differing([one, other]) == [] and not one.matters("rotation")
    assert differing([one.replace(epochs=2), other.replace(epochs=2)]) == ["rotation"]

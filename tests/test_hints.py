"""Hints: each rule on a run that really shows it, and none that is silly for the steps as shipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from s5core import checkpoint, data, hints, results
from s5core.data import Digits
from s5core.evaluate import evaluate
from s5core.events import Diverged, Epoch, Finished, Metrics
from s5core.hints import Case, Hint
from s5core.layers import (
    BatchNorm,
    Conv,
    Dropout,
    MaxPool,
    Network,
    ReLU,
    build,
    check,
)
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.target import PARAMETERS
from s5core.train import train

# Networks that learn digits in a moment, with and without norms.
NORMED: Network = (
    *(Conv(6), BatchNorm(), ReLU(), MaxPool(2)),
    *(Conv(12), BatchNorm(), ReLU(), MaxPool(2)),
    Conv(10, kernel=5),
)
BARE: Network = tuple(layer for layer in NORMED if layer.role != "norm")
RECIPE = Recipe(epochs=3, batch_size=50, device="cpu", learning_rate=0.1)


@cache
def few() -> Digits:
    """A part of the practice digits, on which a tiny network trains in a moment."""
    practice = data.practice_set()
    return replace(
        practice,
        train_images=practice.train_images[::4],
        train_labels=practice.train_labels[::4],
        validation_images=practice.validation_images[::2],
        validation_labels=practice.validation_labels[::2],
    )


@cache
def trained(layers: Network, recipe: Recipe, digits: Callable[[], Digits] = few) -> Case:
    """What a real run shows."""
    history: tuple[Metrics, ...] = ()
    end: Finished | Diverged | None = None
    for event in train(layers, recipe, digits(), interval=0):
        match event:
            case Epoch(metrics):
                history = (*history, metrics)
            case Finished() | Diverged():
                end = event
    return Case(layers, recipe, history, end)


def names(case: Case) -> list[str]:
    return [hint.name for hint in hints.find(case)]


def hint(case: Case, name: str) -> Hint:
    found = {hint.name: hint for hint in hints.find(case)}
    assert name in found, f"{list(found)}: {case.history[-1:]}"
    return found[name]


def test_a_run_that_dies_has_a_rate_too_high() -> None:
    for rate, lower in ((0.5, 0.2), (1.0, 0.3)):
        dead = trained(BARE, RECIPE.replace(learning_rate=rate, schedule="constant"))
        assert dead.history and dead.history[-1].guesses
        found = hint(dead, "rate_too_high")
        assert names(dead) == ["rate_too_high"] and found.lesson == "step4"
        assert found.recipe is not None and found.recipe.learning_rate == lower
    assert "rate_too_high" not in names(trained(BARE, RECIPE.replace(learning_rate=0.05)))


def test_a_run_that_diverges_has_a_rate_too_high() -> None:
    layers = (Conv(6), Conv(12), Conv(10, kernel=24))
    case = trained(layers, RECIPE.replace(learning_rate=100.0, schedule="constant"))
    assert isinstance(case.end, Diverged) and not case.history
    assert names(case) == ["rate_too_high"] and "diverged" in hint(case, "rate_too_high").seen


def test_a_run_that_still_gains_at_a_tiny_rate_has_one_too_low() -> None:
    case = trained(NORMED, RECIPE.replace(learning_rate=0.001))
    found = hint(case, "rate_too_low")
    assert found.recipe == case.recipe.replace(learning_rate=0.1) and found.lesson == "step4"
    assert "rate_too_low" not in names(trained(NORMED, RECIPE))


def confused(layers: Network, recipe: Recipe) -> Case:
    """A real run, and what it answers to which class."""
    digits, model = few(), build(layers)
    *_, last, _ = train(layers, recipe, digits, interval=100)
    assert isinstance(last, Epoch) and last.state is not None
    model.load_state_dict(last.state.weights)
    found = evaluate(model, digits.validation_images, digits.validation_labels).confusion()
    return Case(layers, recipe, last.state.history, None, found)


def test_a_class_that_is_never_answered_is_lost() -> None:
    """As in some runs of step 3: the last ReLU puts out zeros for a class, whatever the network sees."""
    recipe = RECIPE.replace(optimizer="adamw", learning_rate=0.005)
    layers = (*BARE, ReLU())
    cases = (confused(layers, recipe.replace(seed=seed)) for seed in range(10))
    case = next(case for case in cases if not case.confusion.sum(0).all())  # with some seeds it happens
    found = hint(case, "class_lost")
    lost = [label for label in range(10) if not case.confusion[:, label].any()]
    assert names(case) == ["class_lost"] and f"never answers {lost[0]}" in found.seen
    assert found.lesson == "step4" and found.layers is not None
    assert sum(layer.role == "norm" for layer in found.layers) == 3
    mended = confused(found.layers, case.recipe)
    assert mended.confusion.sum(0).all() and "class_lost" not in names(mended)
    assert "class_lost" not in names(confused(BARE, recipe))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schedule": "step", "every": 6}, {"every": 1}),
        ({"schedule": "plateau", "patience": 5}, {"schedule": "one-cycle"}),
        ({"schedule": "step", "every": 6, "epochs": 1}, {"schedule": "one-cycle"}),
    ],
)
def test_a_schedule_that_never_fires(changes: dict[str, object], expected: dict[str, object]) -> None:
    case = trained(NORMED, RECIPE.replace(**changes))
    found = hint(case, "schedule_never_fires")
    assert found.recipe == case.recipe.replace(**expected)
    assert "gain_to_come" not in names(case)
    fired = Case(case.layers, found.recipe, case.history, case.end)
    assert "schedule_never_fires" not in names(fired)


def test_the_gain_of_a_falling_rate_is_still_to_come() -> None:
    case = trained(NORMED, RECIPE.replace(schedule="constant", epochs=4))
    found = hint(case, "gain_to_come")
    assert "100 % of its peak. Its accuracy moved between" in found.seen
    assert found.recipe is not None and found.recipe.schedule == "one-cycle"
    better = trained(NORMED, found.recipe)
    assert "gain_to_come" not in names(better)
    assert better.history[-1].validation_accuracy > case.history[-1].validation_accuracy
    short = trained(NORMED, found.recipe.replace(epochs=1))  # whose rate falls to zero as well
    assert "gain_to_come" not in names(short)
    stopped = replace(better, history=better.history[:2], end=None)
    left = hint(stopped, "gain_to_come")
    assert left.recipe is None and "Left to train: 2 epochs" in left.why


def test_dropout_on_a_network_that_underfits() -> None:
    layers = (*NORMED[:4], Dropout(), *NORMED[4:8], Dropout(), *NORMED[8:])
    case = trained(layers, RECIPE.replace(dropout=0.4, epochs=2))
    found = hint(case, "dropout_underfits")
    assert found.recipe == case.recipe.replace(dropout=0.0) and found.lesson == "step5"
    assert "dropout_underfits" not in names(trained(NORMED, RECIPE))


def test_a_small_network_underfits() -> None:
    case = trained(NORMED, RECIPE.replace(rotation=10, shift=2.0))
    found = hint(case, "underfits")
    assert found.recipe is not None and found.recipe.epochs == 14
    long = replace(case, recipe=case.recipe.replace(epochs=14), history=_stretched(case, 14))
    milder = hint(long, "underfits").recipe
    assert milder is not None and (milder.rotation, milder.shift) == (7, 1.0)
    wide = hint(replace(long, recipe=milder), "underfits").layers
    assert wide is not None and 1.3 * count_parameters(NORMED) < count_parameters(wide)
    assert PARAMETERS.met_by(count_parameters(wide))


def _stretched(case: Case, epochs: int) -> tuple[Metrics, ...]:
    """A history that goes on as it ended."""
    return tuple(replace(case.history[-1], epoch=epoch) for epoch in range(1, epochs + 1))


def test_a_network_that_learns_few_digits_by_heart_overfits() -> None:
    def handful() -> Digits:
        digits = few()
        return replace(digits, train_images=digits.train_images[::8], train_labels=digits.train_labels[::8])

    layers = (Conv(16), ReLU(), MaxPool(2), Conv(10, kernel=13))
    case = trained(layers, RECIPE.replace(epochs=20, batch_size=25, learning_rate=0.05), handful)
    found = hint(case, "overfits")
    assert found.recipe is not None and found.recipe.augments and found.lesson == "step5"
    stronger = hint(replace(case, recipe=found.recipe), "overfits").recipe
    assert stronger is not None and stronger.rotation == 10
    decayed = hint(replace(case, recipe=stronger), "overfits").recipe
    assert decayed is not None and decayed.weight_decay > stronger.weight_decay


def test_cells_that_see_less_than_a_digit() -> None:
    case = Case(STEPS["step4"].layers, RECIPE, trained(NORMED, RECIPE).history)
    found = hint(case, "sees_too_little")
    assert "see 14 of the 28 pixels" in found.seen and found.layers is not None
    assert "sees_too_little" not in names(replace(case, layers=found.layers))


@pytest.mark.parametrize(
    ("step", "words"), [("step1", "4,900 parameters: 49"), ("base", "4,719,616 parameters")]
)
def test_a_layer_with_much_of_the_budget(step: str, words: str) -> None:
    case = Case(STEPS[step].layers, RECIPE, trained(NORMED, RECIPE).history)
    found = hint(case, "costly_layer")
    assert words in found.seen and found.layers is not None
    check(found.layers)
    assert count_parameters(found.layers) < count_parameters(case.layers)


def shipped() -> Iterator[tuple[str, int, Case]]:
    """Every run of results.json, with losses as far as accuracies tell them."""
    for name, entry in results.read()["steps"].items():
        step = STEPS[name]
        for seed in entry["seeds"]:
            history = tuple(
                Metrics(
                    epoch, (100 - each["train"]) / 30, each["train"], (100 - each["validation"]) / 30,
                    each["validation"], round(100 * (100 - each["validation"])), 0.01, 10.0,
                )
                for epoch, each in enumerate(seed["epochs"], 1)
            )  # fmt: skip
            yield name, seed["seed"], Case(step.layers, step.recipe, history, Finished.of(history))


# What may be said of each step: what the next ones mend. The lessons of the steps say the same.
SENSIBLE = {
    "base": {"gain_to_come", "underfits", "costly_layer"},
    "step1": {"gain_to_come", "overfits", "costly_layer"},
    "step2": {"gain_to_come", "overfits", "sees_too_little"},
    "step3": {"underfits", "overfits", "sees_too_little"},
    "step4": {"underfits", "overfits", "sees_too_little"},
    "step5": set(),
    "step5_small": {"underfits", "overfits"},
    "step5_fast": {"underfits", "overfits"},
    "step5_published": {"overfits", "costly_layer", "sees_too_little"},
}


def test_the_steps_get_no_silly_hints() -> None:
    told = {(name, seed): names(case) for name, seed, case in shipped()}
    for (name, seed), found in told.items():
        assert set(found) <= SENSIBLE[name], (name, seed, found)
        assert len(found) <= 3
    assert all(not found for (name, _), found in told.items() if name == "step5")


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if step.shipped])
def test_what_a_hint_proposes_can_be_trained(name: str) -> None:
    made = checkpoint.load(checkpoint.shipped_path(name))
    case = Case(made.layers, made.recipe, made.history, Finished.of(made.history))
    for found in hints.find(case):
        assert (found.recipe, found.layers) != (made.recipe, made.layers)
        check(found.layers or made.layers)
        assert found.lesson in STEPS and found.seen.endswith(".") and found.why.endswith(".")


def test_every_rule_is_in_the_table() -> None:
    assert len({rule.__name__ for rule in (*hints.BLOCKERS, *hints.RULES)}) == 10

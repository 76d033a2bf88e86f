from __future__ import annotations

import pytest

from benchmarks import files
from benchmarks.cost import networks
from s5core import speed
from s5core.data import Digits
from s5core.recipe import Recipe
from s5core.steps import STEPS
from tests.helpers import LEAST


def test_a_larger_network_costs_more() -> None:
    costs = [speed.cost(STEPS[name].layers) for name in ("step5_fast", "step5", "step4", "base")]
    assert costs == sorted(costs) and costs[-1] > 10 * costs[0]
    assert speed.cost(LEAST) > 0


def test_a_run_takes_longer_with_more_digits_and_epochs() -> None:
    layers, recipe = STEPS["step5"].layers, Recipe(epochs=2)
    once = speed.expected_seconds(layers, recipe, 1000, 0, unit=1e-6)
    assert once == pytest.approx(2 * 1000 * speed.cost(layers) * 1e-6)
    assert speed.expected_seconds(layers, recipe.replace(epochs=4), 1000, 0, 1e-6) == pytest.approx(2 * once)
    assert speed.expected_seconds(layers, recipe, 1000, 500, 1e-6) > once


def test_the_formula_is_the_measured_one_and_meets_its_aim() -> None:
    """Within a quarter, on networks that it was not fitted to."""
    measured = files.read("cost")
    assert {name: getattr(speed, name) for name in measured["coefficients"]} == measured["coefficients"]
    assert len(measured["networks"]) > 40
    assert max(abs(each["error"]) for each in measured["networks"]) < 25
    timed = networks()
    for each in measured["networks"]:
        layers, _ = timed[each["network"]]
        assert speed.cost(layers) == pytest.approx(each["milliseconds"], rel=0.25), each["network"]


@pytest.mark.slow
def test_what_is_measured_foretells_a_run(practice: Digits) -> None:
    """Within a factor of three, since the tests share the machine."""
    from s5core.events import Finished
    from s5core.train import train

    step = STEPS["step5_fast"]
    recipe = step.recipe.replace(epochs=2, device="cpu")
    expected = speed.expected_seconds(step.layers, recipe, 4000, 1000, speed.measure(practice))
    *_, finished = train(step.layers, recipe, practice)
    assert isinstance(finished, Finished)
    assert expected / 3 < finished.seconds < 3 * expected

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import loop
from benchmarks.loop import Variant
from s5core import ways
from s5core.data import Digits
from s5core.recipe import Recipe
from s5core.steps import STEPS


def test_all_variants_are_timed_in_each_round(practice: Digits) -> None:
    order: list[str] = []

    def epoch(layers: object, recipe: Recipe, digits: Digits) -> float:
        order.append(recipe.schedule)
        return len(digits.train_labels) / 1000

    chosen = [Variant(name, "step5", epoch, Recipe(schedule=name), 1) for name in ("constant", "cosine")]
    times = loop.time_in_turn(chosen, loop.few(practice, 200), rounds=2)
    assert order == ["constant", "cosine"] * 3  # one round to warm up
    assert times == [[60.0, 60.0]] * 2  # told for 60,000 digits
    assert torch.get_num_threads() == 1


def test_missing_digits_are_repeated(practice: Digits) -> None:
    many = loop.few(practice, 4500)
    assert len(many.train_images) == len(many.train_labels) == 4500
    assert torch.equal(many.train_images[4000:], practice.train_images[:500])


def test_both_loops_train(practice: Digits) -> None:
    step = STEPS["step5_fast"]
    digits = loop.few(practice, 256)
    assert loop.usual_epoch(step.layers, step.recipe, digits) > 0
    assert loop.our_epoch(step.layers, step.recipe, digits) > 0


def test_every_way_is_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "offered", lambda *_: ["eager", "compiled"])
    found = loop.variants("step5", compiled=True, device="cpu")
    assert [one.network for one in found[:2]] == ["step5", "step5_published"]
    assert {(one.recipe.way, one.recipe.precision) for one in found[2:]} == {
        (way, precision) for way in ("eager", "compiled") for precision in ("float32", "bfloat16")
    }
    assert all(one.recipe.way != "compiled" for one in loop.variants("step5", device="cpu"))


@pytest.mark.timed
@pytest.mark.slow
def test_our_loop_beats_the_usual_one(mnist: Digits) -> None:
    """The aim is 0.4 with all cores; here the eager loop with one thread must be faster."""
    every = loop.variants("step5_fast", device="cpu")
    ours = next(one for one in every if one.name == "ours, eager, float32" and one.threads == 1)
    found = loop.compare_loops([every[0], ours], loop.few(mnist, 1500), rounds=3)
    assert found[0]["threads"] == found[1]["threads"] == 1
    assert found[1]["ratio"] < 0.85


@pytest.mark.slow
def test_the_result_is_told_in_lines(practice: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "offered", lambda *_: ["eager"])
    monkeypatch.setattr(loop, "STEPS", {name: STEPS[name] for name in ("step5_published", "step5_small")})
    found = json.loads(json.dumps(loop.measure("step5_small", practice, 400, rounds=1, device="cpu")))
    assert 0 < found["peak"]["share"] < 1
    assert found["loops"][0]["ratio"] == 1
    found["target"] = [
        {"network": "step5", "passed": {"epoch": 9, "seconds": 50.4}, "seconds": 80.2, "accuracy": 99.5},
        {"network": "step1", "passed": None, "seconds": 80.2, "accuracy": 98.5},
    ]
    text = "\n".join(loop.to_lines(found))
    assert "| usual loop | `step5_small` | 1 | 1.00 |" in text
    assert "passes 99.4 % after 50 s, in epoch 9, and ends after 80 s with 99.50 %" in text
    assert "does not pass 99.4 % with its first seed" in text

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import get_args

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from s5core import schedule
from s5core.recipe import Recipe
from s5core.schedule import SCHEDULES, Anneal


def sgd() -> SGD:
    return SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def rates(make: Callable[[Optimizer], LRScheduler], count: int) -> list[float]:
    """torch's first `count` learning rates for a peak of 1."""
    optimizer = sgd()
    scheduler = make(optimizer)
    found = []
    for _ in range(count):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def test_constant() -> None:
    assert schedule.constant() == 1


@pytest.mark.parametrize(("epochs", "every", "decay"), [(14, 6, 0.1), (7, 1, 0.5), (29, 3, 0.9), (5, 8, 0.1)])
@pytest.mark.parametrize("batches", [1, 7, 469])
def test_step(epochs: int, every: int, decay: float, batches: int) -> None:
    theirs = rates(lambda optimizer: StepLR(optimizer, every, gamma=decay), epochs)
    for epoch in range(1, epochs + 1):
        for batch in (1, batches):
            progress = (epoch - 1 + (batch - 1) / batches) / epochs
            assert schedule.step(progress, epochs, every, decay) == pytest.approx(
                theirs[epoch - 1], rel=1e-12
            )


def test_step_falls_with_the_first_batch_of_an_epoch_and_not_before() -> None:
    for epochs in range(2, 200):
        for epoch in range(1, epochs):
            last_batch = (epoch - 1 + 59_999 / 60_000) / epochs
            assert schedule.step(last_batch, epochs, epoch, 0.5) == 1
            assert schedule.step(epoch / epochs, epochs, epoch, 0.5) == 0.5


@pytest.mark.parametrize("decay", [0.1, 0.95, 1.0])
def test_exponential_at_epochs(decay: float) -> None:
    theirs = rates(lambda optimizer: ExponentialLR(optimizer, decay), 14)
    ours = [schedule.exponential(epoch / 14, 14, decay) for epoch in range(14)]
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_exponential_between_epochs() -> None:
    assert schedule.exponential(0.25, epochs=2, decay=0.25) == pytest.approx(0.5)


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("total", [1, 9, 100])
def test_cosine(total: int, final: float) -> None:
    theirs = rates(lambda optimizer: CosineAnnealingLR(optimizer, total, eta_min=final), total)
    ours = [schedule.cosine(batch / total, final) for batch in range(total)]
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("theirs_is_called", "anneal"), [("linear", "linear"), ("cos", "cosine")])
@pytest.mark.parametrize(
    ("warmup", "start", "final"),
    [(0.3, 0.04, 0.0), (0.5, 0.1, 0.01), (0.123, 1.0, 0.2), (0.9, 0.2, 0.4)],
)
def test_one_cycle(theirs_is_called: str, anneal: Anneal, warmup: float, start: float, final: float) -> None:
    total = 100
    theirs = rates(
        lambda optimizer: OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=total + 1,  # torch reaches the final rate at its last step, we behind ours
            pct_start=(warmup * total + 1) / (total + 1),
            anneal_strategy=theirs_is_called,
            cycle_momentum=False,
            div_factor=1 / start,
            final_div_factor=start / final if final else math.inf,
        ),
        total,
    )
    ours = [schedule.one_cycle(batch / total, warmup, start, final, anneal) for batch in range(total)]
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("anneal", get_args(Anneal))
def test_one_cycle_without_warmup_starts_at_the_peak(anneal: Anneal) -> None:
    assert schedule.one_cycle(0.0, 0.0, 0.04, 0.0, anneal) == 1
    assert schedule.one_cycle(0.5, 0.0, 0.04, 0.0, anneal) == pytest.approx(0.5)


LOSSES = {
    "falling": [1.0, 0.5, 0.3, 0.2, 0.1, 0.05],
    "rising": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    "flat": [0.5] * 8,
    "ties with the best": [0.5, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3],
    "zigzag": [0.5, 0.6, 0.4, 0.5, 0.6, 0.3, 0.4, 0.5, 0.6, 0.2, 0.9],
    "better by less than the threshold": [1.0, 0.99995, 0.99993, 0.99991, 0.9998, 0.99975],
    "better by the threshold itself": [1.0, 1.0 - 1e-4, 0.5, 0.5 * (1 - 1e-4), 0.1],
    "zero": [0.1, 0.0, 0.0, 0.0, 0.0],
    "a single one": [0.5],
    "none": [],
}


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("patience", [0, 1, 2])
def test_plateau(losses: list[float], patience: int) -> None:
    optimizer = sgd()
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=patience, threshold=1e-4, eps=0)
    for epoch in range(len(losses) + 1):
        ours = schedule.plateau(losses[:epoch], decay=0.1, patience=patience)
        assert ours == pytest.approx(float(optimizer.param_groups[0]["lr"]), rel=1e-9), epoch
        if epoch < len(losses):
            scheduler.step(losses[epoch])


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(schedule="constant"), schedule.constant()),
        (Recipe(schedule="step", epochs=8, decay=0.2, every=2), schedule.step(0.6, 8, 2, 0.2)),
        (Recipe(schedule="exponential", epochs=8, decay=0.7), schedule.exponential(0.6, 8, 0.7)),
        (Recipe(schedule="cosine", final=0.1), schedule.cosine(0.6, 0.1)),
        (
            Recipe(schedule="one-cycle", warmup=0.2, start=0.1, final=0.05, anneal="cosine"),
            schedule.one_cycle(0.6, 0.2, 0.1, 0.05, "cosine"),
        ),
        (Recipe(schedule="plateau", decay=0.2, patience=0), 0.2),
    ],
    ids=list(SCHEDULES),
)
def test_recipe_takes_its_schedule_with_its_own_numbers(recipe: Recipe, expected: float) -> None:
    assert recipe.factor(0.6, [0.5, 0.6]) == expected


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_factor_lies_between_zero_and_the_peak(name: str) -> None:
    recipe = Recipe(schedule=name)
    factors = [recipe.factor(batch / 1000, [0.5] * (batch // 100)) for batch in range(1000)]
    assert all(0 <= factor <= 1 for factor in factors)


def test_a_new_schedule_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def halves(progress: float, final: float) -> float:
        return 1 if progress < 0.5 else final

    monkeypatch.setitem(SCHEDULES, "halves", halves)
    assert schedule.parameters("halves") == ("progress", "final")
    recipe = Recipe.from_json(Recipe(schedule="halves", final=0.2).to_json())
    assert [recipe.factor(progress) for progress in (0, 0.4, 0.5, 0.9)] == [1, 1, 0.2, 0.2]


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_a_schedule_depends_on_the_recipe_alone(name: str) -> None:
    known = {"progress", "losses"} | {field.name for field in fields(Recipe)}
    assert set(schedule.parameters(name)) <= known

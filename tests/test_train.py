"""The training loop on a few real digits of the practice set."""

import dataclasses
import math

import pytest
import torch
from torch.nn import functional as F

from s5core import steps
from s5core.data import Digits
from s5core.errors import UserError
from s5core.events import Diverged, Epoch, Finished, Progress, Started, State
from s5core.finder import find_rates
from s5core.layers import (
    BatchNorm,
    Conv,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    ReLU,
    build,
    layer_modules,
    with_dropout,
)
from s5core.recipe import Recipe, RecipeError
from s5core.slow_motion import watch
from s5core.train import train

TINY = (Conv(6), BatchNorm(), ReLU(), Dropout(), MaxPool(2), Conv(10), GlobalAvgPool())


@pytest.fixture(scope="module")
def digits(practice: Digits) -> Digits:
    picked = torch.randperm(4000, generator=torch.Generator().manual_seed(0))[:300]
    return dataclasses.replace(
        practice,
        train_images=practice.train_images[picked],
        train_labels=practice.train_labels[picked],
        validation_images=practice.validation_images[::5],
        validation_labels=practice.validation_labels[::5],
    )


def final_state(events) -> State:
    return [event.state for event in events if isinstance(event, Epoch)][-1]


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


EVERYTHING = Recipe(
    epochs=4,
    batch_size=64,
    dropout=0.1,
    rotation=10,
    shift=2,
    scale=0.1,
    shear=5,
    slash=0.2,
    plain_epochs=1,
    ema=0.9,
    device="cpu",
)


def test_events_come_in_order(digits):
    events = list(train(TINY, Recipe(epochs=2, batch_size=128, device="cpu"), digits, interval=0))
    names = [type(event).__name__ for event in events]
    assert names == ["Started", *["Progress"] * 3, "Epoch", *["Progress"] * 3, "Epoch", "Finished"]
    started, finished = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(finished, Finished)
    assert (started.batches, started.train_digits, started.parameters) == (3, 300, 6 * 9 + 12 + 6 * 10 * 9)
    epochs = [event.metrics for event in events if isinstance(event, Epoch)]
    assert finished.validation_accuracy == epochs[-1].validation_accuracy
    assert finished.best_accuracy == max(metrics.validation_accuracy for metrics in epochs)


def test_it_learns(practice):
    recipe = steps.STEPS["step5"].recipe.replace(epochs=2, device="cpu")
    *_, finished = train(steps.STEP5, recipe, practice)
    assert isinstance(finished, Finished)
    assert finished.validation_accuracy > 90


def test_first_steps_equal_a_plain_torch_loop(digits):
    """Without augmentation the loop must be the textbook's: same batches, same losses."""
    recipe = Recipe(
        epochs=1, batch_size=100, schedule="constant", learning_rate=0.05, weight_decay=1e-3,
        device="cpu", way="eager", precision="float32",
    )  # fmt: skip
    ours = [event.loss for event in train(TINY, recipe, digits, interval=0) if isinstance(event, Progress)]

    model = build(TINY, seed=0).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    plain = []
    for chosen in order.split(100):
        loss = F.cross_entropy(model(digits.train_images[chosen]), digits.train_labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plain.append(loss.item())
    so_far = [sum(plain[:done]) / done for done in (1, 2, 3)]
    assert ours == pytest.approx(so_far, rel=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_same_seed_gives_the_same_weights(digits, optimizer):
    recipe = EVERYTHING.replace(optimizer=optimizer, learning_rate=0.01, epochs=2)
    first = final_state(train(TINY, recipe, digits))
    torch.manual_seed(123)  # the global generator must not matter
    assert_same(first.weights, final_state(train(TINY, recipe, digits)).weights)
    other = final_state(train(TINY, recipe.replace(seed=1), digits))
    assert not torch.equal(first.weights["0.weight"], other.weights["0.weight"])


def test_runs_side_by_side_do_not_disturb_each_other(digits):
    recipe = EVERYTHING.replace(epochs=1)
    alone = final_state(train(TINY, recipe, digits))
    two = (train(TINY, each, digits, interval=0) for each in (recipe, recipe.replace(seed=7)))
    pairs = zip(*two, strict=True)
    assert_same(alone.weights, final_state(event for event, _ in pairs).weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("schedule", ["one-cycle", "plateau"])
def test_a_resumed_run_equals_the_uninterrupted_one(digits, optimizer, schedule):
    recipe = EVERYTHING.replace(optimizer=optimizer, schedule=schedule, learning_rate=0.02)
    whole = final_state(train(TINY, recipe, digits))
    half = next(
        event.state
        for event in train(TINY, recipe, digits)
        if isinstance(event, Epoch) and event.metrics.epoch == 2
    )
    resumed = final_state(train(TINY, recipe, digits, resume=half))
    assert_same(whole.weights, resumed.weights)
    assert_same(whole.optimizer, resumed.optimizer)
    assert [m.validation_loss for m in whole.history] == [m.validation_loss for m in resumed.history]


def test_stopping_leaves_the_last_state_untouched(digits):
    events = train(TINY, EVERYTHING, digits)
    state = next(event.state for event in events if isinstance(event, Epoch))
    before = {name: tensor.clone() for name, tensor in state.weights.items()}
    next(events)
    events.close()
    assert_same(before, state.weights)


def test_a_sent_learning_rate_counts_from_the_next_batch(digits):
    events = train(
        TINY, Recipe(epochs=2, schedule="constant", learning_rate=0.1, device="cpu"), digits, interval=0
    )
    next(events)
    assert next(events).learning_rate == 0.1
    assert events.send(0.02).learning_rate == 0.02
    later = list(events)
    assert {event.learning_rate for event in later if isinstance(event, Progress)} == {0.02}
    assert final_state(later).peak == 0.02


def test_divergence_ends_the_run_and_says_where(digits):
    network = (Conv(8), ReLU(), Conv(10), GlobalAvgPool())
    recipe = Recipe(epochs=3, schedule="constant", learning_rate=100, device="cpu")
    *earlier, last = train(network, recipe, digits)
    assert isinstance(last, Diverged)
    assert not math.isfinite(last.loss) and last.learning_rate == 100
    assert last.epoch == 1 + sum(isinstance(event, Epoch) for event in earlier)


def test_the_rate_of_each_batch_is_the_schedules(digits):
    recipe = Recipe(epochs=3, batch_size=100, learning_rate=0.2, device="cpu")
    events = train(TINY, recipe, digits, interval=0)
    rates = [event.learning_rate for event in events if isinstance(event, Progress)]
    assert rates == pytest.approx([0.2 * recipe.factor(done / 9) for done in range(9)])


def test_validation_sees_the_average_of_the_weights(digits):
    """Three batches with ema=0.15: the first copies, the second keeps a tenth, the third 0.15."""
    recipe = Recipe(
        epochs=1, batch_size=100, learning_rate=0.1, ema=0.15, device="cpu", way="eager", precision="float32"
    )
    averaged = final_state(train(TINY, recipe, digits))
    model = build(TINY, seed=0).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    seen = []
    for done, chosen in enumerate(torch.randperm(300, generator=torch.Generator().manual_seed(1)).split(100)):
        optimizer.param_groups[0]["lr"] = 0.1 * recipe.factor(done / 3)
        loss = F.cross_entropy(model(digits.train_images[chosen]), digits.train_labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(layer_modules(model)[0].weight.detach().clone())
    assert averaged.trained is not None
    assert torch.equal(averaged.trained["0.weight"], seen[2])
    expected = 0.15 * (0.1 * seen[0] + 0.9 * seen[1]) + 0.85 * seen[2]
    torch.testing.assert_close(averaged.weights["0.weight"], expected)


def test_dropout_without_a_place_for_it_is_refused(digits):
    with pytest.raises(UserError, match="no Dropout layer"):
        next(train(steps.STEP5, Recipe(dropout=0.1, device="cpu"), digits))
    next(train(with_dropout(steps.STEP5), Recipe(dropout=0.1, device="cpu"), digits))


def test_the_last_epochs_see_plain_digits_where_the_recipe_says_so(digits, monkeypatch):
    moved = []
    monkeypatch.setattr("s5core.train.augment", lambda images, *_: moved.append(1) or images)
    recipe = Recipe(epochs=3, batch_size=150, rotation=5, plain_epochs=1, device="cpu")
    after = [len(moved) for event in train(TINY, recipe, digits) if isinstance(event, Epoch)]
    assert after == [2, 4, 4]  # two batches an epoch


@pytest.mark.parametrize("size", [1, 31])
def test_a_last_batch_of_one_digit_is_refused_where_a_norm_cannot_learn_from_it(practice, size):
    layers = (Conv(8), GlobalAvgPool(), BatchNorm(), Conv(10, kernel=1))
    recipe = Recipe(batch_size=size, device="cpu")
    with pytest.raises(RecipeError, match=f"batch_size {size} the last of 4,000 digits is alone"):
        next(train(layers, recipe, practice))
    with pytest.raises(RecipeError, match="alone in its batch"):
        next(find_rates(layers, recipe, practice))
    with pytest.raises(RecipeError, match="alone in its batch"):
        next(watch(layers, recipe, practice))
    next(train(layers, recipe.replace(batch_size=30), practice))
    next(train((Conv(8), BatchNorm(), GlobalAvgPool(), Conv(10, kernel=1)), recipe, practice))

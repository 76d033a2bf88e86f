from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.optim import Optimizer

from s5core import optimizer
from s5core.checkpoint import Checkpoint, CheckpointError, from_bytes, to_bytes
from s5core.data import Digits
from s5core.events import Epoch, State
from s5core.optimizer import OPTIMIZERS
from s5core.recipe import Recipe, RecipeError
from s5core.train import train
from tests.helpers import TINY

# All of torch that step without a closure and take weights of any shape and dense gradients.
TORCH = (
    "Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD", "NAdam", "RAdam", "RMSprop",
    "Rprop", "SGD",
)  # fmt: skip


def make(name: str) -> Callable[..., Optimizer]:
    def one_of_torch(network: optimizer.Parameters, weight_decay: float) -> Optimizer:
        decay = {} if name == "Rprop" else {"weight_decay": weight_decay}
        return getattr(torch.optim, name)(network, lr=0.01, **decay)

    return one_of_torch


def states(recipe: Recipe, digits: Digits, resume: State | None = None) -> list[State]:
    events = train(TINY, recipe, digits, resume)
    return [event.state for event in events if isinstance(event, Epoch) and event.state]


@pytest.fixture
def few(practice: Digits) -> Digits:
    return Digits(
        "few",
        practice.train_images[::40],
        practice.train_labels[::40],
        practice.validation_images[::20],
        practice.validation_labels[::20],
    )


@pytest.mark.parametrize("name", TORCH)
def test_the_state_of_any_optimiser_survives_a_checkpoint(
    name: str, few: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPTIMIZERS, name, make(name))
    recipe = Recipe(epochs=3, batch_size=50, optimizer=name, learning_rate=0.01, weight_decay=1e-4)
    recipe = recipe.replace(device="cpu")
    whole = states(recipe, few)
    first = from_bytes(to_bytes(Checkpoint.of("mine", TINY, recipe, few.name, whole[0])), "mine")
    resumed = states(first.recipe, few, first.state)
    assert len(resumed) == 2
    for key, weights in whole[-1].weights.items():
        assert torch.equal(resumed[-1].weights[key], weights), key
    for key, tensor in whole[-1].optimizer.items():
        assert torch.equal(resumed[-1].optimizer[key], tensor), key


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(RecipeError, match="optimizer is 'lion', but must be sgd or adamw"):
        Recipe(optimizer="lion")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_depends_on_the_recipe_alone(name: str) -> None:
    assert set(optimizer.parameters(name)) <= Recipe().to_json().keys()


def test_momentum_counts_and_without_it_nothing_looks_ahead() -> None:
    model = torch.nn.Linear(2, 2)
    plain = Recipe(momentum=0).make_optimizer(model).param_groups[0]
    assert (plain["momentum"], plain["nesterov"]) == (0, False)
    ahead = Recipe(momentum=0.8, weight_decay=0.1).make_optimizer(model).param_groups[0]
    assert (ahead["momentum"], ahead["nesterov"], ahead["weight_decay"]) == (0.8, True, 0.1)
    adamw = Recipe(optimizer="adamw", momentum=0.8).make_optimizer(model).param_groups[0]
    assert adamw["betas"] == (0.8, 0.999)


def test_a_state_that_lacks_a_tensor_is_refused(few: Digits) -> None:
    recipe = Recipe(epochs=2, batch_size=50, device="cpu")
    state = states(recipe, few)[0]
    made = Checkpoint.of("mine", TINY, recipe, few.name, state)
    del state.optimizer["1.momentum_buffer"]
    with pytest.raises(CheckpointError, match=r"optimizer\.1\.momentum_buffer is missing or misshapen"):
        from_bytes(to_bytes(made), "mine")

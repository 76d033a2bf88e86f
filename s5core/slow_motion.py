"""Slow motion: one optimiser step after the other, with all that moves in it.

A step takes a batch, compares the answers of the network with the labels, sends the error back through the
layers as gradients, and moves the weights against them. The steps are those that `train` takes, one by
one, in the way "eager" and in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from s5core import device, teacher
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.layers import Layer, layer_modules
from s5core.loss import Loss
from s5core.recipe import Recipe
from s5core.train import augmented_batches, check_batches, new_model


@dataclass(frozen=True)
class Move:
    """What a step does to the weights of a layer. Lengths are Euclidean, over all weights of the layer."""

    layer: int  # its place in the network, from 0
    gradient: float  # length of the gradient
    weights: float  # length of the weights before the step
    moved: float  # length of the change


@dataclass(frozen=True)
class OptimizerStep:
    """One step; its digits in the order of their loss, the largest first."""

    rate: float  # the learning rate
    loss: float  # mean over the batch, which the step makes smaller
    images: Tensor  # (N, 1, 28, 28) uint8, as augmented
    labels: Tensor  # (N,) int64
    answers: Tensor  # (N,) int64, before the step
    losses: Tensor  # (N,) float32, cross-entropy of each digit before the step
    moves: tuple[Move, ...]  # of the layers with weights, in their order


def watch(
    layers: Sequence[Layer], recipe: Recipe, digits: Digits, start: Checkpoint | None = None
) -> Iterator[OptimizerStep]:
    """The steps of a training, one by one.

    Without `start` a new network takes the first steps of the recipe. With it, its network goes on after its
    last epoch, at the last learning rate that it was trained with; the optimiser begins without momentum.
    The same arguments give the same steps on the same machine. Raises NetworkError and RecipeError.
    """
    check_batches(layers, recipe, digits)
    generator = Generator()
    model = new_model(layers, recipe, generator)
    if start is not None:
        model.load_state_dict(start.weights)
    model.train()
    loss = Loss(
        tuple(layers), model, device.choose("cpu"), "float32", recipe.label_smoothing,
        teacher.find(recipe, digits.name),
    )  # fmt: skip
    optimizer = recipe.make_optimizer(model)
    first = 1 if start is None else len(start.history) + 1
    batches = math.ceil(len(digits.train_labels) / recipe.batch_size)
    epochs = (augmented_batches(digits, recipe, epoch, generator) for epoch in count(first))
    for number, (images, labels) in enumerate(chain.from_iterable(epochs)):
        if start is None:
            rate = recipe.learning_rate * recipe.factor(number / batches / recipe.epochs, [])
        else:
            rate = start.history[-1].learning_rate
        for group in optimizer.param_groups:
            group["lr"] = rate
        yield _take_step(loss, model, optimizer, rate, images, labels)


def _take_step(
    loss: Loss,
    model: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    rate: float,
    images: Tensor,
    labels: Tensor,
) -> OptimizerStep:
    optimizer.zero_grad()
    mean, logits = loss.answer(images, labels)
    mean.backward()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer.step()

    old = iter(before)
    moves = []
    for layer, module in enumerate(layer_modules(model)):
        new = list(module.parameters())
        if new:
            was = [next(old) for _ in new]
            gradients = [parameter.grad for parameter in new if parameter.grad is not None]
            changes = [parameter.detach() - past for parameter, past in zip(new, was, strict=True)]
            moves.append(Move(layer, _length(gradients), _length(was), _length(changes)))
    losses = F.cross_entropy(logits.detach(), labels, reduction="none")
    order = losses.argsort(descending=True)
    return OptimizerStep(
        rate=rate,
        loss=mean.item(),
        images=(images[order] * 255).round().to(torch.uint8),
        labels=labels[order],
        answers=logits.detach().argmax(1)[order],
        losses=losses[order],
        moves=tuple(moves),
    )


def _length(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(tensor.square().sum()) for tensor in tensors))

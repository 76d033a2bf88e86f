"""Measure an epoch of our training loop against an epoch of the usual one.

    python -m s5core benchmark [--rounds 3]

times both in turn on this machine and prints what it finds. The usual loop is that of most MNIST
notebooks: a Dataset of PIL images, torchvision's RandomRotation, ToTensor and Normalize for each digit,
and a DataLoader that collates them. Both loops train the same network on the same digits.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from s5core.data import Digits
from s5core.device import choose
from s5core.events import Progress
from s5core.layers import Layer, build
from s5core.modules import MEAN, STD
from s5core.recipe import Recipe
from s5core.train import train


@dataclass(frozen=True)
class Timing:
    """Seconds that one pass over the training digits took with each loop."""

    usual: float
    ours: float

    @property
    def ratio(self) -> float:
        """Our seconds as a fraction of the usual ones."""
        return self.ours / self.usual


class PictureDataset(Dataset[tuple[Tensor, int]]):
    """Digits one by one, as torchvision.datasets.MNIST gives them."""

    def __init__(self, images: Tensor, labels: Tensor, rotation: float) -> None:
        from torchvision import transforms

        self.images, self.labels = images, labels
        self.transform = transforms.Compose(
            [
                transforms.RandomRotation(rotation, fill=0),
                transforms.ToTensor(),
                transforms.Normalize((MEAN,), (STD,)),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index, 0].numpy())
        return self.transform(picture), int(self.labels[index])


def usual_epoch(layers: Sequence[Layer], recipe: Recipe, digits: Digits) -> float:
    """Seconds for one epoch of the notebook loop, validation left out."""
    device = choose(recipe.device).id
    loader = DataLoader(
        PictureDataset(digits.train_images, digits.train_labels, recipe.rotation),
        batch_size=recipe.batch_size,
        shuffle=True,
    )
    model = build(layers, seed=recipe.seed)[1:].to(device).train()  # the transform normalises
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    began = time.perf_counter()
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()  # a notebook prints it
    return time.perf_counter() - began


def our_epoch(layers: Sequence[Layer], recipe: Recipe, digits: Digits) -> float:
    """Seconds for one epoch of `train`, validation left out."""
    events = train(layers, recipe.replace(epochs=1, plain_epochs=0), digits)
    next(events)  # Started: the network and the digits are in place
    began = ended = time.perf_counter()
    for event in events:
        if isinstance(event, Progress):
            ended = time.perf_counter()
    return ended - began


def time_loops(layers: Sequence[Layer], recipe: Recipe, digits: Digits, rounds: int) -> Iterator[Timing]:
    """Time both loops in turn, once for each round. Ours also shifts, scales and shears the digits."""
    for _ in range(rounds):
        yield Timing(usual=usual_epoch(layers, recipe, digits), ours=our_epoch(layers, recipe, digits))

"""Measure our training loop against the usual one, and against the machine.

    python -m s5core benchmark [--rounds 3] [--digits 6000] [--to-target] [--save]

The usual loop is that of most MNIST notebooks: a Dataset of PIL images, torchvision's RandomRotation,
ToTensor and Normalize for each digit, and a DataLoader that collates them. Ours also shifts, scales and
shears. All variants are timed in turn in each round, so that whatever else the machine does meets them
alike; medians over the rounds count, and ratios tell more than seconds.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from s5core import ways
from s5core.data import Digits
from s5core.device import choose
from s5core.events import Epoch
from s5core.layers import Layer, build
from s5core.modules import MEAN, STD
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import count_parameters, layer_table
from s5core.target import ACCURACY
from s5core.train import train
from s5core.words import count

EPOCH = 60_000  # digits, for which all seconds are told
WHOLE = ("step5_fast", "step5")  # steps whose whole runs are timed
MATRIX = 1024  # side of the matrices whose product measures the machine's peak
TRAINING = 3  # multiply-adds of a training step, as a multiple of those of the forward pass


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
    place = choose(recipe.device).id
    loader = DataLoader(
        PictureDataset(digits.train_images, digits.train_labels, recipe.rotation),
        batch_size=recipe.batch_size,
        shuffle=True,
    )
    model = build(layers, seed=recipe.seed)[1:].to(place).train()  # the transform normalises
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    began = time.perf_counter()
    for images, labels in loader:
        images, labels = images.to(place), labels.to(place)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()  # a notebook prints it
    return time.perf_counter() - began


def our_epoch(layers: Sequence[Layer], recipe: Recipe, digits: Digits) -> float:
    """Seconds for one epoch of `train`, with a validation on a few digits."""
    hardly_validated = dataclasses.replace(
        digits,
        validation_images=digits.validation_images[:10],
        validation_labels=digits.validation_labels[:10],
    )
    events = train(layers, recipe.replace(epochs=1, plain_epochs=0), hardly_validated)
    return next(event.metrics.seconds for event in events if isinstance(event, Epoch))


@dataclass(frozen=True)
class Variant:
    """A loop with a network, as it is timed."""

    name: str
    network: str  # name of the step
    epoch: Callable[[Sequence[Layer], Recipe, Digits], float]
    recipe: Recipe
    threads: int

    def run(self, digits: Digits) -> float:
        """Seconds for EPOCH digits, from one pass over these."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            seconds = self.epoch(STEPS[self.network].layers, self.recipe, digits)
        finally:
            torch.set_num_threads(before)
        return seconds * EPOCH / len(digits.train_labels)


def variants(network: str, compiled: bool = False, device: str = "auto") -> list[Variant]:
    """The usual loop with `network`, the one that all are compared with, and with the published Step 5;
    ours in each way and precision that the device offers, with all threads and with one. `compiled`:
    whether that way is among them, which takes a minute or more to compile."""
    place, threads = choose(device), torch.get_num_threads()
    recipe, published = STEPS[network].recipe.replace(device=device), STEPS["step5_published"]
    found = [
        Variant("usual loop", network, usual_epoch, recipe, threads),
        Variant("usual loop", published.name, usual_epoch, published.recipe.replace(device=device), threads),
    ]
    return found + [
        Variant(
            f"ours, {way}, {precision}",
            network,
            our_epoch,
            recipe.replace(way=way, precision=precision),
            used,
        )
        for way in ways.offered(place, recipe.dropout > 0)
        if way != "compiled" or compiled
        for precision in ("float32", "bfloat16")
        for used in (sorted({1, threads}, reverse=True) if place.id == "cpu" else [threads])
    ]


def time_in_turn(chosen: Sequence[Variant], digits: Digits, rounds: int) -> list[list[float]]:
    """Seconds of each variant in each round. A round before the first one is not counted: in it, code is
    compiled and memory is taken."""
    return [list(times) for times in zip(*_rounds(chosen, digits, rounds), strict=True)]


def _rounds(chosen: Sequence[Variant], digits: Digits, rounds: int) -> Iterator[list[float]]:
    for variant in chosen:
        variant.run(few(digits, min(1000, len(digits.train_labels))))
    for _ in range(rounds):
        yield [variant.run(digits) for variant in chosen]


def few(digits: Digits, number: int) -> Digits:
    """The first training digits of a set; those that are missing are repeated."""
    take = torch.arange(number) % len(digits.train_labels)
    return dataclasses.replace(
        digits, train_images=digits.train_images[take], train_labels=digits.train_labels[take]
    )


def compare_loops(chosen: Sequence[Variant], digits: Digits, rounds: int) -> list[dict[str, Any]]:
    """Each variant with its median seconds for EPOCH digits, and as a share of the first one's."""
    times = time_in_turn(chosen, digits, rounds)
    return [
        {
            "loop": variant.name,
            "network": variant.network,
            "threads": variant.threads,
            "seconds": round(statistics.median(own), 2),
            "ratio": round(statistics.median(x / y for x, y in zip(own, times[0], strict=True)), 3),
        }
        for variant, own in zip(chosen, times, strict=True)
    ]


def peak(device: str = "auto") -> float:
    """Multiply-adds a second of a float32 matrix product, the best of ten."""
    place = choose(device).id
    a, b = torch.randn(2, MATRIX, MATRIX, device=place)
    seconds = []
    for _ in range(10):
        began = time.perf_counter()
        (a @ b).sum().item()
        seconds.append(time.perf_counter() - began)
    return float(MATRIX**3 / min(seconds))


def multiply_adds(network: str) -> float:
    """Of a forward pass with one digit."""
    return float(sum(row.multiply_adds for row in layer_table(STEPS[network].layers, every=True)))


def growth(network: str, digits: Digits, device: str = "auto") -> dict[str, list[dict[str, Any]]]:
    """Seconds for EPOCH digits as a set, a network or a batch grows."""
    recipe, threads = STEPS[network].recipe.replace(device=device), torch.get_num_threads()
    number = len(digits.train_labels)

    def timed(name: str, changed: Recipe, size: int) -> float:
        variant = Variant("ours", name, our_epoch, changed, threads)
        return round(statistics.median(time_in_turn([variant], few(digits, size), 2)[0]), 2)

    def row(name: str) -> dict[str, Any]:
        step = STEPS[name]
        size = number if name != "base" else min(number, 1024)  # each batch of it takes seconds
        seconds = timed(name, step.recipe.replace(device=device), size)
        return {"parameters": count_parameters(step.layers), "network": name, "seconds": seconds}

    return {
        "digits": [
            {"digits": size, "seconds": timed(network, recipe, size)}
            for size in (number // 4, number, 4 * number)
        ],
        "parameters": sorted(map(row, STEPS), key=lambda found: found["parameters"]),
        "batch": [
            {"batch": size, "seconds": timed(network, recipe.replace(batch_size=size), number)}
            for size in (32, 128, 512)
        ],
    }


def seconds_to_target(network: str, digits: Digits, device: str = "auto") -> dict[str, Any]:
    """A whole run: when it first passed the exercise's accuracy, and how it ended. Validation included."""
    seconds, passed, accuracy = 0.0, None, 0.0
    for event in train(STEPS[network].layers, STEPS[network].recipe.replace(device=device), digits):
        if isinstance(event, Epoch):
            seconds += event.metrics.seconds
            accuracy = event.metrics.validation_accuracy
            if passed is None and accuracy >= ACCURACY.limit:
                passed = {"epoch": event.metrics.epoch, "seconds": round(seconds, 1)}
    return {
        "network": network,
        "passed": passed,
        "seconds": round(seconds, 1),
        "accuracy": round(accuracy, 2),
    }


def measure(
    network: str,
    digits: Digits,
    size: int,
    rounds: int,
    compiled: bool = False,
    to_target: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """All of it, as JSON data. `size`: how many training digits each pass takes; `to_target`: whether
    whole runs are trained, too."""
    part = few(digits, size)
    loops = compare_loops(variants(network, compiled, device), part, rounds)
    ours = min(row["seconds"] for row in loops if row["loop"] != "usual loop")
    best = peak(device)
    work = TRAINING * multiply_adds(network) * EPOCH
    return {
        "device": choose(device).name,
        "torch": torch.__version__,
        "digits": size,
        "rounds": rounds,
        "loops": loops,
        "peak": {"multiply_adds": best, "share": round(work / ours / best, 3)},
        "growth": growth(network, part, device),
        "target": [seconds_to_target(name, digits, device) for name in WHOLE if to_target],
    }


def to_lines(found: dict[str, Any]) -> list[str]:
    """The result as lines of Markdown."""
    lines = [
        f"{found['device']}, torch {found['torch']}; medians of {count(found['rounds'], 'round')} in turn, "
        f"told for {EPOCH:,} digits without validation:",
        "",
        "| loop | network | threads | of the usual loop | seconds |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for row in found["loops"]:
        name = f"| {row['loop']} | `{row['network']}` | {row['threads']} "
        lines.append(f"{name}| {row['ratio']:.2f} | {row['seconds']:.1f} |")
    share, best = found["peak"]["share"], found["peak"]["multiply_adds"]
    lines += [
        "",
        f"The fastest of ours does {100 * share:.0f} % of the multiply-adds that a product of two matrices "
        f"with {MATRIX} rows does here ({best / 1e9:.0f} thousand million a second). How the seconds for "
        f"{EPOCH:,} digits grow:",
        "",
        "| with | seconds |",
        "| --- | --- |",
    ]
    for what, rows in found["growth"].items():
        told = "; ".join(f"{row[what]:,}: {row['seconds']:.1f}" for row in rows)
        lines.append(f"| {what} | {told} |")
    for run in found["target"]:
        passed = run["passed"]
        when = (
            f"passes {ACCURACY.limit} % after {passed['seconds']:.0f} s, in epoch {passed['epoch']}, and"
            if passed
            else f"does not pass {ACCURACY.limit} % with its first seed; it"
        )
        ends = f"ends after {run['seconds']:.0f} s with {run['accuracy']:.2f} %"
        lines += ["", f"A run of `{run['network']}` {when} {ends}."]
    return lines

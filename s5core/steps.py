"""The base net and the five steps as data: layers, recipe, story, and what was reported."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s5core.errors import UserError
from s5core.layers import BatchNorm, Conv, Crop, Dropout, GlobalAvgPool, MaxPool, Network, ReLU, SiLU
from s5core.recipe import Recipe


class StepError(UserError):
    """A name that no step has."""


@dataclass(frozen=True)
class Reported:
    """What the published solution reached; accuracies in percent, of the best epoch."""

    parameters: int
    train: float | None = None
    test: float | None = None

    def beside(self, parameters: int) -> str:
        """The test accuracy, to be shown beside a network with this number of parameters. Where the
        published network had another number, it is named."""
        if self.test is None:
            return "–"
        other = f" with {self.parameters:,}" if self.parameters != parameters else ""
        return f"{self.test:.2f} %{other}"


@dataclass(frozen=True)
class Step:
    """One step of the exercise: its target, what was changed, the result, and why."""

    name: str  # as in files, links and on the command line: step1
    title: str
    layers: Network
    recipe: Recipe
    target: str
    changes: tuple[str, ...]
    result: str  # in words; the figures are in checkpoints/results.json
    analysis: str
    reported: Reported | None = None  # None for a network that is ours alone
    temperature: float = 1.0  # of the shipped network; benchmarks/calibration.py fits it
    shipped: bool = True  # whether checkpoints/ holds a trained network of it

    @property
    def number(self) -> str:
        """The number of one of the five steps; empty for the other networks."""
        number = self.name.removeprefix("step")
        return number if number.isdecimal() else ""

    @property
    def label(self) -> str:
        """Its name in lists: "3 · An earlier pool, a falling rate"."""
        return f"{self.number} · {self.title}" if self.number else self.title

    @property
    def short(self) -> str:
        """Its name in sentences: "Step 3"."""
        return f"Step {self.number}" if self.number else self.title


def block(channels: int, padding: int = 0) -> Network:
    """Convolution, batch norm, SiLU: the unit of which our step 5 is made."""
    return Conv(channels, padding=padding), BatchNorm(), SiLU()


def pooled_block(channels: int) -> Network:
    """The same unit with a pool right after its convolution: norm and activation then have a quarter of
    the cells, and take a quarter of the time."""
    return Conv(channels), MaxPool(2), BatchNorm(), SiLU()


def separable(maps_in: int, channels: int, padding: int = 0) -> Network:
    """The same unit with its convolution in two parts (arXiv:1704.04861): a depthwise one looks for
    one pattern in each map, then a 1x1 combines the maps."""
    return Conv(maps_in, padding=padding, groups=maps_in), Conv(channels, kernel=1), BatchNorm(), SiLU()


def _norm_relu(conv: Conv) -> Network:
    return conv, BatchNorm(), ReLU()


def _relu(conv: Conv) -> Network:
    return conv, ReLU()


def _relu_norm(conv: Conv) -> Network:
    """The published order: the norm after the ReLU."""
    return conv, ReLU(), BatchNorm()


def _relu_norm_drop(conv: Conv) -> Network:
    return conv, ReLU(), BatchNorm(), Dropout()


def _functional(conv: Conv) -> Network:
    return conv, ReLU(functional=True)


BASE: Network = (
    *_functional(Conv(32, padding=1, bias=True)),
    *_functional(Conv(64, padding=1, bias=True)),
    MaxPool(2),
    *_functional(Conv(128, padding=1, bias=True)),
    *_functional(Conv(256, padding=1, bias=True)),
    MaxPool(2),
    *_functional(Conv(512, bias=True)),
    *_functional(Conv(1024, bias=True)),
    Conv(10, bias=True),
)

STEP1: Network = (
    *_relu(Conv(12)),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    MaxPool(2),
    *_relu(Conv(12, kernel=1)),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(10, kernel=1)),
    Conv(10, kernel=7),
)

STEP2: Network = (*STEP1[:-1], GlobalAvgPool())

STEP3: Network = (
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(12, kernel=1)),
    MaxPool(2),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(10, kernel=1)),
    *_relu(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP4: Network = (
    *_relu_norm_drop(Conv(12)),
    *_relu_norm_drop(Conv(24)),
    *_relu(Conv(12, kernel=1)),
    MaxPool(2),
    *_relu_norm_drop(Conv(12)),
    *_relu_norm_drop(Conv(24)),
    *_relu_norm_drop(Conv(10, kernel=1)),
    *_relu_norm_drop(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP5_PUBLISHED: Network = (
    *_relu_norm(Conv(8)),
    *_relu_norm(Conv(16)),
    *_relu_norm(Conv(32)),
    *_relu(Conv(8, kernel=1)),
    MaxPool(2),
    *_relu_norm(Conv(16)),
    *_relu_norm(Conv(32)),
    *_relu_norm(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP5: Network = (
    *block(8),
    *block(8),
    MaxPool(2),
    *block(16),
    *block(16),
    MaxPool(2),
    *block(32, padding=1),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)

STEP5_SMALL: Network = (
    *block(8),
    *block(10),
    MaxPool(2),
    *separable(10, 16, padding=1),
    *separable(16, 20),
    *separable(20, 24),
    MaxPool(2),
    *separable(24, 28, padding=1),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)

STEP5_FAST: Network = (
    Crop(24),
    *pooled_block(12),
    *block(16, padding=1),
    *pooled_block(16),
    *block(32, padding=1),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)

# How the digits for our own networks are augmented. More epochs and more parameters allow for more.
STRONG = Recipe(rotation=10, shift=2.0, scale=0.12, shear=10, slash=0.1, plain_epochs=1)
MILD = Recipe(rotation=7, shift=1.0, scale=0.05, shear=5, slash=0.1, plain_epochs=1)

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            name="base",
            title="The base net",
            layers=BASE,
            recipe=Recipe(epochs=1, schedule="constant", learning_rate=0.01),
            target="Start from a network that can surely solve the task, however large it is.",
            changes=(
                "Seven convolutions; the number of channels doubles from 32 up to 1,024.",
                "Two max-pools; then three convolutions without padding reduce the 7x7 maps to 1x1.",
                "Every convolution has biases. There is no normalisation and no regularisation.",
            ),
            result="The start of the exercise: over 600 times the parameter budget.",
            analysis=(
                "One layer, from 512 to 1,024 channels, holds three quarters of the parameters. It can look "
                "for far more combinations than ten digits have. Size is not what the exercise needs."
            ),
            reported=Reported(parameters=6_379_786),
            shipped=False,  # 26 MB
        ),
        Step(
            name="step1",
            title="A clean skeleton",
            layers=STEP1,
            recipe=Recipe(schedule="constant", learning_rate=0.02),
            target="Cut the network down to the size of the task, and set up a training loop to build on.",
            changes=(
                "At most 24 channels instead of 1,024, and no biases: 13,312 parameters.",
                "A 1x1 convolution after the pool reduces 24 maps to 12.",
                "One 7x7 convolution at the end turns the last maps into ten logits.",
                "The digits are only normalised. SGD with momentum trains at one learning rate.",
            ),
            result=(
                "Close to 99 % with a five-hundredth of the parameters. The training accuracy is higher than "
                "the validation accuracy."
            ),
            analysis=(
                "The 7x7 convolution alone has 4,900 parameters: for each class, a weight for every place in "
                "every map. That makes it easy to memorise digits, and it is the largest part of the budget. "
                "This is where to cut next. When the training accuracy is higher than the validation "
                "accuracy, the network over-fits."
            ),
            temperature=1.45,
            reported=Reported(parameters=13_312, train=99.06, test=98.70),
        ),
        Step(
            name="step2",
            title="Global average pooling",
            layers=STEP2,
            recipe=Recipe(
                optimizer="adamw", schedule="constant", learning_rate=0.003, initialization="positive-head"
            ),
            target="Get below 10,000 parameters without a change to the feature maps.",
            changes=(
                "Global average pooling replaces the 7x7 convolution: 8,412 parameters.",
                "All other layers stay. AdamW replaces SGD.",
                "The weights of the last convolution begin positive, so that every class begins alive.",
            ),
            result="Inside the budget. But the accuracy jumps up and down from epoch to epoch.",
            analysis=(
                "An average has no weights with which to memorise. Each class must now be found by a map of "
                "its own, at whatever place the stroke is. The missing weights hardly matter. But the "
                "network is harder to start: an average passes only a small gradient to each cell, and "
                "without normalisation SGD stays at the level of guessing for epochs. This is why AdamW "
                "trains this step and the next. The ReLU before the average is a second problem. When it "
                "sets the map of a class to zero for every digit, that class gets no gradient any more and "
                "never comes back. With torch's first weights this happens to some runs in their first "
                "epoch, and they stay below 90 %. With positive weights in the last convolution each class "
                "begins above zero, and no run of ours has lost one. Because the learning rate stays high "
                "until the end, the accuracy of the last epoch is a matter of luck."
            ),
            temperature=1.24,
            reported=Reported(parameters=8_412, train=97.32, test=97.53),
        ),
        Step(
            name="step3",
            title="An earlier pool, a falling rate",
            layers=STEP3,
            recipe=Recipe(
                optimizer="adamw",
                batch_size=64,
                schedule="step",
                every=6,
                decay=0.3,
                learning_rate=0.005,
                initialization="positive-head",
            ),
            target="Pool earlier, use fewer parameters, and let the training settle.",
            changes=(
                "The max-pool comes earlier, after two 3x3 convolutions and a 1x1: 7,216 parameters.",
                "There is a second 1x1 convolution before the average. Its weights begin positive, too.",
                "Every six epochs the learning rate falls to three tenths. A batch has 64 digits.",
            ),
            result="Fewer parameters and a calmer curve. But no run reaches the target.",
            analysis=(
                "After an earlier pool, more layers work on small maps, and the network needs one 3x3 "
                "convolution less before the pool. That saves 1,196 parameters. A cell of the last "
                "convolution now sees 14 pixels instead of 16. The falling rate makes the last epochs calm. "
                "The start is still a problem: with torch's first weights the last ReLU loses classes, as in "
                "step 2, and no learning rate that was tried prevents it. The network is not too small. It "
                "is hard to train."
            ),
            temperature=1.07,
            reported=Reported(parameters=7_216, train=97.64, test=97.53),
        ),
        Step(
            name="step4",
            title="Batch norm and dropout",
            layers=STEP4,
            recipe=Recipe(schedule="step", every=6, decay=0.1, learning_rate=0.1, dropout=0.03),
            target="Make the same network easier to train, and keep it from memorising.",
            changes=(
                "Batch normalisation after each 3x3 convolution and after the last two 1x1 convolutions: "
                "184 more parameters.",
                "A little dropout after each norm.",
                "Batches of 128 again. Every six epochs the learning rate falls to a tenth.",
                "SGD with momentum again: with normalised maps it learns from the start.",
            ),
            result="Over 99 % inside the budget, for 184 more parameters.",
            analysis=(
                "Batch normalisation keeps the values of all maps at a similar scale. A higher learning rate "
                "is then safe, and every layer learns from the first epoch on. The dropout is small, because "
                "a network of this size cannot do without many of its values. One limit is left: a cell of "
                "the last convolution sees only 14 of the 28 pixels, so the average adds up parts of a digit "
                "and never sees it as a whole."
            ),
            reported=Reported(parameters=7_400, train=98.2, test=98.7),
        ),
        Step(
            name="step5",
            title="Under budget, over target",
            layers=STEP5,
            recipe=STRONG.replace(learning_rate=0.3, weight_decay=5e-5, plain_epochs=3, ema=0.998),
            target="At least 99.4 %, fewer than 10,000 parameters and fewer than 15 epochs, all at once.",
            changes=(
                "One unit is repeated: convolution, batch norm, SiLU. Two pools let the last cells see the "
                "whole digit.",
                "The first layers are narrow, because a channel costs the most time there. The last layers "
                "are wide.",
                "The average comes before the 1x1 head: it pools features, not scores of classes.",
                "No dropout. In all epochs but the last three, each digit is rotated, shifted, resized and "
                "slanted a little, and a tenth of the zeros gets a slash.",
                "One-cycle learning rate: it rises to a high peak and then falls straight to zero.",
                "The weights that count are their average over the last few hundred batches.",
            ),
            result="The network meets all three bounds.",
            analysis=(
                "Before the average a cell now sees 24 pixels, more than the 20 that a digit spans, so the "
                "features describe digits and no longer strokes. Dropout takes information away; "
                "augmentation adds some. Training and validation accuracy end close together. While the "
                "learning rate is high, the weights jump around a good place, and their average lies nearer "
                "to it: no epoch's accuracy is a matter of luck. The last gain comes when the digits are "
                "shown unchanged and the rate falls to zero. A SiLU has no corner at zero, and values below "
                "zero can still learn. In a network with so few channels, none should be lost. The slashes "
                "do not help on MNIST, where hardly any zero has one. They help on the canvas."
            ),
            reported=Reported(parameters=12_396, train=99.21, test=99.41),
        ),
        Step(
            name="step5_small",
            title="Step 5, small",
            layers=STEP5_SMALL,
            recipe=MILD.replace(batch_size=64, learning_rate=0.2, weight_decay=3e-5),
            target="Reach the same accuracy with as few parameters as possible.",
            changes=(
                "After the first pool, each convolution is split in two: a depthwise 3x3, then a 1x1.",
                "Some of the saved parameters pay for more maps and one more layer.",
                "Batches of 64 give twice as many steps. The augmentation is milder, because a smaller "
                "network can learn fewer variations.",
            ),
            result="Less than half of step 5's parameters. The figures show what that costs.",
            analysis=(
                "A full 3x3 convolution from 20 to 24 maps has 4,320 weights: it looks for a pattern of its "
                "own in every pair of maps. The split one has 180 weights to look for one pattern in each "
                "map, and 480 to combine the maps: less than a sixth. Digits differ mostly in how patterns "
                "are combined, and several features can share a pattern."
            ),
        ),
        Step(
            name="step5_fast",
            title="Step 5, fast",
            layers=STEP5_FAST,
            recipe=MILD.replace(epochs=5, batch_size=256, learning_rate=0.8, weight_decay=5e-5, ema=0.99),
            target="Reach 99.4 % in the least time, for a demonstration in class.",
            changes=(
                "About a third of the epochs, and milder augmentation, because there is less time to learn "
                "from it.",
                "Two pixels are cut off at each edge, where hardly any ink is. That saves nearly a quarter "
                "of the time.",
                "One convolution less, and it is left out where the maps are largest. Each pool comes right "
                "after a convolution, before norm and activation, which then have a quarter of the cells.",
                "Batches of 256 take less time for a digit than batches of 128. Half as many steps want a "
                "higher learning rate.",
                "The spare parameters go into the last layer, where they cost hardly any time.",
                "As in step 5, the weights are averaged.",
            ),
            result="Over the target on average, after five epochs.",
            analysis=(
                "Large maps take the time. The first convolution has 108 weights and computes maps of 22x22 "
                "cells. The last one has 4,608 weights and computes maps of 4x4 cells. Yet the first takes "
                "longer. The one-cycle rate always falls to zero at the end of the run, "
                "wherever that end is set. A short run is therefore a complete run, not a long one that was "
                "cut off."
            ),
        ),
        Step(
            name="step5_published",
            title="Step 5 as published",
            layers=STEP5_PUBLISHED,
            recipe=Recipe(schedule="step", every=6, decay=0.1, learning_rate=0.1, rotation=7),
            target="99.4 % that holds over the last epochs.",
            changes=(
                "The max-pool comes after three 3x3 convolutions and a 1x1. There are up to 32 channels.",
                "Batch norm stays and dropout goes. Training digits are rotated a little.",
            ),
            result="Within one standard error of the target accuracy, but 2,396 parameters over the budget.",
            analysis=(
                "Two convolutions from 16 to 32 channels hold 9,216 of the 12,396 parameters. The first of "
                "them computes 22x22 maps and also takes the most time. With only one pool, a cell of the "
                "last convolution sees 16 of the 28 pixels. More channels make up for the small receptive "
                "field."
            ),
            reported=Reported(parameters=12_396, train=99.21, test=99.41),
        ),
    )
}


def find(name: str) -> Step:
    """The step of that name. "5", "step 5" and "5 small" do as well as "step5" and "step5_small".

    Raises StepError for a name that no step has.
    """
    key = re.sub(r"[\s_-]", "", name.lower())
    for step in STEPS.values():
        if step.name.replace("_", "") in (key, f"step{key}"):
            return step
    raise StepError(f"There is no step {name!r}: use one of {', '.join(STEPS)}.")

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
    """What the published solution says it reached; accuracies in percent, best epoch."""

    parameters: int
    train: float | None = None
    test: float | None = None

    def beside(self, parameters: int) -> str:
        """The test accuracy as it stands beside a network with so many parameters: with its own
        number of them where that is another."""
        if self.test is None:
            return "–"
        other = f" with {self.parameters:,}" if self.parameters != parameters else ""
        return f"{self.test:.2f} %{other}"


@dataclass(frozen=True)
class Step:
    """One station of the exercise: what was wanted, what was changed, what came of it, why."""

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
        """That of one of the five steps; empty for the networks beside them."""
        number = self.name.removeprefix("step")
        return number if number.isdecimal() else ""

    @property
    def label(self) -> str:
        """As lists name it: "3 · An earlier pool, a falling rate"."""
        return f"{self.number} · {self.title}" if self.number else self.title

    @property
    def short(self) -> str:
        """Where room is scarce: "Step 3"."""
        return f"Step {self.number}" if self.number else self.title


def block(channels: int, padding: int = 0) -> Network:
    """Convolution, batch norm, SiLU: the unit that our step 5 is made of."""
    return Conv(channels, padding=padding), BatchNorm(), SiLU()


def separable(maps_in: int, channels: int, padding: int = 0) -> Network:
    """The same in two parts (arXiv:1704.04861): a depthwise convolution looks for one pattern
    in each map, a 1x1 mixes what was found."""
    return Conv(maps_in, padding=padding, groups=maps_in), Conv(channels, kernel=1), BatchNorm(), SiLU()


def _norm_relu(conv: Conv) -> Network:
    return conv, BatchNorm(), ReLU()


def _relu(conv: Conv) -> Network:
    return conv, ReLU()


def _relu_norm(conv: Conv) -> Network:
    """The published order: the norm behind the ReLU."""
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
    *block(14),
    *block(16),
    MaxPool(2),
    *block(26, padding=1),
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
    *_norm_relu(Conv(8)),
    *_norm_relu(Conv(8)),
    MaxPool(2),
    *_norm_relu(Conv(16)),
    *_norm_relu(Conv(16)),
    MaxPool(2),
    *_norm_relu(Conv(32, padding=1)),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)

# How our own networks' digits are varied: the more epochs and parameters, the more it pays.
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
            target="A net that surely can do it, however large, as a place to start from.",
            changes=(
                "Seven convolutions; channels double from 32 up to 1,024.",
                "Two max-pools, and a 7x7 map reduced to 1x1 by three unpadded convolutions.",
                "Biases everywhere; no normalisation, no regularisation.",
            ),
            result="Where the exercise starts: over 600 times the parameter budget.",
            analysis=(
                "Three quarters of the parameters are in one layer, 512 to 1,024 channels, which looks for "
                "combinations that ten digits do not have. Size was never what was missing."
            ),
            reported=Reported(parameters=6_379_786),
            shipped=False,  # 26 MB
        ),
        Step(
            name="step1",
            title="A clean skeleton",
            layers=STEP1,
            recipe=Recipe(schedule="constant", learning_rate=0.02),
            target="Cut the net to the size of the task and set up a training loop to build on.",
            changes=(
                "At most 24 channels in place of 1,024, and no biases: 13,312 parameters.",
                "A 1x1 convolution behind the pool squeezes 24 maps into 12.",
                "One 7x7 convolution at the end turns the last maps into ten logits.",
                "Plain digits: to tensor and normalised, nothing more. SGD with momentum at one rate.",
            ),
            result="Close to 99 % with a five-hundredth of the parameters; training is ahead of validation.",
            analysis=(
                "The 7x7 convolution alone holds 4,900 parameters, a template a class for each place in the "
                "map: good for memorising, and the budget's largest item. That is where to cut next. "
                "Training accuracy beyond validation accuracy is over-fitting."
            ),
            temperature=1.45,
            reported=Reported(parameters=13_312, train=99.06, test=98.70),
        ),
        Step(
            name="step2",
            title="Global average pooling",
            layers=STEP2,
            recipe=Recipe(optimizer="adamw", schedule="constant", learning_rate=0.003),
            target="Get under 10,000 parameters without touching the features.",
            changes=(
                "Global average pooling takes the place of the 7x7 convolution: 8,412 parameters.",
                "All other layers stay. AdamW takes the place of SGD.",
            ),
            result="Inside the budget; but the accuracy jumps about, and some runs lose a class for good.",
            analysis=(
                "An average has no weights to memorise with: each class must now be seen by its own map, "
                "wherever the stroke is. Where a run succeeds, the weights that are gone are hardly missed. "
                "But the net is harder to start: the gradient of an average is thin, and without "
                "normalisation SGD stays near chance for epochs, which is why AdamW trains this step and the "
                "next. Even so, the ReLU before the average lets only positive scores through: a class "
                "whose map it has set to zero everywhere gets no gradient any more, and a run that loses "
                "one in its first epoch stays below 90 %. A rate that stays high to the end makes the "
                "last epoch a matter of luck."
            ),
            temperature=1.12,
            reported=Reported(parameters=8_412, train=97.32, test=97.53),
        ),
        Step(
            name="step3",
            title="An earlier pool, a falling rate",
            layers=STEP3,
            recipe=Recipe(
                optimizer="adamw", batch_size=64, schedule="step", every=6, decay=0.3, learning_rate=0.005
            ),
            target="Pool earlier, spend fewer parameters, and let the training settle.",
            changes=(
                "Max-pooling already behind two 3x3 convolutions and a 1x1: 7,216 parameters.",
                "A second 1x1 convolution before the average.",
                "The learning rate falls to three tenths every six epochs; batches of 64 digits.",
            ),
            result="Fewer parameters, a calmer curve; but some runs still fail, and the rest fall short.",
            analysis=(
                "Behind an earlier pool the maps are small from there on, and a 3x3 convolution fewer is "
                "enough before it: 1,196 parameters less, though a cell behind the last convolution sees 14 "
                "pixels and no longer 16. The falling rate calms the last epochs. What is left is "
                "the start: as in step 2, a run can lose classes to the last ReLU in its first epoch, and "
                "no rate that was tried prevents it. The net is not too small, it is hard to train."
            ),
            temperature=1.18,
            reported=Reported(parameters=7_216, train=97.64, test=97.53),
        ),
        Step(
            name="step4",
            title="Batch norm and dropout",
            layers=STEP4,
            recipe=Recipe(schedule="step", every=6, decay=0.1, learning_rate=0.1, dropout=0.03),
            target="Make the same net easier to train, and keep it from memorising.",
            changes=(
                "Batch normalisation behind each 3x3 convolution and the last two 1x1: 184 parameters more.",
                "A little dropout behind each norm.",
                "Batches of 128 again, and a rate that falls to a tenth every six epochs.",
                "SGD with momentum: with normalised maps it starts at once.",
            ),
            result="Over 99 % inside the budget, for 184 parameters more.",
            analysis=(
                "Normalised maps keep their scale through the net, so that a higher rate is safe and every "
                "layer learns from the first epoch on. Dropout is kept small: a net of this size has little "
                "to spare. What is left is what the net cannot see: behind the last convolution a cell "
                "covers 14 of 28 pixels, and the average adds up strokes, not digits."
            ),
            reported=Reported(parameters=7_400, train=98.2, test=98.7),
        ),
        Step(
            name="step5",
            title="Under budget, over target",
            layers=STEP5,
            recipe=STRONG.replace(learning_rate=0.3, weight_decay=5e-5),
            target="99.4 % and more, fewer than 10,000 parameters, fewer than 15 epochs, all at once.",
            changes=(
                "Convolution, norm, SiLU as the one unit; two pools, for a view of the whole digit.",
                "Narrow first layers, where a channel costs the most time; wide last ones.",
                "The average comes before the 1x1 head: it pools features, not verdicts.",
                "No dropout. Each digit is turned, moved, resized and slanted a little, anew every epoch; "
                "a tenth of the zeros gets a slash; the last epoch sees the digits as they are.",
                "One-cycle learning rate: up to a high peak, then straight down to zero.",
            ),
            result="All three bounds are met.",
            analysis=(
                "Before the average a cell now sees 24 pixels, more than the 20 that a digit spans: the "
                "pooled features are about digits, no longer about strokes. Augmentation is the regulariser "
                "that adds information instead of taking it away: training and validation end together. The "
                "gain comes at the very end, when the rate falls to zero and the digits are shown as they "
                "are: an epoch before it, most runs are still below 99.4 %. "
                "SiLU has no corner at zero and lets cells below it learn: in a net this narrow, none is to "
                "spare. The slashes cost nothing on MNIST, which has hardly any, and pay at the canvas."
            ),
            reported=Reported(parameters=12_396, train=99.21, test=99.41),
        ),
        Step(
            name="step5_small",
            title="Step 5, small",
            layers=STEP5_SMALL,
            recipe=MILD.replace(batch_size=64, learning_rate=0.2, weight_decay=3e-5),
            target="How far down? The same accuracy with as few parameters as will do.",
            changes=(
                "Behind the first pool each convolution is split in two: depthwise 3x3, then 1x1.",
                "A part of what that saves goes into more maps and one more layer.",
                "Batches of 64, for twice as many steps; milder augmentation, as there is less capacity.",
            ),
            result="Less than half of step 5's parameters; the figures beside this say what that costs.",
            analysis=(
                "A full 3x3 convolution from 20 to 24 maps has 4,320 weights and looks for a pattern of its "
                "own for every pair of maps. Split, it has 180 to look for one pattern in each map and 480 "
                "to mix them: less than a sixth. Mixing is where the digits differ; patterns can be shared."
            ),
        ),
        Step(
            name="step5_fast",
            title="Step 5, fast",
            layers=STEP5_FAST,
            recipe=MILD.replace(epochs=7, learning_rate=0.3, weight_decay=5e-5),
            target="The least time to 99.4 %, for a demonstration in class.",
            changes=(
                "Half the epochs, and milder augmentation, as there is less time to profit from it.",
                "Two pixels go at every edge, where hardly any ink is, and nearly a quarter of the time.",
                "ReLU again, which takes a little less time than SiLU.",
                "The parameters that are left go into the last layer, where they cost hardly any time.",
            ),
            result="Over the target on average, after half of the epochs.",
            analysis=(
                "Time goes where maps are large: the second convolution makes 20x20 cells and has 576 "
                "weights, the last one 3x3 cells and 4,608 weights, yet the second takes several times as "
                "long. The one-cycle rate falls to zero wherever the end is set, so that a short run is a "
                "whole run, and not a long one that was cut off."
            ),
        ),
        Step(
            name="step5_published",
            title="Step 5 as published",
            layers=STEP5_PUBLISHED,
            recipe=Recipe(schedule="step", every=6, decay=0.1, learning_rate=0.1, rotation=7),
            target="99.4 % that holds over the last epochs.",
            changes=(
                "A max-pool behind three 3x3 convolutions and a 1x1; up to 32 channels.",
                "Batch norm stays, dropout goes; training digits are rotated a little.",
            ),
            result="The accuracy within a standard error of the target; 2,396 parameters over the budget.",
            analysis=(
                "Two convolutions from 16 to 32 channels hold 9,216 of the 12,396 parameters, and the first "
                "of them makes a 22x22 map, where it costs the most time as well. With one pool alone a "
                "cell behind the last convolution sees 16 of 28 pixels: width makes up for what the "
                "receptive field lacks."
            ),
            reported=Reported(parameters=12_396, train=99.21, test=99.41),
        ),
    )
}


def find(name: str) -> Step:
    """The step of that name; "5", "step 5" and "5 small" do as well as "step5" and "step5_small".

    Raises StepError for a name that is none.
    """
    key = re.sub(r"[\s_-]", "", name.lower())
    for step in STEPS.values():
        if step.name.replace("_", "") in (key, f"step{key}"):
            return step
    raise StepError(f"There is no step {name!r}: use one of {', '.join(STEPS)}.")

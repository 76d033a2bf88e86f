"""Hints: what a run's own numbers and network say about the next change.

A hint is one function here and one entry in `RULES`. It looks at a `Case`, and returns a Hint where the run
really shows what the hint is about, else None. A hint says what it has seen, why it matters, which of the
steps teaches it, and what to change; the change is a recipe or layers, and trains nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from s5core import advice
from s5core.events import Diverged, End, Metrics
from s5core.evidence import standard_error
from s5core.layers import CLASSES, BatchNorm, Conv, Layer, Network, NetworkError, check
from s5core.recipe import Recipe, nearest_rate
from s5core.steps import MILD, STEPS, STRONG
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.words import count, percent

NO_CHANGE = "No change fits by itself"
LAST = 0.01  # of an epoch: its last batches. At its very end a schedule may already be a step further.
CHANCE_LOSS = math.log(CLASSES)  # of a network that only guesses


@dataclass(frozen=True)
class Case:
    """A run that has come to its end, or was stopped."""

    layers: Network
    recipe: Recipe
    history: tuple[Metrics, ...]  # of the finished epochs
    end: End | None = None
    confusion: Tensor | None = None  # (10, 10) counts, rows are true classes, if somebody has read the digits

    @property
    def passes(self) -> bool:
        """Whether it keeps the three bounds of the exercise."""
        return (
            self.is_complete
            and ACCURACY.met_by(self.history[-1].validation_accuracy)
            and PARAMETERS.met_by(count_parameters(self.layers))
            and EPOCHS.met_by(self.recipe.epochs)
        )

    @property
    def is_complete(self) -> bool:
        """Whether all epochs of the recipe are trained."""
        return len(self.history) >= self.recipe.epochs

    @property
    def train_errors(self) -> float:
        """Share of the (augmented) training digits that were read wrong in the last epoch, in percent."""
        return 100 - self.history[-1].train_accuracy

    @property
    def validation_errors(self) -> float:
        """The same of the validation digits, after the last epoch."""
        return 100 - self.history[-1].validation_accuracy

    @property
    def validation_digits(self) -> int:
        """How many there are, as far as the history tells."""
        wrong = self.history[-1].validation_errors
        return round(100 * wrong / self.validation_errors) if wrong and self.validation_errors else 10_000

    @property
    def has_norm(self) -> bool:
        """Whether a layer normalises."""
        return any(layer.role == "norm" for layer in self.layers)

    def factor(self, epoch: int) -> float:
        """The share of the peak learning rate at the end of an epoch, from 1."""
        losses = [metrics.validation_loss for metrics in self.history[: epoch - 1]]
        return self.recipe.factor((epoch - LAST) / self.recipe.epochs, losses)

    @property
    def ends_high(self) -> bool:
        """Whether the last epoch ended with at least half of the peak learning rate."""
        return self.factor(len(self.history)) >= 0.5


@dataclass(frozen=True)
class Hint:
    """What a run shows, and what to change."""

    name: str  # of its rule
    seen: str  # what the run shows, in a sentence
    why: str  # why that matters and why the change helps
    change: str  # what is changed, as the label of a button
    lesson: str  # name of the step that teaches it
    recipe: Recipe | None = None  # the changed recipe
    layers: Network | None = None  # the changed network


def find(case: Case) -> list[Hint]:
    """The hints for a run, the most important first; none for one that keeps all three bounds. What keeps
    a network from learning at all is told alone: nothing else can be judged before."""
    if case.passes:
        return []
    blockers = [hint for rule in BLOCKERS if (hint := rule(case))]
    if blockers or not case.history:
        return blockers
    return [hint for rule in RULES if (hint := rule(case))]


# What keeps a network from learning


def rate_too_high(case: Case) -> Hint | None:
    """The loss blew up, or the network guesses: after a loss that was worse than guessing, or at a higher
    rate than the steps use."""
    rate, usual = case.recipe.learning_rate, _usual_rate(case)
    blown_up = any(past.train_loss > CHANCE_LOSS + 0.02 for past in case.history)
    if isinstance(case.end, Diverged):
        seen = f"The loss was no longer a number in epoch {case.end.epoch}: the run diverged."
    elif case.history and case.history[-1].guesses and (blown_up or (usual and rate > usual[0])):
        seen = (
            "The network only guesses: it gives all ten digits about the same probability, and learns "
            "nothing any more."
        )
    else:
        return None
    lower = nearest_rate(rate / 3)
    return Hint(
        "rate_too_high",
        seen,
        f"A step of {rate:g} overshot, and the next gradients were larger still. A single such step can "
        "make all ReLUs put out zeros for ever. "
        + (
            "A third of the rate is the usual next try."
            if case.has_norm
            else "A third of the rate is the usual next try; with batch norm a higher rate is safe."
        ),
        f"Learning rate {lower:g}",
        "step4",
        recipe=case.recipe.replace(learning_rate=lower),
    )


def rate_too_low(case: Case) -> Hint | None:
    """The training still gains steadily, at a rate far below that of the steps; or it has hardly begun."""
    usual = _usual_rate(case)
    if usual is None or not case.history or case.recipe.learning_rate > usual[0] / 3:
        return None
    errors = [100 - past.train_accuracy for past in case.history]
    gains = len(errors) > 1 and errors[-1] < 0.95 * errors[-2]
    if not (case.history[-1].guesses or (gains and case.train_errors > 2) or len(errors) == 1):
        return None
    rate, step = usual
    return Hint(
        "rate_too_low",
        f"With a learning rate of {case.recipe.learning_rate:g} the network has "
        + (
            "hardly left the level of guessing."
            if case.history[-1].guesses
            else f"learned evenly, but slowly: {percent(case.history[-1].train_accuracy)} of the training "
            "digits so far."
        ),
        f"Each step is so small that the epochs do not suffice. {STEPS[step].short} uses {rate:g} with the "
        f"same optimiser ({case.recipe.optimizer}).",
        f"Learning rate {rate:g}",
        step,
        recipe=case.recipe.replace(learning_rate=rate),
    )


def _usual_rate(case: Case) -> tuple[float, str] | None:
    """The lowest learning rate of a step with the same optimiser, with or without norms like this network,
    and that step's name; None where no step has that optimiser."""
    alike = [step for step in STEPS.values() if step.recipe.optimizer == case.recipe.optimizer]
    same = [step for step in alike if any(layer.role == "norm" for layer in step.layers) == case.has_norm]
    found = [(step.recipe.learning_rate, step.name) for step in (same or alike) if step.number]
    return min(found, default=None)


def class_lost(case: Case) -> Hint | None:
    """The network hardly ever answers one of the ten classes, though it knows the others."""
    if case.confusion is None or not any(layer.kind == "ReLU" for layer in case.layers):
        return None
    answered, there = case.confusion.sum(0), case.confusion.sum(1)
    lost = [label for label in range(CLASSES) if there[label] and answered[label] < 0.02 * there[label]]
    if not lost or len(lost) > CLASSES // 2:
        return None
    which = " and ".join(map(str, lost))
    layers = normalised(case.layers)
    return Hint(
        "class_lost",
        f"The network never answers {which}, and reads the other digits well.",
        "A ReLU puts out zero for every negative value. Where it sets the map of a class to zero for every "
        "digit, that class gets no gradient any more and never comes back. Batch norm keeps the values of "
        "each map around zero, so that a map is never negative everywhere.",
        "Another seed" if layers is None else "A batch norm after each convolution",
        "step4",
        recipe=case.recipe.replace(seed=case.recipe.seed + 1) if layers is None else None,
        layers=layers,
    )


def normalised(layers: Sequence[Layer]) -> Network | None:
    """The network with a batch norm between each convolution and its activation; None where there is one
    already, or no place for any."""
    made: list[Layer] = []
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        made.append(layer)
        if layer.role == "convolution" and following is not None and following.role == "activation":
            made.append(BatchNorm())
    has_norm = any(layer.role == "norm" for layer in layers)
    return None if has_norm or len(made) == len(layers) else _fitting(made)


# What can be better


def schedule_never_fires(case: Case) -> Hint | None:
    """A schedule that is to lower the rate had no occasion."""
    recipe = case.recipe
    if not case.is_complete or recipe.schedule not in ("step", "plateau", "exponential"):
        return None
    if case.factor(recipe.epochs) < 1 - 1e-9:
        return None
    if recipe.schedule == "step" and recipe.epochs > 2:
        every = max(1, round(0.4 * recipe.epochs))
        changed = recipe.replace(every=every)
        change, why = f"A drop every {count(every, 'epoch')}", f"It drops every {recipe.every} epochs."
    else:
        changed = recipe.replace(schedule="one-cycle")
        change = "A one-cycle schedule"
        why = (
            "The validation loss fell often enough, so it never waited long enough for a drop."
            if recipe.schedule == "plateau"
            else "The run is too short for a drop."
        )
    return Hint(
        "schedule_never_fires",
        f"The {recipe.schedule} schedule never lowered the learning rate in {count(recipe.epochs, 'epoch')}.",
        f"{why} So the rate was constant, and the network never settled.",
        change,
        "step3",
        recipe=changed,
    )


def gain_to_come(case: Case) -> Hint | None:
    """The rate was still high in the last epoch, so that the gain of its fall is still to come."""
    if not case.ends_high or schedule_never_fires(case):
        return None
    recent = [past.validation_accuracy for past in case.history[-4:]]
    jumps = f" Its accuracy moved between {min(recent):.2f} and {percent(max(recent))} in the last epochs."
    seen = (
        "At the end of the last epoch the learning rate was still at "
        f"{100 * case.factor(len(case.history)):.0f} % of its peak.{jumps if len(recent) > 2 else ''}"
    )
    why = (
        "Large steps jump around the best weights. When the rate falls towards zero, the network settles, "
        "and in step 5 most of the gain comes in these last epochs."
    )
    if not case.is_complete:
        left = case.recipe.epochs - len(case.history)
        if case.factor(case.recipe.epochs) >= 0.5:
            return None
        why += f" Left to train: {count(left, 'epoch')}."
        return Hint("gain_to_come", seen, why, "Resume the run", "step5")
    return Hint(
        "gain_to_come",
        seen,
        why,
        "A one-cycle schedule that ends at zero",
        "step3",
        recipe=case.recipe.replace(schedule="one-cycle", final=0.0),
    )


def dropout_underfits(case: Case) -> Hint | None:
    """Dropout in a network that reads its training digits worse than the validation digits."""
    if not case.recipe.dropout or case.train_errors <= 1.2 * case.validation_errors or _too_easy(case):
        return None
    return Hint(
        "dropout_underfits",
        f"With a dropout of {case.recipe.dropout:g}, {percent(case.train_errors)} of the training digits are "
        f"read wrong, more than the {percent(case.validation_errors)} of the validation digits.",
        "Dropout keeps a network from memorising, and this one does not memorise: it has too few values to "
        "do without some of them. Dropout takes information away; augmentation adds some.",
        "No dropout",
        "step5",
        recipe=case.recipe.replace(dropout=0.0),
    )


def underfits(case: Case) -> Hint | None:
    """The network does not read even its training digits well, though its rate has fallen."""
    if not case.is_complete or case.ends_high or _too_easy(case) or case.recipe.dropout:
        return None
    if case.train_errors < case.validation_errors - _doubt(case):
        return None
    recipe, most = case.recipe, EPOCHS.limit - 1
    parameters = count_parameters(case.layers)
    seen = (
        f"The network underfits: in the last epoch it read {percent(case.train_errors)} of the training "
        f"digits wrong, and {percent(case.validation_errors)} of the validation digits."
    )
    why = "What it cannot learn from its training digits it cannot know of others. "
    if recipe.epochs < most / 2:
        return Hint(
            "underfits",
            seen,
            f"{why}It was trained for {count(recipe.epochs, 'epoch')}; the exercise allows {most:.0f}.",
            f"{most:.0f} epochs",
            "step5",
            recipe=recipe.replace(epochs=int(most)),
        )
    if recipe.augments and recipe.rotation > MILD.rotation:
        return Hint(
            "underfits",
            seen,
            f"{why}A small network can learn fewer variations of each digit, so a milder augmentation may "
            "help, as in the small version of step 5.",
            "Milder augmentation",
            "step5_small",
            recipe=recipe.replace(**_movements(MILD)),
        )
    layers = widened(case.layers) if parameters < 0.8 * PARAMETERS.limit else None
    if layers is None:
        return None
    return Hint(
        "underfits",
        seen,
        f"{why}It has {parameters:,} parameters, and {PARAMETERS.words} are allowed. More maps in the last "
        "convolutions cost hardly any time, because their maps are small.",
        f"More maps: {count_parameters(layers):,} parameters",
        "step5_fast",
        layers=layers,
    )


def widened(layers: Sequence[Layer]) -> Network | None:
    """The network with more maps in its last convolution of several pixels, as many as the budget has room
    for; None where that does not fit."""
    places = [
        i
        for i, layer in enumerate(layers)
        if isinstance(layer, Conv) and layer.kernel > 1 and layer.groups == 1 and i < len(layers) - 1
    ]
    if not places:
        return None
    place = places[-1]
    last = layers[place]
    assert isinstance(last, Conv)
    for channels in range(2 * last.channels, last.channels, -2):
        wider = _fitting([*layers[:place], replace(last, channels=channels), *layers[place + 1 :]])
        if wider is not None and PARAMETERS.met_by(count_parameters(wider)):
            return wider
    return None


def overfits(case: Case) -> Hint | None:
    """The network reads its training digits better than others, by more than chance."""
    gap = case.validation_errors - case.train_errors
    if gap < _doubt(case):
        return None
    recipe = case.recipe
    seen = (
        f"The network overfits: it reads {percent(case.validation_errors)} of the validation digits wrong, "
        f"but only {percent(case.train_errors)} of the training digits."
    )
    why = (
        "It has learned some training digits by heart. In every epoch a digit that is moved, turned and "
        "resized a little is a new one, which cannot be learned by heart."
    )
    stronger = next(
        (level for level in (MILD, STRONG) if recipe.rotation < level.rotation and case.recipe.epochs > 1),
        None,
    )
    if stronger is not None:
        word = "Stronger augmentation" if recipe.augments else "Augmentation"
        return Hint("overfits", seen, why, word, "step5", recipe=recipe.replace(**_movements(stronger)))
    return Hint(
        "overfits",
        seen,
        "It has learned some training digits by heart, though they are augmented. A pull of all weights "
        "towards zero makes that harder.",
        "More weight decay",
        "step5",
        recipe=recipe.replace(weight_decay=max(1e-4, min(1.0, 3 * recipe.weight_decay))),
    )


def _movements(level: Recipe) -> dict[str, float | int]:
    """The fields of an augmentation."""
    names = ("rotation", "shift", "scale", "shear", "plain_epochs")
    return {name: getattr(level, name) for name in names}


def sees_too_little(case: Case) -> Hint | None:
    """The cells that are averaged see less than a digit."""
    return _advised(
        case,
        advice.sees_too_little,
        "Where no cell sees a whole digit, the average adds up strokes that several digits have in common. "
        "A pool doubles what all later layers see, and costs no parameter.",
        "step5",
    )


def costly_layer(case: Case) -> Hint | None:
    """A network over the budget, of which one layer has a large part."""
    if PARAMETERS.met_by(count_parameters(case.layers)):
        return None
    return _advised(
        case,
        advice.costly_layer,
        "This is where to cut first. A convolution costs its kernel's cells times the maps before it times "
        "the maps after it; a global average at the end costs nothing.",
        "step2",
    )


def _advised(case: Case, rule: advice.Rule, why: str, lesson: str) -> Hint | None:
    """What a rule of `advice` says about the network, as a hint."""
    found = next((each for each in advice.advise(case.layers) if each.rule == rule.__name__), None)
    if found is None:
        return None
    layer = case.layers[found.index].describe()
    change, layers = (found.mend.words, found.mend.layers) if found.mend else (NO_CHANGE, None)
    seen = f"Layer {found.index + 1}, {layer}. {found.reason}"
    return Hint(rule.__name__, seen, why, change, lesson, layers=layers)


def _fitting(layers: Sequence[Layer]) -> Network | None:
    """The layers as a network, if they make one."""
    try:
        check(layers)
    except NetworkError:
        return None
    return tuple(layers)


def _doubt(case: Case) -> float:
    """Two standard errors of the validation accuracy, in points: a smaller gap is chance."""
    return 2 * standard_error(case.history[-1].validation_accuracy, case.validation_digits)


def _too_easy(case: Case) -> bool:
    """Whether it reads its training digits as well as the exercise asks of others."""
    return ACCURACY.met_by(case.history[-1].train_accuracy)


Rule = Callable[[Case], Hint | None]

BLOCKERS: tuple[Rule, ...] = (rate_too_high, rate_too_low, class_lost)
RULES: tuple[Rule, ...] = (
    schedule_never_fires,
    gain_to_come,
    dropout_underfits,
    underfits,
    overfits,
    sees_too_little,
    costly_layer,
)

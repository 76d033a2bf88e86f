"""The controls of the page Train: one for each part of a recipe that a class changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import streamlit as st

from pages.parts import choice, keys, messages, small
from s5core import device, schedule, teacher
from s5core.augment import preview
from s5core.data import Digits
from s5core.errors import UserError
from s5core.layers import Network
from s5core.recipe import RATES, Recipe
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.settings import field_choices, field_range, field_types
from s5core.steps import STEPS, Step
from s5core.summary import count_parameters
from s5core.target import EPOCHS
from s5core.views import live
from s5core.views.gallery import gallery
from s5core.words import count, escape

DECAYS = [0.0, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2]
BATCHES = [16, 32, 64, 128, 256, 512, 1024]
AVERAGES = [0.0, 0.9, 0.99, 0.995, 0.998, 0.999]
PREVIEW_HEIGHT = 135  # pixels
HELP: dict[str, str] = {field.name: field.metadata["help"] for field in fields(Recipe)}

# The labels of a schedule's own fields; another field is called by its name.
LABELS = {
    "every": "Epochs between drops",
    "decay": "Factor",
    "final": "Last rate / peak",
    "warmup": "Fraction that rises",
    "start": "First rate / peak",
    "anneal": "Shape",
    "patience": "Patience, epochs",
}


def schedule_fields(name: str) -> list[str]:
    """The fields of the recipe that a schedule of this name depends on, apart from its length."""
    return [field for field in schedule.parameters(name) if field in HELP and field != "epochs"]


@dataclass(frozen=True)
class Origin:
    """The recipe with which a step's controls begin. A new origin makes new controls."""

    recipe: Recipe
    short: str  # whose recipe it is
    version: int = 0  # how many recipes were put into the controls before
    layers: Network | None = None  # of a link, where they are not the step's

    def key(self, step: Step, name: str) -> str:
        """The session key of the control of a field."""
        return keys.train_control(step.name, name, self.version)


def begin(network: NamedNetwork) -> None:
    """Let the controls begin with the recipe of this network, or of a link that was opened. What a visitor
    has set in this session stays: only a new session, a reload or a link begins again."""
    step = network.step
    st.session_state.setdefault(keys.train_origin(step.name), Origin(network.recipe, network.short))
    taken = choice.taken()
    if taken is not None:
        layers = taken.layers if taken.layers != step.layers else None
        _put(step, Origin(taken.recipe, "the link", layers=layers))


def origin(step: Step) -> Origin:
    """The recipe of `begin`, or the one that was last put into the controls."""
    found: Origin = st.session_state[keys.train_origin(step.name)]
    return found


def take_over(network: NamedNetwork) -> None:
    """Put the recipe of a network into the controls of its step."""
    put(network.step, network.recipe, network.short)


def put(step: Step, recipe: Recipe, short: str) -> None:
    """Put a recipe into the controls of a step. `short`: whose recipe it is."""
    _put(step, Origin(recipe, short))


def _put(step: Step, new: Origin) -> None:
    """Let the controls of a step begin again."""
    key = keys.train_origin(step.name)
    before: Origin | None = st.session_state.get(key)
    st.session_state[key] = replace(new, version=before.version + 1 if before else 0)


def network_to_train(network: NamedNetwork) -> NamedNetwork:
    """This network; in place of a step the layers of the link that was opened for it."""
    layers = origin(network.step).layers
    return (
        network if layers is None or network.is_run else replace(network, layers=layers, design="from a link")
    )


def chosen(step: Step) -> Recipe:
    """The recipe of the controls at this moment. A callback needs it: somebody may have moved a
    slider after the page was drawn. Raises RecipeError where the settings contradict each other."""
    start, state = origin(step), st.session_state
    controls = {field.name: start.key(step, field.name) for field in fields(Recipe)}
    return start.recipe.replace(**{name: state[key] for name, key in controls.items() if key in state})


def show(step: Step, digits: Digits) -> None:
    """The controls: those that a class changes most, and the others in expanders. Where they
    contradict each other, the page says so."""
    form = Form(step)
    words = st.empty()
    form.choose("learning_rate", "Learning rate", RATES)
    schedule_name, epochs = st.columns(2)
    with schedule_name:
        form.pick("schedule", "Schedule")
    with epochs:
        form.slide("epochs", "Epochs", 1, 30, 1)
    rate_preview = st.empty()

    if names := schedule_fields(form.values["schedule"]):
        with st.expander("Shape of the schedule"):
            for name in names:
                form.number_or_word(name, LABELS.get(name, name.replace("_", " ").capitalize()))
    with st.expander("Augmentation"):
        form.slide("rotation", "Rotation, ± degrees", 0.0, 45.0, 1.0)
        form.slide("shift", "Shift, ± pixels", 0.0, 6.0, 0.1)
        form.slide("scale", "Size, ± fraction", 0.0, 0.5, 0.01)
        form.slide("shear", "Slant, ± degrees", 0.0, 45.0, 1.0)
        form.slide("slash", "Slashed zeros, fraction", 0.0, 0.5, 0.01)
        form.slide("plain_epochs", "Last epochs without augmentation", 0, 5, 1)
        sample = st.empty()
    with st.expander("Optimiser, batches and regularisation"):
        form.pick("optimizer", "Optimiser")
        form.choose("batch_size", "Batch size", BATCHES)
        form.slide("momentum", "Momentum", 0.0, 0.99, 0.01)
        form.choose("weight_decay", "Weight decay", DECAYS)
        form.slide("label_smoothing", "Label smoothing", 0.0, 0.3, 0.01)
        form.slide("dropout", "Dropout", 0.0, 0.5, 0.01)
        form.choose("ema", "Average of weights", AVERAGES)
        given = form.origin.recipe.teacher  # it may come from elsewhere
        teachers = {given: given} | {name: STEPS[name].label for name in teacher.offered(digits.name)}
        if any(teachers):
            form.pick("teacher", "Network that teaches", {**teachers, "": "none"})
        if form.values.get("teacher"):
            form.slide("taught", "Share of its answers in the loss", 0.05, 1.0, 0.05)
            form.slide("softness", "Temperature of these answers", 1.0, 10.0, 0.5)
    with st.expander("Seed, device, digits"):
        form.number("seed", "Seed", 0, 2**31 - 1)
        form.pick("initialization", "First weights")
        devices = {"auto": f"fastest: {device.choose('auto').name}"} | {
            d.id: d.name for d in device.available()
        }
        form.pick("device", "Device", devices)
        form.pick("precision", "Precision")
        form.pick(
            "split",
            "Validate on",
            {"test": "the test digits, as in the exercise", "holdout": "a part of the training digits"},
        )
        st.caption(
            f"Digits in use: {digits.name}, {len(digits.train_labels):,} to train and "
            f"{len(digits.validation_labels):,} to validate."
        )
    try:
        recipe = form.recipe()
    except UserError as error:
        messages.complain(error)
        return
    begun = form.origin
    changed = recipe != begun.recipe.replace(device=recipe.device)
    own = ""
    if begun.layers is not None:
        own = (
            f" It has a network of its own with {count_parameters(begun.layers):,} parameters, and **Train** "
            "trains that one."
        )
    words.caption(
        f"The settings are {'your change of ' if changed else ''}the recipe of {escape(begun.short)}.{own}"
    )
    if begun.layers is not None or recipe != step.recipe.replace(device=recipe.device):
        st.button(
            f"Back to the recipe of {step.short.lower()}",
            on_click=take_over, args=(catalogue.of_step(step),),
            help="The shipped network was trained with this recipe.",
        )  # fmt: skip
    if not EPOCHS.met_by(recipe.epochs):
        st.info(f"The exercise allows {EPOCHS.words} epochs; this recipe has {recipe.epochs}.")
    if not recipe.augments and recipe.replace(plain_epochs=0).augments:
        st.info(
            f"No digit is augmented: the recipe has {count(recipe.epochs, 'epoch')}, and the last "
            f"{recipe.plain_epochs} would show plain digits."
        )
    with rate_preview, small.chart("rate"):
        _preview_rate(recipe)
    with sample.container():
        moved = preview(digits.train_images, digits.train_labels, recipe, count=10)
        st.html(gallery(moved, [""] * 10, scale=2))
        st.caption("Ten training digits as the network will see them. Each epoch moves them in another way.")


def _preview_rate(recipe: Recipe) -> None:
    points = 40 * recipe.epochs
    rates = [(i / 40, recipe.learning_rate * recipe.factor(i / points)) for i in range(points)]
    rates.append((recipe.epochs, rates[-1][1]))
    words = (
        "The rate drops when the validation loss stops falling. Nobody knows beforehand when that "
        "will be, so the chart shows no drop."
        if recipe.schedule == "plateau"
        else "The learning rate of these settings, from the first batch to the last."
    )
    first, highest, last = rates[0][1], max(rate for _, rate in rates), rates[-1][1]
    numbers = f"It begins at {first:.3g}, is at most {highest:.3g}, and ends at {last:.3g}."
    st.vega_lite_chart(
        live.rates(rates, recipe.epochs, recipe.learning_rate, PREVIEW_HEIGHT),
        width="stretch",
        alt=f"{words} {numbers}",
    )
    st.caption(words)


class Form:
    """The controls of one step. Each step keeps its own settings as long as the session lasts."""

    def __init__(self, step: Step) -> None:
        self.step, self.origin = step, origin(step)
        self.values: dict[str, Any] = {}

    def recipe(self) -> Recipe:
        """The recipe of the controls. Raises RecipeError where they contradict each other."""
        return self.origin.recipe.replace(**self.values)

    def _key(self, name: str) -> str:
        return self.origin.key(self.step, name)

    def _default(self, name: str) -> Any:
        return getattr(self.origin.recipe, name)

    def choose(self, name: str, label: str, choices: Sequence[float]) -> None:
        """A slider over values that are not evenly spaced."""
        default = self._default(name)
        self.values[name] = st.select_slider(
            label,
            sorted({*choices, default}),
            value=default,
            format_func=lambda value: f"{value:g}",
            key=self._key(name),
            help=HELP[name],
            persist_state="session",
        )

    def slide(self, name: str, label: str, low: float, high: float, by: float) -> None:
        """A slider over evenly spaced values."""
        default = self._default(name)
        self.values[name] = st.slider(
            label,
            min(low, default),
            max(high, default),
            default,
            by,
            key=self._key(name),
            help=HELP[name],
            persist_state="session",
        )

    def pick(self, name: str, label: str, words: dict[str, str] | None = None) -> None:
        """One of a few words."""
        shown = words or {word: word for word in field_choices(Recipe, name)}
        choices = list(shown)
        default = self._default(name)
        self.values[name] = st.selectbox(
            label,
            choices,
            index=choices.index(default) if default in choices else 0,  # another machine's device
            format_func=lambda word: shown.get(word, word),
            key=self._key(name),
            help=HELP[name],
            persist_state="session",
        )

    def number(self, name: str, label: str, low: int, high: int) -> None:
        """A whole number to type."""
        default = self._default(name)
        self.values[name] = st.number_input(
            label,
            low,
            max(high, default),
            default,
            step=1,
            key=self._key(name),
            help=HELP[name],
            persist_state="session",
        )

    def fraction(self, name: str, label: str, low: float, high: float) -> None:
        """A fraction to type. The recipe may come from elsewhere and lie outside `low` … `high`."""
        default = self._default(name)
        self.values[name] = st.number_input(
            label,
            min(low, default),
            max(high, default),
            default,
            step=0.01,
            format="%.2f",
            key=self._key(name),
            help=HELP[name],
            persist_state="session",
        )

    def number_or_word(self, name: str, label: str) -> None:
        """A parameter of a schedule."""
        kind = field_types(Recipe)[name]
        if get_args(kind):
            self.pick(name, label)
        elif kind is int:
            low, high = field_range(Recipe, name)
            self.number(name, label, int(low), int(high))
        else:
            self.fraction(name, label, *field_range(Recipe, name, step=0.01))

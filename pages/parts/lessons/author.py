"""A form for a lesson of a teacher's own."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages
from pages.parts.lessons import share
from s5core.errors import UserError
from s5core.lesson import LONG, SHORT, VARIANTS, Lesson, Variant
from s5core.runs import catalogue

OPEN = ("learning_rate", "epochs", "batch_size", "optimizer", "schedule", "rotation", "weight_decay")


def show() -> None:
    """The form, and below it the lesson that was made."""
    st.caption(
        "Choose networks that are in the lists of this app: a step, a design or a run, each with its recipe. "
        "The lesson is in its link, so nothing is kept on this server."
    )
    networks = {each.id: each for each in catalogue.networks()}
    with st.form(keys.LESSON_FORM, border=False):
        title = st.text_input("Title", max_chars=SHORT)
        question = st.text_area("The question", max_chars=LONG, height=70)
        tasks = st.text_area("What to do, a line for each task", max_chars=LONG, height=100)
        look = st.text_area("What to look at", max_chars=LONG, height=70)
        ids = st.multiselect(
            "The networks to train",
            list(networks),
            format_func=lambda id: networks[id].label if id in networks else id,
            max_selections=VARIANTS,
            key=keys.LESSON_NETWORKS,  # others' runs change the list meanwhile
        )
        epochs = st.number_input("Epochs of each", 1, 14, 2)
        open = st.multiselect(
            "What learners may change",
            OPEN,
            format_func=lambda name: name.replace("_", " "),
            help="All else is fixed.",
        )
        found = st.text_area("What they should have seen, shown after their runs", max_chars=LONG, height=70)
        if not st.form_submit_button("Make the lesson"):
            return
    missing = [
        name for name, given in (("title", title), ("question", question), ("network", ids)) if not given
    ]
    if missing:
        st.error(f"The lesson has no {missing[0]} yet.")
        return
    lines = tuple(line.strip() for line in tasks.splitlines() if line.strip())
    variants = tuple(_variant(networks[id], int(epochs)) for id in ids)
    made = Lesson(title, question, lines, look, variants, tuple(open), found)
    try:
        Lesson.from_json(made.to_json())  # it is to be read again elsewhere
    except UserError as error:
        messages.complain(error)
        return
    share.show(made)


def _variant(network: catalogue.NamedNetwork, epochs: int) -> Variant:
    recipe = network.recipe.replace(epochs=epochs, seed=0, device="auto")
    return Variant(network.short[:SHORT], network.step.name, network.layers, recipe)

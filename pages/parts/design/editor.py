"""The fields of one layer on the page Design, generically from its class, and what can be done with it."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, replace
from typing import Any

import streamlit as st

from pages.parts import keys, widget
from pages.parts.design import draft
from s5core.layers import LAYERS, Layer
from s5core.settings import field_choices, field_range, field_types

FIELD = 118  # width of a control in pixels


def show(index: int, layer: Layer, total: int) -> None:
    """The kind and the fields of the layer, and the buttons that move, copy and remove it. `total`: how many
    layers there are."""
    with st.container(border=True, gap="small", key=keys.design_editor(index)):
        with st.container(horizontal=True, gap="small"):
            _choose_kind(index, layer)
            for field in shown_fields(type(layer)):
                _show_field(index, layer, field)
        with st.container(horizontal=True, gap="small"):
            _offer(index, "Up", "Before the layer above it.", index == 0, _move, index - 1)
            _offer(index, "Down", "After the layer below it.", index == total - 1, _move, index + 1)
            _offer(index, "Duplicate", "The same layer once more.", not draft.has_room(), _duplicate)
            _offer(index, "Remove", "Undo brings it back.", False, _remove)


def shown_fields(cls: type[Layer]) -> list[Field[Any]]:
    """The fields that make one layer of a kind differ from another."""
    return [field for field in fields(cls) if field.compare]


def fresh(cls: type[Layer]) -> Layer:
    """A new layer of a kind."""
    given = {f.name: f.metadata["first"] for f in fields(cls) if f.default is MISSING}
    return cls(**given)


def offer_addition(place: int) -> None:
    """A list of kinds, of which one can be added at this place."""
    key, nothing = widget.put(keys.design_add(place), None)
    st.selectbox(
        f"Add a layer after layer {place}" if place else "Add a layer",
        list(LAYERS),
        index=nothing,
        key=key,
        placeholder="Choose its kind",
        on_change=_add,
        args=(place,),
        disabled=not draft.has_room(),
        width=260,
    )


def _choose_kind(index: int, layer: Layer) -> None:
    kinds = list(LAYERS)
    key, shown = widget.put(keys.design_kind(index), type(layer).__name__)
    st.selectbox(
        "Kind",
        kinds,
        index=kinds.index(shown),
        key=key,
        on_change=_take_kind,
        args=(index, draft.closed()),
        width=150,
        help=type(layer).__doc__,
    )


def _show_field(index: int, layer: Layer, field: Field[Any]) -> None:
    """A control for one field, as its type asks for it."""
    cls = type(layer)
    key, value = widget.put(keys.design_field(index, cls.__name__, field.name), getattr(layer, field.name))
    label, help = field.name.capitalize(), field.metadata["help"]
    take: dict[str, Any] = {"on_change": _take_field, "args": (index, cls, field.name, draft.closed())}
    kind = field_types(cls)[field.name]
    if kind is bool:
        st.checkbox(label, value, key=key, help=help, width="content", **take)
    elif kind in (int, float):
        step = 1 if kind is int else 0.01
        low, high = map(kind, field_range(cls, field.name, step))
        st.number_input(label, low, high, value, step=step, key=key, help=help, width=FIELD, **take)
    else:
        choices = field_choices(cls, field.name)
        st.selectbox(label, choices, choices.index(value), key=key, help=help, width=FIELD, **take)


def _offer(index: int, words: str, help: str, disabled: bool, change: Any, *more: int) -> None:
    st.button(
        words,
        key=keys.design_change(index, words.lower()),
        on_click=change,
        args=(index, *more),
        disabled=disabled,
        help=help,
    )


# The changes. A browser may send two at once: a text that has just been typed, and a click on a layer that
# is no longer there.


def _add(place: int) -> None:
    kind = widget.shown(keys.design_add(place))
    layers = draft.layers()
    if kind in LAYERS and place <= len(layers) and draft.has_room():
        draft.change((*layers[:place], fresh(LAYERS[kind]), *layers[place:]), place)


def _take_kind(index: int, closed: int) -> None:
    kind = widget.shown(keys.design_kind(index))
    if kind in LAYERS and closed == draft.closed():  # a browser can send anything
        _put(index, fresh(LAYERS[kind]))


def _take_field(index: int, cls: type[Layer], name: str, closed: int) -> None:
    layers = draft.layers()
    if index < len(layers) and type(layers[index]) is cls and closed == draft.closed():
        value = widget.shown(keys.design_field(index, cls.__name__, name))
        _put(index, replace(layers[index], **{name: value}))


def _put(index: int, layer: Layer) -> None:
    layers = draft.layers()
    if index < len(layers) and layers[index] != layer:
        draft.change((*layers[:index], layer, *layers[index + 1 :]), index)


def _move(index: int, to: int) -> None:
    layers = list(draft.layers())
    if index < len(layers):
        layers.insert(to, layers.pop(index))
        draft.change(tuple(layers), to)


def _duplicate(index: int) -> None:
    layers = draft.layers()
    draft.change((*layers[: index + 1], *layers[index:]), index + 1)


def _remove(index: int) -> None:
    layers = draft.layers()
    left = (*layers[:index], *layers[index + 1 :])
    draft.change(left, min(index, len(left) - 1) if left else None)

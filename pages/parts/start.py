"""Start a run, from any page."""

from __future__ import annotations

from pages.parts import choice, messages, server, visitor
from s5core.errors import UserError
from s5core.layers import with_dropout
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Expectation


def start_run(
    network: NamedNetwork, recipe: Recipe, title: str = "", expected: Expectation | None = None
) -> bool:
    """Train a network from new weights: make a run of this person, put it in line, and choose it. Without a
    title it is called after what differs from the recipe of its step. `expected`: what they said first.

    Call it in a callback. Returns whether it worked; else it leaves a message for the place "start".
    """
    layers = with_dropout(network.layers) if recipe.dropout else network.layers
    usual = network.step.recipe
    try:
        title = title or recipe.name(usual, network.design)
        run = server.classroom().start(
            visitor.person(), title, network.step.name, layers, recipe, network.design, expected
        )
    except UserError as error:
        messages.leave("start", str(error))
    except OSError as error:
        messages.leave("start", f"The run could not be written to {folder.home()}: {error.strerror}.")
    else:
        choice.choose(run.id)
        return True
    return False

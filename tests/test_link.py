"""Links: each is read back, and whatever is no link is refused in a sentence."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from s5core import notation
from s5core.export import link
from s5core.export.link import LinkError
from s5core.recipe import Recipe
from s5core.steps import STEPS
from tests.helpers import EVERY_KIND

# Written by the first version. Whoever changes a default of Recipe changes what it means: see link.FORMAT.
FIRST = (
    "1.eNq1kT8LwjAQxb_LzUHaqlW6qYOLiiBOInKmR1uMSUhDUUq_u1cd1EVE6nR_fsd7j6SG0pOF5F6GIEDhlVwJya5-tIxmRldMZI"
    "5ak2I2bsSTTtHLfGXcGV63m2KxfVt0IrLEy9oY9Vk4HHQRL4z_lS-KBVhM00JnbPODy1yZI6pJlX3xFoGAEzkeWqu9AEeysARJDW"
    "SNzPmkz39O6DTHOTj0zIJexIfGoy-MbjV6rFIqLPOWhdwTpZCMmuYGsBq7Iw"
)
THEN = "C8 BN SiLU C8 BN SiLU P C14 BN SiLU C16 BN SiLU P C26p BN SiLU GAP H10"  # step 5's network
MEANT = Recipe(learning_rate=0.2, epochs=3, seed=7, rotation=10, slash=0.1)


def made_of(content: object) -> str:
    """A link with this content."""
    packed = zlib.compress(json.dumps(content).encode())
    return f"{link.FORMAT}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_comes_back_from_its_link(step):
    recipe = step.recipe.replace(seed=123, learning_rate=0.123)
    text = link.write(step.name, step.layers, recipe)
    whole = link.address(text, "https://five-steps.school.example:8501")
    assert len(whole) < 2000
    for each in (text, whole, f"  {text}\n"):
        found = link.read(each)
        assert (found.step, found.layers, found.recipe) == (step.name, step.layers, recipe)
        assert link.is_link(each.strip())


def test_a_network_made_by_hand_comes_back():
    found = link.read(link.write("step5", EVERY_KIND, MEANT))
    assert (found.layers, found.recipe) == (EVERY_KIND, MEANT)


def test_a_link_of_the_first_version_means_the_same():
    found = link.read(FIRST)
    assert (found.step, found.layers) == ("step5", notation.parse(THEN))
    assert found.recipe.to_json() == {
        "epochs": 3, "batch_size": 128, "optimizer": "sgd", "learning_rate": 0.2, "momentum": 0.9,
        "nesterov": True, "weight_decay": 0.0, "schedule": "one-cycle", "warmup": 0.3, "start": 0.04,
        "final": 0.0, "anneal": "linear", "decay": 0.1, "every": 6, "patience": 1, "label_smoothing": 0.0,
        "dropout": 0.0, "rotation": 10.0, "shift": 0.0, "scale": 0.0, "shear": 0.0, "slash": 0.1,
        "plain_epochs": 0, "ema": 0.0, "seed": 7, "split": "test", "device": "auto", "way": "auto",
        "precision": "auto", "teacher": "", "taught": 0.9, "softness": 3.0, "initialization": "default",
    }  # fmt: skip


def good() -> dict[str, object]:
    return {"step": "step5", "layers": [{"layer": "Conv", "channels": 10, "kernel": 28}], "recipe": {}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cut off or no link"),
        ("1.", "cut off or no link"),
        ("https://example.org/train?step=step5", "cut off or no link"),
        ("/train?take=1.%00", "cut off or no link"),
        ("http://[x/train?take=1.abc", "cut off or no link|Invalid"),
        ("2." + made_of(good())[2:], "format 2, and this version reads format 1"),
        (made_of(good())[:-9], "cut off"),
        ("1.AAAA", "cut off or no link"),
        ("1." + "A" * 40, "damaged"),
        (made_of(list(range(40))), "damaged"),
        (made_of({"step": "step5"}), "damaged"),
        (made_of(good() | {"step": ["step5"]}), "a step that this version does not have"),
        (made_of(good() | {"step": "step9"}), "a step that this version does not have"),
        (made_of(good() | {"layers": [{"layer": "Conv", "channels": 10**9}]}), "at most 1,024"),
        (made_of(good() | {"layers": []}), "no layers"),
        (made_of(good() | {"recipe": {"epochs": "many"}}), "epochs is 'many'"),
        (made_of(good() | {"recipe": {"seed": 1e400}}), "damaged|must be a whole number"),
        (made_of(good() | {"recipe": [1]}), "A recipe is a JSON object"),
        (made_of(good() | {"layers": [{"layer": "ReLU"}] * 60}), "at most 50"),
        (made_of(" " * 4_000_000), "unpacks to too much"),
        ("1." + "A" * 10_000, "10,002 characters"),
    ],
)
def test_what_is_no_link_is_refused_in_a_sentence(text, words):
    with pytest.raises(LinkError, match=words) as caught:
        link.read(text)
    assert "\n" not in str(caught.value)


def test_a_name_of_a_step_or_file_is_no_link():
    assert not any(
        map(link.is_link, ["5", "step5", "mine.safetensors", "20261126-101112-step5-abcdef", "1.json"])
    )

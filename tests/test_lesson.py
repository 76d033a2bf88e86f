"""Lessons: files and links that hold all of them, and what runs say about their question."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from s5core import lesson
from s5core.data import Digits
from s5core.events import Finished
from s5core.layers import Conv, GlobalAvgPool
from s5core.lesson import Lesson, LessonError, Reached, Variant
from s5core.recipe import differing
from s5core.steps import STEPS
from s5core.train import train

SMALL = Variant("small", "step5", (Conv(10), GlobalAvgPool()), STEPS["step5"].recipe.replace(epochs=2))
OTHER = Variant("other", "step4", STEPS["step4"].layers, STEPS["step4"].recipe)
MINE = Lesson("Mine", "Why?", ("First.", "Then."), "Look.", (SMALL, OTHER), ("epochs",), "So.", 5)


def test_six_lessons_come_with_the_app():
    assert len(lesson.shipped()) == 6
    for name, each in lesson.shipped().items():
        assert lesson.to_text(each) == name and lesson.from_text(name) is each
        assert each.found and each.look and len(each.variants) > 1


@pytest.mark.parametrize("chosen", [MINE, *lesson.shipped().values()], ids=lambda each: each.title)
def test_a_file_and_a_link_hold_all_of_a_lesson(chosen):
    other = dataclasses.replace(chosen, title="Another title")  # not one that the app brings along
    assert lesson.from_bytes(lesson.to_bytes(other)) == other
    text = lesson.to_text(other)
    assert lesson.from_text(text) == other and len(text) < 2000


def long() -> Lesson:
    """A lesson whose texts are too long for a link: letters that do not compress."""
    letters = random.Random(0)
    texts = ["".join(chr(letters.randint(0x4E00, 0x6FFF)) for _ in range(1000)) for _ in range(4)]
    return dataclasses.replace(MINE, question=texts[0], tasks=(texts[1],), look=texts[2], found=texts[3])


def test_a_lesson_that_is_too_long_for_a_link_has_none_and_its_file_holds_all_of_it():
    assert lesson.from_bytes(lesson.to_bytes(long())) == long()
    with pytest.raises(LessonError, match="too long for a link: shorten its texts, or give others its file"):
        lesson.to_text(long())


def changed(**changes: object) -> bytes:
    return json.dumps(MINE.to_json() | changes).encode()


VARIANT = MINE.to_json()["variants"][0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no lesson"),
        (b"[" * 100_000, "holds no lesson"),
        (b"3", "cannot be read"),
        (b"{}", "'title'|'step'|must have 1"),
        (changed(title="x" * 81), "title must be a text of at most 80"),
        (changed(question=3), "question must be a text"),
        (changed(tasks="one"), "tasks must be a list"),
        (changed(tasks=["x"] * 9), "9 tasks"),
        (changed(variants=[]), "0 networks"),
        (changed(variants=[VARIANT] * 5), "5 networks"),
        (changed(variants=[VARIANT] * 2), "the same name"),
        (changed(variants=[VARIANT | {"step": "step9"}]), "'step9' is missing or unknown"),
        (changed(variants=[VARIANT | {"layers": "C8 GAP"}]), "cannot be trained.*ten logits"),
        (changed(variants=[VARIANT | {"layers": "C8 X GAP"}]), "cannot be trained: Token 2"),
        (changed(variants=[VARIANT | {"recipe": {"epochs": 0}}]), "cannot be trained: epochs is 0"),
        (changed(variants=[VARIANT | {"recipe": 3}]), "cannot be read"),
        (changed(open=["speed"]), "no field 'speed'"),
        (changed(open=[[]]), "cannot be read|no field"),
        (changed(minutes="ten"), "minutes must be a whole number"),
    ],
)
def test_a_damaged_lesson_is_refused_in_a_sentence(content, reason):
    with pytest.raises(LessonError, match=reason):
        lesson.from_bytes(content)


def test_a_link_that_is_none_is_refused():
    for text in ("7-unknown", "1.abc", "x" * 10_000):
        with pytest.raises(LessonError, match="The link to the lesson cannot be read"):
            lesson.from_text(text)


def test_a_learner_may_change_what_is_open_and_the_seed():
    recipe = SMALL.recipe
    assert MINE.allows(recipe, SMALL)
    assert MINE.allows(recipe.replace(epochs=9, seed=3), SMALL)
    assert not MINE.allows(recipe.replace(learning_rate=0.7), SMALL)


def test_runs_say_who_is_ahead_and_whether_that_may_be_chance():
    def reached(variant: Variant, errors: int) -> Reached:
        return Reached(variant, 100 - errors / 100, errors, 10_000, 20.0)

    far = lesson.summarize([reached(SMALL, 200), reached(OTHER, 100)])
    assert far.startswith("other is ahead of small. This difference is more than noise.")
    assert "1.00 points" in far and "fewer than 1 of 100" in far and "*" not in far
    near = lesson.summarize([reached(SMALL, 70), reached(OTHER, 60)])
    assert near.startswith("other is ahead of small. This difference is noise.") and "0.10 points" in near
    assert lesson.summarize([reached(SMALL, 70), reached(OTHER, 70)]) == "There is no difference."
    assert lesson.summarize([reached(SMALL, 70)]) == ""
    assert str(reached(SMALL, 70)) == "small: 99.30\N{NO-BREAK SPACE}% (70 errors), 90 parameters, 20 s"


@pytest.mark.slow
@pytest.mark.parametrize("name", lesson.shipped())
def test_every_network_of_a_lesson_trains(name: str, practice: Digits):
    few = dataclasses.replace(
        practice, train_images=practice.train_images[:512], train_labels=practice.train_labels[:512]
    )
    for variant in lesson.shipped()[name].variants:
        *_, end = train(variant.layers, variant.recipe.replace(device="cpu"), few)
        assert isinstance(end, Finished)


def test_networks_of_the_lesson_on_augmentation_differ_in_their_movements_alone():
    plain, moved = lesson.shipped()["5-augmentation"].variants
    assert set(differing([plain.recipe, moved.recipe])) == {"rotation", "shift", "scale", "shear", "slash"}
    assert moved.recipe.replace(epochs=1).augments and plain.layers == moved.layers

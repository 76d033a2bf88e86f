from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from s5core import checkpoint, digit, reading, sketch
from s5core.layers import build
from s5core.reading import Reading
from s5core.steps import STEPS

SHIPPED = sorted(checkpoint.SHIPPED.glob("step*.safetensors"))


def test_a_reading_ranks_the_digits():
    answer = Reading((0.05, 0.0, 0.0, 0.15, 0.0, 0.0, 0.0, 0.7, 0.1, 0.0))
    assert (answer.answer, answer.confidence, answer.runner_up) == (7, 0.7, 3)


def test_every_network_answers_for_itself_and_in_order():
    models = {name: build(STEPS[name].layers, seed=1).eval() for name in ("step5", "step1", "step3")}
    field = torch.randint(0, 256, (1, 1, 28, 28), dtype=torch.uint8, generator=torch.manual_seed(0))
    answers = reading.read_digit(models, field)
    assert list(answers) == ["step5", "step1", "step3"]
    for name, answer in answers.items():
        expected = models[name]((field / 255 - 0.1307) / 0.3081)[0].softmax(0)
        assert answer.probabilities == pytest.approx(expected.tolist(), abs=1e-5)
        assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.skipif(not SHIPPED, reason="no checkpoints are shipped")
def test_all_steps_read_a_digit_at_once():
    threads = torch.get_num_threads()
    models = {path.stem: checkpoint.load(path).model() for path in SHIPPED}
    field = digit.fit(digit.ink(sketch.hard_digit("7 with a bar", 20).pixels))
    seconds = []
    try:
        reading.use_one_thread()
        for _ in range(8):
            start = time.perf_counter()
            reading.read_digit(models, field)
            seconds.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    assert min(seconds) < 0.02


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.9731, "97.3 %"), (0.9999, "over 99.9 %"), (0.00004, "under 0.1 %"), (0.1, "10.0 %")],
)
def test_percent(probability, text):
    assert reading.percent(probability).replace("\N{NO-BREAK SPACE}", " ") == text


def readings_of(field) -> dict[str, Reading]:
    return reading.read_digit(shipped(), field)


@cache
def shipped() -> dict[str, torch.nn.Module]:
    return {path.stem: checkpoint.load(path).model() for path in SHIPPED}


def is_sure(field) -> bool:
    answers = readings_of(field)
    return reading.agreement(answers, answers["step5"].answer) >= reading.SURE


def letter(character: str):
    picture = Image.new("L", (280, 280))
    font = ImageFont.load_default(180)
    ImageDraw.Draw(picture).text((140, 140), character, fill=255, font=font, anchor="mm")
    return digit.fit(digit.ink(np.asarray(picture.convert("RGB"))))


def test_agreement_is_the_mean_over_the_networks():
    answers = {"one": Reading((0.25, 0.75)), "other": Reading((0.75, 0.25))}
    assert reading.agreement(answers, 0) == 0.5
    assert reading.agreement({"one": answers["one"]}, 1) == 0.75


def test_networks_are_sure_of_digits_and_mostly_not_of_letters(practice):
    digits = [is_sure(image[None]) for image in practice.validation_images[::10]]
    letters = [is_sure(letter(character)) for character in "ACDEFGHJKMNPQRTUVWXY"]
    assert sum(digits) / len(digits) > 0.95
    assert sum(letters) / len(letters) < 0.6


def test_a_digit_has_its_article() -> None:
    assert [reading.noun(label) for label in (1, 8, 9)] == ["a 1", "an 8", "a 9"]

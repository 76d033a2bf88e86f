from __future__ import annotations

import math
import time

import pytest
import torch

from s5core import checkpoint
from s5core.drawing import fit, reading, sketch
from s5core.drawing.reading import Reading
from s5core.layers import build
from s5core.steps import STEPS

SHIPPED = sorted(checkpoint.FOLDER.glob("step*.safetensors"))


def test_a_reading_ranks_the_digits():
    answer = Reading((0.05, 0.0, 0.0, 0.15, 0.0, 0.0, 0.0, 0.7, 0.1, 0.0))
    assert (answer.answer, answer.confidence, answer.runner_up) == (7, 0.7, 3)


def test_every_network_answers_for_itself_and_in_order():
    models = {name: build(STEPS[name].layers, seed=1).eval() for name in ("step5", "step1", "step3")}
    field = torch.randint(0, 256, (1, 1, 28, 28), dtype=torch.uint8, generator=torch.manual_seed(0))
    answers = reading.read_digit(models, field)
    assert list(answers) == ["step5", "step1", "step3"]
    for name, answer in answers.items():
        expected = models[name](field)[0].softmax(0)
        assert answer.probabilities == pytest.approx(expected.tolist(), abs=1e-5)
        assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.skipif(not SHIPPED, reason="no checkpoints are shipped")
def test_all_steps_read_a_digit_at_once():
    threads = torch.get_num_threads()
    models = {path.stem: checkpoint.load(path).model() for path in SHIPPED}
    field = fit.of_ink(fit.ink(sketch.hard_digit("7 with a bar", 20).pixels))
    seconds = []
    try:
        reading.use_one_thread()
        for _ in range(40):  # other tests may run, but hardly during all of them
            start = time.perf_counter()
            reading.read_digit(models, field)
            seconds.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    assert min(seconds) < 0.02


def test_agreement_is_the_mean_over_the_networks():
    answers = {"one": Reading((0.25, 0.75)), "other": Reading((0.75, 0.25))}
    assert reading.agreement(answers, 0) == 0.5
    assert reading.agreement({"one": answers["one"]}, 1) == 0.75


def reading_of(**shares: float) -> Reading:
    """A reading that finds `_4` so probable, and so on."""
    return Reading(tuple(shares.get(f"_{label}", 0.0) for label in range(10)))


def test_a_doubt_says_whose_it_is_and_of_which_kind():
    sure, other = reading_of(_4=0.997, _9=0.003), reading_of(_9=0.99, _4=0.01)
    assert reading.doubt({"One": sure, "Two": sure}, "One") is None
    said = {
        "**One** is 99.7 % sure, but only 1 of 2 networks read a 4.": (
            "disagree",
            {"One": sure, "Two": reading_of(_9=1.0)},
        ),
        "**One** is 60.0 % sure that this is a 4, and a 9 has 40.0 %.": (
            "close",
            {"One": reading_of(_4=0.6, _9=0.4), "Two": other},
        ),
        "**One** is 75.0 % sure, but all networks together are only 47.5 % sure.": (
            "disagree",
            {"One": reading_of(_4=0.75, _9=0.25), "Two": Reading((0.1,) * 4 + (0.2,) + (0.08,) * 5)},
        ),
    }
    for sentence, (kind, answers) in said.items():
        doubt = reading.doubt(answers, "One")
        assert doubt and (doubt.kind, plain(doubt.why)) == (kind, sentence)
    doubt = reading.doubt({"One": sure, "Two": sure}, "One", known=False)
    assert doubt and doubt.kind == "no digit" and "99.7 % sure of a 4" in plain(doubt.why)
    doubt = reading.doubt({"One": Reading((math.nan,) * 10)}, "One")
    assert doubt and doubt.kind == "no answer"


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")

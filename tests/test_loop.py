from __future__ import annotations

import dataclasses

import pytest

from benchmarks.loop import time_loops
from s5core.data import Digits
from s5core.recipe import Recipe
from tests.helpers import TINY


def test_both_loops_are_timed_in_each_round(practice: Digits) -> None:
    few = dataclasses.replace(
        practice, train_images=practice.train_images[:200], train_labels=practice.train_labels[:200]
    )
    timings = list(time_loops(TINY, Recipe(batch_size=100, device="cpu"), few, rounds=2))
    assert len(timings) == 2
    for timing in timings:
        assert timing.usual > 0 and timing.ours > 0
        assert timing.ratio == pytest.approx(timing.ours / timing.usual)

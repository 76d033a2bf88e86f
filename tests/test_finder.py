"""The learning-rate finder: a seeded range test, what it suggests, and the process that does it."""

from __future__ import annotations

import itertools
import json

import pytest

from s5core import data
from s5core.ahead import question
from s5core.ahead.desk import Desk, Pending
from s5core.ahead.rates import RangeTest
from s5core.data import Digits
from s5core.finder import BATCHES, HIGH, LOW, Trial, find_rates, suggest
from s5core.layers import Conv, Dropout, SiLU
from s5core.recipe import Recipe
from tests.helpers import LEAST, wait_for
from tests.test_hints import NORMED

RECIPE = Recipe(batch_size=50, rotation=10)


def test_the_rate_grows_by_the_same_factor_and_the_loss_falls_and_rises(practice: Digits) -> None:
    trials = list(find_rates(NORMED, RECIPE, practice))
    factors = [later.rate / each.rate for each, later in itertools.pairwise(trials)]
    assert trials[0].rate == LOW and factors == pytest.approx([factors[0]] * len(factors))
    assert len(trials) <= BATCHES and trials[-1].rate <= HIGH * 1.0001
    lowest = min(trials, key=lambda each: each.loss)
    assert lowest.loss < 0.7 * trials[0].loss and lowest.loss < trials[-1].loss
    found = suggest(trials)
    assert found is not None and 0.02 <= found.rate <= 0.5 and f"{found.rate:g}" in found.reason


def test_the_same_seed_gives_the_same_trials_and_another_one_others(practice: Digits) -> None:
    layers = (*NORMED[:4], Dropout(), *NORMED[4:])
    recipe = RECIPE.replace(dropout=0.2)
    first = list(find_rates(layers, recipe, practice, batches=5))
    assert first == list(find_rates(layers, recipe, practice, batches=5))
    assert first != list(find_rates(layers, recipe.replace(seed=1), practice, batches=5))


def test_a_test_that_diverges_ends(practice: Digits) -> None:
    wild = (Conv(6, kernel=9), SiLU(), Conv(10, kernel=20))
    assert len(list(find_rates(wild, RECIPE, practice))) < BATCHES


def test_more_batches_than_an_epoch_begin_another(practice: Digits) -> None:
    recipe = RECIPE.replace(batch_size=3000)
    assert len(list(find_rates(LEAST, recipe, practice, batches=3))) == 3


def test_a_loss_that_hardly_falls_suggests_nothing() -> None:
    flat = [Trial(10.0**power, 2.3) for power in range(-4, 2)]
    assert suggest(flat) is None and suggest([]) is None
    assert suggest([*flat, Trial(1.0, 0.5)]) is not None


def test_only_what_matters_makes_another_test(practice: Digits) -> None:
    test = RangeTest(NORMED, RECIPE, practice)
    same = RECIPE.replace(learning_rate=0.7, epochs=1, plain_epochs=1, schedule="constant")
    assert RangeTest(NORMED, same, practice).file == test.file
    found, expected = (list(find_rates(NORMED, each, practice, batches=3)) for each in (same, RECIPE))
    assert found == expected
    others = [RangeTest(NORMED, RECIPE.replace(seed=4), practice), RangeTest(LEAST, RECIPE, practice)]
    assert test.file not in {each.file for each in others}
    again = RangeTest.of(json.loads(json.dumps(test.order())), practice)
    assert again == test


@pytest.mark.parametrize("content", ["", "[[1]]", "[[1, 2, 3]]", "[[NaN, 1]]", '{"a": 1}', "7"])
def test_a_damaged_file_counts_as_none(practice: Digits, content: str) -> None:
    test = RangeTest(NORMED, RECIPE, practice)
    question.home().mkdir(parents=True)
    (question.home() / test.file).write_text(content)
    assert test.look_up() is None


@pytest.mark.slow
@pytest.mark.usefixtures("nowhere")
def test_a_reader_in_a_process_of_its_own_does_the_test() -> None:
    practice = data.practice_set()
    test, desk = RangeTest(NORMED, RECIPE, practice), Desk()
    try:
        first = desk.ask(test)
        assert isinstance(first, Pending)
        wait_for(lambda: desk.pid is None)
        assert not first.trouble
        assert desk.ask(test) == [
            Trial(pytest.approx(each.rate), pytest.approx(each.loss, rel=1e-3))  # type: ignore[arg-type]
            for each in find_rates(NORMED, RECIPE, practice)
        ]
    finally:
        desk.close()

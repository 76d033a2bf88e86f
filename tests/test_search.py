"""The search keeps to its own record: what is in the table can still be built."""

import json

import pytest

from benchmarks import search
from s5core.layers import BatchNorm, Conv, Crop, GlobalAvgPool, MaxPool, ReLU, SiLU

CANDIDATES = {candidate.name: candidate for candidate in search.candidates()}


def test_names_of_candidates_are_unique():
    assert len(CANDIDATES) == len(list(search.candidates()))


@pytest.mark.parametrize("row", search.read(), ids=lambda row: f"{row['candidate']}, seed {row['seed']}")
def test_a_row_has_the_layers_and_the_recipe_of_its_candidate(row):
    candidate = CANDIDATES[row["candidate"]]
    assert json.loads(row["layers"]) == json.loads(json.dumps(candidate.layers))
    assert json.loads(row["recipe"]) == candidate.recipe


def test_a_notation_is_built_word_by_word():
    assert search.stack("c24 8k5s2p pool d16", activation="SiLU") == (
        Crop(24),
        Conv(8, kernel=5, stride=2, padding=2),
        BatchNorm(),
        SiLU(),
        MaxPool(2),
        Conv(8, groups=8),
        Conv(16, kernel=1),
        BatchNorm(),
        SiLU(),
        GlobalAvgPool(),
        Conv(10, kernel=1),
    )


def test_a_pool_comes_before_norm_and_activation_on_request():
    network = search.stack("8 pool", pool_first=True)
    assert network[:4] == (Conv(8), MaxPool(2), BatchNorm(), ReLU())


def test_a_word_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'8x' is no word"):
        search.stack("8 8x")

"""Advice on a network: every rule is reached, and a mend removes what it is for and harms nothing."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from s5core import advice
from s5core.advice import RULES, Advice, advise
from s5core.layers import (
    LAYERS,
    BatchNorm,
    Conv,
    Crop,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    NetworkError,
    ReLU,
    SiLU,
    check,
    count_possible,
)
from s5core.notation import parse, write
from s5core.steps import STEPS
from s5core.summary import count_parameters

BODY = "C8 BN ReLU P C16 BN ReLU P C16 BN ReLU"  # without fault

# The text of a network; the rule that finds something, at which layer from 0, and words of its reason; the
# text of the mended network.
CASES = [
    ("C8 P P P C8k5 GAP H10", "impossible", 4, "A kernel of 5x5 is larger", "C8 P P P C8 GAP H10"),
    ("C8 C12g3 GAP H10", "impossible", 1, "3 groups do not divide", "C8 C12g2 GAP H10"),
    ("C8p5 GAP H10", "impossible", 0, "A padding of 5 is out of range", "C8p GAP H10"),
    ("C8 P28 GAP H10", "impossible", 1, "A pool of 28 is larger", "C8 P26 GAP H10"),
    ("C8k28 P GAP H10", "impossible", 1, "A pool of 2 is larger", "C8k28 GAP H10"),
    ("X24 C8 X21 GAP H10", "impossible", 2, "has no middle", "X24 C8 X20 GAP H10"),
    ("C8k28 X1 H10", "impossible", 1, "has no middle", "C8k28 H10"),
    ("", "no_logits", 0, "There are no layers", "GAP H10"),
    (BODY, "no_logits", 10, "16×3×3", f"{BODY} GAP H10"),
    (f"{BODY} GAP", "no_logits", 11, "16×1×1", f"{BODY} GAP H10"),
    (f"{BODY} GAP H12", "no_logits", 12, "12×1×1", f"{BODY} GAP H10"),
    ("C8 P C10", "no_logits", 2, "10×11×11", "C8 P C10 GAP"),
    (f"BN {BODY} GAP H10", "norm_without_layer", 0, "digits come normalised", f"{BODY} GAP H10"),
    (
        "C8 ReLU BN BN P C16 GAP H10",
        "norm_without_layer",
        3,
        "input comes normalised",
        "C8 ReLU BN P C16 GAP H10",
    ),
    (
        "C8 P C16 ReLU C16 ReLU C16 GAP H10",
        "sees_too_little",
        7,
        "see 16 of the 28",
        "C8 P C16 ReLU C16 ReLU P C16 GAP H10",
    ),
    (f"{BODY} SiLU GAP H10", "two_activations", 11, "second activation", f"{BODY} GAP H10"),
    ("C8b BN ReLU P C16 GAP H10", "cancelled_bias", 0, "8 biases", "C8 BN ReLU P C16 GAP H10"),
    (f"{BODY} H10 ReLU GAP", "activation_on_scores", 12, "the class is lost", f"{BODY} H10 GAP"),
    (f"{BODY} P3 GAP H10", "late_pool", 11, "every 3×3", f"{BODY} GAP H10"),
    (
        "C8 P C16 ReLU C16 GAP H10",
        "sees_too_little",
        5,
        "see 12 of the 28",
        "C8 P C16 ReLU C16 P C16p ReLU GAP H10",
    ),
    (
        "C8 BN SiLU GAP H10",
        "sees_too_little",
        3,
        "see 3 of the 28",
        "C8 BN SiLU P C8p BN SiLU P C8p BN SiLU P C8p BN SiLU GAP H10",
    ),
    (
        "C8 P C8 P C48 C24p GAP H10",
        "costly_layer",
        5,
        "10,368 parameters",
        "C8 P C8 P C48 C48pg48 C24k1 GAP H10",
    ),
    ("C8 P C64k1 P C10k6", "costly_layer", 4, "23,040 parameters", "C8 P C64k1 P GAP H10"),
    ("C16 P C32 P C32 GAP H10", "too_many_parameters", 4, "14,288 parameters", ""),
]


def found(layers: Network, rule: str) -> list[Advice]:
    return [each for each in advise(layers) if each.rule == rule]


@pytest.mark.parametrize(
    ("text", "rule", "index", "words", "mended"), CASES, ids=[f"{c[1]}: {c[0]}" for c in CASES]
)
def test_a_rule_finds_its_layer_says_why_and_mends_it(
    text: str, rule: str, index: int, words: str, mended: str
) -> None:
    (one,) = found(parse(text) if text else (), rule)
    assert one.index == index and words in one.reason and one.reason.endswith((".", "each."))
    assert one.mend is not None and len(one.mend.words) < 50
    if mended:
        assert write(one.mend.layers) == mended
    assert not found(one.mend.layers, rule)


def test_every_rule_is_reached() -> None:
    assert {case[1] for case in CASES} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("name", ["step5", "step5_small", "step5_fast"])
def test_our_own_step_5_needs_no_advice(name: str) -> None:
    assert advise(STEPS[name].layers) == ()


def test_the_advice_on_the_other_steps_is_what_their_stories_tell() -> None:
    rules = {name: {each.rule for each in advise(step.layers)} for name, step in STEPS.items()}
    assert {"costly_layer", "too_many_parameters"} <= rules["base"]
    assert rules["step1"] == {"costly_layer", "too_many_parameters"}
    for name in ("step2", "step3", "step4"):
        assert {"activation_on_scores", "sees_too_little"} >= rules[name] >= {"activation_on_scores"}
    assert "sees_too_little" in rules["step4"] and "sees_too_little" in rules["step5_published"]


def test_a_network_that_is_over_the_budget_is_narrowed_as_little_as_it_takes() -> None:
    for name in ("base", "step1", "step5_published"):
        (one,) = found(STEPS[name].layers, "too_many_parameters")
        assert one.mend is not None
        check(one.mend.layers)
        assert 8_500 < count_parameters(one.mend.layers) < 10_000, name


def any_network(chance: random.Random) -> Network:
    """Layers that often fit together and are often unwise."""
    conv = [Conv(8), Conv(12, padding=1), Conv(16, kernel=5), Conv(10, kernel=1), Conv(40, bias=True)]
    others = [
        Conv(12, groups=4, padding=1),
        Conv(9, groups=3),
        BatchNorm(),
        ReLU(),
        SiLU(),
        MaxPool(),
        MaxPool(3),
    ]
    rest: list[Layer] = [Crop(24), Crop(5), Conv(200), Conv(8, padding=4)]
    kinds = [*conv, *conv, *others, *others, *rest]
    body = tuple(chance.choice(kinds) for _ in range(chance.randint(0, 12)))
    return body + chance.choice([(), advice.HEAD, advice.HEAD, advice.HEAD[::-1]])


def is_whole(layers: Network) -> bool:
    try:
        check(layers)
    except NetworkError:
        return False
    return True


@pytest.mark.parametrize("seed", range(6))
def test_a_mend_removes_its_advice_and_makes_nothing_impossible(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(30):
        layers = any_network(chance)
        before = Counter(each.rule for each in advise(layers))
        assert any(each.is_error for each in advise(layers)) is not is_whole(layers)
        for each in advise(layers):
            assert each.index < max(1, len(layers))
            if each.mend is None:
                continue
            after = each.mend.layers
            told = f"{write(layers)} -> {write(after)}: {each}"
            if is_whole(layers):
                assert is_whole(after), told
            left = len(layers) - count_possible(layers), len(after) - count_possible(after)
            assert left[1] <= left[0], told
            fewer = Counter(other.rule for other in advise(after))[each.rule] < before[each.rule]
            assert fewer or (each.rule == "impossible" and left[1] < left[0]), told


@pytest.mark.parametrize("seed", range(4))
def test_whoever_mends_on_comes_to_a_network_that_can_be_trained(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        layers = any_network(chance)
        for _ in range(60):
            mends = [each.mend for each in advise(layers) if each.mend is not None]
            if not mends:
                break
            layers = mends[0].layers
        assert is_whole(layers), write(layers)


@pytest.mark.parametrize("cls", LAYERS.values(), ids=lambda cls: cls.__name__)
def test_a_layer_is_fitted_to_any_shape_or_there_is_none(cls: type[Layer]) -> None:
    for layer in [
        Conv(12, 5, 4, 2, 6),
        Conv(7, 28),
        MaxPool(3),
        Crop(24),
        ReLU(),
        BatchNorm(),
        GlobalAvgPool(),
    ]:
        if not isinstance(layer, cls):
            continue
        for shape in [(1, 28, 28), (8, 3, 3), (12, 1, 1), (5, 2, 2)]:
            fitted = layer.fitted(shape)
            assert fitted is None or fitted.check(shape) is None
            assert fitted is not None or cls in (MaxPool, Crop)

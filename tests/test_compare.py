from __future__ import annotations

from itertools import product

import pytest

from s5core import compare as module
from s5core.compare import against_target, compare_networks, curve, standings
from s5core.layers import Conv, Crop, GlobalAvgPool, MaxPool, ReLU
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS
from s5core.summary import count_parameters, layer_table


def result(parameters: int = 8_000, epochs: int = 14, last: float = 99.5) -> Result:
    last_by_seed = {0: last - 0.03, 1: last, 2: last + 0.03}
    return Result(parameters, epochs, last_by_seed, best=99.52, train=99.0, seconds=100.0)


def marks(before: str, after: str) -> list[tuple[str, str]]:
    """(mark, layer) of everything that is not the same."""
    pairs = compare_networks(STEPS[before].layers, STEPS[after].layers).pairs
    return [
        (pair.mark, (pair.after or pair.before).layer.describe()) for pair in pairs if pair.mark != "same"
    ]


def test_step_2_replaces_one_layer():
    assert marks("step1", "step2") == [("removed", "Conv 7×7, 10 maps"), ("added", "GlobalAvgPool")]


def test_step_3_moves_the_pool_and_keeps_the_rest():
    assert marks("step2", "step3") == [
        ("removed", "Conv 3×3, 12 maps"),
        ("removed", "ReLU"),
        ("removed", "MaxPool 2×2"),
        ("added", "MaxPool 2×2"),
        ("added", "Conv 1×1, 10 maps"),
        ("added", "ReLU"),
    ]


def test_step_4_adds_six_norms_and_dropouts_for_184_parameters():
    difference = compare_networks(STEPS["step3"].layers, STEPS["step4"].layers)
    assert marks("step3", "step4") == [("added", "BatchNorm"), ("added", "Dropout")] * 6
    assert (difference.parameters, difference.receptive_field, difference.multiply_adds) == (184, 0, 0)


@pytest.mark.parametrize(("before", "after"), list(product(STEPS, repeat=2)))
def test_an_alignment_keeps_both_networks_whole(before: str, after: str):
    one, other = STEPS[before].layers, STEPS[after].layers
    difference = compare_networks(one, other)
    for side, layers in (("before", one), ("after", other)):
        rows = [row for pair in difference.pairs if (row := getattr(pair, side))]
        assert [type(row.layer) for row in rows] == [type(layer) for layer in layers]
        assert sum(row.parameters for row in rows) == count_parameters(layers)
    for pair in difference.pairs:
        assert pair.mark == {(0, 1): "added", (1, 0): "removed"}.get(
            (pair.before is not None, pair.after is not None), pair.mark
        )
        if pair.before and pair.after:
            assert type(pair.before.layer) is type(pair.after.layer)
            same = pair.before.layer == pair.after.layer and pair.before.parameters == pair.after.parameters
            assert pair.mark == ("same" if same else "changed")
    assert difference.parameters == count_parameters(other) - count_parameters(one)
    back = compare_networks(other, one)
    assert (back.receptive_field, back.multiply_adds) == (
        -difference.receptive_field,
        -difference.multiply_adds,
    )


def test_a_network_differs_from_itself_in_nothing():
    for step in STEPS.values():
        assert {pair.mark for pair in compare_networks(step.layers, step.layers).pairs} == {"same"}


def test_a_relu_inside_forward_is_a_relu():
    assert ("added", "ReLU") not in marks("base", "base")
    hidden = (Conv(10), ReLU(functional=True), GlobalAvgPool())
    shown = (Conv(10), ReLU(), GlobalAvgPool())
    assert {pair.mark for pair in compare_networks(hidden, shown).pairs} == {"same"}


def test_a_layer_whose_input_changes_its_parameters_is_changed():
    pairs = compare_networks((Conv(4), Conv(10), GlobalAvgPool()), (Conv(8), Conv(10), GlobalAvgPool())).pairs
    assert [pair.mark for pair in pairs] == ["changed", "changed", "same"]


def test_descriptions_name_what_is_unusual():
    rows = layer_table(
        (Conv(1024, 5, padding=2, stride=2, bias=True), Conv(8, groups=8), MaxPool(3), Crop(2))
    )
    assert [row.layer.describe() for row in rows] == [
        "Conv 5×5, 1,024 maps, padding 2, stride 2, bias",
        "Conv 3×3, 8 maps, 8 groups",
        "MaxPool 3×3",
        "Crop to 2×2",
    ]
    assert module.shape_of(rows[0]) == "1,024×14×14"


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        ({}, [True, True, True]),
        ({"last": 99.40, "parameters": 9_999}, [True, True, True]),
        ({"last": 99.39}, [False, True, True]),
        ({"last": 99.3996}, [True, True, True]),  # shown as 99.40
        ({"parameters": 10_000}, [True, False, True]),
        ({"epochs": 15}, [True, True, False]),
    ],
)
def test_against_target(changes: dict[str, float], met: list[bool]):
    assert [bound.met for bound in against_target(result(**changes))] == met


def test_the_bounds_show_the_figures():
    assert [bound.reached for bound in against_target(result())] == ["99.50 ± 0.03 %", "8,000", "14"]


def test_standings_give_each_reported_figure_once():
    placed = standings({"step4": result(), "gone": result()})
    assert [(one.name, one.seeds) for one in placed if one.source == "ours"] == [("step4", 3)]
    reported = {one.name: one.accuracy for one in placed if one.source == "reported"}
    # The base net has no reported accuracy, and step 5's belongs to the published network.
    assert set(reported) == {"step1", "step2", "step3", "step4", "step5_published"}
    assert reported["step5_published"] == STEPS["step5_published"].reported.test
    assert [one.name for one in placed if one.source == "elsewhere"] == [one.repository for one in PUBLISHED]


def test_a_curve_is_the_mean_of_the_seeds_that_got_there():
    def epochs(*values: float) -> dict[str, object]:
        return {"epochs": [{"train": value - 1, "validation": value} for value in values]}

    first, second = curve({"seeds": [epochs(90, 98), epochs(94)]})
    assert (first.epoch, first.train, first.validation) == (1, 91, 92)
    assert (first.lowest, first.highest) == (90, 94)
    assert (second.epoch, second.validation, second.lowest) == (2, 98, 98)
    assert curve({"seeds": []}) == []

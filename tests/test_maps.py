from __future__ import annotations

import pytest
import torch

from s5core.views import maps


def test_cells_are_whole_pixels_and_one_has_a_frame() -> None:
    drawn = maps.feature_map(torch.arange(6.0).view(2, 3), chosen=(1, 2), side=100)
    assert (drawn["width"], drawn["height"]) == (99, 66)
    (rows,) = drawn["datasets"].values()
    assert [row["value"] for row in rows] == [0, 1, 2, 3, 4, 5]
    (chosen,) = [row for row in rows if row["chosen"]]
    assert (chosen["row"], chosen["column"]) == (2, 3)  # counted from 1


@pytest.mark.parametrize(("field", "shades"), [([[-1.0, 3.0]], [0, 1]), ([[2.0, 2.0]], [0, 0])])
def test_the_scale_reaches_over_the_map_and_is_never_empty(
    field: list[list[float]], shades: list[float]
) -> None:
    drawn = maps.feature_map(torch.tensor(field), chosen=(0, 0), side=50)
    assert drawn["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0, 1]
    assert [cell["shade"] for cell in drawn["datasets"]["cells"]] == shades
    assert [cell["value"] for cell in drawn["datasets"]["cells"]] == field[0]


def test_single_cells_are_bars_with_the_numbers_of_their_maps() -> None:
    drawn = maps.cell_values([0.5, -1.0], "map", first=5)
    (rows,) = drawn["datasets"].values()
    assert rows == [{"map": 5, "value": 0.5}, {"map": 6, "value": -1.0}]


def test_signed_values_have_zero_in_the_middle_of_the_scale() -> None:
    drawn = maps.feature_map(torch.tensor([[-1.0, 3.0]]), chosen=(0, 0), side=50, signed=True)
    scale = drawn["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == pytest.approx([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1])
    assert [cell["shade"] for cell in drawn["datasets"]["cells"]] == [pytest.approx(-1 / 3, abs=1e-4), 1]
    assert len(scale["range"]) == 7 and scale["range"][3] == "#F7F7F7"

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
import torchinfo
from torch import Tensor, nn

from s5core import steps, summary, target
from s5core.layers import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    Network,
    NetworkError,
    ReLU,
    build,
    shapes,
)
from s5core.summary import (
    Row,
    count_parameters,
    format_details,
    format_table,
    layer_table,
    receptive_field,
)

GOLDEN = Path(__file__).parent / "golden"

STEPS = {step.name: step.layers for step in steps.STEPS.values()}
OURS = ["step5", "step5_small", "step5_fast"]  # made here; all others are the source's
PUBLISHED = [name for name in STEPS if name not in OURS]
ODD: dict[str, Network] = {
    "depthwise": (
        Conv(8),
        Conv(8, padding=1, groups=8),
        Conv(16, kernel=1, bias=True),
        MaxPool(3),
        Conv(10, groups=2),
        GlobalAvgPool(),
    ),
    "strided": (
        Conv(6, kernel=5, padding=2, stride=2),
        ReLU(),
        Conv(6, kernel=2),
        Conv(6, kernel=3, stride=3, padding=1),
        Conv(10, kernel=4, padding=1),
        GlobalAvgPool(),
    ),
    "cropped": (
        Crop(24),
        Conv(4),
        MaxPool(2),
        Conv(4, stride=2),
        Crop(3),
        Conv(10, padding=2),
        GlobalAvgPool(),
    ),
    "pooled with a rest": (Conv(4, kernel=4), MaxPool(2), Conv(10), MaxPool(4), GlobalAvgPool()),
    "padded throughout": (
        Conv(4, padding=1),
        BatchNorm(),
        ReLU(),
        Conv(4, kernel=5, padding=4),
        MaxPool(2),
        Conv(4, padding=2),
        MaxPool(3),
        Conv(10, kernel=2, padding=1),
        GlobalAvgPool(),
    ),
}


def each(networks: dict[str, Network]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("layers", networks.values(), ids=networks.keys())


@pytest.mark.parametrize("name", PUBLISHED)
def test_table_is_the_published_one(name: str) -> None:
    golden = (GOLDEN / f"{name}.txt").read_text().splitlines()
    table = format_table(layer_table(STEPS[name])).splitlines()
    if not any(line.startswith("Trainable") for line in golden):  # as in the source's steps 4 and 5
        table = [line for line in table if not line.startswith(("Trainable", "Non-trainable"))]
    assert table == golden


@pytest.mark.parametrize("name", OURS)
def test_table_of_a_step_of_our_own(request: pytest.FixtureRequest, name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    table = format_table(layer_table(STEPS[name])) + "\n"
    if request.config.getoption("golden"):
        path.write_text(table)
    assert path.read_text() == table


def torchinfo_rows(layers: Network) -> list[torchinfo.layer_info.LayerInfo]:
    info = torchinfo.summary(build(layers, seed=0)[1:], (1, 1, 28, 28), verbose=0, device="cpu")
    return [row for row in info.summary_list if row.depth == 1]


@each(STEPS | ODD)
def test_shapes_and_parameters_agree_with_torchinfo(layers: Network) -> None:
    theirs = torchinfo_rows(layers)
    for row in layer_table(layers):
        assert (row.output_shape, row.parameters) == (
            tuple(theirs[row.index].output_size[1:]),
            theirs[row.index].num_params,
        ), row.name


@each(STEPS | ODD)
def test_multiply_adds_agree_with_torchinfo(layers: Network) -> None:
    theirs = torchinfo_rows(layers)
    for row in layer_table(layers):
        if isinstance(row.layer, Conv):
            channels, height, width = row.output_shape
            biases = channels * height * width if row.layer.bias else 0  # torchinfo counts these too
            assert row.multiply_adds == theirs[row.index].macs - biases, row.name
        else:
            assert row.multiply_adds == 0, row.name


@each(STEPS | ODD)
def test_total_agrees_with_the_module(layers: Network) -> None:
    trainable = sum(p.numel() for p in build(layers, seed=0).parameters() if p.requires_grad)
    assert count_parameters(layers) == trainable


@each(STEPS | ODD)
def test_activation_bytes_are_those_of_the_output(layers: Network) -> None:
    for row, output in zip(layer_table(layers), outputs(layers), strict=True):
        assert row.activation_bytes == output.float().nbytes, row.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_total_is_the_published_one(name: str) -> None:
    assert count_parameters(STEPS[name]) == steps.STEPS[name].reported.parameters


@pytest.mark.parametrize(
    ("name", "budget"),
    [("step5", target.PARAMETER_BUDGET), ("step5_small", 4_000), ("step5_fast", target.PARAMETER_BUDGET)],
)
def test_our_steps_keep_their_budgets(name: str, budget: int) -> None:
    assert count_parameters(STEPS[name]) < budget


def test_functional_relus_have_no_row_and_a_module() -> None:
    rows = layer_table((Conv(8), ReLU(functional=True), Conv(10, kernel=26)))
    assert [(row.name, row.index) for row in rows] == [("Conv2d-1", 0), ("Conv2d-2", 2)]


def test_table_refuses_an_impossible_layer() -> None:
    with pytest.raises(NetworkError, match=r"Layer 2, MaxPool\(size=27\)"):
        layer_table((Conv(8), MaxPool(27)))


def test_table_takes_a_network_without_a_head() -> None:
    assert layer_table((Conv(8), ReLU()))[-1].output_shape == (8, 26, 26)


def test_details_show_every_row_and_the_totals() -> None:
    rows = layer_table(steps.STEP5)
    _, *body, total = format_details(rows).splitlines()
    assert [line.split()[0] for line in body] == [row.name for row in rows]
    assert f"{sum(row.parameters for row in rows):,}" in total
    assert f"{sum(row.multiply_adds for row in rows):,}" in total


def outputs(layers: Network, image: Tensor | None = None) -> list[Tensor]:
    """The output behind each row of a linear twin in double precision: with positive weights,
    means for maxima and no ReLU, a gradient is zero exactly where a cell does not look."""
    x = torch.ones(1, 1, 28, 28, dtype=torch.float64) if image is None else image
    generator = torch.Generator().manual_seed(0)
    found = []
    for layer, shape, _ in shapes(layers):
        module = layer.module(shape).double().eval()
        if isinstance(layer, ReLU):
            module = nn.Identity()
        if isinstance(layer, MaxPool):
            module = nn.AvgPool2d(layer.size)
        if isinstance(layer, Conv):
            weight = torch.rand(module.weight.shape, dtype=torch.float64, generator=generator) + 0.5
            module.weight = nn.Parameter(weight / weight[0].sum())
        x = module(x)
        if not (isinstance(layer, ReLU) and layer.functional):
            found.append(x)
    return found


def seen(output: Tensor, image: Tensor, row: int, column: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the pixels that move a cell; pixel i covers i … i + 1."""
    (gradient,) = torch.autograd.grad(output[0, :, row, column].sum(), image, retain_graph=True)
    ys, xs = gradient[0, 0].nonzero(as_tuple=True)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def slim(layers: Network) -> Network:
    """Three channels see as far as a thousand."""
    return tuple(replace(layer, channels=3) if isinstance(layer, Conv) else layer for layer in layers)


def traced(layers: Network) -> tuple[Tensor, list[tuple[Row, Tensor]]]:
    layers = layers if any(isinstance(x, Conv) and x.groups > 1 for x in layers) else slim(layers)
    image = torch.ones(1, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    rows = zip(layer_table(layers), outputs(layers, image), strict=True)
    windows = (Conv, Crop, MaxPool, GlobalAvgPool)
    return image, [(row, output) for row, output in rows if isinstance(row.layer, windows)]


@each(STEPS | ODD)
def test_box_is_where_the_gradient_is(layers: Network) -> None:
    image, rows = traced(layers)
    for row, output in rows:
        last = output.shape[-1] - 1
        for cell in {(0, last), (last // 2, last // 3), (last, 0)}:
            box = tuple(min(max(edge, 0), 28) for edge in row.box(*cell))
            assert box == seen(output, image, *cell), (row.name, cell)


@each(STEPS | ODD)
def test_receptive_field_and_jump_are_those_of_neighbouring_cells(layers: Network) -> None:
    image, rows = traced(layers)
    measured = 0
    for row, output in rows:
        middle = output.shape[-1] // 2
        low, high = max(row.frame[0], 0), min(row.frame[1], 28)
        if row.receptive_field + row.jump > high - low - 2 * row.jump or middle == 0:
            continue  # no two neighbours keep clear of the edges
        left, top, right, bottom = seen(output, image, middle, middle - 1)
        beside = seen(output, image, middle, middle)
        assert (right - left, bottom - top) == (row.receptive_field, row.receptive_field), row.name
        assert (beside[0] - left, beside[1] - top) == (row.jump, 0), row.name
        measured += 1
    assert measured >= 2


@each(STEPS | ODD)
def test_pointwise_layers_see_what_the_layer_before_saw(layers: Network) -> None:
    for before, row in pairwise(layer_table(layers)):
        if isinstance(row.layer, (ReLU, BatchNorm, Dropout)):
            assert row.box(0, 1) == before.box(0, 1), row.name


def test_box_of_a_pixel_is_that_pixel() -> None:
    assert layer_table((ReLU(),))[0].box(row=3, column=5) == (5, 3, 6, 4)


def test_box_reaches_into_the_padding() -> None:
    assert layer_table((Conv(8, padding=1),))[0].box(row=0, column=27) == (26, -1, 29, 2)


@each(STEPS | ODD)
def test_the_receptive_field_alone_is_that_of_the_table(layers: Network) -> None:
    for number in range(1, len(layers) + 1):
        row = layer_table(layers[:number], every=True)[-1]
        assert receptive_field(layers[:number]) == row.receptive_field


def test_receptive_fields_worked_out_by_hand() -> None:
    fields = {name: layer_table(layers)[-1].receptive_field for name, layers in STEPS.items()}
    assert fields == {
        "base": 40,
        "step1": 28,
        "step2": 28,
        "step3": 28,
        "step4": 28,
        "step5_published": 28,
        "step5": 36,
        "step5_small": 40,
        "step5_fast": 34,
    }


def test_row_as_json() -> None:
    row = layer_table((Conv(8),))[0]
    data = json.loads(json.dumps(row.to_json()))
    assert data["name"] == "Conv2d-1"
    assert data["output_shape"] == [8, 26, 26]
    assert all(data[name] == getattr(row, name) for name in data.keys() - {"output_shape"})


@pytest.mark.parametrize("name", ["base", "step5"])
def test_the_cell_that_looks_closest_to_a_place(name: str) -> None:
    for row in layer_table(STEPS[name]):
        _, height, width = row.output_shape
        for y, x in product(range(height), range(width)):
            assert row.cell_at(*row.centre(y, x)) == (y, x)
            left, top, right, bottom = row.box(y, x)
            assert row.centre(y, x) == ((left + right) / 2, (top + bottom) / 2)
        assert row.cell_at(-99, 99) == (height - 1, 0)  # beyond the edge it is the last one


def test_a_table_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [Conv(3), Dropout()] * 7 + [Conv(10)]  # a list, of layers that no other test has looked at
    first, parameters = layer_table(layers), count_parameters(layers)
    monkeypatch.setattr(summary, "shapes", None)  # without it no table can be made
    assert layer_table(tuple(layers)) == first and first is not layer_table(layers)
    assert count_parameters(layers) == parameters > 0

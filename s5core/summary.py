"""The layer table: output shape, parameters, receptive field and cost of every layer.

The receptive field follows Araujo, Norris and Sim, "Computing Receptive Fields of
Convolutional Neural Networks", Distill 2019 (doi 10.23915/distill.00021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import torch

from s5core.layers import Layer, Network, Shape, shapes


@dataclass(frozen=True)
class Row:
    """One layer as the table shows it."""

    layer: Layer
    index: int  # of the layer in the network, from 0
    name: str  # torch's name and the number in the table: Conv2d-1
    output_shape: Shape  # channels, height, width
    parameters: int
    kernel: int  # side in pixels of the input that one output cell reads
    receptive_field: int  # side in pixels of the digit that one output cell sees
    jump: int  # pixels of the digit from one output cell to the next
    start: float  # place of the first cell's centre on the digit; pixel i spans i to i + 1
    frame: tuple[float, float]  # from where to where, across and down, crops have left the digit
    multiply_adds: int  # for one image
    activation_bytes: int  # of the output for one image in float32

    def to_json(self) -> dict[str, Any]:
        """The row as JSON data, without the layer itself."""
        return {
            "name": self.name,
            "output_shape": list(self.output_shape),
            "parameters": self.parameters,
            "receptive_field": self.receptive_field,
            "jump": self.jump,
            "multiply_adds": self.multiply_adds,
            "activation_bytes": self.activation_bytes,
        }

    def box(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Receptive field of an output cell: (left, top, right, bottom) on the digit, where pixel i
        spans i to i + 1.

        What lies outside 0 … 28 is padding. What a crop has cut off is left out. A stride that does
        not divide its map cuts off the rest, which can make the field smaller at that edge.
        """
        x, y = self.centre(row, column)
        half = self.receptive_field / 2
        low, high = self.frame
        return max(low, x - half), max(low, y - half), min(high, x + half), min(high, y + half)

    def centre(self, row: int, column: int) -> tuple[float, float]:
        """(x, y) on the digit of the middle of an output cell's receptive field."""
        return self.start + self.jump * column, self.start + self.jump * row

    def cell_at(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the output cell whose centre is closest to a place on the digit."""
        row, column = (
            min(max(math.floor((place - self.start) / self.jump + 0.5), 0), side - 1)
            for place, side in zip((y, x), self.output_shape[1:], strict=True)
        )
        return row, column


def layer_table(layers: Sequence[Layer], every: bool = False) -> list[Row]:
    """A row for each layer. Raises NetworkError for impossible layers.

    `every`: also for layers that the classic table leaves out.
    """
    return list(_rows(tuple(layers), every))


@lru_cache(maxsize=256)
def _rows(layers: Network, every: bool) -> tuple[Row, ...]:
    """The table, made once: it takes milliseconds, and pages ask at each look."""
    rows = []
    numbers = count(1)
    receptive_field, jump, start = 1, 1, 0.5
    low, high = -math.inf, math.inf
    for index, (layer, shape, out) in enumerate(shapes(layers)):
        kernel, stride, padding = layer.window(shape)
        receptive_field += (kernel - 1) * jump
        start += ((kernel - 1) / 2 - padding) * jump
        jump *= stride
        if padding < 0:  # a crop
            half = receptive_field / 2
            low, high = max(low, start - half), min(high, start + jump * (out[2] - 1) + half)
        if not (layer.has_row or every):
            continue
        with torch.device("meta"):  # shapes alone: nothing is initialised
            parameters = sum(p.numel() for p in layer.module(shape).parameters())
        rows.append(
            Row(
                layer=layer,
                index=index,
                name=f"{layer.kind}-{next(numbers)}",
                output_shape=out,
                parameters=parameters,
                kernel=kernel,
                receptive_field=receptive_field,
                jump=jump,
                start=start,
                frame=(low, high),
                multiply_adds=layer.multiply_adds(shape),
                activation_bytes=4 * out[0] * out[1] * out[2],
            )
        )
    return tuple(rows)


def receptive_field(layers: Sequence[Layer]) -> int:
    """Side in pixels of the digit that an output cell of the last layer sees, as in the table, which
    counts parameters as well. Raises NetworkError for impossible layers."""
    field, jump = 1, 1
    for layer, shape, _ in shapes(layers):
        kernel, stride, _ = layer.window(shape)
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


def count_parameters(layers: Sequence[Layer]) -> int:
    """Trainable parameters of the network. Raises NetworkError for impossible layers."""
    return sum(row.parameters for row in layer_table(layers))


def format_table(rows: Sequence[Row]) -> str:
    """The table in the classic format of torchsummary, which the exercise uses."""
    total = sum(row.parameters for row in rows)
    line, double = "-" * 64, "=" * 64
    body = [f"{row.name:>20}  {[-1, *row.output_shape]!s:>25} {row.parameters:>15,}" for row in rows]
    return "\n".join(
        [
            line,
            f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}",
            double,
            *body,
            double,
            f"Total params: {total:,}",
            f"Trainable params: {total:,}",
            "Non-trainable params: 0",
            line,
        ]
    )


def format_details(rows: Sequence[Row]) -> str:
    """The table with columns that the classic format lacks: receptive field, jump and costs."""
    head = (
        f"{'Layer':>16}  {'Output':>14} {'Params':>10} {'RF':>4} {'Jump':>5} {'Mult-adds':>12} {'Memory':>10}"
    )
    body = [
        f"{row.name:>16}  {'x'.join(map(str, row.output_shape)):>14} {row.parameters:>10,} "
        f"{row.receptive_field:>4} {row.jump:>5} {row.multiply_adds:>12,} "
        f"{row.activation_bytes / 1024:>6.1f} KiB"
        for row in rows
    ]
    total = (
        f"{'Total':>16}  {'':>14} {sum(row.parameters for row in rows):>10,} "
        f"{rows[-1].receptive_field:>4} {'':>5} {sum(row.multiply_adds for row in rows):>12,} "
        f"{sum(row.activation_bytes for row in rows) / 1024:>6.1f} KiB"
    )
    return "\n".join([head, *body, total])

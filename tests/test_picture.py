from __future__ import annotations

import numpy as np
import pytest
import torch

from s5core import steps
from s5core.summary import Row, layer_table
from s5core.views import picture


def brightness(palette: picture.Picture) -> np.ndarray:
    """The brightness of every eighth colour. Neighbours are so alike that rounding hides their order."""
    return palette[::8] @ np.array([0.2126, 0.7152, 0.0722])


def rows(name: str) -> dict[str, Row]:
    return {row.name: row for row in layer_table(steps.STEPS[name].layers)}


def test_palettes_can_be_read_without_their_hues() -> None:
    assert (np.diff(brightness(picture.ACTIVATIONS)) > 0).all()
    weights = brightness(picture.WEIGHTS)
    assert weights.argmax() == 16
    assert (np.diff(weights[:17]) > 0).all() and (np.diff(weights[16:]) < 0).all()


def test_zero_is_white_in_the_palette_of_weights() -> None:
    kernel = torch.tensor([[-2.0, 0.0, 2.0]])
    painted = picture.paint(kernel, picture.WEIGHTS, -2, 2)
    assert (painted[0, 1] > 240).all()
    assert painted[0, 0, 2] > painted[0, 0, 0]  # negative is blue
    assert painted[0, 2, 0] > painted[0, 2, 2]  # positive is orange


def test_paint_keeps_to_its_scale() -> None:
    painted = picture.paint(torch.tensor([[-9.0, 0.0, 1.0, 9.0]]), picture.INK, 0, 1)
    assert painted[0, :, 0].tolist() == [0, 0, 255, 255]
    flat = picture.paint(torch.full((2, 2), 3.0), picture.INK, 3, 3)
    assert (flat == 0).all()


def test_enlarge_has_hard_edges() -> None:
    small = picture.paint(torch.arange(9.0).view(3, 3), picture.ACTIVATIONS, 0, 8)
    large = picture.enlarge(small, 100)
    assert large.shape == (102, 102, 3)
    assert (large == np.kron(small, np.ones((34, 34, 1), dtype=np.uint8))).all()


def test_mark_cell_frames_that_cell_and_leaves_it_to_be_seen() -> None:
    small = picture.paint(torch.zeros(5, 5), picture.INK, 0, 1)
    marked = picture.mark_cell(small, row=1, column=3, size=100).any(axis=2)
    changed = np.argwhere(marked)
    assert not marked[20:40, 60:80].any()
    assert 10 < changed.min(axis=0)[0] < 20 and 50 < changed.min(axis=0)[1] < 60
    assert 40 <= changed.max(axis=0)[0] < 50 and 80 <= changed.max(axis=0)[1] < 90


def test_a_cell_in_the_corner_is_framed_too() -> None:
    small = picture.paint(torch.zeros(5, 5), picture.INK, 0, 1)
    for cell, corner in ((0, slice(0, 8)), (4, slice(92, 100))):
        marked = picture.mark_cell(small, row=cell, column=cell, size=100)
        assert marked[corner, 20 * cell + 10].any() and marked[20 * cell + 10, corner].any()


def test_box_on_digit_shows_what_the_cell_sees() -> None:
    digit = torch.full((1, 1, 28, 28), 200, dtype=torch.uint8)
    row = rows("step5")["Conv2d-15"]
    margin = picture.padding_in_sight([row.box(0, 0), row.box(3, 3)])
    assert margin == 4
    shown = picture.box_on_digit(digit, row.box(0, 0), margin, factor=10)
    assert shown.shape == (360, 360, 3)

    def pixel(x: int, y: int) -> list[int]:
        return shown[(y + margin) * 10 + 5, (x + margin) * 10 + 5].tolist()

    assert pixel(0, 0) == pixel(18, 18) == [200, 200, 200]  # the box reaches from -4 to 20
    assert pixel(21, 5) == pixel(5, 21) == pixel(27, 27) == [80, 80, 80]
    assert pixel(-2, -2)[0] in (84, 112)  # padding within the box
    assert pixel(30, 30)[0] in (int(84 * picture.SHADE), int(112 * picture.SHADE))


def test_no_padding_is_shown_where_there_is_none() -> None:
    row = rows("step5")["Conv2d-1"]
    assert picture.padding_in_sight([row.box(0, 0), row.box(25, 25)]) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_kernel_matrix_has_a_tile_for_each_kernel(dark: bool) -> None:
    kernels = torch.zeros(2, 3, 1, 1)
    kernels[1, 2] = -1.0
    matrix = picture.kernel_matrix(kernels, high=1.0, dark=dark)
    blue = (matrix[..., :3] == picture.WEIGHTS[0]).all(axis=2) & (matrix[..., 3] == 255)
    ys, xs = np.nonzero(blue)
    assert (ys.max() - ys.min(), xs.max() - xs.min()) == (27, 27)
    assert ys.max() > matrix.shape[0] - 8 and xs.max() > matrix.shape[1] - 8  # the last row and column
    numbers = matrix[:40][matrix[:40, :, 3] == 255][:, :3]
    assert (numbers.mean() > 128) == dark


def test_kernel_matrix_with_a_scale_for_each_kernel() -> None:
    kernels = torch.tensor([0.01, 5.0]).view(2, 1, 1, 1)
    own = picture.kernel_matrix(kernels, high=None, dark=False)
    assert ((own[..., :3] == picture.WEIGHTS[-1]).all(axis=2)).sum() == 2 * 28 * 28


def test_a_color_bar_reaches_from_the_first_colour_to_the_last() -> None:
    bar = picture.color_bar(picture.WEIGHTS)
    assert (bar[0, 0] == picture.WEIGHTS[0]).all() and (bar[0, -1] == picture.WEIGHTS[-1]).all()


def test_the_ink_is_outlined_on_its_colours() -> None:
    digit = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    digit[..., 10:14, 5:20] = 255
    field = torch.zeros(28, 28)
    field[11, 6], field[12, 6] = 2.0, -2.0
    drawn = picture.outlined(field, digit, high=2.0, factor=10)
    assert drawn.shape == (280, 280, 3)
    white, orange, blue = picture.WEIGHTS[[128, 255, 0]]
    assert (drawn[115, 65] == orange).all() and (drawn[125, 65] == blue).all()
    assert (drawn[105, 150] == white).all() and (drawn[50, 150] == white).all()
    line = (drawn == (138, 144, 153)).all(axis=2)
    assert line[99:101, 60:190].all() and line[110:130, 199:201].all()
    rows, columns = np.argwhere(line).T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (99, 140, 49, 200)


def test_a_frame_has_the_thickness_that_was_asked_for() -> None:
    small = picture.paint(torch.zeros(5, 5), picture.INK, 0, 1)
    thin, thick = (picture.mark_cell(small, 2, 2, 100, width).any(axis=2).sum() for width in (4, 9))
    assert thick > 2 * thin


def test_bars_reach_as_far_as_their_values_and_one_is_orange() -> None:
    drawn = picture.bars(torch.tensor([2.0, -1.0, 0.5]), 0, 160)
    assert drawn.shape == (160, 160, 3)
    orange, grey = ((drawn == colour).all(axis=2) for colour in ((230, 159, 0), (138, 144, 153)))
    tall, _ = np.nonzero(orange)
    low, _ = np.nonzero(grey[:, 57:92])
    assert abs(np.ptp(tall) - 2 * np.ptp(low)) <= 3 and tall.max() < low.max()
    assert not orange[:, 60:].any()


def test_a_bar_among_very_many_is_seen() -> None:
    assert (picture.bars(torch.ones(1024), 500, 224) == (230, 159, 0)).all(axis=2).any(axis=0).sum() >= 3
    assert picture.bars(torch.zeros(10), 3, 224).any()

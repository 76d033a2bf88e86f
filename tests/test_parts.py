from __future__ import annotations

import numpy as np
import pytest

from s5core.drawing.parts import choose_digit, find_parts


def flood(inked: np.ndarray) -> int:
    """How many connected parts there are, counted by filling one after the other."""
    left, count = inked.copy(), 0
    while left.any():
        count += 1
        todo = [tuple(np.argwhere(left)[0])]
        while todo:
            row, column = todo.pop()
            if 0 <= row < left.shape[0] and 0 <= column < left.shape[1] and left[row, column]:
                left[row, column] = False
                todo += [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return count


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
def test_parts_are_those_that_hang_together(share):
    rng = np.random.default_rng(1)
    for _ in range(10):
        inked = rng.random((15, 20)) < share
        labels, parts = find_parts(inked)
        assert len(parts) == flood(inked) and ((labels > 0) == inked).all()
        for part in parts:
            rows, columns = np.nonzero(labels == part.number)
            assert (part.top, part.bottom) == (rows.min(), rows.max() + 1)
            assert (part.left, part.right, part.area) == (columns.min(), columns.max() + 1, len(rows))


def chosen(*boxes: tuple[int, int, int, int], frame: tuple[int, int, int, int] | None = None) -> list[tuple]:
    """The boxes (left, top, right, bottom) that are taken for the digit, of filled ones and a frame."""
    inked = np.zeros((200, 300), dtype=bool)
    if frame is not None:
        left, top, right, bottom = frame
        inked[top:bottom, left:right] = True
        inked[top + 3 : bottom - 3, left + 3 : right - 3] = False
    for left, top, right, bottom in boxes:
        inked[top:bottom, left:right] = True
    found = choose_digit(*find_parts(inked))
    return sorted((part.left, part.top, part.right, part.bottom) for part in found)


DIGIT = (120, 60, 160, 140)


@pytest.mark.parametrize(
    "other",
    [(0, 20, 300, 23), (30, 0, 33, 200), (0, 150, 60, 200), (250, 180, 254, 184), (20, 20, 26, 26)],
    ids=["ruling", "margin", "thumb", "dust", "far dot"],
)
def test_what_is_no_part_of_the_digit_is_left_out(other):
    assert chosen(DIGIT, other) == [DIGIT]


def test_a_frame_around_the_digit_is_left_out():
    assert chosen(DIGIT, frame=(60, 20, 220, 180)) == [DIGIT]


def test_pieces_of_a_thin_printed_line_are_left_out():
    dashes = [(90, top, 92, top + 30) for top in (20, 60, 100)]
    assert chosen(DIGIT, *dashes) == [DIGIT]
    assert len(chosen((120, 60, 122, 140), *dashes)) == 4  # the pen was as thin


def test_a_zero_alone_is_no_frame():
    assert chosen(frame=(60, 20, 220, 180)) == [(60, 20, 220, 180)]


def test_the_parts_of_a_digit_stay_together():
    bar = (170, 62, 200, 70)
    assert chosen(DIGIT, bar) == sorted([DIGIT, bar])


def test_a_second_digit_stays_to_be_refused():
    other = (240, 60, 280, 140)
    assert chosen(DIGIT, other) == sorted([DIGIT, other])


def test_ink_that_all_touches_the_border_is_the_digit():
    assert chosen((100, 0, 140, 200)) == [(100, 0, 140, 200)]


def test_paper_has_no_digit():
    assert chosen() == []

"""Orders and answers as lines."""

from typing import get_args

import pytest

from s5core.runs.messages import (
    Answer,
    Begin,
    Done,
    Ended,
    Order,
    Quit,
    Rate,
    Ready,
    Room,
    Stop,
    Threads,
    Train,
    from_line,
    to_line,
)

ALL = [
    Begin(),
    Room(3),
    Train("/runs/a\nb", 2),
    Threads(1),
    Rate(0.05),
    Stop(),
    Quit(),
    Ready(),
    Done(),
    Ended(),
]


def test_here_is_one_of_each_kind():
    assert {type(message) for message in ALL} == set(get_args(Order | Answer))


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_a_message_survives_its_line(message):
    line = to_line(message)
    assert line.count("\n") == 1 and line.endswith("\n")
    assert from_line(line) == message

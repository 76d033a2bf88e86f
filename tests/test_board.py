"""The board: its order, and what counts."""

from __future__ import annotations

from s5core.runs import board, folder
from s5core.runs.folder import Run
from s5core.steps import STEPS
from s5core.views.steps import steps_accuracy
from tests.helpers import LEAST
from tests.test_group import make


def share(*runs: Run) -> None:
    for run in runs:
        folder.share(run)


def test_who_passes_most_surely_is_first_then_the_smaller() -> None:
    one = make(accuracy=99.6, learning_rate=0.3)
    few = [make(seed, accuracy) for seed, accuracy in enumerate((99.5, 99.5, 99.5))]
    small = [make(seed, 99.5, layers=LEAST) for seed in range(3)]
    none = make(accuracy=99.0, learning_rate=0.2)
    share(one, few[1], small[0], none)
    found = board.entries("MNIST")
    assert [entry.group.over for entry in found] == [3, 3, 1, 1]
    assert [entry.parameters for entry in found[:2]] == sorted(entry.parameters for entry in found[:2])
    assert found[0].parameters < found[1].parameters == 3546
    assert [round(entry.surely) for entry in found] == [44, 44, 21, 0]
    assert not board.entries("practice set")


def test_all_seeds_count_and_not_the_luckiest_alone() -> None:
    make(0, 99.0)
    make(1, 99.1)
    lucky = make(2, 99.6)
    share(lucky)
    (entry,) = board.entries("MNIST")
    assert (entry.group.passes, entry.group.over) == (1, 3) and entry.name == "Step 5, mine"
    share(*folder.list_runs())
    assert len(board.entries("MNIST")) == 1


def test_only_what_is_shared_and_has_finished_is_there() -> None:
    make(0)
    share(make(1, accuracy=None, learning_rate=0.4))
    assert board.entries("MNIST") == []


def test_the_board_is_drawn_beside_the_steps() -> None:
    share(make(layers=STEPS["step5"].layers))
    (standing,) = board.standings(board.entries("MNIST"))
    assert (standing.name, standing.source, standing.parameters) == ("#1", "shared", 9192)
    spec = steps_accuracy([standing], {}).to_dict()
    marks = [layer for layer in spec["layer"] if "shared" in str(layer.get("transform"))]
    assert [layer["mark"]["type"] for layer in marks] == ["point", "text"]


def test_a_shared_run_stays_while_more_seeds_of_it_wait() -> None:
    share(make(3))
    make(0, accuracy=None)
    assert len(board.entries("MNIST")) == 1

import numpy as np
import pytest
import torch

from benchmarks import readings
from benchmarks.readings import IN_USE, choose, mean_of_views, rate, straightened
from s5core import checkpoint
from s5core.drawing import fit, score, sketch
from s5core.drawing.score import DrawnDigits


def test_a_slanted_stroke_is_straightened_and_an_upright_one_stays():
    upright = [[(50.0, 10.0), (50.0, 60.0), (50.0, 110.0)]]
    slanted = [[(x + 0.3 * y, y) for x, y in stroke] for stroke in upright]
    assert straightened(upright) == upright
    assert np.ptp(np.array(straightened(slanted)[0])[:, 0]) == pytest.approx(0, abs=1e-9)
    assert np.ptp(np.array(straightened([[(0.0, 50.0), (100.0, 50.0)]])[0])[:, 0]) == 100  # it lies flat


def test_a_view_in_place_is_the_network_s_own_answer():
    model = checkpoint.load(checkpoint.shipped_path("step5")).model().requires_grad_(False)
    fields = fit.of_strokes(sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing))
    own = torch.softmax(model(fields), 1)
    assert torch.allclose(mean_of_views(model, fields, [{}]), own)
    assert torch.allclose(mean_of_views(model, fields, [{"angle": 0.0}]), own, atol=1e-3)
    moved = mean_of_views(model, fields, [{}, {"right": 8.0}])
    assert not torch.allclose(moved, own, atol=1e-3) and float(moved.sum()) == pytest.approx(1)


def test_a_way_that_is_best_for_some_writers_alone_is_not_what_is_reported():
    """Each of these ways is right for one writer in five: whichever is best for four fifths of them brings
    nothing for the fifth."""
    writers = np.arange(10).repeat(4)
    right = {f"way {i}": (writers % 5 == i)[None] for i in range(5)}
    best = max(100 * float(each.mean()) for each in right.values())
    assert best == 20 and choose(right, writers) <= 20
    assert choose(right | {"all": np.ones((1, 40), dtype=bool)}, writers) == 100


def test_the_accuracy_of_each_way_is_told():
    digits = DrawnDigits(np.array([0, 1, 2, 3, 4]), [], torch.tensor([1, 2, 3, 4, 5]))
    answers = {
        IN_USE: torch.tensor([[1, 2, 3, 4, 0]]),
        "mean of all networks": torch.tensor([[1, 2, 3, 4, 5]]),
    }
    found = rate(answers, digits)
    assert found["ways"] == {IN_USE: 80, "mean of all networks": 100}
    assert found["left_out"] == 80  # several networks are no way to read with one


def test_every_way_gives_each_digit_once(drawn_digits):
    few = DrawnDigits(drawn_digits.writers[:6], drawn_digits.strokes[:6], drawn_digits.labels[:6])
    seen = readings.ways_to_see(few)
    assert len(seen["strokes"]) == 6 and len(seen["picture"][IN_USE]) == 3
    for fields in (*seen["strokes"].values(), *seen["picture"].values()):
        assert all(each.shape == (6, 1, 28, 28) for each in fields)
    assert torch.equal(seen["strokes"][IN_USE][0], score.see(few, 18).fields)

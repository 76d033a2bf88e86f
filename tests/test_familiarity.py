from __future__ import annotations

import time

import pytest
import torch

from benchmarks import letters
from s5core import checkpoint
from s5core.drawing import familiarity, fit, reading
from s5core.drawing.familiarity import Familiarity
from s5core.layers import Conv, GlobalAvgPool, ReLU, build, layer_modules
from s5core.steps import STEPS

STEP5 = [name for name in STEPS if name.startswith("step5") and checkpoint.shipped_path(name).exists()]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    reading.use_one_thread()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models() -> dict[str, torch.nn.Sequential]:
    return {name: trained.model() for name, trained in checkpoint.load_shipped(STEPS).items()}


@pytest.fixture(scope="module")
def known(models, practice) -> dict[str, Familiarity]:
    return {name: familiarity.measure(models[name], practice) for name in STEP5}


def fields_of(drawn: dict[str, str]) -> torch.Tensor:
    return torch.cat([fit.of_sketch(letters.draw(one, turn=t)) for one in drawn.values() for t in (0, 8)])


def doubted(models, known, name: str, fields: torch.Tensor) -> float:
    """The share of the fields of which the page would say that the network is not sure."""
    found = 0
    for field in fields.split(1):
        answers = reading.read_digit(models, field)
        found += reading.doubt(answers, name, known[name].knows(models[name], field)) is not None
    return found / len(fields)


def test_a_network_whose_maps_are_dead_knows_nothing(practice):
    model = build((Conv(3), ReLU(), Conv(4), GlobalAvgPool(), Conv(10, kernel=1)), seed=0).eval()
    torch.nn.init.zeros_(layer_modules(model)[0].weight)
    assert familiarity.measure(model, practice) is None


def test_the_distance_is_mahalanobis_s(practice, monkeypatch):
    monkeypatch.setattr(familiarity, "SHRINKAGE", 0)
    model = build((Conv(3), ReLU(), Conv(4), GlobalAvgPool(), Conv(10, kernel=1)), seed=0).eval()
    known = familiarity.measure(model, practice)
    seen = familiarity.features(model, practice.train_images)
    everything = familiarity.features(model, torch.cat([practice.train_images, practice.validation_images]))
    labels = torch.cat([practice.train_labels, practice.validation_labels])
    assert seen.shape == (4000, 3 + 4)
    means = torch.stack([everything[labels == label].mean(0) for label in range(10)])
    around = everything - means[labels]
    inverse = torch.linalg.inv(around.T @ around / len(around))
    apart = seen[:50, None] - means
    expected = torch.einsum("nci,ij,ncj->nc", apart, inverse, apart).min(1).values.sqrt()
    found = known.distances(model, practice.train_images[:50])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_hardly_any_real_digit_is_unfamiliar(models, known, practice):
    for name in STEP5:
        far = known[name].distances(models[name], practice.validation_images) > known[name].limit
        assert float(far.double().mean()) < 0.01


@pytest.mark.parametrize("layers", [(Conv(10, kernel=28),), STEPS["base"].layers])
def test_a_network_of_too_few_or_too_many_features_has_none(layers, practice):
    assert familiarity.measure(build(layers, seed=0).eval(), practice) is None


@pytest.mark.slow
def test_most_letters_and_shapes_are_doubted(models, known):
    drawn, shapes = fields_of(letters.LETTERS), fields_of(letters.SHAPES)
    assert len(drawn) >= 26 and len(shapes) >= 10
    for name in ("step5", "step5_small", "step5_fast"):
        assert doubted(models, known, name, drawn) >= 0.75
        assert doubted(models, known, name, shapes) >= 0.7


def test_few_drawn_digits_are_doubted(models, known, drawn_fields):
    assert doubted(models, known, "step5", drawn_fields[::4]) <= 0.06


@pytest.mark.timed
def test_it_takes_no_time(models, known):
    field = fields_of({"A": letters.LETTERS["A"]})[:1]
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        known["step5"].knows(models["step5"], field)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.005

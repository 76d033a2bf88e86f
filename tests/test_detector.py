from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as transforms

from benchmarks import detector as training
from benchmarks import familiarity, files, letters
from s5core import checkpoint
from s5core.drawing import detector, fit, reading, sketch
from s5core.layers import Conv, GlobalAvgPool, ReLU, build, layer_modules
from s5core.modules import to_unit


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    reading.use_one_thread()
    yield
    torch.set_num_threads(threads)


def fields_of(drawn: dict[str, str]) -> torch.Tensor:
    return torch.cat([fit.of_sketch(letters.draw(one, turn=t)) for one in drawn.values() for t in (0, 8)])


def test_the_results_are_those_of_the_shipped_detector():
    found = files.read("detector")
    assert found["sha256"] == hashlib.sha256(detector.PATH.read_bytes()).hexdigest()
    assert found["parameters"] == sum(each.numel() for each in detector.model().parameters())


def test_the_score_is_the_logarithm_of_the_odds():
    fields = torch.cat([fit.of_sketch(sketch.hard_digit(name, 20)) for name in sketch.HARD])
    views = []
    for angle, scale in detector.VIEWS:
        bilinear = transforms.InterpolationMode.BILINEAR
        moved = [transforms.affine(to_unit(one), angle, [0, 0], scale, [0, 0], bilinear) for one in fields]
        views.append(detector.model()(torch.stack(moved)))
    logits = torch.cat([torch.stack(views).mean(0), torch.zeros(len(fields), 1)], 1)
    none = logits.softmax(1)[:, 10]
    torch.testing.assert_close(detector.log_odds(fields).exp(), (1 - none) / none, rtol=1e-3, atol=1e-3)
    assert torch.equal(detector.is_digit(fields), detector.log_odds(fields) >= detector.LEAST)


def test_hard_digits_look_like_digits_and_letters_and_shapes_do_not(practice):
    hard = torch.cat([fit.of_sketch(sketch.hard_digit(name, 20)) for name in sketch.HARD])
    assert detector.is_digit(hard).all()
    assert detector.is_digit(practice.validation_images).float().mean() >= 0.985
    assert detector.is_digit(fields_of(letters.LETTERS)).float().mean() <= 0.15
    assert detector.is_digit(fields_of(letters.SHAPES)).float().mean() <= 0.15


def test_few_drawn_digits_are_taken_for_something_else(drawn_fields):
    assert detector.is_digit(drawn_fields).float().mean() >= 0.97


def test_it_takes_no_time():
    field = fit.of_sketch(sketch.hard_digit("2 with a loop", 20))
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        detector.is_digit(field)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.005


def test_thinning_keeps_a_line_one_pixel_wide_and_in_one_part():
    thick = np.zeros((1, 20, 20), dtype=bool)
    thick[0, 3:17, 8:13] = True  # a bar
    thick[0, 3:8, 3:17] = True  # and another one across
    lines = training.thin(thick)[0]
    assert not (lines & ~thick[0]).any()
    assert lines.sum() <= 30  # of 130
    blocks = lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]
    assert not blocks.any()
    assert np.ptp(np.flatnonzero(lines.any(1))) >= 8 and np.ptp(np.flatnonzero(lines.any(0))) >= 8


def test_a_redrawn_digit_has_the_app_s_pen():
    field = fit.of_sketch(sketch.hard_digit("5 like an S", 20))
    again = training.redraw(field)
    assert float((again.float() - field.float()).abs().mean()) < 8
    thin = fit.redrawn(sketch.strokes_of(sketch.hard_digit("5 like an S", 20).drawing), 1.5)
    assert float(thin.float().sum()) < 0.8 * float(training.redraw(thin).float().sum())


def test_pairs_lie_in_the_box(monkeypatch):
    monkeypatch.setattr(training, "MADE", 6)
    digit = fit.of_sketch(sketch.hard_digit("5 like an S", 20))[0, 0].numpy()
    made = training.pairs([digit], np.random.default_rng(0))
    assert made.shape == (6, 1, 28, 28)
    for field in made[:, 0].numpy():
        rows, columns = (np.flatnonzero(field.max(axis) > 30) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (18, 19, 20)


def test_a_network_whose_maps_are_dead_knows_nothing(practice):
    model = build((Conv(3), ReLU(), Conv(4), GlobalAvgPool(), Conv(10, kernel=1)), seed=0).eval()
    torch.nn.init.zeros_(layer_modules(model)[0].weight)
    assert familiarity.measure(model, practice) is None


def test_the_distance_is_mahalanobis_s(practice, monkeypatch):
    monkeypatch.setattr(familiarity, "SHRINKAGE", 0)
    model = checkpoint.load(checkpoint.shipped_path("step5_small")).model()
    known = familiarity.measure(model, practice)
    assert known is not None
    everything = torch.cat([practice.train_images, practice.validation_images])
    labels = torch.cat([practice.train_labels, practice.validation_labels])
    seen = familiarity.features(model, everything)
    means = torch.stack([seen[labels == label].mean(0) for label in range(10)])
    around = seen - means[labels]
    inverse = torch.linalg.inv(around.T @ around / len(around))
    apart = seen[:50, None] - means
    expected = torch.einsum("nci,ij,ncj->nc", apart, inverse, apart).min(1).values.sqrt()
    torch.testing.assert_close(known.distances(model, everything[:50]), expected, rtol=1e-3, atol=1e-3)

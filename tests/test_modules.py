from __future__ import annotations

import pytest
import torch
from torchvision.transforms import functional as TF

from s5core import modules
from s5core.data import Digits
from s5core.modules import MEAN, RARE, STD, GeneratorDropout, Normalize, to_unit


def test_normalisation_is_that_of_torchvision(practice: Digits) -> None:
    images = practice.train_images[:10]
    theirs = torch.stack([TF.normalize(image.float() / 255, [MEAN], [STD]) for image in images])
    assert torch.allclose(Normalize()(images), theirs, atol=1e-6)


def test_grey_levels_and_the_unit_interval_are_the_same_images(practice: Digits) -> None:
    images = practice.train_images[:10]
    assert torch.equal(Normalize()(images), Normalize()(to_unit(images)))


def test_mean_and_deviation_are_those_of_the_training_digits(mnist: Digits) -> None:
    pixels = to_unit(mnist.train_images)
    assert pixels.mean().item() == pytest.approx(MEAN, abs=5e-5)
    assert pixels.std().item() == pytest.approx(STD, abs=5e-5)


@pytest.mark.parametrize("rate", [1e-9, 1e-17, 1e-19, 1e-25, 1e-300, 5e-324])
def test_a_rate_of_dropout_near_zero_drops_next_to_nothing(rate: float) -> None:
    drop = GeneratorDropout().train()
    drop.rate, drop.generator = rate, torch.Generator().manual_seed(0)
    assert torch.equal(drop(torch.ones(20, 1000)), torch.ones(20, 1000))


@pytest.mark.parametrize("rate", [RARE / 2, 1e-5, 0.03, 0.5, 0.999])
def test_values_are_dropped_at_the_rate_wherever_gaps_are_cut(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = []
    for rare in (0.0, 1.0):  # no gap is cut, and all are
        monkeypatch.setattr(modules, "RARE", rare)
        drop = GeneratorDropout().train()
        drop.rate, drop.generator = rate, torch.Generator().manual_seed(0)
        masks.append(drop(torch.ones(1_000_000)))
    assert torch.equal(*masks)
    assert (masks[0] == 0).float().mean().item() == pytest.approx(rate, rel=0.2, abs=1e-5)

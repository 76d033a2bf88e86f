from __future__ import annotations

import pytest
import torch
from torchvision.transforms import functional as TF

from s5core.data import Digits
from s5core.modules import MEAN, STD, Normalize, to_unit


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

"""Random affine augmentation of a whole batch, every digit with its own transform."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from s5core.data import to_unit
from s5core.recipe import Recipe


def affine(
    images: Tensor, angle: Tensor, right: Tensor, down: Tensor, scale: Tensor, shear: Tensor
) -> Tensor:
    """Shear, scale, rotate about the centre and shift each image of a batch.

    `images`: (N, 1, H, W) float, zero where there is no ink, so that what moves in from
    outside is background. Each of the others: (N,): `angle` in degrees clockwise, `right`
    and `down` in pixels, `scale` as a factor, `shear` in degrees. Bilinear. The matrix is
    that of torchvision.transforms.functional.affine, against which the tests compare it.
    """
    height, width = images.shape[2:]
    a, s = torch.deg2rad(angle), torch.deg2rad(shear)
    # grid_sample asks where each output pixel comes from: the inverse of
    # rotation @ shear @ scale, in pixels from the centre.
    m00 = (torch.cos(a) - torch.sin(a) * torch.tan(s)) / scale
    m01 = (torch.sin(a) + torch.cos(a) * torch.tan(s)) / scale
    m10 = -torch.sin(a) / scale
    m11 = torch.cos(a) / scale
    t0 = -(m00 * right + m01 * down)
    t1 = -(m10 * right + m11 * down)
    theta = torch.stack(
        (m00, m01 * height / width, t0 * 2 / width, m10 * width / height, m11, t1 * 2 / height), 1
    )
    grid = F.affine_grid(theta.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Each image of a batch with its own transform, drawn evenly from the recipe's ranges.

    `images`: (N, 1, H, W) float, background 0; `generator` on the images' device.
    """

    def uniform(limit: float) -> Tensor:
        unit = torch.rand(len(images), generator=generator, device=images.device)
        return (2 * unit - 1) * limit

    return affine(
        images,
        angle=uniform(recipe.rotation),
        right=uniform(recipe.shift),
        down=uniform(recipe.shift),
        scale=1 + uniform(recipe.scale),
        shear=uniform(recipe.shear),
    )


def preview(images: Tensor, recipe: Recipe, count: int) -> Tensor:
    """`count` digits, evenly chosen, as a network trained by the recipe may see them.

    `images`: (N, 1, 28, 28) uint8; returns (count, 1, 28, 28) uint8, on the CPU.
    """
    chosen = images[:: max(1, len(images) // count)][:count].cpu()
    generator = torch.Generator().manual_seed(recipe.seed)
    moved = augment(to_unit(chosen), recipe, generator) if recipe.augments else to_unit(chosen)
    return (moved * 255).round().to(torch.uint8)

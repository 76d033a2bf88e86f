"""Random augmentation of a whole batch, every digit with its own transform."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from s5core.modules import to_unit
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
        (m00, m10 * width / height, m01 * height / width, m11, t0 * 2 / width, t1 * 2 / height), 1
    )
    # The grid of F.affine_grid, whose small matrix products take longer than all else here.
    x, y = ((2 * torch.arange(side).to(theta) + 1) / side - 1 for side in (width, height))
    by_x, by_y, offset = theta.view(-1, 3, 1, 1, 2).unbind(1)
    grid = torch.addcmul(torch.addcmul(offset, by_y, y[:, None, None]), by_x, x[:, None])  # (N, H, W, 2)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def slash(
    images: Tensor, angle: Tensor, length: Tensor, width: Tensor, right: Tensor, down: Tensor
) -> Tensor:
    """Draw a stroke through each image of a batch.

    `images`: (N, 1, H, W) float in [0, 1], 1 is ink. Each of the others: (N,): `angle` of the
    stroke in degrees, 0 is level and 90 upright, leaning to the right between them; `length`
    and `width` of it in pixels; `right` and `down`, its middle's way from the image's.
    """
    rows, columns = (torch.arange(side, device=images.device) - (side - 1) / 2 for side in images.shape[2:])
    x = columns - right[:, None, None]  # (N, 1, W)
    y = rows[:, None] - down[:, None, None]  # (N, H, 1)
    across, up = (f(torch.deg2rad(angle))[:, None, None] for f in (torch.cos, torch.sin))
    half = length[:, None, None] / 2
    along = torch.clamp(x * across - y * up, -half, half)  # of the stroke's point nearest to a pixel
    distance = torch.hypot(x - along * across, y + along * up)
    stroke = (width[:, None, None] / 2 + 0.5 - distance).clamp(0, 1)  # edges one pixel soft
    return torch.maximum(images, stroke[:, None])


def augment(images: Tensor, labels: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Each image of a batch with its own transform, drawn evenly from the recipe's ranges.

    `images`: (N, 1, H, W) float, background 0; `labels`: (N,), as only zeros are slashed;
    `generator` on the images' device. Many people write a slash through their zero and hardly
    any of MNIST's writers did: who draws one wants it read all the same.
    """

    def around(middle: float, spread: float, count: int = len(images)) -> Tensor:
        unit = torch.rand(count, generator=generator, device=images.device)
        return middle + (2 * unit - 1) * spread

    moves = {
        "angle": around(0, recipe.rotation),
        "right": around(0, recipe.shift),
        "down": around(0, recipe.shift),
        "scale": around(1, recipe.scale),
        "shear": around(0, recipe.shear),
    }
    if not recipe.slash:
        return affine(images, **moves)
    # A slash sticks out of its zero, and the two together were fitted into MNIST's 20 pixels.
    chosen = ((labels == 0) & (around(0.5, 0.5) < recipe.slash)).nonzero().flatten()
    count = len(chosen)
    moves["scale"][chosen] *= around(0.75, 0.2, count)
    moved = affine(images, **moves)
    moved[chosen] = slash(
        moved[chosen],
        angle=around(62, 28, count),
        length=around(21, 5, count),
        width=around(2.3, 0.8, count),
        right=around(0, 1.5, count),
        down=around(0, 1.5, count),
    )
    return moved


def preview(images: Tensor, labels: Tensor, recipe: Recipe, count: int) -> Tensor:
    """`count` digits, evenly chosen, as a network trained by the recipe may see them.

    `images`: (N, 1, 28, 28) uint8, `labels`: (N,); returns (count, 1, 28, 28) uint8, on the CPU.
    """
    every = max(1, len(images) // count)
    chosen, classes = (part[::every][:count].cpu() for part in (images, labels))
    if not recipe.augments:
        return chosen
    generator = torch.Generator().manual_seed(recipe.seed)
    moved = augment(to_unit(chosen), classes, recipe, generator)
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8)

"""Random augmentation of a whole batch: each digit gets its own transform."""

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

    `images`: (N, 1, H, W) float, 0 where there is no ink, because zeros move in from outside.
    The other arguments are (N,): `angle` in degrees clockwise, `right` and `down` in pixels,
    `scale` as a factor, `shear` in degrees. Interpolation is bilinear. The matrix is that of
    torchvision.transforms.functional.affine; the tests compare both.
    """
    height, width = images.shape[2:]
    a, s = torch.deg2rad(angle), torch.deg2rad(shear)
    # grid_sample needs the place from which each output pixel comes: the inverse of
    # rotation @ shear @ scale, in pixels from the centre.
    m00 = (torch.cos(a) - torch.sin(a) * torch.tan(s)) / scale
    m01 = (torch.sin(a) + torch.cos(a) * torch.tan(s)) / scale
    m10 = -torch.sin(a) / scale
    m11 = torch.cos(a) / scale
    t0 = -(m00 * right + m01 * down)
    t1 = -(m10 * right + m11 * down)
    inverse = torch.stack((m00, m01, t0, m10, m11, t1), 1).view(-1, 2, 3)
    half = torch.tensor(((width / 2,), (height / 2,))).to(images)  # grid_sample counts in half images
    x, y = (torch.arange(side).to(images) - (side - 1) / 2 for side in (width, height))
    cells = torch.stack(
        (x.expand(height, width), y[:, None].expand(height, width), torch.ones_like(images[0, 0]))
    )
    # One product of matrices takes a twentieth of the time of F.affine_grid, which multiplies many small
    # ones. It leaves each coordinate in a piece, and grid_sample then takes two thirds of its time.
    places = (inverse / half) @ cells.flatten(1)  # (N, 2, H * W)
    grid = places.view(-1, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def slash(
    images: Tensor, angle: Tensor, length: Tensor, width: Tensor, right: Tensor, down: Tensor
) -> Tensor:
    """Draw a stroke through each image of a batch.

    `images`: (N, 1, H, W) float in [0, 1], 1 is ink. The other arguments are (N,): `angle` of the
    stroke in degrees, 0 is horizontal, 90 vertical, and 45 rises to the right; its `length` and
    `width` in pixels; `right` and `down`, the distance of its middle from the image's, in pixels.
    """
    rows, columns = (torch.arange(side, device=images.device) - (side - 1) / 2 for side in images.shape[2:])
    x = columns - right[:, None, None]  # (N, 1, W)
    y = rows[:, None] - down[:, None, None]  # (N, H, 1)
    across, up = (f(torch.deg2rad(angle))[:, None, None] for f in (torch.cos, torch.sin))
    half = length[:, None, None] / 2
    along = torch.clamp(x * across - y * up, -half, half)  # place of the stroke's point nearest to a pixel
    distance = torch.hypot(x - along * across, y + along * up)
    stroke = (width[:, None, None] / 2 + 0.5 - distance).clamp(0, 1)  # edges one pixel soft
    return torch.maximum(images, stroke[:, None])


def augment(images: Tensor, labels: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Transform each image of a batch, with values drawn uniformly from the recipe's ranges.

    `images`: (N, 1, H, W) float, background 0. `labels`: (N,); only zeros get a slash.
    `generator`: on the images' device. Many people write a slash through their zero, but hardly
    any of MNIST's writers did, so networks must learn it from augmented digits.
    """

    def around(middle: float, spread: float, count: int = len(images)) -> Tensor:
        drawn = torch.empty(count, device=images.device)
        return drawn.uniform_(middle - spread, middle + spread, generator=generator)

    moves = {
        "angle": around(0, recipe.rotation),
        "right": around(0, recipe.shift),
        "down": around(0, recipe.shift),
        "scale": around(1, recipe.scale),
        "shear": around(0, recipe.shear),
    }
    if not recipe.slash:
        return affine(images, **moves)
    # A slash is longer than its zero. MNIST fits both into 20 pixels, so the zero becomes smaller.
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
    """`count` of the digits, at equal distances, as a network may see them in training.

    `images`: (N, 1, 28, 28) uint8, `labels`: (N,). Returns (count, 1, 28, 28) uint8, on the CPU.
    """
    every = max(1, len(images) // count)
    chosen, classes = (part[::every][:count].cpu() for part in (images, labels))
    if not recipe.augments:
        return chosen
    generator = torch.Generator().manual_seed(recipe.seed)
    moved = augment(to_unit(chosen), classes, recipe, generator)
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8)

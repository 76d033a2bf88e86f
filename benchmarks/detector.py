"""Train the detector that tells digits from whatever else people draw.

    python -m benchmarks.detector LETTERS.npz

writes `s5core/drawing/detector.safetensors`, with one thread in about ten minutes. It learns from MNIST's
training digits, from the letters and symbols of the file (`s5core/drawing/score.py` describes it), from
random polygons and scribbles, and from pairs of digits side by side or one above the other. Characters
that people also write for a digit are left out, or count as that digit.

MNIST's digits were scanned, the letters were drawn on a tablet. Lest the detector learns that difference,
both are made alike: the letters are drawn with pens as thin and as thick as MNIST's, and part of both are
thinned to lines, which are then drawn again with one pen, as the app does with a drawing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import files
from s5core.augment import augment
from s5core.drawing import detector, fit, score
from s5core.drawing.reading import use_one_thread
from s5core.drawing.score import DrawnLetters
from s5core.files import write_atomically
from s5core.layers import CLASSES, BatchNorm, Conv, GlobalAvgPool, MaxPool, Network, ReLU, build, to_json
from s5core.modules import to_unit
from s5core.recipe import Recipe

LAYERS: Network = (
    *(Conv(16), BatchNorm(), ReLU(), Conv(16), BatchNorm(), ReLU(), MaxPool(2)),
    *(Conv(32), BatchNorm(), ReLU(), Conv(32), BatchNorm(), ReLU(), MaxPool(2)),
    *(Conv(48), BatchNorm(), ReLU(), GlobalAvgPool(), Conv(10, kernel=1)),
)
BATCHES = 4000
SIZE = 128  # pictures in a batch, half of them digits
PAIRS = 0.2  # share of the others that are pairs of digits
PEAK = 4e-3  # learning rate
SMOOTHING = 0.02  # of the labels: some letters are labelled wrong, and some look like digits
BLURRED = 0.3  # share of the batches in which edges are softened, as in photographs
MOVES = Recipe(rotation=12, shift=2, scale=0.15, shear=10, slash=0.25)

LIKE = {"O": 0, "o": 0, "I": 1, "l": 1, "|": 1, "Z": 2, "z": 2, "S": 5, "s": 5}  # as good as digits
ALIKE = 0.1  # weight of all these; MNIST's digits have 2
LEFT_OUT = frozenset("BbgqGQDi" + "/'`" + "()[]{}")  # it depends on the writer whether they look like digits
FAINT = frozenset("-_.,:;=~^")  # as common as letters in the file, and easier to tell
LESS = 0.3  # weight of those

PENS = (1.5, 3.8)  # pixels of the 28x28, about as MNIST's
REDRAWN = 15_000  # training digits that are thinned and drawn again
MADE = 4000  # pairs, and as many shapes
UP = 3  # thin pictures that are this many times larger
SIDE = fit.SIDE

Loss = Callable[[Tensor, Tensor], Tensor]  # of logits (N, 10) and labels (N,)


@dataclass(frozen=True, eq=False)
class Examples:
    """What the detector learns from. Pictures are (N, 1, 28, 28) uint8; weights are (N,)."""

    digits: Tensor
    labels: Tensor  # of the digits
    digit_weights: Tensor  # how often each of the digits is shown
    letters: Tensor  # and shapes
    letter_weights: Tensor
    pairs: Tensor


def gather(letters: DrawnLetters, seed: int = 0) -> Examples:
    """Make the examples from MNIST's training digits and from these letters."""
    generator = np.random.default_rng(seed)
    mnist = files.mnist()
    redrawn = redraw(mnist.train_images[:REDRAWN])
    count = len(mnist.train_labels)

    def draw(chosen: list[int]) -> Tensor:
        return torch.cat([fit.redrawn(letters.strokes[i], generator.uniform(*PENS)) for i in chosen])

    like = [i for i, text in enumerate(letters.texts) if text in LIKE]
    alike = draw(like)
    chosen = [i for i, text in enumerate(letters.texts) if text not in LEFT_OUT and text not in LIKE]
    pictures = [draw(chosen), draw(chosen)]
    pictures.append(redraw(pictures[0]))
    weights = torch.tensor([LESS if letters.texts[i] in FAINT else 1.0 for i in chosen])
    raw = pairs([image.numpy() for image in redrawn[:, 0]], generator)
    return Examples(
        digits=torch.cat([mnist.train_images, redrawn, alike]),
        labels=torch.cat(
            [
                mnist.train_labels,
                mnist.train_labels[:REDRAWN],
                torch.tensor([LIKE[letters.texts[i]] for i in like]),
            ]
        ),
        digit_weights=torch.cat(
            [
                torch.full((size,), weight / size)
                for size, weight in ((count, 1), (REDRAWN, 1), (len(like), ALIKE))
            ]
        ),
        letters=torch.cat([*pictures, torch.cat([draw_shape(generator) for _ in range(MADE)])]),
        letter_weights=torch.cat([weights.repeat(len(pictures)), torch.full((MADE,), LESS)]),
        pairs=torch.cat([raw[: MADE // 2], redraw(raw[MADE // 2 :])]),
    )


def redraw(images: Tensor) -> Tensor:
    """The pictures, (N, 1, 28, 28) uint8, with their strokes drawn again with the app's pen."""
    reach = math.ceil(fit.PEN * UP / 2)
    away = torch.arange(-reach, reach + 1)
    disc = (torch.hypot(away[:, None].float(), away.float()) <= fit.PEN * UP / 2).float()
    found = []
    for batch in images.split(500):
        large = F.interpolate(to_unit(batch), scale_factor=UP, mode="bicubic", align_corners=False)
        lines = torch.from_numpy(thin((large[:, 0] > 0.5).numpy())).float()[:, None]
        strokes = (F.conv2d(lines, disc[None, None], padding=reach) > 0.5).float()
        found.append((F.avg_pool2d(strokes, UP) * 255).round().to(torch.uint8))
    return torch.cat(found)


def thin(inked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middle lines of strokes, one pixel wide: (N, height, width). By Zhang and Suen, "A fast parallel
    algorithm for thinning digital patterns", 1984."""
    padded = np.pad(inked, ((0, 0), (1, 1), (1, 1)))
    here = padded[:, 1:-1, 1:-1]
    height, width = here.shape[1:]
    # The eight neighbours of each pixel, clockwise from the one above.
    places = [(0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0)]
    ring = [padded[:, top : top + height, left : left + width] for top, left in places]
    changed = True
    while changed:
        changed = False
        for corners in ((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6)):
            inks = np.sum([each.view(np.uint8) for each in ring], axis=0, dtype=np.uint8)
            begins = np.sum(
                [(~one & other).view(np.uint8) for one, other in zip(ring, ring[1:] + ring[:1], strict=True)],
                axis=0,
                dtype=np.uint8,
            )
            gone = here & (inks >= 2) & (inks <= 6) & (begins == 1)
            for a, b, c in corners:
                gone &= ~(ring[a] & ring[b] & ring[c])
            changed |= bool(gone.any())
            here[gone] = False
    return here


def draw_shape(generator: np.random.Generator) -> Tensor:
    """A polygon, half of them with a line across, or a scribble, by a random pen: (1, 1, 28, 28) uint8."""
    if generator.random() < 0.5:
        angles = np.sort(generator.uniform(0, 1, 5)[: generator.integers(3, 6)])
        angles = (np.arange(len(angles)) + 0.6 * angles) / len(angles)
        corners = np.stack([np.cos(2 * np.pi * angles), np.sin(2 * np.pi * angles)], 1)
        corners *= generator.uniform(0.6, 1, 2)
        outlines = [np.concatenate([corners, corners[:1]])]
        if generator.random() < 0.5:
            outlines.append((corners + np.roll(corners, -1, 0))[generator.permutation(len(corners))[:2]] / 2)
    elif generator.random() < 0.5:
        outlines = [generator.uniform(-1, 1, (3, 2)) for _ in range(generator.integers(2, 5))]
    else:
        there_and_back = np.arange(generator.integers(6, 10))
        outlines = [np.stack([there_and_back / 4, there_and_back % 2 * generator.uniform(0.5, 1.5)], 1)]
    return fit.redrawn([[(100 * x, 100 * y) for x, y in line] for line in outlines], generator.uniform(*PENS))


def pairs(digits: Sequence[NDArray[np.uint8]], generator: np.random.Generator) -> Tensor:
    """`MADE` pictures of two digits each, side by side or one above the other, in the 20x20 box:
    (MADE, 1, 28, 28) uint8."""
    made = np.zeros((MADE, 1, SIDE, SIDE), dtype=np.uint8)
    for field in made[:, 0]:
        first, second = (_cropped(digits[i]) for i in generator.integers(len(digits), size=2))
        size = generator.uniform(0.7, 1.3)
        second = _scaled(second, size)
        gap = round(fit.BOX * generator.uniform(0.05, 0.8))
        above = generator.random() < 0.15
        if above:
            first, second = first.T, second.T
        height = max(first.shape[0], second.shape[0])
        sheet = np.zeros((height, first.shape[1] + gap + second.shape[1]), dtype=np.uint8)
        low = generator.integers(0, height - min(first.shape[0], second.shape[0]) + 1)
        tops = (0, low) if first.shape[0] == height else (low, 0)
        sheet[tops[0] : tops[0] + first.shape[0], : first.shape[1]] = first
        sheet[tops[1] : tops[1] + second.shape[0], first.shape[1] + gap :] = second
        small = _scaled(sheet.T if above else sheet, fit.BOX / max(sheet.shape))
        top, left = ((SIDE - side) // 2 for side in small.shape)
        bright = small * (255 / max(1, small.max()))  # shrunk strokes are pale
        field[top : top + small.shape[0], left : left + small.shape[1]] = bright.clip(0, 255)
    return torch.from_numpy(made)


def _cropped(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (np.flatnonzero(digit.max(axis) > 30) for axis in (1, 0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scaled(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = (max(1, round(side * factor)) for side in picture.shape)
    picture = np.ascontiguousarray(picture)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def outlier_exposure(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of the shipped detector: ten logits compete with one for "no digit" that is always 0.
    `logits`: (N, 10). `labels`: (N,), 10 for no digit."""
    none = logits.new_zeros(len(logits), 1)
    return F.cross_entropy(torch.cat([logits, none], 1), labels, label_smoothing=SMOOTHING)


def train(examples: Examples, loss: Loss = outlier_exposure, seed: int = 0) -> nn.Sequential:
    """A detector in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    model = build(LAYERS, seed=seed).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), PEAK, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=BATCHES, pct_start=0.2)
    for number in range(BATCHES):
        images, labels = draw_batch(examples, generator)
        found = loss(model(images.contiguous(memory_format=torch.channels_last)), labels)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        schedule.step()
        if number % 500 == 499:
            print(f"{number + 1} of {BATCHES} batches, loss {found.item():.3f}", flush=True)
    return model.eval()


def draw_batch(examples: Examples, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Examples, each moved at random: (SIZE, 1, 28, 28) float in [0, 1], and their labels (SIZE,), the
    digit or 10 for none."""
    digits = SIZE // 2
    two = round(PAIRS * digits)
    chosen = torch.multinomial(examples.digit_weights, digits, generator=generator)
    letters = torch.multinomial(examples.letter_weights, SIZE - digits - two, generator=generator)
    both = torch.randint(len(examples.pairs), (two,), generator=generator)
    labels = torch.cat([examples.labels[chosen], torch.full((SIZE - digits,), CLASSES)])
    images = torch.cat([examples.digits[chosen], examples.letters[letters], examples.pairs[both]])
    moved = augment(to_unit(images), labels, MOVES, generator).clamp(0, 1)
    if torch.rand((), generator=generator) < BLURRED:
        moved = (moved + F.avg_pool2d(moved, 3, 1, padding=1)) / 2
    return moved, labels


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("letters", type=Path, metavar="LETTERS.npz")
    letters = score.load_letters(parser.parse_args().letters)
    use_one_thread()
    began = time.perf_counter()
    model = train(gather(letters))
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    content = save(weights, {"layers": json.dumps(to_json(LAYERS))})
    write_atomically(detector.PATH, content)
    files.write(
        "detector",
        {
            "sha256": hashlib.sha256(content).hexdigest(),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "letters": len(letters.texts),
            "writers": int(letters.writers.max()) + 1,
            "batches": BATCHES,
            "seconds": round(time.perf_counter() - began),
        },
    )


if __name__ == "__main__":
    main()

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as TF

from s5core import augment as module
from s5core.augment import affine, augment, preview, slash
from s5core.data import Digits
from s5core.modules import to_unit
from s5core.recipe import Recipe

NAMES = ("angle", "right", "down", "scale", "shear")
STILL = {"angle": 0.0, "right": 0.0, "down": 0.0, "scale": 1.0, "shear": 0.0}

MOVES: dict[str, dict[str, float]] = {
    "clockwise": {"angle": 20},
    "anticlockwise": {"angle": -75},
    "right": {"right": 3},
    "up": {"down": -2.4},
    "smaller": {"scale": 0.7},
    "larger": {"scale": 1.3},
    "slanted": {"shear": 15},
    "slanted back": {"shear": -30},
    "rotated and shifted": {"angle": 30, "right": 4, "down": -3},
    "rotated and slanted": {"angle": -40, "shear": 25},
    "slanted, scaled, shifted": {"shear": -10, "scale": 1.2, "right": -1.7, "down": 1.7},
    "all at once": {"angle": 12.5, "right": -1.3, "down": 2.6, "scale": 0.85, "shear": -7.5},
    "upside down": {"angle": 180, "right": 5, "down": 5, "scale": 0.5, "shear": 45},
}


def moved(images: Tensor, **moves: float) -> Tensor:
    values = STILL | moves
    return affine(
        images, **{name: torch.full((len(images),), values[name], dtype=images.dtype) for name in NAMES}
    )


def by_torchvision(image: Tensor, **moves: float) -> Tensor:
    values = STILL | moves
    return TF.affine(
        image,
        angle=values["angle"],
        translate=[values["right"], values["down"]],
        scale=values["scale"],
        shear=[values["shear"], 0.0],
        interpolation=TF.InterpolationMode.BILINEAR,
    )


@pytest.fixture(scope="module")
def digits(practice: Digits) -> Tensor:
    return to_unit(practice.train_images[::200])


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES.keys())
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-12), (torch.float32, 1e-4)],  # in [0, 1]; one grey level is 4e-3
    ids=["float64", "float32"],
)
def test_affine_is_that_of_torchvision(
    digits: Tensor, moves: dict[str, float], dtype: torch.dtype, tolerance: float
) -> None:
    images = digits.to(dtype)
    theirs = torch.stack([by_torchvision(image, **moves) for image in images])
    assert (moved(images, **moves) - theirs).abs().max() < tolerance


def test_affine_moves_each_image_by_its_own_numbers(digits: Tensor) -> None:
    images = digits.double()
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([60.0, 4.0, 4.0, 0.4, 30.0], dtype=torch.float64)[:, None]
    offset = torch.tensor([STILL[name] for name in NAMES], dtype=torch.float64)[:, None]
    drawn = torch.rand(5, len(images), generator=generator, dtype=torch.float64)
    numbers = offset + (2 * drawn - 1) * spread
    theirs = [
        by_torchvision(image, **dict(zip(NAMES, column, strict=True)))
        for image, column in zip(images, numbers.T.tolist(), strict=True)
    ]
    assert (affine(images, *numbers) - torch.stack(theirs)).abs().max() < 1e-12


def test_affine_on_images_that_are_not_square() -> None:
    image = torch.rand(1, 20, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    moves = MOVES["all at once"]
    assert (moved(image[None], **moves)[0] - by_torchvision(image, **moves)).abs().max() < 1e-12


def test_identity_keeps_every_grey_level(digits: Tensor) -> None:
    still = moved(digits)
    assert (still - digits).abs().max() < 1e-5
    assert torch.equal((still * 255).round(), (digits * 255).round())


def test_shift_by_whole_pixels_moves_a_dot() -> None:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.float64)
    image[0, 0, 10, 12] = 1
    expected = torch.zeros_like(image)
    expected[0, 0, 7, 17] = 1
    assert torch.allclose(moved(image, right=5, down=-3), expected, atol=1e-12)


def test_positive_angle_turns_clockwise() -> None:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.float64)
    image[0, 0, 0, 0] = 1
    expected = torch.zeros_like(image)
    expected[0, 0, 0, 27] = 1
    assert torch.allclose(moved(image, angle=90), expected, atol=1e-12)


EVERYTHING = Recipe(rotation=30, shift=3, scale=0.3, shear=20, slash=0.5)


def labels_of(images: Tensor) -> Tensor:
    """The classes 0 to 9 in turn."""
    return torch.arange(len(images)) % 10


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_sample_gets_its_own_transform(digits: Tensor) -> None:
    copies = digits[:1].expand(100, -1, -1, -1)
    assert len(augment(copies, labels_of(copies), EVERYTHING, generator()).flatten(1).unique(dim=0)) == 100


def test_background_stays_zero() -> None:
    black = torch.zeros(100, 1, 28, 28)
    moves = EVERYTHING.replace(slash=0)
    assert torch.equal(augment(black, labels_of(black), moves, generator()), black)


def test_background_moves_in_from_outside() -> None:
    white = torch.ones(1, 1, 28, 28)
    assert moved(white, right=5)[0, 0, :, :5].abs().max() < 1e-5
    shrunk = moved(white, scale=0.5)[0, 0]
    assert shrunk[7:21, 7:21].min() > 0.99
    assert shrunk.sum() == pytest.approx(14 * 14, abs=1e-2)


def test_values_stay_between_those_of_the_image(digits: Tensor) -> None:
    out = augment(digits, labels_of(digits), EVERYTHING, generator())
    assert out.min() >= 0 and out.max() <= 1 + 1e-6


def test_augmentation_keeps_the_images_it_was_given(digits: Tensor) -> None:
    before = digits.clone()
    out = augment(digits, labels_of(digits), EVERYTHING, generator())
    assert torch.equal(digits, before)
    assert (out.shape, out.dtype) == (digits.shape, digits.dtype)


def test_same_seed_same_result(digits: Tensor) -> None:
    first = augment(digits, labels_of(digits), EVERYTHING, generator(1))
    torch.rand(3)
    assert torch.equal(first, augment(digits, labels_of(digits), EVERYTHING, generator(1)))
    assert not torch.equal(first, augment(digits, labels_of(digits), EVERYTHING, generator(2)))


def test_global_generator_is_left_alone(digits: Tensor) -> None:
    before = torch.get_rng_state()
    augment(digits, labels_of(digits), EVERYTHING, generator())
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[Recipe], dict[str, Tensor]]:
    def draw(recipe: Recipe) -> dict[str, Tensor]:
        taken: dict[str, Tensor] = {}
        monkeypatch.setattr(module, "affine", lambda images, **numbers: taken.update(numbers) or images)
        augment(torch.zeros(20_000, 1, 1, 1), torch.ones(20_000), recipe, generator())
        return taken

    return draw


@pytest.mark.parametrize(
    ("field", "limit", "names"),
    [
        ("rotation", 15.0, ["angle"]),
        ("shift", 1.7, ["right", "down"]),
        ("scale", 0.2, ["scale"]),
        ("shear", 25.0, ["shear"]),
    ],
)
def test_ranges_are_filled_evenly_and_kept(
    drawn: Callable[[Recipe], dict[str, Tensor]], field: str, limit: float, names: list[str]
) -> None:
    numbers = drawn(Recipe(**{field: limit}))
    for name, values in numbers.items():
        off = values - STILL[name]
        if name not in names:
            assert (off == 0).all(), name
            continue
        assert off.abs().max() <= limit * (1 + 1e-5), name
        tenths = torch.histc(off, bins=10, min=-limit, max=limit)
        assert ((tenths - 2000).abs() < 5 * 2000**0.5).all(), name


def test_numbers_are_drawn_independently(drawn: Callable[[Recipe], dict[str, Tensor]]) -> None:
    correlation = torch.corrcoef(torch.stack(list(drawn(EVERYTHING).values())))
    assert (correlation - torch.eye(5)).abs().max() < 0.05


def slashed(image: Tensor, **values: float) -> Tensor:
    drawn = {"angle": 45.0, "length": 20.0, "width": 2.0, "right": 0.0, "down": 0.0} | values
    return slash(image, **{name: torch.full((len(image),), value) for name, value in drawn.items()})


def test_a_slash_is_a_line_of_its_length_and_width_leaning_to_the_right() -> None:
    drawn = slashed(torch.zeros(1, 1, 28, 28))[0, 0]
    rows, columns = (drawn > 0.5).nonzero().unbind(1)
    assert (rows + columns - 27).abs().max() <= 2  # from the lower left to the upper right
    assert rows.max() - rows.min() == pytest.approx(20 * 0.707 + 2, abs=1.5)
    assert float(drawn.sum()) == pytest.approx(20 * 2 + 3.14, rel=0.1)
    level = slashed(torch.zeros(1, 1, 28, 28), angle=0, down=5, right=3)[0, 0]
    rows, columns = (level > 0.9).nonzero().unbind(1)
    assert rows.unique().tolist() == [18, 19]
    assert float(columns.double().mean()) == pytest.approx(16.5)


def test_a_slash_keeps_the_ink_that_is_there(digits: Tensor) -> None:
    drawn = slashed(digits)
    assert (drawn >= digits).all() and drawn.max() <= 1


def test_only_zeros_are_slashed_and_as_often_as_the_recipe_says(digits: Tensor) -> None:
    copies = digits[:1].expand(4000, -1, -1, -1)
    labels = labels_of(copies)
    drawn = augment(copies, labels, Recipe(slash=0.3), generator())
    changed = ((drawn - copies).abs() > 0.01).flatten(1).any(1)
    assert not changed[labels != 0].any()
    assert float(changed[labels == 0].double().mean()) == pytest.approx(0.3, abs=0.07)


def test_without_slashes_the_random_numbers_are_those_of_before(digits: Tensor) -> None:
    moves = Recipe(rotation=30, shift=3, scale=0.3, shear=20)
    first, second = generator(), generator()
    augment(digits, labels_of(digits), moves, first)
    torch.rand(5, len(digits), generator=second)
    assert torch.equal(first.get_state(), second.get_state())


def test_a_preview_shows_digits_as_a_batch_would(practice: Digits) -> None:
    images, labels = practice.train_images, practice.train_labels
    still, moved = (preview(images, labels, recipe, 10) for recipe in (Recipe(), EVERYTHING))
    assert still.shape == moved.shape == (10, 1, 28, 28) and moved.dtype == torch.uint8
    assert torch.equal(still, images[:: len(images) // 10][:10]) and not torch.equal(still, moved)

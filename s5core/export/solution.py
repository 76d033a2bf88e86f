"""A run as a solution to the exercise: plain PyTorch, one cell an idea, without this package.

The script and the notebook have the same cells. Only what the recipe uses is in them: a network without
dropout has no dropout, a constant learning rate no schedule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from s5core.average import HALF
from s5core.data import FILES, HOLDOUT
from s5core.export.source import ExportError, Source
from s5core.layers import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    ReLU,
    Shape,
    SiLU,
    shapes,
    with_dropout,
)
from s5core.modules import MEAN, STD
from s5core.recipe import Recipe
from s5core.steps import STEPS, Step
from s5core.summary import count_parameters, layer_table
from s5core.words import count, escape

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"


@dataclass(frozen=True)
class Cell:
    """An idea: a heading with a few sentences, and the code."""

    heading: str
    words: str  # Markdown
    code: str


def script(source: Source) -> bytes:
    """The cells as one Python file, which saves its curves as a picture."""
    title = _title(source).replace("\\", r"\\").replace('"', r"\"")  # anybody may give a run a name
    parts = [f'"""{title}\n\n{_about(source)}\n"""']
    for cell in _cells(source, show='plt.savefig("curves.png")'):
        lines = [cell.heading, "", *_wrapped(cell.words)] if cell.words else [cell.heading]
        comment = "\n".join(f"# {line}".rstrip() for line in lines)
        parts.append(f"{comment}\n\n{cell.code}")
    return ("\n\n\n".join(parts) + "\n").encode()


def notebook(source: Source) -> bytes:
    """The cells as a Jupyter notebook, format 4.5."""
    cells = [_markdown("title", f"# {escape(_title(source))}\n\n{_about(source)}")]
    for number, cell in enumerate(_cells(source, show="plt.show()"), 1):
        cells.append(_markdown(f"words-{number}", f"## {cell.heading}\n\n{cell.words}".strip()))
        cells.append(
            {
                "cell_type": "code",
                "id": f"code-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": cell.code.splitlines(keepends=True),
            }
        )
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "cells": cells,
    }
    return f"{json.dumps(content, indent=1)}\n".encode()


def _markdown(id: str, text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text.splitlines(keepends=True)}


def _title(source: Source) -> str:
    parameters, epochs = count_parameters(source.layers), source.recipe.epochs
    return f"MNIST with {count(parameters, 'parameter')} in {count(epochs, 'epoch')}: {source.heading}"


def _about(source: Source) -> str:
    reached = ""
    if source.trained is not None:
        reached = f" The run that it was made from reached {source.trained.accuracy:.2f} % in its last epoch."
    return (
        "A network and its training in plain PyTorch. It needs torch and matplotlib, and downloads MNIST\n"
        f"itself, or takes it from the folder $MNIST_DIR.{reached}"
    )


def _wrapped(text: str, width: int = 98) -> list[str]:
    """The text in lines that fit into a comment."""
    lines = [""]
    for word in text.replace("`", "").split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _cells(source: Source, show: str) -> Iterator[Cell]:
    recipe = source.recipe
    yield _imports(list(_recipes(recipe)))
    yield _data(recipe)
    yield from _learning(source.layers, recipe)
    yield _curves(show)
    yield _mistakes(recipe)


def _teacher(recipe: Recipe) -> Step | None:
    """The network that teaches; None without one. Raises ExportError for one that is no step."""
    if not recipe.teacher:
        return None
    if recipe.teacher not in STEPS:
        raise ExportError(
            f"The teacher {recipe.teacher!r} is no step of this version, so that nothing can be said of it."
        )
    return STEPS[recipe.teacher]


def _recipes(recipe: Recipe) -> Iterator[Recipe]:
    """Those of all networks that are trained: of the teacher, where there is one, and this one."""
    if teacher := _teacher(recipe):
        yield from _recipes(teacher.recipe)
    yield recipe


def _learning(layers: Network, recipe: Recipe) -> Iterator[Cell]:
    """A network and its training, after those of its teacher."""
    if teacher := _teacher(recipe):
        for cell in _learning(teacher.layers, teacher.recipe):
            yield replace(cell, heading=f"The teacher: {cell.heading[0].lower()}{cell.heading[1:]}")
        yield _answering(teacher.recipe)
    # In training a Dropout without a rate does nothing, and a rate needs places to act.
    layers = with_dropout(layers) if recipe.dropout else _without_dropout(layers)
    yield _settings(recipe)
    yield _network(layers, recipe)
    yield _TABLE
    if recipe.augments:
        yield _augmentation(recipe)
    if recipe.schedule != "constant":
        yield _SCHEDULES[recipe.schedule](recipe)
    yield _evaluation(recipe)
    yield _training(recipe)


def _without_dropout(layers: Network) -> Network:
    return tuple(layer for layer in layers if not isinstance(layer, Dropout))


def _code(text: str) -> str:
    """A cell's code as it stands in this file, without the empty lines around it."""
    return text.strip("\n")


def _imports(recipes: Sequence[Recipe]) -> Cell:
    mathematics = "\nimport math" if any(map(_needs_math, recipes)) else ""
    average = "\nfrom torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn"
    averaged = average if any(recipe.ema for recipe in recipes) else ""
    return Cell(
        "Imports",
        "",
        _code(f"""
import gzip
import hashlib{mathematics}
import os
import urllib.request
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F{averaged}

device = "cuda" if torch.cuda.is_available() else "cpu"
"""),
    )


def _needs_math(recipe: Recipe) -> bool:
    cosine = recipe.schedule == "cosine" or (recipe.schedule == "one-cycle" and recipe.anneal == "cosine")
    return cosine or recipe.schedule == "plateau"


def _settings(recipe: Recipe) -> Cell:
    """Every number of the recipe that is used, by the names of its fields."""
    names = ["seed", "epochs", "batch_size", "learning_rate"]
    names += [
        name
        for name in ("momentum", "weight_decay", "warmup", "start", "final", "decay", "every", "patience")
        if recipe.matters(name)
    ]
    names += [name for name in ("label_smoothing", "dropout", "ema") if getattr(recipe, name)]
    if recipe.teacher:
        names += ["taught", "softness"]
    if recipe.augments:
        names += [
            name
            for name in ("rotation", "shift", "scale", "shear", "slash", "plain_epochs")
            if getattr(recipe, name)
        ]
    lines = [f"{name.upper()} = {getattr(recipe, name)!r}" for name in names]
    told = [f"{line:<24}# {_MEANINGS[name]}" for name, line in zip(names, lines, strict=True)]
    return Cell(
        "The recipe",
        "Every number of the run in one place.",
        "\n".join(told),
    )


_MEANINGS = {
    "seed": "fixes the first weights, the order of the digits and their augmentation",
    "epochs": "passes over the training digits",
    "batch_size": "digits in each step of the optimiser",
    "learning_rate": "size of the steps where the schedule is highest",
    "momentum": "share of the last step in the next one",
    "weight_decay": "how strongly each step pulls the weights towards zero",
    "warmup": "fraction of the run in which the rate rises",
    "start": "first rate, as a fraction of the peak",
    "final": "last rate, as a fraction of the peak",
    "decay": "factor of the learning rate at a drop, or for each epoch",
    "every": "epochs from one drop to the next",
    "patience": "epochs without progress before a drop",
    "label_smoothing": "share of the target that all ten classes get",
    "dropout": "probability that a value is set to zero",
    "taught": "share of the teacher's answers in the loss",
    "softness": "temperature that divides the logits of both networks",
    "ema": "share of the average of weights that each batch keeps",
    "rotation": "degrees, at most, to either side",
    "shift": "pixels, at most, each way",
    "scale": "fraction, at most, larger or smaller",
    "shear": "degrees, at most, to either side",
    "slash": "share of the zeros that get a slash",
    "plain_epochs": "last epochs, in which the digits are not augmented",
}


def _data(recipe: Recipe) -> Cell:
    sums = "\n".join(f'    "{name}": "{digest}",' for name, digest in FILES.items())
    held = (
        f"""
# The test digits are not touched: {HOLDOUT:.3f} of the training digits are held out to validate on.
order = torch.randperm(len(train_labels), generator=torch.Generator().manual_seed(0)).to(device)
held = round(len(order) * {HOLDOUT:.6f})
test_images, test_labels = train_images[order[:held]], train_labels[order[:held]]
train_images, train_labels = train_images[order[held:]], train_labels[order[held:]]
"""
        if recipe.split == "holdout"
        else ""
    )
    return Cell(
        "The digits",
        "MNIST as four tensors. All of it fits into memory, so it needs no DataLoader. A download is checked "
        "by its MD5 sum. With `MNIST_DIR` set, the files are read from that folder, packed or not.",
        _code(f'''
FILES = {{  # MD5 of the unpacked files
{sums}
}}
folder = Path(os.environ.get("MNIST_DIR", "mnist"))


def read(name):
    """The content of one of MNIST's files, downloaded if need be."""
    if (folder / name).exists():
        return (folder / name).read_bytes()
    packed = folder / f"{{name}}.gz"
    if packed.exists():
        return gzip.decompress(packed.read_bytes())
    with urllib.request.urlopen(f"{MIRROR}{{packed.name}}") as response:
        content = response.read()
    if hashlib.md5(gzip.decompress(content)).hexdigest() != FILES[name]:
        raise SystemExit(f"{{packed.name}} did not arrive whole: try again.")
    folder.mkdir(parents=True, exist_ok=True)
    packed.write_bytes(content)
    return gzip.decompress(content)


def images(name):
    """(N, 1, 28, 28) uint8; the file begins with 16 bytes that are no pixels."""
    return torch.frombuffer(bytearray(read(name)[16:]), dtype=torch.uint8).view(-1, 1, 28, 28).to(device)


def labels(name):
    """(N,) int64; the file begins with 8 bytes that are no labels."""
    return torch.frombuffer(bytearray(read(name)[8:]), dtype=torch.uint8).long().to(device)


train_images, train_labels = images("train-images-idx3-ubyte"), labels("train-labels-idx1-ubyte")
test_images, test_labels = images("t10k-images-idx3-ubyte"), labels("t10k-labels-idx1-ubyte")
{held}

def normalize(images):
    """Grey values in [0, 1] to mean 0 and deviation 1 over MNIST."""
    return (images - {MEAN}) / {STD}


print(f"{{len(train_labels):,}} digits to train, {{len(test_labels):,}} to validate")
'''),
    )


def _network(layers: Network, recipe: Recipe) -> Cell:
    rows = {row.index: row for row in layer_table(layers, every=True)}
    lines = []
    for i, (layer, shape, out) in enumerate(shapes(layers)):
        made = f"    {_module(layer, shape, recipe)},"
        note = f"{out[0]} x {out[1]} x {out[2]}"
        if layer.role in ("convolution", "pool"):
            note += f", a cell sees {rows[i].receptive_field} pixels"
        lines.append(f"{made:<58}  # {note}")
    body = "\n".join([*lines, "    nn.Flatten(),"])
    words = (
        "Layer by layer; the comments give maps x height x width. It takes (N, 1, 28, 28) images and gives "
        "(N, 10) logits."
    )
    first_words, first_weights = _FIRST_WEIGHTS[recipe.initialization]
    return Cell(
        "The network",
        words + first_words,
        f"torch.manual_seed(SEED)\nmodel = nn.Sequential(\n{body}\n).to(device)" + first_weights,
    )


# For each initialisation what is said of it, and its code.
_FIRST_WEIGHTS = {
    "default": ("", ""),
    "he": (
        " Its first weights are drawn as He et al. do it (arXiv:1502.01852).",
        """
for layer in model:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)""",
    ),
    "positive-head": (
        " The last convolution begins with positive weights, so that no ReLU after it shuts a class out.",
        """
with torch.no_grad():
    [layer for layer in model if isinstance(layer, nn.Conv2d)][-1].weight.abs_()""",
    ),
}


def _module(layer: Layer, shape: Shape, recipe: Recipe) -> str:
    """The layer as torch writes it, for an input of `shape`."""
    match layer:
        case Conv():
            options = [f"{shape[0]}, {layer.channels}, {layer.kernel}"]
            options += [f"stride={layer.stride}"] if layer.stride > 1 else []
            options += [f"padding={layer.padding}"] if layer.padding else []
            options += [f"groups={layer.groups}"] if layer.groups > 1 else []
            options += [] if layer.bias else ["bias=False"]
            return f"nn.Conv2d({', '.join(options)})"
        case ReLU():
            return "nn.ReLU()"
        case SiLU():
            return "nn.SiLU()"
        case BatchNorm():
            return f"nn.BatchNorm2d({shape[0]})"
        case Dropout():
            return "nn.Dropout(DROPOUT)"
        case MaxPool():
            return f"nn.MaxPool2d({layer.size})"
        case Crop():  # a negative padding cuts off
            return f"nn.ZeroPad2d({(layer.size - shape[1]) // 2})"
        case GlobalAvgPool():
            return f"nn.AvgPool2d({shape[1]})"
    raise TypeError(f"{type(layer).__name__} cannot be written as plain PyTorch yet: add it here")


def _answering(recipe: Recipe) -> Cell:
    """The teacher after its training, for which it had this recipe."""
    return Cell(
        "The teacher",
        "It is trained. From now on it only answers, and the next network learns its answers besides the "
        "labels.",
        f"teacher = {_evaluated(recipe)}.eval()",
    )


def _evaluated(recipe: Recipe) -> str:
    """The name of the network whose answers count."""
    return "average" if recipe.ema else "model"


_TABLE = Cell(
    "The layer table",
    "What each layer gives out, and how many numbers it learns.",
    _code("""
model.eval()
with torch.no_grad():
    x = torch.zeros(1, 1, 28, 28, device=device)
    for layer in model:
        x = layer(x)
        parameters = sum(p.numel() for p in layer.parameters())
        print(f"{type(layer).__name__:<12} {str(tuple(x.shape[1:])):<16} {parameters:>10,}")
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
"""),
)


def _augmentation(recipe: Recipe) -> Cell:
    """Only the movements of the recipe. The matrix is that of `augment.affine`."""
    lines = ["def augment(images, labels):"]
    lines.append('    """Change each digit of a batch in its own way. images: (N, 1, 28, 28) in [0, 1]."""')
    moves = []  # of the matrix, from left to right
    if recipe.rotation:
        lines += [
            "    angle = torch.deg2rad(around(0, ROTATION, len(images)))",
            "    turn = matrices(torch.cos(angle), torch.sin(angle), -torch.sin(angle), torch.cos(angle))",
        ]
    if recipe.shear:
        lines += [
            "    slant = torch.tan(torch.deg2rad(around(0, SHEAR, len(images))))",
            "    one, zero = torch.ones_like(slant), torch.zeros_like(slant)",
            "    slant = matrices(one, slant, zero, one)",
        ]
        moves.append("slant")
    if recipe.rotation:
        moves.append("turn")
    sized = bool(recipe.scale or recipe.slash)
    if sized:
        spread = "SCALE" if recipe.scale else "0"
        lines.append(f"    size = around(1, {spread}, len(images))")
    if recipe.slash:
        lines += [
            "    # A slash is longer than its zero. MNIST fits both into 20 pixels: the zero gets smaller.",
            "    drawn = torch.rand(len(images), device=device) < SLASH",
            "    chosen = ((labels == 0) & drawn).nonzero().flatten()",
            "    size[chosen] *= around(0.75, 0.2, len(chosen))",
        ]
    matrix = " @ ".join(moves) if moves else "torch.eye(2, device=device).expand(len(images), 2, 2)"
    lines.append(
        "    # grid_sample asks from which place each pixel comes, so these are the inverse movements."
    )
    lines.append(f"    back = {matrix}{' / size[:, None, None]' if sized else ''}")
    if recipe.shift:
        lines += [
            "    shift = around(0, SHIFT, 2 * len(images)).view(-1, 2, 1)",
            "    offset = -(back @ shift) * 2 / 28  # the picture reaches from -1 to 1",
        ]
    else:
        lines.append("    offset = torch.zeros(len(images), 2, 1, device=device)")
    lines += [
        "    grid = F.affine_grid(torch.cat([back, offset], 2), list(images.shape), align_corners=False)",
        "    moved = F.grid_sample(images, grid, align_corners=False)",
    ]
    if recipe.slash:
        lines.append("    moved[chosen] = slash(moved[chosen])")
    lines.append("    return moved")
    helpers = [
        _code('''
def around(middle, spread, count):
    """Random numbers from middle - spread to middle + spread."""
    return middle + spread * (2 * torch.rand(count, device=device) - 1)
''')
    ]
    if moves:
        helpers.append(
            _code('''
def matrices(a, b, c, d):
    """One matrix ((a, b), (c, d)) for each digit: (N, 2, 2)."""
    return torch.stack([a, b, c, d], 1).view(-1, 2, 2)
''')
        )
    if recipe.slash:
        helpers.append(
            _code('''
def slash(images):
    """Draw a stroke through each image: so many people write their zero, but few of MNIST's writers."""
    count = len(images)
    angle = torch.deg2rad(around(62, 28, count))[:, None, None]
    half, width = around(21, 5, count)[:, None, None] / 2, around(2.3, 0.8, count)[:, None, None]
    right, down = around(0, 1.5, count)[:, None, None], around(0, 1.5, count)[:, None, None]
    place = torch.arange(28, device=device) - 13.5
    x, y = place - right, place[:, None] - down
    along = torch.clamp(x * torch.cos(angle) - y * torch.sin(angle), -half, half)
    distance = torch.hypot(x - along * torch.cos(angle), y + along * torch.sin(angle))
    stroke = (width / 2 + 0.5 - distance).clamp(0, 1)  # edges one pixel soft
    return torch.maximum(images, stroke[:, None])
''')
        )
    return Cell(
        "Augmentation",
        "The network never sees the same digit twice: every epoch changes each one a little, in another "
        "way. A whole batch is moved at once.",
        "\n\n\n".join([*helpers, "\n".join(lines)]),
    )


def _step_schedule(recipe: Recipe) -> Cell:
    return _schedule(
        f"Every {count(recipe.every, 'epoch')} the learning rate is multiplied by {recipe.decay:g}.",
        """
def rate(progress):
    epoch = int(progress * EPOCHS + 1e-9)
    return LEARNING_RATE * DECAY ** (epoch // EVERY)
""",
    )


def _exponential_schedule(recipe: Recipe) -> Cell:
    return _schedule(
        f"The learning rate falls a little at every batch, to {recipe.decay:g} of itself in each epoch.",
        """
def rate(progress):
    return LEARNING_RATE * DECAY ** (progress * EPOCHS)
""",
    )


def _cosine_schedule(recipe: Recipe) -> Cell:
    return _schedule(
        "The learning rate falls along half a cosine.",
        """
def rate(progress):
    return LEARNING_RATE * (FINAL + (1 - FINAL) * (1 + math.cos(math.pi * progress)) / 2)
""",
    )


def _one_cycle_schedule(recipe: Recipe) -> Cell:
    bend = "\n    part = (1 - math.cos(math.pi * part)) / 2" if recipe.anneal == "cosine" else ""
    return _schedule(
        "The learning rate rises to its peak and then falls to the end of the run (arXiv:1708.07120).",
        f"""
def rate(progress):
    if progress < WARMUP:
        begin, end, part = START, 1, progress / WARMUP
    else:
        begin, end, part = 1, FINAL, (progress - WARMUP) / (1 - WARMUP){bend}
    return LEARNING_RATE * (begin + (end - begin) * part)
""",
    )


def _plateau_schedule(recipe: Recipe) -> Cell:
    return _schedule(
        "The learning rate drops whenever the validation loss has stopped falling. `losses` are those of the "
        "finished epochs.",
        """
def rate(progress, losses):
    factor, best, bad = 1, math.inf, 0
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > PATIENCE:
            factor, bad = factor * DECAY, 0
    return LEARNING_RATE * factor
""",
    )


def _schedule(words: str, code: str) -> Cell:
    return Cell(
        "The learning rate", f"{words} `progress` is the fraction of the run that is done.", _code(code)
    )


_SCHEDULES = {
    "step": _step_schedule,
    "exponential": _exponential_schedule,
    "cosine": _cosine_schedule,
    "one-cycle": _one_cycle_schedule,
    "plateau": _plateau_schedule,
}


def _evaluation(recipe: Recipe) -> Cell:
    return Cell(
        "Evaluation",
        "Every validation digit is read once, with dropout and augmentation off."
        if recipe.dropout
        else "Every validation digit is read once, as it is.",
        _code('''
@torch.no_grad()
def read_all(network):
    """The logits for all validation digits: (N, 10)."""
    network.eval()
    return torch.cat([network(normalize(batch.float() / 255)) for batch in test_images.split(1000)])
'''),
    )


def _training(recipe: Recipe) -> Cell:
    scheduled, losses = recipe.schedule != "constant", recipe.schedule == "plateau"
    given = ", losses" if losses else ""
    if recipe.optimizer == "adamw":
        options = ["betas=(MOMENTUM, 0.999)", "weight_decay=WEIGHT_DECAY"]
    else:
        options = ["momentum=MOMENTUM"] if recipe.momentum else []
        options += ["nesterov=True"] if recipe.nesterov and recipe.momentum else []
        options += ["weight_decay=WEIGHT_DECAY"] if recipe.weight_decay else []
    kind = "AdamW" if recipe.optimizer == "adamw" else "SGD"
    options = ["model.parameters()", "LEARNING_RATE", *options]
    smooth = ", label_smoothing=LABEL_SMOOTHING" if recipe.label_smoothing else ""
    plain = "epoch <= EPOCHS - PLAIN_EPOCHS" if recipe.plain_epochs else ""
    lines = [f"optimizer = torch.optim.{kind}(", *(f"    {option}," for option in options), ")"]
    if recipe.ema:
        lines += [
            "",
            "",
            "def average_weights(averages, weights, batches):",
            '    """An average that keeps EMA of itself at each batch, and less in the first ones."""',
            f"    keep = min(EMA, batches.item() / (batches.item() + {HALF}))",
            "    get_ema_multi_avg_fn(keep)(averages, weights, batches)",
            "",
            "",
            "average = AveragedModel(model, multi_avg_fn=average_weights, use_buffers=True)",
        ]
    lines += [
        "history = []  # (training accuracy, validation accuracy, validation loss) of each epoch",
        "",
        "for epoch in range(1, EPOCHS + 1):",
        "    model.train()",
        "    right = 0",
        "    batches = torch.randperm(len(train_labels), device=device).split(BATCH_SIZE)",
    ]
    if losses:
        lines.append("    losses = [loss for _, _, loss in history]")
    if scheduled:
        lines.append("    for done, chosen in enumerate(batches):")
    else:
        lines.append("    for chosen in batches:")
    lines.append("        images, labels = train_images[chosen].float() / 255, train_labels[chosen]")
    if recipe.augments:
        if plain:
            lines += [f"        if {plain}:", "            images = augment(images, labels)"]
        else:
            lines.append("        images = augment(images, labels)")
    if scheduled:
        lines += [
            "        for group in optimizer.param_groups:",
            f'            group["lr"] = rate((epoch - 1 + done / len(batches)) / EPOCHS{given})',
        ]
    lines += [
        "        logits = model(normalize(images))",
        f"        loss = F.cross_entropy(logits, labels{smooth})",
    ]
    if recipe.teacher:
        lines += [
            "        with torch.no_grad():",
            "            wanted = F.softmax(teacher(normalize(images)) / SOFTNESS, 1)",
            "        answers = F.log_softmax(logits / SOFTNESS, 1)",
            '        distance = F.kl_div(answers, wanted, reduction="batchmean")',
            "        loss = (1 - TAUGHT) * loss + TAUGHT * SOFTNESS**2 * distance",
        ]
    lines += [
        "        optimizer.zero_grad()",
        "        loss.backward()",
        "        optimizer.step()",
    ]
    if recipe.ema:
        lines.append("        average.update_parameters(model)")
    network = _evaluated(recipe)
    lines += [
        "        right += (logits.argmax(1) == labels).sum().item()",
        f"    logits = read_all({network})",
        "    accuracy = 100 * (logits.argmax(1) == test_labels).float().mean().item()",
        "    loss = F.cross_entropy(logits, test_labels).item()",
        "    history.append((100 * right / len(train_labels), accuracy, loss))",
        '    print(f"epoch {epoch:>2}: training {history[-1][0]:6.2f} %, validation {accuracy:6.2f} %")',
    ]
    words = "What counts is the accuracy after the last epoch, not the best one."
    if recipe.ema:
        words += " What is evaluated is a running average of the weights."
    return Cell("Training", words, "\n".join(lines))


def _curves(show: str) -> Cell:
    return Cell(
        "Curves",
        "Training accuracy is measured while the network still learns, on augmented digits: it may be lower.",
        _code(f"""
epochs = range(1, EPOCHS + 1)
plt.plot(epochs, [train for train, _, _ in history], "o-", label="training digits")
plt.plot(epochs, [validation for _, validation, _ in history], "o-", label="validation digits")
plt.axhline(99.4, linestyle="--", color="green", label="target")
plt.xlabel("epoch")
plt.ylabel("accuracy, %")
plt.legend()
{show}
"""),
    )


def _mistakes(recipe: Recipe) -> Cell:
    return Cell(
        "What it reads wrong",
        "Rows of the confusion matrix are the true digits, columns what the network read. One standard error "
        "says how far the accuracy would move with other digits.",
        _code(f"""
probabilities = read_all({_evaluated(recipe)}).softmax(1)
confidence, answers = probabilities.max(1)
accuracy = (answers == test_labels).float().mean().item()
error = (accuracy * (1 - accuracy) / len(test_labels)) ** 0.5
print(f"{{100 * accuracy:.2f}} ± {{100 * error:.2f}} % of {{len(test_labels):,}} digits")
print(torch.bincount(10 * test_labels + answers, minlength=100).view(10, 10))

wrong = (answers != test_labels).nonzero().flatten()
worst = wrong[confidence[wrong].argsort(descending=True)][:10].tolist()
print("Most confident errors:")
for i in worst:
    print(f"digit {{i}}: true {{test_labels[i]}}, read {{answers[i]}} ({{100 * confidence[i]:.0f}} %)")
"""),
    )

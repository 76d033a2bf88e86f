"""Choose architectures and recipes on a holdout of the training digits, never on the test digits.

    python -m benchmarks.search [--seeds 3] [--workers 2] [--only TEXT]

Every run appends a row to `benchmarks/results/search.csv`. A run that has its row is not made again,
so that a search can be interrupted and extended. One process for each core, with one thread each, makes
more runs an hour than one process with all threads.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import torch

from benchmarks import files
from s5core import checkpoint, layers, results, steps
from s5core.events import Diverged, Epoch
from s5core.initialization import INITIALIZATIONS
from s5core.layers import LAYERS, BatchNorm, Conv, Crop, GlobalAvgPool, Layer, MaxPool, Network
from s5core.memory import keep_freed_memory
from s5core.recipe import Recipe
from s5core.summary import count_parameters
from s5core.train import train

Settings = dict[str, Any]  # those of a recipe, and of `stack`

RESULTS = files.RESULTS / "search.csv"
TEACHER = files.RESULTS / "teacher.safetensors"  # of candidates with a teacher; it has not seen the holdout
TEACHER_LAYERS = "32 32 pool 64 64 pool 128p"  # in the notation of `stack`
COLUMNS = ["candidate", "seed", "parameters", "last", "best", "loss", "seconds", "layers", "recipe"]

WORD = re.compile(r"([cd]?)(\d+)(?:k(\d+))?(?:s(\d+))?(p?)")  # see `stack`

MILD: Settings = {"rotation": 8, "shift": 1.4, "scale": 0.08, "shear": 8}
SMALL: Settings = {"rotation": 7, "shift": 1.0, "scale": 0.05, "shear": 5}


@dataclass(frozen=True)
class Candidate:
    """A network and a recipe under one name, as JSON data that a process can be given."""

    name: str
    layers: list[dict[str, Any]]
    recipe: Settings


def candidates() -> Iterator[Candidate]:
    """Everything that was tried, and what is still to be tried."""

    def step(name: str, network: Network, note: str, **recipe: Any) -> Candidate:
        return Candidate(f"{name} {note}", layers.to_json(network), recipe)

    def widths(
        notation: str, note: str, pool_first: bool = False, activation: str = "ReLU", **recipe: Any
    ) -> Candidate:
        network = stack(notation, pool_first, activation)
        return Candidate(f"[{notation}] {note}", layers.to_json(network), recipe)

    falling: Settings = {"schedule": "step", "every": 6, "decay": 0.1}
    one_cycle: Settings = {"learning_rate": 0.3, "weight_decay": 5e-5} | MILD
    for rate in (0.02, 0.05, 0.01):
        yield step("step1", steps.STEP1, f"constant {rate}", schedule="constant", learning_rate=rate)
    # At a constant rate noise limits the last epoch. Do larger batches or an average of the weights help?
    for rate, size, ema in ((0.01, 256, 0.0), (0.02, 128, 0.998)):
        yield step(
            "step1", steps.STEP1, f"constant {rate}, batch {size}, average {ema}",
            schedule="constant", learning_rate=rate, batch_size=size, ema=ema,
        )  # fmt: skip
    for rate in (0.1, 0.3):
        yield step(
            "step4", steps.STEP4, f"step {rate} dropout 0.03", learning_rate=rate, dropout=0.03, **falling
        )
    for notation in ("8 8 pool 14 16 pool 22p", "6 10 pool 12 12 16 pool 16p"):
        yield widths(notation, "mild 0.3", **one_cycle)
    yield widths("8 8 pool 14 16 pool 22p", "pool first, mild 0.3", pool_first=True, **one_cycle)
    for rate in (0.02, 0.05):
        yield step("step3", steps.STEP3, f"step {rate}", learning_rate=rate, **falling)
    yield step(
        "step5_published",
        steps.STEP5_PUBLISHED,
        "step 0.1 rotation 7",
        learning_rate=0.1,
        rotation=7,
        **falling,
    )
    yield widths("8 12 pool 16 16 pool 24p", "mild 0.3", **one_cycle)

    yield step(
        "step5_published", steps.STEP5_PUBLISHED, "one-cycle 0.2 rotation 7", learning_rate=0.2, rotation=7
    )

    # Without batch norm SGD hardly starts on a network that ends in a ReLU and an average.
    short: Settings = {"schedule": "constant", "epochs": 3}
    yield step("step2", steps.STEP2, "sgd 0.1, 3 epochs", learning_rate=0.1, **short)
    for rate in (0.01, 0.003):
        yield step(
            "step2", steps.STEP2, f"adamw {rate}, 3 epochs", optimizer="adamw", learning_rate=rate, **short
        )
    yield step("step3", steps.STEP3, "adamw 0.003, 3 epochs", optimizer="adamw", learning_rate=0.003, **short)
    for rate, decay in ((0.005, 0.3), (0.005, 0.1)):
        yield step(
            "step3", steps.STEP3, f"adamw {rate} step {decay}, batch 64",
            optimizer="adamw", learning_rate=rate, schedule="step", every=6, decay=decay, batch_size=64,
        )  # fmt: skip

    # A class whose logit a ReLU has set to zero stays lost, and two epochs are enough to see that. A
    # lower rate does not help. Do larger batches, or a rate that begins low?
    two: Settings = {"optimizer": "adamw", "schedule": "constant", "epochs": 2}
    for rate in (0.005, 0.003, 0.002, 0.001):
        yield step(
            "step3",
            steps.STEP3,
            f"adamw {rate}, batch 64, 2 epochs",
            learning_rate=rate,
            batch_size=64,
            **two,
        )
    for rate, size in ((0.003, 128), (0.0015, 128), (0.003, 256)):
        yield step(
            "step3", steps.STEP3, f"adamw {rate}, batch {size}, 2 epochs",
            learning_rate=rate, batch_size=size, **two,
        )  # fmt: skip
    for rate in (0.005, 0.01):
        yield step(
            "step3", steps.STEP3, f"adamw {rate} one-cycle, batch 64",
            optimizer="adamw", learning_rate=rate, batch_size=64,
        )  # fmt: skip

    # Or other first weights?
    for name, rate, size in (("step2", 0.003, 128), ("step3", 0.005, 64)):
        for first in INITIALIZATIONS:
            yield step(
                name,
                steps.STEPS[name].layers,
                f"adamw {rate}, batch {size}, {first} first weights, 2 epochs",
                learning_rate=rate, batch_size=size, initialization=first, **two,
            )  # fmt: skip

    # SiLU, a last epoch on plain digits, slashed zeros.
    smooth: Settings = {"activation": "SiLU", "plain_epochs": 1, "slash": 0.1, "weight_decay": 5e-5}
    for notation in ("8 8 pool 14 16 pool 26p", "8 10 pool 14 16 pool 22p", "8 8 pool 14 16 pool 22p"):
        yield widths(notation, "SiLU, mild 0.3", learning_rate=0.3, **smooth, **MILD)
    yield widths(
        "8 8 pool 14 16 pool 26p", "SiLU, mild 0.2, batch 64",
        learning_rate=0.2, batch_size=64, **smooth, **MILD,
    )  # fmt: skip

    # Three seeds of that differ by 0.3 points. What makes them agree?
    strong: Settings = {"rotation": 10, "shift": 2.0, "scale": 0.12, "shear": 10}
    steady: Settings = smooth | {"learning_rate": 0.3}
    wide = "8 8 pool 14 16 pool 26p"
    yield widths(wide, "SiLU, steady: weight decay 5e-4", **steady | {"weight_decay": 5e-4}, **MILD)
    yield widths(wide, "SiLU, steady: strong aug", **steady, **strong)
    yield widths(wide, "SiLU, steady: strong, decay 5e-4", **steady | {"weight_decay": 5e-4}, **strong)
    yield widths(wide, "SiLU, steady: ema 0.998", **steady, **MILD, ema=0.998)
    yield widths(wide, "SiLU, steady: strong, smoothed 0.05", **steady, **strong, label_smoothing=0.05)
    small_batches: Settings = smooth | {"learning_rate": 0.2, "batch_size": 64}
    yield widths(wide, "SiLU, steady: strong 0.2, batch 64", **small_batches, **strong)

    # Do the two thousand parameters help that the budget leaves?
    for notation in ("8 10 pool 16 18 pool 28p", "8 8 pool 16 16 pool 32p"):
        yield widths(notation, "SiLU, budget: strong 0.3", **steady, **strong)
    # A network that learned from augmented digits meets plain ones in its last epoch. Would it use more?
    for plain in (2, 3):
        yield widths(
            "8 8 pool 16 16 pool 32p", f"SiLU, budget: strong 0.3, {plain} plain epochs",
            **steady | {"plain_epochs": plain}, **strong,
        )  # fmt: skip
    # Its last epochs differ as long as its rate is high. Are they steady with an average of the weights?
    yield widths(
        "8 8 pool 16 16 pool 32p", "SiLU, budget: strong 0.3, 3 plain epochs, average 0.998",
        **steady | {"plain_epochs": 3, "ema": 0.998}, **strong,
    )  # fmt: skip
    for notation in ("8 16 pool d40p d40 d40 pool d56p", "10 16 pool d32p d32 d32p d32 pool d56p"):
        yield widths(notation, "SiLU, budget: strong 0.2, batch 64", **small_batches, **strong)

    # Does a wide teacher help, which sees the same augmented digits?
    taught: Settings = {"teacher": "teacher", "taught": 0.9, "softness": 3.0}
    yield widths("8 8 pool 16 16 pool 32p", "SiLU, taught: strong 0.3", **steady, **strong, **taught)

    # How small can it be? From the first pool on, depthwise convolutions, each followed by a 1x1 one.
    tiny: Settings = {"activation": "SiLU", "plain_epochs": 1, "slash": 0.1, "weight_decay": 3e-5}
    for notation in (
        "8 8 pool d16p d16 d20 pool d24p",
        "8 10 pool d16p d20 d24 pool d28p",
        "8 10 pool d18p d20 d24 pool d36p",
        "8 8 pool d16p d18 d20 pool d26p",
        "6 8 pool d16p d18 d20 pool d24p",
        "6 8 pool d18p d20 d20 pool d26p",
        "8 d12 pool d18p d20 d22 pool d24p",
        "8 d12 pool d16p d20 d24 pool d26p",
        "6 d12 pool d16p d20 d24 pool d28p",
    ):
        yield widths(notation, "SiLU, small 0.2, batch 64", learning_rate=0.2, batch_size=64, **tiny, **SMALL)

    yield widths(
        "8 d12 pool d18p d20 d22 pool d24p", "SiLU, taught: small 0.2, batch 64",
        learning_rate=0.2, batch_size=64, **tiny, **SMALL, **taught | {"softness": 2.0},
    )  # fmt: skip
    # Does what makes step 5 steady help here?
    for notation in ("8 d12 pool d18p d20 d22 pool d24p", "8 10 pool d16p d20 d24 pool d28p"):
        yield widths(
            notation, "SiLU, small 0.2, batch 64, 3 plain epochs, average 0.998",
            learning_rate=0.2, batch_size=64, **tiny | {"plain_epochs": 3, "ema": 0.998}, **SMALL,
        )  # fmt: skip
    # Do more and narrower layers do better than few wide ones?
    yield widths(
        "8 8 pool d12p d12p d12p d12 d12 pool d24p", "SiLU, small 0.2, batch 64",
        learning_rate=0.2, batch_size=64, **tiny, **SMALL,
    )  # fmt: skip
    # Does the smallest need more steps?
    yield widths(
        "8 8 pool d16p d16 d20 pool d24p", "SiLU, small 0.1, batch 32",
        learning_rate=0.1, batch_size=32, **tiny, **SMALL,
    )  # fmt: skip

    # How fast can it be? Half the epochs, and ReLU, which costs less than SiLU.
    quick: Settings = {"plain_epochs": 1, "slash": 0.1, "weight_decay": 5e-5, "learning_rate": 0.3, **SMALL}
    # A stride in the first convolution leaves out three quarters of its cells, which pays for more epochs.
    for notation in (
        "16k5s2 16 pool 32p",
        "16k5s2 24 pool 24p",
        "12k5s2 16 16 pool 32p",
        "16k4s2 16p 16 pool 32p",
        "16k5s2 d32 d32 pool d48p d48p",
    ):
        yield widths(notation, "strided 0.3, 12 epochs", **quick, epochs=12)
    # So does a pool right after it: norm and activation then have a quarter of the cells.
    for notation in ("12 pool d32 d32 pool d48p d48p", "8 pool 16 16 pool 32p"):
        yield widths(notation, "pool first, small 0.3, 12 epochs", True, **quick, epochs=12)
    # On two cores 14 epochs of a network with a stride take as long as 7 epochs of one without.
    for notation in ("16k5s2 20 pool 32p", "16k5s2 d32 d32 pool d48p d48p"):
        yield widths(notation, "fast, small 0.3, 14 epochs", **quick, epochs=14)
    for epochs in (7, 5, 4):
        yield widths("8 8 pool 16 16 pool 32p", f"fast, small 0.3, {epochs} epochs", **quick, epochs=epochs)

    # The border of a digit is blank. Without it all maps are smaller.
    for notation, epochs, pool_first in (
        ("c24 8 8 pool 16 16 pool 32p", 7, False),
        ("c22 8 8 pool 16 16 pool 32p", 7, False),
        ("c24 8 8 pool 16 16 pool 32p", 7, True),
        ("c24 8 8 pool 16 16 pool 32p", 8, True),
        ("c24 6 8 pool 16 16 pool 32p", 7, False),
        ("c24 8 16s2 16 pool 32p", 9, False),
        ("c24 8 16k2s2 16 16 pool 28p", 9, False),
    ):
        note = f"{'pool first, ' * pool_first}fast, small 0.3, {epochs} epochs"
        yield widths(notation, note, pool_first, **quick, epochs=epochs)

    # Does bfloat16, which saves a quarter of the time on processors that compute in it, cost accuracy?
    yield widths(
        "c24 8 8 pool 16 16 pool 32p", "fast, small 0.3, 7 epochs, bfloat16",
        **quick, epochs=7, precision="bfloat16",
    )  # fmt: skip
    # SiLU takes no longer than ReLU where each layer's call takes most of the time. Are fewer epochs enough?
    for notation, epochs in (
        ("c24 8 8 pool 16 16 pool 32p", 5),
        ("c24 8 8 pool 16 16 pool 32p", 4),
        ("c24 8k5 pool 16 16 pool 32p", 6),
        ("c24 8 pool 16p 16 pool 32p", 6),
    ):
        note = f"SiLU, fast, small 0.3, {epochs} epochs"
        yield widths(notation, note, False, "SiLU", **quick, epochs=epochs)
    # Half as many steps for an epoch take a quarter less time. Do they learn as much, at which rate?
    for rate in (0.3, 0.5, 0.8):
        yield widths(
            "c24 8 pool 16p 16 pool 32p", f"SiLU, fast, small {rate}, batch 256, 6 epochs", False, "SiLU",
            **quick | {"learning_rate": rate, "batch_size": 256, "epochs": 6},
        )  # fmt: skip
    # A norm takes as long for 16 maps as for 8, and a pool before it saves three quarters of its places.
    for notation in (
        "c24 16 pool 16p 16 pool 28p",
        "c24 12 pool 16p 16 pool 32p",
    ):
        yield widths(notation, "SiLU, pool first, fast, small 0.3, 6 epochs", True, "SiLU", **quick, epochs=6)
    for rate in (0.5, 0.8, 1.2):
        yield widths(
            "c24 12 pool 16p 16 pool 32p", f"SiLU, pool first, fast, small {rate}, batch 256, 6 epochs",
            True, "SiLU", **quick | {"learning_rate": rate, "batch_size": 256, "epochs": 6},
        )  # fmt: skip
    # Are five epochs enough for that network? A norm computes 16 maps of a place in one instruction, and 12
    # one by one. Or does a stride pay, which saves three quarters of the largest maps?
    for notation, epochs in (
        ("c24 12 pool 16p 16 pool 32p", 5),
        ("c24 16 pool 16p 16 pool 28p", 5),
        ("c24 16 pool 16p 16 pool 28p", 6),
        ("c24 16 pool 16 16 pool 28p", 5),
        ("c24 16 pool 16 16 pool 28p", 6),
        ("c24 8 pool 16p 16 pool 32p", 6),
        ("c24 16k4s2 16p 16 pool 28p", 7),
        ("c24 16k5s2 16 16 pool 28p", 8),
    ):
        yield widths(
            notation, f"SiLU, pool first, fast, small 0.8, batch 256, {epochs} epochs", True, "SiLU",
            **quick | {"learning_rate": 0.8, "batch_size": 256, "epochs": epochs},
        )  # fmt: skip
    # Do fewer epochs do with an average of the weights?
    for epochs, plain, ema in ((5, 1, 0.99), (5, 2, 0.99), (5, 2, 0.98), (6, 2, 0.99), (4, 2, 0.98)):
        yield widths(
            "c24 12 pool 16p 16 pool 32p",
            f"SiLU, pool first, fast, small 0.8, batch 256, {epochs} epochs, {plain} plain, average {ema}",
            True, "SiLU",
            **quick
            | {"learning_rate": 0.8, "batch_size": 256, "epochs": epochs, "plain_epochs": plain, "ema": ema},
        )  # fmt: skip
    # Or with more parameters where they cost hardly any time?
    yield widths(
        "c24 12 pool 16p 16 pool 36p",
        "SiLU, pool first, fast, small 0.8, batch 256, 5 epochs, 2 plain, average 0.99",
        True, "SiLU",
        **quick | {"learning_rate": 0.8, "batch_size": 256, "epochs": 5, "plain_epochs": 2, "ema": 0.99},
    )  # fmt: skip
    # What a GPU found with one seed: three padded layers a block, and more depthwise layers.
    for notation in ("8p 8p 8p pool 14p 14p 14p pool 28p", "8 16 pool d40p d40 d40 pool d56p"):
        yield widths(notation, "SiLU, third: strong 0.2, batch 64", **small_batches, **strong)
    yield widths(
        "6 8 pool d16p d18 d20 pool d24p", "SiLU, third: small 0.2, batch 64",
        learning_rate=0.2, batch_size=64, **tiny, **SMALL,
    )  # fmt: skip

    # SiLU, for accuracy and for size, with depthwise layers after a convolution with a stride.
    deep: Settings = {"activation": "SiLU", "plain_epochs": 1, "slash": 0.1, "weight_decay": 3e-5}
    deep |= {"learning_rate": 0.2, "batch_size": 64}
    for notation in (
        "16k5s2 d32 d32 pool d48p d48p",
        "16k5s2p d32p d32p d32 pool d48p d48p",
        "8 16 pool d32p d32 d32 pool d48p",
        "16k5s2p d24p d24p d32p pool d40p d40p d40p",
    ):
        yield widths(notation, "deep, mild 0.2, batch 64", **deep, **MILD)
    for notation in (
        "8 16 pool d32p d32 d32 pool d48p",
        "8 12 pool d24p d32 d40 pool d56p",
        "8 16 pool d32p d32 d32 pool d32p d32p",
    ):
        yield widths(notation, "deep, strong 0.2, batch 64", **deep, **strong)
    for notation in (
        "6 10 pool d16p d18 d20 pool d26p",
        "8 10 pool d16p d16 d20 pool d24p",
        "12k5s2 d16p d20 d24 pool d28p",
        "8k5s2p d16p d16p d24p pool d28p d28p",
        "8 d12 pool d16p d20 d20 pool d24p",
    ):
        yield widths(notation, "deep, small 0.2, batch 64", **deep, **SMALL)


def stack(notation: str, pool_first: bool = False, activation: str = "ReLU") -> Network:
    """A network from a list of words such as "16k5s2 16 pool d22p".

    `16` is a 3x3 convolution to 16 maps with a batch norm and an activation after it. `k5` gives it a
    5x5 kernel, `s2` a stride of 2 and `p` padding. `d22` is a depthwise convolution, followed by a 1x1
    one to 22 maps. `c24` is a crop to 24x24 pixels. Global average pooling and a 1x1 convolution to ten
    classes end every network. With `pool_first` a pool comes before norm and activation, not after them.
    Raises ValueError for another word.
    """
    network: list[Layer] = []
    width = 1
    for word in notation.split():
        if word == "pool":
            network.insert(len(network) - 2 if pool_first else len(network), MaxPool(2))
            continue
        match = WORD.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no word of the notation.")
        letter, channels, kernel, stride, padded = match.groups()
        if letter == "c":
            network.append(Crop(int(channels)))
            continue
        depthwise = letter == "d"
        before, width = width, int(channels)
        side = int(kernel or 3)
        conv = Conv(
            before if depthwise else width,
            kernel=side,
            padding=side // 2 if padded else 0,
            stride=int(stride or 1),
            groups=before if depthwise else 1,
        )
        network += [conv, Conv(width, kernel=1)] if depthwise else [conv]
        network += [BatchNorm(), LAYERS[activation]()]
    return (*network, GlobalAvgPool(), Conv(10, kernel=1))


def run(candidate: Candidate, seed: int) -> dict[str, Any]:
    """Train one candidate on the holdout, in a process of its own: its row of the table."""
    torch.set_num_threads(1)
    keep_freed_memory()
    digits = files.mnist("holdout")
    network = layers.from_json(candidate.layers)
    settings = {"split": "holdout", "seed": seed, "device": "cpu"} | results.RECORDED | candidate.recipe
    recipe = Recipe.from_json(settings)
    accuracy, loss, seconds = [], math.nan, 0.0
    for event in train(network, recipe, digits, teacher_file=TEACHER if recipe.teacher else None):
        if isinstance(event, Epoch):
            accuracy.append(event.metrics.validation_accuracy)
            loss = event.metrics.validation_loss
            seconds += event.metrics.seconds
        if isinstance(event, Diverged):
            accuracy.append(0.0)
    return {
        "candidate": candidate.name,
        "seed": seed,
        "parameters": count_parameters(network),
        "last": round(accuracy[-1], 2),
        "best": round(max(accuracy), 2),
        "loss": round(loss, 5),
        "seconds": round(seconds, 1),
        "layers": json.dumps(candidate.layers),
        "recipe": json.dumps(candidate.recipe),
    }


def train_teacher() -> None:
    """Train the network that teaches, with the digits that are not held out, unless that was done."""
    if TEACHER.exists():
        return
    digits, network = files.mnist("holdout"), stack(TEACHER_LAYERS, activation="SiLU")
    recipe = steps.STEPS["step5"].recipe.replace(split="holdout", device="cpu", **results.RECORDED)
    for event in train(network, recipe, digits):
        if isinstance(event, Epoch) and event.state is not None:
            print(f"teacher: epoch {event.metrics.epoch} {event.metrics.validation_accuracy:.2f}", flush=True)
            made = checkpoint.Checkpoint.of("teacher", network, recipe, digits.name, event.state)
    checkpoint.save(made, TEACHER)


def read() -> list[dict[str, str]]:
    """The rows of all runs that were made."""
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Make the runs that have no row yet, then print a table of all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="part of a candidate's name")
    options = parser.parse_args()

    done = {(row["candidate"], int(row["seed"])) for row in read()}
    todo = [
        (candidate, seed)
        for seed in range(options.seeds)
        for candidate in candidates()
        if options.only in candidate.name and (candidate.name, seed) not in done
    ]
    if any("teacher" in candidate.recipe for candidate, _ in todo):
        train_teacher()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for finished in as_completed(pool.submit(run, *task) for task in todo):
            row = finished.result()
            fresh = not RESULTS.exists()
            with open(RESULTS, "a", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                if fresh:
                    writer.writeheader()
                writer.writerow(row)
            print(f"{row['candidate']:<50} seed {row['seed']}  {row['last']:.2f}", flush=True)

    rows = [row for row in read() if options.only in row["candidate"]]
    print(f"\n{'candidate':<50} {'params':>7} {'last, mean ± sd':>18} {'runs':>5}")
    for name in dict.fromkeys(row["candidate"] for row in rows):
        own = [row for row in rows if row["candidate"] == name]
        last = [float(row["last"]) for row in own]
        spread = f"± {statistics.stdev(last):.2f}" if len(last) > 1 else ""
        print(
            f"{name:<50} {own[0]['parameters']:>7} {statistics.mean(last):>10.2f} {spread:>7} {len(own):>5}"
        )


if __name__ == "__main__":
    main()

"""Measure where the time of a training step goes, and whether compiled code would take less of it.

    python -m benchmarks.profile

writes `benchmarks/results/profile.json`: for two networks the milliseconds of one thread for a half of a
batch (forward, loss and backward) in each way and precision, for the augmentation of a whole batch and a step
of the optimiser, and the seconds for the validation digits; and the share of each kind of kernel in a half.
The ways take turns, and the fastest time of each counts. Needs MNIST: set $S5_DATA_DIR; and a C++ compiler.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from benchmarks import files
from s5core import device, ways
from s5core.augment import augment
from s5core.evaluate import evaluate
from s5core.layers import build
from s5core.loss import Loss
from s5core.memory import keep_freed_memory
from s5core.modules import to_unit
from s5core.steps import STEPS

NETWORKS = ("step5_fast", "step5")
BATCH = 128
HALF = BATCH // 2
ROUNDS = 40
PRECISIONS = ("float32", "bfloat16")
WAYS = ("eager", "compiled")

# What a kernel's name has in it, and the kind of work that this is; the first that fits counts.
KINDS = {
    "conv": "convolution",
    "batch_norm": "batch norm",
    "pool": "pooling",
    "silu": "activation",
    "threshold": "activation",
    "clamp": "activation",
    "relu": "activation",
}


def fastest(tasks: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each task, in turn with the others."""
    for task in tasks.values():
        for _ in range(3):
            task()
    found = dict.fromkeys(tasks, float("inf"))
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            task()  # what the one before it has left in the caches is gone
            began = time.perf_counter()
            task()
            found[name] = min(found[name], 1000 * (time.perf_counter() - began))
    return found


def kernels(compute: Callable[[], object]) -> dict[str, float]:
    """The share of each kind of kernel in the time of a task, in percent."""
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(ROUNDS):
            compute()
    shares = dict.fromkeys([*KINDS.values(), "all else"], 0.0)
    for event in profiler.key_averages():
        name = event.key.lower()
        kind = next((kind for part, kind in KINDS.items() if part in name), "all else")
        shares[kind] += event.self_cpu_time_total
    total = sum(shares.values())
    return {kind: round(100 * share / total, 1) for kind, share in shares.items()}


def measure(name: str) -> dict[str, Any]:
    """All of it for one network."""
    step, digits = STEPS[name], files.mnist()
    generator = torch.Generator().manual_seed(0)
    images, labels = to_unit(digits.train_images[:BATCH]), digits.train_labels[:BATCH]
    half = images[:HALF].clone(), labels[:HALF].clone()
    cpu = device.choose("cpu")
    tasks: dict[str, Callable[[], object]] = {}
    for way in WAYS:
        for precision in PRECISIONS:
            model = build(step.layers, seed=0).to(memory_format=torch.channels_last).train()
            compute = ways.WAYS[way](Loss(step.layers, model, cpu, precision, 0.0))
            tasks[f"half, {way}, {precision}"] = partial(compute, *half)
    model.zero_grad()
    compute(*half)
    optimizer = step.recipe.make_optimizer(model)
    for group in optimizer.param_groups:
        group["lr"] = 1e-6
    tasks["augmentation"] = lambda: augment(images, labels, step.recipe, generator)
    tasks["optimiser"] = optimizer.step
    found = {task: round(value, 2) for task, value in fastest(tasks).items()}
    began = time.perf_counter()
    evaluate(model, digits.validation_images, digits.validation_labels)
    seconds = round(time.perf_counter() - began, 2)
    usual = device.precision("auto", cpu)
    return {
        "step": name,
        "milliseconds": found,
        "validation seconds": seconds,
        "precision": usual,
        "kernels": kernels(tasks[f"half, eager, {usual}"]),
    }


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    keep_freed_memory()
    found = [measure(name) for name in NETWORKS]
    print(found)
    files.write("profile", {"batch": BATCH, "networks": found})


if __name__ == "__main__":
    main()

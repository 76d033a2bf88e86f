"""The training loop: a generator of events that knows neither pages nor files.

    for event in train(layers, recipe, digits):
        match event:
            case Epoch(metrics):
                print(metrics.epoch, metrics.validation_accuracy)

The caller owns the run: to stop it, stop iterating. A learning rate that is sent in
(`events.send(0.05)`) at a Progress becomes the peak from the next batch on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn

from s5core import device, teacher, ways
from s5core.augment import augment
from s5core.average import Average
from s5core.data import Digits
from s5core.evaluate import evaluate
from s5core.events import Diverged, Epoch, Finished, Metrics, Progress, Started, State, TrainingEvent
from s5core.layers import Layer, build, shapes
from s5core.loss import Loss
from s5core.modules import GeneratorDropout, to_unit
from s5core.optimizer import load_state_tensors, state_tensors
from s5core.recipe import Recipe, RecipeError

INTERVAL = 0.25  # seconds from one Progress to the next
AT_ONCE = 8192  # digits that a GPU augments at once; a CPU takes a batch, which stays in its cache


def train(
    layers: Sequence[Layer],
    recipe: Recipe,
    digits: Digits,
    resume: State | None = None,
    interval: float = INTERVAL,
    teacher_file: Path | None = None,
) -> Generator[TrainingEvent, float | None, None]:
    """Train a network from the start, or go on from `resume`, and yield an event for each thing that
    happens. `interval`: seconds from one Progress to the next; 0 tells of every batch. `teacher_file`: a
    checkpoint that teaches in place of the shipped network that the recipe names.

    On the CPU of one machine, with one number of threads and in one way (see `ways`), the same arguments
    give the same weights, bit for bit, and a resumed run ends with the weights of an uninterrupted one.
    Raises NetworkError, RecipeError, DeviceError, WayError or CheckpointError before the first event.
    """
    place = device.choose(recipe.device)
    if recipe.dropout and not any(layer.role == "dropout" for layer in layers):
        raise RecipeError(
            f"dropout is {recipe.dropout}, but the network has no Dropout layer: add one or set dropout to 0."
        )
    way = ways.choose(recipe.way, place, recipe.dropout > 0)
    precision = device.precision(recipe.precision, place)
    check_batches(layers, recipe, digits)
    teaching = teacher.find(recipe, digits.name, teacher_file)
    digits = digits.to(place.id)
    generator = torch.Generator(place.id)
    model = new_model(layers, recipe, generator)
    optimizer = recipe.make_optimizer(model)
    average = Average(model, recipe.ema) if recipe.ema else None

    history: list[Metrics] = []
    peak = recipe.learning_rate
    if resume is not None:
        history, peak = list(resume.history), resume.peak
        if recipe.way == "auto" and resume.way in ways.offered(place, recipe.dropout > 0):
            way = resume.way
        if recipe.precision == "auto":
            precision = resume.precision
        _restore(resume, model, optimizer, average)

    loss = Loss(tuple(layers), model, place, precision, recipe.label_smoothing, teaching)
    compute_gradients = ways.WAYS[way](loss)
    batches = math.ceil(len(digits.train_labels) / recipe.batch_size)
    parameters = sum(p.numel() for p in model.parameters())
    yield Started(
        device=place.name,
        way=way,
        precision=precision,
        data=digits.name,
        train_digits=len(digits.train_labels),
        validation_digits=len(digits.validation_labels),
        parameters=parameters,
        epochs=recipe.epochs,
        batches=batches,
        first_epoch=len(history) + 1,
    )

    told = -math.inf  # when the last Progress was; the first batch of a run is told at once
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        model.train()
        loss.reset()
        losses = [past.validation_loss for past in history]
        factors = [
            recipe.factor((epoch - 1 + done / batches) / recipe.epochs, losses) for done in range(batches)
        ]
        seen, learning_rate = 0, 0.0
        began = time.perf_counter()

        prepared = augmented_batches(digits, recipe, epoch, generator)
        if place.id == "cpu" and not recipe.dropout:  # which draws from the same generator, in its turn
            prepared = _ahead(prepared)
        with ways.context(way, parameters):
            for batch, (images, labels) in enumerate(prepared, 1):
                learning_rate = peak * factors[batch - 1]
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate
                compute_gradients(images, labels)
                optimizer.step()
                if average is not None:
                    average.update((epoch - 1) * batches + batch)
                seen += len(labels)

                now = time.perf_counter()
                if now - told < interval:
                    continue
                told = now
                total_loss, right = loss.tally.tolist()  # waits for the device
                if not math.isfinite(total_loss):
                    yield Diverged(epoch, batch, total_loss / seen, learning_rate)
                    return
                sent = yield Progress(
                    epoch=epoch,
                    batch=batch,
                    loss=total_loss / seen,
                    accuracy=100 * right / seen,
                    learning_rate=learning_rate,
                    images_per_second=seen / (time.perf_counter() - began),
                )
                peak = peak if sent is None else sent

        total_loss, right = loss.tally.tolist()
        validation = evaluate(
            average.module if average is not None else model,
            digits.validation_images,
            digits.validation_labels,
        )
        if not math.isfinite(total_loss + validation.loss):
            yield Diverged(epoch, batches, total_loss / seen + validation.loss, learning_rate)
            return
        history.append(
            Metrics(
                epoch=epoch,
                train_loss=total_loss / seen,
                train_accuracy=100 * right / seen,
                validation_loss=validation.loss,
                validation_accuracy=validation.accuracy,
                validation_errors=validation.errors,
                learning_rate=learning_rate,
                seconds=time.perf_counter() - began,
            )
        )
        yield Epoch(history[-1], _state(history, peak, loss, way, optimizer, average))
        told = time.perf_counter()

    yield Finished.of(history)


def check_batches(layers: Sequence[Layer], recipe: Recipe, digits: Digits) -> None:
    """Raise RecipeError if a batch has one digit, in which a batch norm of 1x1 maps finds nothing to tell
    apart. Raises NetworkError for an impossible network."""
    count = len(digits.train_labels)
    if (count - 1) % recipe.batch_size == 0 and any(
        layer.role == "norm" and shape[1:] == (1, 1) for layer, shape, _ in shapes(layers)
    ):
        raise RecipeError(
            f"With batch_size {recipe.batch_size} the last of {count:,} digits is alone in its batch, from "
            "which the batch norm of 1x1 maps cannot learn: use another batch_size."
        )


def new_model(layers: Sequence[Layer], recipe: Recipe, generator: torch.Generator) -> nn.Sequential:
    """A network with its first weights, on the device of the generator, from which its dropout draws."""
    model = build(layers, seed=recipe.seed, initialization=recipe.initialization).to(generator.device)
    # Channels last saves a fifth to a third of the time with one thread, and hardly any with two.
    model = model.to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, GeneratorDropout):
            module.rate, module.generator = recipe.dropout, generator
    return model


def augmented_batches(
    digits: Digits, recipe: Recipe, epoch: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """The training digits of an epoch, from 1, in its random order, augmented: images, (N, 1, 28, 28)
    float32 in [0, 1], and labels, (N,) int64. The generator is seeded for the epoch."""
    generator.manual_seed((recipe.seed << 16) + epoch)
    count, place, size = len(digits.train_labels), generator.device, recipe.batch_size
    order = torch.randperm(count, generator=generator, device=place)
    at_once = size if place.type == "cpu" else size * max(1, AT_ONCE // size)
    for chosen in order.split(at_once):
        images, labels = to_unit(digits.train_images[chosen]), digits.train_labels[chosen]
        if recipe.augments and epoch <= recipe.epochs - recipe.plain_epochs:
            images = augment(images, labels, recipe, generator)
        yield from zip(images.split(size), labels.split(size), strict=True)


def _ahead(batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same batches. Another thread prepares each of them while the one before it is trained with."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def _state(
    history: Sequence[Metrics],
    peak: float,
    loss: Loss,
    way: str,
    optimizer: torch.optim.Optimizer,
    average: Average | None,
) -> State:
    model = loss.model
    return State(
        history=tuple(history),
        peak=peak,
        weights=_copy((model if average is None else average.module).state_dict()),
        optimizer=_copy(state_tensors(optimizer)),
        trained=None if average is None else _copy(model.state_dict()),
        way=way,
        precision=loss.precision,
    )


def _restore(
    state: State, model: nn.Module, optimizer: torch.optim.Optimizer, average: Average | None
) -> None:
    model.load_state_dict(state.weights if state.trained is None else state.trained)
    if average is not None:
        average.module.load_state_dict(state.weights)
    load_state_tensors(optimizer, state.optimizer)

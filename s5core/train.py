"""The training loop: a generator of events that knows neither pages nor files.

    for event in train(layers, recipe, digits):
        match event:
            case Epoch(metrics):
                print(metrics.epoch, metrics.validation_accuracy)

The caller owns the run: to stop it, stop iterating. A learning rate that is sent in
(`events.send(0.05)`) becomes the peak from the next batch on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from s5core.augment import augment
from s5core.data import Digits
from s5core.device import autocast, choose
from s5core.evaluate import evaluate
from s5core.events import Batch, Diverged, Epoch, Finished, Metrics, Started, State, TrainingEvent
from s5core.layers import Layer, build
from s5core.modules import GeneratorDropout, to_unit
from s5core.optimizer import load_state_tensors, state_tensors
from s5core.recipe import Recipe, RecipeError


def train(
    layers: Sequence[Layer], recipe: Recipe, digits: Digits, resume: State | None = None
) -> Generator[TrainingEvent, float | None, None]:
    """Train a network from the start, or go on from `resume`, and yield an event for each thing that
    happens.

    On the CPU of one machine and with one number of threads, the same arguments give the same weights,
    bit for bit, and a resumed run ends with the weights of an uninterrupted one.
    Raises NetworkError, RecipeError or DeviceError before the first event.
    """
    device = choose(recipe.device)
    if recipe.dropout and not any(layer.role == "dropout" for layer in layers):
        raise RecipeError(
            f"dropout is {recipe.dropout}, but the network has no Dropout layer: add one or set dropout to 0."
        )
    # Channels last saves a fifth to a third of the time with one thread, and hardly any with two.
    model = build(layers, seed=recipe.seed).to(device.id).to(memory_format=torch.channels_last)
    digits = digits.to(device.id)
    generator = torch.Generator(device.id)
    for module in model.modules():
        if isinstance(module, GeneratorDropout):
            module.rate, module.generator = recipe.dropout, generator
    optimizer = recipe.make_optimizer(model)
    average = (
        AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)
        if recipe.ema
        else None
    )

    history: list[Metrics] = []
    peak = recipe.learning_rate
    if resume is not None:
        history, peak = list(resume.history), resume.peak
        _restore(resume, model, optimizer, average)

    batches = math.ceil(len(digits.train_labels) / recipe.batch_size)
    yield Started(
        device=device.name,
        data=digits.name,
        train_digits=len(digits.train_labels),
        validation_digits=len(digits.validation_labels),
        parameters=sum(p.numel() for p in model.parameters()),
        epochs=recipe.epochs,
        batches=batches,
        first_epoch=len(history) + 1,
    )

    for epoch in range(len(history) + 1, recipe.epochs + 1):
        model.train()
        generator.manual_seed((recipe.seed << 16) + epoch)
        order = torch.randperm(len(digits.train_labels), generator=generator, device=device.id)
        losses = [past.validation_loss for past in history]
        began = time.perf_counter()
        seen, correct, total_loss, learning_rate = 0, 0, 0.0, 0.0

        for batch, chosen in enumerate(order.split(recipe.batch_size), 1):
            progress = (epoch - 1 + (batch - 1) / batches) / recipe.epochs
            learning_rate = peak * recipe.factor(progress, losses)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate

            images, labels = to_unit(digits.train_images[chosen]), digits.train_labels[chosen]
            if recipe.augments and epoch <= recipe.epochs - recipe.plain_epochs:
                images = augment(images, labels, recipe, generator)
            with autocast(device):
                logits = model(images)
                loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
            loss_value = loss.item()
            if not math.isfinite(loss_value):
                yield Diverged(epoch, batch, loss_value, learning_rate)
                return
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if average is not None:
                average.update_parameters(model)

            seen += len(labels)
            correct += int((logits.argmax(1) == labels).sum())
            total_loss += loss_value * len(labels)
            sent = yield Batch(
                epoch=epoch,
                batch=batch,
                loss=loss_value,
                accuracy=100 * correct / seen,
                learning_rate=learning_rate,
                images_per_second=seen / (time.perf_counter() - began),
            )
            peak = peak if sent is None else sent

        validation = evaluate(
            average.module if average is not None else model,
            digits.validation_images,
            digits.validation_labels,
        )
        if not math.isfinite(validation.loss):
            yield Diverged(epoch, batches, validation.loss, learning_rate)
            return
        history.append(
            Metrics(
                epoch=epoch,
                train_loss=total_loss / seen,
                train_accuracy=100 * correct / seen,
                validation_loss=validation.loss,
                validation_accuracy=validation.accuracy,
                validation_errors=validation.errors,
                learning_rate=learning_rate,
                seconds=time.perf_counter() - began,
            )
        )
        yield Epoch(history[-1], _state(history, peak, model, optimizer, average))

    yield Finished.of(history)


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def _state(
    history: Sequence[Metrics],
    peak: float,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: AveragedModel | None,
) -> State:
    return State(
        history=tuple(history),
        peak=peak,
        weights=_copy((model if average is None else average.module).state_dict()),
        optimizer=_copy(state_tensors(optimizer)),
        trained=None if average is None else _copy(model.state_dict()),
    )


def _restore(
    state: State, model: nn.Module, optimizer: torch.optim.Optimizer, average: AveragedModel | None
) -> None:
    model.load_state_dict(state.weights if state.trained is None else state.trained)
    if average is not None:
        average.module.load_state_dict(state.weights)
        average.n_averaged.fill_(1)  # not 0: the next update averages instead of copying
    load_state_tensors(optimizer, state.optimizer)

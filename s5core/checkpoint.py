"""Checkpoints: weights, layers, recipe and history in one safetensors file.

Tensors are named `weights.0.weight` (the module of layer 0). The file of an unfinished run also has
`optimizer.…` and `trained.…` (see `events.State`). The rest is one JSON object under the metadata key
"s5core". Nothing is ever unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from s5core.data import PRACTICE, indices_of_class, practice_set
from s5core.errors import UserError
from s5core.events import Metrics, State, metrics_from_json
from s5core.files import ROOT, parse_json, read_bytes, write_atomically
from s5core.layers import CLASSES, INPUT_SHAPE, Network, NetworkError, build, from_json, to_json
from s5core.modules import to_unit
from s5core.optimizer import state_shapes
from s5core.recipe import LOOP_VERSION, Recipe, RecipeError
from s5core.settings import check_field

FORMAT = 1
LOOP = "training loop"  # its name among the versions
MAX_BYTES = 256 * 2**20  # the base net with its optimizer is 51 MB

FOLDER = ROOT / "checkpoints"


class CheckpointError(UserError):
    """A file that is no checkpoint of this program; the message names the file and the reason."""


@dataclass(frozen=True)
class Checkpoint:
    """A network after some epochs of its recipe."""

    name: str  # "step5", or a name that its maker chose
    layers: Network
    recipe: Recipe
    data: str  # name of the digits with which it was trained
    history: tuple[Metrics, ...]  # of the finished epochs
    weights: dict[str, Tensor]
    state: State | None = None  # to go on with; None once the run is finished
    way: str = "eager"  # how kernels were started (see `ways`), and the precision of convolutions
    precision: str = "float32"
    temperature: float = 1.0  # by which its logits are divided: see `evaluate.fit_temperature`
    versions: dict[str, str] = dataclasses.field(default_factory=lambda: current_versions())

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the last epoch, in percent."""
        return self.history[-1].validation_accuracy

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(p.numel() for p in _meta_model(self.layers).parameters())

    def model(self) -> nn.Sequential:
        """The network with these weights, in eval mode on the CPU."""
        model = build(self.layers, seed=0, temperature=self.temperature)
        model.load_state_dict(self.weights)
        return model.eval()

    def has_seen(self, data: str) -> bool:
        """Whether it was trained with the validation digits of that name: the practice set validates
        on digits that MNIST trains with."""
        return data.startswith(PRACTICE) and not self.data.startswith(PRACTICE)

    def check_data(self, data: str) -> None:
        """Raise CheckpointError unless it was trained with these digits: a run that goes on with other
        digits would mix the figures of both."""
        if data != self.data:
            raise CheckpointError(
                f"This run began with other digits ({self.data}) than those that are here ({data}): start a "
                "new run."
            )

    @classmethod
    def of(cls, name: str, layers: Network, recipe: Recipe, data: str, state: State) -> Checkpoint:
        """The checkpoint at the end of an epoch: resumable while epochs are left."""
        unfinished = len(state.history) < recipe.epochs
        return cls(
            name=name,
            layers=tuple(layers),
            recipe=recipe,
            data=data,
            history=state.history,
            weights=state.weights,
            state=state if unfinished else None,
            way=state.way,
            precision=state.precision,
        )


def current_versions() -> dict[str, str]:
    """The versions of what a run's figures depend on: two packages, and our loop."""
    packages = {package: version(package) for package in ("torch", "torchvision")}
    return packages | {LOOP: str(LOOP_VERSION)}


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint's file."""
    tensors = {f"weights.{name}": tensor for name, tensor in checkpoint.weights.items()}
    meta: dict[str, Any] = {
        "format": FORMAT,
        "name": checkpoint.name,
        "layers": to_json(checkpoint.layers),
        "recipe": checkpoint.recipe.to_json(),
        "data": checkpoint.data,
        "history": [dataclasses.asdict(metrics) for metrics in checkpoint.history],
        "accuracy": checkpoint.accuracy,
        "way": checkpoint.way,
        "precision": checkpoint.precision,
        "temperature": checkpoint.temperature,
        "versions": checkpoint.versions,
    }
    if checkpoint.state is not None:
        meta["peak"] = checkpoint.state.peak
        tensors |= {f"optimizer.{name}": tensor for name, tensor in checkpoint.state.optimizer.items()}
        tensors |= {f"trained.{name}": tensor for name, tensor in (checkpoint.state.trained or {}).items()}
    return safetensors.torch.save(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, {"s5core": json.dumps(meta)}
    )


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint into a folder that exists. A reader finds the old file or the new one, never half
    of one.

    Raises OSError when the file cannot be written, and when there is no such folder: that of a run that
    was deleted must not come back.
    """
    write_atomically(path, to_bytes(checkpoint), make_folder=False)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises CheckpointError, which names the file and what is wrong."""
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    return from_bytes(content, str(path))


def shipped_path(name: str) -> Path:
    """Path of the shipped network of a step; there need not be one."""
    return FOLDER / f"{name}.safetensors"


def load_shipped(names: Iterable[str]) -> dict[str, Checkpoint]:
    """The shipped networks of these steps; a step without one is left out."""
    return {name: load(path) for name in names if (path := shipped_path(name)).exists()}


def from_bytes(content: bytes, name: str) -> Checkpoint:
    """The checkpoint in a file's content, such as an upload; `name` is for messages.

    Raises CheckpointError for content that is truncated, no checkpoint, of another format, whose
    tensors do not fit its layers, or whose weights or answers are not finite numbers.
    """
    meta, tensors = _open(content, name)
    if meta.get("format") != FORMAT:
        raise CheckpointError(
            f"{name} has checkpoint format {meta.get('format')!r}, and this version reads "
            f"format {FORMAT}: open it with the version that wrote it."
        )
    parts: dict[str, dict[str, Tensor]] = {"weights": {}, "optimizer": {}, "trained": {}}
    for key, tensor in tensors.items():
        part, _, rest = key.partition(".")
        if part not in parts:
            raise CheckpointError(f"{name} holds a tensor {key!r} that belongs to no checkpoint.")
        parts[part][rest] = tensor
    try:
        layers = from_json(meta["layers"])
        history = tuple(metrics_from_json(metrics) for metrics in meta["history"])
        way = check_field(Recipe, "way", meta.get("way", "eager"))
        precision = check_field(Recipe, "precision", meta.get("precision", "float32"))
        checkpoint = Checkpoint(
            name=str(meta["name"]),
            layers=layers,
            recipe=Recipe.from_json(meta["recipe"]),
            data=str(meta["data"]),
            history=history,
            weights=parts["weights"],
            state=State(
                history=history,
                peak=check_field(Recipe, "learning_rate", meta["peak"]),
                weights=parts["weights"],
                optimizer=parts["optimizer"],
                trained=parts["trained"] or None,
                way=way,
                precision=precision,
            )
            if "peak" in meta
            else None,
            way=way,
            precision=precision,
            temperature=float(meta.get("temperature", 1)),
            versions={str(key): str(value) for key, value in meta["versions"].items()},
        )
        expected = _shapes(layers)
    except (NetworkError, RecipeError) as error:
        raise CheckpointError(f"{name} describes no network that can be trained: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{name} is no complete checkpoint: {error!s} is missing.") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = textwrap.shorten(str(error), 120, placeholder=" …")
        raise CheckpointError(f"{name} is no complete checkpoint: {reason}.") from error
    if not 0 < checkpoint.temperature < math.inf:
        raise CheckpointError(f"{name} is no complete checkpoint: its temperature is malformed.")
    if [metrics.epoch for metrics in history] != list(range(1, len(history) + 1)):
        raise CheckpointError(f"{name} is no complete checkpoint: its epochs are not numbered from 1.")
    if not history:
        raise CheckpointError(f"{name} is no complete checkpoint: it has no finished epoch.")
    if len(history) > checkpoint.recipe.epochs:
        raise CheckpointError(
            f"{name} is no complete checkpoint: its recipe has {checkpoint.recipe.epochs} epochs, but "
            f"{len(history)} are finished."
        )
    for part in ("weights", "trained") if parts["trained"] else ("weights",):
        found = {key: (tensor.shape, tensor.dtype) for key, tensor in parts[part].items()}
        if odd := _differing(found, expected):
            raise CheckpointError(
                f"{name} does not fit its own layers: {part}.{odd} is missing or misshapen."
            )
    if checkpoint.state is not None:
        found_shapes = {key: tensor.shape for key, tensor in parts["optimizer"].items()}
        expected_shapes = state_shapes(checkpoint.recipe.make_optimizer(build(layers, seed=0)))
        if odd := _differing(found_shapes, expected_shapes):
            raise CheckpointError(
                f"{name} does not fit its own layers: optimizer.{odd} is missing or misshapen."
            )
    for part, named in parts.items():
        for key, tensor in named.items():
            if not tensor.isfinite().all():
                raise CheckpointError(f"{name} cannot be used: {part}.{key} has values that are no numbers.")
    if not _answers(checkpoint).isfinite().all():
        raise CheckpointError(
            f"{name} cannot be used: its weights are so large that its answers are no numbers."
        )
    return checkpoint


@torch.no_grad()
def _answers(checkpoint: Checkpoint) -> Tensor:
    """The logits of a network for a few pictures: ten digits, no ink, nothing but ink, and grey noise."""
    noise = torch.rand(2, *INPUT_SHAPE, generator=torch.Generator().manual_seed(0))
    plain = torch.stack([torch.zeros(INPUT_SHAPE), torch.ones(INPUT_SHAPE)])
    logits: Tensor = checkpoint.model()(torch.cat([to_unit(_digits()), plain, noise]))
    return logits


@cache
def _digits() -> Tensor:
    """One digit of each class: (10, 1, 28, 28) uint8."""
    practice = practice_set()
    first = [indices_of_class(practice.validation_labels, label)[0] for label in range(CLASSES)]
    return practice.validation_images[first]


def _differing(found: Mapping[str, object], expected: Mapping[str, object]) -> str | None:
    """The first name under which the two have not the same; None where there is none."""
    names = sorted(found.keys() | expected.keys())
    return next((name for name in names if found.get(name) != expected.get(name)), None)


def _shapes(layers: Network) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """Name, shape and type of each tensor of the network's state."""
    return {key: (tensor.shape, tensor.dtype) for key, tensor in _meta_model(layers).state_dict().items()}


def _meta_model(layers: Network) -> nn.Sequential:
    """The network with shapes alone: it takes no memory, and nothing is initialised."""
    with torch.device("meta"):
        return build(layers)


def _open(content: bytes, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file that this program wrote."""
    try:
        tensors = safetensors.torch.load(content)
        # The header: its length in 8 bytes, then JSON (checked by the line above).
        length = int.from_bytes(content[:8], "little")
        header = parse_json(content[8 : 8 + length])
        meta = parse_json(header["__metadata__"]["s5core"])
    except SafetensorError as error:
        raise CheckpointError(f"{name} is truncated or no safetensors file: {error}.") from error
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{name} is a safetensors file, but no checkpoint of this program.") from error
    if not isinstance(meta, dict):
        raise CheckpointError(f"{name} is a safetensors file, but no checkpoint of this program.")
    return meta, tensors

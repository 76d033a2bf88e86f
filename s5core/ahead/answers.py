"""What a network answers to all validation digits, and the file in which that is kept.

A file is named after the network and the digits, so that it is never stale: a network with other weights
has another file. Those of the shipped networks come with the app, in `checkpoints/known/`
(`python -m benchmarks.known`); a server keeps the others beside its runs, in `.known`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from s5core import checkpoint
from s5core.ahead.question import MAX_BYTES, Report, home
from s5core.checkpoint import Checkpoint
from s5core.data import Digits, divide
from s5core.evaluate import Evaluation, evaluate
from s5core.files import read_bytes, write_atomically
from s5core.layers import CLASSES, to_json
from s5core.recipe import Split

SHIPPED = checkpoint.FOLDER / "known"
METHOD = 1  # another number when answers are found in another way: the old files are then asked for no more
BATCH = 500  # digits that are read between two reports


@dataclass(frozen=True)
class Network:
    """A network with its weights."""

    path: Path  # of its checkpoint
    digest: str  # of all on which its answers depend
    model: nn.Sequential  # in eval mode, on the CPU

    @classmethod
    def of(cls, path: Path, loaded: Checkpoint) -> Network:
        """The network in a checkpoint that was loaded from that path."""
        return cls(path, digest_of(loaded), loaded.model().requires_grad_(False))


def digest_of(loaded: Checkpoint) -> str:
    """What two networks have in common that answer alike: layers, weights and temperature."""
    found = hashlib.sha256(json.dumps([to_json(loaded.layers), loaded.temperature]).encode())
    for name, tensor in sorted(loaded.weights.items()):
        found.update(name.encode())
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Reading:
    """The question what a network answers to all validation digits."""

    network: Network
    digits: Digits  # as the split divides them
    split: Split = "test"

    @property
    def file(self) -> str:
        """The name of the file with the answers. The name of the digits stands for their content, which is
        checked when they are read."""
        return f"{self.network.digest}-answers-{self.digits.name.replace(' ', '-')}-{METHOD}.safetensors"

    def look_up(self) -> Evaluation | None:
        """The answers, if a file has them: one that comes with the app, or one of this server."""
        labels = self.digits.validation_labels
        for place in (SHIPPED, home()):
            try:
                content = read_bytes(place / self.file, MAX_BYTES)
                logits = safetensors.torch.load(content)["logits"].float()
            except (OSError, SafetensorError, KeyError, ValueError):
                continue  # there is none, or it is damaged: it will be written again
            if logits.shape == (len(labels), CLASSES):  # else these are the answers to other digits
                return Evaluation(logits, labels)
        return None

    def order(self) -> dict[str, Any]:
        """The question as JSON data."""
        return {"path": str(self.network.path.resolve()), "split": self.split}

    @classmethod
    def of(cls, order: dict[str, Any], digits: Digits) -> Reading:
        """The question in an order. Raises CheckpointError where the network cannot be read."""
        path = Path(order["path"])
        split = order["split"]
        return cls(Network.of(path, checkpoint.load(path)), divide(digits, split), split)

    def find_out(self, report: Report, place: Path) -> None:
        """Read all validation digits, which takes seconds, and keep the answers in a folder. Raises OSError
        when they cannot be written.

        The logits are kept as log-probabilities, which say the same and keep their precision in two bytes
        where it matters, near a probability of 1.
        """
        images, labels = self.digits.validation_images, self.digits.validation_labels
        parts = []
        for first in range(0, len(labels), BATCH):
            chosen = slice(first, first + BATCH)
            parts.append(evaluate(self.network.model, images[chosen], labels[chosen]).logits)
            report(min(1.0, (first + BATCH) / len(labels)))
        logits = torch.cat(parts).log_softmax(1)
        short = logits.half()
        same = torch.equal(short.argmax(1), logits.argmax(1)) and bool(short.isfinite().all())
        content = safetensors.torch.save({"logits": short if same else logits})
        write_atomically(place / self.file, content)

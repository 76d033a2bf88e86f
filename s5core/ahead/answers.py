"""What a network answers to all validation digits, and the file in which that is kept.

A file is named after the network and the digits, so that it is never stale: a network with other weights
has another file. Those of the shipped networks come with the app, in `checkpoints/known/`
(`python -m benchmarks.known`); a server keeps the others beside its runs, in `.known`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from s5core import checkpoint
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.evaluate import Evaluation, evaluate
from s5core.files import read_bytes, write_atomically
from s5core.layers import CLASSES, to_json
from s5core.runs import folder

SHIPPED = checkpoint.FOLDER / "known"
METHOD = 1  # another number when answers are found in another way: the old files are then asked for no more
MAX_BYTES = 2**24
MOST = 500  # files that a server keeps; 100 MB at the most
BATCH = 500  # digits that are read between two reports

Report = Callable[[float], None]  # the share that is done, 0 to 1


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


def file_name(network: Network, digits: Digits) -> str:
    """The name of the file with a network's answers. The name of the digits stands for their content,
    which is checked when they are read."""
    return f"{network.digest}-answers-{digits.name.replace(' ', '-')}-{METHOD}.safetensors"


def home() -> Path:
    """Where this server keeps answers."""
    return folder.home() / ".known"  # no run has such a name


def look_up(network: Network, digits: Digits) -> Evaluation | None:
    """What a network answers to the validation digits, if a file has it."""
    for place in (SHIPPED, home()):
        try:
            content = read_bytes(place / file_name(network, digits), MAX_BYTES)
            logits, labels = safetensors.torch.load(content)["logits"].float(), digits.validation_labels
        except (OSError, SafetensorError, KeyError, ValueError):
            continue  # there is none, or it is damaged: it will be written again
        if logits.shape == (len(labels), CLASSES):  # else these are the answers to other digits
            return Evaluation(logits, labels)
    return None


def find_out(network: Network, digits: Digits, report: Report, place: Path) -> None:
    """Read all validation digits, which takes seconds, and keep the answers in a folder. Raises OSError
    when they cannot be written.

    The logits are kept as log-probabilities, which say the same and keep their precision in two bytes
    where it matters, near a probability of 1.
    """
    images, labels = digits.validation_images, digits.validation_labels
    parts = []
    for first in range(0, len(labels), BATCH):
        chosen = slice(first, first + BATCH)
        parts.append(evaluate(network.model, images[chosen], labels[chosen]).logits)
        report(min(1.0, (first + BATCH) / len(labels)))
    logits = torch.cat(parts).log_softmax(1)
    short = logits.half()
    same = torch.equal(short.argmax(1), logits.argmax(1)) and bool(short.isfinite().all())
    content = safetensors.torch.save({"logits": short if same else logits})
    write_atomically(place / file_name(network, digits), content)


def prune(place: Path) -> None:
    """Remove the oldest answers in a folder, so that MOST are left."""
    files = sorted(place.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
    for file in files[:-MOST]:
        file.unlink(missing_ok=True)

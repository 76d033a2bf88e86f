"""What can be asked about a network, how it is found out, and the file in which the answer is kept.

A file is named after the question, the network and the digits, so that it is never stale: a network with
other weights has another file. Those of the shipped networks come with the app, in `checkpoints/known/`
(`python -m benchmarks.known`); a server keeps the others beside its runs, in `.known`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from s5core import checkpoint, data
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

Tensors = Mapping[str, Tensor]
Report = Callable[[float], None]  # the share that is done, 0 to 1
Answer = Evaluation


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


class Question(Protocol):
    """One of `QUESTIONS`."""

    def digits(self) -> Digits:
        """The digits that are read to answer it. Raises UserError where they cannot be read."""

    def file(self, digest: str, digits: Digits) -> str:
        """The name of the file that has the answer for a network."""

    def find(self, model: nn.Sequential, digits: Digits, report: Report) -> Tensors:
        """Find the answer out, which takes seconds."""

    def answer(self, tensors: Tensors, digits: Digits) -> Answer:
        """The answer in a file. Raises KeyError or ValueError where it has none."""


class Answers:
    """What a network answers to the validation digits: an `Evaluation`.

    The logits are log-probabilities, which say the same and keep their precision in two bytes where it
    matters, near a probability of 1.
    """

    def digits(self) -> Digits:
        """MNIST where it is here."""
        return data.load(download=False)

    def file(self, digest: str, digits: Digits) -> str:
        """It depends on the digits. Their name stands for their content, which is checked when they are
        read."""
        return f"{digest}-answers-{digits.name.replace(' ', '-')}-{METHOD}.safetensors"

    def find(self, model: nn.Sequential, digits: Digits, report: Report) -> Tensors:
        """Read all validation digits."""
        images, labels = digits.validation_images, digits.validation_labels
        parts = []
        for first in range(0, len(labels), BATCH):
            chosen = slice(first, first + BATCH)
            parts.append(evaluate(model, images[chosen], labels[chosen]).logits)
            report(min(1.0, (first + BATCH) / len(labels)))
        logits = torch.cat(parts).log_softmax(1)
        short = logits.half()
        same = torch.equal(short.argmax(1), logits.argmax(1)) and bool(short.isfinite().all())
        return {"logits": short if same else logits}

    def answer(self, tensors: Tensors, digits: Digits) -> Evaluation:
        """The answers, one for each validation digit."""
        logits, labels = tensors["logits"].float(), digits.validation_labels
        if logits.shape != (len(labels), CLASSES):
            raise ValueError("these are the answers to other digits")
        return Evaluation(logits, labels)


QUESTIONS: dict[str, Question] = {"answers": Answers()}


def home() -> Path:
    """Where this server keeps answers."""
    return folder.home() / ".known"  # no run has such a name


def look_up(name: str, network: Network, digits: Digits) -> Answer | None:
    """The answer to a question, if a file has it."""
    question = QUESTIONS[name]
    file = question.file(network.digest, digits)
    for place in (SHIPPED, home()):
        try:
            return question.answer(safetensors.torch.load(read_bytes(place / file, MAX_BYTES)), digits)
        except (OSError, SafetensorError, KeyError, ValueError):
            continue  # there is none, or it is damaged: it will be written again
    return None


def find_out(name: str, network: Network, digits: Digits, report: Report, place: Path) -> None:
    """Find the answer to a question, and keep it in a folder. Raises OSError when it cannot be written."""
    question = QUESTIONS[name]
    tensors = dict(question.find(network.model, digits, report))
    write_atomically(place / question.file(network.digest, digits), safetensors.torch.save(tensors))


def prune(place: Path) -> None:
    """Remove the oldest answers in a folder, so that MOST are left."""
    files = sorted(place.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
    for file in files[:-MOST]:
        file.unlink(missing_ok=True)

"""What is found out ahead: the shipped files, and a desk with a real reader."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import known
from s5core import checkpoint, data
from s5core.ahead import desk, question
from s5core.ahead.answers import SHIPPED, Network, Reading
from s5core.ahead.desk import Desk, Pending
from s5core.data import Digits
from s5core.evaluate import Evaluation, evaluate
from tests.helpers import wait_for

STEP5 = checkpoint.shipped_path("step5")


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.of(STEP5, checkpoint.load(STEP5))


@pytest.fixture
def other(tmp_path: Path) -> Network:
    """A network that nobody has asked about."""
    loaded = replace(checkpoint.load(STEP5), temperature=1.5)
    checkpoint.save(loaded, tmp_path / "model.safetensors")
    return Network.of(tmp_path / "model.safetensors", loaded)


@pytest.fixture
def asked() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_the_shipped_files_are_those_of_the_shipped_networks(mnist: Digits) -> None:
    assert {file.name for file in SHIPPED.iterdir()} == known.wanted(mnist).keys()


def test_a_shipped_answer_is_what_the_network_answers(network: Network, practice: Digits) -> None:
    kept = Reading(network, practice).look_up()
    assert isinstance(kept, Evaluation)
    now = evaluate(network.model, practice.validation_images, practice.validation_labels)
    assert torch.equal(kept.predictions, now.predictions)
    torch.testing.assert_close(kept.probabilities, now.probabilities, rtol=0, atol=1e-3)


def test_networks_that_answer_differently_have_other_files(network: Network, other: Network) -> None:
    assert network.digest != other.digest
    same = Network.of(STEP5, replace(checkpoint.load(STEP5), name="mine", data="practice set"))
    assert same.digest == network.digest


@pytest.mark.parametrize("content", [b"", b"no tensors", bytes(question.MAX_BYTES + 1)])
def test_a_damaged_file_counts_as_none(other: Network, practice: Digits, content: bytes) -> None:
    file = question.home() / Reading(other, practice).file
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert Reading(other, practice).look_up() is None


def test_answers_to_other_digits_count_as_none(other: Network, practice: Digits) -> None:
    few = replace(practice, validation_images=practice.validation_images[:7])
    few = replace(few, validation_labels=practice.validation_labels[:7])
    Reading(other, few).find_out(lambda _: None, question.home())
    assert Reading(other, few).look_up() is not None
    assert Reading(other, practice).look_up() is None


def test_the_oldest_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "MOST", 2)
    for age in range(4):
        (tmp_path / f"{age}.safetensors").touch()
        os.utime(tmp_path / f"{age}.safetensors", (1000 - age, 1000 - age))
    question.prune(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.safetensors", "1.safetensors"]


def test_a_shipped_network_needs_no_reader(network: Network, practice: Digits, asked: Desk) -> None:
    assert isinstance(asked.ask(Reading(network, practice)), Evaluation)
    assert asked.pid is None


@pytest.mark.slow
def test_a_reader_finds_out_what_is_asked_and_goes(
    other: Network, practice: Digits, asked: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S5_DATA_DIR", "")
    monkeypatch.setattr(data, "HOME", other.path.parent)
    first = asked.ask(Reading(other, practice))
    assert isinstance(first, Pending) and asked.ask(Reading(other, practice)) is first
    wait_for(lambda: asked.pid is None)
    assert first.share == 1 and not first.trouble
    found = asked.ask(Reading(other, practice))
    assert isinstance(found, Evaluation)
    now = evaluate(other.model, practice.validation_images, practice.validation_labels)
    assert torch.equal(found.predictions, now.predictions)


@pytest.mark.slow
def test_a_failure_is_told_and_tried_again_later(
    other: Network, practice: Digits, asked: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S5_DATA_DIR", "")
    kept = other.path.with_name("kept")
    shutil.move(other.path, kept)
    pending = asked.ask(Reading(other, practice))
    assert isinstance(pending, Pending)
    wait_for(lambda: pending.trouble)
    assert "cannot be read" in pending.trouble and asked.ask(Reading(other, practice)) is pending
    shutil.move(kept, other.path)
    monkeypatch.setattr(desk, "AGAIN", 0.0)
    wait_for(lambda: isinstance(asked.ask(Reading(other, practice)), Evaluation))


@pytest.mark.slow
def test_a_killed_reader_is_told(other: Network, practice: Digits, asked: Desk) -> None:
    pending = asked.ask(Reading(other, practice))
    assert isinstance(pending, Pending) and asked.pid is not None
    os.kill(asked.pid, signal.SIGKILL)
    wait_for(lambda: pending.trouble)
    assert "broke down" in pending.trouble
    wait_for(lambda: asked.pid is None)

"""What this server keeps for all sessions: networks with their weights, answers, digits, the queue,
and the download of MNIST. Whatever comes from here is shared: only read it."""

from __future__ import annotations

import atexit
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from pages.parts import messages
from s5core import checkpoint, configuration, data, device, results, speed
from s5core.ahead.answers import Network, Reading
from s5core.ahead.desk import Answer, Desk, Pending
from s5core.ahead.question import Question
from s5core.configuration import Configuration
from s5core.data import Digits
from s5core.drawing.class_set import Reader
from s5core.errors import UserError
from s5core.evaluate import Evaluation
from s5core.layers import Layer
from s5core.recipe import Recipe, Split
from s5core.results import Result
from s5core.runs import forecast, outcome
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.classroom import Classroom
from s5core.runs.queue import Queue

LOOK = 2.0  # seconds for which an answer about the line is used again


class Trained:
    """A network with its weights, as a checkpoint file holds it."""

    def __init__(self, path: Path, changed: int) -> None:
        """Read the file. `changed`: when it was modified, in ns; a later file is another network.
        Raises CheckpointError."""
        self.key = str(path), changed
        self.checkpoint = checkpoint.load(path)
        self.network = Network.of(path, self.checkpoint)
        self.model = self.network.model  # in eval mode, on the CPU
        self.reader = Reader(self.model)  # of the class set


def trained(network: NamedNetwork) -> Trained | None:
    """A network with its weights; None while it has none. Raises CheckpointError for a bad file."""
    try:
        changed = network.path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read(network.path, changed)


@st.cache_resource(max_entries=64, show_spinner=False)
def _read(path: Path, changed: int) -> Trained:
    return Trained(path, changed)


@st.cache_resource(on_release=Desk.close, show_spinner=False)
def _desk() -> Desk:
    made = Desk()
    atexit.register(made.close)
    return made


def answers(trained: Trained, split: Split = "test") -> Evaluation | Pending:
    """A network's answers to the validation digits of a split; `Pending` for some seconds where nobody has
    asked before. Raises UserError when the digits are damaged."""
    return ask(Reading(trained.network, digits(split), split))


def ask(question: Question[Answer]) -> Answer | Pending:
    """The answer to a question; `Pending` for some seconds where nobody has asked it before."""
    return _desk().ask(question)


@st.cache_data(show_spinner=False)
def reached() -> dict[str, Result]:
    """What each step reached, from checkpoints/results.json."""
    return results.load()


def digits(split: Split = "test") -> Digits:
    """MNIST where it is on this machine, else the practice digits; nothing is downloaded.
    Raises UserError when files are damaged."""
    return _digits(configuration.value("data_dir"), not data.missing_files(data.HOME), split)


@st.cache_resource(max_entries=4, show_spinner=False)
def _digits(folder: str, downloaded: bool, split: Split) -> Digits:
    if split != "test":
        return data.divide(_digits(folder, downloaded, "test"), split)
    return data.load(folder=folder, download=False)  # what is kept depends on the arguments alone


def digits_or_stop() -> Digits:
    """The digits in use; where they cannot be read, say so on the page and end it."""
    try:
        return digits()
    except UserError as error:
        messages.complain(error)
        st.stop()


def jobs() -> Queue:
    """The queue of this server, with warm workers in reserve, to look at: to start or change a run, go by
    way of `classroom`. Raises UserError for a bad setting."""
    return classroom().queue


@st.cache_resource(on_release=Classroom.close, show_spinner=False)
def classroom() -> Classroom:
    """The people of this server and its queue, which goes on where the server before it ended. Raises
    UserError for a bad setting."""
    st.secrets.load_if_toml_exists()  # puts the secrets into the environment, where settings are looked for
    settings = Configuration.read()
    queue = Queue()
    made = Classroom(queue, settings)
    queue.restore()
    atexit.register(made.close)
    return made


def expected_seconds(layers: Sequence[Layer], recipe: Recipe) -> float | None:
    """How long a run would take here; None where nothing is known: before a worker has measured it,
    and on a GPU. Raises UserError where there is no such device, or no digits."""
    unit = jobs().unit
    if unit is None or device.choose(recipe.device).id != "cpu":
        return None
    here = digits()
    train, validation = len(here.train_labels), len(here.validation_labels)
    return speed.expected_seconds(layers, recipe, train, validation, unit)


@st.cache_data(ttl=LOOK, show_spinner=False)
def waits() -> dict[str, float]:
    """Seconds until each run in line begins, at the speed that was measured last, by the run's id. It is
    empty while the speed is not known. It is as old as LOOK at the most, whoever asks."""
    queue = jobs()
    left: list[float] = []
    slowdown: list[float] = []  # how much slower runs are than expected: they share the machine
    durations: list[float] = []
    waiting = queue.waiting()
    try:
        for run in queue.training():
            log, expected = run.log(), expected_seconds(run.layers, run.recipe)
            each = forecast.epoch_seconds(log)
            if each is None and expected is not None:
                each = expected / run.recipe.epochs
            if each is None:
                return {}
            left.append(each * forecast.epochs_left(log, run.recipe.epochs))
            if expected is not None:
                slowdown.append(each * run.recipe.epochs / expected)
        for run in waiting:
            seconds = expected_seconds(run.layers, run.recipe)
            if seconds is None:
                return {}
            share = 1 - len(outcome.history(run)) / run.recipe.epochs
            durations.append(seconds * share * (statistics.mean(slowdown) if slowdown else 1.0))
    except UserError:  # there are no digits, or a run wants a device that is not here: its log will say so
        return {}
    begins = forecast.start_times(left, durations, queue.limit)
    return {run.id: begin for run, begin in zip(waiting, begins, strict=True)}


@dataclass
class Download:
    """The one attempt of this server to fetch MNIST."""

    trouble: str | None = None  # why it failed; None before the attempt
    lock: threading.Lock = field(default_factory=threading.Lock)  # a second visitor waits


@st.cache_resource(show_spinner=False)
def _download() -> Download:
    return Download()


def digits_are_here() -> bool:
    """Whether MNIST is where it is looked for, so that nothing needs to be downloaded."""
    return bool(configuration.value("data_dir")) or not data.missing_files(data.HOME)


def download_trouble() -> str | None:
    """Why MNIST could not be downloaded; None while nobody has tried."""
    return _download().trouble


def download(progress: data.Progress) -> None:
    """Fetch MNIST into data/, once a server: a network that fails now will fail for a while."""
    attempt = _download()
    with attempt.lock:
        if digits_are_here() or attempt.trouble is not None:
            return  # a whole class opens the page at once, and one download is enough
        try:
            data.download_mnist(data.HOME, progress)
        except data.DownloadError as error:
            attempt.trouble = str(error)


@st.cache_resource(show_spinner=False)
def begin_download() -> None:
    """Fetch MNIST while a page is being read, once a server."""
    threading.Thread(target=download, args=(lambda *_: None,), daemon=True).start()


def forget_download() -> None:
    """Let the next visit try again."""
    _download().trouble = None

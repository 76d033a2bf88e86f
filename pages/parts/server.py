"""What the pages share: the chosen network, the digits, the runs and their workers.

The sidebar of the entrypoint sets `step` and `run` in the session and in the URL; a page
asks here what they stand for.
"""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
import torch
from torch import nn

from s5core import checkpoint, data, results, steps
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.drawing.familiarity import Familiarity
from s5core.drawing.familiarity import measure as measure_familiarity
from s5core.errors import UserError
from s5core.results import Result
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.runs.queue import Jobs
from s5core.steps import Step

SHIPPED = "shipped"  # the choice of no run: the step as it comes with the app


def step() -> Step:
    """The step that is chosen in the sidebar."""
    return steps.STEPS[st.session_state.get("step", "step5")]


def run() -> Run | None:
    """The run that is chosen in the sidebar; None for the shipped checkpoint."""
    chosen = st.session_state.get("run", SHIPPED)
    return None if chosen == SHIPPED else folder.open_run(chosen)


def runs_of(chosen: Step) -> list[Run]:
    """The runs that began from a step, the newest first."""
    return [run for run in folder.list_runs() if run.step == chosen.name]


def network() -> Checkpoint | None:
    """The trained network that is chosen: the run's, else the step's. None while it has no
    finished epoch, or where the step is shipped without a checkpoint."""
    chosen = run()
    return _in_file(chosen.model_path if chosen else checkpoint.shipped_path(step().name))


def shipped(name: str) -> Checkpoint | None:
    """The checkpoint that comes with the app for a step, or None."""
    return _in_file(checkpoint.shipped_path(name))


def trained_by(run: Run) -> Checkpoint | None:
    """The network of any run as of its last finished epoch; None before the first."""
    return _in_file(run.model_path)


def _in_file(path: Path) -> Checkpoint | None:
    return _load(path, path.stat().st_mtime_ns) if path.exists() else None


@st.cache_resource(max_entries=64, show_spinner=False)
def _load(path: Path, changed: int) -> Checkpoint:
    return checkpoint.load(path)


def model(trained: Checkpoint) -> nn.Sequential:
    """A checkpoint's network in eval mode on the CPU, shared by all sessions: only read it."""
    return _model(trained)[1]


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Checkpoint: id})
def _model(trained: Checkpoint) -> tuple[Checkpoint, nn.Sequential]:
    # The checkpoint stays with its model, or another one could get its id.
    return trained, trained.model().requires_grad_(False)


def familiarity(trained: Checkpoint) -> Familiarity | None:
    """How a network sees real digits, to tell what else it is shown; None where nothing tells."""
    return _familiarity(trained)[1]


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Checkpoint: id})
def _familiarity(trained: Checkpoint) -> tuple[Checkpoint, Familiarity | None]:
    # A second or two on a core of its own. The practice digits are always here, and have no accuracy to lose.
    return trained, measure_familiarity(model(trained), data.practice_set())


def network_name() -> str:
    """What lists call the chosen network, a run or a step."""
    return (run() or step()).label


def readers() -> dict[str, nn.Module]:
    """Every network that can read a digit, by name: the chosen one first, if it is trained,
    then the steps as they are shipped. Raises UserError when the chosen one cannot be opened."""
    named = {network_name(): network()}
    for other in steps.STEPS.values():
        named.setdefault(other.label, shipped(other.name))
    return {name: model(trained) for name, trained in named.items() if trained is not None}


@st.cache_data(show_spinner=False)
def reached() -> dict[str, Result]:
    """What each step reached, from checkpoints/results.json."""
    return results.load()


def digits() -> Digits:
    """MNIST where it is on this machine, else the practice digits; nothing is downloaded."""
    return _digits(not data.missing_files(data.HOME))


def digits_or_stop() -> Digits:
    """The digits in use; where they cannot be read, say so and end the page."""
    try:
        return digits()
    except UserError as error:
        st.error(str(error))
        st.stop()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The queue of this server, with warm workers in reserve."""
    queue = Jobs()
    atexit.register(queue.close)
    return queue


@dataclass
class Download:
    """The one attempt of this server to fetch MNIST."""

    trouble: str | None = None  # why it failed; None before the attempt
    lock: threading.Lock = field(default_factory=threading.Lock)  # whoever comes second waits


@st.cache_resource(show_spinner=False)
def _download() -> Download:
    return Download()


def digits_are_here() -> bool:
    """Whether MNIST is where the digits are looked for, so that nothing is to be downloaded."""
    return bool(os.environ.get("S5_DATA_DIR")) or not data.missing_files(data.HOME)


def download_trouble() -> str | None:
    """Why MNIST could not be downloaded; None while nobody has tried."""
    return _download().trouble


def download(progress: data.Progress) -> None:
    """Fetch MNIST into data/, once a server: a network that is dead stays so for a while."""
    attempt = _download()
    with attempt.lock:
        if digits_are_here() or attempt.trouble is not None:
            return  # a class opens the page at once, and one download is enough
        try:
            data.download_mnist(data.HOME, progress)
        except data.DownloadError as error:
            attempt.trouble = str(error)


def forget_download() -> None:
    """Let the next visit try again."""
    _download().trouble = None


@st.cache_resource(max_entries=2, show_spinner="Reading the digits …")
def _digits(downloaded: bool) -> Digits:
    return data.load(download=False)


def network_or_stop() -> Checkpoint:
    """The chosen network; where there is none, say so on the page and end it."""
    try:
        trained = network()
    except UserError as error:
        st.error(str(error))
        st.stop()
    if trained is None:
        st.info(
            "This network is not trained yet: choose another step or run at the left, or train it "
            "on the page **Train**."
        )
        st.stop()
    return trained


def drawing() -> torch.Tensor | None:
    """The digit that was drawn last on the page Draw, as the networks see it:
    (1, 1, 28, 28) uint8. None before the first stroke."""
    return st.session_state.get("drawing")


def keep_drawing(field: torch.Tensor | None) -> None:
    """Keep what the page Draw made of the canvas, for other pages."""
    st.session_state.drawing = field

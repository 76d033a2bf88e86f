"""The networks to choose from: the steps as they are shipped, and the runs.

An uploaded checkpoint is a run. Whatever offers a choice of networks takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from s5core import checkpoint
from s5core.layers import Network
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Run, RunError
from s5core.steps import STEPS, Step
from s5core.words import escape

LISTED = 200  # runs in a list to choose from; nobody finds one among more


@dataclass(frozen=True)
class NamedNetwork:
    """A network under the names that pages and links give it. It need not be trained yet.

    Anybody may give a run any name, so what is Markdown takes the names that are marked.
    """

    id: str  # as links carry it: "step5" for a shipped step, else the run's id
    label: str  # in a list of all networks: "3 · An earlier pool, a falling rate"
    title: str  # in a list of one step's networks: "shipped network", "not trained yet", "rate 0.1"
    short: str  # in sentences: "Step 3", "Step 3, rate 0.1"
    step: Step  # the step itself, or the step that the run began from
    layers: Network
    recipe: Recipe
    path: Path  # of its checkpoint; there is no file before the first epoch is finished
    design: str = ""  # the name of its layers, where they are not the step's
    run: Run | None = None  # None for a step as shipped

    @property
    def marked_label(self) -> str:
        """`label` as Markdown."""
        return escape(self.label)

    @property
    def marked_title(self) -> str:
        """`title` as Markdown."""
        return escape(self.title)

    @property
    def marked_short(self) -> str:
        """`short` as Markdown."""
        return escape(self.short)

    @property
    def is_run(self) -> bool:
        """Whether it is a run, not a step as shipped."""
        return self.run is not None

    @property
    def is_sealed(self) -> bool:
        """Whether nobody may see yet what it answers to the test digits."""
        return self.run is not None and self.run.is_sealed

    @property
    def is_trained(self) -> bool:
        """Whether its checkpoint exists."""
        return self.path.exists()


def of_step(step: Step) -> NamedNetwork:
    """A step as shipped."""
    path = checkpoint.shipped_path(step.name)
    return NamedNetwork(
        id=step.name,
        label=step.label,
        title="shipped network" if path.exists() else "not trained yet",
        short=step.short,
        step=step,
        layers=step.layers,
        recipe=step.recipe,
        path=path,
    )


def of_run(run: Run) -> NamedNetwork:
    """A run. Raises RunError when it began from a step that does not exist here."""
    step = STEPS.get(run.step)
    if step is None:
        raise RunError(f"The run {run.id} began from {run.step!r}, and this version has no such step.")
    return NamedNetwork(
        id=run.id,
        label=f"{step.short}, {run.title}",
        title=run.title,
        short=f"{step.short}, {run.title}",
        step=step,
        layers=run.layers,
        recipe=run.recipe,
        path=run.model_path,
        design=run.design,
        run=run,
    )


def steps() -> list[NamedNetwork]:
    """The steps as shipped, in their order."""
    return [of_step(step) for step in STEPS.values()]


def runs(step: Step | None = None) -> list[NamedNetwork]:
    """The runs to choose from: the first LISTED of `list_runs`, or of those that began from one step.
    The page Runs has them all."""
    found = (
        of_run(run)
        for run in folder.list_runs()
        if (run.step in STEPS if step is None else run.step == step.name)
    )
    return list(islice(found, LISTED))


def networks() -> list[NamedNetwork]:
    """The networks to choose from: first the steps, then the runs."""
    return steps() + runs()


def find(id: str) -> NamedNetwork:
    """The network of that id. Raises RunError when there is none or its folder is damaged."""
    return of_step(STEPS[id]) if id in STEPS else of_run(folder.open_run(id))

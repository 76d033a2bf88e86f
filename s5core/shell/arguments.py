"""What the commands take: their arguments and options, and what these name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from reprlib import repr as shorten
from typing import Annotated, Any

import torch
import typer

from s5core import checkpoint, data, notation, steps
from s5core.data import Digits
from s5core.errors import UserError
from s5core.export import link
from s5core.export.source import Source
from s5core.files import parse_json, read_bytes
from s5core.layers import Network, check, from_json
from s5core.recipe import Recipe, Split
from s5core.runs import folder
from s5core.settings import field_choices, field_types
from s5core.shell.output import downloading, notes
from s5core.steps import StepError

AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder with MNIST. Without it: $S5_DATA_DIR, data/, a download, or else the practice digits.",
    ),
]
NETWORK = typer.Argument(
    metavar="NETWORK",
    help="A step (1 to 5, base, step5_small, …), the id of a run, a checkpoint (.safetensors), a file of "
    'layers (.json), a link (…/train?take=…), or layers as text: "C8 BN SiLU P C16 BN SiLU GAP H10".',
)
NetworkName = Annotated[str, NETWORK]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads. Without it, torch decides.")]


def recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of a recipe, in place of its `**changes`."""
    options = []
    for entry in dataclasses.fields(Recipe):
        kind = field_types(Recipe)[entry.name]
        kind = kind if kind in (bool, int, float) else str
        fitting = entry.metadata["range"] or ", ".join(field_choices(Recipe, entry.name))
        text = f"{entry.metadata['help']} {fitting}".strip()
        options.append(
            inspect.Parameter(
                entry.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    kind | None,
                    typer.Option(help=text, rich_help_panel="Recipe (default: the network's own)"),
                ],
            )
        )
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *options]}
    return command


def read_network(name: str) -> Source:
    """The network that a command is given: a step, the id of a run, a file, a link, or layers as text.

    Layers alone get the recipe of step 5. Raises UserError for a name that is none of them, and for what
    cannot be read.
    """
    if link.is_link(name):
        found = link.read(name)
        return Source(found.step, found.layers, found.recipe, step=found.step)
    path = Path(name)
    if path.suffix.lower() == ".json":
        return _design(path.stem, from_json(_read_json(path)))
    if path.suffix.lower() == ".safetensors":
        made = checkpoint.load(path)
        return Source(path.stem, made.layers, made.recipe, made, made.name)
    if notation.is_meant(name):
        return _design("design", notation.parse(name))
    if (folder.home() / name / "config.json").exists():
        run = folder.open_run(name)
        trained = run.checkpoint() if run.model_path.exists() else None
        return Source(run.id, run.layers, run.recipe, trained, run.step, run.title)
    try:
        step = steps.find(name)
    except StepError as error:
        raise UserError(
            f"There is no step, run or file {shorten(name)}: the steps are {', '.join(steps.STEPS)}."
        ) from error
    shipped = checkpoint.load_shipped([step.name]).get(step.name)
    return Source(step.name, step.layers, step.recipe, shipped, step.name, step.short)


def _design(name: str, layers: Network) -> Source:
    """A network that comes without a recipe. Raises NetworkError for one that cannot be built."""
    check(layers)
    return Source(name, layers, steps.STEPS["step5"].recipe, step="step5")


MAX_BYTES = 2**20  # of a file of layers


def _read_json(path: Path) -> Any:
    try:
        return parse_json(read_bytes(path, MAX_BYTES))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON of layers: {error}.") from error


def load_digits(split: Split, source: Path | None) -> Digits:
    """The digits, downloaded if need be, with a note where the practice digits are used instead.
    Raises DataError."""
    with downloading() as progress:
        digits = data.load(split, source, progress=progress)
    if digits.notice:
        notes.print(digits.notice)
    return digits


def set_threads(threads: int | None) -> None:
    """Let torch use this many CPU threads; None leaves the choice to torch."""
    if threads is not None:
        torch.set_num_threads(threads)

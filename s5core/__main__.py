"""The command line: `python -m s5core --help`.

Results go to stdout, progress and notices to stderr; `--json` puts JSON alone on stdout.
Exit codes: 0 done, 1 refused or diverged, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from benchmarks.loop import time_loops
from s5core import checkpoint, data, results, steps
from s5core.checkpoint import Checkpoint
from s5core.data import Digits, normalize, to_unit
from s5core.device import keep_freed_memory
from s5core.drawing import fit, photo, score
from s5core.drawing.fit import DigitError
from s5core.drawing.reading import use_one_thread
from s5core.errors import UserError
from s5core.evaluate import evaluate as evaluate_model
from s5core.events import Batch, Diverged, Epoch, Event, Finished, Started, State
from s5core.layers import Network, check, from_json, with_dropout
from s5core.recipe import Recipe, field_types
from s5core.summary import count_parameters, format_details, format_table, layer_table
from s5core.train import train

app = typer.Typer(
    help="Bring a convolutional network to 99.4 % on MNIST with fewer than 10,000 parameters "
    "in fewer than 15 epochs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
notes = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with MNIST; else $S5_DATA_DIR, data/, a download, the practice set."),
]
NetworkName = Annotated[
    str,
    typer.Argument(metavar="STEP|LAYERS.json", help="1 to 5, base, step5_small, …, or a file of layers."),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; torch's own choice if not given.")]


@app.command("steps")
def list_steps(as_json: AsJson = False) -> None:
    """List the steps: parameters, what was reported, what ours reach."""
    reached = results.load()
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "step": step.name,
                        "title": step.title,
                        "parameters": count_parameters(step.layers),
                        "reported": step.reported.test if step.reported else None,
                        "reported_parameters": step.reported.parameters if step.reported else None,
                        "reached": reached[step.name].to_json() if step.name in reached else None,
                    }
                    for step in steps.STEPS.values()
                ]
            )
        )
        return
    print(f"{'step':<16} {'title':<34} {'parameters':>10} {'reported':>19} {'ours':>16} {'seeds':>5}")
    for step in steps.STEPS.values():
        result = reached.get(step.name)
        parameters = count_parameters(step.layers)
        reported = step.reported.beside(parameters) if step.reported else "–"
        print(
            f"{step.name:<16} {step.title:<34} {parameters:>10,} {reported:>19} "
            f"{str(result) if result else '–':>16} {result.seeds if result else 0:>5}"
        )


@app.command()
def table(
    network: NetworkName,
    details: Annotated[bool, typer.Option(help="Add receptive field, multiply-adds and memory.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the layer table of a step or of layers in a JSON file."""
    _, layers, _ = _read_network(network)
    rows = layer_table(layers)
    if as_json:
        print(json.dumps([row.to_json() for row in rows]))
    else:
        print(format_details(rows) if details else format_table(rows))


@app.command("data")
def show_data(
    folder: Annotated[Path | None, typer.Argument(help="Folder with MNIST; else the usual search.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch the missing files first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find MNIST, check every file of it, and say what is in use."""
    if download:
        with _downloading() as progress:
            data.download_mnist(folder or data.HOME, progress)
    digits = _load_digits("test", folder)
    shown = {
        "name": digits.name,
        "train": len(digits.train_labels),
        "validation": len(digits.validation_labels),
    }
    if as_json:
        print(json.dumps(shown))
    else:
        print(f"{digits.name}: {shown['train']:,} digits to train, {shown['validation']:,} to validate")


def _recipe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every field of a recipe, in place of its `**changes`."""
    options = []
    for entry in dataclasses.fields(Recipe):
        kind = field_types()[entry.name]
        kind = kind if kind in (bool, int, float) else str
        text = f"{entry.metadata['help']} {entry.metadata['range']}".strip()
        options.append(
            inspect.Parameter(
                entry.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    kind | None, typer.Option(help=text, rich_help_panel="Recipe (default: the step's own)")
                ],
            )
        )
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *options]}
    return command


@app.command("train")
@_recipe_options
def train_command(
    network: Annotated[
        str | None, typer.Argument(metavar="STEP|LAYERS.json", help="What to train; not with --resume.")
    ] = None,
    *,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Train this many, from --seed on.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Checkpoint file, written after every epoch.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with an unfinished checkpoint.")] = None,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
    **changes: Any,
) -> None:
    """Train a step, or layers from a JSON file, and print the accuracy of the last epoch."""
    if (network is None) == (resume is None):
        raise typer.BadParameter("give a step (or a file of layers), or --resume FILE.")
    _set_threads(threads)
    changes = {name: value for name, value in changes.items() if value is not None}
    state = None
    if resume is not None:
        if changes or seeds > 1:
            raise typer.BadParameter("a resumed run keeps its recipe and its seed.")
        started = checkpoint.load(resume)
        if started.state is None:
            raise UserError(f"{resume} is a finished run: there is nothing left to resume.")
        name, layers, recipe, state = started.name, started.layers, started.recipe, started.state
        out = out or resume
    else:
        assert network is not None
        name, layers, recipe = _read_network(network)
        recipe = recipe.replace(**changes)
        layers = with_dropout(layers) if recipe.dropout else layers
    digits = _load_digits(recipe.split, folder)
    if resume is not None:
        started.check_data(digits.name)
    finished = []
    for seed in range(recipe.seed, recipe.seed + seeds):
        path = out if out is None or seeds == 1 else out.with_stem(f"{out.stem}-seed{seed}")
        run = Run(name, layers, recipe.replace(seed=seed), digits, path, state)
        run.show(sys.stderr if as_json else sys.stdout)
        finished.append(run)
    accuracies = [run.history[-1].validation_accuracy for run in finished]
    if as_json:
        print(json.dumps({"runs": [run.to_json() for run in finished], "mean": statistics.mean(accuracies)}))
    elif seeds > 1:
        print(
            f"{name}: {statistics.mean(accuracies):.2f} ± {statistics.stdev(accuracies):.2f} % "
            f"in the last epoch over {seeds} seeds"
        )


class Run:
    """A training run as a shell shows it: an epoch a line, a bar beneath, Ctrl-C to stop."""

    def __init__(
        self,
        name: str,
        layers: Network,
        recipe: Recipe,
        digits: Digits,
        path: Path | None,
        state: State | None,
    ) -> None:
        self.name, self.layers, self.recipe, self.digits = name, layers, recipe, digits
        self.path = path  # of the checkpoint, written after every epoch
        self.history = state.history if state else ()
        self.checkpoint: Checkpoint | None = None
        self.device = ""
        self._resume = state

    def show(self, lines: Any) -> None:
        """Train to the end, an epoch a line to `lines`. Raises typer.Exit(130) when the run is
        interrupted, and UserError when it diverges."""
        events = train(self.layers, self.recipe, self.digits, self._resume)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=notes,
            transient=True,
        ) as progress:
            task = progress.add_task(self.name, total=None, note="")
            try:
                for event in events:
                    self._take(event, lines, lambda **fields: progress.update(task, **fields))
            except KeyboardInterrupt:
                progress.stop()
                notes.print(self._kept())
                raise typer.Exit(130) from None

    def _take(self, event: Event, lines: Any, update: Callable[..., None]) -> None:
        match event:
            case Started():
                self.device = event.device
                self._batches = event.batches
                update(total=event.epochs * event.batches, completed=(event.first_epoch - 1) * event.batches)
                notes.print(
                    f"{self.name}: {event.parameters:,} parameters, seed {self.recipe.seed}, "
                    f"{event.data} ({event.train_digits:,} + {event.validation_digits:,}), {event.device}"
                )
            case Batch():
                update(
                    completed=(event.epoch - 1) * self._batches + event.batch,
                    description=f"epoch {event.epoch}/{self.recipe.epochs}",
                    note=f"train {event.accuracy:.2f} %  {event.images_per_second:,.0f} images/s",
                )
            case Epoch(metrics, state):
                assert state is not None
                self.history = state.history
                self.checkpoint = Checkpoint.of(self.name, self.layers, self.recipe, self.digits.name, state)
                if self.path is not None:
                    _save(self.checkpoint, self.path)
                print(
                    f"epoch {metrics.epoch:>3}  train {metrics.train_accuracy:6.2f} %  "
                    f"validation {metrics.validation_accuracy:6.2f} %  "
                    f"errors {metrics.validation_errors:>4}  "
                    f"rate {metrics.learning_rate:.2g}  {metrics.seconds:.1f} s",
                    file=lines,
                    flush=True,
                )
            case Finished():
                last = self.history[-1]
                when = "after one epoch" if event.epochs == 1 else f"in the last of {event.epochs} epochs"
                print(
                    f"{self.name}: {event.validation_accuracy:.2f} % {when} "
                    f"({last.validation_errors} errors; best epoch {event.best_accuracy:.2f} %), "
                    f"{event.seconds:.0f} s{f', saved in {self.path}' if self.path else ''}",
                    file=lines,
                    flush=True,
                )
            case Diverged():
                raise UserError(
                    f"{self.name} diverged: the loss was {event.loss} at epoch {event.epoch}, batch "
                    f"{event.batch}, learning rate {event.learning_rate:.3g}; try a third of that rate."
                )

    def _kept(self) -> str:
        epochs = len(self.history)
        if not epochs:
            return "Stopped before the end of the first epoch: nothing was kept."
        if self.path is None:
            return f"Stopped after epoch {epochs}; nothing was kept, as there was no --out FILE."
        return (
            f"Stopped. The {epochs} finished epochs are kept in {self.path}; go on with "
            f"'python -m s5core train --resume {self.path}'."
        )

    def to_json(self) -> dict[str, Any]:
        """The run's outcome as JSON data."""
        return {
            "name": self.name,
            "seed": self.recipe.seed,
            "parameters": count_parameters(self.layers),
            "accuracy": self.history[-1].validation_accuracy,
            "best": max(metrics.validation_accuracy for metrics in self.history),
            "seconds": sum(metrics.seconds for metrics in self.history),
            "history": [dataclasses.asdict(metrics) for metrics in self.history],
            "checkpoint": str(self.path) if self.path else None,
        }


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(metavar="CHECKPOINT")],
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Read every validation digit with a checkpoint and print its accuracy."""
    _set_threads(threads)
    loaded = checkpoint.load(file)
    digits = _load_digits(loaded.recipe.split, folder)
    found = evaluate_model(loaded.model(), digits.validation_images, digits.validation_labels)
    shown = {
        "accuracy": round(found.accuracy, 4),
        "parameters": loaded.parameters,
        "epochs": len(loaded.history),
        "errors": found.errors,
        "digits": len(found.labels),
        "data": digits.name,
        "seen_in_training": loaded.has_seen(digits.name),
        "recorded": loaded.accuracy,
        "calibration_error": round(found.calibration_error, 4),
    }
    if as_json:
        print(json.dumps(shown))
    else:
        print(
            f"{file}: {found.accuracy:.2f} % of {len(found.labels):,} digits ({digits.name}), "
            f"{found.errors} errors, {loaded.parameters:,} parameters, {len(loaded.history)} epochs, "
            f"calibration error {found.calibration_error:.2f} points"
        )
        if loaded.has_seen(digits.name):
            print("The network was trained on these digits, so that its accuracy looks better than it is.")


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(metavar="CHECKPOINT")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures of one digit each.")],
    center: Annotated[bool, typer.Option(help="Crop, fit and centre the digit, as MNIST's were.")] = True,
    as_json: AsJson = False,
) -> None:
    """Say which digit each picture shows, and how sure the network is."""
    model = checkpoint.load(file).model()
    fields = [_read_picture(path, center) for path in images]
    with torch.no_grad():
        probabilities = model(normalize(to_unit(torch.cat(fields)))).softmax(1)
    if as_json:
        answers = [
            {"image": str(path), "digit": int(row.argmax()), "probabilities": row.tolist()}
            for path, row in zip(images, probabilities, strict=True)
        ]
        print(json.dumps(answers))
    else:
        for path, row in zip(images, probabilities, strict=True):
            print(f"{path}: {int(row.argmax())} ({100 * float(row.max()):.1f} %)")


def _read_picture(path: Path, center: bool) -> Tensor:
    """The digit of a picture as the networks see it: (1, 1, 28, 28) uint8."""
    image = photo.open_image(path)
    try:
        return fit.of_ink(photo.ink(image), center)
    except DigitError as error:
        raise UserError(f"{path}: {error}") from error


@app.command("drawn")
def drawn_command(
    file: Annotated[Path, typer.Argument(metavar="DIGITS.npz", help="Drawn digits as strokes.")],
    way: Annotated[
        score.Way, typer.Option(help="Read the strokes, the canvas's picture, or that merely shrunk.")
    ] = "strokes",
    as_json: AsJson = False,
) -> None:
    """Say how well the shipped steps read digits that were drawn with a pen."""
    use_one_thread()  # as in the app
    found = score.report(checkpoint.load_shipped(steps.STEPS), score.load(file), way)
    if as_json:
        print(json.dumps(found))
        return
    print(f"{found['digits']:,} digits by {found['writers']} writers, read from: {way}")
    print(f"{'step':<16}{'pen':>4}{'accuracy':>10}  {'95 % of writers':<17}{'ECE':<7}by class, 0 to 9")
    for name, read in found["steps"].items():
        for width, accuracy in read["accuracy"].items():
            interval = "{:.2f}–{:.2f}".format(*read["interval"][width])
            shares = read["by_class"][width]
            by_class = " ".join(f"{shares.get(str(number), math.nan):5.1f}" for number in range(10))
            calibration = f"{read['calibration_error'][width]:.2f}"
            print(f"{name:<16}{width:>4}{accuracy:>8.2f} %  {interval:<17}{calibration:<7}{by_class}")
        print(f"{name:<16}mean{read['mean']:>8.2f} %  {read['milliseconds']:.1f} ms a digit")


@app.command()
def benchmark(
    network: NetworkName = "step5",
    rounds: Annotated[int, typer.Option(min=1, help="How often to time both loops, in turn.")] = 1,
    digits: Annotated[
        int | None, typer.Option(min=1000, help="Fewer training digits, for a quick look.")
    ] = None,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Time an epoch of our loop against the usual DataLoader loop on the same network."""
    _set_threads(threads)
    name, layers, recipe = _read_network(network)
    loaded = _load_digits("test", folder)
    if digits is not None:
        loaded = dataclasses.replace(
            loaded, train_images=loaded.train_images[:digits], train_labels=loaded.train_labels[:digits]
        )
    timings = []
    for timing in time_loops(layers, recipe, loaded, rounds):
        timings.append(timing)
        notes.print(f"usual loop {timing.usual:.1f} s, ours {timing.ours:.1f} s: {timing.ratio:.2f} of it")
    usual = statistics.median(timing.usual for timing in timings)
    ours = statistics.median(timing.ours for timing in timings)
    ratio = statistics.median(timing.ratio for timing in timings)
    if as_json:
        print(json.dumps({"usual": usual, "ours": ours, "ratio": ratio, "digits": len(loaded.train_labels)}))
    else:
        print(
            f"{name}, {len(loaded.train_labels):,} digits, {torch.get_num_threads()} threads: usual loop "
            f"{usual:.1f} s an epoch, ours {ours:.1f} s, {ratio:.2f} of the usual"
        )


@app.command()
def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="STEP...", help="All steps if none is given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Seeds 0, 1, … up to this many.")] = 1,
    first: Annotated[int, typer.Option(min=0, help="The first of these seeds.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Enter them into checkpoints/.")] = False,
    folder: DataFolder = None,
    threads: Threads = None,
) -> None:
    """Train steps again as they were for results.json, and compare."""
    _set_threads(threads)
    reached = results.load()
    for step in [steps.find(name) for name in names or steps.STEPS]:
        digits = _load_digits(step.recipe.split, folder)
        if write and digits.name != "MNIST":
            raise UserError("The recorded figures are for all of MNIST: set $S5_DATA_DIR or --data.")
        for seed in range(first, first + seeds):
            run = Run(step.name, step.layers, step.recipe.replace(seed=seed), digits, None, None)
            run.show(sys.stdout)
            assert run.checkpoint is not None
            if write:
                results.record(run.checkpoint, results.describe_machine(run.device))
                if seed == 0 and step.shipped:  # the first seed, not the luckiest
                    shipped = dataclasses.replace(run.checkpoint, temperature=step.temperature)
                    checkpoint.save(shipped, checkpoint.shipped_path(step.name))
            elif result := reached.get(step.name):
                before = result.last_by_seed.get(seed)
                same = "" if before is None else f"seed {seed} {before:.2f} %, "
                print(f"{step.name}: recorded {same}all {result.seeds} seeds {result}")


def _read_network(source: str) -> tuple[str, Network, Recipe]:
    """Name, layers and recipe of a step, or of a JSON file of layers (with step 5's recipe)."""
    if not source.lower().endswith(".json"):
        step = steps.find(source)
        return step.name, step.layers, step.recipe
    try:
        content = json.loads(Path(source).read_text())
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{source} is not JSON: {error}.") from error
    layers = from_json(content)
    check(layers)
    return Path(source).stem, layers, steps.STEPS["step5"].recipe


def _load_digits(split: Any, folder: Path | None) -> Digits:
    with _downloading() as progress:
        digits = data.load(split, folder, progress=progress)
    if digits.notice:
        notes.print(digits.notice)
    return digits


@contextmanager
def _downloading() -> Iterator[data.Progress]:
    """A progress bar a file, for as long as a download lasts."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=notes, transient=True
    ) as bars:
        tasks: dict[str, Any] = {}

        def update(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=None)
            bars.update(tasks[file], completed=done, total=total or None)

        yield update


def _save(made: Checkpoint, path: Path) -> None:
    try:
        checkpoint.save(made, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and exit code 1."""
    keep_freed_memory()
    try:
        app()
    except UserError as error:
        notes.print(f"Error: {error}", style="red", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        notes.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()

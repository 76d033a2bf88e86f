"""The command line: `python -m s5core --help`.

Results go to stdout, progress and notes to stderr; with `--json`, stdout holds only JSON.
Exit codes: 0 done, 1 an error or a diverged run, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor, nn

from s5core import checkpoint, data, finder, results, steps, words
from s5core.drawing import fit, photo, photographs, score
from s5core.drawing.fit import DigitError
from s5core.drawing.reading import use_one_thread
from s5core.errors import UserError
from s5core.evaluate import evaluate as evaluate_model
from s5core.export import formats, hand_in
from s5core.export.formats import EXPORTS
from s5core.export.source import Answers
from s5core.layers import with_dropout
from s5core.memory import keep_freed_memory
from s5core.shell import hand_ins, measured
from s5core.shell.arguments import (
    NETWORK,
    AsJson,
    DataFolder,
    NetworkName,
    Threads,
    load_digits,
    read_network,
    recipe_options,
    set_threads,
)
from s5core.shell.output import (
    Training,
    check_place,
    complain,
    downloading,
    notes,
    print_plainly,
    write,
)
from s5core.summary import count_parameters, format_details, format_table, layer_table

app = typer.Typer(
    help="Bring a convolutional network to 99.4 % on MNIST with fewer than 10,000 parameters "
    "in fewer than 15 epochs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command("steps")
def list_steps(as_json: AsJson = False) -> None:
    """List the steps: parameters, reported accuracy, and the accuracy of our networks."""
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
    """Print the layer table of a network."""
    rows = layer_table(read_network(network).layers)
    if as_json:
        print(json.dumps([row.to_json() for row in rows]))
    else:
        print(format_details(rows) if details else format_table(rows))


@app.command("data")
def show_data(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with MNIST. Without it, the usual places.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Download the missing files first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find MNIST, check its files, and say which digits are in use."""
    if download:
        with downloading() as progress:
            data.download_mnist(folder or data.HOME, progress)
    digits = load_digits("test", folder)
    shown = {
        "name": digits.name,
        "train": len(digits.train_labels),
        "validation": len(digits.validation_labels),
    }
    if as_json:
        print(json.dumps(shown))
    else:
        print(f"{digits.name}: {shown['train']:,} digits to train, {shown['validation']:,} to validate")


@app.command("train")
@recipe_options
def train_command(
    network: Annotated[str | None, NETWORK] = None,
    *,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="How many runs to train, with the seeds from --seed on.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(help="File for the checkpoint, written after each epoch.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Checkpoint of an unfinished run to go on with, in place of a network."),
    ] = None,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
    **changes: Any,
) -> None:
    """Train a network from new weights, or go on with --resume, and print its accuracy in the last epoch."""
    if (network is None) == (resume is None):
        raise typer.BadParameter("give a network to train, or --resume FILE.")
    set_threads(threads)
    changes = {name: value for name, value in changes.items() if value is not None}
    state = None
    if resume is not None:
        if changes or seeds > 1:
            raise typer.BadParameter("a resumed run keeps its recipe and its seed.")
        started = checkpoint.load(resume)
        if started.state is None:
            raise UserError(f"The run of {resume} is finished: there is nothing left to resume.")
        name, layers, recipe, state = started.name, started.layers, started.recipe, started.state
        out = out or resume
    else:
        assert network is not None
        source = read_network(network)
        name, recipe = source.name, source.recipe.replace(**changes)
        layers = with_dropout(source.layers) if recipe.dropout else source.layers
    paths = {
        seed: out if out is None or seeds == 1 else out.with_stem(f"{out.stem}-seed{seed}")
        for seed in range(recipe.seed, recipe.seed + seeds)
    }
    for path in paths.values():
        if path is not None:
            check_place(path)
    digits = load_digits(recipe.split, folder)
    if resume is not None:
        started.check_data(digits.name)
    finished = []
    for seed, path in paths.items():
        run = Training(name, layers, recipe.replace(seed=seed), digits, path, state)
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


@app.command("find-rate")
@recipe_options
def find_rate(
    network: NetworkName,
    *,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
    **changes: Any,
) -> None:
    """Test which learning rate suits a network: train a copy for some batches while the rate grows."""
    set_threads(threads)
    source = read_network(network)
    recipe = source.recipe.replace(**{name: value for name, value in changes.items() if value is not None})
    layers = with_dropout(source.layers) if recipe.dropout else source.layers
    trials = list(finder.find_rates(layers, recipe, load_digits(recipe.split, folder)))
    found = finder.suggest(trials)
    if as_json:
        shown = [{"rate": each.rate, "loss": each.loss} for each in trials]
        print(json.dumps({"trials": shown, "suggestion": found.rate if found else None}))
        return
    print(f"{'rate':>8} {'loss':>7}")
    for each in trials[::5]:
        print(f"{each.rate:>8.2g} {each.loss:>7.3f}")
    print(found.reason if found else finder.NOTHING)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(metavar="CHECKPOINT")],
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print the accuracy of a checkpoint on the validation digits."""
    set_threads(threads)
    loaded = checkpoint.load(file)
    digits = load_digits(loaded.recipe.split, folder)
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
            f"{words.count(found.errors, 'error')}, {loaded.parameters:,} parameters, "
            f"{words.count(len(loaded.history), 'epoch')}, "
            f"calibration error {found.calibration_error:.2f} points"
        )
        if loaded.has_seen(digits.name):
            print("The network was trained on these digits: its accuracy looks better than it is.")


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(metavar="CHECKPOINT")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures of one digit each.")],
    center: Annotated[bool, typer.Option(help="Crop, scale and centre the digit, as in MNIST.")] = True,
    as_json: AsJson = False,
) -> None:
    """Say which digit each picture shows, and with which probability. The exit code is 1 where one of
    them cannot be read."""
    model = checkpoint.load(file).model()
    answers: list[dict[str, Any]] = []
    for path in images:
        try:
            row = _probabilities(model, path, center)
        except DigitError as error:  # the other pictures are answered
            complain(error)
            answers.append({"image": str(path), "error": str(error)})
            continue
        answers.append({"image": str(path), "digit": int(row.argmax()), "probabilities": row.tolist()})
        if not as_json:
            print(f"{path}: {int(row.argmax())} ({100 * float(row.max()):.1f} %)")
    if as_json:
        print(json.dumps(answers))
    if any("error" in answer for answer in answers):
        raise typer.Exit(1)


@torch.inference_mode()
def _probabilities(model: nn.Module, path: Path, center: bool) -> Tensor:
    """What a network reads in a picture: (10,). Raises DigitError, which names the picture."""
    image = photo.open_image(path)
    try:
        field = fit.of_ink(photo.ink(image), center)
    except DigitError as error:
        raise DigitError(f"{path}: {error}") from error
    found: Tensor = model(field).softmax(1)[0]
    return found


@app.command("drawn")
def drawn_command(
    file: Annotated[
        Path, typer.Argument(metavar="DIGITS.npz", help="A file of digits or letters that people drew.")
    ],
    way: Annotated[
        score.Way,
        typer.Option(
            help="What is read: the strokes, the picture of the canvas, or that picture only shrunk."
        ),
    ] = "strokes",
    as_json: AsJson = False,
) -> None:
    """Measure how well the shipped networks read digits that people drew, or how often they take letters
    for digits."""
    use_one_thread()  # as in the app
    found = score.report(checkpoint.load_shipped(steps.STEPS), score.load(file), way)
    if as_json:
        print(json.dumps(found))
    elif "digits" in found:
        measured.print_digits(found)
    else:
        measured.print_letters(found)


@app.command("photographs")
def photographs_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Photographs named KIND_NUMBER_DIGIT.png, as in shadow_012_7.png."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Measure how well step 5 reads photographs of digits."""
    use_one_thread()  # as in the app
    models = {name: network.model() for name, network in checkpoint.load_shipped(steps.STEPS).items()}
    found = photographs.report(models, score.FIRST, folder)
    if as_json:
        print(json.dumps(found))
    else:
        measured.print_photographs(found)


@app.command()
def export(
    network: NetworkName,
    to: Annotated[str, typer.Option(help=f"{'; '.join(f'{e.name}: {e.help}' for e in EXPORTS.values())}.")],
    out: Annotated[
        Path | None, typer.Option(help="File, or folder for it. Without it, the export goes to stdout.")
    ] = None,
    folder: DataFolder = None,
    threads: Threads = None,
) -> None:
    """Write a network in another form."""
    set_threads(threads)
    chosen = formats.find(to)
    source = read_network(network)
    chosen.check(source)
    if chosen.reads:
        made = source.checkpoint()
        digits = load_digits(made.recipe.split, folder)
        found = evaluate_model(made.model(), digits.validation_images, digits.validation_labels)
        source = dataclasses.replace(source, answers=Answers(digits, found))
    content = chosen.write(source)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    path = out / chosen.file_name(source) if out.is_dir() else out
    write(path, content)
    notes.print(f"Written to {path}.")


@app.command()
def check(
    handed: Annotated[
        list[Path],
        typer.Argument(metavar="HANDIN...", help="Checkpoints, reports, or folders with them."),
    ],
    to: Annotated[Path | None, typer.Option("--csv", help="File for all figures, for a gradebook.")] = None,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Compute the figures of hand-ins again from their weights, and compare them with what is claimed.

    The exit code is 1 where a figure differs or a file could not be checked.
    """
    set_threads(threads)
    named = hand_in.files(handed)
    if to is not None:
        check_place(to)
    findings = []
    for finding in hand_in.check_all(named, cache(lambda: load_digits("test", folder))):
        findings.append(finding)
        notes.print(f"{len(findings)} of {len(named)}: {finding.file}")
    if as_json:
        print(json.dumps([finding.to_json() for finding in findings]))
    else:
        print("\n".join(hand_ins.to_lines(findings)))
    if to is not None:
        write(to, hand_ins.to_csv(findings))
        notes.print(f"Written to {to}.")
    if any(finding.verdict != "right" for finding in findings):
        raise typer.Exit(1)


@app.command()
def benchmark(
    network: Annotated[str, typer.Argument(help="A step.")] = "step5",
    rounds: Annotated[int, typer.Option(min=1, help="How often to time each loop.")] = 3,
    digits: Annotated[int, typer.Option(min=1000, help="Training digits of each pass.")] = 6000,
    compiled: Annotated[bool, typer.Option("--compiled", help="Also compile, for a minute or more.")] = False,
    to_target: Annotated[bool, typer.Option("--to-target", help="Also train whole runs.")] = False,
    save: Annotated[bool, typer.Option("--save", help="Keep the result for the README.")] = False,
    folder: DataFolder = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Time our loop in all its ways, and the usual DataLoader loop, with the same network."""
    try:
        from benchmarks import files, loop
    except ModuleNotFoundError as error:
        raise UserError(
            "The benchmark is in the folder benchmarks/ of the project, which is not here: run it from a "
            "copy of the whole project."
        ) from error
    set_threads(threads)
    loaded = load_digits("test", folder)
    found = loop.measure(steps.find(network).name, loaded, digits, rounds, compiled, to_target)
    if save:
        files.write("loop", found)
    print(json.dumps(found) if as_json else "\n".join(loop.to_lines(found)))


@app.command()
def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="STEP...", help="All steps if none is given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds: 0, 1, …")] = 1,
    first: Annotated[int, typer.Option(min=0, help="The first seed, in place of 0.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Record the results in checkpoints/.")] = False,
    folder: DataFolder = None,
    threads: Threads = None,
) -> None:
    """Train steps again with their recorded seeds, and compare the accuracies with results.json."""
    set_threads(threads)
    if write:
        check_place(results.PATH)
    reached = results.load()
    for step in [steps.find(name) for name in names or steps.STEPS]:
        digits = load_digits(step.recipe.split, folder)
        if write and digits.name != data.MNIST:
            raise UserError("Results are recorded only for the whole MNIST: set $S5_DATA_DIR or --data.")
        for seed in range(first, first + seeds):
            recipe = step.recipe.replace(seed=seed)
            run = Training(step.name, step.layers, recipe.replace(**results.RECORDED), digits)
            run.show(sys.stdout)
            assert run.checkpoint is not None
            if write:
                made = dataclasses.replace(run.checkpoint, recipe=recipe)
                results.record(made, results.describe_machine(run.device))
                if seed == 0 and step.shipped:  # the first seed, not the luckiest
                    shipped = dataclasses.replace(made, temperature=step.temperature)
                    checkpoint.save(shipped, checkpoint.shipped_path(step.name))
            elif result := reached.get(step.name):
                before = result.last_by_seed.get(seed)
                same = "" if before is None else f"seed {seed} {before:.2f} %, "
                print(f"{step.name}: recorded {same}all {result.seeds} seeds {result}")


def main() -> None:
    """Run the command line. A UserError becomes one line on stderr and exit code 1."""
    keep_freed_memory()
    print_plainly()
    try:
        app()
    except UserError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        notes.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()

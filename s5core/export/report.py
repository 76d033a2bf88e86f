"""A report on a run: one HTML file to read, to print and to hand in.

The file also holds its figures as JSON, and the checkpoint itself, so that `hand_in` can compute the
figures again from the report alone. A digest of the page's text tells of a change to it, unless the
digest was changed as well.
"""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from s5core import checkpoint, compare, results, target
from s5core.checkpoint import Checkpoint
from s5core.evaluate import Evaluation
from s5core.export.page import embed, fill
from s5core.export.source import Source
from s5core.recipe import Recipe, differing
from s5core.steps import STEPS, Step
from s5core.summary import Row, layer_table
from s5core.views.picture import data_url
from s5core.words import count, duration, percent, signed

SKELETON = Path(__file__).with_name("report.html")
FORMAT = 1
KEYS = {"format", "claims", "text", "checkpoint"}  # of its data
WORST = 12  # errors that are shown

DATA = re.compile(rb'(<script type="application/json" id="report">)(.*?)(</script>)', re.DOTALL)


def report(source: Source) -> bytes:
    """The report. Raises ExportError for a network that is not trained, or has not read the digits."""
    made, answers = source.checkpoint(), source.read()
    found = answers.found
    parts = {
        "title": html.escape(source.heading),
        "about": html.escape(_about(made, found)),
        "bounds": _bounds(made),
        "layers": _layers(layer_table(made.layers)),
        "changes": _changes(made, STEPS.get(source.step)),
        "recipe": _recipe(made.recipe),
        "curves": curves(made),
        "legend": _legend(),
        "epochs": _epochs(made),
        "read": html.escape(_read(made, answers.digits.name, found)),
        "confusion": _confusion(found),
        "errors": _errors(found, answers.digits.validation_images),
        "versions": html.escape(_versions(made)),
    }
    skeleton = SKELETON.read_text(encoding="utf-8")
    content = {
        "format": FORMAT,
        "claims": claims(made),
        "text": digest(fill(skeleton, **parts, data="")),
        "checkpoint": base64.b64encode(checkpoint.to_bytes(replace(made, state=None))).decode(),
    }
    return fill(skeleton, **parts, data=embed(content))


def claims(made: Checkpoint) -> dict[str, Any]:
    """The figures that a report states, for others to check."""
    return {
        "accuracy": round(made.accuracy, 4),
        "parameters": made.parameters,
        "epochs": len(made.history),
        "data": made.data,
    }


def digest(page: bytes) -> str:
    """A digest of a report's text, whatever data it holds. Line ends do not count: programs change them."""
    return hashlib.sha256(DATA.sub(rb"\1\3", page).replace(b"\r\n", b"\n")).hexdigest()


def _about(made: Checkpoint, found: Evaluation) -> str:
    seconds = sum(epoch.seconds for epoch in made.history)
    return (
        f"Trained for {count(len(made.history), 'epoch')} on {made.data} with seed {made.recipe.seed}, in "
        f"{duration(seconds)}. One standard error of the accuracy is {found.standard_error:.2f} points: how "
        "far it would move with other digits."
    )


def _bounds(made: Checkpoint) -> str:
    figures = (
        (target.ACCURACY, made.accuracy, f"{made.accuracy:.2f} %"),
        (target.PARAMETERS, made.parameters, f"{made.parameters:,}"),
        (target.EPOCHS, len(made.history), f"{len(made.history)}"),
    )
    words = {True: '<span class="met">met', False: "<span>not met"}
    return "".join(
        f'<div class="bound">{bound.name}<strong>{shown}</strong>'
        f"{words[bound.met_by(figure)]}: {bound.words}</span></div>"
        for bound, figure, shown in figures
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """A table of cells that are HTML already, each row's first one its name."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f"<tr>{''.join(cell if cell.startswith('<t') else f'<td>{cell}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _layers(rows: Sequence[Row]) -> str:
    body = [
        (
            row.name,
            " × ".join(map(str, row.output_shape)),
            f"{row.parameters:,}",
            f"{row.receptive_field}",
            f"{row.multiply_adds:,}",
        )
        for row in rows
    ]
    total = (
        "Total",
        "",
        f"{sum(row.parameters for row in rows):,}",
        "",
        f"{sum(row.multiply_adds for row in rows):,}",
    )
    return _table(("Layer", "Output", "Parameters", "Receptive field, px", "Multiply-adds"), [*body, total])


def _changes(made: Checkpoint, step: Step | None) -> str:
    """What differs from the step that the run began from."""
    if step is None:
        return "<p>The network does not begin from one of the steps.</p>"
    found = compare.compare_networks(step.layers, made.layers)
    lines = []
    for pair in found.pairs:
        match pair.mark, pair.before, pair.after:
            case "added", _, Row() as after:
                lines.append(f"added: {after.layer}")
            case "removed", Row() as before, _:
                lines.append(f"removed: {before.layer}")
            case "changed", Row() as before, Row() as after if before.layer != after.layer:
                lines.append(f"{before.layer} became {after.layer}")
    if lines:
        lines.append(f"{signed(found.parameters)} parameters")
    lines += [
        f"{name.replace('_', ' ')}: {getattr(step.recipe, name)} became {getattr(made.recipe, name)}"
        for name in differing([step.recipe, made.recipe])
    ]
    if lines:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        return f"<p>Against {html.escape(step.short)}:</p><ul>{items}</ul>"
    reached = results.load().get(step.name)
    seeds = f" With {count(reached.seeds, 'seed')} it reaches {reached}." if reached is not None else ""
    return f"<p>Nothing: these are the network and the recipe of {html.escape(step.short)}.{seeds}</p>"


def _recipe(recipe: Recipe) -> str:
    rows = [
        (
            field.name.replace("_", " "),
            html.escape(str(getattr(recipe, field.name))),
            f'<td class="words">{html.escape(field.metadata["help"])}</td>',
        )
        for field in fields(recipe)
        if recipe.matters(field.name)
    ]
    return _table(("Setting", "Value", "Meaning"), rows, "recipe")


def _epochs(made: Checkpoint) -> str:
    rows = [
        (
            f"{m.epoch}",
            percent(m.train_accuracy),
            percent(m.validation_accuracy),
            f"{m.validation_errors:,}",
            f"{m.validation_loss:.4f}",
            f"{m.learning_rate:.4g}",
        )
        for m in made.history
    ]
    return _table(
        ("Epoch", "Training digits", "Validation digits", "Errors", "Validation loss", "Last rate"), rows
    )


TICKS = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)  # percent


def curves(made: Checkpoint) -> str:
    """The accuracy after each epoch as SVG. The axis is linear in the logarithm of the error rate."""
    width, height, left, right, top, bottom = 640, 300, 62, 16, 14, 40

    def depth(accuracy: float) -> float:
        return -math.log10(max(100 - accuracy, 0.05))

    series = {
        "train": [m.train_accuracy for m in made.history],
        "ours": [m.validation_accuracy for m in made.history],
    }
    values = [*series["train"], *series["ours"], target.TARGET_ACCURACY]
    low = max((tick for tick in TICKS if tick <= min(values)), default=0)
    high = min((tick for tick in TICKS if tick >= max(values)), default=99.95)

    def y(accuracy: float) -> float:
        share = (depth(accuracy) - depth(low)) / (depth(high) - depth(low))
        return top + (1 - share) * (height - top - bottom)

    def x(epoch: int) -> float:
        return left + (width - left - right) * (epoch - 1) / max(1, len(made.history) - 1)

    lines = [
        f'<line x1="{left}" x2="{width - right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="var(--line)"/>'
        f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g} %</text>'
        for tick in TICKS
        if low <= tick <= high
    ]
    every = max(1, len(made.history) // 14)
    lines += [
        f'<text x="{x(m.epoch):.1f}" y="{height - bottom + 18}" text-anchor="middle">{m.epoch}</text>'
        for m in made.history[::every]
    ]
    lines.append(f'<text x="{(left + width - right) / 2}" y="{height - 4}" text-anchor="middle">epoch</text>')
    goal = y(target.TARGET_ACCURACY)
    lines.append(
        f'<line x1="{left}" x2="{width - right}" y1="{goal:.1f}" y2="{goal:.1f}" stroke="var(--target)" '
        'stroke-width="2" stroke-dasharray="6 4"/>'
    )
    for name, accuracies in series.items():
        points = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in enumerate(accuracies, 1))
        lines.append(f'<polyline points="{points}" fill="none" stroke="var(--{name})" stroke-width="2.5"/>')
        lines += [
            f'<circle cx="{x(epoch):.1f}" cy="{y(value):.1f}" r="3.5" fill="var(--{name})"/>'
            for epoch, value in enumerate(accuracies, 1)
        ]
    first, last = percent(series["ours"][0]), percent(series["ours"][-1])
    words = f"Accuracy after each epoch, from {first} to {last} of the validation digits"
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{words}">{"".join(lines)}</svg>'


def _legend() -> str:
    return (
        '<p class="soft"><span style="color: var(--ours)">●</span> validation digits '
        '<span style="color: var(--train)">●</span> training digits, while the network still learns '
        '<span style="color: var(--target)">– –</span> the target</p>'
    )


def _read(made: Checkpoint, digits: str, found: Evaluation) -> str:
    seen = (
        " The network was trained on these digits: it reads them better than new ones."
        if made.has_seen(digits)
        else ""
    )
    return (
        f"{found.errors:,} of {len(found.labels):,} digits ({digits}) are read wrong. Each row is the true "
        f"digit, each column what the network read.{seen}"
    )


def _confusion(found: Evaluation) -> str:
    counts = found.confusion().tolist()
    rows = []
    for true, row in enumerate(counts):
        kinds = ["right" if true == said else "wrong" if number else "" for said, number in enumerate(row)]
        cells = [
            f'<td class="{kind}">{f"{number:,}" if number else "·"}</td>'
            for kind, number in zip(kinds, row, strict=True)
        ]
        rows.append([f'<th scope="row">{true}</th>', *cells])
    return _table(("true", *map(str, range(len(counts)))), rows, "confusion")


def _errors(found: Evaluation, images: Tensor) -> str:
    if not found.errors:
        return "<p>There is none.</p>"
    return "".join(
        f'<figure><img src="{data_url(images[i, 0].numpy())}" alt="{found.describe(i)}">'
        f"<figcaption>{found.describe(i)}<br>digit {i:,}</figcaption></figure>"
        for i in found.worst(WORST).tolist()
    )


def _versions(made: Checkpoint) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in made.versions.items())
    return f"{packages}; kernels {made.way}, convolutions in {made.precision}; report of format {FORMAT}."

"""Write the figures of README.md anew from checkpoints/results.json and benchmarks/results/.

    python -m benchmarks.report

Only what stands between the markers of each table is replaced.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks import drawn
from s5core import results, steps
from s5core.summary import count_parameters

README = Path(__file__).resolve().parent.parent / "README.md"


def steps_table() -> list[str]:
    """Each step's parameters, what was reported and what ours reach."""
    reached = results.load()
    lines = [
        "| step | parameters | reported, best epoch | ours, last epoch | seeds | worst seed | best epoch "
        "| train | epochs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for step in steps.STEPS.values():
        reported = "–"
        if step.reported is not None and step.reported.test is not None:
            reported = f"{step.reported.test:.2f} %"
            if step.reported.parameters != count_parameters(step.layers):
                reported += f" with {step.reported.parameters:,}"
        result = reached.get(step.name)
        ours = (
            f"{result} | {result.seeds} | {result.worst:.2f} % | {result.best:.2f} % | {result.train:.2f} % "
            f"| {result.epochs}"
            if result
            else "– | – | – | – | – | –"
        )
        parameters = f"{count_parameters(step.layers):,}"
        lines.append(f"| {step.title} (`{step.name}`) | {parameters} | {reported} | {ours} |")
    return lines


def drawn_table() -> list[str]:
    """How each step reads drawn digits, mean over the widths of the pen."""
    content = json.loads(drawn.RESULTS.read_text())
    lines = [
        "| step | strokes drawn anew | picture fitted | picture shrunk | calibration | a drawing takes |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, read in content["strokes"]["steps"].items():
        lows, highs = zip(*read["interval"].values(), strict=True)
        ways = [f"{content[way]['steps'][name]['mean']:.2f} %" for way in ("picture", "shrunk")]
        error = statistics.mean(read["calibration_error"].values())
        cells = [
            f"{steps.STEPS[name].title} (`{name}`)",
            f"{read['mean']:.2f} % ({min(lows):.1f} to {max(highs):.1f})",
            *ways,
            f"{error:.2f} points",
            f"{read['milliseconds']:.1f} ms",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


TABLES: dict[str, Callable[[], list[str]]] = {"results": steps_table, "drawn": drawn_table}


def fill(text: str) -> str:
    """The README's text with the figures of now. Raises ValueError without the markers."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: written by python -m benchmarks.report -->\n", f"<!-- end of {name} -->\n"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = "\n".join([before + begin, *table(), "", end + after])
    return text


if __name__ == "__main__":
    README.write_text(fill(README.read_text()))

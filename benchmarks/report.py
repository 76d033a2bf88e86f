"""Write the figures of README.md anew from checkpoints/results.json.

    python -m benchmarks.report

Only what stands between the two markers is replaced.
"""

from __future__ import annotations

from pathlib import Path

from s5core import results, steps
from s5core.summary import count_parameters

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- results: written by python -m benchmarks.report -->\n", "<!-- end of results -->\n"


def results_table() -> str:
    """A Markdown table: each step's parameters, what was reported and what ours reach."""
    reached = results.load()
    lines = [
        "| step | parameters | reported, best epoch | ours, last epoch | seeds | best | train | epochs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for step in steps.STEPS.values():
        reported = "–"
        if step.reported is not None and step.reported.test is not None:
            reported = f"{step.reported.test:.2f} %"
            if step.reported.parameters != count_parameters(step.layers):
                reported += f" with {step.reported.parameters:,}"
        result = reached.get(step.name)
        ours = (
            f"{result} | {result.seeds} | {result.best:.2f} % | {result.train:.2f} % | {result.epochs}"
            if result
            else "– | – | – | – | –"
        )
        parameters = f"{count_parameters(step.layers):,}"
        lines.append(f"| {step.title} (`{step.name}`) | {parameters} | {reported} | {ours} |")
    return "\n".join(lines) + "\n"


def fill(text: str) -> str:
    """The README's text with the figures of now. Raises ValueError without the markers."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + results_table() + "\n" + END + after


if __name__ == "__main__":
    README.write_text(fill(README.read_text()))

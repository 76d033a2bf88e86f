"""Write the figures of README.md and docs/search.md from checkpoints/results.json and
benchmarks/results/.

    python -m benchmarks.report

Each part has a pair of markers in its file. Only the lines between them are replaced.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks import demonstration, files, letters, search
from s5core import configuration, results, steps
from s5core.files import ROOT
from s5core.recipe import Recipe
from s5core.summary import count_parameters


def steps_table() -> list[str]:
    """For each step its parameters, the reported accuracy and ours."""
    reached = results.load()
    lines = [
        "| step | parameters | reported, best epoch | ours, last epoch | seeds | median | worst seed "
        "| best epoch | train | epochs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for step in steps.STEPS.values():
        parameters = count_parameters(step.layers)
        reported = step.reported.beside(parameters) if step.reported else "–"
        result = reached.get(step.name)
        ours = (
            f"{result} | {result.seeds} | {result.median:.2f} % | {result.worst:.2f} % "
            f"| {result.best:.2f} % | {result.train:.2f} % | {result.epochs}"
            if result
            else "– | – | – | – | – | – | –"
        )
        lines.append(f"| {step.title} (`{step.name}`) | {parameters:,} | {reported} | {ours} |")
    return lines


def drawn_table() -> list[str]:
    """How each step reads drawn digits, mean over the widths of the pen."""
    content = files.read("drawn")
    lines = [
        "| step | strokes redrawn | picture fitted | picture shrunk | a drawing takes |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, read in content["strokes"]["steps"].items():
        lows, highs = zip(*read["interval"].values(), strict=True)
        ways = [f"{content[way]['steps'][name]['mean']:.2f} %" for way in ("picture", "shrunk")]
        cells = [
            f"{steps.STEPS[name].title} (`{name}`)",
            f"{read['mean']:.2f} % ({min(lows):.1f} to {max(highs):.1f})",
            *ways,
            f"{read['milliseconds']:.1f} ms",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def calibration_table() -> list[str]:
    """For each step its temperature, and how far its confidence and its accuracy are apart."""
    read = files.read("drawn")["strokes"]["steps"]
    lines = [
        "| step | temperature, fitted | in use | held-out digits, without | as fitted "
        "| MNIST's test digits, without | as in use | drawn digits, as in use |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, entry in files.read("calibration").items():
        held_out = entry["held_out"]
        cells = [
            f"{steps.STEPS[name].title} (`{name}`)",
            f"{entry['fitted']:.2f}",
            f"{entry['used']:.2f}",
            f"{held_out['without']:.2f}",
            f"{held_out['with_fitted']:.2f}",
            f"{entry['mnist']['without']:.2f}",
            f"{entry['mnist']['as_used']:.2f}",
            f"{statistics.mean(read[name]['calibration_error'].values()):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def latency_sentence() -> list[str]:
    """How long a person at the canvas waits."""
    content = files.read("latency")
    waits = content["milliseconds"]
    return [
        f"From the end of a stroke to the answer of all networks on the page it takes "
        f"{statistics.median(waits):.0f} ms (median of {len(waits)} digits, {min(waits)} to {max(waits)}; "
        f"server and browser on the same {content['cores']} cores)."
    ]


def demonstration_sentence() -> list[str]:
    """How long the fast step takes in front of a class."""
    content = files.read("demonstration")
    seconds = [one["seconds"] for one in content["rounds"]]
    lowest = min(one["accuracy"] for one in content["rounds"])
    return [
        f"From the click on Train to the end of a run, the network {steps.STEPS[demonstration.STEP].title} "
        f"takes {statistics.median(seconds):.0f} s (median of {len(seconds)} runs, {min(seconds):.0f} to "
        f"{max(seconds):.0f}), and each reached {lowest:.2f} % at least; server, browser and training share "
        f"{content['cores']} cores."
    ]


def doubt_sentence() -> list[str]:
    """How often the page Draw marks an answer as not sure."""
    content = files.read("doubt")
    found, of = content["steps"]["step5"], content["of"]
    share = {kind: f"{100 * found[kind] / of[kind]:.1f} %" for kind in of}
    return [
        f"With step 5 that is so for {share['digits']} of the drawn digits, among them "
        f"{found['errors_doubted']} of its {found['errors']} errors, for {share['letters']} of "
        f"{len(letters.LETTERS)} letters, each drawn in {content['slants']} slants, and for "
        f"{share['shapes']} of {len(letters.SHAPES)} shapes."
    ]


def classroom_table() -> list[str]:
    """What a class of thirty waits for, and what the server takes."""
    content = files.read("classroom")
    pages, refreshes, training = content["pages"], content["refreshes"], content["training"]
    memory, abandoned = content["megabytes"], content["abandoned"]
    more = {name: max(0, abandoned["after"][name] - number) for name, number in abandoned["before"].items()}
    rows = (
        ("all open the app at once", f"{content['open_seconds']:.1f} s", "4 s"),
        ("a page, 95 of 100 within", f"{pages['p95'] / 1000:.2f} s", "1 s"),
        ("the slowest page", f"{pages['max'] / 1000:.2f} s", "2 s"),
        ("a look at a run in training, 95 of 100 within", f"{refreshes['p95']} ms", "150 ms"),
        (
            "speed of the training, of that before the class came",
            f"{100 * training['together'] / training['alone']:.0f} %",
            "85 %",
        ),
        ("the server's memory", f"{memory['end']:,} MB", "1,200 MB"),
        (
            f"its growth in the last {content['seconds'] / 2:.0f} s",
            f"{memory['end'] - memory['at_half']:+,} MB".replace("-", "−"),
            "",
        ),
        (
            f"left by {abandoned['connections']} broken connections",
            f"{more['megabytes']} MB, {more['threads']} threads, {more['files']} files",
            "nothing",
        ),
    )
    times = content["server_time"]
    names = {"start": "The five steps", "inside": "Look inside", "digits": "Our digits"}
    heads = [names.get(page, page.capitalize()) for page in times]
    return [
        f"| {content['people']} people, two runs in training, {content['cores']} cores | measured | aim |",
        "| --- | ---: | ---: |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"| the server's time for a page | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * len(times)}",
        *(
            f"| {words} | {' | '.join(f'{time[visit]:,} ms' for time in times.values())} |"
            for visit, words in (("first", "first visit of all"), ("later", "later visits"))
        ),
        "",
        f"With Python {content['python']}, "
        + ", ".join(f"{name} {number}" for name, number in content["versions"].items())
        + ".",
    ]


def settings_table() -> list[str]:
    """The settings of a server."""
    lines = ["| variable | default | range | meaning |", "| --- | ---: | ---: | --- |"]
    for variable, default, range, meaning in configuration.table():
        lines.append(f"| `{variable}` | {default} | {range} | {meaning} |")
    return lines


def search_table() -> list[str]:
    """What was tried on the held-out digits: one line for each candidate, the first trial first."""
    rows = search.read()
    lines = [
        "| candidate | parameters | epochs | seeds | last epoch | loss, x 1000 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(row["candidate"] for row in rows):
        own = [row for row in rows if row["candidate"] == name]
        recipe = Recipe.from_json(json.loads(own[0]["recipe"]))
        losses = [1000 * float(row["loss"]) for row in own if row["loss"]]
        cells = [
            f"`{name}`",
            f"{int(own[0]['parameters']):,}",
            str(recipe.epochs),
            str(len(own)),
            f"{_mean([float(row['last']) for row in own], 2)} %",
            _mean(losses, 1) if losses else "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _mean(values: list[float], places: int) -> str:
    spread = f" ± {statistics.stdev(values):.{places}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{places}f}{spread}"


PARTS: dict[Path, dict[str, Callable[[], list[str]]]] = {
    ROOT / "README.md": {
        "results": steps_table,
        "demonstration": demonstration_sentence,
        "drawn": drawn_table,
        "latency": latency_sentence,
        "calibration": calibration_table,
        "doubt": doubt_sentence,
        "classroom": classroom_table,
        "settings": settings_table,
    },
    ROOT / "docs" / "search.md": {"search": search_table},
}


def filled(path: Path) -> str:
    """A file's text with the present figures. Raises ValueError where a marker is missing."""
    text = path.read_text(encoding="utf-8")
    for name, lines in PARTS[path].items():
        begin, end = f"<!-- {name}: written by python -m benchmarks.report -->\n", f"<!-- end of {name} -->\n"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = "\n".join([before + begin, *lines(), "", end + after])
    return text


if __name__ == "__main__":
    for path in PARTS:
        path.write_text(filled(path), encoding="utf-8")

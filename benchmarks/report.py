"""Write the figures of README.md and docs/search.md from checkpoints/results.json and
benchmarks/results/.

    python -m benchmarks.report

Each part has a pair of markers in its file. Only the lines between them are replaced.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import demonstration, files, loop, search
from s5core import configuration, results, steps
from s5core.files import ROOT
from s5core.recipe import Recipe
from s5core.summary import count_parameters
from s5core.words import count

# The example of a cluster: cores of a machine, people, and dollars for the hour of a core.
MACHINE_CORES, STUDENTS, CORE_HOUR = 16, 300, 0.05


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
    older = {name: len(results.older_seeds(entry)) for name, entry in results.read()["steps"].items()}
    told = [f"{count(number, 'seed')} of `{name}`" for name, number in older.items() if number]
    if told:
        lines += ["", f"Trained with an earlier version of the loop: {', '.join(told)}."]
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
        lines.append(_row(cells))
    return lines


def calibration_table() -> list[str]:
    """For each step its temperature, and how far its confidence and its accuracy are apart."""
    read = files.read("drawn")["strokes"]["steps"]
    lines = [
        "| step | temperature, fitted | in use | held-out digits, without | as fitted "
        "| MNIST's test digits, without | as in use | drawn digits, as in use |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, entry in files.read("calibration")["steps"].items():
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
        lines.append(_row(cells))
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


def gpu_table() -> list[str]:
    """How long whole runs take on a GPU."""
    content = files.read("gpu")
    lines = [
        f"{content['device']}, torch {content['torch']}:",
        "",
        "| step | epochs | way | precision | seconds | accuracy |",
        "| --- | ---: | --- | --- | ---: | ---: |",
    ]
    for run in content["runs"]:
        cells = [
            f"{steps.STEPS[run['step']].title} (`{run['step']}`)",
            str(run["epochs"]),
            run["way"],
            run["precision"],
            f"{statistics.median(run['seconds']):.1f}",
            ", ".join(f"{accuracy:.2f} %" for accuracy in run["accuracies"]),
        ]
        lines.append(_row(cells))
    return lines


def profile_table() -> list[str]:
    """Where the time of a training step goes."""
    content = files.read("profile")
    networks = content["networks"]
    lines = [
        _row(["one thread, milliseconds", *(f"`{each['step']}`" for each in networks)]),
        f"| --- |{' ---: |' * len(networks)}",
    ]
    lines += [
        _row([task, *(f"{each['milliseconds'][task]:.1f}" for each in networks)])
        for task in networks[0]["milliseconds"]
    ]
    for each in networks:
        shares = ", ".join(f"{kind} {share:.0f} %" for kind, share in each["kernels"].items())
        lines += ["", f"Half a batch of `{each['step']}`, eager, {each['precision']}: {shares}."]
    return lines


def cost_sentence() -> list[str]:
    """How well the formula of `s5core/speed.py` foretells the time of a network."""
    networks = files.read("cost")["networks"]
    errors = [abs(each["error"]) for each in networks]
    return [
        f"On {len(networks)} networks, each foretold from the others, the mean error is "
        f"{statistics.mean(errors):.0f} %, and the largest {max(errors):.0f} %."
    ]


def loop_lines() -> list[str]:
    """Our training loop against the usual one."""
    return loop.to_lines(files.read("loop"))


def several_sentence() -> list[str]:
    """How often a digit is taken for several, and how often two digits are noticed."""
    content = files.read("several")
    used, left = content["in_use"], content["left_out"]
    return [
        f"It refuses {used['refused']} of {content['digits']:,} drawn digits. Of "
        f"{content['pairs']:,} pairs of them, with gaps from 3 to 80 % of their height and one up to twice "
        f"as high as the other, {used['pairs_noticed']:.1f} % are noticed: refused "
        f"({used['pairs_refused']:.1f} %), or marked as no digit. With margins that were chosen on other "
        f"writers: {count(left['refused'], 'digit')}, and {left['pairs_noticed']:.1f} % of the pairs."
    ]


def cluster_sentence() -> list[str]:
    """What a machine of a cluster carries, from what the demonstration took."""
    content = files.read("demonstration")
    seconds = content["cores"] * statistics.median(one["seconds"] for one in content["rounds"])
    hourly = MACHINE_CORES * 3600 / seconds
    title = steps.STEPS[demonstration.STEP].title
    minutes, dollars = 60 * STUDENTS / hourly, STUDENTS * seconds / 3600 * CORE_HOUR
    return [
        f"A run of {title} takes {seconds:.0f} core-seconds at the most: it was measured above on "
        f"{content['cores']} cores that also ran server and browser. So a machine with {MACHINE_CORES} cores "
        f"trains {MACHINE_CORES} runs at a time and {hourly:.0f} an hour. If {STUDENTS} students click on "
        f"Train in the same minute, the last result comes after {minutes:.0f} minutes with one such machine "
        f"and after {minutes / 4:.0f} with four. This is calculated, not measured on such a cluster. At "
        f"{CORE_HOUR} dollars for the hour of a core, as an example, these {STUDENTS} runs cost "
        f"{dollars:.2f} dollars of computing, and four such machines {4 * MACHINE_CORES * CORE_HOUR:.2f} "
        f"dollars an hour, whether they train or wait."
    ]


def readings_table() -> list[str]:
    """Ways to read a drawing, and what each of three networks reaches with them."""
    content = files.read("readings")
    lines: list[str] = []
    for kind, heading in (("strokes", "strokes"), ("picture", "pictures")):
        found = content[kind]
        if lines:
            lines.append("")
        lines += [
            _row([f"{heading}, read right", *(f"`{name}`" for name in found)]),
            f"| --- |{' ---: |' * len(found)}",
        ]
        for way in next(iter(found.values()))["ways"]:
            lines.append(_row([way, *(f"{each['ways'][way]:.2f} %" for each in found.values())]))
        left = (f"{each['left_out']:.2f} %" for each in found.values())
        lines.append(_row(["one network's best way for the other writers", *left]))
    return lines


def doubt_sentence() -> list[str]:
    """How often the page Draw marks an answer as not sure."""
    content = files.read("doubt")
    found, left = content["steps"]["step5"], content["left_out"]
    return [
        f"With step 5 that is so for {100 * found['doubted'] / content['digits']:.1f} % of the drawn digits, "
        f"among them {found['errors_doubted']} of its {found['errors']} errors. Of what other people drew, "
        f"{found['letters']:.1f} % of the letters and {found['symbols']:.1f} % of the symbols are called a "
        f"digit with confidence, and {found['lookalikes']:.0f} % of those that look like one, such as "
        f"O and l. Where the detector's limit is chosen without the writers of the digits it is tried on, "
        f"{left['digits_doubted']:.1f} % of the digits are in doubt, and {left['letters']:.1f} % of the "
        f"letters and {left['symbols']:.1f} % of the symbols are called a digit."
    ]


def detector_sentence() -> list[str]:
    """How large the detector is, and what it has learned from."""
    content = files.read("detector")
    return [
        f"It has {content['parameters']:,} parameters of its own, which are no part of the exercise's "
        f"budget, and has learned from MNIST's training digits and from {content['letters']:,} letters and "
        f"symbols by {content['writers']} people."
    ]


def novelty_table() -> list[str]:
    """Ways to tell what is no digit."""
    lines = [
        "| way | AUROC | digits doubted | letters called digits | symbols called digits | a picture takes |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in files.read("novelty")["ways"].items():
        shares = [f"{found[key]:.1f} %" for key in ("digits_doubted", "letters_passed", "symbols_passed")]
        cells = [name, f"{found['auroc']:.2f} %", *shares, f"{found['milliseconds']:.2f} ms"]
        lines.append(_row(cells))
    return lines


def photographs_table() -> list[str]:
    """How each kind of photograph is read."""
    content = files.read("photographs")
    lines = ["| photographs | right | refused | wrong and sure |", "| --- | ---: | ---: | ---: |"]
    for kind, shares in content["kinds"].items():
        lines.append(_row([kind, *(f"{share:.1f} %" for share in shares.values())]))
    lines.append(f"| mean, {content['milliseconds']:.0f} ms each | {content['mean']:.1f} % | | |")
    others = content["others"]
    worst = min(others["kinds"], key=lambda kind: others["kinds"][kind]["right"])
    sure = statistics.mean(shares["wrong_and_sure"] for shares in others["kinds"].values())
    return [
        *lines,
        "",
        f"The rules for paper and ink were made with these {content['photographs']} at hand. Of "
        f"{others['photographs']} others, of other digits, {others['mean']:.1f} % are read right, and of the "
        f"worst kind ({worst}) {others['kinds'][worst]['right']:.1f} %; {sure:.1f} % are wrong and sure.",
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
        ("the most memory of the server", f"{memory['most']:,} MB", "1,200 MB"),
        (
            f"growth of its least memory, second to last quarter ({content['seconds'] / 2:.0f} s)",
            f"{memory['lowest_at_end'] - memory['lowest_before_half']:+,} MB".replace("-", "−"),
            f"{100 * content['seconds'] / 2 / 3600:.0f} MB",
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
        *map(_row, rows),
        "",
        _row(["the server's time for a page", *heads]),
        f"| --- |{' ---: |' * len(times)}",
        *(
            _row([words, *(f"{time[visit]:,} ms" for time in times.values())])
            for visit, words in (("first", "first visit of all"), ("later", "later visits"))
        ),
        "",
        f"All that took {count(round(content['seconds'] / 60), 'minute')}. The server kept "
        f"{content['server_cores']:.2f} of the {content['cores']} cores busy, and the thirty people of the "
        f"benchmark, who in a class have machines of their own, {content['people_cores']:.2f}.",
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
        lines.append(_row(cells))
    return lines


def _row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def _mean(values: list[float], places: int) -> str:
    spread = f" ± {statistics.stdev(values):.{places}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{places}f}{spread}"


PARTS: dict[Path, dict[str, Callable[[], list[str]]]] = {
    ROOT / "README.md": {
        "results": steps_table,
        "demonstration": demonstration_sentence,
        "loop": loop_lines,
        "profile": profile_table,
        "cost": cost_sentence,
        "gpu": gpu_table,
        "drawn": drawn_table,
        "readings": readings_table,
        "latency": latency_sentence,
        "calibration": calibration_table,
        "doubt": doubt_sentence,
        "several": several_sentence,
        "photographs": photographs_table,
        "detector": detector_sentence,
        "novelty": novelty_table,
        "classroom": classroom_table,
        "settings": settings_table,
        "cluster": cluster_sentence,
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

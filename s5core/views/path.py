"""The five steps as a path from left to right, as high as they are accurate."""

from __future__ import annotations

import math
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import pairwise

from s5core.target import ACCURACY, PARAMETERS
from s5core.views.palette import GREY, OURS, TARGET
from s5core.views.style import TEXT
from s5core.words import count, percent

LOST = 90.0  # percent; a network that never answers with one of the ten classes reaches no more

_TICKS = (0.0, 50.0, 90.0, 99.0, ACCURACY.limit, 99.9)  # percent
_LEAST_ERROR = 0.08  # percent, where the axis ends
_LEFT, _COLUMN, _TOP, _PLOT, _LINE = 58, 127, 12, 330, 19  # pixels
_RADIUS, _DOT = 10, 3.2


@dataclass(frozen=True)
class Stop:
    """A network on the path."""

    name: str  # "Step 3"
    title: str  # "An earlier pool, a falling rate"; empty where the name says it all
    parameters: int
    accuracies: tuple[float, ...]  # of the last epoch of each training run, in percent; empty: not measured

    @property
    def mean(self) -> float | None:
        """Mean accuracy over the runs."""
        return statistics.mean(self.accuracies) if self.accuracies else None

    @property
    def lost(self) -> int:
        """How many runs lost at least one class."""
        return sum(accuracy < LOST for accuracy in self.accuracies)

    @property
    def budget(self) -> str:
        """Whether it keeps the bound on parameters, in words."""
        return "under budget" if PARAMETERS.met_by(self.parameters) else "over budget"

    def words(self) -> str:
        """All that the picture shows of it, for a screen reader."""
        name = f"{self.name}, {self.title}" if self.title else self.name
        runs = len(self.accuracies)
        reached = f"{percent(self.mean)}, mean of {runs} training runs" if runs > 1 else percent(self.mean)
        if runs == 1:
            reached += ", one training run"
        if self.lost:
            reached += f"; {self.lost} of them lost a class"
        return f"{name}: {count(self.parameters, 'parameter')}, {self.budget}; {reached}."


@lru_cache
def steps_path(stops: tuple[Stop, ...], chosen: str = "") -> str:
    """The path as HTML with an SVG picture in it, in the page's own text colour.

    A large circle is the mean over the runs, filled where the parameters are under budget; small dots
    are the runs. The axis is linear in the logarithm of the error rate. `chosen`: the name of the stop
    that stands out. On a narrow screen the picture scrolls sideways.
    """
    width, height = _LEFT + _COLUMN * len(stops), _TOP + _PLOT + 6 * _LINE + 8
    columns = [_LEFT + _COLUMN * (i + 0.5) for i in range(len(stops))]
    parts = [
        *(_highlight(x, height) for x, stop in zip(columns, stops, strict=True) if stop.name == chosen),
        *_axis(width),
        *_arrows(columns, stops),
        *(part for x, stop in zip(columns, stops, strict=True) for part in _stop(x, stop)),
        *_key(columns, stops),
    ]
    words = f"Accuracy of the steps, from left to right. Target: {ACCURACY.words}. " + " ".join(
        stop.words() for stop in stops
    )
    return (
        '<div role="region" aria-label="The path, scrolls sideways" tabindex="0" '
        'style="overflow-x: auto; padding-bottom: 8px">'
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {width} {height}" font-size="{TEXT}" '
        f'style="display: block; width: 100%; min-width: {width}px; max-width: {1.4 * width:.0f}px" '
        f'fill="currentColor">{"".join(parts)}</svg></div>'
    )


def _y(accuracy: float) -> float:
    """The height of an accuracy in percent: linear in the logarithm of the error rate."""
    share = math.log(100 / max(_LEAST_ERROR, 100 - accuracy)) / math.log(100 / _LEAST_ERROR)
    return _TOP + _PLOT * (1 - share)


def _text(x: float, y: float, words: str, anchor: str = "middle", bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'


def _highlight(x: float, height: int) -> str:
    return (
        f'<rect x="{x - _COLUMN / 2 + 2:.1f}" y="1" width="{_COLUMN - 4}" height="{height - 2}" rx="8" '
        f'fill="{OURS}" fill-opacity="0.08" stroke="{OURS}" stroke-width="2"/>'
    )


def _axis(width: int) -> list[str]:
    target = _y(ACCURACY.limit)
    lines = [
        f'<line x1="{_LEFT}" x2="{width}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}" stroke="{GREY}" '
        'stroke-opacity="0.35"/>' + _text(_LEFT - 8, _y(tick) + 5, f"{tick:g}\N{NO-BREAK SPACE}%", "end")
        for tick in _TICKS
    ]
    return [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{width - _LEFT}" height="{target - _TOP:.1f}" '
        f'fill="{TARGET}" fill-opacity="0.16"/>',
        *lines,
        f'<line x1="{_LEFT}" x2="{width}" y1="{target:.1f}" y2="{target:.1f}" stroke="{TARGET}" '
        'stroke-width="3" stroke-dasharray="6 4"/>',
        _text(_LEFT + 8, target - 9, f"Target: {ACCURACY.words}", "start", bold=True),
    ]


def _arrows(columns: Sequence[float], stops: Sequence[Stop]) -> list[str]:
    """From each measured network to the next."""
    places = [(x, _y(stop.mean)) for x, stop in zip(columns, stops, strict=True) if stop.mean is not None]
    parts = []
    for (x, y), (to_x, to_y) in pairwise(places):
        length = math.hypot(to_x - x, to_y - y)
        dx, dy = (to_x - x) / length, (to_y - y) / length
        gap = _RADIUS + 5
        tip_x, tip_y = to_x - gap * dx, to_y - gap * dy
        base_x, base_y = tip_x - 9 * dx, tip_y - 9 * dy
        parts.append(
            f'<path d="M{x + gap * dx:.1f} {y + gap * dy:.1f}L{base_x:.1f} {base_y:.1f}" '
            f'stroke="{GREY}" stroke-width="2" fill="none"/>'
            f'<path d="M{tip_x:.1f} {tip_y:.1f}L{base_x - 5 * dy:.1f} {base_y + 5 * dx:.1f}'
            f'L{base_x + 5 * dy:.1f} {base_y - 5 * dx:.1f}Z" fill="{GREY}"/>'
        )
    return parts


def _mark(x: float, y: float, under: bool) -> str:
    fill = OURS if under else "none"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="{fill}" stroke="{OURS}" stroke-width="3"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" fill="{OURS}" fill-opacity="0.9"/>'


def _stop(x: float, stop: Stop) -> list[str]:
    """A network: its mean, its runs beside it, and its words below the axis."""
    under = PARAMETERS.met_by(stop.parameters)
    parts = []
    if stop.mean is not None:
        y = _y(stop.mean)
        parts += [_mark(x, y, under), _text(x, y - _RADIUS - 9, percent(stop.mean), bold=True)]
        if len(stop.accuracies) > 1:
            parts += [_dot(x + 20 + 3.5 * i, _y(accuracy)) for i, accuracy in enumerate(stop.accuracies)]
    if stop.lost:
        low = _y(min(stop.accuracies))
        parts += [
            _text(x, low + 22, f"{stop.lost} of {count(len(stop.accuracies), 'run')}"),
            _text(x, low + 22 + _LINE, "lost a class"),
        ]
    title = textwrap.wrap(stop.title, 17)[:2]
    budget = f"{'●' if under else '○'} {stop.budget}"
    lines = [stop.name, *title, *[""] * (2 - len(title)), f"{stop.parameters:,}", "parameters", budget]
    base = _TOP + _PLOT + 10
    return parts + [
        _text(x, base + _LINE * (i + 0.6), line, bold=i in (0, 3)) for i, line in enumerate(lines) if line
    ]


def _key(columns: Sequence[float], stops: Sequence[Stop]) -> list[str]:
    """What circles and dots are, in the empty corner below the first networks."""
    runs = max(len(stop.accuracies) for stop in stops)
    if runs < 2:
        return []
    x, y = columns[0] - 36, _y(50.0) - 46
    return [
        _mark(x, y, True),
        _text(x + 20, y + 5, f"mean of {runs} training runs", "start"),
        _dot(x, y + 28),
        _text(x + 20, y + 33, "one training run", "start"),
    ]

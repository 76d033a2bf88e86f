"""One HTML file that reads drawn digits in any browser, without a server and without a network.

The page is `page.html`, and what happens in it is `page.js`: the preparation of strokes, as `drawing.fit`
does it, and the arithmetic of every kind of layer. This module writes a network's layers and weights into
them, and the few numbers that the preparation depends on.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor, nn

from s5core.drawing import fit
from s5core.export.source import Source
from s5core.layers import Network, layer_modules
from s5core.modules import MEAN, STD
from s5core.views.picture import ACTIVATIONS
from s5core.words import count

SKELETON = Path(__file__).with_name("page.html")
SCRIPT = Path(__file__).with_name("page.js")
COLOURS = 16  # of the palette of feature maps, between which the page blends


def page(source: Source) -> bytes:
    """The page. Raises ExportError for a network that is not trained."""
    made = source.checkpoint()
    content = {
        "mean": MEAN,
        "deviation": STD,
        "temperature": made.temperature,
        "layers": list(_layers(made.layers, made.model())),
        "stages": list(_stages(made.layers)),
        "colours": ACTIVATIONS[np.linspace(0, len(ACTIVATIONS) - 1, COLOURS).round().astype(int)].tolist(),
        "preparation": {
            "side": fit.SIDE,
            "box": fit.BOX,
            "pen": fit.PEN,
            "dot": fit.DOT,
            "fine": fit.FINE,
            "discs": _discs(),
        },
    }
    about = (
        f"{source.heading}: {count(made.parameters, 'parameter')}, {made.accuracy:.2f} % of the validation "
        f"digits right after {count(len(made.history), 'epoch')}. This page works without a network: keep "
        "the file."
    )
    return fill(
        SKELETON.read_text(encoding="utf-8"),
        title=html.escape(f"Draw a digit · {source.heading}"),
        heading="Draw a digit",
        about=html.escape(about),
        network=embed(content),
        script=SCRIPT.read_text(encoding="utf-8"),
    )


def fill(skeleton: str, **parts: str) -> bytes:
    """A page with its parts in the places that are marked `{{name}}`."""
    pieces = skeleton.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [parts[name], rest]
    return "".join(filled).encode()


def embed(data: Any) -> str:
    """JSON data for a <script> of a page, which nothing in it can end."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _layers(layers: Network, model: nn.Sequential) -> Iterator[dict[str, Any]]:
    """Every layer with what it computes with: its fields, and its weights as base64 of float32."""
    for layer, module in zip(layers, layer_modules(model), strict=True):
        found = {"kind": type(layer).__name__, **asdict(layer)}
        match module:
            case nn.Conv2d():
                found |= {"weight": _packed(module.weight), "bias": None}
                if module.bias is not None:
                    found["bias"] = _packed(module.bias)
            case nn.BatchNorm2d():
                factor, summand = fold(module)
                found |= {"factor": _packed(factor), "summand": _packed(summand)}
        yield found


def fold(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm does after training, as one factor and one summand for each map: (C,) float32 each."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return factor.float(), (norm.bias.double() - norm.running_mean.double() * factor).float()


def _packed(values: Tensor) -> str:
    return base64.b64encode(values.detach().contiguous().numpy().astype("<f4").tobytes()).decode()


def _stages(layers: Network) -> Iterator[dict[str, Any]]:
    """After which layers the page shows feature maps: the last one of each block, which begins with a
    convolution, a pool or a crop."""
    begins = [i for i, layer in enumerate(layers) if layer.role in ("convolution", "pool", "crop")]
    starts = sorted({0, *begins})
    for first, after in zip(starts, [*starts[1:], len(layers)], strict=True):
        words = [layer.describe() for layer in layers[first:after] if layer.role != "dropout"]
        yield {"title": " · ".join(words), "layer": after - 1}


def _discs() -> dict[str, list[tuple[int, int]]]:
    """The discs that Pillow draws for the round end of a pen: first and last column of ink in each row. At
    whole pixels a disc can be one wider or narrower, so there is one for each width and height."""
    sides = {int(fit.PEN * fit.FINE), int(fit.PEN * fit.FINE) + 1}
    found = {}
    for width, height in product(sorted(sides), repeat=2):
        picture = Image.new("1", (width + 1, height + 1))
        ImageDraw.Draw(picture).ellipse((0, 0, width, height), fill=1)
        rows = (np.flatnonzero(row) for row in np.asarray(picture))
        found[f"{width}x{height}"] = [(int(row[0]), int(row[-1])) for row in rows]
    return found

"""What the page Look inside knows of the layer that is shown."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from s5core.summary import Row


@dataclass(frozen=True)
class ShownLayer:
    """A layer of the chosen network with its feature maps for one digit."""

    row: Row
    names: list[str]  # of its feature maps: "map 1", …, or "class 0", … after the last convolution
    maps: Tensor  # (channels, height, width) float32: the activations
    contributions: Tensor  # like `maps`: of each cell to the logit of the answer
    kernels: Tensor | None  # (maps out, maps in, side, side); None where it is no convolution

    @property
    def has_single_cells(self) -> bool:
        """Whether each map has only one cell."""
        return self.row.output_shape[1:] == (1, 1)

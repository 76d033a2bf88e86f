"""Folds of the writers: a rule is chosen on four fifths of them and tried on the other fifth, in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


def of_writers(writers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each writer, 0 to FOLDS - 1. `writers`: (N,), who made each drawing, from 0."""
    return np.random.default_rng(0).permutation(int(writers.max()) + 1) % FOLDS

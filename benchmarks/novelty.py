"""Compare ways to tell what is no digit.

    python -m benchmarks.novelty LETTERS_TO_TRAIN.npz DIGITS.npz LETTERS.npz

writes `benchmarks/results/novelty.json`. Every way gives each picture a score, higher for digits. The
command measures, on digits and letters of people whom no way has learned from: how often a digit has a
higher score than a letter (AUROC); how many letters and symbols pass where 3 % of the digits don't; and
how long one picture takes. The limit is chosen without the writers of the digits that it is tried on.
Letters and symbols that look like a digit are left out. It trains two detectors more, for about a
quarter of an hour.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import detector as training
from benchmarks import familiarity, files
from benchmarks.detector import Examples
from s5core import checkpoint, data, steps
from s5core.drawing import detector, score
from s5core.drawing.reading import use_one_thread
from s5core.layers import CLASSES

FOLDS = 5  # of the writers
DOUBTED = 0.03  # of the digits
WIDTH = 18  # of the pen
TIMED = 200  # pictures
LAST_STAGE = 20_000  # moved examples that a last stage learns from

Way = Callable[[Tensor], Tensor]  # (N, 1, 28, 28) uint8 -> (N,) scores


def entropic_open_set(logits: Tensor, labels: Tensor) -> Tensor:
    """A letter shall make all ten digits equally probable (Dhamija et al., arXiv:1811.04110)."""
    digit = F.one_hot(labels, CLASSES + 1)[:, :CLASSES].float()
    wanted = torch.where((labels == CLASSES)[:, None], torch.full_like(digit, 1 / CLASSES), digit)
    return F.cross_entropy(logits, wanted, label_smoothing=training.SMOOTHING)


def fit_last_stage(model: nn.Sequential, examples: Examples) -> Way:
    """Outlier exposure in a linear last stage: it reads the mean of each of the network's feature maps."""
    generator = torch.Generator().manual_seed(0)
    batches = [training.draw_batch(examples, generator) for _ in range(LAST_STAGE // training.SIZE)]
    images = torch.cat([(images * 255).round().to(torch.uint8) for images, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    seen = familiarity.features(model, images).float()
    middle, spread = seen.mean(0), seen.std(0).clamp(min=1e-3)
    stage = nn.Linear(seen.shape[1], CLASSES)
    optimizer = torch.optim.LBFGS(stage.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = training.outlier_exposure(stage((seen - middle) / spread), labels)
        loss.backward()
        return loss

    optimizer.step(closure)

    def way(fields: Tensor) -> Tensor:
        features = familiarity.features(model, fields).float()
        scores: Tensor = stage((features - middle) / spread).logsumexp(1)
        return scores.detach()

    return way


@torch.inference_mode()
def read(model: nn.Module, fields: Tensor) -> Tensor:
    """The logits of all pictures, (N, 10)."""
    return torch.cat([model(batch) for batch in fields.split(500)])


def ways(examples: Examples) -> dict[str, Way]:
    """Every way by its name."""
    models = {name: trained.model() for name, trained in checkpoint.load_shipped(steps.STEPS).items()}
    model = models[score.FIRST]
    known = familiarity.measure(model, data.practice_set())
    assert known is not None
    entropic = training.train(examples, entropic_open_set)
    return {
        "confidence of step 5": lambda fields: read(model, fields).softmax(1).amax(1),
        "energy of step 5": lambda fields: read(model, fields).logsumexp(1),
        "agreement of all steps": lambda fields: (
            torch.stack([read(each, fields).softmax(1) for each in models.values()]).mean(0).amax(1)
        ),
        "Mahalanobis distance, feature maps of step 5": lambda fields: -known.distances(model, fields),
        "outlier exposure, last stage of step 5": fit_last_stage(model, examples),
        "entropic open-set loss, detector": lambda fields: read(entropic, fields).softmax(1).amax(1),
        "outlier exposure, detector (in use)": detector.log_odds,
    }


def rank(digits: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """AUROC, in percent: how often a digit has the higher score; a tie counts half."""
    order = np.sort(others)
    below, upto = (np.searchsorted(order, digits, side) for side in ("left", "right"))
    return 100 * float((below + upto).mean()) / 2 / len(others)


def rate(
    way: Way, digits: Tensor, writers: NDArray[np.int64], letters: Tensor, symbols: Tensor
) -> dict[str, float]:
    """The measures of one way; shares in percent."""
    of_digits, of_letters, of_symbols = (
        way(fields).double().numpy() for fields in (digits, letters, symbols)
    )
    fold = np.random.default_rng(0).permutation(int(writers.max()) + 1)[writers] % FOLDS
    limits = np.array([np.quantile(of_digits[fold != part], DOUBTED) for part in range(FOLDS)])
    began = time.perf_counter()
    for field in digits[:TIMED].split(1):
        way(field)
    seconds = (time.perf_counter() - began) / TIMED
    return {
        "auroc": round(rank(of_digits, np.concatenate([of_letters, of_symbols])), 2),
        "digits_doubted": round(100 * float((of_digits < limits[fold]).mean()), 2),
        "letters_passed": round(100 * float((of_letters[:, None] >= limits).mean()), 2),
        "symbols_passed": round(100 * float((of_symbols[:, None] >= limits).mean()), 2),
        "milliseconds": round(1000 * seconds, 2),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("train", type=Path, metavar="LETTERS_TO_TRAIN.npz")
    parser.add_argument("digits", type=Path, metavar="DIGITS.npz")
    parser.add_argument("letters", type=Path, metavar="LETTERS.npz")
    options = parser.parse_args()
    use_one_thread()
    digits, letters = score.load_digits(options.digits), score.load_letters(options.letters)
    of_letters = score.see(letters, WIDTH).fields
    alike = np.array([text in score.LOOKALIKES for text in letters.texts])
    alpha = np.array([text.isalpha() for text in letters.texts])
    examined = (
        score.see(digits, WIDTH).fields,
        digits.writers,
        of_letters[torch.from_numpy(alpha & ~alike)],
        of_letters[torch.from_numpy(~alpha & ~alike)],
    )
    content: dict[str, Any] = {"folds": FOLDS, "ways": {}}
    for name, way in ways(training.gather(score.load_letters(options.train))).items():
        content["ways"][name] = rate(way, *examined)
        print(name, content["ways"][name], flush=True)
    files.write("novelty", content)


if __name__ == "__main__":
    main()

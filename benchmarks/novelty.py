"""Compare ways to tell what is no digit.

    python -m benchmarks.novelty LETTERS_TO_TRAIN.npz DIGITS.npz LETTERS.npz

writes `benchmarks/results/novelty.json`. Every way gives each picture a score, higher for digits. The
command measures, on digits and letters of people whom no way has learned from: how often a digit has a
higher score than a letter (AUROC); how many letters and symbols pass where 3 % of the digits don't; and
how long one picture takes the processor. The limit is chosen without the writers of the digits that it is
tried on. Letters and symbols that look like a digit are left out. It trains another detector, for about
ten minutes.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import detector as training
from benchmarks import familiarity, files, folds
from benchmarks.detector import Examples
from s5core import checkpoint, data, steps
from s5core.drawing import detector, score
from s5core.drawing.reading import use_one_thread
from s5core.layers import CLASSES

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


@functools.cache
def _models() -> dict[str, nn.Sequential]:
    return {name: trained.model() for name, trained in checkpoint.load_shipped(steps.STEPS).items()}


def _confidence(model: nn.Module) -> Way:
    return lambda fields: read(model, fields).softmax(1).amax(1)


def _entropic(model: nn.Module) -> Way:
    return lambda fields: detector.look(model, fields).softmax(1).amax(1)


def _agreement(fields: Tensor) -> Tensor:
    return torch.stack([read(model, fields).softmax(1) for model in _models().values()]).mean(0).amax(1)


def _mahalanobis() -> Way:
    model = _models()[score.FIRST]
    known = familiarity.measure(model, data.practice_set())
    assert known is not None
    return lambda fields: -known.distances(model, fields)


Make = Callable[[], Examples]  # what a way may learn from

WAYS: dict[str, Callable[[Make], Way]] = {
    "outlier exposure, detector (in use)": lambda _: detector.log_odds,
    "entropic open-set loss, detector": lambda make: _entropic(training.train(make(), entropic_open_set)),
    "outlier exposure, detector, one view": lambda _: (
        lambda fields: read(detector.model(), fields).logsumexp(1)
    ),
    "outlier exposure, last stage of step 5": lambda make: fit_last_stage(_models()[score.FIRST], make()),
    "Mahalanobis distance, feature maps of step 5": lambda _: _mahalanobis(),
    "agreement of all steps": lambda _: _agreement,
    "energy of step 5": lambda _: lambda fields: read(_models()[score.FIRST], fields).logsumexp(1),
    "confidence of step 5": lambda _: _confidence(_models()[score.FIRST]),
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
    fold = folds.of_writers(writers)[writers]
    limits = np.array([np.quantile(of_digits[fold != part], DOUBTED) for part in range(folds.FOLDS)])
    began = time.process_time()
    for field in digits[:TIMED].split(1):
        way(field)
    seconds = (time.process_time() - began) / TIMED
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
    parser.add_argument("--only", choices=WAYS, help="measure this way alone, and keep the other figures")
    options = parser.parse_args()
    use_one_thread()
    digits, letters = score.load_digits(options.digits), score.load_letters(options.letters)
    of_letters = score.see(letters, WIDTH)
    alike = np.array([text in score.LOOKALIKES for text in letters.texts])
    alpha = np.array([text.isalpha() for text in letters.texts])
    examined = (
        score.see(digits, WIDTH).fields,
        digits.writers,
        of_letters.fields[torch.from_numpy(alpha & ~alike & ~of_letters.refused)],
        of_letters.fields[torch.from_numpy(~alpha & ~alike & ~of_letters.refused)],
    )
    make = functools.cache(lambda: training.gather(score.load_letters(options.train)))
    found = files.read("novelty")["ways"] if options.only else {}
    for name, prepare in WAYS.items():
        if options.only in (None, name):
            found[name] = rate(prepare(make), *examined)
            print(name, found[name], flush=True)
    files.write("novelty", {"folds": folds.FOLDS, "ways": {name: found[name] for name in WAYS}})


if __name__ == "__main__":
    main()

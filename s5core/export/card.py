"""A model card (arXiv:1810.03993) for learners: what a network is for, and where it fails.

Every number in it comes from the checkpoint, or from what the network answered to the validation digits.
"""

from __future__ import annotations

from s5core.checkpoint import Checkpoint
from s5core.evaluate import Evaluation
from s5core.export.source import Source
from s5core.recipe import Recipe
from s5core.words import count, digit, percent


def card(source: Source) -> bytes:
    """The card as Markdown. Raises ExportError for a network that is not trained, or has not read the
    digits."""
    made, answers = source.checkpoint(), source.read()
    sections = {
        "What it is": _what(made),
        "What it has learned from": _learned(made),
        "How well it reads": _accuracy(made, answers.found, answers.digits.name),
        "How sure it is": _confidence(answers.found),
        "What it cannot read": _limits(made.recipe),
        "How it was made": _how(made),
    }
    text = "\n\n".join(f"## {title}\n\n{words}" for title, words in sections.items())
    return f"# {source.heading}\n\n{text}\n".replace("\N{NO-BREAK SPACE}", " ").encode()


def _what(made: Checkpoint) -> str:
    return (
        f"A convolutional network with {count(made.parameters, 'parameter')}. It takes a picture of one "
        "handwritten digit, 28 × 28 grey values, and gives ten probabilities, one for each digit from 0 to "
        "9. It was made for an exercise, to learn from. Do not let it read anything on which money, marks "
        "or safety depend."
    )


def _learned(made: Checkpoint) -> str:
    recipe = made.recipe
    moves = {
        "rotated by up to {:g} degrees": recipe.rotation,
        "shifted by up to {:g} pixels": recipe.shift,
        "resized by up to {:g} %": 100 * recipe.scale,
        "slanted by up to {:g} degrees": recipe.shear,
    }
    told = [words.format(value) for words, value in moves.items() if value]
    augmented = (
        f" In training each digit was {_listed(told)}, in another way in every epoch."
        if told and recipe.augments
        else ""
    )
    return (
        f"{made.data}, for {count(len(made.history), 'epoch')}. MNIST's digits were written with pencil or "
        "pen by employees of the US Census Bureau and by American high-school students, and were scanned, "
        f"scaled and centred: light on dark, 20 pixels high at most.{augmented}"
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _accuracy(made: Checkpoint, found: Evaluation, digits: str) -> str:
    low, high = found.interval
    lines = [
        f"- {percent(made.accuracy)} of the validation digits in its last epoch ({made.data}).",
        f"- {found.errors:,} of {len(found.labels):,} digits wrong when it read {digits} for this card. With "
        f"as many other digits, the accuracy would lie between {percent(low)} and {percent(high)} in 19 of "
        "20 cases.",
    ]
    if made.has_seen(digits):
        lines.append("- It was trained on these digits, so this accuracy looks better than it is.")
    if (confused := found.commonest_error()) is not None:
        true, said = confused
        times = int(found.confusion()[true, said])
        lines.append(
            f"- Its commonest error: {count(times, 'time')} it reads {digit(true)} as {digit(said)}."
        )
    worst = min(found.by_class(), key=lambda each: each.accuracy)
    lines.append(f"- The digit that it reads worst: {worst.digit}, with {percent(worst.accuracy)} right.")
    return "\n".join(lines)


def _confidence(found: Evaluation) -> str:
    sure = found.probabilities.amax(1) > 0.99
    wrong = int((found.wrong & sure).sum())
    return (
        f"Over these digits its confidence and its accuracy differ by {found.calibration_error:.2f} "
        "percentage points on average (expected calibration error). It was over 99 % sure of "
        f"{int(sure.sum()):,} digits, and wrong on {wrong:,} of them: a high probability is no proof."
    )


def _limits(recipe: Recipe) -> str:
    slashed = (
        f"- A zero with a slash: {100 * recipe.slash:g} % of the zeros got one in training, so many are read."
        if recipe.slash and recipe.augments
        else "- A zero with a slash, which hardly any of MNIST's writers drew."
    )
    return "\n".join(
        [
            "- Anything that is no digit. It has only ten answers, and gives one of them to a letter, a "
            "face or a blank sheet too.",
            "- Several digits in one picture.",
            "- Digits that are not prepared like MNIST's: dark on light, off centre, filling the picture, "
            "or lying on their side.",
            slashed,
            "- Ways to write a digit that are usual in other countries than MNIST's writers came from.",
        ]
    )


def _how(made: Checkpoint) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in made.versions.items())
    return (
        f"Optimiser {made.recipe.optimizer}, peak learning rate {made.recipe.learning_rate:g}, schedule "
        f"{made.recipe.schedule}, batches of {made.recipe.batch_size}, seed {made.recipe.seed}. {versions}."
    )

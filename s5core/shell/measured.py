"""What a shell shows of drawings and photographs that were read."""

from __future__ import annotations

import math
from typing import Any

from s5core import words

MOST = 8  # characters that are named


def print_digits(found: dict[str, Any]) -> None:
    """A line for each network and pen. `found`: the scores of drawn digits, as `score.report` gives them."""
    print(f"{words.count(found['digits'], 'digit')} by {_writers(found)}, read from: {found['way']}")
    print("A refused digit is an error. In doubt: the app would say that it is not sure of the answer.")
    print(
        f"{'step':<16}{'pen':>4}{'accuracy':>10}  {'95 % of writers':<17}{'refused':>7}{'in doubt':>9}"
        f"{'wrong, sure':>12}  {'ECE':<7}by class, 0 to 9"
    )
    for name, read in found["steps"].items():
        for width, accuracy in read["accuracy"].items():
            interval = "{:.2f}–{:.2f}".format(*read["interval"][width])
            refused, doubted, wrong = (read[kind][width] for kind in ("refused", "doubted", "wrong_and_sure"))
            shares = read["by_class"][width]
            by_class = " ".join(f"{shares.get(str(number), math.nan):5.1f}" for number in range(10))
            print(
                f"{name:<16}{width:>4}{accuracy:>8.2f} %  {interval:<17}{refused:>7}{doubted:>9}{wrong:>12}  "
                f"{read['calibration_error'][width]:<7.2f}{by_class}"
            )
        print(f"{name:<16}mean{read['mean']:>8.2f} %  {read['milliseconds']:.1f} ms a digit")


def print_letters(found: dict[str, Any]) -> None:
    """A line for each network. `found`: which letters are called digits, as `score.report` gives it."""
    drawings = words.count(found["drawings"], "letter or symbol", "letters and symbols")
    print(f"{drawings} by {_writers(found)}, read from: {found['way']}")
    print("How many are called a digit without doubt. Lookalikes are characters that people also write so.")
    kinds = ("letters", "symbols", "lookalikes")
    print(f"{'step':<16}" + "".join(f"{kind:>12}" for kind in kinds) + "  most often")
    for name, read in found["steps"].items():
        called = read["called_digit"]
        shares = "".join(f"{words.percent(called[kind], 1):>12}" for kind in kinds)
        often = sorted(called["by_character"].items(), key=lambda item: -item[1])[:MOST]
        print(f"{name:<16}{shares}  " + "  ".join(f"{text} {share:.0f} %" for text, share in often))


def print_photographs(found: dict[str, Any]) -> None:
    """A line for each kind. `found`: as `photographs.report` gives it."""
    print(f"{words.count(found['photographs'], 'photograph')}, read by {found['network']}")
    print(f"{'kind':<16}{'right':>10}{'refused':>10}{'wrong, sure':>13}")
    for kind, shares in found["kinds"].items():
        right, refused, wrong = (words.percent(share) for share in shares.values())
        print(f"{kind:<16}{right:>10}{refused:>10}{wrong:>13}")
    print(f"{'mean':<16}{words.percent(found['mean']):>10}  {found['milliseconds']:.0f} ms a photograph")


def _writers(found: dict[str, Any]) -> str:
    return words.count(found["writers"], "writer")

"""A reader finds answers out, one after the other: `python -m s5core.ahead.reader` is one in a process.

Questions come as lines on stdin, and reports go as lines to stdout: {"done": 0.4} while it works, {"end": ""}
when the answer is in its file, or with a sentence that says why there is none. A question looks so:

    {"ask": "Reading", "place": "runs/.known", "path": "…/model.safetensors"}

The end of stdin is the end of the reader.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from s5core import data
from s5core.ahead.answers import Reading
from s5core.ahead.motion import SlowMotion
from s5core.ahead.question import Question, Report, prune
from s5core.ahead.rates import RangeTest
from s5core.child import let_others_go_first, take_stdout
from s5core.data import Digits
from s5core.errors import UserError

QUESTIONS: dict[str, Callable[[dict[str, Any], Digits], Question[Any]]] = {
    kind.__name__: kind.of for kind in (Reading, RangeTest, SlowMotion)
}


def find(order: dict[str, Any], report: Report) -> str:
    """Find the answer to one question, with the digits that are here. Returns why it could not be found, in
    a sentence; empty where it was."""
    place = Path(order["place"])
    try:
        QUESTIONS[order["ask"]](order, data.load(download=False)).find_out(report, place)
        prune(place)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"What was read cannot be kept: {error.strerror or error}."
    except Exception as error:  # a bug: into the server's log, and the next question may do well
        traceback.print_exception(error)
        return f"The digits could not be read ({type(error).__name__}); the server's log says why."
    return ""


def main() -> None:
    """Be a reader in a process of its own."""
    let_others_go_first()
    torch.set_num_threads(1)  # the other cores are for training
    out = take_stdout()

    def answer(**values: object) -> None:
        print(json.dumps(values), file=out, flush=True)

    for line in sys.stdin:
        answer(end=find(json.loads(line), lambda share: answer(done=share)))


if __name__ == "__main__":
    main()

"""A reader finds answers out, one after the other: `python -m s5core.ahead.reader` is one in a process.

Questions come as lines on stdin, and reports go as lines to stdout: {"done": 0.4} while it reads, {"end": ""}
when the answer is in its file, or with a sentence that says why there is none. A question looks so:

    {"question": "answers", "path": "…/model.safetensors", "place": "runs/.known"}

The end of stdin is the end of the reader.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import torch

from s5core import checkpoint
from s5core.ahead.question import QUESTIONS, Network, Report, find_out, prune
from s5core.errors import UserError
from s5core.runs.child import take_stdout


def find(name: str, path: Path, place: Path, report: Report) -> str:
    """Find one answer. Returns why it could not be found, in a sentence; empty where it was."""
    try:
        digits = QUESTIONS[name].digits()
        find_out(name, Network.of(path, checkpoint.load(path)), digits, report, place)
        prune(place)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"What was read cannot be kept: {error.strerror or error}."
    except Exception as error:  # a bug: into the server's log, and the next question may go well
        traceback.print_exception(error)
        return f"The digits could not be read ({type(error).__name__}); the server's log says why."
    return ""


def main() -> None:
    """Be a reader in a process of its own."""
    torch.set_num_threads(1)  # the other cores are for training
    out = take_stdout()

    def answer(**values: object) -> None:
        print(json.dumps(values), file=out, flush=True)

    for line in sys.stdin:
        order = json.loads(line)
        trouble = find(
            order["question"],
            Path(order["path"]),
            Path(order["place"]),
            lambda share: answer(done=share),
        )
        answer(end=trouble)


if __name__ == "__main__":
    main()

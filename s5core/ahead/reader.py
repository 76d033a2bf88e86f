"""A reader finds out what networks answer, one after the other: `python -m s5core.ahead.reader` is one in a
process.

Networks come as lines on stdin, and reports go as lines to stdout: {"done": 0.4} while it reads, {"end": ""}
when the answers are in their file, or with a sentence that says why there are none. A network looks so:

    {"path": "…/model.safetensors", "place": "runs/.known"}

The end of stdin is the end of the reader.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import torch

from s5core import checkpoint, data
from s5core.ahead.answers import Network, Report, find_out, prune
from s5core.child import let_others_go_first, take_stdout
from s5core.errors import UserError


def find(path: Path, place: Path, report: Report) -> str:
    """Find one network's answers to the digits that are here. Returns why they could not be found, in a
    sentence; empty where they were."""
    try:
        digits = data.load(download=False)
        find_out(Network.of(path, checkpoint.load(path)), digits, report, place)
        prune(place)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"What was read cannot be kept: {error.strerror or error}."
    except Exception as error:  # a bug: into the server's log, and the next network may do well
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
        order = json.loads(line)
        answer(end=find(Path(order["path"]), Path(order["place"]), lambda share: answer(done=share)))


if __name__ == "__main__":
    main()

"""The desk gives an answer at once, or tells how far a reader has come.

A server has one `Desk`. It starts a reader when there is something to find out, gives it one question after
the other, and lets it go when there is none left.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from s5core import child
from s5core.ahead.question import Question, home

REMEMBERED = 64  # answers that stay in memory
AGAIN = 60.0  # seconds after which a question that failed is asked again

Answer = TypeVar("Answer")


@dataclass
class Pending:
    """A question whose answer is being found out."""

    question: Question[Any]
    share: float = 0.0  # that is done, 0 to 1
    trouble: str = ""  # why there are no answers, in a sentence
    failed: float = 0.0  # when that was found, by time.monotonic


class Desk:
    """All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._answers: OrderedDict[str, Any] = OrderedDict()  # by the name of their file
        self._pending: OrderedDict[str, Pending] = OrderedDict()  # first the one that is being found out
        self._reader: subprocess.Popen[str] | None = None

    def ask(self, question: Question[Answer]) -> Answer | Pending:
        """The answer, or how far its reader has come. A question that failed is asked again after AGAIN
        seconds."""
        file = question.file
        with self._lock:
            if file in self._answers:
                self._answers.move_to_end(file)
                return cast(Answer, self._answers[file])
            if file in self._pending:
                pending = self._pending[file]
                if not pending.trouble or time.monotonic() < pending.failed + AGAIN:
                    return pending
                del self._pending[file]
        kept = question.look_up()
        with self._lock:
            if kept is not None:
                self._answers[file] = kept
                while len(self._answers) > REMEMBERED:
                    self._answers.popitem(last=False)
                return kept
            pending = self._pending.setdefault(file, Pending(question))
            if self._reader is None:
                self._reader = self._start()
            return pending

    @property
    def pid(self) -> int | None:
        """The number of the reader's process; None while there is none."""
        with self._lock:
            return None if self._reader is None else self._reader.pid

    def close(self) -> None:
        """End the reader. Nobody may ask afterwards."""
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.kill()
            reader.wait()

    def _start(self) -> subprocess.Popen[str]:
        reader = child.start("s5core.ahead.reader")
        threading.Thread(target=self._serve, args=(reader,), daemon=True).start()
        return reader

    def _serve(self, reader: subprocess.Popen[str]) -> None:
        """Give a reader one question after the other, until there is none left."""
        assert reader.stdin is not None and reader.stdout is not None
        while True:
            with self._lock:
                waiting = [file for file, each in self._pending.items() if not each.trouble]
                if not waiting:
                    if self._reader is reader:
                        self._reader = None
                    break
                pending = self._pending[waiting[0]]
            trouble = "The reader of digits broke down; the server's log says why."
            with contextlib.suppress(OSError):
                asked = {"ask": type(pending.question).__name__, "place": str(home().resolve())}
                print(json.dumps(asked | pending.question.order()), file=reader.stdin, flush=True)
                for line in reader.stdout:
                    report = json.loads(line)
                    if "end" in report:
                        trouble = report["end"]
                        break
                    pending.share = report["done"]
            with self._lock:
                pending.trouble, pending.failed = trouble, time.monotonic()
                if not trouble:
                    del self._pending[waiting[0]]  # who asks next finds the file
        with contextlib.suppress(OSError):
            reader.stdin.close()
        reader.wait()

"""A process on this machine that is spoken to in lines, through its stdin and stdout: both of its ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TextIO

from s5core.files import ROOT

NICENESS = 10  # of 19: a tenth of the usual share of a core that others want as well


def start(module: str) -> subprocess.Popen[str]:
    """Start a module of ours as a process. It is to end when its stdin does, and so with this process."""
    # Windows sets a priority from outside; elsewhere the process does it itself, see `let_others_go_first`.
    priority = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",  # whatever the system's own code page is
        start_new_session=True,  # a Ctrl-C in the server's terminal is not meant for the process
        creationflags=priority,
    )


def let_others_go_first() -> None:
    """In the process, before it makes threads: give way to the server and the browser. They need a core for
    some milliseconds only, but then somebody waits for them."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def take_stdout() -> TextIO:
    """In the process: keep stdout for its lines. What a library prints goes to the server's log."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines

"""The folder of the app, and files that no reader ever finds half-written."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the folder of streamlit_app.py


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name, then move it into place: whoever reads it, even after a crash,
    finds the old file or the new one. Folders that are missing are made.

    Raises OSError when the file cannot be written; an old file is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
